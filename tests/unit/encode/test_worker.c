// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The encode thread from picture to frame: what comes out is numbered without gaps, rises in time, never exceeds
 * credit, outlives its encoder, and every frame goes back.
 */
#include "worker_rig.h"

#include <errno.h>
#include <string.h>

#include "encode/registry.h"

static void m6_first_frame_is_number_1_and_an_idr(void **state)
{
	struct rig *r = rig_start(500000, 1000, true, NULL, EARLY_OFF);

	(void)state;
	/* Nothing before begin, whatever arrives or is asked. */
	rig_post(r, clock_ns());
	rig_post(r, clock_ns());
	feedback_post_idr(&r->feedback);
	feedback_post_rfi(&r->feedback, 3, 4);
	rig_sleep_ms(20);
	assert_int_equal(rig_seen(r), 0);
	encode_worker_begin(r->worker);
	rig_wait_seen(r, 1);
	rig_feed(r, 20);
	assert_int_equal(r->seen[0].frame_no, 1);
	assert_true(r->seen[0].key && !r->seen[0].repeat && r->seen[0].pts_ns > 0);
	for (unsigned i = 1; i < 20; i++)
		assert_false(r->seen[i].key);
	assert_non_null(strstr(encode_worker_describe(r->worker), "2 slices, DPB "));
	rig_stop_gapless(r);
}

static void pictures_passed_over_are_counted(void **state)
{
	struct rig *r = rig_start(500000, 1000, true, NULL, EARLY_OFF);

	(void)state;
	r->seq = 40; /* what came before the stream does not count */
	encode_worker_begin(r->worker);
	rig_feed(r, 3);
	r->seq += 2; /* the source itself dropped two */
	rig_feed(r, 1);
	rig_feed(r, 1);
	assert_int_equal(STAT_GET(r->stats.frames_skipped), 2);
	r->seq = 0; /* opened anew */
	rig_feed(r, 2);
	assert_int_equal(STAT_GET(r->stats.frames_skipped), 2);
	r->seq++;
	rig_feed(r, 1);
	assert_int_equal(STAT_GET(r->stats.frames_skipped), 3);
	rig_stop(r);
}

static void a_silent_source_gets_a_picture(void **state)
{
	struct rig *r = rig_start(60000, 20000, true, NULL, EARLY_OFF);

	(void)state;
	encode_worker_begin(r->worker);
	rig_wait_seen(r, 3);
	assert_true(r->seen[0].key && r->seen[0].repeat);
	rig_feed(r, 1);
	rig_stop(r);
}

static void m24_m56_still_picture_is_repeated_with_rising_time_and_no_latency(void **state)
{
	struct rig *r = rig_begin(100000, true, NULL, 3);
	unsigned repeats = 0;

	(void)state;
	rig_wait_seen(r, 20);
	rig_assert_gapless(r);
	for (unsigned i = 0; i < 20; i++)
		if (r->seen[i].repeat) {
			assert_int_equal(r->seen[i].t.captured, 0);
			repeats++;
		}
	assert_true(repeats >= 15);
	assert_true(STAT_GET(r->stats.frames_repeated) >= repeats);
	rig_stop(r);
}

static void m25_no_credit_no_frame_and_no_gap(void **state)
{
	struct rig *r = rig_begin(500000, true, NULL, 0);
	unsigned n;

	(void)state;
	rig_wait_seen(r, 10);
	atomic_store(&r->hold, true);
	rig_sleep_ms(30);
	n = rig_seen(r);
	rig_post_in_vain(r);
	assert_int_equal(credit_used(&r->credit), CREDIT_FRAMES);
	atomic_store(&r->hold, false);
	rig_wait_seen(r, n + 10);
	assert_true(r->max_in_flight <= CREDIT_FRAMES);
	rig_stop_gapless(r);
}

static void time_stamps_rise_though_the_source_goes_back(void **state)
{
	struct rig *r = rig_begin(1000, true, NULL, 0);
	uint64_t t0 = clock_ns();

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		unsigned before = rig_seen(r);

		/* Same time, older times, no time, the future. */
		assert_true(rig_post(r, i % 4 == 0 ? t0 : i % 4 == 1 ? 1 : i % 4 == 2 ? 0 : UINT64_MAX));
		rig_wait_seen(r, before + 1);
	}
	rig_stop_gapless(r);
}

