// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/cursor_paint.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/light.h"
#include "media/params.h"

#define ONE 65535u /* of a primary and of alpha */

/* R, G, B, A of ONE, premultiplied, in the encoding of the source: whole numbers, which compilers filter four at a
 * time. */
struct texel {
	_Alignas(16) float lane[4];
};

/* The image as it lies in the upright picture: texel i, j is image[at + i * right + j * down]. */
struct sprite {
	int32_t x, y;
	uint32_t w, h;
	ptrdiff_t at, right, down;
};

/* Pixels of the upright picture that one of the place is made of, along a side: first..last, the weights of both ends,
 * all between weigh one. */
struct span {
	int32_t first, last;
	float head, tail, sum;
};

/* One pixel of the place along a side: what it is made of, and what of that is the cursor's: begin to before end. */
struct strip {
	struct span span;
	int32_t begin, end;
	bool grown; /* of two whole ones that weigh one together */
};

struct cursor_paint {
	/* constant */
	struct pixel_layout layout;
	struct light *light; /* to PQ; NULL: pictures are SDR */
	/* as set */
	uint64_t id; /* of the image; 0: none */
	struct sprite sprite;
	uint32_t from_w, from_h, to_w, to_h; /* of the upright picture, of the place */
	uint32_t column_at;                  /* the place's pixel that the first column is of */
	struct strip column[VIDEO_DIM_MAX];  /* of what the cursor may touch, where the picture is scaled */
	struct texel image[CURSOR_DIM_MAX * CURSOR_DIM_MAX];
};

int cursor_paint_create(struct cursor_paint **out, uint32_t fourcc, bool pq)
{
	struct cursor_paint *c = calloc(1, sizeof(*c));
	bool known = c && convert_layout(fourcc, &c->layout);
	int rc = !c ? -ENOMEM : known ? 0 : -ENOTSUP;

	if (rc == 0 && pq)
		rc = light_create(&c->light, FOURCC_XRGB8888, true);
	if (rc < 0) {
		free(c);
		c = NULL;
	}
	*out = c;
	return rc;
}

void cursor_paint_destroy(struct cursor_paint *c)
{
	if (c)
		light_destroy(c->light);
	free(c);
}

/* --- image --- */

static uint8_t straight(unsigned v, unsigned a)
{
	return (uint8_t)(v >= a ? 255 : (v * 255 + a / 2) / a);
}

/* Its colour, without alpha, as PQ has it; ten bits in sixteen. */
static void relight(const struct light *light, const uint8_t *argb, struct texel *t)
{
	const uint8_t a = argb[3], bgrx[4] = {straight(argb[0], a), straight(argb[1], a), straight(argb[2], a), 0};
	uint8_t out[4];
	uint32_t v;

	light_run(light, bgrx, sizeof(bgrx), out, sizeof(out), 1, 1);
	memcpy(&v, out, sizeof(v));
	v = le32toh(v);
	for (unsigned i = 0; i < 3; i++)
		t->lane[i] = (float)((v >> (20 - 10 * i) & 1023) * ONE / 1023 * a / 255);
}

static void make_ready(struct cursor_paint *c, const struct cursor_image *i)
{
	for (unsigned n = 0; n < (unsigned)i->w * i->h; n++) {
		const uint8_t *p = i->argb + (size_t)n * 4;

		c->image[n] = (struct texel){{
			(float)(p[2] * 257u),
			(float)(p[1] * 257u),
			(float)(p[0] * 257u),
			(float)(p[3] * 257u),
		}};
		if (c->light && p[3])
			relight(c->light, p, &c->image[n]);
	}
	c->id = i->id;
}

/* --- place --- */

/* Undoes what was done to the buffer, as for the picture: flipped back first, then turned with the clock. */
static struct sprite turned(const struct cursor *k, const struct rect *v, enum transform t)
{
	const int32_t w = k->image->w, h = k->image->h;
	const int32_t x = k->x - v->x, y = k->y - v->y, vw = (int32_t)v->w, vh = (int32_t)v->h;
	/* Steps within the image of a pixel to the right and down in the buffer, the corner that the first is at. */
	struct sprite s = {.x = x, .y = y, .w = (uint32_t)w, .h = (uint32_t)h, .at = 0, .right = 1, .down = w};

