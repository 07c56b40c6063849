// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The closed loop against a simulated path: a link of some rate behind a queue of some length, losses of its own, and a
 * client that reports as the real one does (2-media 5.3: troubled blocks only, eight at most between two pings). Times
 * are simulated, random numbers seeded: every run is the same.
 */
#include "../cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/adapt.h"
#include "net/fec_plan.h"

#define MS          1000000ull
#define REPORTS_MAX 8u

struct path {
	double kbps;   /* 0: does not limit */
	double queue;  /* bytes that it holds */
	double random; /* of each packet */
	unsigned burst;
	double burst_share; /* packets lost in bursts of that many */
	uint32_t rtt_us;
};

struct sim {
	struct adapt adapt;
	struct adapt_sent sent;
	struct path path;
	double wants_kbps; /* of an easy picture; 0: whatever it may use */
	double uses;       /* of what it may use; 0: all */
	double least_kbps; /* no encoder makes less of that picture */
	bool spare;        /* at the last tick */
	unsigned spare_changes;
	uint64_t now_ns, tick_ns;
	double backlog; /* bytes in the queue */
	uint64_t backlog_ns;
	unsigned burst_left;
	double rtt_us;
	struct adapt_block report[REPORTS_MAX];
	unsigned n_reports;
	/* what came of it */
	unsigned frames, shown;
	uint64_t wire_bytes, arrived_bytes;
	unsigned reversals;
	double turn_kbps; /* extreme since the last reversal */
	int direction;
	uint32_t seed;
	FILE *trace;
};

static double uniform(struct sim *s)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (s->seed >> 8) / 16777216.0;
}

static void sim_init(struct sim *s, uint32_t kbps, uint32_t fps, const struct path *path, uint32_t seed)
{
	struct adapt_params p = {
		.video =
			{
				.fps_mhz = fps * 1000,
				.configured_kbps = kbps,
				.encoder_kbps = kbps * 3 / 4,
				.packet_size = 1392,
				.fec_percent = 20,
				.fec_min = 2,
			},
		.audio_kbps = 150,
		.packet_len = 1408,
		.pacing_percent = 150,
		.floor_kbps = 500,
	};

	memset(s, 0, sizeof(*s));
	s->path = *path;
	s->seed = seed;
	s->rtt_us = path->rtt_us;
	s->now_ns = 1000 * MS;
	if (getenv("ADAPT_TRACE"))
		s->trace = stderr;
	adapt_init(&s->adapt, &p);
}

/* Whether the packet that reaches the path at that time passes. */
static bool passes(struct sim *s, uint64_t at_ns, double bytes)
{
	const struct path *p = &s->path;

	if (p->kbps > 0) {
		s->backlog -= p->kbps * 125 * (double)(at_ns - s->backlog_ns) / 1e9;
		s->backlog = s->backlog > 0 ? s->backlog : 0;
		s->backlog_ns = at_ns;
		if (s->backlog + bytes > p->queue)
			return false;
		s->backlog += bytes;
	}
	if (s->burst_left) {
		s->burst_left--;
		return false;
	}
	if (p->burst && uniform(s) < p->burst_share / p->burst / (1 - p->burst_share)) {
		s->burst_left = p->burst - 1;
		return false;
	}
	return uniform(s) >= p->random;
}

