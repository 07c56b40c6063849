// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The cursor in a buffer's metadata (SPA_META_Cursor), as untrusted as everything in memory that the other side may
 * write at any time: what is read is copied first, then judged, and every offset, stride and size meets a ceiling.
 *
 * SPA says nothing of alpha. What sends cursors premultiplies: Mutter (RGBA, the sprite read back as such) and KWin
 * (RGBA, QImage's premultiplied format), whatever portal lies between; so that is what pixels are taken for, and a
 * primary above its alpha is cut. The hotspot belongs to the bitmap: without one Mutter says 0,0.
 * A bitmap comes only when the cursor looks another way, so no buffer may be passed over. PipeWire's loop thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <spa/buffer/buffer.h>
#include <spa/buffer/meta.h>

#include "media/cursor.h"

#define PW_CURSOR_STRIDE_MAX 65536 /* bytes of a bitmap's line */
#define PW_CURSOR_AT_MAX     32767 /* further out nothing of it can be seen */
#define PW_CURSOR_IMAGES     20    /* two for each user of a screen, the newest, and some to spare */
#define PW_CURSOR_ASKED_MAX  1024u /* of a bitmap that a source may have room for */

/* Of metadata with room for a bitmap of w x h. */
#define PW_CURSOR_BYTES(w, h) (sizeof(struct spa_meta_cursor) + sizeof(struct spa_meta_bitmap) + (size_t)(w) * (h)*4)

struct pw_cursor {
	struct cursor_image *images; /* PW_CURSOR_IMAGES; memory that no cursor needed yet is never touched */
	struct cursor_image *newest; /* a reference; NULL: none yet, or it is empty */
	bool shown;
	int32_t x, y, hot_x, hot_y;
};

/* -ENOMEM. */
int pw_cursor_init(struct pw_cursor *c);
void pw_cursor_finish(struct pw_cursor *c); /* every reference is back; accepts a zeroed one */

/* Takes what the buffer says of it; of one larger than CURSOR_DIM_MAX the upper left, where pointers point. 1: it is
 * another or elsewhere, 0: nothing new. -EINVAL: not what it should be, all is as before; -E2BIG: larger than was asked
 * for, -ENOTSUP: a format that we do not know: none is shown until the next bitmap; -EBUSY: every image is in use, the
 * last one stays. */
int pw_cursor_read(struct pw_cursor *c, const struct spa_buffer *b);

/* As it is now, with a reference to its image: for a frame. */
struct cursor pw_cursor_take(const struct pw_cursor *c);
