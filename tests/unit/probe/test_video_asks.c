// SPDX-License-Identifier: GPL-3.0-or-later
/* The client's queue and frame machine: what is asked for and reported, and when (2-media 5.5 and the T cases). */
#include "video_rig.h"

#include <string.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(t18_a_loss_with_rfi_asks_at_once_and_grows_until_type_5),
		CASE(a_loss_without_rfi_asks_for_an_idr_after_the_next_whole_frame),
		CASE(m17_more_than_p_lost_is_foreseen_mid_frame),
		CASE(after_reordering_nothing_is_foreseen),
		CASE(a_wrong_forecast_ends_forecasting),
		CASE(t19_an_ltr_frame_is_acknowledged),
		CASE(fec_status_reports_what_was_repaired_or_lost),
		CASE(the_first_idr_lost_is_asked_for_after_a_whole_frame),
	};

	return cmocka_run_group_tests_name("probe_video_asks", tests, NULL, NULL);
}
