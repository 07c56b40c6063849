// SPDX-License-Identifier: GPL-3.0-or-later
/* Envelopes and ciphers against the published vectors, from the client's side. */
#include "probe/crypto.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/str.h"
#include "probe/control_msg.h"
#include "probe/judge.h"
#include "probe/replay.h"
#include "probe/rtsp_msg.h"
#include "probe/video_packet.h"

static json_t *load(const char *name)
{
	char path[512];
	json_error_t err;
	json_t *j;

	snprintf(path, sizeof(path), "%s/%s", getenv("TEST_VECTORS"), name);
	j = json_load_file(path, 0, &err);
	assert_non_null(j);
	return j;
}

static size_t hex_of(json_t *o, const char *key, uint8_t *out, size_t cap)
{
	const char *text = json_string_value(json_object_get(o, key));
	int n = text ? hex_decode(out, cap, text, strlen(text)) : 0;

	assert_true(n >= 0);
	return (size_t)n;
}

static bool named(json_t *o, const char *part)
{
	return strstr(json_string_value(json_object_get(o, "name")), part) != NULL;
}

static void check_control(json_t *o, const uint8_t *key)
{
	uint8_t wire[512], plain[512], made[512];
	size_t wire_len = hex_of(o, "wire_hex", wire, sizeof(wire)),
	       len = hex_of(o, "plaintext_hex", plain, sizeof(plain));
	bool v2 = named(o, "v2");
	struct sealer *s = sealer_create(key, v2 ? SEAL_IV : 16);
	uint32_t seq = (uint32_t)json_integer_value(json_object_get(o, "seq"));

	if (named(o, "client->host")) {
		int n = control_close_message(s, v2, seq, (uint16_t)(plain[0] | plain[1] << 8), plain + 4, len - 4,
					      made);

		assert_int_equal(n, wire_len);
		assert_memory_equal(made, wire, wire_len);
	} else {
		struct control_message m;
		struct judge j;

		judge_init(&j);
		assert_int_equal(control_open_message(s, v2, wire, wire_len, &m), 0);
		assert_int_equal(m.seq, seq);
		assert_int_equal(m.len, len - 4);
		assert_memory_equal(m.payload, plain + 4, m.len);
		control_judge_message(&m, &j);
		assert_int_equal(judge_total(&j), 0);
		judge_finish(&j);
	}
	sealer_destroy(s);
}

static void check_video(json_t *o, const uint8_t *key)
{
	uint8_t wire[512], plain[512], out[512];
	size_t wire_len = hex_of(o, "wire_hex", wire, sizeof(wire)),
	       len = hex_of(o, "plaintext_hex", plain, sizeof(plain));
	struct sealer *s = sealer_create(key, SEAL_IV);
	struct video_prefix p;

	assert_int_equal(wire_len, len + VIDEO_PREFIX);
	assert_int_equal(video_prefix_parse(&p, wire, wire_len), 0);
	assert_int_equal(sealer_open(s, p.iv, wire + VIDEO_PREFIX, len, p.tag, out), 0);
	assert_memory_equal(out, plain, len);
	assert_int_equal(p.frame, 1);
	sealer_destroy(s);
}

static void check_audio(json_t *o, const uint8_t *key, uint32_t key_id)
{
	uint8_t sealed[512], plain[512], out[512], iv[16], want[16];
	size_t n = hex_of(o, "ciphertext_hex", sealed, sizeof(sealed)),
	       len = hex_of(o, "plaintext_hex", plain, sizeof(plain));
	unsigned seq = 0;

	assert_int_equal(sscanf(json_string_value(json_object_get(o, "name")), "audio seq %u", &seq), 1);
	hex_of(o, "iv_hex", want, sizeof(want));
	iv_of_audio(iv, key_id, (uint16_t)seq);
	assert_memory_equal(iv, want, 16);
	assert_int_equal(cbc_decrypt(key, iv, sealed, n, out), len);
	assert_memory_equal(out, plain, len);
}

static void m29_crypto_vectors_from_the_clients_side(void **state)
{
	json_t *j = load("crypto.json"), *o;
	unsigned control = 0, video = 0, audio = 0;
	uint8_t key[KEY_LEN];
	uint32_t key_id = (uint32_t)json_integer_value(json_object_get(j, "rikeyid_decimal"));
	size_t i;

	(void)state;
	hex_of(j, "key_hex", key, sizeof(key));
	json_array_foreach(json_object_get(j, "items"), i, o)
	{
		if (named(o, "control v"))
			check_control(o, key), control++;
		else if (named(o, "video,"))
			check_video(o, key), video++;
		else if (named(o, "audio seq"))
			check_audio(o, key, key_id), audio++;
	}
	assert_int_equal(control, 11);
	assert_int_equal(video, 3);
	assert_int_equal(audio, 3);
	json_decref(j);
}

