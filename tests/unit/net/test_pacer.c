// SPDX-License-Identifier: GPL-3.0-or-later
/* The pacer on a fake clock: what leaves when, on time and after stalls. */
#include "net/pacer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"

#define LEN  1408u
#define MOST 20000u

struct run {
	struct pacer pacer;
	uint32_t kbps;
	uint64_t now;
	unsigned n_trains, sent;
	struct {
		uint64_t at;
		unsigned count;
	} train[MOST];
};

static struct run r;

static void run_init(uint32_t kbps)
{
	r.pacer = (struct pacer){0};
	r.kbps = kbps;
	r.now = 1000 * NS_PER_MS;
	r.n_trains = r.sent = 0;
}

/* Sends n packets; every sleep ends late_ns late, the sleep before train number stall_at by stall_ns more. */
static void run_packets(unsigned n, uint64_t late_ns, unsigned stall_at, uint64_t stall_ns)
{
	while (n) {
		struct pacer_step step = pacer_next(&r.pacer, r.now, n, LEN, r.kbps);

		if (!step.count) {
			assert_true(step.at_ns > r.now);
			r.now = step.at_ns + late_ns;
			if (r.n_trains == stall_at)
				r.now += stall_ns;
			continue;
		}
		assert_in_range(step.count, 1, n < PACER_TRAIN ? n : PACER_TRAIN);
		assert_true(r.n_trains < MOST);
		pacer_sent(&r.pacer, r.now, step.count, LEN, r.kbps);
		r.train[r.n_trains].at = r.now;
		r.train[r.n_trains++].count = step.count;
		r.sent += step.count;
		n -= step.count;
	}
}

/* In no span did more leave than one train and what the ceiling carries, and no two trains touch. */
static void assert_bounds(void)
{
	uint64_t packet = pacer_time_ns(LEN, r.kbps), gap = 4 * packet < 250000 ? 4 * packet : 250000;

	for (unsigned i = 0; i < r.n_trains; i++) {
		uint64_t sum = 0;

		assert_true(r.train[i].count <= PACER_TRAIN);
		if (i)
			assert_true(r.train[i].at - r.train[i - 1].at >= gap);
		for (unsigned k = i; k < r.n_trains && k < i + 300; k++) {
			sum += r.train[k].count;
			assert_true(sum * packet <= PACER_TRAIN * packet + (r.train[k].at - r.train[i].at));
		}
	}
}

static void first_train_leaves_at_once(void **state)
{
	(void)state;
	run_init(15000);
	run_packets(5, 0, -1u, 0);
	assert_int_equal(r.n_trains, 1);
	assert_int_equal(r.train[0].at, 1000 * NS_PER_MS);
	run_init(15000);
	run_packets(21, 0, -1u, 0);
	assert_int_equal(r.train[0].count, 8);
	assert_int_equal(r.train[0].at, 1000 * NS_PER_MS);
}

static void frame_is_spread_only_as_far_as_the_ceiling_needs(void **state)
{
	uint64_t packet = pacer_time_ns(LEN, 15000);

	(void)state;
	run_init(15000);
	run_packets(21, 0, -1u, 0);
	assert_int_equal(r.n_trains, 3);
	assert_int_equal(r.train[1].count, 7);
	assert_int_equal(r.train[2].count, 6);
	/* 8 for free, 13 at the ceiling: no sooner, no later. */
	assert_int_equal(r.train[2].at - r.train[0].at, 13 * packet);
	assert_bounds();
}

static void a_train_and_a_bit_are_kept_apart(void **state)
{
	static const uint32_t rates[] = {15000, 50000, 150000, 500000, 1200000};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
		for (unsigned n = 9; n <= 40; n++) {
			run_init(rates[i]);
			run_packets(n, 0, -1u, 0);
			assert_bounds();
		}
	}
}

