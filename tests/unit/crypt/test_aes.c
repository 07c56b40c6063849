// SPDX-License-Identifier: GPL-3.0-or-later
/* crypto.json holds messages that the client's own code decrypted; every one must come out of ours
 * bit for bit. */
#include "../cmocka_all.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "crypt/aes.h"

static json_t *vectors;
static uint8_t key[AES_KEY_LEN];

static size_t bytes_of(const json_t *o, const char *name, uint8_t *out, size_t cap)
{
	const char *hex = json_string_value(json_object_get(o, name));
	int n = hex ? hex_decode(out, cap, hex, strlen(hex)) : -1;

	assert_true(n >= 0);
	return (size_t)n;
}

static int load(void **state)
{
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/crypto.json", getenv("TEST_VECTORS"));
	vectors = json_load_file(path, 0, NULL);
	if (!vectors)
		return -1;
	bytes_of(vectors, "key_hex", key, sizeof(key));
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(vectors);
	return 0;
}

static void m29_vectors_are_reproduced(void **state)
{
	json_t *items = json_object_get(vectors, "items"), *item;
	unsigned gcm_seen = 0, cbc_seen = 0;
	size_t i;

	(void)state;
	json_array_foreach(items, i, item)
	{
		uint8_t iv[16], plain[4096], want[4096], tag[16], got[4112], got_tag[16];
		size_t iv_len, n, m;

		/* The form of input before the encrypted control stream is none of ours. */
		if (!json_object_get(item, "ciphertext_hex"))
			continue;
		iv_len = bytes_of(item, "iv_hex", iv, sizeof(iv));
		n = bytes_of(item, "plaintext_hex", plain, sizeof(plain));
		m = bytes_of(item, "ciphertext_hex", want, sizeof(want));

		if (json_object_get(item, "tag_hex")) {
			struct gcm *g = gcm_create(key, iv_len);

			bytes_of(item, "tag_hex", tag, sizeof(tag));
			assert_int_equal(n, m);
			assert_int_equal(gcm_seal(g, iv, plain, n, got, got_tag), 0);
			assert_memory_equal(got, want, n);
			assert_memory_equal(got_tag, tag, sizeof(tag));
			assert_int_equal(gcm_open(g, iv, want, n, tag, got), 0);
			assert_memory_equal(got, plain, n);
			gcm_destroy(g);
			gcm_seen++;
		} else {
			struct cbc *c = cbc_create(key);

			assert_int_equal(cbc_seal(c, iv, plain, n, got), (int)m);
			assert_memory_equal(got, want, m);
			cbc_destroy(c);
			cbc_seen++;
		}
	}
	assert_true(gcm_seen >= 5);
	assert_true(cbc_seen >= 1);
}

static void flipped_bit_is_refused_and_wiped(void **state)
{
	struct gcm *g = gcm_create(key, GCM_IV_LEN);
	uint8_t iv[GCM_IV_LEN] = {1}, tag[GCM_TAG_LEN], text[8] = "secret!", box[8], out[8];
	static const uint8_t zero[8];

	(void)state;
	assert_int_equal(gcm_seal(g, iv, text, sizeof(text), box, tag), 0);
	box[3] ^= 4;
	memset(out, 0x55, sizeof(out));
	assert_int_equal(gcm_open(g, iv, box, sizeof(box), tag, out), -EBADMSG);
	assert_memory_equal(out, zero, sizeof(out));
	box[3] ^= 4;
	tag[0] ^= 1;
	assert_int_equal(gcm_open(g, iv, box, sizeof(box), tag, out), -EBADMSG);
	tag[0] ^= 1;
	assert_int_equal(gcm_open(g, iv, box, sizeof(box), tag, out), 0);
	assert_memory_equal(out, text, sizeof(text));
	gcm_destroy(g);
}

static void ivs_are_those_of_the_protocol(void **state)
{
	uint8_t iv[AES_BLOCK_LEN];
	char hex[33];

	(void)state;
	iv_message(iv, 0x01020304, 'H', IV_RTSP);
	hex_encode(hex, iv, 12);
	assert_string_equal(hex, "040302010000000000004852");
	iv_message(iv, 1, 'C', IV_CONTROL);
	hex_encode(hex, iv, 12);
	assert_string_equal(hex, "010000000000000000004343");
	iv_video(iv, 0x0102030405060708ull);
	hex_encode(hex, iv, 12);
	assert_string_equal(hex, "080706050403020100000056");
	/* S28: rikeyid -236792892, and the sum wraps at 32 bits */
	iv_audio(iv, (uint32_t)-236792892, 0);
	hex_encode(hex, iv, 16);
	assert_string_equal(hex, "f1e2d3c4000000000000000000000000");
	iv_audio(iv, (uint32_t)-236792892, 65535);
	hex_encode(hex, iv, 4);
	assert_string_equal(hex, "f1e3d3c3");
	iv_audio(iv, UINT32_MAX, 1);
	hex_encode(hex, iv, 4);
	assert_string_equal(hex, "00000000");
}

static void ecb_needs_whole_blocks(void **state)
{
	uint8_t block[32] = {0}, out[32], back[32];

	(void)state;
	assert_int_equal(ecb_seal(key, block, 15, out), -EINVAL);
	assert_int_equal(ecb_seal(key, block, 32, out), 0);
	assert_memory_equal(out, out + 16, 16);
	assert_int_equal(ecb_open(key, out, 32, back), 0);
	assert_memory_equal(back, block, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m29_vectors_are_reproduced),
		cmocka_unit_test(flipped_bit_is_refused_and_wiped),
		cmocka_unit_test(ivs_are_those_of_the_protocol),
		cmocka_unit_test(ecb_needs_whole_blocks),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