static void sim_tick(struct sim *s)
{
	double queue_us = s->path.kbps > 0 ? s->backlog * 8000 / s->path.kbps : 0, kbps;

	s->rtt_us += (s->path.rtt_us + queue_us - s->rtt_us) / 8; /* as ENet smooths it */
	adapt_rtt(&s->adapt, (uint32_t)s->rtt_us);
	for (unsigned i = 0; i < s->n_reports; i++)
		adapt_block(&s->adapt, &s->report[i]);
	s->n_reports = 0;
	adapt_tick(&s->adapt, &s->sent, s->now_ns);
	s->spare_changes += s->adapt.spare != s->spare;
	s->spare = s->adapt.spare;
	kbps = s->adapt.wire_kbps;
	/* A reversal is a turn of more than a tenth. */
	if (s->direction >= 0 && kbps < s->turn_kbps * 0.9) {
		s->reversals += s->direction > 0;
		s->direction = -1;
		s->turn_kbps = kbps;
	} else if (s->direction <= 0 && kbps > s->turn_kbps * 1.1) {
		s->reversals += s->direction < 0;
		s->direction = 1;
		s->turn_kbps = kbps;
	} else if (s->direction > 0 ? kbps > s->turn_kbps : kbps < s->turn_kbps) {
		s->turn_kbps = kbps;
	}
	if (!s->turn_kbps)
		s->turn_kbps = kbps;
	if (s->trace)
		fprintf(s->trace, "%7.1f wire %6.0f enc %6u ceil %6u fec %3u rtt %5.1f shown %u/%u  %s | %s | %s\n",
			(double)s->now_ns / 1e9 - 1, kbps, s->adapt.orders.encoder_kbps, s->adapt.orders.ceiling_kbps,
			s->adapt.orders.fec_percent[0], s->rtt_us / 1000, s->shown, s->frames, s->adapt.why_rate,
			s->adapt.why_ceiling, s->adapt.why_fec);
}

static void sim_frame(struct sim *s)
{
	const struct adapt_orders *o = &s->adapt.orders;
	double fps = s->adapt.p.video.fps_mhz / 1000.0, may = o->encoder_kbps * (s->uses > 0 ? s->uses : 1),
	       kbps = s->wants_kbps > 0 && s->wants_kbps < may ? s->wants_kbps : may,
	       bytes = (kbps > s->least_kbps ? kbps : s->least_kbps) * 125.0 / fps * (0.9 + 0.2 * uniform(s));
	unsigned shards = (unsigned)((bytes + 8 + 1375) / 1376), whole = 1;
	uint64_t at = s->now_ns;
	struct fec_plan plan;
	double wire = 1450; /* with Ethernet's header */

	assert_int_equal(fec_plan_frame(&plan, shards, o->fec_percent[FRAME_ORDINARY], 2), 0);
	for (unsigned b = 0; b < plan.n_blocks; b++) {
		struct adapt_block r = {.data = plan.block[b].n_data, .parity = plan.block[b].n_parity};
		unsigned holes = 0;

		s->sent.blocks++;
		for (unsigned i = 0; i < (unsigned)r.data + r.parity; i++) {
			bool ok = passes(s, at, wire), done = r.received_data + r.received_parity >= r.data;

			at += (uint64_t)(wire * 8e6 / o->ceiling_kbps);
			s->wire_bytes += (uint64_t)wire;
			s->arrived_bytes += ok ? (uint64_t)wire : 0;
			if (done)
				continue; /* the client has the block: it does not count any more */
			if (!ok)
				holes++;
			else if (i < r.data)
				r.received_data++, r.missing_before_highest = (uint16_t)holes;
			else
				r.received_parity++, r.missing_before_highest = (uint16_t)holes;
		}
		s->sent.data += r.data;
		s->sent.parity += r.parity;
		s->sent.bytes += (uint64_t)((r.data + r.parity) * wire);
		if (r.received_data + r.received_parity < r.data)
			whole = 0;
		/* A block of which nothing came is not reported: the client never saw it. */
		if (r.received_data < r.data && r.received_data + r.received_parity && s->n_reports < REPORTS_MAX)
			s->report[s->n_reports++] = r;
	}
	s->frames++;
	s->shown += whole;
}

static void sim_run(struct sim *s, double seconds)
{
	uint64_t end = s->now_ns + (uint64_t)(seconds * 1e9), frame_ns = 1000000000000ull / s->adapt.p.video.fps_mhz;

	if (!s->tick_ns)
		s->tick_ns = s->now_ns;
	while (s->now_ns < end) {
		while (s->tick_ns <= s->now_ns) {
			sim_tick(s);
			s->tick_ns += ADAPT_TICK_NS;
		}
		sim_frame(s);
		s->now_ns += frame_ns;
	}
}

static void sim_forget(struct sim *s)
{
	s->frames = s->shown = s->reversals = 0;
	s->wire_bytes = s->arrived_bytes = 0;
}

static double wire_kbps(const struct sim *s, double seconds)
{
	return (double)s->wire_bytes * 8 / 1000 / seconds;
}

