// SPDX-License-Identifier: GPL-3.0-or-later
/* Pictures and wire numbers: by hand, and against a client that keeps the truth for random sequences. */
#include "../cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "encode/numbering.h"

static struct numbering after(unsigned pictures)
{
	struct numbering n = {0};

	while (pictures--)
		numbering_encoded(&n);
	return n;
}

static void numbers_rise_by_one_and_mean_themselves(void **state)
{
	struct numbering n = after(9);

	(void)state;
	assert_int_equal(numbering_next(&n), 10);
	assert_int_equal(numbering_picture(&n, 1), 1);
	assert_int_equal(numbering_picture(&n, 9), 9);
}

static void what_was_never_sent_means_nothing(void **state)
{
	struct numbering n = after(9);

	(void)state;
	assert_int_equal(numbering_picture(&n, 0), UINT32_MAX);
	assert_int_equal(numbering_picture(&n, 10), UINT32_MAX);
	assert_int_equal(numbering_picture(&n, UINT32_MAX), UINT32_MAX);
	numbering_give_back(&n, 10);
	numbering_give_back(&n, 0);
	assert_int_equal(numbering_next(&n), 10);
}

static void m25_a_number_given_back_is_the_next_one(void **state)
{
	struct numbering n = after(9);

	(void)state;
	numbering_give_back(&n, 8); /* pictures 8 and 9 never left */
	assert_int_equal(numbering_next(&n), 8);
	assert_int_equal(numbering_picture(&n, 8), UINT32_MAX);
	numbering_encoded(&n);
	assert_int_equal(numbering_picture(&n, 8), 10);
	assert_int_equal(numbering_picture(&n, 7), 7);
	assert_int_equal(numbering_next(&n), 9);
}

static void the_same_number_may_come_back_again_and_again(void **state)
{
	struct numbering n = after(9);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		numbering_give_back(&n, 9);
		numbering_encoded(&n);
		assert_int_equal(numbering_picture(&n, 9), 10 + i);
		assert_int_equal(numbering_picture(&n, 8), 8);
	}
	numbering_give_back(&n, 5);
	numbering_encoded(&n);
	assert_int_equal(numbering_picture(&n, 5), 110);
	assert_int_equal(numbering_picture(&n, 4), 4);
}

static void random_give_backs_keep_every_recent_number_right(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 50; seed++) {
		static uint32_t means[4001]; /* by wire number */
		struct numbering n = {0};
		uint32_t newest = 0, forgotten = 1, at[NUMBERING_PAST];
		unsigned backs = 0;

		srand(seed);
		for (uint32_t picture = 1; picture <= 4000; picture++) {
			if (newest > 20 && rand() % 10 == 0) {
				uint32_t wire = newest - (uint32_t)rand() % 3;

				numbering_give_back(&n, wire);
				newest = wire - 1;
				/* The oldest that is surely remembered. */
				at[backs++ % NUMBERING_PAST] = wire;
				if (backs >= NUMBERING_PAST)
					forgotten = at[backs % NUMBERING_PAST];
			}
			assert_int_equal(numbering_next(&n), newest + 1);
			numbering_encoded(&n);
			means[++newest] = picture;
			for (uint32_t w = forgotten < newest ? forgotten : newest; w <= newest; w++)
				assert_int_equal(numbering_picture(&n, w), means[w]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_rise_by_one_and_mean_themselves),
		cmocka_unit_test(what_was_never_sent_means_nothing),
		cmocka_unit_test(m25_a_number_given_back_is_the_next_one),
		cmocka_unit_test(the_same_number_may_come_back_again_and_again),
		cmocka_unit_test(random_give_backs_keep_every_recent_number_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
