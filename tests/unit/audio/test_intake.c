// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The packet grid beside a source with a clock of its own, in virtual time: ten minutes take a
 * moment. The source writes numbered frames, so that a doubled, skipped or missing one shows.
 */
#include "../cmocka_all.h"

#include <math.h>
#include <string.h>

#include "audio/intake.h"
#include "audio/layout.h"
#include "audio/timeline.h"

#define START_NS   (1000 * NS_PER_S)
#define DIGIT      4096u /* a float holds a frame number in two channels exactly */
#define NEVER_STOP 1e12

struct scenario {
	unsigned packet_ms, chunk;
	double ppm;            /* how much faster the source's clock is */
	double stamp_noise_us; /* the stamp is off by up to this, either way */
	double late_us;        /* the write comes up to this later than its stamp */
	double wake_us;        /* the audio thread wakes up to this late */
	double seconds;
	double stop_s, restart_s; /* the source's graph stands still in between */
};

struct result {
	uint32_t next;   /* frame number expected next; numbers begin with 1 */
	uint64_t broken; /* frames that were not the expected one */
	uint64_t silent; /* frames of silence after the first sound */
	uint64_t packets;
	double drift_ms[2]; /* least and most: sound sent minus sound made, of the grid alone */
	double step_off;    /* largest share by which a step differed from the packet */
	double lead_ms[2];  /* least and most delay between source and packet, once it settled */
	uint64_t refused;
	struct intake in;
};

static uint64_t seed;

/* -1..1 */
static double noise(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(int32_t)(seed >> 32) / 2147483648.0;
}

struct sim {
	const struct scenario *sc;
	struct fifo fifo;
	uint32_t written;  /* frames the source has made */
	double source_ns;  /* when the next chunk is complete, by the source's clock, in ours */
	double deliver_ns; /* when it is written */
};

static double chunk_ns(const struct scenario *sc)
{
	return sc->chunk * 1e9 / AUDIO_RATE / (1.0 + sc->ppm * 1e-6);
}

static void schedule_chunk(struct sim *s)
{
	double at = s->source_ns;

	s->source_ns += chunk_ns(s->sc);
	if (at < START_NS + s->sc->stop_s * 1e9 && s->source_ns >= START_NS + s->sc->stop_s * 1e9)
		s->source_ns = START_NS + s->sc->restart_s * 1e9 + 12345.0;
	s->deliver_ns = s->source_ns + s->sc->late_us * 1e3 * fabs(noise());
}

static void deliver_until(struct sim *s, double now_ns)
{
	static float pcm[4096 * 2];

	while (s->deliver_ns <= now_ns) {
		for (unsigned i = 0; i < s->sc->chunk; i++) {
			uint32_t n = ++s->written;

			pcm[i * 2] = (float)(n / DIGIT);
			pcm[i * 2 + 1] = (float)(n % DIGIT);
		}
		fifo_write(&s->fifo, pcm, s->sc->chunk,
			   (uint64_t)(s->source_ns + s->sc->stamp_noise_us * 1e3 * noise()));
		schedule_chunk(s);
	}
}

static void check_frames(struct result *r, const float *pcm, unsigned frames)
{
	for (unsigned i = 0; i < frames; i++) {
		uint32_t n = (uint32_t)pcm[i * 2] * DIGIT + (uint32_t)pcm[i * 2 + 1];

		if (!n) {
			r->silent += r->next != 0;
			continue;
		}
		if (r->next && n != r->next)
			r->broken++;
		r->next = n + 1;
	}
}

static void run(const struct scenario *sc, struct result *r)
{
	struct sim s = {.sc = sc, .source_ns = START_NS};
	unsigned frames = sc->packet_ms * AUDIO_RATE / 1000;
	static float pcm[AUDIO_FRAMES_MAX * 2];
	uint64_t at = START_NS + 777777;
	double nominal = sc->packet_ms * 1e6, first_drift = NAN;

	seed = 42;
	*r = (struct result){.drift_ms = {INFINITY, -INFINITY}, .lead_ms = {INFINITY, -INFINITY}};
	assert_int_equal(fifo_init(&s.fifo, 2, 8192), 0);
	intake_init(&r->in, &s.fifo, frames);
	schedule_chunk(&s);
	while (at < START_NS + sc->seconds * 1e9) {
		uint64_t step;
		double made, drift, lead;

		deliver_until(&s, (double)at + sc->wake_us * 1e3 * fabs(noise()));
		step = intake_pull(&r->in, at, pcm);
		check_frames(r, pcm, frames);
		r->packets++;
		r->step_off = fmax(r->step_off, fabs((double)step - nominal) / nominal);
		/* What the source's clock has made by now against what the grid has sent. */
		made = (double)(at - START_NS) * (1.0 + sc->ppm * 1e-6) / 1e6;
		drift = (double)(r->packets * sc->packet_ms) - made;
		if (isnan(first_drift))
			first_drift = drift;
		r->drift_ms[0] = fmin(r->drift_ms[0], drift - first_drift);
		r->drift_ms[1] = fmax(r->drift_ms[1], drift - first_drift);
		if (r->in.running && at > START_NS + 20 * NS_PER_S) {
			/* After the read: what the source has made that is not sent. */
			lead = ((double)s.written - (double)(r->next - 1)) / 48.0;
			r->lead_ms[0] = fmin(r->lead_ms[0], lead);
			r->lead_ms[1] = fmax(r->lead_ms[1], lead);
		}
		at += step;
	}
	r->refused = atomic_load(&s.fifo.refused);
	fifo_finish(&s.fifo);
}