static void clean_path_gets_the_whole_rate_and_the_parity_it_began_with(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, 20000, 60, &(struct path){.rtt_us = 5000}, 1);
	sim_run(&s, 60);
	assert_int_equal(s.shown, s.frames);
	assert_int_equal(s.adapt.orders.fec_percent[FRAME_ORDINARY], 20);
	assert_int_equal(s.adapt.orders.fec_percent[FRAME_VITAL], 20);
	assert_true(wire_kbps(&s, 60) > 20000 * 0.90);
	assert_true(wire_kbps(&s, 60) <= 20000);
	assert_false(s.adapt.orders.whole_frames);
	/* From 30; further and a millisecond would see a burst. */
	assert_in_range(s.adapt.orders.ceiling_kbps, 34000, 35000);
}

static void random_loss_is_covered_by_parity_alone(void **state)
{
	(void)state;
	for (unsigned row = 0; row < 2; row++) {
		unsigned lost = 0;

		for (uint32_t seed = 1; seed <= 5; seed++) {
			struct sim s;

			sim_init(&s, 10000, 60, &(struct path){.random = row ? 0.03 : 0.01, .rtt_us = 10000}, seed);
			sim_run(&s, 2);
			sim_forget(&s);
			sim_run(&s, 58);
			lost += s.frames - s.shown;
			assert_true(s.sent.parity * 2 <= s.sent.data + s.sent.data / 20);
			assert_true(wire_kbps(&s, 58) <= 10000);
			assert_true(s.adapt.wire_kbps > 9000);
		}
		print_message("# %s %% random: %u frames lost in five runs\n", row ? "3" : "1", lost);
		assert_in_range(lost, 0, 1);
	}
}

static void bursts_buy_parity_and_vital_frames_more(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, 10000, 60, &(struct path){.burst = 8, .burst_share = 0.05, .rtt_us = 10000}, 1);
	sim_run(&s, 2);
	sim_forget(&s);
	sim_run(&s, 58);
	print_message("# bursts of 8: %u of %u frames lost, parity %u %%\n", s.frames - s.shown, s.frames,
		      s.adapt.orders.fec_percent[0]);
	assert_true(s.frames - s.shown < s.frames / 50);
	assert_true(wire_kbps(&s, 58) <= 10000);
	assert_true(s.adapt.orders.fec_percent[FRAME_VITAL] > s.adapt.orders.fec_percent[FRAME_ORDINARY]);
	assert_true(s.adapt.orders.whole_frames);
}

static void easy_pictures_get_parity_that_covers_bursts(void **state)
{
	static const struct path path = {.burst = 8, .burst_share = 0.05, .rtt_us = 10000};
	struct sim s;

	(void)state;
	sim_init(&s, 10000, 30, &path, 1);
	s.wants_kbps = 1500;
	sim_run(&s, 2);
	sim_forget(&s);
	sim_run(&s, 58);
	print_message("# bursts of 8, easy picture: %u of %u frames lost, %.0f kbit/s, parity %u %%\n",
		      s.frames - s.shown, s.frames, wire_kbps(&s, 58), s.adapt.orders.fec_percent[0]);
	assert_true(s.frames - s.shown < s.frames / 100);
	assert_true(wire_kbps(&s, 58) <= 10000);
	assert_true(s.adapt.orders.encoder_kbps > 1500);
	/* When it becomes hard, its share is back at once. */
	s.wants_kbps = 0;
	sim_forget(&s);
	sim_run(&s, 3);
	assert_true(s.adapt.orders.encoder_kbps > 4500);
	sim_run(&s, 57);
	assert_true(s.frames - s.shown < s.frames / 50);
	assert_true(wire_kbps(&s, 60) <= 10000);
}

static void parity_of_easy_pictures_takes_nothing_from_them(void **state)
{
	static const struct path path = {.burst = 8, .burst_share = 0.05, .rtt_us = 10000};
	struct sim s;

	(void)state;
	/* Little more than the bursts: not all of them can be covered. */
	sim_init(&s, 9000, 60, &path, 1);
	s.wants_kbps = 2500;
	sim_run(&s, 3);
	s.spare_changes = 0;
	for (unsigned i = 0; i < 570; i++) {
		sim_run(&s, 0.1);
		assert_true(s.adapt.orders.encoder_kbps > 2500);
	}
	assert_in_range(s.spare_changes, 0, 2);
	assert_true(wire_kbps(&s, 60) <= 9000);
}

