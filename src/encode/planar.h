// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A picture as libraries want it that take three planes with samples in the lowest bits: libaom and libx264 beyond
 * 8-bit 4:2:0, libx265 always. What lies so already is only pointed at; the rest, P010 and the chroma of NV12, is taken
 * apart into memory of ours. Encode thread.
 */
#pragma once

#include "encode/picture.h"

struct planar {
	const uint8_t *plane[3];
	uint32_t stride[3]; /* bytes */
	/* memory of ours, NULL where nothing is taken apart */
	uint8_t *memory;
	uint32_t memory_stride;
};

/* For pictures like those of v. -ENOMEM. */
int planar_init(struct planar *p, const struct video_params *v);
void planar_finish(struct planar *p); /* accepts a zeroed one */

/* The planes of that picture, valid until it changes or the next call. Allocates nothing. */
void planar_take(struct planar *p, const struct picture *pic);