static void on_a_slow_line_no_millisecond_has_more_than_a_train(void **state)
{
	static const uint32_t rates[] = {3000, 10000, 15000, 30000, 50000, 75000};
	static const uint64_t lates[] = {0, 20000, 90000, 700000};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rates); i++)
		for (unsigned k = 0; k < ARRAY_LEN(lates); k++) {
			run_init(rates[i]);
			/* Frames of all sizes, from one packet behind the other to far apart. */
			for (unsigned n = 1; n <= 40; n++)
				for (unsigned pause = 0; pause < 4; pause++) {
					run_packets(n, lates[k], n % 7 ? -1u : r.n_trains + 1, 3 * NS_PER_MS);
					r.now += pause * 400000;
				}
			for (unsigned a = 0; a < r.n_trains; a++) {
				unsigned sum = 0;

				for (unsigned b = a; b < r.n_trains && r.train[b].at < r.train[a].at + NS_PER_MS; b++)
					sum += r.train[b].count;
				assert_in_range(sum, 1, PACER_TRAIN);
			}
			assert_bounds();
		}
}

static void next_frame_starts_at_once_when_the_line_is_clear(void **state)
{
	(void)state;
	run_init(15000);
	for (unsigned i = 0; i < 600; i++) {
		uint64_t start = r.now = 1000 * NS_PER_MS + i * 16666667ull;
		unsigned first = r.n_trains;

		run_packets(20, 60000, -1u, 0);
		assert_int_equal(r.train[first].at, start);
		assert_int_equal(r.train[first].count, 8);
	}
	assert_bounds();
}

static void ceiling_is_kept_and_reached(void **state)
{
	static const uint32_t rates[] = {1000, 15000, 30000, 75000, 150000, 300000, 750000, 1200000};
	static const uint64_t lates[] = {0, 30000, 80000};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
		for (unsigned k = 0; k < ARRAY_LEN(lates); k++) {
			uint64_t ideal;

			run_init(rates[i]);
			run_packets(2000, lates[k], -1u, 0);
			assert_int_equal(r.sent, 2000);
			assert_bounds();
			ideal = pacer_time_ns(LEN, rates[i]) * (2000 - PACER_TRAIN);
			/* Ordinary lateness must not cost more than the third that the ceiling leaves over the
			 * stream rate. */
			if (rates[i] <= 300000 || lates[k] <= 30000)
				assert_true((r.now - 1000 * NS_PER_MS) * 2 <= ideal * 3);
		}
	}
}

static void stall_is_never_made_up_in_a_lump(void **state)
{
	static const uint32_t rates[] = {15000, 150000, 750000};
	static const uint64_t stalls[] = {1, 5, 20};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
		for (unsigned k = 0; k < ARRAY_LEN(stalls); k++) {
			uint64_t packet = pacer_time_ns(LEN, rates[i]);
			unsigned s = 4;

			run_init(rates[i]);
			run_packets(200, 0, s, stalls[k] * NS_PER_MS);
			assert_bounds();
			/* One train, then the ceiling again. */
			assert_in_range(r.train[s].count, 1, PACER_TRAIN);
			if (r.train[s].at - r.train[s - 1].at >= 16 * packet)
				assert_true(r.train[s + 1].at - r.train[s].at >=
					    (r.train[s].count + r.train[s + 1].count - 8) * packet);
		}
	}
}

static void ceiling_may_change_between_trains(void **state)
{
	(void)state;
	run_init(15000);
	run_packets(16, 0, -1u, 0);
	r.kbps = 150000;
	run_packets(160, 0, -1u, 0);
	r.kbps = 5000;
	run_packets(80, 0, -1u, 0);
	assert_int_equal(r.sent, 256);
	for (unsigned i = 0; i < r.n_trains; i++)
		assert_in_range(r.train[i].count, 1, PACER_TRAIN);
}

static void idle_time_is_not_saved_up(void **state)
{
	(void)state;
	run_init(15000);
	run_packets(8, 0, -1u, 0);
	r.now += 10 * NS_PER_S;
	run_packets(64, 0, -1u, 0);
	assert_bounds();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_train_leaves_at_once),
		cmocka_unit_test(frame_is_spread_only_as_far_as_the_ceiling_needs),
		cmocka_unit_test(a_train_and_a_bit_are_kept_apart),
		cmocka_unit_test(next_frame_starts_at_once_when_the_line_is_clear),
		cmocka_unit_test(on_a_slow_line_no_millisecond_has_more_than_a_train),
		cmocka_unit_test(ceiling_is_kept_and_reached),
		cmocka_unit_test(stall_is_never_made_up_in_a_lump),
		cmocka_unit_test(ceiling_may_change_between_trains),
		cmocka_unit_test(idle_time_is_not_saved_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
