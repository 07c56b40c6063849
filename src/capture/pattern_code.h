// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A number and a time written into a picture as large black and white cells, and read back after the picture went
 * through an encoder, a scaler and a letterbox. Pure functions without state; the pattern source draws it, the tests
 * and their clients read and draw it.
 *
 * The grid has PATTERN_COLS x PATTERN_ROWS square cells and lies one cell away from the top left corner of the picture.
 * A cell is a 34th of the picture's width, but at most a tenth of its height and 16 pixels, and even where possible: 16
 * pixels from 544x160 on. Row by row, most significant bit first, white is 1:
 *
 *	 8 bits  PATTERN_SYNC, tells a code from an ordinary picture and gives the reader its black and white levels
 *	32 bits  frame number
 *	48 bits  time in microseconds (CLOCK_MONOTONIC)
 *	 8 bits  CRC-8 (polynomial 0x07, start 0xff) of the ten bytes before
 *
 * A reader averages the middle of each cell, so blur and rounding by less than a quarter of a cell do no harm.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PATTERN_COLS     32
#define PATTERN_ROWS     3
#define PATTERN_SYNC     0xb2
#define PATTERN_CELL_MAX 16
#define PATTERN_TIME_MAX ((1ull << 48) - 1)

struct pattern_mark {
	uint32_t frame;
	uint64_t time_us; /* 48 bits */
};

/* Where the grid lies, in pixels. */
struct pattern_grid {
	double x, y, cell;
};

/* In a picture as drawn. cell is a whole number of at least 1. */
struct pattern_grid pattern_grid(uint32_t width, uint32_t height);
/* After a picture of src size was scaled into dst keeping its shape and centred between black bars. */
struct pattern_grid pattern_grid_fit(uint32_t src_w, uint32_t src_h, uint32_t dst_w, uint32_t dst_h);

/* Draws into 32-bit pixels; stride in bytes. Nothing is drawn into a picture that is too small for a grid of one-pixel
 * cells. */
void pattern_draw(void *pixels, size_t stride, uint32_t width, uint32_t height, const struct pattern_mark *m);

/* Reads from samples that rise with brightness: a luma plane, or one channel of packed pixels (step: bytes from one
 * sample to the next). -ENOENT: no code there; -EBADMSG: a code, but damaged. */
int pattern_read(const uint8_t *samples, size_t step, size_t stride, uint32_t width, uint32_t height,
		 struct pattern_grid g, struct pattern_mark *m);
