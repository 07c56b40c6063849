// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/pattern_code.h"

#include <errno.h>
#include <string.h>

#define BITS         (PATTERN_COLS * PATTERN_ROWS)
#define BYTES        (BITS / 8)
#define WHITE        0xffffffffu /* in the formats of 8 and of 10 bits that painters have */
#define BLACK        0x00000000u
#define CONTRAST_MIN 32 /* between the levels of black and white cells; ordinary noise stays below */

static uint8_t crc8(const uint8_t *p, size_t n)
{
	uint8_t crc = 0xff;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
	}
	return crc;
}

struct pattern_grid pattern_grid(uint32_t width, uint32_t height)
{
	uint32_t cell = width / (PATTERN_COLS + 2), rows = height / 10;

	if (cell > rows)
		cell = rows;
	if (cell > PATTERN_CELL_MAX)
		cell = PATTERN_CELL_MAX;
	if (cell > 1)
		cell &= ~1u; /* whole chroma samples */
	if (!cell)
		cell = 1;
	return (struct pattern_grid){.x = cell, .y = cell, .cell = cell};
}

struct pattern_grid pattern_grid_fit(uint32_t src_w, uint32_t src_h, uint32_t dst_w, uint32_t dst_h)
{
	struct pattern_grid g = pattern_grid(src_w, src_h);
	double sx = (double)dst_w / src_w, sy = (double)dst_h / src_h, s = sx < sy ? sx : sy;

	g.x = g.x * s + (dst_w - src_w * s) / 2;
	g.y = g.y * s + (dst_h - src_h * s) / 2;
	g.cell *= s;
	return g;
}

static void pack(uint8_t out[BYTES], const struct pattern_mark *m)
{
	out[0] = PATTERN_SYNC;
	for (int i = 0; i < 4; i++)
		out[1 + i] = (uint8_t)(m->frame >> (24 - 8 * i));
	for (int i = 0; i < 6; i++)
		out[5 + i] = (uint8_t)(m->time_us >> (40 - 8 * i));
	out[11] = crc8(out + 1, 10);
}

void pattern_draw(void *pixels, size_t stride, uint32_t width, uint32_t height, const struct pattern_mark *m)
{
	struct pattern_grid g = pattern_grid(width, height);
	unsigned cell = (unsigned)g.cell;
	uint8_t bytes[BYTES];

	if (width < cell * (PATTERN_COLS + 2) || height < cell * (PATTERN_ROWS + 2))
		return;
	pack(bytes, m);
	for (unsigned row = 0; row < PATTERN_ROWS; row++) {
		uint8_t *line = (uint8_t *)pixels + (row + 1) * cell * stride + (size_t)cell * 4;
		uint32_t *px = (uint32_t *)line;

		for (unsigned col = 0; col < PATTERN_COLS; col++) {
			unsigned bit = row * PATTERN_COLS + col;
			uint32_t colour = bytes[bit / 8] >> (7 - bit % 8) & 1 ? WHITE : BLACK;

			for (unsigned i = 0; i < cell; i++)
				*px++ = colour;
		}
		for (unsigned i = 1; i < cell; i++)
			memcpy(line + i * stride, line, (size_t)PATTERN_COLS * cell * 4);
	}
}

/* Mean of the middle of a cell: at least one sample, and nothing outside the picture. */
static int cell_level(const uint8_t *samples, size_t step, size_t stride, struct pattern_grid g, unsigned col,
		      unsigned row)
{
	size_t x0 = (size_t)(g.x + (col + 0.25) * g.cell), x1 = (size_t)(g.x + (col + 0.75) * g.cell);
	size_t y0 = (size_t)(g.y + (row + 0.25) * g.cell), y1 = (size_t)(g.y + (row + 0.75) * g.cell);
	unsigned sum = 0, n = 0;

	for (size_t y = y0; y <= y1; y++) {
		for (size_t x = x0; x <= x1; x++, n++)
			sum += samples[y * stride + x * step];
	}
	return (int)(sum / n);
}

int pattern_read(const uint8_t *samples, size_t step, size_t stride, uint32_t width, uint32_t height,
		 struct pattern_grid g, struct pattern_mark *m)
{
	int level[BITS], black = 0, white = 0, n_white = 0, threshold;
	uint8_t bytes[BYTES] = {0};

	if (g.cell < 1 || g.x < 0 || g.y < 0 || g.x + PATTERN_COLS * g.cell > width ||
	    g.y + PATTERN_ROWS * g.cell > height)
		return -ENOENT;
	for (unsigned i = 0; i < BITS; i++)
		level[i] = cell_level(samples, step, stride, g, i % PATTERN_COLS, i / PATTERN_COLS);
	for (unsigned i = 0; i < 8; i++) {
		if (PATTERN_SYNC >> (7 - i) & 1) {
			white += level[i];
			n_white++;
		} else {
			black += level[i];
		}
	}
	white /= n_white;
	black /= 8 - n_white;
	if (white - black < CONTRAST_MIN)
		return -ENOENT;
	threshold = (white + black) / 2;
	for (unsigned i = 0; i < BITS; i++)
		bytes[i / 8] = (uint8_t)(bytes[i / 8] | (level[i] > threshold) << (7 - i % 8));
	if (bytes[0] != PATTERN_SYNC)
		return -ENOENT;
	if (bytes[11] != crc8(bytes + 1, 10))
		return -EBADMSG;
	m->frame = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
	m->time_us = 0;
	for (int i = 0; i < 6; i++)
		m->time_us = m->time_us << 8 | bytes[5 + i];
	return 0;
}
