// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/convert.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "media/colour.h"

/* This file is worth vectorising whatever the build type says. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("O3")
#endif

static const struct layout {
	uint32_t fourcc;
	struct pixel_layout at;
} layouts[] = {
	{FOURCC_XRGB8888, {8, 16, 8, 0}},      {FOURCC_ARGB8888, {8, 16, 8, 0}},
	{FOURCC_XBGR8888, {8, 0, 8, 16}},      {FOURCC_ABGR8888, {8, 0, 8, 16}},
	{FOURCC_RGBX8888, {8, 24, 16, 8}},     {FOURCC_BGRX8888, {8, 8, 16, 24}},
	{FOURCC_XRGB2101010, {10, 20, 10, 0}}, {FOURCC_ARGB2101010, {10, 20, 10, 0}},
	{FOURCC_XBGR2101010, {10, 0, 10, 20}}, {FOURCC_ABGR2101010, {10, 0, 10, 20}},
};

bool convert_layout(uint32_t fourcc, struct pixel_layout *out)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
		if (layouts[i].fourcc == fourcc) {
			*out = layouts[i].at;
			return true;
		}
	return false;
}

bool convert_supports(uint32_t fourcc)
{
	return convert_bits(fourcc);
}

unsigned convert_bits(uint32_t fourcc)
{
	struct pixel_layout l = {0};

	return convert_layout(fourcc, &l) ? l.bits : 0;
}

static int16_t fixed(double v)
{
	return (int16_t)lrint(v * (1 << CONVERT_BITS));
}

/* 8 bit to NV12: coefficients per byte of a pixel. */
static void set_coef(struct convert_coef *k, const struct pixel_layout *l, const struct picture *dst)
{
	const double y_scale = dst->full_range ? 1.0 : 219.0 / 255.0;
	const double c_scale = dst->full_range ? 1.0 : 224.0 / 255.0;
	const unsigned r = l->r / 8, g = l->g / 8, b = l->b / 8;
	double kr, kb;

	luma_weights(dst->space, &kr, &kb);
	*k = (struct convert_coef){0};

	/* Green takes the rounding of the other two, so that white is exact and greys have no colour. */
	k->y[r] = fixed(kr * y_scale);
	k->y[b] = fixed(kb * y_scale);
	k->y[g] = (int16_t)(lrint(y_scale * (1 << CONVERT_BITS)) - k->y[r] - k->y[b]);

	k->cb[r] = fixed(-0.5 * kr / (1 - kb) * c_scale);
	k->cb[b] = fixed(0.5 * c_scale);
	k->cb[g] = (int16_t)(-k->cb[r] - k->cb[b]);

	k->cr[r] = fixed(0.5 * c_scale);
	k->cr[b] = fixed(-0.5 * kb / (1 - kr) * c_scale);
	k->cr[g] = (int16_t)(-k->cr[r] - k->cr[b]);

	k->y_bias = ((dst->full_range ? 0 : 16) << CONVERT_BITS) + (1 << (CONVERT_BITS - 1));
	k->c_bias = (128 << (CONVERT_BITS + 2)) + (1 << (CONVERT_BITS + 1));
}

static int32_t line_fixed(double v)
{
	return (int32_t)lrint(v * (1 << CONVERT_LINES_BITS));
}

/* The same in general. Sums of four pixels of ten bits stay below 2^31. */
static void set_matrix(struct convert_matrix *m, const struct pixel_layout *l, const struct picture *dst)
{
	const int32_t step = picture_is_10bit(dst->format) ? 4 : 1, half = 1 << (CONVERT_LINES_BITS - 1);
	const double in = (1 << l->bits) - 1, top = picture_is_10bit(dst->format) ? 1023 : 255;
	const double ys = (dst->full_range ? top : 219 * step) / in, cs = (dst->full_range ? top : 224 * step) / in;
	double kr, kb;

	luma_weights(dst->space, &kr, &kb);
	*m = (struct convert_matrix){
		.r = l->r,
		.g = l->g,
		.b = l->b,
		.mask = (1u << l->bits) - 1,
		.y_bias = ((dst->full_range ? 0 : 16 * step) << CONVERT_LINES_BITS) + half,
		.c_bias = (128 * step << CONVERT_LINES_BITS) + half,
		.top = (int32_t)top,
	};
	m->y[0] = line_fixed(kr * ys);
	m->y[2] = line_fixed(kb * ys);
	m->y[1] = line_fixed(ys) - m->y[0] - m->y[2];
	m->cb[0] = line_fixed(-0.5 * kr / (1 - kb) * cs);
	m->cb[2] = line_fixed(0.5 * cs);
	m->cb[1] = -m->cb[0] - m->cb[2];
	m->cr[0] = line_fixed(0.5 * cs);
	m->cr[2] = line_fixed(-0.5 * kb / (1 - kr) * cs);
	m->cr[1] = -m->cr[0] - m->cr[2];
}