	if (t >= TRANSFORM_FLIPPED) {
		s.x = vw - x - w;
		s.at = w - 1;
		s.right = -1;
	}
	switch (t & 3) {
	case TRANSFORM_90: /* what was at the bottom left is at the top left */
		return (struct sprite){
			.x = vh - s.y - h,
			.y = s.x,
			.w = s.h,
			.h = s.w,
			.at = s.at + (h - 1) * s.down,
			.right = -s.down,
			.down = s.right,
		};
	case TRANSFORM_180:
		return (struct sprite){
			.x = vw - s.x - w,
			.y = vh - s.y - h,
			.w = s.w,
			.h = s.h,
			.at = s.at + (w - 1) * s.right + (h - 1) * s.down,
			.right = -s.right,
			.down = -s.down,
		};
	case TRANSFORM_270:
		return (struct sprite){
			.x = s.y,
			.y = vw - s.x - w,
			.w = s.h,
			.h = s.w,
			.at = s.at + (w - 1) * s.right,
			.right = s.down,
			.down = -s.right,
		};
	}
	return s;
}

/* What a side of it may touch of a side of the place: half a pixel of the larger on both ends, and even. */
static void touched(int32_t at, uint32_t size, uint32_t from, uint32_t to, int32_t *begin, uint32_t *length)
{
	const bool scaled = from != to;
	int64_t a = (int64_t)at - scaled, b = (int64_t)at + size + scaled;

	a = a < 0 ? 0 : a * to / from - scaled;
	b = b < 0 ? 0 : (b * to + from - 1) / from + scaled;
	a = a < 0 ? 0 : a & ~1ll;
	b = (b + 1) & ~1ll;
	b = b > to ? to : b;
	*begin = (int32_t)a;
	*length = b > a ? (uint32_t)(b - a) : 0;
}

static struct span span_of(uint32_t x, uint32_t from, uint32_t to)
{
	struct span s;

	if (from == to) {
		s = (struct span){(int32_t)x, (int32_t)x, 1, 1, 1};
	} else if (from > to) { /* what it covers */
		const uint64_t begin = (uint64_t)x * from, end = begin + from;

		s.first = (int32_t)(begin / to);
		s.last = (int32_t)((end - 1) / to);
		s.head = (float)(to - begin % to) / (float)to;
		s.tail = (float)(end - (uint64_t)s.last * to) / (float)to;
		s.sum = (float)from / (float)to;
	} else {                                                    /* between the two nearest */
		const int64_t n = (2 * (int64_t)x + 1) * from - to; /* of the position, over 2 * to */
		const int64_t below = n < 0 ? -1 : n / (2 * (int64_t)to);
		const float f = (float)(n - below * 2 * to) / (float)(2 * (int64_t)to);

		s.first = (int32_t)(below < 0 ? 0 : below);
		s.last = (int32_t)(below + 1 < from ? below + 1 : from - 1);
		s.head = s.first == s.last ? 1 : 1 - f;
		s.tail = f;
		s.sum = 1;
	}
	return s;
}

static struct strip strip_of(uint32_t x, uint32_t from, uint32_t to, int32_t at, uint32_t size)
{
	struct strip s = {.span = span_of(x, from, to)};
	const int64_t after = (int64_t)at + size;

	s.begin = s.span.first > at ? s.span.first : at;
	s.end = s.span.last < after ? s.span.last + 1 : (int32_t)after;
	s.grown = from < to && s.end - s.begin == 2;
	return s;
}

static bool is_scaled(const struct cursor_paint *c)
{
	return c->from_w != c->to_w || c->from_h != c->to_h;
}

struct rect cursor_paint_set(struct cursor_paint *c, const struct cursor *cursor, const struct cursor_place *place)
{
	const bool swap = place->transform & 1; /* quarter turns */
	struct rect r;

	assert(cursor->image && place->w <= VIDEO_DIM_MAX);
	if (c->id != cursor->image->id)
		make_ready(c, cursor->image);
	c->sprite = turned(cursor, &place->visible, place->transform);
	c->from_w = swap ? place->visible.h : place->visible.w;
	c->from_h = swap ? place->visible.w : place->visible.h;
	c->to_w = place->w;
	c->to_h = place->h;
	touched(c->sprite.x, c->sprite.w, c->from_w, c->to_w, &r.x, &r.w);
	touched(c->sprite.y, c->sprite.h, c->from_h, c->to_h, &r.y, &r.h);
	if (!r.w || !r.h)
		return (struct rect){0};
	/* Every line has the same ones. */
	c->column_at = (uint32_t)r.x;
	for (uint32_t i = 0; i < r.w && is_scaled(c); i++)
		c->column[i] = strip_of(c->column_at + i, c->from_w, c->to_w, c->sprite.x, c->sprite.w);
	return r;
}

/* --- lines --- */

static float weight(const struct span *s, int32_t i)
{
	return i == s->first ? s->head : i == s->last ? s->tail : 1;
}

