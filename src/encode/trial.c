// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/trial.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "encode/closer.h"
#include "encode/picture.h"

#define WIDTH      640u
#define HEIGHT     360u
#define FPS        60u
#define KBPS       4000u
#define WARM       2u /* frames: the key frame and the one after it are not like the rest */
#define LIMIT_NS   (400 * NS_PER_MS)
#define SLOW_NS    (2 * NS_PER_S)
#define USE_PERMIL 700u /* of the time that a frame has */

struct sink {
	unsigned frames;
	bool key;
};

static void on_au(void *ctx, struct au *a)
{
	struct sink *s = ctx;

	if (!s->frames)
		s->key = a->key && a->len;
	s->frames += a->last;
	au_release(a);
}

static const struct encoder_events events = {.au = on_au};

static void put_luma(struct picture *p, unsigned x, unsigned y, uint8_t v)
{
	uint8_t *line = p->luma + (size_t)y * p->stride;
	uint16_t wide = (uint16_t)(p->format == PICTURE_P010 ? v << 8 : v << 2);

	if (picture_is_10bit(p->format))
		memcpy(line + 2 * x, &wide, sizeof(wide));
	else
		line[x] = v;
}

/* Blocks of random brightness with grain on them, moving sideways: neither flat nor noise. */
static void draw(struct picture *p, unsigned n)
{
	for (unsigned y = 0; y < p->height; y++)
		for (unsigned x = 0; x < p->width; x++) {
			uint32_t block = ((x + 5 * n) / 16 * 2654435761u) ^ (y / 16 * 40503u * 65537u);
			uint32_t grain = ((x + 5 * n) * 374761393u) ^ (y * 668265263u);

			put_luma(p, x, y, (uint8_t)(40 + (block >> 25) + (grain >> 28)));
		}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int measure(struct encoder *e, struct picture *p, const struct sink *sink, unsigned frames, struct trial *out)
{
	uint64_t took[TRIAL_MANY], begun = clock_ns(), before, now = begun;
	unsigned n = 0;

	for (uint32_t frame = 1; frame <= frames && (now - begun < LIMIT_NS || !n); frame++) {
		const struct enc_request r = {.frame_no = frame, .pts_ns = frame * 1000, .idr = frame == 1};
		int rc;

		draw(p, frame);
		before = clock_ns();
		rc = encoder_submit(e, p, &r);
		now = clock_ns();
		if (rc < 0 || sink->frames != frame || !sink->key)
			return -EIO;
		if (frame > WARM)
			took[n++] = now - before;
		if (!n && now - begun > SLOW_NS)
			return -EIO;
	}
	qsort(took, n, sizeof(*took), by_value);
	out->pixels_per_s = (uint64_t)p->width * p->height * NS_PER_S / (took[n / 2] ? took[n / 2] : 1);
	return 0;
}

int encoder_trial(const struct encoder_ops *ops, const struct trial_params *t, struct trial *out)
{
	const struct enc_params p = {
		.video =
			{
				.codec = t->codec,
				.width = t->width ? t->width : WIDTH,
				.height = t->width ? t->height : HEIGHT,
				.fps_mhz = t->width ? t->fps_mhz : FPS * 1000,
				.depth = t->width ? t->depth : 8,
				.yuv444 = t->yuv444,
				.space = COLOUR_BT709,
				.slices = t->slices,
				.rfi = true,
			},
		.slices = t->slices,
		.dpb = 8,
		.kbps = t->width ? KBPS * (1 + t->width * t->height / (WIDTH * HEIGHT)) : KBPS,
		.preset = t->preset,
	};
	struct sink sink = {0};
	struct encoder *e = NULL;
	struct picture picture;
	int rc, closed;

	assert(t->frames > WARM && t->frames <= TRIAL_MANY);
	*out = (struct trial){0};
	rc = picture_init_for(&picture, &p.video);
	if (rc < 0)
		return rc;
	rc = encoder_open(&e, ops, &p, &events, &sink);
	if (rc == 0)
		rc = measure(e, &picture, &sink, t->frames, out);
	closed = closer_close(e, CLOSER_PATIENCE_NS);
	if (rc == 0)
		rc = closed;
	picture_finish(&picture);
	return rc;
}

bool trial_carries(const struct trial *t, unsigned width, unsigned height, unsigned fps)
{
	return (uint64_t)width * height * fps <= t->pixels_per_s / 1000 * USE_PERMIL;
}
