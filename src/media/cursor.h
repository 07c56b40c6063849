// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The pointer of a screen, beside its pictures: a source that gives it apart need not draw the whole screen anew
 * because it moved. A frame carries where it is and a reference to what it looks like, which never changes while
 * anybody holds one. Its hotspot is subtracted already.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURSOR_DIM_MAX 256u /* width and height of what is shown */

/* Who draws it: what a source is asked for. */
enum cursor_mode {
	CURSOR_AUTO,     /* apart where the source can, else in its pictures */
	CURSOR_METADATA, /* apart */
	CURSOR_EMBEDDED, /* in its pictures */
	CURSOR_HIDDEN,
};

/* The source owns them, a few, and writes one that nobody refers to. */
struct cursor_image {
	atomic_uint refs;
	uint64_t id;   /* never 0, never that of another image of this process */
	uint16_t w, h; /* 1..CURSOR_DIM_MAX */
	/* w pixels a line, as FOURCC_ARGB8888, premultiplied, sRGB */
	uint8_t argb[CURSOR_DIM_MAX * CURSOR_DIM_MAX * 4];
};

struct cursor {
	struct cursor_image *image; /* a reference; NULL: none is shown */
	/* Of its upper left corner, in pixels of the frame's buffer, within 16 bits; any part may lie outside. */
	int32_t x, y;
};

/* Any thread, wait-free; both take NULL. */
static inline struct cursor_image *cursor_image_ref(struct cursor_image *i)
{
	if (i)
		atomic_fetch_add_explicit(&i->refs, 1, memory_order_relaxed);
	return i;
}

static inline void cursor_image_unref(struct cursor_image *i)
{
	if (i)
		atomic_fetch_sub_explicit(&i->refs, 1, memory_order_release);
}

/* What was shown, without a reference: to be compared. */
struct cursor_mark {
	uint64_t id; /* 0: none */
	int32_t x, y;
};

static inline struct cursor_mark cursor_mark(const struct cursor *c)
{
	return c->image ? (struct cursor_mark){c->image->id, c->x, c->y} : (struct cursor_mark){0};
}

static inline bool cursor_mark_is(const struct cursor_mark *a, const struct cursor *c)
{
	struct cursor_mark b = cursor_mark(c);

	return a->id == b.id && a->x == b.x && a->y == b.y;
}