static inline struct texel filtered(const struct cursor_paint *c, const struct strip *h, const struct strip *v)
{
	const struct sprite *s = &c->sprite;
	const float sum = h->span.sum * v->span.sum;
	struct texel out = {0};

	for (int32_t y = v->begin; y < v->end; y++) {
		const float down = weight(&v->span, y);
		const struct texel *line = &c->image[s->at + (y - s->y) * s->down];

		for (int32_t x = h->begin; x < h->end; x++) {
			const struct texel *t = &line[(x - s->x) * s->right];
			const float w = weight(&h->span, x) * down / sum;

			for (unsigned k = 0; k < 4; k++)
				out.lane[k] += w * t->lane[k];
		}
	}
	return out;
}

/* The same for two by two whole ones, of which there are most where a picture grows. */
static inline struct texel between(const struct texel *const t[4], const struct span *h, const struct span *v)
{
	const float w[4] = {h->head * v->head, h->tail * v->head, h->head * v->tail, h->tail * v->tail};
	struct texel out;

	for (unsigned k = 0; k < 4; k++)
		out.lane[k] = w[0] * t[0]->lane[k] + w[1] * t[1]->lane[k] + w[2] * t[2]->lane[k] + w[3] * t[3]->lane[k];
	return out;
}

/* To whole numbers, no larger than ONE. */
static inline void rounded(const struct texel *t, int32_t out[4])
{
	for (unsigned k = 0; k < 4; k++) {
		const float v = t->lane[k] + 0.5f;

		out[k] = (int32_t)(v < ONE ? v : ONE);
	}
}

/* v of ONE over what is below, of top. No sum is larger than 2 * 1023 * ONE, and for those it is a division by ONE. */
static inline uint32_t over(uint32_t below, uint32_t v, uint32_t under, uint32_t top)
{
	const uint32_t n = v * top + below * under + ONE / 2, sum = (n + (n >> 16) + 1) >> 16;

	return sum < top ? sum : top;
}

static inline void blend(const struct pixel_layout *l, uint8_t *pixel, const int32_t v[4])
{
	const uint32_t top = (1u << l->bits) - 1;
	uint32_t p, under;

	if (!v[3])
		return;
	under = ONE - (uint32_t)v[3];
	memcpy(&p, pixel, sizeof(p));
	p = le32toh(p);
	p = over(p >> l->r & top, (uint32_t)v[0], under, top) << l->r |
	    over(p >> l->g & top, (uint32_t)v[1], under, top) << l->g |
	    over(p >> l->b & top, (uint32_t)v[2], under, top) << l->b;
	p = htole32(p);
	memcpy(pixel, &p, sizeof(p));
}

static void blend_scaled(const struct cursor_paint *c, uint8_t *line, unsigned x, unsigned y, unsigned w)
{
	const struct sprite *s = &c->sprite;
	const struct strip v = strip_of(y, c->from_h, c->to_h, s->y, s->h);
	const struct strip *h = &c->column[x - c->column_at];
	const struct pixel_layout l = c->layout; /* what is written is no part of it */
	const ptrdiff_t right = s->right, down = s->down;
	const struct texel *first;

	if (v.begin >= v.end)
		return;
	first = &c->image[s->at + (v.begin - s->y) * down];
	for (unsigned i = 0; i < w; i++, h++) {
		struct texel t;
		int32_t whole[4];

		if (h->begin >= h->end)
			continue;
		if (v.grown && h->grown) {
			const struct texel *at = first + (h->begin - s->x) * right;
			const struct texel *const four[4] = {at, at + right, at + down, at + right + down};

			if (four[0]->lane[3] + four[1]->lane[3] + four[2]->lane[3] + four[3]->lane[3] == 0)
				continue;
			t = between(four, &h->span, &v.span);
		} else {
			t = filtered(c, h, &v);
		}
		rounded(&t, whole);
		blend(&l, line + (size_t)i * 4, whole);
	}
}

void cursor_paint_line(const struct cursor_paint *c, uint8_t *line, unsigned x, unsigned y, unsigned w)
{
	const struct sprite *s = &c->sprite;
	const struct pixel_layout l = c->layout;
	const int64_t j = (int64_t)y - s->y;

	if (is_scaled(c)) {
		blend_scaled(c, line, x, y, w);
		return;
	}
	for (unsigned i = 0; i < w && j >= 0 && j < s->h; i++) {
		const int64_t k = (int64_t)x + i - s->x;
		const struct texel *t;
		int32_t whole[4];

		if (k < 0 || k >= s->w)
			continue;
		t = &c->image[s->at + k * s->right + j * s->down];
		for (unsigned n = 0; n < 4; n++)
			whole[n] = (int32_t)t->lane[n];
		blend(&l, line + (size_t)i * 4, whole);
	}
}
