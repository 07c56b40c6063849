// SPDX-License-Identifier: GPL-3.0-or-later
/* Reed-Solomon: the published vectors, and that every loss a code can bear is repaired. */
#include "probe/gf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "base/str.h"

#define SHARD_MAX 1408u

static uint8_t bytes[RS_SHARDS_MAX][SHARD_MAX];
static uint8_t *shard[RS_SHARDS_MAX];
static uint8_t matrix[RS_SHARDS_MAX * RS_SHARDS_MAX];

static json_t *load(void)
{
	char path[512];
	json_error_t err;
	json_t *j;

	snprintf(path, sizeof(path), "%s/fec.json", getenv("TEST_VECTORS"));
	j = json_load_file(path, 0, &err);
	assert_non_null(j);
	return j;
}

static void generate(unsigned k, unsigned m, size_t len)
{
	uint32_t x = 0x12345678u + 257 * k + m;

	for (unsigned i = 0; i < k; i++) {
		for (size_t b = 0; b < len; b++) {
			x = x * 1664525u + 1013904223u;
			bytes[i][b] = (uint8_t)(x >> 24);
		}
	}
}

static void encode(unsigned k, unsigned m, size_t len)
{
	for (unsigned j = 0; j < m; j++)
		rs_parity(matrix, k, j, shard, len, shard[k + j]);
}

static void assert_digest(unsigned from, unsigned n, size_t len, const char *hex)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t md[32];
	char text[65];

	EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	for (unsigned i = 0; i < n; i++)
		EVP_DigestUpdate(c, bytes[from + i], len);
	EVP_DigestFinal_ex(c, md, NULL);
	EVP_MD_CTX_free(c);
	hex_encode(text, md, sizeof(md));
	assert_string_equal(text, hex);
}

static int setup(void **state)
{
	(void)state;
	gf_init();
	for (unsigned i = 0; i < RS_SHARDS_MAX; i++)
		shard[i] = bytes[i];
	return 0;
}

static void field_arithmetic_matches_the_published_cases(void **state)
{
	json_t *j = load(), *cases = json_object_get(j, "unit_cases");
	const char *key;
	json_t *v;

	(void)state;
	json_object_foreach(json_object_get(cases, "inv"), key, v)
		assert_int_equal(gf_inv((uint8_t)strtoul(key, NULL, 16)), strtoul(json_string_value(v), NULL, 16));
	json_object_foreach(json_object_get(cases, "mul"), key, v)
		assert_int_equal(gf_mul((uint8_t)strtoul(key, NULL, 16), (uint8_t)strtoul(key + 3, NULL, 16)),
				 strtoul(json_string_value(v), NULL, 16));
	for (unsigned a = 1; a < 256; a++)
		assert_int_equal(gf_mul((uint8_t)a, gf_inv((uint8_t)a)), 1);
	json_decref(j);
}

static void video_parity_matches_all_published_shapes(void **state)
{
	json_t *j = load(), *v;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(j, "video"), i, v)
	{
		unsigned k = (unsigned)json_integer_value(json_object_get(v, "k"));
		unsigned m = (unsigned)json_integer_value(json_object_get(v, "m"));
		static const char *const names[] = {"bs32", "bs1408"};
		static const size_t lens[] = {32, 1408};

		rs_cauchy(matrix, k, m);
		for (unsigned n = 0; n < 2; n++) {
			json_t *s = json_object_get(v, names[n]);

			generate(k, m, lens[n]);
			assert_digest(0, k, lens[n], json_string_value(json_object_get(s, "data_sha256")));
			encode(k, m, lens[n]);
			assert_digest(k, m, lens[n], json_string_value(json_object_get(s, "parity_sha256")));
		}
	}
	json_decref(j);
}

static void audio_parity_matches_the_constants(void **state)
{
	json_t *j = load(), *v;
	size_t i;

	(void)state;
	memcpy(matrix, rs_audio_matrix, sizeof(rs_audio_matrix));
	json_array_foreach(json_object_get(j, "audio"), i, v)
	{
		size_t len = (size_t)json_integer_value(json_object_get(v, "bs"));

		generate(4, 2, len);
		encode(4, 2, len);
		assert_digest(4, 2, len, json_string_value(json_object_get(v, "parity_sha256")));
	}
	json_decref(j);
}