int convert_init(struct convert *c, uint32_t fourcc, const struct picture *dst)
{
	struct pixel_layout l;

	if (!convert_layout(fourcc, &l))
		return -ENOTSUP;
	*c = (struct convert){.fourcc = fourcc};
	if (l.bits == 8 && dst->format == PICTURE_NV12) {
		set_coef(&c->coef, &l, dst);
		c->rows = convert_rows_avx2();
		if (!c->rows)
			c->rows = convert_rows_portable;
	}
	set_matrix(&c->matrix, &l, dst);
	c->lines = convert_lines_avx2(dst->format);
	if (!c->lines)
		c->lines = convert_lines_portable(dst->format);
	return 0;
}

static inline uint32_t load_pixel(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Byte i of a pixel in memory order. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE(v, i) ((int32_t)((v) >> (8 * (i)) & 0xff))
#else
#define BYTE(v, i) ((int32_t)((v) >> (24 - 8 * (i)) & 0xff))
#endif

static inline void luma_row(const struct convert_coef *k, const uint8_t *restrict src, uint8_t *restrict luma,
			    unsigned w)
{
	const int32_t k0 = k->y[0], k1 = k->y[1], k2 = k->y[2], k3 = k->y[3], bias = k->y_bias;

	for (unsigned x = 0; x < w; x++) {
		uint32_t p = load_pixel(src + 4 * x);

		luma[x] = (uint8_t)((BYTE(p, 0) * k0 + BYTE(p, 1) * k1 + BYTE(p, 2) * k2 + BYTE(p, 3) * k3 + bias) >>
				    CONVERT_BITS);
	}
}

static inline uint8_t chroma_sample(const int16_t k[4], const int32_t sum[4], int32_t bias)
{
	int32_t v = (sum[0] * k[0] + sum[1] * k[1] + sum[2] * k[2] + sum[3] * k[3] + bias) >> (CONVERT_BITS + 2);

	/* Full-range blue and red reach 255.5. */
	return (uint8_t)(v > 255 ? 255 : v);
}

void convert_rows_portable(const struct convert_coef *k, const uint8_t *const src[2], uint8_t *const luma[2],
			   uint8_t *chroma, unsigned w)
{
	const uint8_t *restrict top = src[0], *restrict bottom = src[1];
	uint8_t *restrict out = chroma;

	luma_row(k, src[0], luma[0], w);
	luma_row(k, src[1], luma[1], w);
	for (unsigned x = 0; x < w / 2; x++) {
		uint32_t p = load_pixel(top + 8 * x), q = load_pixel(top + 8 * x + 4);
		uint32_t r = load_pixel(bottom + 8 * x), s = load_pixel(bottom + 8 * x + 4);
		int32_t sum[4] = {
			BYTE(p, 0) + BYTE(q, 0) + BYTE(r, 0) + BYTE(s, 0),
			BYTE(p, 1) + BYTE(q, 1) + BYTE(r, 1) + BYTE(s, 1),
			BYTE(p, 2) + BYTE(q, 2) + BYTE(r, 2) + BYTE(s, 2),
			BYTE(p, 3) + BYTE(q, 3) + BYTE(r, 3) + BYTE(s, 3),
		};

		out[2 * x] = chroma_sample(k->cb, sum, k->c_bias);
		out[2 * x + 1] = chroma_sample(k->cr, sum, k->c_bias);
	}
}

/* Two lines of the picture from pixel x on. */
static struct convert_lines lines_at(const struct picture *p, unsigned x, unsigned y)
{
	const bool whole = picture_is_444(p->format);
	const size_t at = (size_t)y * p->stride + x * picture_sample(p->format);
	const size_t chroma_at = whole ? at : (size_t)y / 2 * p->stride + x * picture_sample(p->format);
	struct convert_lines l = {
		.luma = {p->luma + at, p->luma + at + p->stride},
		.chroma = {p->chroma + chroma_at},
	};

	if (whole) {
		l.chroma[1] = l.chroma[0] + p->stride;
		l.cr[0] = p->cr + at;
		l.cr[1] = l.cr[0] + p->stride;
	}
	return l;
}

void convert_run(const struct convert *c, const uint8_t *src, size_t src_stride, struct picture *dst, unsigned x,
		 unsigned y, unsigned w, unsigned h)
{
	assert(!((x | y | w | h) & 1) && x + w <= dst->width && y + h <= dst->height);
	for (unsigned row = 0; row < h; row += 2) {
		const uint8_t *from = src + row * src_stride;
		const struct convert_lines to = lines_at(dst, x, y + row);

		if (c->rows)
			c->rows(&c->coef, (const uint8_t *const[2]){from, from + src_stride},
				(uint8_t *const[2]){to.luma[0], to.luma[1]}, to.chroma[0], w);
		else
			c->lines(&c->matrix, (const uint8_t *const[2]){from, from + src_stride}, &to, w);
	}
}
