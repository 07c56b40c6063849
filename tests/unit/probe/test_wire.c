// SPDX-License-Identifier: GPL-3.0-or-later
/* The judge of video datagrams: silent on a correct stream, however the network treats it, and loud on each rule. */
#include "probe/video_judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/wr.h"
#include "frames.h"
#include "probe/bitstream.h"
#include "probe/judge.h"
#include "probe/video_packet.h"

static struct judge judge;
static struct video_judge *v;
static struct maker maker;
static struct made made;

static void begin(void)
{
	judge_init(&judge);
	v = video_judge_create(&judge, SHARD_LEN, true);
	assert_non_null(v);
	maker_init(&maker);
}

static int finish(void **state)
{
	(void)state;
	video_judge_destroy(v);
	judge_finish(&judge);
	v = NULL;
	return 0;
}

static void give(unsigned i, size_t len)
{
	struct video_hdr h;

	assert_int_equal(video_hdr_parse(&h, made.s[i].bytes, SHARD_LEN), 0);
	video_judge_shard(v, &h, made.s[i].bytes, len);
}

static void give_all(void)
{
	for (unsigned i = 0; i < made.n; i++)
		give(i, SHARD_LEN);
}

static void make(unsigned shards, unsigned blocks)
{
	maker_frame(&maker, &(struct frame_spec){.type = maker.frame == 1 ? 2 : 1, .shards = shards, .blocks = blocks},
		    &made);
}

static void assert_said(const char *part)
{
	for (unsigned i = 0; i < judge.n; i++) {
		if (strstr(judge.entry[i].text, part))
			return;
	}
	fail_msg("the judge did not say: %s", part);
}

static void m9_a_correct_stream_has_no_faults(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < 200; i++) {
		make(4 + i % 30, 1 + i % 4);
		give_all();
	}
	video_judge_finish(v);
	assert_int_equal(judge_total(&judge), 0);
	assert_int_equal(video_judge_stats(v)->frames, 200);
	assert_int_equal(video_judge_stats(v)->lost, 0);
}

static void loss_and_reordering_are_the_networks_fault(void **state)
{
	unsigned lost = 0;

	(void)state;
	begin();
	make(4, 1);
	give_all();
	for (unsigned i = 0; i < 60; i++) {
		make(6, 1 + i % 3);
		for (unsigned k = 0; k < made.n; k++) {
			if (i % 10 == 9 || (k * 7 + i) % 5 == 0)
				lost++;
			else
				give(k, SHARD_LEN);
		}
	}
	make(4, 1);
	give(1, SHARD_LEN);
	give(0, SHARD_LEN);
	give(1, SHARD_LEN);
	assert_int_equal(judge_total(&judge), 0);
	assert_int_equal(video_judge_stats(v)->duplicates, 1);
	assert_int_equal(video_judge_stats(v)->lost, lost); /* frames of which nothing came included */
}