/* Loses the shards of the mask, repairs, compares. */
static void lose(unsigned k, unsigned m, uint32_t mask, size_t len)
{
	static uint8_t before[RS_SHARDS_MAX][SHARD_MAX];
	bool present[RS_SHARDS_MAX];
	unsigned lost = 0;
	int rc;

	memcpy(before, bytes, sizeof(bytes));
	for (unsigned i = 0; i < k + m; i++) {
		present[i] = !(mask >> i & 1);
		lost += !present[i];
		if (!present[i])
			memset(bytes[i], 0xee, len);
	}
	rc = rs_rebuild(matrix, k, m, shard, present, len);
	if (lost <= m) {
		assert_int_equal(rc, 0);
		for (unsigned i = 0; i < k; i++)
			assert_memory_equal(bytes[i], before[i], len);
	}
	memcpy(bytes, before, sizeof(bytes));
}

static void m16_every_loss_of_up_to_p_shards_is_repaired(void **state)
{
	(void)state;
	for (unsigned k = 1; k <= 6; k++) {
		for (unsigned m = 1; m <= 3; m++) {
			rs_cauchy(matrix, k, m);
			generate(k, m, 48);
			encode(k, m, 48);
			for (uint32_t mask = 0; mask < 1u << (k + m); mask++)
				lose(k, m, mask, 48);
		}
	}
}

static void m38_any_two_of_six_audio_shards_are_repaired(void **state)
{
	(void)state;
	memcpy(matrix, rs_audio_matrix, sizeof(rs_audio_matrix));
	generate(4, 2, 60);
	encode(4, 2, 60);
	for (uint32_t mask = 0; mask < 64; mask++)
		lose(4, 2, mask, 60);
}

static void large_blocks_bear_their_full_loss(void **state)
{
	static const unsigned shapes[][2] = {{212, 43}, {127, 128}, {1, 254}, {254, 1}, {100, 20}};

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
		unsigned k = shapes[s][0], m = shapes[s][1], drop = m < k ? m : k;
		bool present[RS_SHARDS_MAX];
		uint8_t before[RS_SHARDS_MAX];

		rs_cauchy(matrix, k, m);
		generate(k, m, 64);
		encode(k, m, 64);
		for (unsigned i = 0; i < k + m; i++)
			present[i] = i >= drop;
		for (unsigned i = 0; i < drop; i++) {
			before[i] = bytes[i][17];
			memset(bytes[i], 0, 64);
		}
		assert_int_equal(rs_rebuild(matrix, k, m, shard, present, 64), 0);
		for (unsigned i = 0; i < drop; i++)
			assert_int_equal(bytes[i][17], before[i]);
	}
}

static void what_cannot_be_repaired_is_refused(void **state)
{
	bool none[RS_SHARDS_MAX] = {false};

	(void)state;
	rs_cauchy(matrix, 4, 2);
	assert_int_equal(rs_rebuild(matrix, 4, 2, shard, none, 32), -ENODATA);
	assert_int_equal(rs_rebuild(matrix, 0, 2, shard, none, 32), -EINVAL);
	assert_int_equal(rs_rebuild(matrix, 200, 56, shard, none, 32), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field_arithmetic_matches_the_published_cases),
		cmocka_unit_test(video_parity_matches_all_published_shapes),
		cmocka_unit_test(audio_parity_matches_the_constants),
		cmocka_unit_test(m16_every_loss_of_up_to_p_shards_is_repaired),
		cmocka_unit_test(m38_any_two_of_six_audio_shards_are_repaired),
		cmocka_unit_test(large_blocks_bear_their_full_loss),
		cmocka_unit_test(what_cannot_be_repaired_is_refused),
	};

	return cmocka_run_group_tests_name("probe_fec", tests, setup, NULL);
}
