// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/scale.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build_config.h"
#include "media/params.h"

#if HAVE_YUV
#include <libyuv.h>
#endif

#define LOG_MODULE "scale"
#include "base/log.h"

#define PIXEL 4u

/* Larger sources are refused: nothing captures them, and products of two sides stay small. */
#define SOURCE_DIM_MAX 16384u

struct layout layout_fit(uint32_t src_w, uint32_t src_h, uint16_t dst_w, uint16_t dst_h)
{
	uint64_t w = dst_w, h = dst_h;
	struct layout l;

	if ((uint64_t)src_w * dst_h > (uint64_t)dst_w * src_h)
		h = ((uint64_t)dst_w * src_h + src_w / 2) / src_w;
	else
		w = ((uint64_t)dst_h * src_w + src_h / 2) / src_h;
	/* Chroma covers two by two pixels, so the place is even; a sliver still gets its two. */
	w = w < 2 ? 2 : w & ~1ull;
	h = h < 2 ? 2 : h & ~1ull;
	l.w = (uint16_t)w;
	l.h = (uint16_t)h;
	l.x = (uint16_t)((dst_w - l.w) / 2 & ~1);
	l.y = (uint16_t)((dst_h - l.h) / 2 & ~1);
	return l;
}

struct rect frame_visible(const struct frame *f)
{
	const struct rect *c = &f->crop, whole = {0, 0, f->width, f->height};

	if (!c->w || !c->h || c->x < 0 || c->y < 0 || (uint64_t)c->x + c->w > f->width ||
	    (uint64_t)c->y + c->h > f->height)
		return whole;
	return *c;
}

static bool swaps_sides(enum transform t)
{
	return t == TRANSFORM_90 || t == TRANSFORM_270 || t == TRANSFORM_FLIPPED_90 || t == TRANSFORM_FLIPPED_270;
}

static void image_finish(struct image *i)
{
	free(i->pixels);
	*i = (struct image){0};
}

static int image_init(struct image *i, uint32_t w, uint32_t h)
{
	size_t stride = ((size_t)w * PIXEL + 63) & ~(size_t)63;

	image_finish(i);
	i->pixels = aligned_alloc(64, stride * h);
	if (!i->pixels)
		return -ENOMEM;
	i->stride = stride;
	i->size = stride * h;
	i->w = w;
	i->h = h;
	return 0;
}

