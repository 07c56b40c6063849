// SPDX-License-Identifier: GPL-3.0-or-later
/* The models of the network: each does what its parameters say, and the same again for the same seed. */
#include "path.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N     200000u
#define MS    1000000ull
#define BYTES 1450u
#define EVER  UINT64_MAX

struct runs {
	unsigned lost, runs, longest;
	uint64_t print; /* of the sequence of fates */
};

static struct runs play(const struct path_params *params, uint64_t seed, unsigned n)
{
	struct path *p = path_create(params, seed);
	struct runs r = {.print = 1};
	unsigned run = 0;

	assert_non_null(p);
	for (unsigned i = 0; i < n; i++) {
		bool lost = path_packet(p, i * MS / 10, 0, BYTES).fate == PATH_LOST;

		r.print = r.print * 6364136223846793005ull + lost + 1;
		r.lost += lost;
		r.runs += lost && !run;
		run = lost ? run + 1 : 0;
		if (run > r.longest)
			r.longest = run;
	}
	path_destroy(p);
	return r;
}

static struct path_params lossy(struct path_loss l)
{
	struct path_params p = {.losses = 1, .keep_order = true};

	l.until_ns = l.until_ns ? l.until_ns : EVER;
	l.ports = l.ports ? l.ports : 7;
	p.loss[0] = l;
	return p;
}

static void random_loss_meets_its_rate(void **state)
{
	static const double rates[] = {0.01, 0.03, 0.5};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct path_params p = lossy((struct path_loss){.model = PATH_LOSS_RANDOM, .rate = rates[i]});
		struct runs r = play(&p, 7, N);

		assert_true(fabs((double)r.lost / N - rates[i]) < 0.003);
		/* Independent: the mean run is 1 / (1 - rate). */
		assert_true(fabs((double)r.lost / r.runs - 1 / (1 - rates[i])) < 0.05);
	}
}

static void gilbert_elliott_has_its_rate_and_its_mean_run(void **state)
{
	struct path_params p = lossy(
		(struct path_loss){.model = PATH_LOSS_GILBERT, .enter = 0.05 * 0.25 / 0.95, .leave = 0.25, .bad = 1});
	struct runs r = play(&p, 3, N);

	(void)state;
	assert_true(fabs((double)r.lost / N - 0.05) < 0.004);
	assert_true(fabs((double)r.lost / r.runs - 4) < 0.25);
	assert_true(r.longest > 12);
}

static void gilbert_elliott_states_have_loss_of_their_own(void **state)
{
	struct path_params p = lossy(
		(struct path_loss){.model = PATH_LOSS_GILBERT, .enter = 0.1, .leave = 0.1, .bad = 0.4, .good = 0.02});
	struct runs r = play(&p, 3, N);

	(void)state;
	assert_true(fabs((double)r.lost / N - 0.21) < 0.02);
}

static void every_nth_is_exact(void **state)
{
	struct path_params p = lossy((struct path_loss){.model = PATH_LOSS_NTH, .n = 50});
	struct runs r = play(&p, 1, 5000);

	(void)state;
	assert_int_equal(r.lost, 100);
	assert_int_equal(r.longest, 1);
}

static void bursts_are_exactly_as_long_and_meet_the_rate(void **state)
{
	struct path_params p = lossy((struct path_loss){.model = PATH_LOSS_BURST, .rate = 0.05, .n = 8});
	struct path *path = path_create(&p, 9);
	unsigned run = 0, lost = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		if (path_packet(path, i, 0, BYTES).fate == PATH_LOST) {
			lost++;
			run++;
		} else {
			assert_int_equal(run % 8, 0); /* one may follow another at once */
			run = 0;
		}
	}
	assert_true(fabs((double)lost / N - 0.05) < 0.003);
	path_destroy(path);
}

static void one_seed_one_sequence(void **state)
{
	struct path_params p = lossy((struct path_loss){.model = PATH_LOSS_RANDOM, .rate = 0.1}), q = p;

	(void)state;
	assert_int_equal(play(&p, 5, 10000).print, play(&p, 5, 10000).print);
	assert_int_not_equal(play(&p, 5, 10000).print, play(&p, 6, 10000).print);
	/* Other chances are drawn elsewhere. */
	q.jitter_ns = 5 * MS;
	q.duplicate = 0.5;
	q.reorder = 0.5;
	assert_int_equal(play(&p, 5, 10000).print, play(&q, 5, 10000).print);
}

static void loss_keeps_to_its_ports_and_its_time(void **state)
{
	struct path_params p = lossy((struct path_loss){
		.model = PATH_LOSS_RANDOM, .rate = 1, .ports = 1 << 2, .from_ns = 10 * MS, .until_ns = 20 * MS});
	struct path *path = path_create(&p, 1);

	(void)state;
	for (unsigned t = 0; t < 30; t++) {
		assert_int_equal(path_packet(path, t * MS, 0, BYTES).fate, PATH_PASS);
		assert_int_equal(path_packet(path, t * MS, 2, BYTES).fate, t >= 10 && t < 20 ? PATH_LOST : PATH_PASS);
	}
	path_destroy(path);
}

static void nothing_passes_an_outage(void **state)
{
	struct path_params p = {.outages = 1, .outage = {{5 * MS, 8 * MS}}, .delay_ns = MS};
	struct path *path = path_create(&p, 1);

	(void)state;
	for (unsigned t = 0; t < 12; t++) {
		struct path_verdict v = path_packet(path, t * MS, t % 3, BYTES);

		assert_int_equal(v.fate, t >= 5 && t < 8 ? PATH_OUTAGE : PATH_PASS);
		assert_int_equal(v.copies, v.fate == PATH_PASS);
		if (v.copies)
			assert_int_equal(v.at_ns[0], (t + 1) * MS);
	}
	path_destroy(path);
}

