// SPDX-License-Identifier: GPL-3.0-or-later
/* Rate correction against simulated encoders that use a share of what they are asked for. */
#include "../cmocka_all.h"

#include <stdlib.h>

#include "encode/rate.h"

#define FPS 60

struct sim {
	double average_kbps; /* of the last two thirds */
	double max_frame;    /* largest frame / even share of the target */
	unsigned changes;
};

/* use: what the encoder makes of the request; content: frames never need more than this share of it. */
static struct sim simulate(double use, double jitter, double content, unsigned frames)
{
	const uint32_t target = 10000;
	struct rate r;
	uint32_t asked;
	double bytes_sum = 0;
	struct sim s = {0};

	rate_init(&r, target, FPS * 1000);
	asked = rate_ask(&r);
	srand(3);
	for (unsigned i = 0; i < frames; i++) {
		double noise = 1 + jitter * (rand() % 2001 - 1000) / 1000.0;
		double share = use * noise < content ? use * noise : content;
		double bytes = asked * 125.0 / FPS * share;
		double even = target * 125.0 / FPS;

		if (i >= frames / 3)
			bytes_sum += bytes;
		if (bytes / even > s.max_frame)
			s.max_frame = bytes / even;
		if (rate_frame(&r, (size_t)bytes)) {
			asked = rate_ask(&r);
			s.changes++;
		}
	}
	s.average_kbps = bytes_sum * 8 / 1000 * FPS / (frames - frames / 3);
	return s;
}

static void undershoot_is_corrected_to_two_percent(void **state)
{
	(void)state;
	for (double use = 0.66; use < 1.04; use += 0.01) {
		struct sim s = simulate(use, 0.05, 9, 600);

		assert_true(s.average_kbps > 9800 && s.average_kbps < 10200);
		assert_true(s.max_frame < 1.28);
	}
}

static void noise_does_not_make_it_hunt(void **state)
{
	(void)state;
	assert_true(simulate(0.88, 0.05, 9, 6000).changes < 60);
	assert_int_equal(simulate(0.88, 0, 9, 6000).changes, 0);
}

static void still_and_simple_pictures_do_not_wind_it_up(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 10000, 60000);
	for (int i = 0; i < 5000; i++)
		assert_false(rate_frame(&r, 100 + (size_t)(i % 3) * 5000));
	assert_true(rate_ask(&r) < 11500);
	/* And when it moves again no frame is above the bound. */
	assert_true(simulate(1.0, 0.05, 0.49, 3000).max_frame < 0.6);
}

static void the_request_stays_within_bounds_of_the_target(void **state)
{
	struct rate r;

	(void)state;
	rate_init(&r, 10000, 60000);
	for (int i = 0; i < 5000; i++)
		rate_frame(&r, (size_t)(rate_ask(&r) * 125.0 / 60 * 0.55));
	assert_in_range(rate_ask(&r), 15300, 15400);
	for (int i = 0; i < 5000; i++)
		rate_frame(&r, (size_t)(rate_ask(&r) * 125.0 / 60 * 3));
	assert_in_range(rate_ask(&r), 9500, 9600);
}

static void a_new_target_keeps_what_was_learnt(void **state)
{
	struct rate r;
	double before;

	(void)state;
	rate_init(&r, 10000, 60000);
	for (int i = 0; i < 500; i++)
		rate_frame(&r, (size_t)(rate_ask(&r) * 125.0 / 60 * 0.83));
	before = rate_ask(&r) / 10000.0;
	rate_set_target(&r, 5000);
	assert_true(rate_ask(&r) / 5000.0 > before - 0.02 && rate_ask(&r) / 5000.0 < before + 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undershoot_is_corrected_to_two_percent),
		cmocka_unit_test(noise_does_not_make_it_hunt),
		cmocka_unit_test(still_and_simple_pictures_do_not_wind_it_up),
		cmocka_unit_test(the_request_stays_within_bounds_of_the_target),
		cmocka_unit_test(a_new_target_keeps_what_was_learnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
