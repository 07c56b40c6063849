// SPDX-License-Identifier: GPL-3.0-or-later
/* The encode thread and a screen that stands still: what shows the same is not encoded, what was blurred gets sharp. */
#include "worker_rig.h"

#include <string.h>

static int setup(void **state)
{
	(void)state;
	rig_refine = false;
	rig_kbps = 1000;
	return 0;
}

static void what_shows_the_same_is_left_to_the_repeats(void **state)
{
	struct rig *r = rig_begin(1000, true, NULL, 5);

	(void)state;
	r->same = true;
	/* Each is taken before the next comes: one that was passed over might have shown something new. */
	for (unsigned i = 0; i < 20; i++) {
		assert_true(rig_post(r, clock_ns()));
		while (atomic_load(&r->out_of_pool))
			rig_sleep_ms(1);
	}
	assert_int_equal(rig_seen(r), 5);
	assert_int_equal(STAT_GET(r->stats.frames_skipped), 0);
	/* A frame a second, as for one that gives none. */
	rig_wait_seen(r, 6);
	assert_true(r->seen[5].repeat);
	r->same = false;
	rig_feed(r, 1);
	assert_false(r->seen[6].repeat);
	rig_stop_gapless(r);
}

static void the_same_as_one_that_was_passed_over_is_new(void **state)
{
	struct rig *r = rig_begin(1000, true, NULL, 5);

	(void)state;
	r->same = true;
	r->seq++; /* that one had changed */
	rig_feed(r, 1);
	assert_false(r->seen[5].repeat);
	rig_stop_gapless(r);
}

static void the_first_one_is_new_whatever_it_says(void **state)
{
	struct rig *r = rig_start(500000, 1000, true, NULL, EARLY_OFF);

	(void)state;
	r->same = true;
	encode_worker_begin(r->worker);
	rig_feed(r, 1);
	assert_false(r->seen[0].repeat);
	rig_stop_gapless(r);
}

/* And is not converted anew for it, as is counted. */
static void a_cursor_that_moves_makes_pictures_of_a_still_screen(void **state)
{
	static struct cursor_image image = {.id = 1, .w = 16, .h = 16};
	struct rig *r = rig_begin(1000, true, NULL, 5);
	unsigned seen;

	(void)state;
	memset(image.argb, 0xff, (size_t)image.w * image.h * 4);
	r->seq++;
	r->picture = 7;
	rig_feed(r, 1);
	assert_int_equal(STAT_GET(r->stats.frames_cursor), 0);
	for (int32_t i = 0; i < 20; i++) {
		r->cursor = (struct cursor){&image, 3 * i, 2 * i};
		rig_feed(r, 1);
		assert_false(r->seen[6 + i].repeat);
	}
	assert_int_equal(STAT_GET(r->stats.frames_cursor), 20);
	/* It stands still. */
	seen = rig_seen(r);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(rig_post(r, clock_ns()));
		while (atomic_load(&r->out_of_pool))
			rig_sleep_ms(1);
	}
	assert_int_equal(rig_seen(r), seen);
	/* It leaves, and another picture comes. */
	r->cursor = (struct cursor){0};
	rig_feed(r, 1);
	assert_int_equal(STAT_GET(r->stats.frames_cursor), 21);
	r->seq++;
	r->picture = 8;
	rig_feed(r, 1);
	assert_int_equal(STAT_GET(r->stats.frames_cursor), 21);
	assert_int_equal(STAT_GET(r->stats.frames_skipped), 0);
	rig_stop_gapless(r);
}

/* Repeats after the fifth picture that come much sooner than those of a still screen. */
static unsigned refined(struct rig *r)
{
	unsigned n = 0;

	rig_wait_seen(r, 7);
	while (r->seen[5 + n].pts_ns - r->seen[4 + n].pts_ns < 700 * NS_PER_MS) {
		assert_true(r->seen[5 + n].repeat && !r->seen[5 + n].key);
		rig_wait_seen(r, 7 + ++n);
	}
	return n;
}

static void a_picture_that_the_rate_does_not_hold_back_is_repeated_once(void **state)
{
	struct rig *r;

	(void)state;
	rig_refine = true;
	r = rig_begin(1000, true, NULL, 5);
	assert_int_equal(refined(r), 1);
	rig_stop_gapless(r);
}

static void one_that_is_held_back_is_repeated_for_a_while(void **state)
{
	struct rig *r;
	unsigned n;

	(void)state;
	rig_refine = true;
	rig_kbps = 200; /* the stand-in's frames take more than half of their share */
	r = rig_begin(1000, true, NULL, 5);
	n = refined(r);
	assert_in_range(n, 2, 251);
	assert_in_range(r->seen[4 + n].pts_ns - r->seen[4].pts_ns, 100 * NS_PER_MS, 1400 * NS_PER_MS);
	rig_stop_gapless(r);
}

static void none_is_when_it_is_off(void **state)
{
	struct rig *r;

	(void)state;
	rig_kbps = 200;
	r = rig_begin(1000, true, NULL, 5);
	assert_int_equal(refined(r), 0);
	rig_stop_gapless(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_shows_the_same_is_left_to_the_repeats, setup),
		cmocka_unit_test_setup(the_same_as_one_that_was_passed_over_is_new, setup),
		cmocka_unit_test_setup(the_first_one_is_new_whatever_it_says, setup),
		cmocka_unit_test_setup(a_cursor_that_moves_makes_pictures_of_a_still_screen, setup),
		cmocka_unit_test_setup(a_picture_that_the_rate_does_not_hold_back_is_repeated_once, setup),
		cmocka_unit_test_setup(one_that_is_held_back_is_repeated_for_a_while, setup),
		cmocka_unit_test_setup(none_is_when_it_is_off, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
