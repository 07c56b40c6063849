// SPDX-License-Identifier: GPL-3.0-or-later
/* The walk over NAL units and the rewriting of frame_num, on bytes laid out by hand and on random ones. */
#include "../cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "encode/bitstream.h"

static void walk_finds_units_with_both_start_codes(void **state)
{
	static const uint8_t in[] = {0xff, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 4, 0, 0, 0};
	struct nal_walk w = nal_walk_init(in, sizeof(in));
	struct nal n;

	(void)state;
	assert_true(nal_walk_next(&w, &n));
	assert_int_equal(n.type, NAL_TYPE_SPS);
	assert_int_equal(n.len, 3);
	assert_ptr_equal(n.start, in + 1);
	assert_true(nal_walk_next(&w, &n));
	assert_int_equal(n.type, NAL_TYPE_PPS);
	assert_int_equal(n.len, 2);
	assert_ptr_equal(n.start, in + 8);
	assert_true(nal_walk_next(&w, &n));
	assert_int_equal(n.type, NAL_TYPE_IDR);
	assert_int_equal(n.len, 2);
	assert_ptr_equal(n.start, in + 13);
	assert_false(nal_walk_next(&w, &n));
}

static void escapes_are_written_and_read_back(void **state)
{
	static const uint8_t rbsp[] = {66, 0, 0, 0, 0, 1, 0, 0, 3, 9};
	static const uint8_t want[] = {0, 0, 0, 1, 0x67, 66, 0, 0, 3, 0, 0, 3, 1, 0, 0, 3, 3, 9};
	uint8_t out[32];

	(void)state;
	assert_int_equal(nal_write(out, 3, NAL_TYPE_SPS, rbsp, sizeof(rbsp)), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
}

/* A slice header as far as frame_num, then a pattern, as x264 would write it. */
static size_t slice_make(uint8_t *out, uint32_t first_mb, uint32_t type, unsigned num_bits, uint32_t frame_num,
			 const uint8_t *tail, size_t tail_len)
{
	struct bit_writer w = bit_writer_init(out, 256);

	bit_ue(&w, first_mb);
	bit_ue(&w, type);
	bit_ue(&w, 0);
	bit_put(&w, num_bits, frame_num & ((1u << num_bits) - 1));
	for (size_t i = 0; i < tail_len; i++)
		bit_put(&w, 8, tail[i]);
	bit_trailing(&w);
	assert_false(w.err);
	return bit_bytes(&w);
}

static void slice_with_wider_frame_num_is_what_a_writer_of_it_makes(void **state)
{
	(void)state;
	srand(11);
	for (int i = 0; i < 5000; i++) {
		uint8_t tail[40], narrow[256], want[256], got[258];
		uint32_t first_mb = (uint32_t)rand() % 5000, type = rand() & 1 ? 5 : 7;
		uint32_t frame_num = (uint32_t)rand() % 100000;
		unsigned bits = 4 + (unsigned)i % 2;
		size_t tail_len = (size_t)rand() % sizeof(tail), len, want_len;

		for (size_t k = 0; k < tail_len; k++)
			tail[k] = (uint8_t)(rand() % 4 ? rand() : 0);
		len = slice_make(narrow, first_mb, type, bits, frame_num, tail, tail_len);
		want_len = slice_make(want, first_mb, type, bits + FRAME_NUM_WIDER, frame_num, tail, tail_len);
		assert_int_equal(want_len, len + 1);
		assert_int_equal(slice_widen_frame_num(got, narrow, len, bits, frame_num), want_len);
		assert_memory_equal(got, want, want_len);
		/* A number that is not this slice's is refused. */
		assert_int_equal(slice_widen_frame_num(got, narrow, len, bits, frame_num + 1), 0);
	}
}

static size_t sps_make(uint8_t *out, uint8_t profile, unsigned log2_max_frame_num)
{
	struct bit_writer w = bit_writer_init(out, 64);

	bit_put(&w, 8, profile);
	bit_put(&w, 16, 0x0020);
	bit_ue(&w, 0);
	if (profile == 100) {
		bit_ue(&w, 1);
		bit_ue(&w, 0);
		bit_ue(&w, 0);
		bit_put(&w, 2, 0);
	}
	bit_ue(&w, log2_max_frame_num - 4);
	bit_ue(&w, 2);
	bit_ue(&w, 8);
	bit_put(&w, 1, 0);
	bit_ue(&w, 79);
	bit_ue(&w, 44);
	bit_put(&w, 2, 3);
	bit_put(&w, 2, 0);
	bit_trailing(&w);
	return bit_bytes(&w);
}

static void parameter_set_with_wider_frame_num_parses_the_same(void **state)
{
	static const uint8_t profiles[] = {66, 77, 100};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(profiles); i++) {
		uint8_t narrow[64], want[64], got[66];
		size_t len = sps_make(narrow, profiles[i / 2], 4 + i % 2);
		size_t want_len = sps_make(want, profiles[i / 2], 4 + i % 2 + FRAME_NUM_WIDER);
		unsigned bits = 0;

		assert_int_equal(sps_widen_frame_num(got, narrow, len, &bits), want_len);
		assert_int_equal(bits, 4 + i % 2);
		assert_memory_equal(got, want, want_len);
		/* Already wide: not what is expected. */
		assert_int_equal(sps_widen_frame_num(got, want, want_len, &bits), 0);
	}
}

static void rubbish_is_refused_within_bounds(void **state)
{
	(void)state;
	srand(5);
	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)rand() % 24;
		uint8_t *in = malloc(len + 1), *out = malloc(len + 3);
		struct nal_walk w;
		unsigned bits;
		struct nal n;
		struct sps s;

		assert_non_null(in);
		assert_non_null(out);
		for (size_t k = 0; k < len; k++)
			in[k] = (uint8_t)(rand() % 3 ? rand() : rand() % 4);
		(void)sps_widen_frame_num(out, in, len, &bits);
		if (len)
			(void)slice_widen_frame_num(out, in, len, 4 + (unsigned)i % 2, (uint32_t)rand());
		w = nal_walk_init(in, len);
		while (nal_walk_next(&w, &n)) {
			struct slice_start h;

			if (sps_parse(&s, &n) == 0)
				(void)slice_start_parse(&h, &n, &s);
		}
		free(in);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walk_finds_units_with_both_start_codes),
		cmocka_unit_test(escapes_are_written_and_read_back),
		cmocka_unit_test(slice_with_wider_frame_num_is_what_a_writer_of_it_makes),
		cmocka_unit_test(parameter_set_with_wider_frame_num_parses_the_same),
		cmocka_unit_test(rubbish_is_refused_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
