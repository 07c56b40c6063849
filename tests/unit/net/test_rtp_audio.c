// SPDX-License-Identifier: GPL-3.0-or-later
/* Audio datagrams and groups, judged by a client written from 2-media 4. */
#include "net/rtp_audio.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "base/str.h"
#include "client.h"

static const struct session_keys keys = {
	.key = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	.rikeyid = (uint32_t)-1234567890,
};

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* An Opus packet stand-in. */
static void opus(uint8_t *out, size_t len, unsigned n)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(n * 31 + i * 5);
}

/* The client's way to the bytes of a data packet. */
static int decrypt(const uint8_t *data, size_t len, uint16_t seq, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint32_t base = keys.rikeyid + seq;
	uint8_t iv[16] = {(uint8_t)(base >> 24), (uint8_t)(base >> 16), (uint8_t)(base >> 8), (uint8_t)base};
	int n = 0, last = 0;

	assert_int_equal(EVP_DecryptInit_ex(c, EVP_aes_128_cbc(), NULL, keys.key, iv), 1);
	assert_int_equal(EVP_DecryptUpdate(c, out, &n, data, (int)len), 1);
	assert_int_equal(EVP_DecryptFinal_ex(c, out + n, &last), 1);
	EVP_CIPHER_CTX_free(c);
	return n + last;
}

static void m36_sequence_time_and_length_of_5_ms_stereo(void **state)
{
	struct audio_rtp a;
	uint8_t in[60], out[AUDIO_DATAGRAM_MAX];

	(void)state;
	assert_int_equal(audio_rtp_init(&a, &keys, false, 5), 0);
	for (unsigned i = 0; i < 1000; i++) {
		opus(in, 60, i);
		assert_int_equal(audio_rtp_data(&a, in, 60, out), 72);
		assert_int_equal(out[0], 0x80);
		assert_int_equal(out[1], 97);
		assert_int_equal(be16(out + 2), i);
		assert_int_equal(be32(out + 4), i * 5);
		assert_int_equal(be32(out + 8), 0);
		assert_memory_equal(out + 12, in, 60);
	}
	audio_rtp_finish(&a);
	assert_int_equal(audio_rtp_init(&a, &keys, false, 10), 0);
	audio_rtp_data(&a, in, 60, out);
	audio_rtp_data(&a, in, 60, out);
	assert_int_equal(be32(out + 4), 10);
	audio_rtp_finish(&a);
}

static void m36_packets_of_another_length_are_refused(void **state)
{
	struct audio_rtp a;
	uint8_t in[1500] = {0}, out[AUDIO_DATAGRAM_MAX];

	(void)state;
	assert_int_equal(audio_rtp_init(&a, &keys, false, 5), 0);
	assert_int_equal(audio_rtp_data(&a, in, 0, out), -EMSGSIZE);
	assert_int_equal(audio_rtp_data(&a, in, 1377, out), -EMSGSIZE);
	assert_int_equal(audio_rtp_data(&a, in, 60, out), 72);
	assert_int_equal(audio_rtp_data(&a, in, 61, out), -EMSGSIZE);
	assert_int_equal(audio_rtp_data(&a, in, 60, out), 72);
	assert_int_equal(be16(out + 2), 1); /* a refusal uses no number */
	audio_rtp_finish(&a);
	assert_int_equal(audio_rtp_init(&a, &keys, true, 5), 0);
	assert_int_equal(audio_rtp_data(&a, in, 1376, out), -EMSGSIZE);
	assert_int_equal(audio_rtp_data(&a, in, 1280, out), 12 + 1296);
	audio_rtp_finish(&a);
}

static void m37_two_parity_packets_after_every_fourth(void **state)
{
	struct audio_rtp a;
	uint8_t in[60], out[AUDIO_DATAGRAM_MAX];

	(void)state;
	assert_int_equal(audio_rtp_init(&a, &keys, false, 5), 0);
	assert_int_equal(audio_rtp_parity_due(&a), 0);
	for (unsigned i = 0; i < 70000; i++) {
		opus(in, 60, i);
		assert_int_equal(audio_rtp_data(&a, in, 60, out), 72);
		assert_int_equal(audio_rtp_parity_due(&a), i % 4 == 3 ? 2 : 0);
		for (unsigned j = 0; j < audio_rtp_parity_due(&a); j++) {
			assert_int_equal(audio_rtp_parity(&a, j, out), 84);
			assert_int_equal(out[0], 0x80);
			assert_int_equal(out[1], 127);
			assert_int_equal(out[12], j);
			assert_int_equal(out[13], 97);
			assert_int_equal(be16(out + 14), (uint16_t)(i - 3));
			assert_int_equal(be16(out + 14) % 4, 0);
			assert_int_equal(be32(out + 16), (i - 3) * 5);
			assert_int_equal(be32(out + 20), 0);
		}
	}
	audio_rtp_finish(&a);
}

