// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The pictures of the pattern source, drawn into 32-bit pixels (B G R x in memory). What never changes is drawn once
 * into each buffer; after that only what moves, so that a frame costs a small part of a copy of the picture.
 *
 *	motion  a window with a texture that pans, and discs that bounce, on a static ground
 *	noise   every pixel random: the worst case of an encoder
 *	mixed   motion, with noise on the lowest eighth: fills a line as a game does, and leaves an encoder time
 *	still   the ground of motion
 *	chart   colour bars and ramps with the values of chart_pixel()
 *	patches named colours, capture/patches.h
 *	pq      the same in HDR: its pixels are FOURCC_XRGB2101010, BT.2020 with the PQ curve
 *
 * Positions are pure functions of the frame's number: any buffer can be brought to any frame. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/frame.h"
#include "media/params.h"

enum paint_kind { PAINT_MOTION, PAINT_NOISE, PAINT_MIXED, PAINT_STILL, PAINT_CHART, PAINT_PATCHES, PAINT_PQ };

struct painter {
	enum paint_kind kind;
	uint32_t width, height;
	uint32_t *texture; /* motion: rows of the window and one period more */
	struct rect window;
	uint32_t radius; /* of the discs */
	uint32_t *span;  /* half width of a disc on each of its 2 * radius + 1 lines */
	uint32_t *noise; /* a strip of random pixels */
	uint32_t noise_rows;
};

/* -EINVAL: no such word. */
int paint_kind_parse(const char *word, enum paint_kind *kind);

/* Whether pictures of that word are HDR, and what is to be said of them. */
bool paint_is_hdr(const char *word, struct hdr_metadata *out);

int painter_init(struct painter *p, enum paint_kind kind, uint32_t width, uint32_t height); /* -ENOMEM */
void painter_finish(struct painter *p); /* accepts a zeroed painter */

/* A buffer that has not been drawn to before: the ground. */
void painter_begin(const struct painter *p, void *pixels, size_t stride);
/* Turns a buffer that shows frame old (PAINT_FRESH: one fresh from painter_begin) into frame now. */
#define PAINT_FRESH UINT64_MAX
void painter_advance(const struct painter *p, void *pixels, size_t stride, uint64_t old, uint64_t now);
/* What differs between frame old and frame now; the number of rectangles, 0: everything. */
unsigned painter_damage(const struct painter *p, uint64_t old, uint64_t now, struct rect out[FRAME_DAMAGE_MAX]);

/* 0xRRGGBB of the chart, full range. Eight bars in the upper half, from white to black; below ramps
 * of grey, red, green and blue from 0 at the left to 255 at the right. */
uint32_t chart_pixel(uint32_t width, uint32_t height, uint32_t x, uint32_t y);

/* Where a patch lies: whole pixels, even; what is left at the right and below is black. Below the code. */
struct rect patch_rect(uint32_t width, uint32_t height, unsigned i);
