// SPDX-License-Identifier: GPL-3.0-or-later
/* Counts, matrices and parity of the two codes. */
#include "net/fec.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client.h"
#include "net/fec_kernel.h"

#define SHARD 1408u

static void m12_parity_counts_for_all_d_f_min(void **state)
{
	(void)state;
	for (unsigned d = 1; d <= 255; d++) {
		for (unsigned f = 0; f <= 255; f++) {
			for (unsigned min = 0; min <= 8; min++) {
				struct fec_block b = fec_plan_block(d, f, min);
				unsigned full = (d * f + 99) / 100;

				assert_int_equal(b.n_data, d);
				assert_int_equal(b.n_parity, (d * b.percent + 99) / 100);
				assert_true(d + b.n_parity <= 255);
				if (!f)
					assert_int_equal(b.n_parity, 0);
				/* Nothing is withheld that fits, nothing added that nobody asked for. */
				else if (full >= min && d + full <= 255)
					assert_int_equal(b.percent, f);
				else if (full < min && d + min <= 255 && d <= 100 && d * 255 >= 100 * (min - 1) + 1)
					assert_int_equal(b.n_parity, min);
				else if (full < min && d + min + 2 <= 255 && d > 100)
					assert_true(b.n_parity >= min);
				else if (full > 255 - d && d <= 252)
					assert_true(b.n_parity > 0);
			}
		}
	}
}

static void m10_minimum_of_two_raises_the_percentage(void **state)
{
	struct fec_block b = fec_plan_block(5, 20, 2);

	(void)state;
	assert_int_equal(b.n_parity, 2);
	assert_in_range(b.percent, 21, 40);
	b = fec_plan_block(7, 20, 2);
	assert_int_equal(b.n_parity, 2);
	assert_int_equal(b.percent, 20);
	b = fec_plan_block(1, 20, 2);
	assert_int_equal(b.n_parity, 2);
	assert_int_equal(b.percent, 200);
}

static void m11_minimum_of_three_does_not_overflow_the_field(void **state)
{
	(void)state;
	for (unsigned min = 3; min <= 255; min++) {
		struct fec_block b = fec_plan_block(1, 20, min);

		assert_int_equal(b.n_parity, (1 * b.percent + 99) / 100);
		assert_true(b.n_parity >= (min < 3 ? min : 3));
	}
}

static void m13_frame_of_213_shards_at_20_percent_makes_two_blocks(void **state)
{
	struct fec_plan p;

	(void)state;
	assert_int_equal(fec_plan_frame(&p, 212, 20, 2), 0);
	assert_int_equal(p.n_blocks, 1);
	assert_int_equal(p.block[0].n_parity, 43);
	assert_int_equal(fec_plan_frame(&p, 213, 20, 2), 0);
	assert_int_equal(p.n_blocks, 2);
	assert_int_equal(p.block[0].n_data + p.block[1].n_data, 213);
	assert_int_equal(p.block[0].percent, 20);
	assert_int_equal(p.block[1].percent, 20);
}

static void m14_parity_shrinks_above_848_shards_and_ends_above_reach(void **state)
{
	unsigned last = 255;
	struct fec_plan p;

	(void)state;
	for (unsigned n = 849; n <= 4092; n++) {
		unsigned total = 0;

		assert_int_equal(fec_plan_frame(&p, n, 20, 2), 0);
		assert_int_equal(p.n_blocks, 4);
		for (unsigned i = 0; i < 4; i++) {
			total += p.block[i].n_data;
			assert_true(p.block[i].n_data <= 1023);
			if (p.block[i].n_parity)
				assert_true(p.block[i].n_data + p.block[i].n_parity <= 255);
			if (n <= 1008)
				assert_true(p.block[i].percent > 0);
			if (n > 1012)
				assert_int_equal(p.block[i].percent, 0);
		}
		assert_int_equal(total, n);
		assert_true(p.block[0].percent <= last);
		last = p.block[0].percent;
	}
	assert_int_equal(fec_plan_frame(&p, 4093, 20, 2), -EMSGSIZE);
	assert_int_equal(fec_plan_frame(&p, 0, 20, 2), -EMSGSIZE);
}

