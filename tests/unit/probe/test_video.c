// SPDX-License-Identifier: GPL-3.0-or-later
/* The client's queue and frame machine: what is delivered, what is asked for, when (2-media 5.5 and the T cases). */
#include "probe/depacket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/wr.h"
#include "frames.h"
#include "probe/judge.h"
#include "probe/video_packet.h"
#include "probe/video_queue.h"

static struct {
	struct judge judge;
	struct video_queue *q;
	struct depacket *d;
	struct maker maker;
	struct made made, next;
	unsigned frames, idrs, rfis, ltrs, reports;
	uint32_t frame[400], first[400], last[400], ltr;
	uint8_t report[FEC_STATUS_LEN];
	uint8_t bytes[MADE_MAX * PAYLOAD];
	size_t len;
	struct frame_info info;
} t;

static void on_frame(void *ctx, const struct frame_info *f)
{
	(void)ctx;
	t.frame[t.frames++] = f->number;
	t.info = *f;
	memcpy(t.bytes, f->data, f->len);
	t.len = f->len;
}

static void on_idr(void *ctx)
{
	(void)ctx;
	t.idrs++;
}

static void on_rfi(void *ctx, uint32_t first, uint32_t last)
{
	(void)ctx;
	t.first[t.rfis] = first;
	t.last[t.rfis++] = last;
}

static void on_ltr(void *ctx, uint32_t frame)
{
	(void)ctx;
	t.ltr = frame;
	t.ltrs++;
}

static void on_shard(void *ctx, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t first_ns)
{
	(void)ctx;
	depacket_shard(t.d, h, data, len, first_ns);
}

static void on_lost(void *ctx, uint32_t frame, bool speculative)
{
	(void)ctx;
	depacket_lost(t.d, frame, speculative);
}

static void on_report(void *ctx, const uint8_t status[FEC_STATUS_LEN])
{
	(void)ctx;
	memcpy(t.report, status, FEC_STATUS_LEN);
	t.reports++;
}

static const struct video_queue_events queue_events = {on_shard, on_lost, on_report};
static const struct depacket_events frame_events = {on_frame, on_idr, on_rfi, on_ltr};

static void begin(bool rfi, enum codec codec)
{
	struct depacket_params p = {.codec = codec, .rfi = rfi, .payload_max = PAYLOAD, .judge = &t.judge};

	memset(&t, 0, sizeof(t));
	judge_init(&t.judge);
	t.q = video_queue_create(&t.judge, SHARD_LEN, &queue_events, NULL);
	t.d = depacket_create(&p, &frame_events, NULL);
	assert_non_null(t.q);
	assert_non_null(t.d);
	maker_init(&t.maker);
}

static int finish(void **state)
{
	(void)state;
	video_queue_destroy(t.q);
	depacket_destroy(t.d);
	judge_finish(&t.judge);
	t.q = NULL;
	t.d = NULL;
	return 0;
}

static void give(const struct made *m, unsigned i)
{
	struct video_hdr h;

	assert_int_equal(video_hdr_parse(&h, m->s[i].bytes, SHARD_LEN), 0);
	video_queue_add(t.q, &h, m->s[i].bytes, SHARD_LEN, 1);
}

static void make(const struct frame_spec *f)
{
	maker_frame(&t.maker, f, &t.made);
}

/* Gives all shards but those of the mask. */
static void give_but(uint64_t mask)
{
	for (unsigned i = 0; i < t.made.n; i++) {
		if (i >= 64 || !(mask >> i & 1))
			give(&t.made, i);
	}
}

static void send_type(uint8_t type)
{
	make(&(struct frame_spec){.type = type, .shards = 4});
	give_but(0);
}

static void start(bool rfi)
{
	begin(rfi, CODEC_H264);
	send_type(2);
	send_type(1);
	assert_int_equal(t.frames, 2);
	assert_int_equal(judge_total(&t.judge), 0);
}

static void assert_delivered_whole(void)
{
	assert_memory_equal(t.bytes, t.made.stream, t.made.stream_len);
	for (size_t i = t.made.stream_len; i < t.len; i++)
		assert_int_equal(t.bytes[i], 0);
}

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

static void t18_a_loss_with_rfi_asks_at_once_and_grows_until_type_5(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 4}); /* frame 3 never arrives */
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give(&t.made, 0);
	assert_int_equal(t.rfis, 1);
	assert_int_equal(t.first[0], 3);
	assert_int_equal(t.last[0], 3);
	for (unsigned i = 1; i < t.made.n; i++)
		give(&t.made, i);
	assert_int_equal(t.rfis, 2);
	assert_int_equal(t.last[1], 4);
	send_type(1);
	assert_int_equal(t.rfis, 3);
	assert_int_equal(t.first[2], 3);
	assert_int_equal(t.last[2], 5);
	assert_int_equal(t.frames, 2);
	send_type(5);
	assert_int_equal(t.frames, 3);
	assert_int_equal(t.frame[2], 6);
	send_type(1);
	assert_int_equal(t.frames, 4);
	assert_int_equal(t.rfis, 3);
	assert_int_equal(t.idrs, 0);
	assert_int_equal(depacket_stats(t.d)->rfi_recovered, 1);
	assert_int_equal(depacket_stats(t.d)->gaps, 1);
	assert_int_equal(judge_total(&t.judge), 0);
}

static void a_loss_without_rfi_asks_for_an_idr_after_the_next_whole_frame(void **state)
{
	(void)state;
	start(false);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give_but(0x7);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give(&t.made, 0);
	assert_int_equal(t.idrs, 0);
	for (unsigned i = 1; i < t.made.n; i++)
		give(&t.made, i);
	assert_int_equal(t.idrs, 1);
	send_type(1);
	send_type(5); /* does not help without RFI, and is a fault */
	assert_int_equal(t.idrs, 1);
	assert_int_equal(t.frames, 2);
	assert_int_equal(judge_total(&t.judge), 1);
	send_type(2);
	assert_int_equal(t.frames, 3);
	send_type(1);
	assert_int_equal(t.frames, 4);
	assert_int_equal(t.rfis, 0);
}

