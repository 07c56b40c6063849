// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/cursor_paint.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "encode/light.h"

#define ONE 65535u /* of a primary and of alpha */

struct texel { /* premultiplied, in the encoding of the source */
	uint16_t r, g, b, a;
};

/* The image as it lies in the upright picture: texel i, j is image[at + i * right + j * down]. */
struct sprite {
	int32_t x, y;
	uint32_t w, h;
	ptrdiff_t at, right, down;
};

struct cursor_paint {
	/* constant */
	struct pixel_layout layout;
	struct light *light; /* to PQ; NULL: pictures are SDR */
	/* as set */
	uint64_t id; /* of the image; 0: none */
	struct sprite sprite;
	uint32_t from_w, from_h, to_w, to_h; /* of the upright picture, of the place */
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
	t->r = (uint16_t)((v >> 20 & 1023) * ONE / 1023 * a / 255);
	t->g = (uint16_t)((v >> 10 & 1023) * ONE / 1023 * a / 255);
	t->b = (uint16_t)((v & 1023) * ONE / 1023 * a / 255);
}

static void make_ready(struct cursor_paint *c, const struct cursor_image *i)
{
	for (unsigned n = 0; n < (unsigned)i->w * i->h; n++) {
		const uint8_t *p = i->argb + (size_t)n * 4;

		c->image[n] = (struct texel){
			.r = (uint16_t)(p[2] * 257u),
			.g = (uint16_t)(p[1] * 257u),
			.b = (uint16_t)(p[0] * 257u),
			.a = (uint16_t)(p[3] * 257u),
		};
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

struct rect cursor_paint_set(struct cursor_paint *c, const struct cursor *cursor, const struct cursor_place *place)
{
	const bool swap = place->transform & 1; /* quarter turns */
	struct rect r;

	assert(cursor->image);
	if (c->id != cursor->image->id)
		make_ready(c, cursor->image);
	c->sprite = turned(cursor, &place->visible, place->transform);
	c->from_w = swap ? place->visible.h : place->visible.w;
	c->from_h = swap ? place->visible.w : place->visible.h;
	c->to_w = place->w;
	c->to_h = place->h;
	touched(c->sprite.x, c->sprite.w, c->from_w, c->to_w, &r.x, &r.w);
	touched(c->sprite.y, c->sprite.h, c->from_h, c->to_h, &r.y, &r.h);
	return r.w && r.h ? r : (struct rect){0};
}

/* --- lines --- */

static const struct texel *texel(const struct cursor_paint *c, int64_t i, int64_t j)
{
	static const struct texel nothing;
	const struct sprite *s = &c->sprite;

	if (i < 0 || j < 0 || i >= s->w || j >= s->h)
		return &nothing;
	return &c->image[s->at + i * s->right + j * s->down];
}

/* Pixels of the upright picture that one of the place is made of, along a side: first..last, the weights of both ends, all
 * between weigh one. */
struct span {
	int32_t first, last;
	float head, tail, sum;
};

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

static float weight(const struct span *s, int32_t i)
{
	return i == s->first ? s->head : i == s->last ? s->tail : 1;
}

static uint16_t rounded(float v)
{
	return (uint16_t)(v < ONE ? v + 0.5f : ONE);
}

static struct texel filtered(const struct cursor_paint *c, const struct span *h, const struct span *v)
{
	float r = 0, g = 0, b = 0, a = 0, sum = h->sum * v->sum;

	for (int32_t y = v->first; y <= v->last; y++)
		for (int32_t x = h->first; x <= h->last; x++) {
			const struct texel *t = texel(c, x - c->sprite.x, y - c->sprite.y);
			const float w = weight(h, x) * weight(v, y) / sum;

			r += w * t->r;
			g += w * t->g;
			b += w * t->b;
			a += w * t->a;
		}
	return (struct texel){rounded(r), rounded(g), rounded(b), rounded(a)};
}

static uint32_t over(uint32_t below, uint16_t v, uint16_t a, uint32_t top)
{
	uint32_t sum = (uint32_t)((v * (uint64_t)top + below * (uint64_t)(ONE - a) + ONE / 2) / ONE);

	return sum < top ? sum : top;
}

static void blend(const struct pixel_layout *l, uint8_t *pixel, const struct texel *t)
{
	const uint32_t top = (1u << l->bits) - 1;
	uint32_t p;

	memcpy(&p, pixel, sizeof(p));
	p = le32toh(p);
	p = htole32(over(p >> l->r & top, t->r, t->a, top) << l->r | over(p >> l->g & top, t->g, t->a, top) << l->g |
		    over(p >> l->b & top, t->b, t->a, top) << l->b);
	memcpy(pixel, &p, sizeof(p));
}

void cursor_paint_line(const struct cursor_paint *c, uint8_t *line, unsigned x, unsigned y, unsigned w)
{
	const bool scaled = c->from_w != c->to_w || c->from_h != c->to_h;
	const struct span v = span_of(y, c->from_h, c->to_h);

	for (unsigned i = 0; i < w; i++) {
		struct span h;
		struct texel t;

		if (scaled) {
			h = span_of(x + i, c->from_w, c->to_w);
			t = filtered(c, &h, &v);
		} else {
			t = *texel(c, (int64_t)x + i - c->sprite.x, (int64_t)y - c->sprite.y);
		}
		if (t.a)
			blend(&c->layout, line + (size_t)i * 4, &t);
	}
}
