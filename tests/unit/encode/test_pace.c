// SPDX-License-Identifier: GPL-3.0-or-later
/* The frame rate limit and the repeat of a still picture, on a fake clock, driven as the worker drives them. */
#include "../cmocka_all.h"

#include <stdlib.h>

#include "base/clock.h"
#include "encode/pace.h"

struct result {
	unsigned taken, repeated;
	double fps;
	uint64_t max_gap_ns;
};

/* A source of src_mhz with each frame late or early by up to jitter_ns, for seconds; polls every 100 us. */
static struct result run(uint32_t limit_mhz, uint32_t src_mhz, uint64_t jitter_ns, unsigned seconds)
{
	const uint64_t period = NS_PER_S * 1000 / src_mhz, end = seconds * NS_PER_S, t0 = NS_PER_S;
	uint64_t next = t0, n = 0, waiting = 0, held = 0, last = 0;
	struct result r = {0};
	struct pace p;

	pace_init(&p, limit_mhz, 10000);
	pace_begin(&p, t0);
	for (uint64_t now = t0; now < t0 + end; now += 100000) {
		while (now >= next) {
			waiting = ++n; /* newest wins */
			next = t0 + n * period + (jitter_ns ? (uint64_t)rand() % (2 * jitter_ns) : 0);
			next -= next > t0 + jitter_ns ? jitter_ns : 0;
		}
		if (waiting && (now >= pace_due(&p) || (waiting != held && pace_accepts(&p, now)))) {
			if (last && now - last > r.max_gap_ns)
				r.max_gap_ns = now - last;
			last = now;
			pace_took(&p, now);
			r.taken++;
			waiting = held = 0;
		} else if (now >= pace_repeat_at(&p)) {
			pace_repeated(&p, now);
			r.repeated++;
		} else if (waiting) {
			held = waiting;
		}
	}
	r.fps = (double)r.taken / seconds;
	return r;
}

static void assert_fps(double got, double want)
{
	if (got < want - 0.1 || got > want + 0.1)
		fail_msg("%.2f fps instead of %.2f", got, want);
}

static void rates_are_met_without_drift(void **state)
{
	(void)state;
	srand(1);
	assert_fps(run(60000, 60000, 0, 60).fps, 60);
	assert_fps(run(60000, 60000, 4000000, 60).fps, 60);
	assert_fps(run(60000, 60000, 7000000, 60).fps, 60);
	assert_fps(run(59940, 59940, 3000000, 60).fps, 59.94);
	assert_fps(run(30000, 60000, 0, 60).fps, 30);
	assert_fps(run(30000, 60000, 3000000, 60).fps, 30);
	assert_fps(run(60000, 144000, 1000000, 60).fps, 60);
	assert_fps(run(60000, 61000, 1000000, 60).fps, 60);
	assert_fps(run(60000, 59000, 1000000, 60).fps, 59);
	assert_fps(run(120000, 60000, 1000000, 60).fps, 60);
	assert_fps(run(60000, 24000, 2000000, 60).fps, 24);
}

static void every_second_frame_of_a_double_rate_is_taken_fresh(void **state)
{
	struct result r = run(30000, 60000, 2000000, 30);

	(void)state;
	/* 33.3 ms apart, give or take the jitter of both and one source frame. */
	assert_true(r.max_gap_ns < 55 * NS_PER_MS);
}

static void m56_still_picture_is_repeated_at_the_minimum_rate(void **state)
{
	struct result r = run(60000, 1000, 0, 20);

	(void)state;
	assert_in_range(r.taken, 19, 21);
	/* Ten a second altogether. */
	assert_in_range(r.taken + r.repeated, 195, 215);
}

static void a_running_source_is_not_repeated(void **state)
{
	(void)state;
	assert_int_equal(run(60000, 30000, 4000000, 20).repeated, 0);
}

static void a_silent_source_starts_black_within_50_ms(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 60000, 2000);
	pace_begin(&p, NS_PER_S);
	assert_true(pace_repeat_at(&p) <= NS_PER_S + 50 * NS_PER_MS);
	assert_true(pace_repeat_at(&p) > NS_PER_S + 20 * NS_PER_MS);
	assert_true(pace_accepts(&p, NS_PER_S));
}

