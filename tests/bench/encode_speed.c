// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Software encoders side by side on the same moving pictures: time and CPU of a frame, how much of the rate is used,
 * the largest frame, and what a key frame and a frame after an invalidation weigh against an ordinary one. One JSON
 * object a row on stdout.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "encode/encoder.h"
#include "encode/picture.h"
#include "encode/registry.h"
#include "moving.h"

#define PICTURES 16 /* distinct ones, played forth and back */
#define WARM     30
#define FRAMES   130
#define KEY_AT   97 /* in every hundred */
#define LOSS_AT  40

struct row {
	const char *encoder, *preset;
	enum codec codec;
	uint16_t width, height;
	uint32_t fps, kbps;
	uint8_t slices, dpb;
};

static const struct row rows[] = {
	{"x264", "superfast", CODEC_H264, 1280, 720, 60, 10000, 2, 8},
	{"aom", "9", CODEC_AV1, 1280, 720, 60, 10000, 1, 8},
	{"aom", "10", CODEC_AV1, 1280, 720, 60, 10000, 2, 8},
	{"aom", "9", CODEC_AV1, 1280, 720, 60, 10000, 2, 8},
	{"aom", "9", CODEC_AV1, 1280, 720, 60, 10000, 4, 8},
	{"aom", "9", CODEC_AV1, 1280, 720, 60, 10000, 2, 1},
	{"aom", "8", CODEC_AV1, 1280, 720, 60, 10000, 2, 8},
	{"aom", "9", CODEC_AV1, 1920, 1080, 30, 20000, 2, 8},
};

struct seen {
	size_t len;
	bool key;
};

static void on_au(void *ctx, struct au *a)
{
	*(struct seen *)ctx = (struct seen){a->len, a->key};
	au_release(a);
}

static const struct encoder_events events = {.au = on_au};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double cpu_ms(void)
{
	return (double)clock() * 1e3 / CLOCKS_PER_SEC;
}

struct sum {
	double bytes;
	unsigned n;
};

static double mean(const struct sum *s)
{
	return s->n ? s->bytes / s->n : 0;
}

static void add(struct sum *s, size_t len)
{
	s->bytes += (double)len;
	s->n++;
}

static void run(const struct row *w, struct encoder *e, const struct seen *seen)
{
	struct sum plain = {0}, key = {0}, recovery = {0};
	double ms[FRAMES - WARM], cpu = 0, largest = 0, share = w->kbps * 125.0 / w->fps;
	struct picture picture[PICTURES];
	unsigned n = 0;

	for (unsigned i = 0; i < PICTURES; i++) {
		if (picture_init(&picture[i], w->width, w->height, COLOUR_BT709, false) < 0)
			exit(1);
		moving_draw(&picture[i], i);
	}
	for (unsigned i = 0; i < FRAMES; i++) {
		unsigned k = i % (2 * PICTURES - 2);
		struct enc_request r = {.frame_no = i + 1, .pts_ns = i * 1000, .idr = !i || i % 100 == KEY_AT};
		uint64_t before;

		if (i % 100 == LOSS_AT && w->dpb > 1)
			r.after_rfi = encoder_invalidate_refs(e, i - 3, i) == 0;
		if (i == WARM)
			cpu = cpu_ms();
		before = clock_ns();
		if (encoder_submit(e, &picture[k < PICTURES ? k : 2 * PICTURES - 2 - k], &r) < 0)
			exit(1);
		if (i < WARM)
			continue;
		ms[n++] = (double)(clock_ns() - before) / 1e6;
		add(seen->key ? &key : r.after_rfi ? &recovery : &plain, seen->len);
		largest = (double)seen->len > largest ? (double)seen->len : largest;
	}
	cpu = (cpu_ms() - cpu) / n;
	qsort(ms, n, sizeof(*ms), by_value);
	printf("{\"encoder\":\"%s %s\",\"size\":\"%ux%u\",\"slices\":%u,\"dpb\":%u,\"ms_p50\":%.1f,\"ms_p90\":%.1f,"
	       "\"cpu_ms\":%.1f,\"rate_used\":%.2f,\"largest\":%.2f,\"key\":%.2f,\"recovery\":%.2f}\n",
	       w->encoder, w->preset, w->width, w->height, e->params.slices, e->params.dpb, ms[n / 2], ms[n * 9 / 10],
	       cpu, mean(&plain) / share, largest / share, mean(&key) / mean(&plain), mean(&recovery) / mean(&plain));
	fflush(stdout);
	for (unsigned i = 0; i < PICTURES; i++)
		picture_finish(&picture[i]);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *w = &rows[i];
		const struct encoder_ops *ops = encoder_find(w->encoder, w->codec, NULL);
		const struct enc_params p = {
			.video =
				{
					.codec = w->codec,
					.width = w->width,
					.height = w->height,
					.fps_mhz = w->fps * 1000,
					.depth = 8,
					.space = COLOUR_BT709,
					.slices = w->slices,
					.rfi = w->dpb > 1,
				},
			.slices = w->slices,
			.dpb = w->dpb,
			.kbps = w->kbps,
			.preset = w->preset,
		};
		struct seen seen = {0};
		struct encoder *e;

		if (!ops)
			continue; /* not built */
		if (encoder_open(&e, ops, &p, &events, &seen) < 0)
			return 1;
		run(w, e, &seen);
		encoder_close(e);
	}
	return 0;
}
