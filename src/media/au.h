// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A piece of an encoded access unit: a whole frame or one slice of it. Owned by the encode thread's slab; whoever
 * takes it gives it back with au_release() (any thread, wait-free).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/trace.h"

/* Whether a frame may be sent in parts while the rest of it is being encoded. */
enum early_mode {
	EARLY_OFF,
	EARLY_AUTO,  /* when it gains; blocks that are not the last claim only that more follow */
	EARLY_FIXED, /* the same with a number of blocks that is known before the first leaves: two */
};

struct au {
	void (*release)(struct au *a);
	void *owner;
	uint8_t slot;
	bool first, last; /* of its frame */
	bool broken;      /* with last: the encoder failed after other units of the frame were out; len is 0 */
	bool key;         /* IDR */
	bool after_rfi;   /* first P frame after an honoured invalidation: frame type 5 */
	bool ltr;         /* marked as long-term reference: the client acknowledges it */
	bool repeat;      /* of a still picture: no host latency to report */
	const uint8_t *data;
	size_t len;
	size_t expected;   /* unless last: about as many bytes will the whole frame have */
	uint32_t frame_no; /* 1, 2, 3, ...: the wire's frameIndex */
	uint32_t epoch;    /* of the numbering, see feedback_post_unsent() */
	uint64_t pts_ns;   /* capture time since the start of the stream; strictly rising */
	struct trace t;
};

static inline void au_release(struct au *a)
{
	if (a)
		a->release(a);
}
