// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The encode thread when its encoder fails: in each way, the stream goes on with what is left, numbered without a gap,
 * and the client sees key frames and nothing else.
 */
#include "worker_rig.h"

#include <errno.h>
#include <string.h>

#include "encode/registry.h"

/* Stand-ins with names, and caps of their own. */
static struct encoder_ops first, second;
static atomic_uint opened[2], opened_kbps;
static atomic_uint open_fails_from; /* the first one's opening of this number and later ones fail; 0: none */
static bool first_plain, second_plain;

static const struct encoder_ops *null_ops(void)
{
	return encoder_find("null", CODEC_H264, NULL);
}

static int plain(enum codec codec, struct enc_caps *caps, bool is_plain)
{
	int rc = null_ops()->probe(codec, caps);

	if (is_plain) {
		caps->flags &= ~(uint32_t)(ENC_RFI | ENC_SLICES);
		caps->max_refs = 1;
	}
	return rc;
}

static int probe_first(enum codec codec, struct enc_caps *caps)
{
	return plain(codec, caps, first_plain);
}

static int probe_second(enum codec codec, struct enc_caps *caps)
{
	return plain(codec, caps, second_plain);
}

static int open_first(struct encoder *e)
{
	unsigned n = atomic_fetch_add(&opened[0], 1) + 1;

	if (open_fails_from && n >= open_fails_from)
		return -EIO;
	return null_ops()->open(e);
}

static int open_second(struct encoder *e)
{
	atomic_fetch_add(&opened[1], 1);
	atomic_store(&opened_kbps, e->params.kbps);
	return null_ops()->open(e);
}

static int setup(void **state)
{
	(void)state;
	first = second = *null_ops();
	first.name = "first";
	first.probe = probe_first;
	first.open = open_first;
	second.name = "second";
	second.probe = probe_second;
	second.open = open_second;
	opened[0] = opened[1] = opened_kbps = open_fails_from = 0;
	first_plain = second_plain = false;
	return 0;
}

static struct rig *begin(const char *a, const char *b, enum early_mode early)
{
	const struct encoder_choice c = {.at = {{&first, a}, {&second, b}}, .n = 2};
	struct rig *r = rig_start_with(500000, 100000, true, &c, early);

	encode_worker_begin(r->worker);
	return r;
}

static void assert_told(struct rig *r, const char *why, const char *describe)
{
	const struct encoder_ops *failed;
	const char *text;

	assert_true(encode_worker_tell(r->worker, &failed, &text));
	assert_ptr_equal(failed, &first);
	assert_string_equal(text, why);
	assert_non_null(strstr(encode_worker_describe(r->worker), describe));
	assert_false(encode_worker_tell(r->worker, &failed, &text));
	assert_string_equal(text, why);
}

/* Frames with those numbers are key frames, no other is. */
static void assert_keys(struct rig *r, unsigned n, unsigned b, unsigned c)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(r->seen[i].key, i == 0 || r->seen[i].frame_no == b || r->seen[i].frame_no == c);
}

static void one_that_fails_for_good_is_opened_anew_once_then_left(void **state)
{
	struct rig *r = begin("fail 40", "superfast", EARLY_OFF);

	(void)state;
	rig_wait_seen(r, 120);
	assert_keys(r, 120, 40, 79);
	assert_int_equal(atomic_load(&opened[0]), 2);
	assert_int_equal(atomic_load(&r->changed), 2);
	assert_told(r, "first failed at frame 79 (Input/output error): second goes on",
		    "second superfast, 2 slices, DPB ");
	assert_int_equal(atomic_load(&r->failed), 0);
	rig_stop_gapless(r);
}

static void the_picture_that_it_failed_at_is_no_repeat(void **state)
{
	const struct encoder_choice c = {.at = {{&first, "fail 2"}, {&second, "superfast"}}, .n = 2};
	struct rig *r = rig_start_with(60000, 1000, true, &c, EARLY_OFF);

	(void)state;
	encode_worker_begin(r->worker);
	rig_wait_seen(r, 1); /* the black start */
	assert_true(rig_post(r, clock_ns()));
	rig_wait_seen(r, 3); /* it, and then it is one */
	assert_true(r->seen[1].key && !r->seen[1].repeat);
	assert_true(r->seen[2].repeat);
	rig_stop_gapless(r);
}

static void one_that_breaks_frames_off_is_left(void **state)
{
	struct rig *r = begin("break 40", "superfast", EARLY_AUTO);

	(void)state;
	rig_wait_seen(r, 120);
	/* The numbers of the broken ones are spent. */
	assert_keys(r, 120, 41, 81);
	assert_int_equal(atomic_load(&r->broken), 2);
	assert_int_equal(atomic_load(&r->failed), 0);
	rig_stop_gapless(r);
}

static void one_that_hangs_is_left_at_once(void **state)
{
	struct rig *r = begin("hang 40", "superfast", EARLY_OFF);

	(void)state;
	rig_wait_seen(r, 80);
	assert_keys(r, 80, 40, 40);
	assert_int_equal(atomic_load(&opened[0]), 1);
	assert_int_equal(atomic_load(&opened[1]), 1);
	assert_told(r, "first failed at frame 40 (Input/output error): second goes on", "second");
	rig_stop_gapless(r);
}

static void one_that_does_not_open_again_is_left(void **state)
{
	struct rig *r;

	(void)state;
	open_fails_from = 2;
	r = begin("fail 40", "superfast", EARLY_OFF);
	rig_wait_seen(r, 80);
	assert_keys(r, 80, 40, 40);
	assert_int_equal(atomic_load(&opened[0]), 2);
	rig_stop_gapless(r);
}

