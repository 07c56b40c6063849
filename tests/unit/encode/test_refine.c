// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/refine.h"

#include "cmocka_all.h"

#define MS       1000000ull
#define INTERVAL (16 * MS)
#define NEVER    UINT64_MAX

static void nothing_is_refined_before_a_picture_or_when_it_is_off(void **state)
{
	struct refine r;

	(void)state;
	refine_init(&r, true, INTERVAL);
	assert_int_equal(refine_at(&r), NEVER);
	refine_repeated(&r, true, 5 * MS);
	assert_int_equal(refine_at(&r), NEVER);
	refine_init(&r, false, INTERVAL);
	refine_moved(&r, 0);
	assert_int_equal(refine_at(&r), NEVER);
}

static void motion_puts_it_off(void **state)
{
	struct refine r;

	(void)state;
	refine_init(&r, true, INTERVAL);
	for (uint64_t t = 0; t < 1000 * MS; t += 99 * MS) {
		refine_moved(&r, t);
		assert_true(refine_at(&r) > t + 99 * MS);
	}
}

static void repeats_follow_at_the_frame_rate_until_one_is_small(void **state)
{
	struct refine r;
	uint64_t t;

	(void)state;
	refine_init(&r, true, INTERVAL);
	refine_moved(&r, 0);
	t = refine_at(&r);
	assert_int_equal(t, 100 * MS);
	for (unsigned i = 0; i < 10; i++) {
		refine_repeated(&r, true, t);
		assert_int_equal(refine_at(&r), t + INTERVAL);
		t += INTERVAL;
	}
	refine_repeated(&r, false, t);
	assert_int_equal(refine_at(&r), NEVER);
	/* Once; until there is motion again. */
	refine_repeated(&r, true, t + 100 * MS);
	assert_int_equal(refine_at(&r), NEVER);
	refine_moved(&r, t + 200 * MS);
	assert_int_equal(refine_at(&r), t + 300 * MS);
}

static void it_has_an_end(void **state)
{
	struct refine r;
	unsigned n = 0;

	(void)state;
	refine_init(&r, true, INTERVAL);
	refine_moved(&r, 0);
	while (refine_at(&r) != NEVER) {
		refine_repeated(&r, true, refine_at(&r));
		n++;
	}
	assert_int_equal(n, 1 + 500 / 16);
}

static void an_answer_to_a_loss_in_between_changes_nothing(void **state)
{
	struct refine r;

	(void)state;
	refine_init(&r, true, INTERVAL);
	refine_moved(&r, 0);
	refine_repeated(&r, false, 50 * MS);
	assert_int_equal(refine_at(&r), 100 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_refined_before_a_picture_or_when_it_is_off),
		cmocka_unit_test(motion_puts_it_off),
		cmocka_unit_test(repeats_follow_at_the_frame_rate_until_one_is_small),
		cmocka_unit_test(it_has_an_end),
		cmocka_unit_test(an_answer_to_a_loss_in_between_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
