// SPDX-License-Identifier: GPL-3.0-or-later
/* The client's queue and frame machine: which frames are delivered, with which bytes (2-media 5.5 and the T cases). */
#include "video_rig.h"

#include <string.h>

static void a_stream_without_loss_comes_through(void **state)
{
	(void)state;
	start(false);
	for (unsigned i = 0; i < 100; i++) {
		make(&(struct frame_spec){.type = 1, .shards = 1 + i % 7});
		give_but(0);
		assert_int_equal(t.info.number, i + 3);
		assert_int_equal(t.info.payload, t.made.stream_len);
		assert_delivered_whole();
	}
	assert_int_equal(t.idrs + t.rfis + t.reports, 0);
	assert_int_equal(t.info.latency, 50);
	assert_int_equal(judge_total(&t.judge), 0);
}

static void m16_any_p_shards_of_each_block_may_be_lost(void **state)
{
	(void)state;
	start(true);
	/* 4 data and 2 parity shards. */
	for (uint64_t mask = 1; mask < 64; mask++) {
		if (__builtin_popcountll(mask) > 2)
			continue;
		make(&(struct frame_spec){.type = 1, .shards = 4});
		give_but(mask);
		assert_int_equal(t.info.number, t.maker.frame - 1);
		assert_delivered_whole();
	}
	assert_int_equal(t.rfis + t.idrs, 0);
	assert_true(video_queue_rebuilt_shards(t.q) > 0);
	assert_int_equal(judge_total(&t.judge), 0);
}

static void m18_duplicates_and_reordering_inside_a_block(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	for (unsigned i = 0; i < 4; i++) {
		static const unsigned order[] = {2, 0, 3, 1};

		give(&t.made, order[i]);
		give(&t.made, order[i]);
	}
	assert_int_equal(t.frames, 3);
	assert_delivered_whole();
	send_type(1);
	assert_int_equal(t.frames, 4);
	assert_int_equal(t.rfis + t.idrs, 0);
}

static void m15_sequence_and_spi_wrap_inside_a_frame(void **state)
{
	(void)state;
	start(true);
	/* A jump is allowed where a frame begins: 16 bits of sequence, less than half of them; 24 bits of SPI alike. */
	for (unsigned i = 0; i < 3; i++) {
		t.maker.seq = (uint16_t)(t.maker.seq + (i < 2 ? 30000 : 5500));
		t.maker.spi += i < 2 ? 0x7fff00 : 0xe0;
		make(&(struct frame_spec){.type = 1, .shards = 40, .q = 10});
		give_but(1u << 20 | 1u << 7);
		assert_int_equal(t.frames, 3 + i);
		assert_delivered_whole();
	}
	assert_int_equal(t.maker.seq < 1000, true);
}

static void m13_frames_of_several_blocks(void **state)
{
	(void)state;
	start(true);
	for (unsigned blocks = 2; blocks <= 4; blocks++) {
		make(&(struct frame_spec){.type = 1, .shards = 16, .blocks = blocks});
		give_but(1 | 1u << (t.made.n - 3)); /* a first and a last data shard among them */
		assert_int_equal(t.info.number, blocks + 1);
		assert_delivered_whole();
	}
	assert_int_equal(judge_total(&t.judge), 0);
}

static void t4_the_last_block_may_be_named_late(void **state)
{
	(void)state;
	start(true);
	for (unsigned blocks = 2; blocks <= 4; blocks++) {
		make(&(struct frame_spec){.type = 1, .shards = 12, .blocks = blocks, .early = true});
		give_but(2);
		assert_int_equal(t.info.number, blocks + 1);
		assert_delivered_whole();
	}
	send_type(1);
	assert_int_equal(t.rfis + t.idrs, 0);
}

static void t6_a_block_that_calls_itself_the_last_truncates_the_frame(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 8, .blocks = 2});
	for (unsigned i = 0; i < t.made.n; i++) {
		if (t.made.s[i].block == 0)
			t.made.s[i].bytes[27] = 0;
		give(&t.made, i);
	}
	assert_int_equal(t.frames, 3);
	assert_true(t.len < t.made.stream_len);
}

static void t7_a_promised_block_that_never_comes_loses_the_frame(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 8, .blocks = 2});
	for (unsigned i = 0; t.made.s[i].block == 0; i++)
		give(&t.made, i);
	assert_int_equal(t.frames, 2);
	send_type(1);
	assert_int_equal(t.first[0], 3);
	assert_int_equal(t.last[0], 3);
	assert_int_equal(t.frames, 2);
}

static void t16_a_block_that_overtakes_kills_the_frame(void **state)
{
	unsigned second;

	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 8, .blocks = 2});
	for (second = 0; t.made.s[second].block == 0; second++)
		;
	give(&t.made, 0);
	give(&t.made, second);
	assert_int_equal(t.rfis, 1);
	for (unsigned i = 1; i < t.made.n; i++)
		give(&t.made, i);
	assert_int_equal(t.frames, 2);
	send_type(5);
	assert_int_equal(t.frames, 3);
}

static void t15_blocks_may_differ_and_need_no_parity(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 9, .blocks = 2, .q = 1}); /* 1: none at all */
	assert_int_equal(t.made.n, t.made.n_data);
	give_but(0);
	assert_int_equal(t.frames, 3);
	make(&(struct frame_spec){.type = 1, .shards = 9, .blocks = 2, .q = 1});
	give_but(1);
	send_type(1);
	assert_int_equal(t.frames, 3);
	assert_true(t.rfis >= 1);
}