static void one_that_does_not_open_at_all_is_passed_over_unless_it_was_named(void **state)
{
	struct encoder_choice c = {.at = {{&first, ""}, {&second, ""}}, .n = 2};
	struct encode_worker_params p = {
		.video = {.codec = CODEC_H264,
			  .width = RIG_W,
			  .height = RIG_H,
			  .fps_mhz = 60000,
			  .depth = 8,
			  .encoder_kbps = 1000,
			  .packet_size = 1392},
		.min_slices = 1,
		.min_fps_mhz = 1000,
	};
	struct encode_worker *w;
	struct rig *r;

	(void)state;
	open_fails_from = 1;
	r = begin("", "superfast", EARLY_OFF);
	rig_wait_seen(r, 20);
	assert_keys(r, 20, 1, 1);
	assert_non_null(strstr(encode_worker_describe(r->worker), "second"));
	p.choice = c;
	p.choice.named = true;
	p.feedback = &r->feedback;
	assert_int_equal(encode_worker_start(&w, &p, &rig_events, r), -EIO);
	rig_stop_gapless(r);
}

static void it_ends_when_all_have_failed(void **state)
{
	struct rig *r = begin("fail 5", "hang 5", EARLY_OFF);
	uint64_t give_up = clock_ns() + RIG_PATIENCE_NS;
	const struct encoder_ops *failed;
	const char *why;

	(void)state;
	while (!atomic_load(&r->failed) && clock_ns() < give_up)
		rig_sleep_ms(1);
	assert_int_equal(atomic_load(&r->failed), -EIO);
	rig_wait_seen(r, 16); /* twice four each */
	assert_int_equal(atomic_load(&opened[0]), 2);
	assert_int_equal(atomic_load(&opened[1]), 2);
	/* Told as well: else the next stream would take it untried. */
	assert_true(encode_worker_tell(r->worker, &failed, &why));
	assert_ptr_equal(failed, &second);
	assert_non_null(strstr(why, "there is no other"));
	rig_stop_gapless(r);
}

static void units_on_their_way_outlive_the_encoder_that_is_left(void **state)
{
	struct rig *r = begin("hang 40", "superfast", EARLY_OFF);

	(void)state;
	atomic_store(&r->keep, true);
	rig_wait_seen(r, 80);
	assert_keys(r, 80, 40, 40);
	rig_stop_gapless(r);
}

/* In place, the old one must go first; a unit that does not come back sends the stream on. */
static void a_unit_that_never_comes_back_does_not_hold_the_stream_up(void **state)
{
	struct rig *r = begin("fail 40", "superfast", EARLY_OFF);

	(void)state;
	atomic_store(&r->keep, true);
	rig_wait_seen(r, 80);
	assert_keys(r, 80, 40, 40);
	assert_int_equal(atomic_load(&opened[0]), 1);
	rig_stop_gapless(r);
}

static void losses_are_answered_as_the_new_encoder_can(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct rig *r;
		unsigned n;

		setup(state);
		first_plain = way;
		second_plain = !way;
		r = begin("hang 40", "superfast", EARLY_OFF);
		rig_wait_seen(r, 50);
		encode_worker_tell(r->worker, &(const struct encoder_ops *){0}, &(const char *){0});
		assert_int_equal(!!strstr(encode_worker_describe(r->worker), "DPB"), way);
		n = rig_seen(r);
		feedback_post_rfi(&r->feedback, n, n);
		rig_wait_seen(r, n + 20);
		for (unsigned i = 45; i < n + 20; i++) {
			assert_true(!r->seen[i].key || !way);
			assert_true(!r->seen[i].after_rfi || way);
		}
		assert_int_equal(STAT_GET(r->stats.rfi_frames), way);
		assert_int_equal(STAT_GET(r->stats.idr_frames), 2 + !way);
		rig_stop_gapless(r);
	}
}

static void what_was_asked_before_is_answered_by_the_one_key_frame(void **state)
{
	struct rig *r = begin("hang 40", "superfast", EARLY_OFF);

	(void)state;
	rig_wait_seen(r, 39);
	/* While it hangs. */
	rig_sleep_ms(30);
	feedback_post_rfi(&r->feedback, 38, 38);
	feedback_post_idr(&r->feedback);
	rig_wait_seen(r, 80);
	assert_keys(r, 80, 40, 40);
	rig_stop_gapless(r);
}

static void the_new_encoder_gets_the_rate_in_force(void **state)
{
	struct rig *r = begin("fail 80", "superfast", EARLY_OFF);

	(void)state;
	atomic_store(&r->feedback.kbps, 2000);
	open_fails_from = 2;
	rig_wait_seen(r, 100);
	assert_in_range(atomic_load(&opened_kbps), 2000, 2600);
	rig_stop_gapless(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_that_fails_for_good_is_opened_anew_once_then_left, setup),
		cmocka_unit_test_setup(the_picture_that_it_failed_at_is_no_repeat, setup),
		cmocka_unit_test_setup(one_that_breaks_frames_off_is_left, setup),
		cmocka_unit_test_setup(one_that_hangs_is_left_at_once, setup),
		cmocka_unit_test_setup(one_that_does_not_open_again_is_left, setup),
		cmocka_unit_test_setup(one_that_does_not_open_at_all_is_passed_over_unless_it_was_named, setup),
		cmocka_unit_test_setup(it_ends_when_all_have_failed, setup),
		cmocka_unit_test_setup(units_on_their_way_outlive_the_encoder_that_is_left, setup),
		cmocka_unit_test_setup(a_unit_that_never_comes_back_does_not_hold_the_stream_up, setup),
		cmocka_unit_test_setup(losses_are_answered_as_the_new_encoder_can, setup),
		cmocka_unit_test_setup(what_was_asked_before_is_answered_by_the_one_key_frame, setup),
		cmocka_unit_test_setup(the_new_encoder_gets_the_rate_in_force, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
