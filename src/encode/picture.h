// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A converted picture in memory, ready for an encoder: 8-bit 4:2:0 as NV12, because that is x264's own layout (it
 * copies lines instead of interleaving) and what hardware takes. Allocated once, reused for every frame; the encode
 * thread owns it. Lines begin on 64 bytes.
 */
#pragma once

#include <stdint.h>

#include "media/params.h"

struct picture {
	uint16_t width, height; /* even */
	uint8_t *luma, *chroma; /* chroma: Cb, Cr interleaved, half the lines */
	uint32_t stride;        /* of both planes, bytes */
	enum colour_space space;
	bool full_range;
};

/* Even dimensions. -ENOMEM. The picture is black. */
int picture_init(struct picture *p, uint16_t width, uint16_t height, enum colour_space space, bool full_range);
void picture_finish(struct picture *p); /* accepts a zeroed picture */

/* Every pixel black in the picture's own range. */
void picture_fill_black(struct picture *p);