static void rate_spaces_packets_and_the_queue_drops_its_tail(void **state)
{
	/* 12 Mbit/s: a packet of 1500 bytes takes 1 ms. */
	struct path_params p = {.steps = 1, .rate = {{0, 12000000}}, .queue_bytes = 15000, .keep_order = true};
	struct path *path = path_create(&p, 1);
	unsigned passed = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct path_verdict v = path_packet(path, 0, 0, 1500);

		if (v.fate == PATH_PASS)
			assert_true(llabs((long long)v.at_ns[0] - (long long)(passed++ * MS)) < 1000);
		else
			assert_int_equal(v.fate, PATH_QUEUE_FULL);
	}
	assert_int_equal(passed, 11); /* one on the wire, ten in the queue */
	assert_int_equal(path_queue_high(path), 15000);
	/* After 5 ms there is room for five. */
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(path_packet(path, 5 * MS + 1000, 0, 1500).fate, i < 5 ? PATH_PASS : PATH_QUEUE_FULL);
	path_destroy(path);
}

static void the_bucket_lets_its_depth_through_at_once(void **state)
{
	struct path_params p = {.steps = 1, .rate = {{0, 12000000}}, .queue_bytes = 3000, .burst_bytes = 6000};
	struct path *path = path_create(&p, 1);

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		uint64_t t = round * 100 * MS;

		for (unsigned i = 0; i < 8; i++) {
			struct path_verdict v = path_packet(path, t, 0, 1500);

			assert_int_equal(v.fate, i < 6 ? PATH_PASS : PATH_QUEUE_FULL);
			if (i < 4)
				assert_int_equal(v.at_ns[0], t);
			else if (i < 6)
				assert_true(llabs((long long)(v.at_ns[0] - t) - (long long)((i - 3) * MS)) < 1000);
		}
	}
	path_destroy(path);
}

static void the_rate_follows_its_schedule(void **state)
{
	/* 12 Mbit/s, from 10 ms on a tenth of it, from 50 ms on unlimited. */
	struct path_params p = {
		.steps = 3, .rate = {{0, 12000000}, {10 * MS, 1200000}, {50 * MS, 0}}, .keep_order = true};
	struct path *path = path_create(&p, 1);
	uint64_t at[30];

	(void)state;
	for (unsigned i = 0; i < 30; i++)
		at[i] = path_packet(path, 0, 0, 1500).at_ns[0];
	assert_true(llabs((long long)at[9] - (long long)(9 * MS)) < 1000);
	assert_true(llabs((long long)at[11] - (long long)(20 * MS)) < 1000);
	assert_true(llabs((long long)at[13] - (long long)(40 * MS)) < 1000);
	assert_true(at[15] < 51 * MS);
	assert_true(at[29] < 51 * MS);
	path_destroy(path);
}

static void jitter_keeps_the_order_when_told(void **state)
{
	(void)state;
	for (unsigned keep = 0; keep < 2; keep++) {
		struct path_params p = {.delay_ns = 5 * MS, .jitter_ns = 4 * MS, .keep_order = keep};
		struct path *path = path_create(&p, 4);
		uint64_t last = 0;
		unsigned overtakes = 0;

		for (unsigned i = 0; i < 10000; i++) {
			struct path_verdict v = path_packet(path, i * MS, 0, BYTES);

			assert_true(v.at_ns[0] >= i * MS + 5 * MS && v.at_ns[0] < i * MS + 9 * MS);
			overtakes += v.at_ns[0] < last;
			last = v.at_ns[0];
		}
		assert_true(keep ? overtakes == 0 : overtakes > 1000);
		path_destroy(path);
	}
}

static void reordered_and_doubled_packets_have_their_share(void **state)
{
	struct path_params p = {.reorder = 0.02, .reorder_ns = 3 * MS, .duplicate = 0.1, .keep_order = true};
	struct path *path = path_create(&p, 11);
	unsigned late = 0, twice = 0;

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		struct path_verdict v = path_packet(path, i * MS, 0, BYTES);

		assert_int_equal(v.at_ns[0], i * MS + (v.reordered ? 3 * MS : 0));
		assert_int_equal(v.at_ns[0], v.at_ns[1]);
		late += v.reordered;
		twice += v.copies == 2;
	}
	assert_true(fabs((double)late / N - 0.02) < 0.002);
	assert_true(fabs((double)twice / N - 0.1) < 0.003);
	path_destroy(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_loss_meets_its_rate),
		cmocka_unit_test(gilbert_elliott_has_its_rate_and_its_mean_run),
		cmocka_unit_test(gilbert_elliott_states_have_loss_of_their_own),
		cmocka_unit_test(every_nth_is_exact),
		cmocka_unit_test(bursts_are_exactly_as_long_and_meet_the_rate),
		cmocka_unit_test(one_seed_one_sequence),
		cmocka_unit_test(loss_keeps_to_its_ports_and_its_time),
		cmocka_unit_test(nothing_passes_an_outage),
		cmocka_unit_test(rate_spaces_packets_and_the_queue_drops_its_tail),
		cmocka_unit_test(the_bucket_lets_its_depth_through_at_once),
		cmocka_unit_test(the_rate_follows_its_schedule),
		cmocka_unit_test(jitter_keeps_the_order_when_told),
		cmocka_unit_test(reordered_and_doubled_packets_have_their_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
