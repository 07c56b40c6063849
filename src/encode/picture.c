// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/picture.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PICTURE_ALIGN 64u

int picture_init(struct picture *p, uint16_t width, uint16_t height, enum colour_space space, bool full_range)
{
	size_t luma_size;

	assert(width && height && width % 2 == 0 && height % 2 == 0);
	*p = (struct picture){
		.width = width,
		.height = height,
		.stride = (width + PICTURE_ALIGN - 1) / PICTURE_ALIGN * PICTURE_ALIGN,
		.space = space,
		.full_range = full_range,
	};
	luma_size = (size_t)p->stride * height;
	p->luma = aligned_alloc(PICTURE_ALIGN, luma_size + luma_size / 2);
	if (!p->luma)
		return -ENOMEM;
	p->chroma = p->luma + luma_size;
	picture_fill_black(p);
	return 0;
}

void picture_finish(struct picture *p)
{
	free(p->luma);
	*p = (struct picture){0};
}

void picture_fill_black(struct picture *p)
{
	memset(p->luma, p->full_range ? 0 : 16, (size_t)p->stride * p->height);
	memset(p->chroma, 128, (size_t)p->stride * p->height / 2);
}
