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

/* Where the primaries lie in a pixel's four bytes. */
static const struct layout {
	uint32_t fourcc;
	uint8_t r, g, b, pad;
} layouts[] = {
	{FOURCC_XRGB8888, 2, 1, 0, 3}, {FOURCC_ARGB8888, 2, 1, 0, 3}, {FOURCC_XBGR8888, 0, 1, 2, 3},
	{FOURCC_ABGR8888, 0, 1, 2, 3}, {FOURCC_RGBX8888, 3, 2, 1, 0}, {FOURCC_BGRX8888, 1, 2, 3, 0},
};

static const struct layout *layout_find(uint32_t fourcc)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
		if (layouts[i].fourcc == fourcc)
			return &layouts[i];
	return NULL;
}

bool convert_supports(uint32_t fourcc)
{
	return layout_find(fourcc);
}

static int16_t fixed(double v)
{
	return (int16_t)lrint(v * (1 << CONVERT_BITS));
}

int convert_init(struct convert *c, uint32_t fourcc, enum colour_space space, bool full_range)
{
	const struct layout *l = layout_find(fourcc);
	const double y_scale = full_range ? 1.0 : 219.0 / 255.0;
	const double c_scale = full_range ? 1.0 : 224.0 / 255.0;
	struct convert_coef *k = &c->coef;
	double kr, kb;

	if (!l)
		return -ENOTSUP;
	luma_weights(space, &kr, &kb);
	*c = (struct convert){.fourcc = fourcc};

	/* Green takes the rounding of the other two, so that white is exact and greys have no colour. */
	k->y[l->r] = fixed(kr * y_scale);
	k->y[l->b] = fixed(kb * y_scale);
	k->y[l->g] = (int16_t)(lrint(y_scale * (1 << CONVERT_BITS)) - k->y[l->r] - k->y[l->b]);

	k->cb[l->r] = fixed(-0.5 * kr / (1 - kb) * c_scale);
	k->cb[l->b] = fixed(0.5 * c_scale);
	k->cb[l->g] = (int16_t)(-k->cb[l->r] - k->cb[l->b]);

	k->cr[l->r] = fixed(0.5 * c_scale);
	k->cr[l->b] = fixed(-0.5 * kb / (1 - kr) * c_scale);
	k->cr[l->g] = (int16_t)(-k->cr[l->r] - k->cr[l->b]);

	k->y_bias = ((full_range ? 0 : 16) << CONVERT_BITS) + (1 << (CONVERT_BITS - 1));
	k->c_bias = (128 << (CONVERT_BITS + 2)) + (1 << (CONVERT_BITS + 1));

	c->rows = convert_rows_avx2();
	if (!c->rows)
		c->rows = convert_rows_portable;
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

void convert_run(const struct convert *c, const uint8_t *src, size_t src_stride, struct picture *dst, unsigned x,
		 unsigned y, unsigned w, unsigned h)
{
	assert(!((x | y | w | h) & 1) && x + w <= dst->width && y + h <= dst->height);
	for (unsigned row = 0; row < h; row += 2) {
		const uint8_t *from = src + row * src_stride;
		uint8_t *luma = dst->luma + (size_t)(y + row) * dst->stride + x;

		c->rows(&c->coef, (const uint8_t *const[2]){from, from + src_stride},
			(uint8_t *const[2]){luma, luma + dst->stride},
			dst->chroma + (size_t)(y + row) / 2 * dst->stride + x, w);
	}
}
