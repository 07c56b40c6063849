// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What sending a frame in parts gains. Two whole chains, encode thread and video-tx thread, see the same pictures at
 * the same rate and differ in one thing: A packs frames when they are encoded, with as many sliced threads as there are
 * cores, B may send them in parts. They take turns frame by frame, so a noisy neighbour hits both, and each turn lasts
 * until the frame is out and the library's threads rest. Times are the kernel's at the receiving socket. Each pair of
 * turns gives its difference; stdout has medians of the pairs as JSON, for frames of at least 100 data shards and
 * others. Usage: slices [frames]
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "chain.h"

#define PICTURES   12 /* distinct ones, played forth and back */
#define WARM       40 /* frames until rate and sizes have settled */
#define FRAMES_MAX 2000u
#define TAIL_NS    (5 * NS_PER_MS) /* in which the library's threads come to rest */
#define LARGE      100u            /* data shards */

struct setup {
	const char *name;
	struct video_params video;
	unsigned cores;
	struct source source;
};

/* Of one frame, ms since it was captured. */
struct turn {
	double first, last, encoded;
	unsigned data, packets, blocks;
};

static void setup_init(struct setup *s, const char *name, uint16_t w, uint16_t h, uint32_t fps, uint32_t kbps)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	*s = (struct setup){
		.name = name,
		.video = {.codec = CODEC_H264,
			  .width = w,
			  .height = h,
			  .fps_mhz = fps * 1000,
			  .depth = 8,
			  .space = COLOUR_BT709,
			  .slices = 1,
			  .configured_kbps = kbps,
			  .encoder_kbps = kbps * 4 / 5,
			  .packet_size = 1392,
			  .fec_percent = 20,
			  .fec_min = 2},
		.cores = cores < 1   ? 1
			 : cores > 8 ? 8
				     : (unsigned)cores,
	};
	source_init(&s->source, w, h, PICTURES);
}

/* Takes what has arrived; start: when the frame was captured, CLOCK_REALTIME. */
static void drain(const struct chain *c, struct turn *t, uint64_t start)
{
	uint8_t data[2048];
	uint64_t at;

	while (chain_take(c, data, sizeof(data), &at) >= 32) {
		double ms = (double)((int64_t)at - (int64_t)start) / 1e6;

		if (!at || !t)
			continue;
		if (!t->packets++)
			t->first = ms;
		t->last = ms;
		if (((unsigned)data[29] >> 4 | (unsigned)(data[30] & 0x3f) << 4) == 0) { /* shard 0 of its block */
			t->blocks++;
			t->data += (unsigned)data[30] >> 6 | (unsigned)data[31] << 2;
		}
	}
}

/* False: a repeated picture came between, the turn says nothing. */
static bool one_frame(struct chain *c, struct frame *f, struct turn *t)
{
	uint64_t repeats = STAT_GET(c->stats.frames_repeated), sent = STAT_GET(c->stats.frames_sent);
	uint64_t encode_ns = STAT_GET(c->stats.encode.sum_ns), start;

	drain(c, NULL, 0);
	*t = (struct turn){0};
	start = chain_give(c, f);
	chain_rest_until(c, sent + 1);
	drain(c, t, start);
	t->encoded = (double)(STAT_GET(c->stats.encode.sum_ns) - encode_ns) / 1e6;
	clock_sleep_until(clock_ns() + TAIL_NS);
	return STAT_GET(c->stats.frames_repeated) == repeats && t->data;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), compare);
	return n ? v[n / 2] : 0;
}