/* One byte of one shard of the third frame is changed. */
static void each_field_that_is_wrong_is_a_fault(void **state)
{
	static const struct {
		unsigned shard, at;
		uint8_t value;
		const char *what;
	} cases[] = {
		{0, 0, 0x80, "RTP byte 0 is 80"},
		{1, 1, 96, "payload type"},
		{1, 3, 0xff, "sequence - index"},
		{1, 7, 0xff, "timestamp differs"},
		{1, 11, 1, "ssrc"},
		{1, 15, 1, "bytes 12..15"},
		{4, 12, 1, "bytes 12..15"},
		{1, 16, 1, "low byte of SPI"},
		{1, 17, 0xff, "not the neighbour's + 1"},
		{1, 24, 5, "flags 05, not 01"},
		{1, 24, 0, "flags 00, not 01"},
		{3, 24, 1, "flags 01, not 03"},
		{0, 24, 1, "flags 01, not 05"},
		{1, 24, 9, "flags 09, not 01"},
		{1, 25, 2, "extraFlags 02"},
		{1, 25, 1, "LTR bit differs"},
		{1, 26, 0, "multiFecFlags 00"},
		{1, 27, 0x01, "low bits"},
		{1, 27, 0x80, "last block differ"},
		{1, 28, 0x21, "low bits"},
		{1, 28, 0x10, "D, q or last block differ"},
		{4, 50, 0xee, "parity shard 0 wrong"},
		{5, 24, 0xee, "parity shard 1 wrong"},
		{2, 40, 0xee, "parity shard 0 wrong"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		begin();
		for (unsigned f = 0; f < 4; f++) {
			make(4, 1);
			if (f == 2)
				made.s[cases[i].shard].bytes[cases[i].at] = cases[i].value;
			give_all();
		}
		video_judge_finish(v);
		assert_said(cases[i].what);
		finish(NULL);
	}
	begin();
}

static void numbering_that_is_wrong_is_a_fault(void **state)
{
	static const char *const what[] = {
		"first datagram is of frame 2",
		"sequence starts at 5",
		"SPI starts at 1",
		"jump from 1 to 3",
		"timestamp 9000 not after",
		"SPI 2 does not rise",
		"overlaps the block before",
		"0 was called the last",
		"give only 1 parity",
		"block 1 of 0",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(what); i++) {
		struct frame_spec f = {.type = 1, .shards = 8, .blocks = 2};

		begin();
		if (i == 0)
			maker.frame = 2; /* m6: does not start with frame 1 */
		if (i == 1)
			maker.seq = 5;
		if (i == 2)
			maker.spi = 1;
		make(4, 1);
		give_all();
		if (i == 3)
			maker.frame++; /* a number consumed without a frame */
		if (i == 4)
			maker.ts -= 1500; /* time stands still */
		if (i == 5)
			maker.spi -= 2;
		if (i == 6)
			maker.seq -= 3;
		if (i == 8) /* one parity shard, two were announced as the least */
			f = (struct frame_spec){.type = 1, .shards = 1, .q = 50};
		maker_frame(&maker, &f, &made);
		if (i == 7 || i == 9) { /* block 0 calls itself the last, yet another follows */
			for (unsigned k = 0; k < made.n; k++)
				made.s[k].bytes[27] &= 0x30;
		}
		give_all();
		video_judge_finish(v);
		assert_said(what[i]);
		finish(NULL);
	}
	begin();
}

static void m9_a_short_datagram_is_a_fault(void **state)
{
	(void)state;
	begin();
	make(4, 1);
	give(0, SHARD_LEN - 16);
	assert_true(judge_total(&judge) > 0);
}

static void m27_iv_rules(void **state)
{
	static const uint8_t good[12] = {5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'V'};
	uint8_t iv[12];

	(void)state;
	begin();
	video_judge_sealed(v, good, 1, 1);
	assert_int_equal(judge_total(&judge), 0);
	video_judge_sealed(v, good, 1, 1);
	assert_int_equal(judge_total(&judge), 1);
	memcpy(iv, good, 12);
	iv[0] = 6;
	video_judge_sealed(v, iv, 2, 1);
	assert_int_equal(judge_total(&judge), 2);
	iv[0] = 7;
	iv[8] = 1;
	video_judge_sealed(v, iv, 1, 1);
	assert_int_equal(judge_total(&judge), 3);
	iv[0] = 8;
	iv[8] = 0;
	iv[11] = 'C';
	video_judge_sealed(v, iv, 1, 1);
	assert_int_equal(judge_total(&judge), 4);
}

static void an_sps_is_read(void **state)
{
	struct sps_info s;

	(void)state;
	assert_int_equal(sps_parse(&s, test_sps, test_sps_len), 0);
	assert_int_equal(s.width, 640);
	assert_int_equal(s.height, 360);
	assert_int_equal(s.max_num_ref_frames, 1);
	assert_int_equal(s.num_reorder_frames, 0);
	for (size_t n = 0; n < test_sps_len - 8; n++) {
		struct sps_info cut;

		(void)sps_parse(&cut, test_sps, n);
	}
	assert_true(sps_parse(&s, test_pps, test_pps_len) < 0);
}

static void units_are_found_and_named(void **state)
{
	static const uint8_t h264[] = {0, 0, 0, 1,    0x67, 1, 0, 0, 1, 0x68, 2, 0,
				       0, 0, 1, 0x65, 0,    0, 3, 1, 0, 0,    1, 0x41};
	static const uint8_t hevc[] = {0, 0,    0, 1, 0x40, 1, 0,    0, 1, 0x42, 2, 0, 0,
				       1, 0x44, 2, 0, 0,    1, 0x26, 1, 0, 0,    1, 2, 1};
	struct nal_census c;

	(void)state;
	nal_count(CODEC_H264, h264, sizeof(h264), &c);
	assert_int_equal(c.n, 4);
	assert_int_equal(c.first[0], NAL_SPS);
	assert_int_equal(c.first[1], NAL_PPS);
	assert_int_equal(c.first[2], NAL_IDR);
	assert_int_equal(c.first[3], NAL_SLICE);
	assert_int_equal(nal_next(h264, sizeof(h264)), 6);
	nal_count(CODEC_HEVC, hevc, sizeof(hevc), &c);
	assert_int_equal(c.n, 5);
	assert_int_equal(c.first[0], NAL_VPS);
	assert_int_equal(c.first[1], NAL_SPS);
	assert_int_equal(c.first[2], NAL_PPS);
	assert_int_equal(c.first[3], NAL_IDR);
	assert_int_equal(c.first[4], NAL_SLICE);
}

#define CASE(f) cmocka_unit_test_teardown(f, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(m9_a_correct_stream_has_no_faults),   CASE(loss_and_reordering_are_the_networks_fault),
		CASE(each_field_that_is_wrong_is_a_fault), CASE(numbering_that_is_wrong_is_a_fault),
		CASE(m9_a_short_datagram_is_a_fault),      CASE(m27_iv_rules),
		cmocka_unit_test(an_sps_is_read),          cmocka_unit_test(units_are_found_and_named),
	};

	return cmocka_run_group_tests_name("probe_wire", tests, NULL, NULL);
}
