// SPDX-License-Identifier: GPL-3.0-or-later
#include "moving.h"

static uint32_t hash(uint32_t v)
{
	v ^= v >> 16;
	v *= 0x7feb352du;
	v ^= v >> 15;
	v *= 0x846ca68bu;
	return v ^ v >> 16;
}

/* Smooth noise: a lattice of random values every 2^shift pixels, interpolated. */
static unsigned lattice(unsigned x, unsigned y, unsigned shift, uint32_t salt)
{
	unsigned size = 1u << shift, fx = x & (size - 1), fy = y & (size - 1);
	uint32_t row = (y >> shift) * 7919u + salt, col = x >> shift;
	unsigned a = hash(row + col) & 255, b = hash(row + col + 1) & 255;
	unsigned c = hash(row + 7919u + col) & 255, d = hash(row + 7919u + col + 1) & 255;
	unsigned top = a * (size - fx) + b * fx, bottom = c * (size - fx) + d * fx;

	return (top * (size - fy) + bottom * fy) >> (2 * shift);
}

static unsigned value(unsigned x, unsigned y, unsigned n)
{
	unsigned v = (lattice(x + 7 * n, y, 6, 1) * 4 + lattice(x + 7 * n, y + 2 * n, 3, 2) * 2 +
		      lattice(x + 7 * n, y, 1, 3)) /
		     7;
	uint32_t grain = hash(x * 4099u + y * 131071u + n * 977u);

	return v + (grain % 3 == 0 ? (grain >> 8) % 5 : 2);
}

/* A sample of 8 bits; where there are ten, the lower two are those of no 8-bit picture. */
static void put(struct picture *p, uint8_t *plane, unsigned x, unsigned y, unsigned v)
{
	unsigned word = (v << 2 | ((x ^ y) & 3)) << (p->format == PICTURE_P010 ? 6 : 0);
	uint8_t *line = plane + (size_t)y * p->stride;

	if (picture_is_10bit(p->format)) {
		line[2 * x] = (uint8_t)word;
		line[2 * x + 1] = (uint8_t)(word >> 8);
	} else {
		line[x] = (uint8_t)v;
	}
}

void moving_draw(struct picture *p, unsigned n)
{
	for (unsigned y = 0; y < p->height; y++)
		for (unsigned x = 0; x < p->width; x++)
			put(p, p->luma, x, y, 16 + value(x, y, n) * 200 / 260);
	if (picture_is_444(p->format)) {
		for (unsigned y = 0; y < p->height; y++)
			for (unsigned x = 0; x < p->width; x++) {
				put(p, p->chroma, x, y, 64 + lattice(x + 6 * n, y, 5, 4) / 2);
				put(p, p->cr, x, y, 64 + lattice(x + 6 * n, y, 5, 5) / 2);
			}
		return;
	}
	for (unsigned y = 0; y < p->height / 2u; y++)
		for (unsigned x = 0; x < p->width; x++)
			put(p, p->chroma, x, y, 64 + lattice(x / 2 + 3 * n, y, 5, 4 + (x & 1)) / 2);
}

void moving_draw_bgrx(uint8_t *pixels, unsigned stride, unsigned w, unsigned h, unsigned n)
{
	for (unsigned y = 0; y < h; y++) {
		uint8_t *line = pixels + (size_t)y * stride;

		for (unsigned x = 0; x < w; x++) {
			unsigned v = value(x, y, n);

			line[4 * x] = (uint8_t)(v * 3 / 4);
			line[4 * x + 1] = (uint8_t)(v * 9 / 10);
			line[4 * x + 2] = (uint8_t)(v > 255 ? 255 : v);
			line[4 * x + 3] = 0;
		}
	}
}
