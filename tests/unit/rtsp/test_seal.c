// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/str.h"
#include "rtsp/seal.h"
#include "util.h"

struct vectors {
	json_t *root;
	struct gcm *key;
};

static size_t unhex(const char *hex, uint8_t *out, size_t cap)
{
	int n = hex_decode(out, cap, hex, strlen(hex));

	assert_true(n >= 0);
	return (size_t)n;
}

static const char *text_of(json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	assert_non_null(s);
	return s;
}

static int load(void **state)
{
	static struct vectors v;
	uint8_t key[16];
	struct buf b;

	vector_read("rtspenc.json", &b);
	v.root = json_loadb(buf_cstr(&b), b.len, 0, NULL);
	buf_finish(&b);
	assert_non_null(v.root);
	assert_int_equal(unhex(text_of(v.root, "rikey"), key, sizeof(key)), 16);
	v.key = gcm_create(key, GCM_IV_LEN);
	assert_non_null(v.key);
	*state = &v;
	return 0;
}

static int unload(void **state)
{
	struct vectors *v = *state;

	json_decref(v->root);
	gcm_destroy(v->key);
	return 0;
}

static void s46_the_clients_frame_opens(void **state)
{
	struct vectors *v = *state;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(v->root, "client_request"), i, item)
	{
		uint8_t frame[1024], plain[1024];
		size_t len = unhex(text_of(item, "frame"), frame, sizeof(frame));
		const char *want = text_of(item, "plaintext_ascii");
		struct seal_frame f;

		assert_int_equal(seal_find(frame, len, 65536, &f), 1);
		assert_int_equal(f.seq, json_integer_value(json_object_get(item, "seq")));
		assert_int_equal(f.len, strlen(want));
		assert_int_equal(seal_open(v->key, &f, plain), 0);
		assert_memory_equal(plain, want, f.len);
	}
	assert_true(i > 0);
}

static void s46_answers_equal_the_vectors_bit_for_bit(void **state)
{
	struct vectors *v = *state;
	bool big_seq = false;
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(v->root, "host_response"), i, item)
	{
		uint32_t seq = (uint32_t)json_integer_value(json_object_get(item, "seq"));
		const char *text = text_of(item, "plaintext_ascii");
		uint8_t want[1024];
		size_t len = unhex(text_of(item, "frame"), want, sizeof(want));
		struct buf b;

		buf_init(&b, 1024);
		assert_int_equal(seal_write(v->key, seq, text, strlen(text), &b), 0);
		assert_int_equal(b.len, len);
		assert_memory_equal(b.data, want, len);
		buf_finish(&b);
		big_seq |= seq > 0xffff; /* the byte orders show only then */
	}
	assert_true(big_seq);
}

static void s47_any_flipped_bit_is_noticed(void **state)
{
	struct vectors *v = *state;
	json_t *item = json_array_get(json_object_get(v->root, "client_request"), 0);
	uint8_t frame[1024], plain[1024];
	size_t len = unhex(text_of(item, "frame"), frame, sizeof(frame));

	for (size_t bit = 0; bit < 8 * len; bit++) {
		struct seal_frame f;
		int rc;

		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		rc = seal_find(frame, len, sizeof(plain), &f);
		if (rc == 1)
			rc = seal_open(v->key, &f, plain);
		else if (bit >= 32)
			fail_msg("bit %zu is no part of the length", bit);
		assert_true(rc <= 0 && (rc || bit < 32));
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void s47_bad_headers_are_decided_at_once(void **state)
{
	static const struct {
		uint8_t data[5];
		size_t len;
		int want;
	} t[] = {
		{{0}, 0, 0},
		{{0x80}, 1, 0},
		{{0x00}, 1, -EBADMSG},             /* bit 31 clear */
		{{0x7f, 0xff, 0xff}, 3, -EBADMSG}, /* same */
		{{0x80, 0, 0, 0}, 4, -EBADMSG},    /* nothing inside */
		{{0x80, 0, 1, 0}, 4, 0},
		{{0x80, 0, 1, 1}, 4, -EMSGSIZE},
		{{0xff, 0xff, 0xff, 0xff}, 4, -EMSGSIZE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct seal_frame f;

		assert_int_equal(seal_find(t[i].data, t[i].len, 256, &f), t[i].want);
	}
}

static void s41_a_frame_cut_anywhere_waits_for_the_rest(void **state)
{
	uint8_t frame[SEAL_HEADER_LEN + 9] = {0x80, 0, 0, 9};
	struct seal_frame f;

	(void)state;
	for (size_t n = 0; n < sizeof(frame); n++) {
		uint8_t *cut = malloc(n + 1);

		memcpy(cut, frame, n);
		assert_int_equal(seal_find(cut, n, 256, &f), 0);
		free(cut);
	}
	assert_int_equal(seal_find(frame, sizeof(frame), 256, &f), 1);
	assert_ptr_equal(f.text, frame + SEAL_HEADER_LEN);
}

static void an_answer_over_the_ceiling_is_an_error(void **state)
{
	struct vectors *v = *state;
	struct buf b;

	buf_init(&b, SEAL_HEADER_LEN + 3);
	assert_int_equal(seal_write(v->key, 1, "four", 4, &b), -ENOSPC);
	buf_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s46_the_clients_frame_opens),
		cmocka_unit_test(s46_answers_equal_the_vectors_bit_for_bit),
		cmocka_unit_test(s47_any_flipped_bit_is_noticed),
		cmocka_unit_test(s47_bad_headers_are_decided_at_once),
		cmocka_unit_test(s41_a_frame_cut_anywhere_waits_for_the_rest),
		cmocka_unit_test(an_answer_over_the_ceiling_is_an_error),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