static void an_encoder_that_undershoots_gets_its_share_back_too(void **state)
{
	static const struct path path = {.burst = 8, .burst_share = 0.05, .rtt_us = 10000};
	struct sim s;

	(void)state;
	sim_init(&s, 10000, 30, &path, 1);
	s.wants_kbps = 1500;
	sim_run(&s, 30);
	s.wants_kbps = 0;
	s.uses = 0.85;
	sim_run(&s, 4);
	assert_true(s.adapt.orders.encoder_kbps > 4500);
}

static void large_frames_pass_a_short_queue(void **state)
{
	static const unsigned queues[] = {32, 64, 128, 256};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct sim s;

		sim_init(&s, 60000, 30, &(struct path){.kbps = 100000, .queue = queues[i] * 1024, .rtt_us = 1000}, i);
		sim_run(&s, 1);
		sim_forget(&s);
		sim_run(&s, 59);
		assert_int_equal(s.shown, s.frames);
		assert_true(wire_kbps(&s, 59) >= 54000);
	}
}

static void ceiling_that_is_too_high_comes_down_and_stays(void **state)
{
	struct sim s;

	(void)state;
	/* Begins at 75 Mbit/s. */
	sim_init(&s, 50000, 30, &(struct path){.kbps = 62000, .queue = 16 * 1024, .rtt_us = 1000}, 1);
	sim_run(&s, 4);
	assert_true(s.adapt.orders.ceiling_kbps < 66000);
	sim_forget(&s);
	sim_run(&s, 56);
	assert_true(s.frames - s.shown <= 2);
	assert_true(s.adapt.wire_kbps > 45000);
}

static void link_that_falls_and_returns_is_followed(void **state)
{
	const struct path wide = {.kbps = 50000, .queue = 64 * 1024, .rtt_us = 10000};
	struct sim s;
	struct path narrow = wide;

	(void)state;
	narrow.kbps = 8000;
	sim_init(&s, 30000, 60, &wide, 1);
	sim_run(&s, 15);
	assert_true(s.adapt.wire_kbps > 25000);
	s.path = narrow;
	sim_run(&s, 1);
	sim_forget(&s);
	sim_run(&s, 14);
	print_message("# at 8 Mbit/s: %u of %u shown, %.0f kbit/s\n", s.shown, s.frames, wire_kbps(&s, 14));
	assert_true(s.shown >= s.frames * 9 / 10);
	assert_true(wire_kbps(&s, 14) > 4500);
	s.path = wide;
	sim_run(&s, 10);
	assert_true(s.adapt.wire_kbps >= 24000);
	sim_forget(&s);
	sim_run(&s, 20);
	assert_in_range(s.reversals, 0, 2);
	assert_true(s.frames - s.shown <= 2);
}

/* On the narrow link the encoder sends more than it is told; that says nothing of the wide one. */
static void what_a_narrow_link_taught_is_forgotten_on_a_wide_one(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 5; seed++) {
		struct sim s;

		sim_init(&s, 30000, 60, &(struct path){.kbps = 50000, .queue = 65536, .rtt_us = 1000}, seed);
		s.least_kbps = 7000;
		sim_run(&s, 15);
		s.path.kbps = 8000;
		sim_run(&s, 15);
		s.path.kbps = 50000;
		sim_run(&s, 8);
		sim_forget(&s);
		sim_run(&s, 3);
		print_message("# seed %u: %.0f kbit/s, trim %.2f\n", seed, wire_kbps(&s, 3), s.adapt.trim);
		assert_true(wire_kbps(&s, 3) >= 0.8 * 28800);
		sim_run(&s, 20);
		assert_true(s.adapt.trim > 0.9);
	}
}

static void one_bad_moment_changes_little(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, 20000, 60, &(struct path){.rtt_us = 5000}, 1);
	sim_run(&s, 10);
	s.path.random = 1;
	sim_run(&s, 0.05);
	s.path.random = 0;
	sim_run(&s, 5);
	assert_true(s.adapt.wire_kbps > 18000);
	sim_run(&s, 20);
	assert_int_equal(s.adapt.orders.fec_percent[FRAME_ORDINARY], 20);
}