static void plan_covers_every_size_in_few_even_blocks(void **state)
{
	struct fec_plan p;

	(void)state;
	for (unsigned f = 0; f <= 255; f += 17) {
		for (unsigned n = 1; n <= 4092; n += 1 + n / 100) {
			unsigned total = 0, min = f % 9;

			assert_int_equal(fec_plan_frame(&p, n, f, min), 0);
			assert_in_range(p.n_blocks, 1, 4);
			for (unsigned i = 0; i < p.n_blocks; i++) {
				assert_true(p.block[i].n_data > 0);
				assert_true(p.block[0].n_data - p.block[i].n_data <= 1);
				total += p.block[i].n_data;
				if (f && p.n_blocks < 4)
					assert_true(p.block[i].n_parity >= (p.block[i].n_data * f + 99) / 100);
			}
			assert_int_equal(total, n);
		}
	}
}

/* Vectors */

static json_t *vectors(void)
{
	char path[512];
	json_error_t err;
	json_t *root;

	snprintf(path, sizeof(path), "%s/fec.json", getenv("TEST_VECTORS"));
	root = json_load_file(path, 0, &err);
	assert_non_null(root);
	return root;
}

static void fill(uint8_t *p, unsigned k, unsigned m, size_t len)
{
	uint32_t x = 0x12345678u + 257 * k + m;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (uint8_t)(x >> 24);
	}
}

static void sha256_hex(const void *p, size_t len, char out[65])
{
	uint8_t md[32];
	unsigned n = 0;

	assert_int_equal(EVP_Digest(p, len, md, &n, EVP_sha256(), NULL), 1);
	hex_encode(out, md, 32);
}

static const char *text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	assert_non_null(s);
	return s;
}

/* Shards laid end to end, pointers to each. */
struct shards {
	uint8_t *mem, *at[255];
};

static void shards_init(struct shards *s, unsigned n, size_t len)
{
	s->mem = calloc(n, len);
	assert_non_null(s->mem);
	for (unsigned i = 0; i < n; i++)
		s->at[i] = s->mem + i * len;
}

/* Calls fn on an encoder of each kernel that works here. */
static void on_each_kernel(void (*fn)(struct fec *f))
{
	const struct fec_kernel *k;

	for (unsigned n = 0; (k = fec_kernel_at(n)); n++) {
		struct fec *f = fec_create_on(k);

		assert_non_null(f);
		print_message("# %s\n", k->name);
		fn(f);
		fec_destroy(f);
	}
}

static struct fec *create_portable(void)
{
	unsigned n = 0;

	while (fec_kernel_at(n + 1))
		n++;
	assert_string_equal(fec_kernel_at(n)->name, "portable");
	return fec_create_on(fec_kernel_at(n));
}

static void check_vector(struct fec *f, json_t *item, const char *key, size_t len)
{
	unsigned k = (unsigned)json_integer_value(json_object_get(item, "k"));
	unsigned m = (unsigned)json_integer_value(json_object_get(item, "m"));
	json_t *v = json_object_get(item, key), *rows;
	struct shards s;
	char hex[65];

	if (!v)
		return;
	shards_init(&s, k + m, len);
	fill(s.mem, k, m, k * len);
	sha256_hex(s.mem, k * len, hex);
	assert_string_equal(hex, text(v, "data_sha256"));
	assert_int_equal(fec_encode(f, k, m, len, (const uint8_t *const *)s.at, s.at + k), 0);
	sha256_hex(s.at[k], m * len, hex);
	assert_string_equal(hex, text(v, "parity_sha256"));
	rows = json_object_get(item, "matrix_rows_hex");
	for (unsigned j = 0; rows && j < json_array_size(rows); j++) {
		char row_hex[511];
		uint8_t row[255];

		fec_matrix_row(k, m, j, row);
		hex_encode(row_hex, row, k);
		assert_string_equal(row_hex, json_string_value(json_array_get(rows, j)));
	}
	free(s.mem);
}

static void equals_the_vectors(struct fec *f)
{
	json_t *root = vectors(), *list = json_object_get(root, "video"), *item;
	size_t i;

	assert_true(json_array_size(list) >= 8);
	json_array_foreach(list, i, item)
	{
		check_vector(f, item, "bs32", 32);
		check_vector(f, item, "bs1408", 1408);
	}
	json_decref(root);
}

