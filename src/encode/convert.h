// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * RGB with 32 bits a pixel, of 8 or 10 bits a primary, to the formats of encode/picture.h, in fixed point: within
 * one code value of the exact result, greys and white exact. Chroma of 4:2:0 is
 * the mean of each 2x2 block, so its samples sit in the centre of the block (chroma_loc 1 in the stream); the kernel
 * choice is made once at convert_init().
 *
 * 8-bit RGB to NV12, the way of nearly every stream, has kernels of its own: there a format is a row of four
 * coefficients in memory order, of 15 bits, with zero for the padding byte. All else goes through convert_lines.c, of
 * 18 bits: the exact result rounded, unless it lies within 0.004 of a half.
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

/* The same for any of the formats; the primaries are fields of a pixel as a little-endian word. */
#define CONVERT_LINES_BITS 18

struct convert_matrix {
	uint8_t r, g, b;             /* lowest bit of each */
	uint32_t mask;               /* of a field */
	int32_t y[3], cb[3], cr[3];  /* weights of red, green, blue */
	int32_t y_bias, c_bias, top; /* zero and rounding; the largest sample */
};

/* Where two lines go: all of each in 4:4:4, of 4:2:0 the first of chroma with Cb and Cr in turn. */
struct convert_lines {
	uint8_t *luma[2], *chroma[2], *cr[2];
};

typedef void (*convert_lines_fn)(const struct convert_matrix *m, const uint8_t *const src[2],
				 const struct convert_lines *to, unsigned w);

struct convert {
	uint32_t fourcc;
	/* 8 bit to NV12 */
	struct convert_coef coef;
	convert_rows_fn rows; /* NULL: the others */
	struct convert_matrix matrix;
	convert_lines_fn lines;
};

/* Where the primaries lie: bits of each, and the lowest of each in a pixel's little-endian word. */
struct pixel_layout {
	uint8_t bits, r, g, b;
};

bool convert_supports(uint32_t fourcc);
/* False: not supported. */
bool convert_layout(uint32_t fourcc, struct pixel_layout *out);
/* Of a primary: 8 or 10; 0: not supported. */
unsigned convert_bits(uint32_t fourcc);

/* Pictures like dst. -ENOTSUP: not one of the packed formats in media/frame.h, half floats are the GPU's. */
int convert_init(struct convert *c, uint32_t fourcc, const struct picture *dst);

/* Converts w x h pixels to the place x, y of dst; all four even and inside dst. src: first byte of the first pixel,
 * any alignment, stride in bytes. */
void convert_run(const struct convert *c, const uint8_t *src, size_t src_stride, struct picture *dst, unsigned x,
		 unsigned y, unsigned w, unsigned h);

/* The kernels; the first runs anywhere. The second is NULL where the processor lacks AVX2. For tests and benchmarks. */
void convert_rows_portable(const struct convert_coef *k, const uint8_t *const src[2], uint8_t *const luma[2],
			   uint8_t *chroma, unsigned w);
convert_rows_fn convert_rows_avx2(void);
convert_lines_fn convert_lines_portable(enum picture_format f);
convert_lines_fn convert_lines_avx2(enum picture_format f);
