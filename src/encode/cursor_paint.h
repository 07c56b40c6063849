// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The cursor over lines of a picture in memory, on the CPU: in the encoding of the source's own pixels, as the pass on
 * the GPU blends it (gpu/convert.h), turned and scaled with the picture to a fraction of a pixel, by area when
 * shrinking and linear when enlarging. SDR colours meet PQ sources at 203 cd/m2. The picture itself stays as it is:
 * lines are a copy, so nothing has to be taken back when the cursor leaves. Encode thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "encode/convert.h"
#include "media/cursor.h"
#include "media/frame.h"

struct cursor_paint;

/* How the picture is shown: of the buffer's visible part, turned upright, as w x h pixels, at most VIDEO_DIM_MAX. */
struct cursor_place {
	struct rect visible;
	enum transform transform;
	uint32_t w, h;
};

/* Over pictures whose pixels are of that format (one of convert_supports()), in PQ or not. -ENOMEM. */
int cursor_paint_create(struct cursor_paint **out, uint32_t fourcc, bool pq);
void cursor_paint_destroy(struct cursor_paint *c); /* accepts NULL */

/* The cursor (with an image) over a picture of that place. An image that is new is made ready, after that it is not
 * needed any more; nothing allocates. Returns the pixels of the place that it may touch, cut to it, with even bounds; w
 * 0: none. */
struct rect cursor_paint_set(struct cursor_paint *c, const struct cursor *cursor, const struct cursor_place *place);

/* Blends it into w pixels of the place's line y from pixel x on, inside what that returned: lines of the format. */
void cursor_paint_line(const struct cursor_paint *c, uint8_t *line, unsigned x, unsigned y, unsigned w);