static void drift_below_one_packet_in_ten_minutes(void **state)
{
	/* Writes shorter, equal to and longer than a packet; the last is the cycle of a virtual machine's graph. */
	static const struct {
		double ppm;
		unsigned packet_ms, chunk;
		double seconds;
	} cases[] = {
		{200, 5, 128, 600}, {-200, 10, 256, 60}, {200, 5, 240, 60}, {-200, 5, 1024, 60},
		{500, 5, 256, 60},  {-500, 10, 64, 60},  {0, 5, 480, 60},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct scenario sc = {.packet_ms = cases[i].packet_ms,
					    .chunk = cases[i].chunk,
					    .ppm = cases[i].ppm,
					    .stamp_noise_us = 300,
					    .late_us = 1500,
					    .wake_us = 1000,
					    .seconds = cases[i].seconds,
					    .stop_s = NEVER_STOP};
		struct result r;

		run(&sc, &r);
		assert_true(r.drift_ms[0] > -1.0 && r.drift_ms[1] < 1.0);
		assert_int_equal(r.broken, 0);
		assert_int_equal(r.silent, 0);
		assert_int_equal(r.in.underruns, 0);
		assert_int_equal(r.in.skipped, 0);
		assert_int_equal(r.refused, 0);
		assert_true(r.step_off < 0.002);
	}
}

static void delay_stays_within_twenty_ms(void **state)
{
	static const unsigned chunk[] = {64, 128, 240, 256};

	(void)state;
	for (size_t c = 0; c < sizeof(chunk) / sizeof(*chunk); c++) {
		/* Late writes deepen the delay as far as they must, and no farther than the bound. */
		const struct scenario sc = {.packet_ms = 5,
					    .chunk = chunk[c],
					    .ppm = -200,
					    .late_us = 7000,
					    .wake_us = 500,
					    .seconds = 60,
					    .stop_s = NEVER_STOP};
		struct result r;

		run(&sc, &r);
		assert_true(r.lead_ms[1] < 20.0);
		assert_int_equal(r.broken, 0);
		assert_int_equal(r.in.skipped, 0);
		assert_true(r.in.underruns < 10);
	}
}

static void a_stopped_graph_becomes_silence_and_the_grid_goes_on(void **state)
{
	const struct scenario sc = {.packet_ms = 5,
				    .chunk = 256,
				    .ppm = 200,
				    .stamp_noise_us = 200,
				    .late_us = 1000,
				    .wake_us = 500,
				    .seconds = 60,
				    .stop_s = 20,
				    .restart_s = 33.3};
	struct result r;

	(void)state;
	run(&sc, &r);
	assert_int_equal(r.broken, 0);
	assert_int_equal(r.in.skipped, 0);
	assert_int_equal(r.in.underruns, 1);
	/* As much silence as the pause was long: nothing was inserted or cut when the source came back. */
	assert_in_range(r.silent, 13.2 * AUDIO_RATE, 13.4 * AUDIO_RATE);
	assert_true(r.step_off < 0.002);
	assert_true(r.drift_ms[0] > -5.0 && r.drift_ms[1] < 5.0);
}

static void no_source_is_silence_on_an_even_grid(void **state)
{
	struct fifo fifo;
	struct intake in;
	static float pcm[480 * 2];
	uint64_t at = START_NS;

	(void)state;
	assert_int_equal(fifo_init(&fifo, 2, 8192), 0);
	intake_init(&in, &fifo, 480);
	for (unsigned i = 0; i < 1000; i++) {
		memset(pcm, 0x7f, sizeof(pcm));
		assert_int_equal(intake_pull(&in, at, pcm), 10 * NS_PER_MS);
		for (unsigned n = 0; n < 480 * 2; n++)
			assert_true(pcm[n] == 0.0f);
		at += 10 * NS_PER_MS;
	}
	assert_int_equal(in.underruns, 0);
	fifo_finish(&fifo);
}