static void unusable_frames_go_back_and_the_stream_goes_on(void **state)
{
	struct rig *r = rig_begin(100000, true, NULL, 2);
	uint32_t *pixels = r->pixels;

	(void)state;
	r->pixels = NULL;
	for (int i = 0; i < 10; i++) {
		rig_post(r, clock_ns());
		rig_sleep_ms(2);
	}
	rig_wait_seen(r, rig_seen(r) + 3);
	r->pixels = pixels;
	assert_int_equal(atomic_load(&r->failed), 0);
	rig_stop_gapless(r);
}

static void m25_a_failed_encoder_is_opened_anew_without_a_gap(void **state)
{
	struct rig *r = rig_begin(100000, true, "fail 310", 300);

	(void)state;
	rig_wait_seen(r, 330);
	/* Number 310 failed and came from the new encoder, as an IDR. */
	for (unsigned i = 1; i < 330; i++)
		assert_int_equal(r->seen[i].key, i == 309);
	assert_int_equal(atomic_load(&r->failed), 0);
	rig_stop_gapless(r);
}

static void an_encoder_that_fails_again_at_once_is_given_up(void **state)
{
	struct rig *r = rig_begin(100000, true, "fail 5", 0);
	uint64_t give_up = clock_ns() + RIG_PATIENCE_NS;

	(void)state;
	while (!atomic_load(&r->failed) && clock_ns() < give_up)
		rig_sleep_ms(1);
	assert_int_equal(atomic_load(&r->failed), -EIO);
	/* Told before that, though the sink may still be at them. */
	assert_int_equal(STAT_GET(r->stats.frames_encoded), 8);
	rig_wait_seen(r, 8);
	rig_stop_gapless(r);
}

static void an_encoder_that_breaks_off_a_frame_has_spent_its_number(void **state)
{
	struct rig *r = rig_start(500000, 100000, true, "break 310", EARLY_AUTO);

	(void)state;
	encode_worker_begin(r->worker);
	rig_feed(r, 300);
	rig_wait_seen(r, 330);
	/* The first unit of 310 was out: the new encoder goes on with 311, an IDR. */
	for (unsigned i = 1; i < 330; i++)
		assert_int_equal(r->seen[i].key, i == 310);
	assert_int_equal(atomic_load(&r->failed), 0);
	assert_int_equal(atomic_load(&r->broken), 1);
	assert_true(atomic_load(&r->units) >= 2 * 330);
	/* Its credit came back like any other's. */
	assert_in_range(r->max_in_flight, 1, CREDIT_FRAMES);
	rig_stop_gapless(r);
}

static void start_and_stop_at_any_moment(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		struct rig *r = rig_start(500000, 500000, i & 1, NULL, EARLY_OFF);

		if (i % 3)
			encode_worker_begin(r->worker);
		if (i % 3 == 2)
			rig_feed(r, 3);
		rig_stop(r);
	}
}

static void what_cannot_be_encoded_is_said_at_start(void **state)
{
	struct rig *r = rig_start(60000, 1000, true, NULL, EARLY_OFF);
	struct encode_worker_params p = {
		.video = {.codec = CODEC_HEVC, .width = RIG_W, .height = RIG_H, .fps_mhz = 60000, .encoder_kbps = 1000},
		.feedback = &r->feedback,
	};
	struct encode_worker *w = NULL;

	(void)state;
	assert_int_equal(encode_worker_start(&w, &p, &rig_events, r), -ENOTSUP);
	assert_null(w);
	p.choice.n = 1;
	p.choice.at[0].ops = encoder_find("null", CODEC_H264, NULL);
	p.choice.at[0].preset = "superfast";
	assert_int_equal(encode_worker_start(&w, &p, &rig_events, r), -ENOTSUP);
	encode_worker_stop(NULL);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m6_first_frame_is_number_1_and_an_idr),
		cmocka_unit_test(pictures_passed_over_are_counted),
		cmocka_unit_test(a_silent_source_gets_a_picture),
		cmocka_unit_test(m24_m56_still_picture_is_repeated_with_rising_time_and_no_latency),
		cmocka_unit_test(m25_no_credit_no_frame_and_no_gap),
		cmocka_unit_test(time_stamps_rise_though_the_source_goes_back),
		cmocka_unit_test(unusable_frames_go_back_and_the_stream_goes_on),
		cmocka_unit_test(m25_a_failed_encoder_is_opened_anew_without_a_gap),
		cmocka_unit_test(an_encoder_that_fails_again_at_once_is_given_up),
		cmocka_unit_test(an_encoder_that_breaks_off_a_frame_has_spent_its_number),
		cmocka_unit_test(start_and_stop_at_any_moment),
		cmocka_unit_test(what_cannot_be_encoded_is_said_at_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
