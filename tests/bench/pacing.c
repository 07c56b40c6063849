// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How late packets leave, against what this machine allows at all: the video path of a stream sends paced frames, and
 * beside it, in the same run, a bare thread of the same priority sleeps to absolute times as often as trains leave and
 * does nothing else. stdout has both latenesses as JSON. Without a quiet machine the figures say how loaded it is,
 * their ratio still says what waking for a train costs beyond waking. Usage: pacing [seconds]
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/log.h"
#include "base/thread.h"
#include "chain.h"

#define FPS     60u
#define KBPS    10000u
#define EACH_NS (5 * NS_PER_MS) /* the bare thread's sleeps; two or three trains of a frame wait */

static struct hist bare;
static struct thread sleeper;

static void sleep_only(void *arg)
{
	uint64_t due;

	(void)arg;
	thread_try_realtime();
	for (due = clock_ns() + EACH_NS; !thread_should_stop(&sleeper); due += EACH_NS) {
		uint64_t now;

		clock_sleep_until(due);
		now = clock_ns();
		hist_add(&bare, now > due ? now - due : 0);
		if (now > due + EACH_NS)
			due = now; /* what was missed is not made up */
	}
}

static void report(const char *name, const struct hist *h)
{
	printf("  \"%s\": {\"count\": %llu, \"p50_us\": %.1f, \"p95_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f},\n",
	       name, (unsigned long long)atomic_load(&h->count), (double)hist_percentile(h, 500) / 1e3,
	       (double)hist_percentile(h, 950) / 1e3, (double)hist_percentile(h, 990) / 1e3,
	       (double)atomic_load(&h->max_ns) / 1e3);
}

int main(int argc, char **argv)
{
	static struct source source;
	static struct chain chain;
	const struct video_params video = {
		.codec = CODEC_H264,
		.width = 1280,
		.height = 720,
		.fps_mhz = FPS * 1000,
		.depth = 8,
		.space = COLOUR_BT709,
		.slices = 1,
		.configured_kbps = KBPS,
		.encoder_kbps = KBPS * 4 / 5,
		.packet_size = 1392,
		.fec_percent = 20,
		.fec_min = 2,
	};
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 20;
	uint64_t due;

	if (!seconds)
		return 1;
	log_set_level(LOG_LEVEL_WARN);
	source_init(&source, video.width, video.height, 12);
	chain_start(&chain, &video, "superfast", 2, EARLY_OFF);
	if (thread_start(&sleeper, "sleeper", sleep_only, NULL) < 0)
		return 1;
	due = clock_ns();
	for (unsigned i = 0; i < seconds * FPS; i++) {
		uint8_t data[2048];
		uint64_t at;

		clock_sleep_until(due += NS_PER_S / FPS);
		while (chain_take(&chain, data, sizeof(data), &at) > 0)
			;
		chain_give(&chain, source_draw(&source, i));
	}
	chain_rest_until(&chain, seconds * FPS);
	thread_stop(&sleeper);
	thread_join(&sleeper);
	printf("{\n");
	report("trains_late", &chain.stats.late);
	report("bare_sleep", &bare);
	printf("  \"p99_ratio\": %.2f\n}\n",
	       (double)hist_percentile(&chain.stats.late, 990) / (double)hist_percentile(&bare, 990));
	chain_stop(&chain);
	source_finish(&source);
	return 0;
}
