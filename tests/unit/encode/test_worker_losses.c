// SPDX-License-Identifier: GPL-3.0-or-later
/* The encode thread and what it is told of the path: losses, frames that never left, silence. */
#include "worker_rig.h"

static void m46_m47_losses_are_answered_by_the_next_frame(void **state)
{
	struct rig *r = rig_begin(1000, true, NULL, 12);
	unsigned n;

	(void)state;
	n = rig_seen(r);
	feedback_post_rfi(&r->feedback, n - 1, n - 1);
	rig_wait_seen(r, n + 1);
	/* Not waiting for a new picture: the still one is sent again at once. */
	assert_true(r->seen[n].after_rfi && !r->seen[n].key && r->seen[n].repeat);
	assert_true(r->seen[n].pts_ns - r->seen[n - 1].pts_ns < NS_PER_S);
	assert_int_equal(r->seen[n].ref, n - 2);
	rig_feed(r, 1);
	assert_false(r->seen[n + 1].after_rfi);
	assert_int_equal(r->seen[n + 1].ref, n + 1);

	n = rig_seen(r);
	feedback_post_rfi(&r->feedback, n, n);
	feedback_post_idr(&r->feedback);
	rig_wait_seen(r, n + 1);
	/* Either the range came first and the key frame second, or both were seen at once. */
	rig_feed(r, 2);
	assert_int_equal(r->seen[n].key + r->seen[n + 1].key + r->seen[n + 2].key, 1);
	n = rig_seen(r);
	feedback_post_rfi(&r->feedback, 1, n);
	rig_wait_seen(r, n + 1);
	assert_true(r->seen[n].key);
	rig_stop_gapless(r);
}

static void m25_numbers_of_frames_that_did_not_leave_are_used_again(void **state)
{
	struct rig *r = rig_begin(1000, true, NULL, 12);
	unsigned n;

	(void)state;
	n = rig_seen(r);
	feedback_post_unsent(&r->feedback, 7, n - 1, false); /* the last two */
	rig_wait_seen(r, n + 1);
	assert_int_equal(r->seen[n].frame_no, n - 1);
	assert_int_equal(r->seen[n].epoch, 7);
	assert_true(r->seen[n].after_rfi && !r->seen[n].key);
	assert_int_equal(r->seen[n].ref, n - 2);
	/* What the client calls n - 1 is that frame now. */
	feedback_post_rfi(&r->feedback, n - 1, n - 1);
	rig_wait_seen(r, n + 2);
	assert_int_equal(r->seen[n + 1].frame_no, n);
	assert_true(r->seen[n + 1].after_rfi);
	assert_int_equal(r->seen[n + 1].ref, n - 2);
	/* A frame that went out in part keeps its number; the client is told nothing it does not know. */
	feedback_post_unsent(&r->feedback, 8, n + 1, true);
	rig_wait_seen(r, n + 3);
	assert_int_equal(r->seen[n + 2].frame_no, n + 1);
	assert_true(r->seen[n + 2].after_rfi);
	feedback_post_rfi(&r->feedback, n, n);
	rig_feed(r, 1);
	assert_false(r->seen[n + 3].after_rfi || r->seen[n + 3].key);
	rig_stop(r);
}

static void nothing_is_encoded_while_the_path_is_dead(void **state)
{
	struct rig *r = rig_begin(500000, true, NULL, 0);
	unsigned n;

	(void)state;
	rig_wait_seen(r, 10);
	feedback_set_silent(&r->feedback, true);
	rig_sleep_ms(30); /* what was begun is done */
	n = rig_seen(r);
	feedback_post_ltr(&r->feedback, n - 2);
	rig_post_in_vain(r);
	feedback_set_silent(&r->feedback, false);
	rig_wait_seen(r, n + 2);
	assert_true(r->seen[n].after_rfi && !r->seen[n].key);
	assert_int_equal(r->seen[n].ref, n - 2);
	assert_false(r->seen[n + 1].after_rfi);
	rig_stop_gapless(r);
}

static void a_path_that_goes_quiet_does_not_push_out_what_the_client_has(void **state)
{
	struct rig *r = rig_start(100000, 100000, true, NULL, EARLY_OFF);
	uint64_t now, never = clock_ns() + 3600 * NS_PER_S;
	unsigned n, acked;

	(void)state;
	encode_worker_begin(r->worker);
	rig_wait_seen(r, 20);
	acked = rig_seen(r);
	feedback_post_ltr(&r->feedback, acked);
	/* No pause for an hour: the first frames come at once, as they do on a path that works; what is left of the DPB
	 * has to last. */
	now = clock_ns();
	feedback_post_heard(&r->feedback, now, never);
	rig_sleep_ms(200);
	n = rig_seen(r);
	assert_in_range(n, acked, acked + 15);
	rig_post_in_vain(r);
	/* A sign of life is enough to go on, with nothing said about it. */
	feedback_post_heard(&r->feedback, clock_ns(), never);
	rig_wait_seen(r, n + 3);
	assert_false(r->seen[n].after_rfi || r->seen[n].key);
	rig_stop_gapless(r);
}

static void frames_are_marked_for_clients_that_can_answer(void **state)
{
	struct rig *with = rig_start(60000, 60000, true, NULL, EARLY_OFF);
	struct rig *without = rig_start(60000, 60000, false, NULL, EARLY_OFF);
	unsigned marks = 0, apart = 0;

	(void)state;
	encode_worker_begin(with->worker);
	encode_worker_begin(without->worker);
	rig_wait_seen(with, 20);
	rig_wait_seen(without, 20);
	for (unsigned i = 0; i < 20; i++) {
		marks += with->seen[i].ltr;
		apart = with->seen[i].ltr ? 0 : apart + 1;
		assert_in_range(apart, 0, 3);
		assert_false(without->seen[i].ltr);
	}
	assert_int_equal(marks, 5);
	rig_stop(with);
	rig_stop(without);
}

static void m49_without_rfi_losses_give_key_frames(void **state)
{
	struct rig *r = rig_begin(1000, false, NULL, 5);
	unsigned n;

	(void)state;
	n = rig_seen(r);
	feedback_post_rfi(&r->feedback, n, n);
	rig_wait_seen(r, n + 1);
	assert_true(r->seen[n].key);
	rig_stop(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m46_m47_losses_are_answered_by_the_next_frame),
		cmocka_unit_test(m25_numbers_of_frames_that_did_not_leave_are_used_again),
		cmocka_unit_test(nothing_is_encoded_while_the_path_is_dead),
		cmocka_unit_test(a_path_that_goes_quiet_does_not_push_out_what_the_client_has),
		cmocka_unit_test(frames_are_marked_for_clients_that_can_answer),
		cmocka_unit_test(m49_without_rfi_losses_give_key_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
