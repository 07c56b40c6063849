// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Frames that show the picture of another one under a cursor of their own: a pointer moved over a still screen. A view
 * holds its frame until its own last reference is gone, so a user that has not seen the picture yet gets it with the
 * cursor, and one that has sees by its number (struct frame) that only the cursor is new. Taken on the capture's
 * thread, released on any; nothing allocates.
 */
#pragma once

#include "media/frame.h"

#define VIEWS_MAX 20 /* two for each user of a screen, and some to spare */

struct views {
	/* Constant, may be NULL: one is back of all that were out. Any thread, wait-free. */
	void (*freed)(void *ctx);
	void *ctx;
	atomic_uint out;
	struct view {
		struct frame frame;
		struct frame *of; /* a reference while it is out */
	} view[VIEWS_MAX];
};

/* of: a reference of the caller's, which stays his; no view itself. Takes the reference to the cursor's image in any
 * case. NULL: all are out, freed() follows; or no file is left for the fence. */
struct frame *views_take(struct views *v, struct frame *of, struct cursor cursor, uint64_t now_ns);
