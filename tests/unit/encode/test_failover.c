// SPDX-License-Identifier: GPL-3.0-or-later
/* Which encoder is next when one fails, and when: the state machine alone. */
#include "encode/failover.h"

#include "cmocka_all.h"

#define MS 1000000ull

static void frames(struct failover *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		failover_good(f);
}

/* A failure that took ms, and what is done at once, with nothing on its way. */
static enum failover_step fails_after(struct failover *f, uint64_t ms)
{
	failover_failed(f, 1000 * MS, (1000 + ms) * MS);
	return failover_next(f, false, (1000 + ms) * MS);
}

static void a_quick_failure_is_mended_in_place(void **state)
{
	struct failover f;

	(void)state;
	failover_init(&f, 2);
	assert_int_equal(failover_next(&f, true, 0), FAILOVER_ENCODE);
	frames(&f, 5);
	assert_int_equal(fails_after(&f, 249), FAILOVER_REOPEN);
	failover_opened(&f, true);
	assert_int_equal(failover_next(&f, false, 0), FAILOVER_ENCODE);
	assert_int_equal(f.at, 0);
}

static void one_that_hangs_is_left(void **state)
{
	struct failover f;

	(void)state;
	failover_init(&f, 2);
	frames(&f, 1000);
	assert_int_equal(fails_after(&f, 250), FAILOVER_NEXT);
	assert_int_equal(f.at, 1);
	/* Units on their way do not hold it up: the old encoder is kept for them. */
	assert_int_equal(failover_next(&f, true, 2000 * MS), FAILOVER_NEXT);
	failover_opened(&f, true);
	assert_int_equal(failover_next(&f, true, 2000 * MS), FAILOVER_ENCODE);
}

static void one_that_fails_again_soon_is_left(void **state)
{
	struct failover f;

	(void)state;
	failover_init(&f, 2);
	assert_int_equal(fails_after(&f, 0), FAILOVER_REOPEN);
	failover_opened(&f, true);
	frames(&f, FAILOVER_AFTER - 1);
	assert_int_equal(fails_after(&f, 0), FAILOVER_NEXT);
	assert_int_equal(f.at, 1);
	failover_opened(&f, true);
	/* The next one begins with a clean slate. */
	assert_int_equal(fails_after(&f, 0), FAILOVER_REOPEN);
	assert_int_equal(f.at, 1);
}

static void good_frames_earn_another_opening_but_not_for_ever(void **state)
{
	struct failover f;

	(void)state;
	failover_init(&f, 2);
	for (unsigned i = 0; i < FAILOVER_REOPENS; i++) {
		assert_int_equal(fails_after(&f, 0), FAILOVER_REOPEN);
		failover_opened(&f, true);
		frames(&f, FAILOVER_AFTER);
	}
	assert_int_equal(fails_after(&f, 0), FAILOVER_NEXT);
	failover_opened(&f, true);
	/* The last one is not counted. */
	for (unsigned i = 0; i < 3 * FAILOVER_REOPENS; i++) {
		assert_int_equal(fails_after(&f, 0), FAILOVER_REOPEN);
		failover_opened(&f, true);
		frames(&f, FAILOVER_AFTER);
	}
}

static void units_on_their_way_are_waited_for_a_while(void **state)
{
	struct failover f;

	(void)state;
	failover_init(&f, 2);
	failover_failed(&f, 0, 0);
	assert_int_equal(failover_next(&f, true, FAILOVER_WAIT_NS - 1), FAILOVER_WAIT);
	assert_int_equal(failover_next(&f, false, FAILOVER_WAIT_NS - 1), FAILOVER_REOPEN);
	failover_opened(&f, true);
	frames(&f, FAILOVER_AFTER);
	failover_failed(&f, 0, 0);
	assert_int_equal(failover_next(&f, true, FAILOVER_WAIT_NS), FAILOVER_NEXT);
	failover_opened(&f, true);
	/* The last one has more time, and no other way out. */
	failover_failed(&f, 0, 0);
	assert_int_equal(failover_next(&f, true, FAILOVER_LAST_NS - 1), FAILOVER_WAIT);
	assert_int_equal(failover_next(&f, true, FAILOVER_LAST_NS), FAILOVER_OVER);
	assert_int_equal(failover_next(&f, false, FAILOVER_LAST_NS), FAILOVER_OVER);
}

static void what_does_not_open_is_passed_over(void **state)
{
	struct failover f;

	(void)state;
	failover_init(&f, 4);
	assert_int_equal(fails_after(&f, 0), FAILOVER_REOPEN);
	failover_opened(&f, false);
	assert_int_equal(failover_next(&f, true, 0), FAILOVER_NEXT);
	assert_int_equal(f.at, 1);
	failover_opened(&f, false);
	assert_int_equal(failover_next(&f, true, 0), FAILOVER_NEXT);
	assert_int_equal(f.at, 2);
	failover_opened(&f, true);
	assert_int_equal(fails_after(&f, 500), FAILOVER_NEXT);
	failover_opened(&f, false);
	assert_int_equal(failover_next(&f, false, 0), FAILOVER_OVER);
}

static void the_only_one_is_opened_anew_even_when_it_hangs(void **state)
{
	struct failover f;

	(void)state;
	failover_init(&f, 1);
	assert_int_equal(fails_after(&f, 1000), FAILOVER_REOPEN);
	failover_opened(&f, true);
	assert_int_equal(fails_after(&f, 1000), FAILOVER_OVER);
}

/* Whatever happens: at never goes back or past the end, and it ends. */
static void any_course_of_failures_ends(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 2000; seed++) {
		uint32_t x = seed * 2654435761u;
		unsigned at = 0, opens = 0;
		struct failover f;

		failover_init(&f, 1 + seed % 4);
		for (unsigned i = 0; i < 10000 && f.step != FAILOVER_OVER; i++) {
			x = x * 1664525u + 1013904223u;
			switch (failover_next(&f, x >> 30 & 1, x % 3 * FAILOVER_LAST_NS)) {
			case FAILOVER_ENCODE:
				failover_failed(&f, 0, x >> 28 & 1 ? 300 * MS : 0);
				break;
			case FAILOVER_WAIT:
			case FAILOVER_OVER:
				break;
			case FAILOVER_REOPEN:
			case FAILOVER_NEXT:
				failover_opened(&f, x >> 29 & 1);
				opens++;
				break;
			}
			assert_true(f.at >= at && f.at < f.backends);
			at = f.at;
		}
		assert_int_equal(f.step, FAILOVER_OVER);
		/* Without good frames: each is opened once in place at most. */
		assert_in_range(opens, 0, 2 * f.backends);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quick_failure_is_mended_in_place),
		cmocka_unit_test(one_that_hangs_is_left),
		cmocka_unit_test(one_that_fails_again_soon_is_left),
		cmocka_unit_test(good_frames_earn_another_opening_but_not_for_ever),
		cmocka_unit_test(units_on_their_way_are_waited_for_a_while),
		cmocka_unit_test(what_does_not_open_is_passed_over),
		cmocka_unit_test(the_only_one_is_opened_anew_even_when_it_hangs),
		cmocka_unit_test(any_course_of_failures_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
