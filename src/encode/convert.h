// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * RGB with 32 bits a pixel to NV12, in fixed point of 15 bits: within one code value of the exact result, greys and
 * white exact. The formats differ only in which byte holds which primary, so a format is a row of four coefficients
 * in memory order, with zero for the padding byte. Chroma is the mean of each 2x2 block, so its samples sit in the
 * centre of the block (chroma_loc 1 in the stream); the kernel choice is made once at convert_init().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/picture.h"
#include "media/frame.h"

enum convert_where { CONVERT_AUTO, CONVERT_CPU, CONVERT_GPU }; /* what encode/conversion.h does */

#define CONVERT_BITS 15 /* fraction bits of the coefficients */

struct convert_coef {
	int16_t y[4], cb[4], cr[4]; /* per byte of a pixel, in memory order */
	int32_t y_bias;             /* black level and rounding */
	int32_t c_bias;             /* centre and rounding, for sums of four pixels */
};

/* Two source lines of w pixels (even) to two lines of luma and one of chroma. */
typedef void (*convert_rows_fn)(const struct convert_coef *k, const uint8_t *const src[2], uint8_t *const luma[2],
				uint8_t *chroma, unsigned w);

struct convert {
	uint32_t fourcc;
	struct convert_coef coef;
	convert_rows_fn rows;
};

bool convert_supports(uint32_t fourcc);

/* -ENOTSUP: not one of the formats in media/frame.h. */
int convert_init(struct convert *c, uint32_t fourcc, enum colour_space space, bool full_range);

/* Converts w x h pixels to the place x, y of dst; all four even and inside dst. src: first byte of the first pixel,
 * any alignment, stride in bytes. */
void convert_run(const struct convert *c, const uint8_t *src, size_t src_stride, struct picture *dst, unsigned x,
		 unsigned y, unsigned w, unsigned h);

/* The kernels; the first runs anywhere. The second is NULL where the processor lacks AVX2. For tests and benchmarks. */
void convert_rows_portable(const struct convert_coef *k, const uint8_t *const src[2], uint8_t *const luma[2],
			   uint8_t *chroma, unsigned w);
convert_rows_fn convert_rows_avx2(void);
