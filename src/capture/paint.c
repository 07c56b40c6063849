// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/paint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "capture/patches.h"
#include "capture/pattern_code.h"

#define TILE         64  /* ground: squares of two tones */
#define PAN_PERIOD   512 /* the texture repeats after so many pixels */
#define PAN_STEP     5   /* pixels a frame; odd, so that motion search has work to do */
#define DISCS        5
#define NOISE_PIXELS 65536u /* a strip longer than any line; each line begins at a place of its own */
#define MIXED_BAND   8      /* mixed: noise on the lowest 1 / n of the picture */

static const uint32_t disc_colour[DISCS] = {0xe05030, 0x40c060, 0x4070e0, 0xe0c040, 0xc050c0};

int paint_kind_parse(const char *word, enum paint_kind *kind)
{
	static const char *const words[] = {"motion", "noise", "mixed", "still", "chart", "patches", "pq"};

	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(word, words[i])) {
			*kind = (enum paint_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool paint_is_hdr(const char *word, struct hdr_metadata *out)
{
	enum paint_kind kind;

	if (paint_kind_parse(word, &kind) < 0 || kind != PAINT_PQ)
		return false;
	/* A display that shows all that can be said, with the primaries of BT.2020 and the white of D65. */
	*out = (struct hdr_metadata){
		.red = {35400, 14600},
		.green = {8500, 39850},
		.blue = {6550, 2300},
		.white = {15635, 16450},
		.max_nits = 10000,
		.min_nits = 1,
		.max_cll = 10000,
	};
	return true;
}

/* SplitMix64: good enough for pictures, one multiplication chain a value. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* Smooth noise on a lattice of the given pitch, periodic in x; 0..255. */
static unsigned lattice(uint32_t x, uint32_t y, uint32_t pitch, uint32_t salt)
{
	uint32_t cells = PAN_PERIOD / pitch, cx = x / pitch, cy = y / pitch, fx = x % pitch, fy = y % pitch;
	unsigned corner[4];

	for (uint32_t i = 0; i < 4; i++) {
		uint64_t key = (uint64_t)((cx + (i & 1)) % cells) << 32 | (cy + (i >> 1)) << 8 | salt;

		corner[i] = (unsigned)(mix(key) & 255);
	}
	return ((corner[0] * (pitch - fx) + corner[1] * fx) * (pitch - fy) +
		(corner[2] * (pitch - fx) + corner[3] * fx) * fy) /
	       (pitch * pitch);
}

static uint32_t texture_pixel(uint32_t x, uint32_t y)
{
	unsigned v = (lattice(x, y, 64, 1) * 4 + lattice(x, y, 16, 2) * 3 + lattice(x, y, 4, 3)) / 8;
	unsigned u = lattice(x, y, 128, 4);

	return (v * 200 / 255 + 30) << 16 | (v * (255 - u / 2) / 255) << 8 | (u * 160 / 255 + v / 4);
}

static int motion_init(struct painter *p)
{
	struct pattern_grid g = pattern_grid(p->width, p->height);
	uint32_t row, diameter, top = p->height / 8, below_code = (uint32_t)g.cell * (PATTERN_ROWS + 2);

	if (top < below_code)
		top = below_code;
	p->window.x = (int32_t)(p->width / 8);
	p->window.y = (int32_t)top;
	p->window.w = p->width / 2;
	p->window.h = p->height / 2 - top;
	p->radius = (p->height < p->width ? p->height : p->width) / 16;
	diameter = 2 * p->radius + 1;
	row = p->window.w + PAN_PERIOD;
	p->texture = malloc((size_t)row * p->window.h * sizeof(*p->texture));
	p->span = malloc(diameter * sizeof(*p->span));
	if (!p->texture || !p->span)
		return -ENOMEM;
	for (uint32_t y = 0; y < p->window.h; y++) {
		uint32_t *line = p->texture + (size_t)y * row;

		if (y >= PAN_PERIOD / 2) {
			memcpy(line, line - (size_t)row * (PAN_PERIOD / 2), (size_t)row * sizeof(*line));
			continue;
		}
		for (uint32_t x = 0; x < PAN_PERIOD; x++)
			line[x] = texture_pixel(x, y);
		for (uint32_t x = PAN_PERIOD; x < row; x++)
			line[x] = line[x - PAN_PERIOD];
	}
	for (uint32_t i = 0; i < diameter; i++) {
		int64_t dy = (int64_t)i - p->radius, left = (int64_t)p->radius * p->radius - dy * dy;
		uint32_t half = 0;

		while ((int64_t)(half + 1) * (half + 1) <= left)
			half++;
		p->span[i] = half;
	}
	return 0;
}

static int noise_init(struct painter *p)
{
	p->noise_rows = p->kind == PAINT_NOISE ? p->height : p->height / MIXED_BAND;
	p->noise = malloc((NOISE_PIXELS + p->width) * sizeof(*p->noise));
	if (!p->noise)
		return -ENOMEM;
	for (uint32_t i = 0; i < NOISE_PIXELS + p->width; i++)
		p->noise[i] = (uint32_t)mix(i) & 0xffffff;
	return 0;
}

static bool has_motion(const struct painter *p)
{
	return p->kind == PAINT_MOTION || p->kind == PAINT_MIXED;
}

int painter_init(struct painter *p, enum paint_kind kind, uint32_t width, uint32_t height)
{
	int err = 0;

	*p = (struct painter){.kind = kind, .width = width, .height = height};
	if (has_motion(p))
		err = motion_init(p);
	if (!err && (kind == PAINT_NOISE || kind == PAINT_MIXED))
		err = noise_init(p);
	if (err)
		painter_finish(p);
	return err;
}

void painter_finish(struct painter *p)
{
	free(p->texture);
	free(p->span);
	free(p->noise);
	p->texture = p->span = p->noise = NULL;
}

static uint32_t *line_at(void *pixels, size_t stride, uint32_t y)
{
	return (uint32_t *)((uint8_t *)pixels + y * stride);
}

/* The ground needs no copy to be restored from: it is computed in runs of one tile. */
static void ground_line(const struct painter *p, uint32_t *line, uint32_t y, uint32_t x0, uint32_t x1)
{
	uint32_t shade = 40 + 60 * y / p->height;

	while (x0 < x1) {
		uint32_t end = (x0 / TILE + 1) * TILE, tone = (x0 / TILE + y / TILE) & 1 ? shade + 12 : shade;
		uint32_t colour = tone << 16 | (tone + 8) << 8 | (tone + 24);

		if (end > x1)
			end = x1;
		for (; x0 < end; x0++)
			line[x0] = colour;
	}
}

uint32_t chart_pixel(uint32_t width, uint32_t height, uint32_t x, uint32_t y)
{
	static const uint32_t bar[8] = {0xffffff, 0xffff00, 0x00ffff, 0x00ff00, 0xff00ff, 0xff0000, 0x0000ff, 0x000000};
	static const uint32_t ramp[4] = {0x010101, 0x010000, 0x000100, 0x000001};
	uint32_t half = height / 2;

	if (y < half)
		return bar[(uint64_t)x * 8 / width];
	return ramp[(uint64_t)(y - half) * 4 / (height - half)] * (uint32_t)((uint64_t)x * 255 / (width - 1));
}

struct rect patch_rect(uint32_t width, uint32_t height, unsigned i)
{
	const struct pattern_grid g = pattern_grid(width, height);
	const uint32_t top = ((uint32_t)g.cell * (PATTERN_ROWS + 2) + 1) & ~1u;
	const uint32_t w = width / PATCH_COLS & ~1u, h = (height - top) / PATCH_ROWS & ~1u;

	return (struct rect){(int32_t)(i % PATCH_COLS * w), (int32_t)(top + i / PATCH_COLS * h), w, h};
}

static void patches_begin(const struct painter *p, void *pixels, size_t stride)
{
	for (uint32_t y = 0; y < p->height; y++)
		memset(line_at(pixels, stride, y), 0, (size_t)p->width * 4);
	for (unsigned i = 0; i < ARRAY_LEN(patches); i++) {
		const struct patch *sdr = &patches[i];
		const struct patch_pq *pq = &patches_pq[i];
		const uint32_t colour = p->kind == PAINT_PQ ? (uint32_t)pq->r << 20 | (uint32_t)pq->g << 10 | pq->b
							    : (uint32_t)sdr->r << 16 | (uint32_t)sdr->g << 8 | sdr->b;
		const struct rect r = patch_rect(p->width, p->height, i);

		for (uint32_t y = 0; y < r.h; y++) {
			uint32_t *line = line_at(pixels, stride, (uint32_t)r.y + y) + r.x;

			for (uint32_t x = 0; x < r.w; x++)
				line[x] = colour;
		}
	}
}

void painter_begin(const struct painter *p, void *pixels, size_t stride)
{
	if (p->kind == PAINT_PATCHES || p->kind == PAINT_PQ) {
		patches_begin(p, pixels, stride);
		return;
	}
	for (uint32_t y = 0; y < p->height; y++) {
		uint32_t *line = line_at(pixels, stride, y);

		if (p->kind == PAINT_CHART) {
			for (uint32_t x = 0; x < p->width; x++)
				line[x] = chart_pixel(p->width, p->height, x, y);
		} else if (p->kind != PAINT_NOISE) {
			ground_line(p, line, y, 0, p->width);
		}
	}
}

/* Up and down between 0 and range. */
static uint32_t bounce(uint64_t at, uint32_t range)
{
	uint32_t v = range ? (uint32_t)(at % (2ull * range)) : 0;

	return v <= range ? v : 2 * range - v;
}

/* Discs live in the lower half, so that they never cover the code or the window. */
static struct rect disc_at(const struct painter *p, unsigned i, uint64_t frame)
{
	uint32_t size = 2 * p->radius + 1, top = p->height / 2, free_h = p->height - top;

	return (struct rect){
		.x = (int32_t)bounce(frame * (3 + i) + i * 211, p->width > size ? p->width - size : 0),
		.y = (int32_t)(top + bounce(frame * (2 + i % 3) + i * 97, free_h > size ? free_h - size : 0)),
		.w = size < p->width ? size : p->width,
		.h = size < free_h ? size : free_h,
	};
}

static void disc_lines(const struct painter *p, void *pixels, size_t stride, unsigned i, struct rect r, bool erase)
{
	for (uint32_t dy = 0; dy < r.h; dy++) {
		uint32_t y = (uint32_t)r.y + dy, half = p->span[dy], centre = (uint32_t)r.x + p->radius;
		uint32_t x0 = centre - half, x1 = centre + half + 1;
		uint32_t *line = line_at(pixels, stride, y);

		if (x1 > p->width)
			x1 = p->width;
		if (erase) {
			ground_line(p, line, y, x0, x1);
			continue;
		}
		for (; x0 < x1; x0++)
			line[x0] = disc_colour[i];
	}
}

static void noise_advance(const struct painter *p, void *pixels, size_t stride, uint64_t now)
{
	for (uint32_t y = p->height - p->noise_rows; y < p->height; y++)
		memcpy(line_at(pixels, stride, y), p->noise + mix(now << 16 | y) % NOISE_PIXELS, (size_t)p->width * 4);
}

void painter_advance(const struct painter *p, void *pixels, size_t stride, uint64_t old, uint64_t now)
{
	size_t row = p->window.w + PAN_PERIOD, pan = now * PAN_STEP % PAN_PERIOD;

	for (unsigned i = 0; i < DISCS && has_motion(p) && old != PAINT_FRESH; i++)
		disc_lines(p, pixels, stride, i, disc_at(p, i, old), true);
	if (p->noise)
		noise_advance(p, pixels, stride, now);
	if (!has_motion(p))
		return;
	for (uint32_t y = 0; y < p->window.h; y++)
		memcpy(line_at(pixels, stride, (uint32_t)p->window.y + y) + p->window.x, p->texture + y * row + pan,
		       (size_t)p->window.w * 4);
	for (unsigned i = 0; i < DISCS; i++)
		disc_lines(p, pixels, stride, i, disc_at(p, i, now), false);
}

static struct rect join(struct rect a, struct rect b)
{
	int32_t x1 = a.x + (int32_t)a.w, y1 = a.y + (int32_t)a.h;
	int32_t bx1 = b.x + (int32_t)b.w, by1 = b.y + (int32_t)b.h;
	struct rect r = {.x = a.x < b.x ? a.x : b.x, .y = a.y < b.y ? a.y : b.y};

	r.w = (uint32_t)((x1 > bx1 ? x1 : bx1) - r.x);
	r.h = (uint32_t)((y1 > by1 ? y1 : by1) - r.y);
	return r;
}

unsigned painter_damage(const struct painter *p, uint64_t old, uint64_t now, struct rect out[FRAME_DAMAGE_MAX])
{
	struct pattern_grid g = pattern_grid(p->width, p->height);
	unsigned n = 0;

	_Static_assert(DISCS + 3 <= FRAME_DAMAGE_MAX, "one rectangle a disc, the window, the noise, the code");
	if (old == PAINT_FRESH || p->kind == PAINT_NOISE)
		return 0;
	out[n++] = (struct rect){(int32_t)g.x, (int32_t)g.y, (uint32_t)g.cell * PATTERN_COLS,
				 (uint32_t)g.cell * PATTERN_ROWS};
	if (p->noise)
		out[n++] = (struct rect){0, (int32_t)(p->height - p->noise_rows), p->width, p->noise_rows};
	if (has_motion(p)) {
		out[n++] = p->window;
		for (unsigned i = 0; i < DISCS; i++)
			out[n++] = join(disc_at(p, i, old), disc_at(p, i, now));
	}
	return n;
}
