// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/picture.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PICTURE_ALIGN 64u

enum picture_format picture_format_for(const struct video_params *v)
{
	if (v->yuv444)
		return v->depth > 8 ? PICTURE_YUV444P10 : PICTURE_YUV444;
	return v->depth > 8 ? PICTURE_P010 : PICTURE_NV12;
}

const char *picture_format_name(enum picture_format f)
{
	static const char *const names[PICTURE_FORMATS] = {"NV12", "P010", "4:4:4", "4:4:4 10 bit"};

	return names[f];
}

size_t picture_bytes(const struct picture *p)
{
	size_t luma = (size_t)p->stride * p->height;

	return picture_is_444(p->format) ? 3 * luma : luma + luma / 2;
}

static int init(struct picture *p)
{
	size_t luma_size;

	assert(p->width && p->height && p->width % 2 == 0 && p->height % 2 == 0);
	p->stride = (p->width * picture_sample(p->format) + PICTURE_ALIGN - 1) / PICTURE_ALIGN * PICTURE_ALIGN;
	luma_size = (size_t)p->stride * p->height;
	p->luma = aligned_alloc(PICTURE_ALIGN, picture_bytes(p));
	if (!p->luma)
		return -ENOMEM;
	p->chroma = p->luma + luma_size;
	if (picture_is_444(p->format))
		p->cr = p->chroma + luma_size;
	picture_fill_black(p);
	return 0;
}

int picture_init(struct picture *p, uint16_t width, uint16_t height, enum colour_space space, bool full_range)
{
	*p = (struct picture){
		.format = PICTURE_NV12,
		.width = width,
		.height = height,
		.space = space,
		.full_range = full_range,
	};
	return init(p);
}

int picture_init_for(struct picture *p, const struct video_params *v)
{
	*p = (struct picture){
		.format = picture_format_for(v),
		.width = v->width,
		.height = v->height,
		.space = v->space,
		.full_range = v->full_range,
		.pq = v->pq,
	};
	return init(p);
}

void picture_finish(struct picture *p)
{
	free(p->luma);
	*p = (struct picture){0};
}

static void fill(const struct picture *p, uint8_t *at, size_t bytes, unsigned value8)
{
	unsigned word = p->format == PICTURE_P010 ? value8 << 8 : value8 << 2;
	const uint8_t pair[2] = {(uint8_t)word, (uint8_t)(word >> 8)};

	if (!picture_is_10bit(p->format)) {
		memset(at, (int)value8, bytes);
		return;
	}
	for (size_t i = 0; i < bytes; i += 2)
		memcpy(at + i, pair, 2);
}

void picture_fill_black(struct picture *p)
{
	size_t luma_size = (size_t)p->stride * p->height;

	fill(p, p->luma, luma_size, p->full_range ? 0 : 16);
	fill(p, p->chroma, picture_bytes(p) - luma_size, 128);
	p->painted.w = 0;
}

void picture_paint(struct picture *p, uint16_t x, uint16_t y, uint16_t w, uint16_t h)
{
	const bool inside = p->painted.x >= x && p->painted.y >= y && p->painted.x + p->painted.w <= x + w &&
			    p->painted.y + p->painted.h <= y + h;

	if (p->painted.w && !inside)
		picture_fill_black(p);
	p->painted.x = x;
	p->painted.y = y;
	p->painted.w = w;
	p->painted.h = h;
}
