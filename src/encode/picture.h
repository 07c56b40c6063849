// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A converted picture, ready for an encoder: in memory, or for encoders that take it (ENC_SHARED) in a dma-buf. 8-bit
 * 4:2:0 is NV12, because that is x264's own layout (it copies lines instead of interleaving) and what hardware takes;
 * the others are what the conversion on the GPU makes. Allocated once, reused for every frame; the encode thread owns
 * it. Lines begin on 64 bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "media/params.h"

/* Samples of 10 bits are little-endian words of 16: in P010 the ten bits are the upper ones, as hardware has them, in
 * planar 4:4:4 the lower ones, as software encoders have them. */
enum picture_format {
	PICTURE_NV12,
	PICTURE_P010,
	PICTURE_YUV444,
	PICTURE_YUV444P10,
	PICTURE_FORMATS,
};

/* Where a picture lies that a GPU made for an encoder that reads it there: in one dma-buf, linear. Around it is room
 * for whole blocks of 64 pixels, below it the last line is repeated there, and every line begins on 256 bytes. */
struct picture_share {
	int fd;      /* its maker's; dup to keep */
	uint64_t id; /* another buffer, another id; never 0 */
	size_t size; /* bytes of the buffer */
	size_t offset[3];
	uint32_t stride; /* of all planes, bytes */
};

struct picture {
	enum picture_format format;
	uint16_t width, height; /* even */
	uint8_t *luma;
	uint8_t *chroma;                   /* 4:2:0: Cb, Cr interleaved, half the lines; 4:4:4: Cb */
	uint8_t *cr;                       /* 4:4:4 only */
	uint32_t stride;                   /* of all planes, bytes */
	const struct picture_share *share; /* not NULL: the picture is there, and not in memory */
	enum colour_space space;
	bool full_range;
	bool pq; /* the curve of SMPTE ST 2084, else SDR */
	struct {
		uint16_t x, y, w, h;
	} painted; /* around it all is black; w 0: everywhere */
};

static inline bool picture_is_444(enum picture_format f)
{
	return f == PICTURE_YUV444 || f == PICTURE_YUV444P10;
}

static inline bool picture_is_10bit(enum picture_format f)
{
	return f == PICTURE_P010 || f == PICTURE_YUV444P10;
}

/* Bytes of a sample. */
static inline unsigned picture_sample(enum picture_format f)
{
	return picture_is_10bit(f) ? 2 : 1;
}

/* What such a stream is encoded from. */
enum picture_format picture_format_for(const struct video_params *v);
const char *picture_format_name(enum picture_format f);

/* NV12 of even dimensions. -ENOMEM. The picture is black. */
int picture_init(struct picture *p, uint16_t width, uint16_t height, enum colour_space space, bool full_range);
/* The same for a stream: its format, size and colour. */
int picture_init_for(struct picture *p, const struct video_params *v);
void picture_finish(struct picture *p); /* accepts a zeroed picture */

/* Bytes of all planes, from luma on. */
size_t picture_bytes(const struct picture *p);

/* Every pixel black in the picture's own range. */
void picture_fill_black(struct picture *p);

/* Memory is about to be painted there by the caller: what was painted around it before is made black. */
void picture_paint(struct picture *p, uint16_t x, uint16_t y, uint16_t w, uint16_t h);
static inline void picture_paint_all(struct picture *p)
{
	picture_paint(p, 0, 0, p->width, p->height);
}