#if HAVE_YUV
static uint32_t load(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static void store(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}
#endif

/*
 * Undoes what was done to the buffer: the transform of SPA_META_VideoTransform was applied to the picture as a turn
 * against the clock, then a flip; so flip back first and turn with the clock.
 */
#if HAVE_YUV
static void turn(const uint8_t *src, size_t stride, uint32_t w, uint32_t h, enum transform t, struct image *dst)
{
	static const enum RotationMode mode[4] = {kRotate0, kRotate90, kRotate180, kRotate270};
	enum RotationMode by = mode[t & 3];

	if (t < TRANSFORM_FLIPPED) {
		ARGBRotate(src, (int)stride, dst->pixels, (int)dst->stride, (int)w, (int)h, by);
	} else if (by == kRotate0) {
		ARGBMirror(src, (int)stride, dst->pixels, (int)dst->stride, (int)w, (int)h);
	} else if (by == kRotate180) {
		/* Left-right and a half turn are upside down: the same lines from the bottom up. */
		ARGBCopy(src, (int)stride, dst->pixels, (int)dst->stride, (int)w, -(int)h);
	} else {
		/* Left-right, then a quarter turn, is the other quarter turn of the picture upside down. */
		ARGBRotate(src + (h - 1) * stride, -(int)stride, dst->pixels, (int)dst->stride, (int)w, (int)h,
			   by == kRotate90 ? kRotate270 : kRotate90);
	}
}

/* The library filters planes of more than eight bits, but no packed pixels: a field of ten bits at a time. */
static void resize_10bit(struct scale *s, const uint8_t *src, size_t stride, uint32_t w, uint32_t h)
{
	const struct image *dst = &s->scaled;
	uint16_t *plane = s->planes, *scaled = s->planes + (size_t)w * h;

	for (unsigned shift = 0; shift < 30; shift += 10) {
		for (uint32_t y = 0; y < h; y++)
			for (uint32_t x = 0; x < w; x++)
				plane[(size_t)y * w + x] = load(src + y * stride + x * PIXEL) >> shift & 1023;
		ScalePlane_16(plane, (int)w, (int)w, (int)h, scaled, (int)dst->w, (int)dst->w, (int)dst->h, kFilterBox);
		for (uint32_t y = 0; y < dst->h; y++)
			for (uint32_t x = 0; x < dst->w; x++) {
				uint8_t *p = dst->pixels + y * dst->stride + x * PIXEL;
				uint32_t old = shift ? load(p) : 0;

				store(p, old | (uint32_t)(scaled[(size_t)y * dst->w + x] & 1023) << shift);
			}
	}
}

static void resize(struct scale *s, const uint8_t *src, size_t stride, uint32_t w, uint32_t h)
{
	const struct image *dst = &s->scaled;

	if (s->planes)
		resize_10bit(s, src, stride, w, h);
	else
		ARGBScale(src, (int)stride, (int)w, (int)h, dst->pixels, (int)dst->stride, (int)dst->w, (int)dst->h,
			  kFilterBox);
}
#else
static void turn(const uint8_t *src, size_t stride, uint32_t w, uint32_t h, enum transform t, struct image *dst)
{
	for (uint32_t y = 0; y < dst->h; y++) {
		for (uint32_t x = 0; x < dst->w; x++) {
			uint32_t sx = x, sy = y;

			switch (t & 3) {
			case TRANSFORM_90:
				sx = y, sy = h - 1 - x;
				break;
			case TRANSFORM_180:
				sx = w - 1 - x, sy = h - 1 - y;
				break;
			case TRANSFORM_270:
				sx = w - 1 - y, sy = x;
				break;
			}
			if (t >= TRANSFORM_FLIPPED)
				sx = w - 1 - sx;
			memcpy(dst->pixels + y * dst->stride + x * PIXEL, src + sy * stride + sx * PIXEL, PIXEL);
		}
	}
}

/* Of any bits: pixels are moved as they are. */
static void resize(struct scale *s, const uint8_t *src, size_t stride, uint32_t w, uint32_t h)
{
	const struct image *dst = &s->scaled;

	for (uint32_t y = 0; y < dst->h; y++) {
		const uint8_t *line = src + (2 * (uint64_t)y + 1) * h / (2 * dst->h) * stride;

		for (uint32_t x = 0; x < dst->w; x++)
			memcpy(dst->pixels + y * dst->stride + x * PIXEL,
			       line + (2 * (uint64_t)x + 1) * w / (2 * dst->w) * PIXEL, PIXEL);
	}
}
#endif

void scale_init(struct scale *s)
{
	*s = (struct scale){0};
}

static void drop_images(struct scale *s)
{
	image_finish(&s->upright);
	image_finish(&s->scaled);
	image_finish(&s->lit);
	free(s->planes);
	free(s->lines);
	s->planes = NULL;
	s->lines = NULL;
	s->drawn = (struct rect){0};
	s->ready = false;
}

void scale_finish(struct scale *s)
{
	drop_images(s);
	light_destroy(s->light);
	cursor_paint_destroy(s->cursor);
	s->light = NULL;
	s->cursor = NULL;
	s->fourcc = 0;
}

/* Buffers for a new geometry. */
static int prepare(struct scale *s, const struct rect *visible, enum transform t, const struct picture *dst)
{
	bool swap = swaps_sides(t);
	uint32_t w = swap ? visible->h : visible->w, h = swap ? visible->w : visible->h;
	int rc;

	drop_images(s);
	s->place = layout_fit(w, h, dst->width, dst->height);
	if (t != TRANSFORM_NONE) {
		rc = image_init(&s->upright, w, h);
		if (rc < 0)
			return rc;
	}
	if (s->place.w != w || s->place.h != h) {
		rc = image_init(&s->scaled, s->place.w, s->place.h);
		if (rc < 0)
			return rc;
	}
	if (s->light) {
		rc = image_init(&s->lit, s->place.w, s->place.h);
		if (rc < 0)
			return rc;
	}
	if (HAVE_YUV && s->scaled.pixels && convert_bits(s->fourcc) > 8) {
		s->planes = malloc(((size_t)w * h + (size_t)s->place.w * s->place.h) * sizeof(*s->planes));
		if (!s->planes)
			return -ENOMEM;
	}
	s->lines = aligned_alloc(64, 2 * ((s->place.w * PIXEL + 63u) & ~63u));
	if (!s->lines)
		return -ENOMEM;
	s->visible = *visible;
	s->transform = t;
	s->ready = true;
	log_info("picture %ux%u%s shown at %ux%u+%u+%u of %ux%u%s", visible->w, visible->h, t ? ", turned" : "",
		 s->place.w, s->place.h, s->place.x, s->place.y, dst->width, dst->height,
		 s->scaled.pixels && !HAVE_YUV ? ", unfiltered: built without libyuv" : "");
	return 0;
}

static bool same_geometry(const struct scale *s, const struct rect *v, enum transform t)
{
	return s->ready && s->transform == t && s->visible.w == v->w && s->visible.h == v->h;
}

/* What reads pictures of a new kind. */
static int choose(struct scale *s, const struct frame *f, const struct picture *dst)
{
	const bool relit = f->colour.pq != dst->pq;
	int rc = convert_init(&s->convert, relit ? FOURCC_XRGB2101010 : f->fourcc, dst);

	light_destroy(s->light);
	cursor_paint_destroy(s->cursor);
	s->light = NULL;
	s->cursor = NULL;
	s->fourcc = 0;
	s->ready = false;
	if (rc == 0)
		rc = cursor_paint_create(&s->cursor, f->fourcc, f->colour.pq);
	if (rc == 0 && relit)
		rc = light_create(&s->light, f->fourcc, dst->pq);
	if (rc < 0)
		return rc;
	s->fourcc = f->fourcc;
	s->pq = f->colour.pq;
	if (relit)
		log_info("%s pictures become %s", s->pq ? "PQ" : "SDR", s->pq ? "SDR" : "PQ");
	return 0;
}

/* The picture as it is before its light changes: turned and scaled. */
struct stage {
	const uint8_t *at;
	size_t stride;
};

static struct stage stage_of(const struct scale *s, const struct frame *f)
{
	const size_t stride = f->plane[0].stride;

	if (s->scaled.pixels)
		return (struct stage){s->scaled.pixels, s->scaled.stride};
	if (s->upright.pixels)
		return (struct stage){s->upright.pixels, s->upright.stride};
	return (struct stage){(const uint8_t *)f->map[0] + (size_t)s->visible.y * stride + (size_t)s->visible.x * PIXEL,
			      stride};
}

/* Part of the place, without a cursor. */
static void convert_part(const struct scale *s, const struct stage *from, struct picture *dst, const struct rect *r)
{
	const struct stage lit = {s->lit.pixels, s->lit.stride}, *src = s->lit.pixels ? &lit : from;

	convert_run(&s->convert, src->at + (size_t)r->y * src->stride + (size_t)r->x * PIXEL, src->stride, dst,
		    s->place.x + (unsigned)r->x, s->place.y + (unsigned)r->y, r->w, r->h);
}

static void draw_cursor(struct scale *s, const struct frame *f, const struct stage *from, struct picture *dst)
{
	const struct cursor_place place = {s->visible, s->transform, s->place.w, s->place.h};
	struct rect r;

	if (!f->cursor.image)
		return;
	r = cursor_paint_set(s->cursor, &f->cursor, &place);
	for (uint32_t y = 0; y < r.h; y += 2) {
		const size_t stride = (size_t)r.w * PIXEL;
		const uint32_t line = (uint32_t)r.y + y;

		for (unsigned i = 0; i < 2; i++) {
			memcpy(s->lines + i * stride, from->at + (line + i) * from->stride + (size_t)r.x * PIXEL,
			       stride);
			cursor_paint_line(s->cursor, s->lines + i * stride, (unsigned)r.x, line + i, r.w);
		}
		if (s->light)
			light_run(s->light, s->lines, stride, s->lines, stride, r.w, 2);
		convert_run(&s->convert, s->lines, stride, dst, s->place.x + (unsigned)r.x, s->place.y + line, r.w, 2);
	}
	s->drawn = r;
}

/* A frame that nobody can go wrong with. */
static int judge(const struct frame *f)
{
	if (!f->map[0] || (f->modifier != MODIFIER_LINEAR && f->modifier != MODIFIER_INVALID))
		return -ENOTSUP;
	if (!f->width || !f->height || f->width > SOURCE_DIM_MAX || f->height > SOURCE_DIM_MAX ||
	    f->plane[0].stride < (size_t)f->width * PIXEL || (unsigned)f->transform > TRANSFORM_FLIPPED_270)
		return -EINVAL;
	return 0;
}

int scale_run(struct scale *s, const struct frame *f, struct picture *dst)
{
	const size_t stride = f->plane[0].stride;
	const struct rect visible = frame_visible(f);
	const uint8_t *src;
	struct stage stage;
	int rc = judge(f);

	if (rc == 0 && (s->fourcc != f->fourcc || s->pq != f->colour.pq))
		rc = choose(s, f, dst);
	if (rc == 0 && !same_geometry(s, &visible, f->transform))
		rc = prepare(s, &visible, f->transform, dst);
	if (rc < 0)
		return rc;
	s->visible = visible; /* elsewhere in the buffer it is no other geometry */
	src = (const uint8_t *)f->map[0] + (size_t)visible.y * stride + (size_t)visible.x * PIXEL;
	if (s->upright.pixels)
		turn(src, stride, visible.w, visible.h, f->transform, &s->upright);
	if (s->scaled.pixels) {
		const struct image *u = &s->upright;

		if (u->pixels)
			resize(s, u->pixels, u->stride, u->w, u->h);
		else
			resize(s, src, stride, visible.w, visible.h);
	}
	stage = stage_of(s, f);
	if (s->light)
		light_run(s->light, stage.at, stage.stride, s->lit.pixels, s->lit.stride, s->lit.w, s->lit.h);
	s->drawn = (struct rect){0};
	picture_paint(dst, s->place.x, s->place.y, s->place.w, s->place.h);
	convert_part(s, &stage, dst, &(struct rect){.w = s->place.w, .h = s->place.h});
	draw_cursor(s, f, &stage, dst);
	return 0;
}

int scale_cursor(struct scale *s, const struct frame *f, struct picture *dst)
{
	const struct rect visible = frame_visible(f);
	struct stage stage;
	int rc = judge(f);

	if (rc < 0)
		return rc;
	/* Not what was converted: then all of it. */
	if (s->fourcc != f->fourcc || s->pq != f->colour.pq || !same_geometry(s, &visible, f->transform))
		return scale_run(s, f, dst);
	s->visible = visible;
	stage = stage_of(s, f);
	if (s->drawn.w)
		convert_part(s, &stage, dst, &s->drawn);
	s->drawn = (struct rect){0};
	draw_cursor(s, f, &stage, dst);
	return 0;
}