/* One group with losses, through the client's rebuilding. */
static void group(struct audio_rtp *a, unsigned n, size_t len, unsigned mask, bool encrypted)
{
	static const uint8_t matrix[8] = {0x77, 0x40, 0x38, 0x0e, 0xc7, 0xa7, 0x0d, 0x6c};
	uint8_t in[4][1280], wire[6][AUDIO_DATAGRAM_MAX], rebuilt[6][AUDIO_DATAGRAM_MAX];
	uint8_t *shard[6], *room[6];
	size_t sent = encrypted ? (len / 16 + 1) * 16 : len;

	for (unsigned i = 0; i < 4; i++) {
		opus(in[i], len, n * 4 + i);
		assert_int_equal(audio_rtp_data(a, in[i], len, wire[i]), 12 + sent);
		shard[i] = mask >> i & 1 ? NULL : wire[i] + 12;
	}
	for (unsigned j = 0; j < 2; j++) {
		assert_int_equal(audio_rtp_parity(a, j, wire[4 + j]), 24 + sent);
		shard[4 + j] = mask >> (4 + j) & 1 ? NULL : wire[4 + j] + 24;
	}
	for (unsigned i = 0; i < 6; i++)
		room[i] = rebuilt[i];
	assert_true(gf_rebuild(4, 2, matrix, shard, room, sent));
	for (unsigned i = 0; i < 4; i++) {
		uint8_t plain[AUDIO_DATAGRAM_MAX];

		if (encrypted) {
			assert_int_equal(decrypt(shard[i], sent, (uint16_t)(n * 4 + i), plain), len);
			assert_memory_equal(plain, in[i], len);
		} else {
			assert_memory_equal(shard[i], in[i], len);
		}
	}
}

static void m38_any_two_of_six_may_be_lost(void **state)
{
	static const size_t lens[] = {60, 120, 160, 281, 320, 450, 562, 960, 1280};

	(void)state;
	for (unsigned e = 0; e < 2; e++) {
		for (unsigned l = 0; l < ARRAY_LEN(lens); l++) {
			struct audio_rtp a;
			unsigned n = 0;

			assert_int_equal(audio_rtp_init(&a, &keys, e, 5), 0);
			for (unsigned mask = 0; mask < 64; mask++)
				if (__builtin_popcount(mask) <= 2)
					group(&a, n++, lens[l], mask, e);
			audio_rtp_finish(&a);
		}
	}
}

static void m34_iv_follows_the_16_bit_number_across_the_wrap(void **state)
{
	struct audio_rtp a;
	uint8_t in[60], out[AUDIO_DATAGRAM_MAX], plain[80];

	(void)state;
	assert_int_equal(audio_rtp_init(&a, &keys, true, 5), 0);
	for (unsigned i = 0; i < 65540; i++) {
		opus(in, 60, i);
		assert_int_equal(audio_rtp_data(&a, in, 60, out), 76);
		if (i > 65530 || i < 4) {
			assert_int_equal(be16(out + 2), (uint16_t)i);
			assert_int_equal(decrypt(out + 12, 64, (uint16_t)i, plain), 60);
			assert_memory_equal(plain, in, 60);
		}
	}
	audio_rtp_finish(&a);
}

static void m35_payload_of_64_bytes_makes_80(void **state)
{
	struct audio_rtp a;
	uint8_t in[64] = {0}, out[AUDIO_DATAGRAM_MAX];

	(void)state;
	assert_int_equal(audio_rtp_init(&a, &keys, true, 5), 0);
	assert_int_equal(audio_rtp_data(&a, in, 64, out), 12 + 80);
	audio_rtp_finish(&a);
}

static void m29_audio_items_of_the_vectors(void **state)
{
	char path[512];
	json_error_t err;
	json_t *root, *item;
	unsigned seen = 0;
	size_t i;

	(void)state;
	snprintf(path, sizeof(path), "%s/crypto.json", getenv("TEST_VECTORS"));
	root = json_load_file(path, 0, &err);
	assert_non_null(root);
	json_array_foreach(json_object_get(root, "items"), i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *plain_hex = json_string_value(json_object_get(item, "plaintext_hex"));
		const char *wire_hex = json_string_value(json_object_get(item, "wire_hex"));
		uint8_t plain[128], wire[128], out[AUDIO_DATAGRAM_MAX];
		struct audio_rtp a;
		int plain_len, wire_len, n;
		unsigned seq;

		if (sscanf(name, "audio seq %u", &seq) != 1)
			continue;
		plain_len = hex_decode(plain, sizeof(plain), plain_hex, strlen(plain_hex));
		wire_len = hex_decode(wire, sizeof(wire), wire_hex, strlen(wire_hex));
		assert_true(plain_len > 0 && wire_len > 0);
		assert_int_equal(audio_rtp_init(&a, &keys, true, 5), 0);
		/* All that came before, to reach the number. */
		for (unsigned k = 0; k < seq; k++)
			audio_rtp_data(&a, plain, (size_t)plain_len, out);
		n = audio_rtp_data(&a, plain, (size_t)plain_len, out);
		assert_int_equal(n, wire_len);
		assert_memory_equal(out, wire, (size_t)wire_len);
		audio_rtp_finish(&a);
		seen++;
	}
	assert_int_equal(seen, 3);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m29_audio_items_of_the_vectors),
		cmocka_unit_test(m34_iv_follows_the_16_bit_number_across_the_wrap),
		cmocka_unit_test(m35_payload_of_64_bytes_makes_80),
		cmocka_unit_test(m36_sequence_time_and_length_of_5_ms_stereo),
		cmocka_unit_test(m36_packets_of_another_length_are_refused),
		cmocka_unit_test(m37_two_parity_packets_after_every_fourth),
		cmocka_unit_test(m38_any_two_of_six_may_be_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
