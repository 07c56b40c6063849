// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A recording's conversion on the GPU that the machine has: one picture at a time (conversion_run) against several
 * under way (conversion_queue), in turn, of frames in memory that are always there. Frames a second, processor time of
 * one, and how long the thread that hands a frame over is held up by that; the largest of the rounds, JSON. Arguments:
 * width height rounds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "encode/conversion_queue.h"

#define FRAMES  60
#define SOURCES 4 /* buffers of a capture */

static unsigned width = 1920, height = 1080, rounds = 5;
static struct frame source[SOURCES];
static struct picture dst;

struct figures {
	double frames_s, cpu_ms, held_ms;
};

static void die(const char *what, int rc)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-rc));
	exit(1);
}

static double process_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void back(struct frame *f, int fence_fd)
{
	(void)f, (void)fence_fd;
}

static struct frame *give(unsigned n)
{
	struct frame *f = &source[n % SOURCES];

	f->refs++; /* never the last */
	f->picture = frame_picture_no();
	return f;
}

static uint64_t one_by_one(struct conversion *c)
{
	uint64_t held = 0;

	for (unsigned n = 0; n < FRAMES; n++) {
		struct frame *f = give(n);
		uint64_t t = clock_ns();
		int rc = conversion_run(c, f, &dst);

		if (rc < 0)
			die("conversion", rc);
		held += clock_ns() - t;
		frame_unref(f, -1);
	}
	return held;
}

static uint64_t several(struct conversion_queue *q)
{
	uint64_t held = 0;

	for (unsigned n = 0; n < FRAMES; n++) {
		struct frame *f = give(n);
		uint64_t t = clock_ns();
		int rc;

		if (conversion_queue_busy(q) && conversion_queue_take(q, &dst, true) < 0)
			die("conversion", -EIO);
		rc = conversion_queue_put(q, f);
		if (rc < 0)
			die("conversion", rc);
		held += clock_ns() - t;
		frame_unref(f, -1);
		while (conversion_queue_take(q, &dst, false) == 0)
			;
	}
	while (conversion_queue_pending(q))
		if (conversion_queue_take(q, &dst, true) < 0)
			die("conversion", -EIO);
	return held;
}

static void keep(struct figures *best, uint64_t wall_ns, double cpu_ms, uint64_t held_ns)
{
	const struct figures f = {FRAMES * 1e9 / (double)wall_ns, cpu_ms / FRAMES, (double)held_ns / 1e6 / FRAMES};

	if (f.frames_s > best->frames_s)
		*best = f;
}

static void print(const char *name, const struct figures *f, const char *end)
{
	printf("  \"%s\": {\"frames_s\": %.1f, \"cpu_ms\": %.2f, \"held_ms\": %.3f}%s\n", name, f->frames_s, f->cpu_ms,
	       f->held_ms, end);
}

int main(int argc, char **argv)
{
	struct figures single = {0}, queued = {0};
	struct conversion c;
	struct conversion_queue q;

	if (argc > 3) {
		width = (unsigned)atoi(argv[1]) & ~3u;
		height = (unsigned)atoi(argv[2]) & ~1u;
		rounds = (unsigned)atoi(argv[3]);
	}
	log_set_level(LOG_LEVEL_WARN);
	if (!width || !height || picture_init(&dst, (uint16_t)width, (uint16_t)height, COLOUR_BT709, false) < 0)
		die("picture", -EINVAL);
	for (unsigned i = 0; i < SOURCES; i++) {
		uint8_t *pixels = malloc((size_t)width * height * 4);

		if (!pixels)
			die("memory", -ENOMEM);
		memset(pixels, (int)(0x5a + i), (size_t)width * height * 4);
		source[i] = (struct frame){
			.release = back,
			.refs = 1,
			.width = width,
			.height = height,
			.fourcc = FOURCC_XRGB8888,
			.n_planes = 1,
			.plane = {{.fd = -1, .stride = width * 4}},
			.map = {pixels},
			.acquire_fence = -1,
		};
	}
	conversion_init(&c, CONVERT_GPU, &dst);
	conversion_queue_init(&q, CONVERT_GPU, &dst);
	if (!c.gpu || !q.conversion.gpu)
		return 77;
	one_by_one(&c);
	several(&q);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t t = clock_ns(), held;
		double cpu = process_ms();

		held = one_by_one(&c);
		keep(&single, clock_ns() - t, process_ms() - cpu, held);
		t = clock_ns();
		cpu = process_ms();
		held = several(&q);
		keep(&queued, clock_ns() - t, process_ms() - cpu, held);
	}
	printf("{\n  \"width\": %u, \"height\": %u,\n", width, height);
	print("one_by_one", &single, ",");
	print("several", &queued, "");
	printf("}\n");
	conversion_finish(&c);
	conversion_queue_finish(&q);
	for (unsigned i = 0; i < SOURCES; i++)
		free((void *)source[i].map[0]);
	picture_finish(&dst);
	return 0;
}