static void report(const char *name, const struct turn (*t)[2], unsigned n, bool large)
{
	static double v[10][FRAMES_MAX];
	unsigned k = 0, blocks = 0, data[2] = {0}, packets[2] = {0};

	for (unsigned i = 0; i < n; i++) {
		const struct turn *a = &t[i][0], *b = &t[i][1];

		/* Of both, or the pair compares a large with a small one. */
		if ((a->data >= LARGE) != large || (b->data >= LARGE) != large)
			continue;
		v[0][k] = a->last;
		v[1][k] = b->last;
		v[2][k] = 1 - b->last / a->last;
		v[3][k] = a->first;
		v[4][k] = b->first;
		v[5][k] = (a->first - b->first) / a->encoded;
		v[6][k] = a->encoded;
		v[7][k] = b->encoded;
		blocks += b->blocks;
		data[0] += a->data;
		data[1] += b->data;
		packets[0] += a->packets;
		packets[1] += b->packets;
		k++;
	}
	printf("    \"%s\": {\"frames\": %u", name, k);
	if (k) {
		double last_a = median(v[0], k), last_b = median(v[1], k);

		printf(", \"shards\": [%.1f, %.1f], \"packets\": [%.1f, %.1f], \"blocks\": %.2f, "
		       "\"encode_ms\": [%.2f, %.2f], \"first_packet_ms\": [%.2f, %.2f], "
		       "\"last_packet_ms\": [%.2f, %.2f], \"last_better_p50\": %.3f, \"last_better_of_pairs\": %.3f, "
		       "\"first_earlier_of_encode\": %.3f",
		       (double)data[0] / k, (double)data[1] / k, (double)packets[0] / k, (double)packets[1] / k,
		       (double)blocks / k, median(v[6], k), median(v[7], k), median(v[3], k), median(v[4], k), last_a,
		       last_b, 1 - last_b / last_a, median(v[2], k), median(v[5], k));
	}
	printf("}");
}

static void measure(struct setup *s, enum early_mode mode, unsigned frames, bool last)
{
	static struct chain chain[2];
	static struct turn turn[FRAMES_MAX][2];
	uint64_t at, period = 2 * 1000 * NS_PER_S / s->video.fps_mhz + 4 * TAIL_NS;
	unsigned n = 0;

	chain_start(&chain[0], &s->video, "superfast", s->cores, EARLY_OFF);
	chain_start(&chain[1], &s->video, "superfast", s->cores, mode);
	clock_sleep_until(clock_ns() + 200 * NS_PER_MS); /* the black start is out */
	at = clock_ns();
	for (unsigned i = 0; i < WARM + frames; i++) {
		struct frame *f = source_draw(&s->source, i);
		bool good = true;

		if (at < clock_ns())
			at = clock_ns();
		clock_sleep_until(at += period / 2);
		/* Who comes second finds the picture in the caches: the order alternates. */
		for (unsigned k = 0; k < 2; k++) {
			unsigned who = (i + k) % 2;

			good &= one_frame(&chain[who], f, &turn[n][who]);
		}
		n += i >= WARM && good;
	}
	for (unsigned k = 0; k < 2; k++)
		chain_stop(&chain[k]);
	printf("  \"%s %s\": {\n", s->name, mode == EARLY_FIXED ? "fixed" : "auto");
	report("large", turn, n, true);
	printf(",\n");
	report("others", turn, n, false);
	printf("\n  }%s\n", last ? "" : ",");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct setup full_hd, wide;
	unsigned frames = argc > 1 ? (unsigned)atoi(argv[1]) : 240;

	if (!frames || frames > FRAMES_MAX)
		return 1;
	log_set_level(LOG_LEVEL_WARN);
	setup_init(&full_hd, "1080p60_20000", 1920, 1080, 60, 20000);
	setup_init(&wide, "1440p30_60000", 2560, 1440, 30, 60000);
	printf("{\n");
	measure(&full_hd, EARLY_AUTO, frames, false);
	measure(&wide, EARLY_AUTO, frames, false);
	measure(&full_hd, EARLY_FIXED, frames, false);
	measure(&wide, EARLY_FIXED, frames, true);
	printf("}\n");
	source_finish(&full_hd.source);
	source_finish(&wide.source);
	return 0;
}
