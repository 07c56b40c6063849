// SPDX-License-Identifier: GPL-3.0-or-later
/* Loss of our own making: the asked share, in the asked runs, the same for the same seed. */
#include "probe/loss.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define PACKETS 200000u

static void the_share_is_met_in_runs(void **state)
{
	static const struct {
		double percent;
		unsigned burst;
	} cases[] = {{1, 1}, {3, 1}, {3, 8}, {20, 4}, {50, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned lost = 0, run = 0;
		struct loss l;

		loss_init(&l, cases[i].percent, cases[i].burst, 7);
		for (unsigned n = 0; n < PACKETS; n++) {
			if (loss_drop(&l, 1)) {
				lost++;
				run++;
			} else {
				/* Runs come in multiples: one may follow another at once. */
				assert_int_equal(run % cases[i].burst, 0);
				run = 0;
			}
		}
		assert_true(fabs(lost * 100.0 / PACKETS - cases[i].percent) < 0.15 * cases[i].percent + 0.1);
		assert_int_equal(l.dropped, lost);
	}
}

static void nothing_and_everything(void **state)
{
	struct loss l;

	(void)state;
	loss_init(&l, 0, 1, 1);
	assert_false(loss_active(&l));
	for (unsigned n = 0; n < 1000; n++)
		assert_false(loss_drop(&l, n));
	loss_init(&l, 100, 1, 1);
	assert_true(loss_active(&l));
	for (unsigned n = 0; n < 1000; n++)
		assert_true(loss_drop(&l, n));
}

static void the_same_seed_loses_the_same(void **state)
{
	struct loss a, b, c;
	unsigned differ = 0;

	(void)state;
	loss_init(&a, 10, 1, 5);
	loss_init(&b, 10, 1, 5);
	loss_init(&c, 10, 1, 6);
	for (unsigned n = 0; n < 1000; n++) {
		bool x = loss_drop(&a, 1);

		assert_int_equal(x, loss_drop(&b, 1));
		differ += x != loss_drop(&c, 1);
	}
	assert_true(differ > 0);
}

static void frames_are_dropped_whole_by_number(void **state)
{
	static const char *const bad[] = {"x", "5-", "5-4", "0", "1,", ",1", "1-2-3"};
	struct loss l;

	(void)state;
	loss_init(&l, 0, 1, 1);
	assert_int_equal(loss_parse_frames(&l, "100,200-202"), 0);
	assert_true(loss_active(&l));
	for (unsigned f = 1; f < 300; f++)
		assert_int_equal(loss_drop(&l, f), f == 100 || (f >= 200 && f <= 202));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(loss_parse_frames(&l, bad[i]), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_is_met_in_runs),
		cmocka_unit_test(nothing_and_everything),
		cmocka_unit_test(the_same_seed_loses_the_same),
		cmocka_unit_test(frames_are_dropped_whole_by_number),
	};

	return cmocka_run_group_tests_name("probe_loss", tests, NULL, NULL);
}