static void s46_sealed_rtsp_vectors(void **state)
{
	json_t *j = load("rtspenc.json"), *o;
	uint8_t key[KEY_LEN], frame[1024], plain[1024], made[1024];
	struct sealer *s;
	size_t i;

	(void)state;
	hex_of(j, "rikey", key, sizeof(key));
	s = sealer_create(key, SEAL_IV);
	json_array_foreach(json_object_get(j, "client_request"), i, o)
	{
		size_t n = hex_of(o, "plaintext", plain, sizeof(plain)), len = hex_of(o, "frame", frame, sizeof(frame));

		assert_int_equal(
			rtsp_seal(s, (uint32_t)json_integer_value(json_object_get(o, "seq")), 'C', plain, n, made), 0);
		assert_int_equal(len, n + RTSP_SEAL_HEADER);
		assert_memory_equal(made, frame, len);
	}
	json_array_foreach(json_object_get(j, "host_response"), i, o)
	{
		size_t n = hex_of(o, "plaintext", plain, sizeof(plain)), len = hex_of(o, "frame", frame, sizeof(frame));
		uint32_t seq;
		size_t got;
		char *text;

		memcpy(made, frame, len);
		assert_int_equal(rtsp_unseal(s, 'H', made, len, &seq, &text, &got), 0);
		assert_int_equal(seq, json_integer_value(json_object_get(o, "seq")));
		assert_int_equal(got, n);
		assert_memory_equal(text, plain, n);
		/* s47, from the other side: a changed bit, a missing mark, a wrong length are all refused. */
		memcpy(made, frame, len);
		made[len - 1] ^= 1;
		assert_int_equal(rtsp_unseal(s, 'H', made, len, &seq, &text, &got), -EBADMSG);
		memcpy(made, frame, len);
		made[0] &= 0x7f;
		assert_int_equal(rtsp_unseal(s, 'H', made, len, &seq, &text, &got), -EPROTO);
		memcpy(made, frame, len);
		assert_int_equal(rtsp_unseal(s, 'H', made, len - 1, &seq, &text, &got), -EPROTO);
		assert_int_equal(rtsp_unseal(s, 'H', made, 20, &seq, &text, &got), -EPROTO);
	}
	sealer_destroy(s);
	json_decref(j);
}

static void m32_broken_envelopes_are_refused(void **state)
{
	static const uint8_t key[KEY_LEN] = {1};
	uint8_t wire[64] = {1, 0, 26, 0};
	struct sealer *s = sealer_create(key, SEAL_IV);
	struct control_message m;

	(void)state;
	for (size_t len = 0; len < 30; len++)
		assert_int_equal(control_open_message(s, true, wire, len, &m), -EPROTO);
	assert_int_equal(control_open_message(s, true, wire, 30, &m), -EBADMSG);
	wire[2] = wire[3] = 0xff;
	assert_int_equal(control_open_message(s, true, wire, 30, &m), -EPROTO);
	wire[0] = 9; /* not encrypted */
	assert_int_equal(control_open_message(s, true, wire, 30, &m), -EPROTO);
	sealer_destroy(s);
}

static void host_messages_have_their_lengths(void **state)
{
	static const struct {
		uint16_t type, len;
		unsigned faults;
	} cases[] = {{0x0109, 4, 0}, {0x0109, 2, 1}, {0x010b, 10, 0}, {0x010b, 8, 1},  {0x010e, 27, 0}, {0x010e, 1, 1},
		     {0x5500, 6, 0}, {0x5501, 5, 0}, {0x5502, 5, 0},  {0x5502, 21, 1}, {0x5503, 25, 0}, {0x7777, 0, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct control_message m = {.type = cases[i].type, .len = cases[i].len};
		struct judge j;

		judge_init(&j);
		control_judge_message(&m, &j);
		assert_int_equal(judge_total(&j), cases[i].faults);
		judge_finish(&j);
	}
}

static void m54_termination_codes_become_client_results(void **state)
{
	(void)state;
	assert_int_equal(control_result(0x80030023, true), 0);
	assert_int_equal(control_result(0x80030023, false), -102);
	assert_int_equal(control_result(0x800e9302, true), -103);
	assert_int_equal(control_result(0x800e9403, true), -104);
	assert_int_equal(control_result(7, true), 7);
}

static void a_counter_used_twice_is_seen(void **state)
{
	struct replay r = {0};

	(void)state;
	assert_false(replay_seen(&r, 100));
	assert_true(replay_seen(&r, 100));
	assert_false(replay_seen(&r, 103));
	assert_false(replay_seen(&r, 101)); /* late, but new */
	assert_true(replay_seen(&r, 101));
	assert_true(replay_seen(&r, 103));
	assert_false(replay_seen(&r, 2000)); /* beyond the window: forgets the rest */
	assert_false(replay_seen(&r, 103));
	for (uint64_t c = 2001; c < 4000; c++)
		assert_false(replay_seen(&r, c));
	for (uint64_t c = 3900; c < 4000; c++)
		assert_true(replay_seen(&r, c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m29_crypto_vectors_from_the_clients_side),
		cmocka_unit_test(s46_sealed_rtsp_vectors),
		cmocka_unit_test(m32_broken_envelopes_are_refused),
		cmocka_unit_test(host_messages_have_their_lengths),
		cmocka_unit_test(m54_termination_codes_become_client_results),
		cmocka_unit_test(a_counter_used_twice_is_seen),
	};

	return cmocka_run_group_tests_name("probe_crypto", tests, NULL, NULL);
}