static void a_pause_is_no_time_to_climb_in(void **state)
{
	struct sim s;
	double before;

	(void)state;
	sim_init(&s, 30000, 60, &(struct path){.kbps = 8000, .queue = 65536, .rtt_us = 10000}, 1);
	sim_run(&s, 3);
	before = s.adapt.wire_kbps;
	assert_true(before < 12000);
	s.path.kbps = 0;
	s.rtt_us = s.path.rtt_us;
	s.now_ns += 5000 * MS; /* nothing was heard, nothing sent */
	s.tick_ns = s.now_ns;
	sim_run(&s, 0.15);
	assert_true(s.adapt.wire_kbps < before * 1.2);
}

static void pinned_orders_stay(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, 10000, 60, &(struct path){.random = 0.2, .rtt_us = 10000}, 1);
	s.adapt.p.pin_fec = s.adapt.p.pin_rate = s.adapt.p.pin_ceiling = true;
	s.adapt.orders.encoder_kbps = 7000;
	s.adapt.orders.ceiling_kbps = 12345;
	sim_run(&s, 20);
	assert_int_equal(s.adapt.orders.encoder_kbps, 7000);
	assert_int_equal(s.adapt.orders.ceiling_kbps, 12345);
	assert_int_equal(s.adapt.orders.fec_percent[FRAME_ORDINARY], 20);
	assert_int_equal(s.adapt.orders.fec_percent[FRAME_VITAL], 20);
}

static void nonsense_reports_change_nothing(void **state)
{
	static const struct adapt_block rows[] = {
		{0, 0, 0, 0, 0},          {200, 100, 0, 0, 0},  {1024, 0, 0, 0, 0},
		{10, 2, 65535, 65535, 0}, {10, 2, 9, 0, 65535}, {65535, 65535, 65535, 65535, 65535},
	};
	struct sim s;

	(void)state;
	sim_init(&s, 10000, 60, &(struct path){.rtt_us = 10000}, 1);
	sim_run(&s, 5);
	for (unsigned n = 0; n < 600; n++) {
		adapt_block(&s.adapt, &rows[n % 6]);
		sim_run(&s, 0.01);
	}
	assert_int_equal(s.adapt.orders.fec_percent[FRAME_ORDINARY], 20);
	assert_true(s.adapt.wire_kbps > 9000);
}

static void a_stream_that_sends_nothing_is_left_alone(void **state)
{
	struct adapt a;
	struct adapt_sent sent = {0};
	struct adapt_params p = {
		.video = {.fps_mhz = 60000, .configured_kbps = 1, .packet_size = 128, .fec_percent = 20},
		.packet_len = 144,
		.pacing_percent = 150,
		.floor_kbps = 500};

	(void)state;
	adapt_init(&a, &p);
	for (uint64_t t = 1; t < 1000; t++)
		adapt_tick(&a, &sent, t * ADAPT_TICK_NS);
	assert_true(a.orders.encoder_kbps > 0 && a.orders.ceiling_kbps > 0);
	assert_int_equal(a.orders.fec_percent[FRAME_ORDINARY], 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_path_gets_the_whole_rate_and_the_parity_it_began_with),
		cmocka_unit_test(random_loss_is_covered_by_parity_alone),
		cmocka_unit_test(bursts_buy_parity_and_vital_frames_more),
		cmocka_unit_test(easy_pictures_get_parity_that_covers_bursts),
		cmocka_unit_test(parity_of_easy_pictures_takes_nothing_from_them),
		cmocka_unit_test(an_encoder_that_undershoots_gets_its_share_back_too),
		cmocka_unit_test(large_frames_pass_a_short_queue),
		cmocka_unit_test(ceiling_that_is_too_high_comes_down_and_stays),
		cmocka_unit_test(link_that_falls_and_returns_is_followed),
		cmocka_unit_test(what_a_narrow_link_taught_is_forgotten_on_a_wide_one),
		cmocka_unit_test(one_bad_moment_changes_little),
		cmocka_unit_test(a_pause_is_no_time_to_climb_in),
		cmocka_unit_test(pinned_orders_stay),
		cmocka_unit_test(nonsense_reports_change_nothing),
		cmocka_unit_test(a_stream_that_sends_nothing_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
