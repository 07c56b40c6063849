// SPDX-License-Identifier: GPL-3.0-or-later
/* How surfaces and images lie in memory, and pictures as planes of samples, which is what encoders work on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYOUT_PLANES 3u

struct layout {
	uint32_t fourcc, rt_format;
	unsigned planes, step, bits; /* step: bytes of a plane's line for each pixel; bits: of a pixel, all planes */
	bool half;                   /* planes behind the first have half the lines */
	unsigned depth;
	uint32_t drm, layer[LAYOUT_PLANES]; /* DRM formats of it all, and of each plane for itself */
};

extern const struct layout layouts[];
extern const unsigned n_layouts;

/* Bytes that hold the picture, and lines. */
static inline unsigned layout_bytes(const struct layout *l, unsigned plane, unsigned width)
{
	return (l->half && plane ? (width + 1) / 2 * 2 : width) * l->step;
}

static inline unsigned layout_rows(const struct layout *l, unsigned plane, unsigned height)
{
	return l->half && plane ? (height + 1) / 2 : height;
}

/* Luma, Cb, Cr: samples of depth bits in words of 16, lines without padding. */
struct planes {
	unsigned width, height; /* of luma */
	unsigned depth;
	bool whole; /* chroma is as large as luma, else half as wide and high */
	uint16_t *at[3];
};

static inline unsigned planes_width(const struct planes *p, unsigned plane)
{
	return plane && !p->whole ? p->width / 2 : p->width;
}

static inline unsigned planes_height(const struct planes *p, unsigned plane)
{
	return plane && !p->whole ? p->height / 2 : p->height;
}

struct surface;
struct driver;

/* Makes room for such planes; what they hold is lost. False without memory. */
bool planes_prepare(struct planes *p, unsigned width, unsigned height, unsigned depth, bool whole);
void planes_free(struct planes *p); /* accepts zeroed ones */
/* Of a surface of that depth and chroma; what the planes have beyond it repeats its edge. */
void planes_read(struct planes *to, const struct surface *s);
void planes_show(const struct planes *p, struct surface *s);
/* Appends the first so many columns and lines to the file that the environment names: NV12, else three planes, more
 * than eight bits as little-endian words. */
void planes_keep(const struct planes *p, const struct driver *d, unsigned width, unsigned height);
