// SPDX-License-Identifier: GPL-3.0-or-later
/* How much parity a path is worth: random loss against the exact binomial, bursts, spells that pass. */
#include "../cmocka_all.h"

#include <math.h>
#include <string.h>

#include "net/loss_model.h"

/* A minute of 60 Hz: each block of n packets, missing of them in one block of each. */
static struct loss_model seen(unsigned n, unsigned blocks, unsigned each, unsigned missing)
{
	struct loss_model m = {0};

	loss_model_sent(&m, blocks, blocks * n);
	for (unsigned i = 0; each && i < blocks / each; i++)
		loss_model_block(&m, missing);
	return m;
}

static void a_clean_path_needs_the_least(void **state)
{
	struct loss_model m = seen(12, 3600, 0, 0), none = {0};

	(void)state;
	assert_int_equal(loss_model_parity(&m, 15, 15, 2, 8), 2);
	assert_int_equal(loss_model_parity(&none, 15, 15, 3, 8), 3);
	assert_true(loss_model_rate(&m) == 0 && loss_model_rate(&none) == 0);
}

static void random_loss_follows_the_binomial(void **state)
{
	struct loss_model m = seen(10, 36000, 10, 1); /* 1 % */
	double p = (3600 + 2 * 60) / 360000.0, q = 1 - p;
	double whole = pow(q, 12) + 12 * p * pow(q, 11) + 66 * p * p * pow(q, 10);

	(void)state;
	assert_true(fabs(loss_model_rate(&m) - 0.01) < 1e-9);
	assert_true(fabs(loss_model_broken(&m, 12, 2) - (1 - whole)) < 1e-9);
	/* More of it, more parity; never less than asked, never more. */
	assert_in_range(loss_model_parity(&m, 15, 15, 1, 8), 3, 4);
	m = seen(10, 36000, 3, 1);
	assert_in_range(loss_model_parity(&m, 15, 15, 1, 8), 4, 6);
	assert_int_equal(loss_model_parity(&m, 15, 15, 1, 2), 2);
	assert_int_equal(loss_model_parity(&m, 15, 15, 8, 8), 8);
}

static void bursts_are_believed_when_they_come_again(void **state)
{
	struct loss_model m = seen(10, 600, 0, 0);

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		loss_model_block(&m, 7);
	assert_true(loss_model_parity(&m, 15, 15, 3, 8) < 7);
	for (unsigned i = 0; i < 20; i++)
		loss_model_block(&m, 7);
	assert_int_equal(loss_model_parity(&m, 15, 15, 3, 8), 7);
	loss_model_fade(&m, 40 * LOSS_HALF_NS, 40 * LOSS_HALF_PACKETS);
	loss_model_sent(&m, 600, 6000);
	assert_int_equal(loss_model_parity(&m, 15, 15, 3, 8), 3);
}

static void small_pictures_with_room_around_them_get_more(void **state)
{
	struct loss_model m = seen(6, 600, 0, 0);

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		loss_model_block(&m, 8);
	assert_int_equal(loss_model_parity(&m, 6, 30, 2, 9), 8);
	assert_int_equal(loss_model_parity(&m, 6, 30, 2, 7), 2); /* in vain */
	assert_int_equal(loss_model_parity(&m, 30, 30, 2, 18), 8);
	/* Room for 12 in all: each more than six is taken from the picture. */
	assert_int_equal(loss_model_parity(&m, 6, 12, 2, 9), 8);
}

static void few_packets_are_remembered_for_longer(void **state)
{
	struct loss_model busy = {0}, quiet = {0};

	(void)state;
	loss_model_block(&busy, 8);
	loss_model_block(&quiet, 8);
	loss_model_fade(&busy, LOSS_HALF_NS, 10 * LOSS_HALF_PACKETS);
	assert_true(fabs(busy.missing - 4) < 1e-9); /* time alone counts */
	loss_model_fade(&quiet, LOSS_HALF_NS, LOSS_HALF_PACKETS / 2);
	assert_true(fabs(quiet.missing - 8 * sqrt(0.5)) < 1e-9);
	loss_model_fade(&quiet, LOSS_HALF_MOST_NS, 0); /* but not for ever */
	assert_true(fabs(quiet.missing - 4 * sqrt(0.5)) < 1e-9);
}

static void what_no_parity_covers_buys_none(void **state)
{
	struct loss_model m = seen(10, 600, 1, 14);

	(void)state;
	assert_int_equal(loss_model_parity(&m, 15, 15, 3, 8), 3);
	m = seen(10, 600, 1, 65535);
	assert_int_equal(loss_model_parity(&m, 15, 15, 3, 8), 3);
	assert_true(loss_model_rate(&m) == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_path_needs_the_least),
		cmocka_unit_test(random_loss_follows_the_binomial),
		cmocka_unit_test(bursts_are_believed_when_they_come_again),
		cmocka_unit_test(small_pictures_with_room_around_them_get_more),
		cmocka_unit_test(few_packets_are_remembered_for_longer),
		cmocka_unit_test(what_no_parity_covers_buys_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