static void m17_more_than_p_lost_is_foreseen_mid_frame(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	/* 4 + 2: after shard 0 comes shard 4, three are missing, only two can be repaired. */
	give(&t.made, 0);
	assert_int_equal(t.rfis, 0);
	give(&t.made, 4);
	assert_int_equal(t.rfis, 1);
	assert_int_equal(t.first[0], 3);
	assert_int_equal(t.last[0], 3);
	give(&t.made, 5);
	/* It is not said again when the next frame begins; that frame's own wait grows the range. */
	send_type(1);
	assert_int_equal(t.rfis, 2);
	assert_int_equal(t.last[1], 4);
	send_type(5);
	assert_int_equal(t.frames, 3);
	assert_int_equal(t.rfis, 2);
}

static void after_reordering_nothing_is_foreseen(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give(&t.made, 1);
	give(&t.made, 0);
	give(&t.made, 2);
	give(&t.made, 3);
	assert_int_equal(t.frames, 3);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give(&t.made, 0);
	give(&t.made, 4);
	assert_int_equal(t.rfis, 0);
	send_type(1); /* now it is certain */
	assert_int_equal(t.first[0], 4);
	assert_int_equal(t.last[0], 4);
	assert_int_equal(t.rfis, 2);
}

static void a_wrong_forecast_ends_forecasting(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give(&t.made, 0);
	give(&t.made, 4);
	assert_int_equal(t.rfis, 1);
	/* The missing ones come after all: the frame is whole, but was already given up. */
	give(&t.made, 1);
	give(&t.made, 2);
	assert_int_equal(t.frames, 2);
	make(&(struct frame_spec){.type = 5, .shards = 4});
	give(&t.made, 0);
	give(&t.made, 4);
	assert_int_equal(t.rfis, 1);
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

static void t19_an_ltr_frame_is_acknowledged(void **state)
{
	(void)state;
	start(true);
	make(&(struct frame_spec){.type = 1, .shards = 3, .ltr = true});
	give_but(0);
	assert_int_equal(t.ltrs, 1);
	assert_int_equal(t.ltr, 3);
	finish(NULL);
	start(false);
	make(&(struct frame_spec){.type = 1, .shards = 3, .ltr = true});
	give_but(0);
	assert_int_equal(t.ltrs, 0);
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

static void fec_status_reports_what_was_repaired_or_lost(void **state)
{
	static const uint8_t want[FEC_STATUS_LEN] = {0, 0, 0, 3, 0, 16, 0, 13, 0, 1, 0, 4, 0, 2, 0, 3, 0, 1, 50, 0, 1};

	(void)state;
	start(true);
	assert_int_equal(t.maker.seq, 12);
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give_but(1u << 1);
	assert_int_equal(t.reports, 1);
	assert_memory_equal(t.report, want, sizeof(want));
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give_but(0x3e); /* one shard only */
	make(&(struct frame_spec){.type = 1, .shards = 4});
	give(&t.made, 0);
	assert_int_equal(t.reports, 2);
	assert_int_equal(t.report[3], 4);
	assert_int_equal(t.report[15], 1);
}

static void the_first_idr_lost_is_asked_for_after_a_whole_frame(void **state)
{
	(void)state;
	begin(true, CODEC_H264);
	make(&(struct frame_spec){.type = 2, .shards = 4});
	send_type(1);
	assert_int_equal(t.idrs, 1);
	assert_int_equal(t.rfis, 0);
	send_type(1);
	assert_int_equal(t.idrs, 1);
	send_type(2);
	assert_int_equal(t.frames, 1);
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

#define CASE(f) cmocka_unit_test_teardown(f, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_stream_without_loss_comes_through),
		CASE(m16_any_p_shards_of_each_block_may_be_lost),
		CASE(m18_duplicates_and_reordering_inside_a_block),
		CASE(m15_sequence_and_spi_wrap_inside_a_frame),
		CASE(t18_a_loss_with_rfi_asks_at_once_and_grows_until_type_5),
		CASE(a_loss_without_rfi_asks_for_an_idr_after_the_next_whole_frame),
		CASE(m17_more_than_p_lost_is_foreseen_mid_frame),
		CASE(after_reordering_nothing_is_foreseen),
		CASE(a_wrong_forecast_ends_forecasting),
		CASE(m13_frames_of_several_blocks),
		CASE(t4_the_last_block_may_be_named_late),
		CASE(t6_a_block_that_calls_itself_the_last_truncates_the_frame),
		CASE(t7_a_promised_block_that_never_comes_loses_the_frame),
		CASE(t16_a_block_that_overtakes_kills_the_frame),
		CASE(t15_blocks_may_differ_and_need_no_parity),
		CASE(t19_an_ltr_frame_is_acknowledged),
		CASE(t21_an_idr_without_parameter_sets_is_not_one),
		CASE(t9_the_idr_slice_must_start_in_shard_0),
		CASE(leading_aud_and_sei_are_stripped),
		CASE(m23_av1_frames_are_cut_to_the_byte),
		CASE(m20_rewritten_parity_fields_make_recovery_fail),
		CASE(fec_status_reports_what_was_repaired_or_lost),
		CASE(the_first_idr_lost_is_asked_for_after_a_whole_frame),
		CASE(what_the_header_says_wrong_is_a_fault),
	};

	return cmocka_run_group_tests_name("probe_video", tests, NULL, NULL);
}
