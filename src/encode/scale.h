// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * From a captured picture of any size, crop and orientation to the picture that the client asked for: turned upright,
 * scaled with its aspect kept, centred on black. A picture that already fits is converted straight from the captured
 * buffer; the others go through buffers of ours, allocated when the source changes its geometry, never per frame.
 * The frame's cursor is blended in on its way to the converted picture: what was captured or scaled stays without one,
 * and where it was is converted anew when it moves.
 * With libyuv (feature yuv) scaling filters; without it the nearest pixel is taken. Encode thread.
 */
#pragma once

#include "encode/convert.h"
#include "encode/cursor_paint.h"
#include "encode/light.h"
#include "encode/picture.h"
#include "media/frame.h"

/* Where the picture goes; all even. */
struct layout {
	uint16_t x, y, w, h;
};

/* The largest centred place in dst_w x dst_h (even) with the aspect of src_w x src_h. */
struct layout layout_fit(uint32_t src_w, uint32_t src_h, uint16_t dst_w, uint16_t dst_h);

/* The part of the frame that holds the picture, inside its bounds; an empty or nonsensical crop is the whole. */
struct rect frame_visible(const struct frame *f);

struct image { /* four bytes a pixel */
	uint8_t *pixels;
	size_t stride, size;
	uint32_t w, h;
};

struct scale {
	struct convert convert; /* from what light made, if there is one */
	struct light *light;    /* NULL: the source's light is the picture's */
	uint32_t fourcc;        /* of the source; 0: none yet */
	bool pq;                /* same */
	/* geometry that the buffers below were made for */
	struct rect visible;
	enum transform transform;
	struct layout place;
	bool ready;
	struct image upright, scaled, lit;
	struct cursor_paint *cursor;
	uint8_t *lines;    /* two of the place, under the cursor */
	struct rect drawn; /* where the picture shows one, in the place; w 0: nowhere */
	uint16_t *planes;  /* to scale pixels of ten bits: of the source, then of the result */
};

void scale_init(struct scale *s); /* zeroed is enough */
void scale_finish(struct scale *s);

/* Fills dst from a frame in memory. -ENOTSUP: not in memory, tiled, or an unknown pixel format; -EINVAL: its planes
 * cannot hold what it says; -ENOMEM. On error dst is as before. */
int scale_run(struct scale *s, const struct frame *f, struct picture *dst);

/* The same for a frame that shows the picture which the last scale_run() that did not fail was given, with another
 * cursor or none: what that covers and what the last one covered is converted, nothing else. */
int scale_cursor(struct scale *s, const struct frame *f, struct picture *dst);
