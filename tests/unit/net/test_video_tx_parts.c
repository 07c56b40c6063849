// SPDX-License-Identifier: GPL-3.0-or-later
/* The sending thread: frames that leave in parts, while the encoder is still at them. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "video_tx_rig.h"

#define PART 20000u /* 14 payloads */

static void wait_packets(struct rig *r, unsigned n)
{
	uint64_t give_up = clock_ns() + 20 * NS_PER_S;

	while (STAT_GET(r->stats.packets_sent) < n) {
		assert_true(clock_ns() < give_up);
		usleep(500);
	}
}

/* The first unit of the next frame. */
static void begin_frame(struct rig *r, size_t expected)
{
	rig_next_frame(r, expected);
	rig_push_unit(r, r->frame_no, 0, PART, true, false);
}

static void parts_leave_while_the_rest_is_encoded(void **state)
{
	(void)state;
	for (unsigned fixed = 0; fixed < 2; fixed++) {
		static struct rig r;

		rig_init(&r, 1392, fixed, 2000000);
		r.params.fixed_blocks = fixed;
		rig_start(&r);
		rig_receive(&r);
		for (unsigned i = 0; i < 5; i++) {
			unsigned before = (unsigned)STAT_GET(r.stats.packets_sent);

			begin_frame(&r, 3 * PART);
			/* 14 and 3 of parity are out while nothing of the frame is there but this unit. */
			wait_packets(&r, before + 17);
			rig_push_unit(&r, r.frame_no, PART, 2 * PART, false, false);
			if (!fixed)
				wait_packets(&r, before + 34);
			assert_int_equal(credit_used(&r.credit), 1);
			rig_push_unit(&r, r.frame_no, 2 * PART, 3 * PART, false, true);
			rig_settle(&r, i + 1);
		}
		assert_int_equal(atomic_load(&r.same), 5);
		assert_int_equal(STAT_GET(r.stats.frames_sent), 5);
		assert_int_equal(STAT_GET(r.stats.frames_in_parts), 5);
		rig_finish_lost(&r, 0);
	}
}

static void a_part_waits_when_the_rest_might_not_fit_behind_it(void **state)
{
	static struct rig r;

	(void)state;
	rig_begin(&r, 1392, false, 2000000);
	/* Three blocks of 212 are left after the first one: not enough for what is expected and a third more. */
	begin_frame(&r, 600 * 1376);
	rig_push_unit(&r, 1, PART, 2 * PART, false, false);
	usleep(20000);
	assert_int_equal(STAT_GET(r.stats.packets_sent), 0);
	/* It turns out smaller. */
	r.len[1] = 3 * PART;
	rig_push_unit(&r, 1, 2 * PART, 3 * PART, false, true);
	rig_settle(&r, 1);
	assert_int_equal(atomic_load(&r.same), 1);
	rig_finish(&r);
}

static void an_encoder_that_fails_in_mid_frame_costs_that_frame_only(void **state)
{
	(void)state;
	for (unsigned early = 0; early < 2; early++) {
		static struct rig r;

		rig_begin(&r, 1392, false, 2000000);
		rig_push_frame(&r, 3000, 1);
		rig_wait_delivered(&r, 1);
		/* With nothing of it sent, and with a block of it sent. */
		begin_frame(&r, early ? 3 * PART : 4000 * 1376);
		if (early)
			wait_packets(&r, 5 + 17);
		rig_push_unit(&r, 2, PART, PART, false, true);
		rig_wait_credit(&r);
		/* Its units come back when the encode thread has been told: not before the encoder may begin anew. */
		while (atomic_load(&r.aus_out))
			usleep(500);
		rig_expect_unsent(&r, early ? 3 : 2, early);
		rig_push_frame(&r, 3000, 1);
		rig_settle(&r, 2);
		assert_int_equal(atomic_load(&r.same), 2);
		assert_int_equal(STAT_GET(r.stats.frames_sent), 2);
		assert_int_equal(STAT_GET(r.stats.frames_dropped), 1);
		rig_finish_lost(&r, early);
	}
}

static void a_frame_in_parts_without_end_is_given_up_when_the_next_begins(void **state)
{
	static struct rig r;

	(void)state;
	rig_begin(&r, 1392, true, 2000000);
	rig_push_frame(&r, 3000, 1);
	begin_frame(&r, 3 * PART);
	wait_packets(&r, 5 + 17);
	rig_push_frame(&r, 3 * PART, 3); /* useless: it refers to the one before */
	rig_wait_credit(&r);
	assert_int_equal(STAT_GET(r.stats.frames_dropped), 2);
	rig_expect_unsent(&r, 3, true);
	rig_push_frame(&r, 3 * PART, 3);
	rig_settle(&r, 2);
	assert_int_equal(atomic_load(&r.same), 2);
	rig_finish_lost(&r, 1);
}

static void late_parts_are_dropped_with_their_frame(void **state)
{
	static struct rig r;

	(void)state;
	rig_init(&r, 1392, false, 2000000);
	r.params.video.fps_mhz = 60000; /* patience 50 ms */
	rig_start(&r);
	/* Nobody reads: the pair is full after a few frames. Units come slowly, so that one is dropped between them. */
	for (unsigned i = 0; i < 60 && !STAT_GET(r.stats.frames_dropped); i++) {
		begin_frame(&r, 3 * PART);
		rig_push_unit(&r, r.frame_no, PART, 2 * PART, false, false);
		for (unsigned k = 0; k < 100 && !STAT_GET(r.stats.frames_dropped) && i > 3; k++)
			usleep(1000);
		rig_push_unit(&r, r.frame_no, 2 * PART, 3 * PART, false, true);
	}
	rig_recovers(&r, 3 * PART, 3);
}

static void stop_in_the_middle_of_a_frame_in_parts_gives_everything_back(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 40; round++) {
		static struct rig r;

		rig_init(&r, 1392, round % 2, 20000);
		rig_start(&r);
		begin_frame(&r, 4 * PART);
		if (round % 2)
			rig_push_unit(&r, 1, PART, 2 * PART, false, false);
		if (round % 5 == 1)
			rig_push_unit(&r, 1, 2 * PART, 2 * PART, false, true);
		if (round % 5 == 2)
			begin_frame(&r, 4 * PART);
		if (round % 3)
			usleep(round * 200);
		rig_finish(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_leave_while_the_rest_is_encoded),
		cmocka_unit_test(a_part_waits_when_the_rest_might_not_fit_behind_it),
		cmocka_unit_test(an_encoder_that_fails_in_mid_frame_costs_that_frame_only),
		cmocka_unit_test(a_frame_in_parts_without_end_is_given_up_when_the_next_begins),
		cmocka_unit_test(late_parts_are_dropped_with_their_frame),
		cmocka_unit_test(stop_in_the_middle_of_a_frame_in_parts_gives_everything_back),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