static void a_pause_is_not_caught_up_with(void **state)
{
	struct pace p;
	unsigned taken = 0;

	(void)state;
	pace_init(&p, 60000, 2000);
	pace_begin(&p, NS_PER_S);
	pace_took(&p, NS_PER_S);
	/* Five seconds later 1000 frames a second for one second. */
	for (uint64_t now = 6 * NS_PER_S; now < 7 * NS_PER_S; now += NS_PER_MS)
		if (pace_accepts(&p, now)) {
			pace_took(&p, now);
			taken++;
		}
	assert_in_range(taken, 59, 62);
}

static void minimum_rate_is_clamped(void **state)
{
	struct pace p;

	(void)state;
	pace_init(&p, 60000, 0);
	assert_int_equal(p.repeat_ns, NS_PER_S);
	pace_init(&p, 60000, UINT32_MAX);
	assert_int_equal(p.repeat_ns, p.interval_ns);
}

static void a_path_that_goes_quiet_gets_the_frames_that_fit_and_no_more(void **state)
{
	const uint64_t heard = 10 * NS_PER_S, dark = heard + 300 * NS_PER_MS;

	(void)state;
	for (uint32_t fps = 30; fps <= 240; fps *= 2)
		for (uint32_t room = 0; room <= 40; room++) {
			struct pace_life life = {.heard_ns = heard, .dark_ns = dark, .room = room};
			uint64_t frame = NS_PER_S / fps, last = 0, quiet = 0;
			struct pace p;

			pace_init(&p, fps * 1000, 1000);
			pace_begin(&p, heard);
			for (uint64_t now = heard; now < dark + NS_PER_S; now += frame / 4) {
				if (now < pace_due(&p) || now < pace_quiet_at(&p, &life, now))
					continue;
				pace_took(&p, now);
				if (now >= heard + 100 * NS_PER_MS) {
					assert_true(life.room > 0);
					quiet++;
				}
				life.room -= life.room > 0;
				last = now;
			}
			/* Full rate at first, whatever is left. */
			assert_true(quiet <= room);
			assert_true(last >= heard + 40 * NS_PER_MS - frame);
			/* Spread, not spent at once. */
			if (room > 40 * fps / 1000 + 4 && room > 5 + 2)
				assert_true(last >= dark - 100 * NS_PER_MS);
		}
}

static void a_client_that_is_heard_or_has_nothing_to_keep_is_not_held_up(void **state)
{
	const uint64_t now = 10 * NS_PER_S, dark = now + 200 * NS_PER_MS;
	const struct pace_life rows[] = {
		{0, dark, 0},                              /* nobody watches */
		{now - 100 * NS_PER_MS, NS_NEVER, 0},      /* no pause */
		{now - 100 * NS_PER_MS, dark, UINT32_MAX}, /* nothing acknowledged */
		{now - 80 * NS_PER_MS, dark + 1, 0},       /* heard of late */
		{now + 1, dark, 0},
	};
	struct pace p;

	(void)state;
	pace_init(&p, 60000, 1000);
	pace_begin(&p, now - NS_PER_S);
	pace_took(&p, now - 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(pace_quiet_at(&p, &rows[i], now), 0);
	/* Nor is one in a gap that the DPB has room for. */
	assert_int_equal(pace_quiet_at(&p, &(struct pace_life){now - 90 * NS_PER_MS, dark, PACE_SPREAD + 1}, now), 0);
	assert_true(pace_quiet_at(&p, &(struct pace_life){now - 90 * NS_PER_MS, dark, 0}, now) == NS_NEVER);
	assert_true(pace_quiet_at(&p, &(struct pace_life){now - 90 * NS_PER_MS, dark, 3}, now) ==
		    now - 1 + 50 * NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_met_without_drift),
		cmocka_unit_test(every_second_frame_of_a_double_rate_is_taken_fresh),
		cmocka_unit_test(m56_still_picture_is_repeated_at_the_minimum_rate),
		cmocka_unit_test(a_running_source_is_not_repeated),
		cmocka_unit_test(a_silent_source_starts_black_within_50_ms),
		cmocka_unit_test(a_pause_is_not_caught_up_with),
		cmocka_unit_test(minimum_rate_is_clamped),
		cmocka_unit_test(a_path_that_goes_quiet_gets_the_frames_that_fit_and_no_more),
		cmocka_unit_test(a_client_that_is_heard_or_has_nothing_to_keep_is_not_held_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
