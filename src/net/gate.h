// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What follows a frame that could not be sent is useless until the encoder knows: it refers to that frame. So the gate
 * closes behind it: the encode thread is told, what it had encoded meanwhile is thrown away unsent, its numbers with
 * it, and the first frame that passes again is the one that makes the client whole. Shared by the two halves of the tx
 * thread (net/pack.h, net/send.h). Pure but for the posting.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/feedback.h"

struct gate {
	struct feedback *feedback; /* constant */
	uint32_t epoch;            /* of the units that pass */
	uint32_t from;             /* frames of an older epoch are stopped from this number on */
};

/* Whether a unit or batch must be thrown away. Frames before the one that closed it still pass. */
static inline bool gate_stops(const struct gate *g, uint32_t epoch, uint32_t frame_no)
{
	return epoch != g->epoch && frame_no >= g->from;
}

/* Frame frame_no is given up. partly: packets of it have left, so that its number cannot be used again. */
static inline void gate_close(struct gate *g, uint32_t frame_no, bool partly)
{
	g->epoch = (g->epoch + 1) & INT32_MAX;
	g->from = frame_no + partly;
	feedback_post_unsent(g->feedback, g->epoch, g->from, partly);
}