static void m19_parity_equals_the_vectors(void **state)
{
	(void)state;
	on_each_kernel(equals_the_vectors);
}

static void m19_audio_parity_equals_the_vectors(void **state)
{
	json_t *root = vectors(), *list = json_object_get(root, "audio"), *item;
	size_t i;

	(void)state;
	assert_true(json_array_size(list) >= 2);
	json_array_foreach(list, i, item)
	{
		size_t len = (size_t)json_integer_value(json_object_get(item, "bs"));
		struct shards s;
		char hex[65];

		shards_init(&s, 6, len);
		fill(s.mem, 4, 2, 4 * len);
		sha256_hex(s.mem, 4 * len, hex);
		assert_string_equal(hex, text(item, "data_sha256"));
		fec_encode_audio(0, len, (const uint8_t *const *)s.at, s.at[4]);
		fec_encode_audio(1, len, (const uint8_t *const *)s.at, s.at[5]);
		sha256_hex(s.at[4], 2 * len, hex);
		assert_string_equal(hex, text(item, "parity_sha256"));
		free(s.mem);
	}
	json_decref(root);
}

/* Every shape that a plan can give, in an order that makes the table cache turn over, at lengths that are not
 * multiples of any vector. */
static void agrees_on_every_shape(struct fec *f)
{
	static const size_t lens[] = {144, 208, 1040};
	struct fec *other = create_portable();
	struct shards s;
	uint8_t *expect = malloc((size_t)255 * 1040);
	unsigned n = 0;

	shards_init(&s, 255, 1040);
	fill(s.mem, 1, 1, (size_t)255 * 1040);
	for (unsigned k = 1; k < 255; k++) {
		for (unsigned step = 0; step < 255 - k; step += 3 + k / 5) {
			/* From both ends in turn: large and small shapes alternate. */
			unsigned m = step % 2 ? 255 - k - step / 2 : 1 + step / 2;
			size_t len = lens[n++ % 3];
			uint8_t *parity[255];

			if (k * m > 2000 && n % 16)
				continue;
			for (unsigned j = 0; j < m; j++)
				parity[j] = expect + j * len;
			assert_int_equal(fec_encode(f, k, m, len, (const uint8_t *const *)s.at, s.at + k), 0);
			assert_int_equal(fec_encode(other, k, m, len, (const uint8_t *const *)s.at, parity), 0);
			for (unsigned j = 0; j < m; j++)
				assert_memory_equal(s.at[k + j], parity[j], len);
		}
	}
	free(expect);
	free(s.mem);
	fec_destroy(other);
}

static void m19_all_kernels_agree_on_every_shape(void **state)
{
	(void)state;
	on_each_kernel(agrees_on_every_shape);
}

static void gives_the_same_again(struct fec *f)
{
	static const unsigned shapes[][2] = {{17, 4}, {18, 4}, {200, 50}, {17, 4}, {19, 4}, {200, 50}, {212, 43},
					     {20, 5}, {21, 5}, {22, 5},   {23, 5}, {24, 5}, {17, 4},   {200, 50}};
	struct fec *other = create_portable();
	struct shards s;
	uint8_t *mem = malloc((size_t)64 * SHARD), *parity[64];

	for (unsigned j = 0; j < 64; j++)
		parity[j] = mem + (size_t)j * SHARD;
	shards_init(&s, 255, SHARD);
	fill(s.mem, 3, 4, (size_t)255 * SHARD);
	for (unsigned i = 0; i < 2 * ARRAY_LEN(shapes); i++) {
		unsigned k = shapes[i % ARRAY_LEN(shapes)][0], m = shapes[i % ARRAY_LEN(shapes)][1];

		assert_int_equal(fec_encode(f, k, m, SHARD, (const uint8_t *const *)s.at, s.at + k), 0);
		fec_encode(other, k, m, SHARD, (const uint8_t *const *)s.at, parity);
		assert_memory_equal(s.at[k], parity[0], SHARD * m);
	}
	free(mem);
	free(s.mem);
	fec_destroy(other);
}

