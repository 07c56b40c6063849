// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/planar.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

/* This file is worth vectorising whatever the build type says. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("O3")
#endif

#define P010_SHIFT 6 /* the ten bits are the upper ones */

int planar_init(struct planar *p, const struct video_params *v)
{
	const enum picture_format f = picture_format_for(v);
	/* Luma, where it is shifted, then the two planes of chroma, half as wide and half as many lines each. */
	const uint32_t lines = v->height / 2u + (f == PICTURE_P010 ? v->height : 0);

	*p = (struct planar){0};
	if (picture_is_444(f))
		return 0;
	p->memory_stride = (v->width * picture_sample(f) + 127) & ~127u;
	p->memory = aligned_alloc(64, (size_t)p->memory_stride * lines);
	return p->memory ? 0 : -ENOMEM;
}

void planar_finish(struct planar *p)
{
	free(p->memory);
	*p = (struct planar){0};
}

static void split_8(const uint8_t *restrict from, uint8_t *restrict cb, uint8_t *restrict cr, unsigned n)
{
	for (unsigned x = 0; x < n; x++) {
		cb[x] = from[2 * x];
		cr[x] = from[2 * x + 1];
	}
}

static void split_10(const uint16_t *restrict from, uint16_t *restrict cb, uint16_t *restrict cr, unsigned n)
{
	for (unsigned x = 0; x < n; x++) {
		cb[x] = le16toh(from[2 * x]) >> P010_SHIFT;
		cr[x] = le16toh(from[2 * x + 1]) >> P010_SHIFT;
	}
}

static void shift_10(const uint16_t *restrict from, uint16_t *restrict to, unsigned n)
{
	for (unsigned x = 0; x < n; x++)
		to[x] = le16toh(from[x]) >> P010_SHIFT;
}

void planar_take(struct planar *p, const struct picture *pic)
{
	const bool shifted = pic->format == PICTURE_P010;
	const uint32_t stride = p->memory_stride, half = stride / 2;
	uint8_t *cb = p->memory + (shifted ? (size_t)stride * pic->height : 0),
		*cr = cb + (size_t)half * pic->height / 2;

	if (picture_is_444(pic->format)) {
		*p = (struct planar){
			.plane = {pic->luma, pic->chroma, pic->cr},
			.stride = {pic->stride, pic->stride, pic->stride},
		};
		return;
	}
	p->plane[0] = shifted ? p->memory : pic->luma;
	p->plane[1] = cb;
	p->plane[2] = cr;
	p->stride[0] = shifted ? stride : pic->stride;
	p->stride[1] = p->stride[2] = half;
	for (unsigned y = 0; y < pic->height && shifted; y++)
		shift_10((const uint16_t *)(const void *)(pic->luma + (size_t)y * pic->stride),
			 (uint16_t *)(void *)(p->memory + (size_t)y * stride), pic->width);
	for (unsigned y = 0; y < pic->height / 2u; y++) {
		const uint8_t *from = pic->chroma + (size_t)y * pic->stride;
		uint8_t *to[2] = {cb + (size_t)y * half, cr + (size_t)y * half};

		if (shifted)
			split_10((const uint16_t *)(const void *)from, (uint16_t *)(void *)to[0],
				 (uint16_t *)(void *)to[1], pic->width / 2);
		else
			split_8(from, to[0], to[1], pic->width / 2);
	}
}