static void what_waited_before_the_start_is_not_sent(void **state)
{
	struct fifo fifo;
	struct intake in;
	static float old[8192 * 2], pcm[240 * 2];
	uint64_t at = START_NS;
	bool sound = false;

	(void)state;
	assert_int_equal(fifo_init(&fifo, 2, 8192), 0);
	for (unsigned i = 0; i < 8192 * 2; i++)
		old[i] = 1.0f;
	intake_init(&in, &fifo, 240);
	fifo_write(&fifo, old, 8192, at);
	assert_int_equal(fifo_write(&fifo, old, 240, at), 0);
	intake_restart(&in);
	for (unsigned i = 0; i < 16 * 240 * 2; i++)
		old[i] = 2.0f;
	for (unsigned i = 0; i < 20; i++) {
		at += intake_pull(&in, at, pcm);
		fifo_write(&fifo, old, 240, at);
		for (unsigned n = 0; n < 240 * 2; n++) {
			assert_true(pcm[n] != 1.0f);
			sound |= pcm[n] == 2.0f;
		}
	}
	assert_true(sound);
	fifo_finish(&fifo);
}

static void loop_learns_the_rate_and_averages_jitter(void **state)
{
	struct dll d;
	double grid = 0, source = 0, period = 5e6 / (1 + 200e-6), worst = 0, mean = 0;

	(void)state;
	seed = 7;
	dll_init(&d, 5e6, 0.2);
	for (unsigned i = 0; i < 120000; i++) {
		double late = grid - source + 1e6 * noise();

		mean += i < 60000 ? 0 : d.period_ns / 60000;
		grid += (double)dll_step(&d, late);
		source += period;
		if (i > 10000)
			worst = fmax(worst, fabs(grid - source));
	}
	assert_true(fabs(mean / period - 1) < 5e-6);
	assert_true(worst < 0.25e6); /* of 1 ms noise either way */
}

static void loop_survives_wild_observations(void **state)
{
	struct dll d;

	(void)state;
	dll_init(&d, 5e6, 0.2);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t step = dll_step(&d, i % 2 ? 1e15 : -1e18 * noise());

		assert_in_range(step, 4900000, 5100000);
	}
}

static void a_missed_cycle_is_held_by_silence(void **state)
{
	struct timeline t = {0};

	(void)state;
	assert_int_equal(timeline_chunk(&t, 1000, 128), 0);
	assert_int_equal(timeline_chunk(&t, 1128, 128), 0);
	/* 1256 is missed: seen, and believed with the next chunk. */
	assert_int_equal(timeline_chunk(&t, 1384, 128), 0);
	assert_int_equal(t.off, 128);
	assert_int_equal(timeline_chunk(&t, 1512, 128), 128);
	assert_int_equal(t.off, 0);
	assert_int_equal(timeline_chunk(&t, 1640, 128), 0);
	/* Longer and shorter cycles are none. */
	assert_int_equal(timeline_chunk(&t, 1768, 1024), 0);
	assert_int_equal(timeline_chunk(&t, 2792, 64), 0);
	assert_int_equal(timeline_chunk(&t, 2856, 64), 0);
}

static void a_position_read_too_late_is_no_gap(void **state)
{
	struct timeline t = {0};

	(void)state;
	for (uint64_t at = 0; at < 128000; at += 128) {
		/* Every tenth chunk is told the position of the next. */
		uint64_t told = at / 128 % 10 == 5 ? at + 128 : at;

		assert_int_equal(timeline_chunk(&t, told, 128), 0);
		assert_int_equal(t.off, told - at);
	}
}

static void another_graph_is_no_gap(void **state)
{
	static const uint64_t jump[] = {1000000, (uint64_t)-1000000, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(jump) / sizeof(*jump); i++) {
		struct timeline t = {0};
		uint64_t at = 5000000;

		for (unsigned n = 0; n < 100; n++, at += 256) {
			if (n == 50)
				at += jump[i];
			assert_int_equal(timeline_chunk(&t, at, 256), 0);
		}
		assert_int_equal(t.off, 0);
		/* The rounding of a graph at another rate. */
		for (unsigned n = 0; n < 1000; n++, at += 256 + n % 3)
			assert_int_equal(timeline_chunk(&t, at, 256), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drift_below_one_packet_in_ten_minutes),
		cmocka_unit_test(delay_stays_within_twenty_ms),
		cmocka_unit_test(a_stopped_graph_becomes_silence_and_the_grid_goes_on),
		cmocka_unit_test(no_source_is_silence_on_an_even_grid),
		cmocka_unit_test(what_waited_before_the_start_is_not_sent),
		cmocka_unit_test(a_missed_cycle_is_held_by_silence),
		cmocka_unit_test(a_position_read_too_late_is_no_gap),
		cmocka_unit_test(another_graph_is_no_gap),
		cmocka_unit_test(loop_learns_the_rate_and_averages_jitter),
		cmocka_unit_test(loop_survives_wild_observations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