static void cached_tables_give_the_same_bytes_again(void **state)
{
	(void)state;
	on_each_kernel(gives_the_same_again);
}

/* Of lengths around every vector, at addresses that no vector likes, for each number of parity shards in a pass. */
static void handles_tails(struct fec *f)
{
	static uint8_t data[3][300], out[6][300];
	const uint8_t *from[3] = {data[0] + 1, data[1] + 2, data[2] + 3};

	fill(data[0], 9, 9, sizeof(data));
	for (unsigned m = 1; m <= 6; m++)
		for (size_t len = 0; len <= 290; len += len % 32 < 30 && len % 32 > 1 ? 28 : 1) {
			uint8_t *to[6], row[3];

			memset(out, 0xee, sizeof(out));
			for (unsigned j = 0; j < m; j++)
				to[j] = out[j] + 5 - j % 3;
			assert_int_equal(fec_encode(f, 3, m, len, from, to), 0);
			for (unsigned j = 0; j < m; j++) {
				fec_matrix_row(3, m, j, row);
				for (size_t b = 0; b < len; b++)
					assert_int_equal(to[j][b], gf_mul_slow(row[0], from[0][b]) ^
									   gf_mul_slow(row[1], from[1][b]) ^
									   gf_mul_slow(row[2], from[2][b]));
				assert_int_equal(to[j][len], 0xee);
				assert_int_equal(to[j][-1], 0xee);
			}
		}
}

static void every_kernel_handles_every_tail(void **state)
{
	(void)state;
	on_each_kernel(handles_tails);
}

static void impossible_shapes_are_refused(void **state)
{
	struct fec *f = fec_create();
	uint8_t byte = 0, *p[255];

	(void)state;
	for (unsigned i = 0; i < 255; i++)
		p[i] = &byte;
	assert_int_equal(fec_encode(f, 0, 2, 1, (const uint8_t *const *)p, p), -EINVAL);
	assert_int_equal(fec_encode(f, 2, 0, 1, (const uint8_t *const *)p, p), -EINVAL);
	assert_int_equal(fec_encode(f, 200, 56, 1, (const uint8_t *const *)p, p), -EINVAL);
	assert_int_equal(fec_encode(f, 255, 1, 1, (const uint8_t *const *)p, p), -EINVAL);
	fec_destroy(f);
}

static void audio_parity_of_every_length_is_right(void **state)
{
	uint8_t data[4][200], out[200];
	const uint8_t *p[4] = {data[0], data[1], data[2], data[3]};

	(void)state;
	fill(data[0], 9, 9, sizeof(data));
	for (size_t len = 0; len <= 200; len++) {
		memset(out, 0xee, sizeof(out));
		fec_encode_audio(1, len, p, out);
		for (size_t b = 0; b < len; b++)
			assert_int_equal(out[b], gf_mul_slow(0xc7, data[0][b]) ^ gf_mul_slow(0xa7, data[1][b]) ^
							 gf_mul_slow(0x0d, data[2][b]) ^ gf_mul_slow(0x6c, data[3][b]));
		if (len < 200)
			assert_int_equal(out[len], 0xee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m10_minimum_of_two_raises_the_percentage),
		cmocka_unit_test(m11_minimum_of_three_does_not_overflow_the_field),
		cmocka_unit_test(m12_parity_counts_for_all_d_f_min),
		cmocka_unit_test(m13_frame_of_213_shards_at_20_percent_makes_two_blocks),
		cmocka_unit_test(m14_parity_shrinks_above_848_shards_and_ends_above_reach),
		cmocka_unit_test(plan_covers_every_size_in_few_even_blocks),
		cmocka_unit_test(m19_parity_equals_the_vectors),
		cmocka_unit_test(m19_audio_parity_equals_the_vectors),
		cmocka_unit_test(m19_all_kernels_agree_on_every_shape),
		cmocka_unit_test(cached_tables_give_the_same_bytes_again),
		cmocka_unit_test(impossible_shapes_are_refused),
		cmocka_unit_test(every_kernel_handles_every_tail),
		cmocka_unit_test(audio_parity_of_every_length_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