static void t21_an_idr_without_parameter_sets_is_not_one(void **state)
{
	static const uint8_t slice[] = {0, 0, 0, 1, 0x65, 0x88, 0x84};

	(void)state;
	begin(false, CODEC_H264);
	make(&(struct frame_spec){.type = 2, .raw = slice, .raw_len = sizeof(slice)});
	give_but(0);
	assert_int_equal(t.frames, 0);
	send_type(2);
	assert_int_equal(t.frames, 1);
}

static void t9_the_idr_slice_must_start_in_shard_0(void **state)
{
	uint8_t raw[400];
	size_t n = test_sps_len + test_pps_len;

	(void)state;
	begin(true, CODEC_H264);
	memcpy(raw, test_sps, test_sps_len);
	memcpy(raw + test_sps_len, test_pps, test_pps_len);
	memcpy(raw + n, "\0\0\0\1\x06\x05", 6); /* a large SEI */
	memset(raw + n + 6, 0x77, 200);
	memcpy(raw + n + 206, "\0\0\0\1\x65\x88", 6);
	/* The client drops it in silence, and again, until 120 frames were dropped. */
	for (unsigned i = 0; i < 119; i++) {
		make(&(struct frame_spec){.type = 2, .raw = raw, .raw_len = n + 212});
		give_but(0);
		assert_int_equal(t.idrs, 0);
	}
	make(&(struct frame_spec){.type = 2, .raw = raw, .raw_len = n + 212});
	give_but(0);
	assert_int_equal(t.idrs, 1);
	assert_int_equal(t.frames, 0);
}

static void leading_aud_and_sei_are_stripped(void **state)
{
	static const uint8_t p[] = {0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 6, 5, 1, 0, 0x80, 0, 0, 0, 1, 0x41, 0x9a, 0x33};
	uint8_t idr[100] = {0, 0, 0, 1, 9, 0xf0};

	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .raw = p, .raw_len = sizeof(p)});
	give_but(0);
	assert_memory_equal(t.bytes, p + 14, sizeof(p) - 14);
	memcpy(idr + 6, test_sps, test_sps_len);
	memcpy(idr + 6 + test_sps_len, test_pps, test_pps_len);
	memcpy(idr + 6 + test_sps_len + test_pps_len, "\0\0\1\x65", 4);
	idr[10 + test_sps_len + test_pps_len] = 0x88;
	make(&(struct frame_spec){.type = 2, .raw = idr, .raw_len = 11 + test_sps_len + test_pps_len});
	give_but(0);
	assert_memory_equal(t.bytes, test_sps, test_sps_len);
	assert_true(t.info.idr);
	assert_int_equal(judge_total(&t.judge), 0);
}

static void m23_av1_frames_are_cut_to_the_byte(void **state)
{
	(void)state;
	begin(true, CODEC_AV1);
	send_type(2);
	assert_int_equal(t.frames, 1);
	for (unsigned i = 0; i < 20; i++) {
		static uint8_t obu[300];

		memset(obu, 0, sizeof(obu)); /* zeros at the end are content here */
		obu[0] = 0x32;
		make(&(struct frame_spec){.type = 1, .raw = obu, .raw_len = 90 + i * 9});
		give_but(i % 2 ? 4 : 0);
		assert_int_equal(t.len, 90 + i * 9);
		assert_memory_equal(t.bytes, obu, t.len);
	}
	/* t10, t12: a length that cannot be is a lost frame */
	make(&(struct frame_spec){.type = 1, .shards = 2, .last_len = -1});
	give_but(0);
	make(&(struct frame_spec){.type = 1, .shards = 2, .last_len = PAYLOAD + 1});
	give_but(0);
	assert_int_equal(t.frames, 21);
	assert_true(t.rfis >= 1);
}

static void m20_rewritten_parity_fields_make_recovery_fail(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	for (unsigned i = 4; i < 6; i++)
		t.made.s[i].bytes[24] = 1; /* a clean flag where the code's byte belongs */
	give_but(1);
	assert_int_equal(t.frames, 2);
	assert_true(judge_total(&t.judge) > 0);
}

static void what_the_header_says_wrong_is_a_fault(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} cases[] = {{32, 0x81}, {35, 3}, {38, 1}, {36, 200}, {35, 2}, {35, 5}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		start(true);
		make(&(struct frame_spec){.type = 1, .shards = 1});
		t.made.s[0].bytes[cases[i].at] = cases[i].value;
		give(&t.made, 0);
		assert_true(judge_total(&t.judge) > 0);
		finish(NULL);
	}
	start(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_stream_without_loss_comes_through),
		CASE(m16_any_p_shards_of_each_block_may_be_lost),
		CASE(m18_duplicates_and_reordering_inside_a_block),
		CASE(m15_sequence_and_spi_wrap_inside_a_frame),
		CASE(m13_frames_of_several_blocks),
		CASE(t4_the_last_block_may_be_named_late),
		CASE(t6_a_block_that_calls_itself_the_last_truncates_the_frame),
		CASE(t7_a_promised_block_that_never_comes_loses_the_frame),
		CASE(t16_a_block_that_overtakes_kills_the_frame),
		CASE(t15_blocks_may_differ_and_need_no_parity),
		CASE(t21_an_idr_without_parameter_sets_is_not_one),
		CASE(t9_the_idr_slice_must_start_in_shard_0),
		CASE(leading_aud_and_sei_are_stripped),
		CASE(m23_av1_frames_are_cut_to_the_byte),
		CASE(m20_rewritten_parity_fields_make_recovery_fail),
		CASE(what_the_header_says_wrong_is_a_fault),
	};

	return cmocka_run_group_tests_name("probe_video", tests, NULL, NULL);
}
