// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the conversion pass reads and writes, without any GPU: the pixel formats of sources as rows of a table, and how
 * a converted picture lies in one linear buffer. Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/frame.h"

enum gpu_source_kind {
	GPU_BITS_8,  /* three of a word's four bytes */
	GPU_BITS_10, /* three of a word's ten-bit fields */
	GPU_HALF,    /* four half floats, linear light: 1.0 is 80 cd/m2, the primaries those of BT.709, wider by
			negative values */
};

struct gpu_source_format {
	uint32_t fourcc;
	enum gpu_source_kind kind;
	uint8_t bytes;      /* of a pixel */
	uint8_t r, g, b;    /* lowest bit of each in the pixel's word */
	uint32_t vk;        /* VkFormat of an image of it */
	uint8_t swizzle[3]; /* which component of that holds red, green, blue: 0 R, 1 G, 2 B, 3 A */
};

/* NULL: not one that the pass reads. */
const struct gpu_source_format *gpu_source_format(uint32_t fourcc);
/* The n-th of all; NULL past the end. */
const struct gpu_source_format *gpu_source_format_at(unsigned n);

/* Samples of more than eight bits are little-endian words of 16: in P010 the ten bits are the upper ones, as hardware
 * has them, in planar 4:4:4 the lower ones, as software encoders have them. */
enum gpu_format {
	GPU_NV12,
	GPU_P010,
	GPU_YUV444,    /* three planes */
	GPU_YUV444P10, /* three planes */
	GPU_FORMATS,
};

const char *gpu_format_name(enum gpu_format f);

#define GPU_DIM_MAX 16384u /* of both, sources and pictures */

struct gpu_plane {
	size_t offset;   /* multiple of 64 */
	uint32_t stride; /* bytes, multiple of 64 */
	uint32_t bytes;  /* of a line that are picture */
	uint32_t lines;
};

/* A converted picture in one buffer. */
struct gpu_layout {
	enum gpu_format format;
	uint16_t width, height; /* any: of 4:2:0 the last chroma sample of an odd side stands for one pixel */
	uint8_t n_planes;
	struct gpu_plane plane[3];
	size_t size;
};

/* -ENOTSUP: no such format, or a side of 0 or beyond GPU_DIM_MAX. */
int gpu_layout_init(struct gpu_layout *l, enum gpu_format format, unsigned width, unsigned height);

#define GPU_BLOCK       64u  /* no codec's blocks are larger */
#define GPU_BLOCK_PITCH 256u /* of lines: what the pickiest encoders (radeonsi) ask for */
/* The same with room for whole blocks on both sides, as encoders that read the buffer itself want it. */
int gpu_layout_init_blocks(struct gpu_layout *l, enum gpu_format format, unsigned width, unsigned height);
