// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Frames on their way through a conversion (encode/conversion.h), for recordings: in order, none lost, several at once
 * on a GPU. Each frame that is put in is taken out once, as a picture or as an error of its own. While it is under way
 * its reference is kept, so that the CPU can make what a GPU loses; one whose picture is in memory already goes back
 * before that picture is taken. One thread, but init and finish may be called by another while that is not there.
 */
#pragma once

#include "encode/conversion.h"

#define CONVERSION_QUEUE_MAX CONVERSION_GPU_AHEAD

struct conversion_queue {
	struct conversion conversion;
	const struct picture *like;
	struct conversion_entry {
		struct frame *frame; /* NULL: back already */
		bool on_gpu;
	} entry[CONVERSION_QUEUE_MAX];
	unsigned first, n;
};

/* Pictures will be like that one, which stays. Never fails: without a GPU that can, the CPU converts, and the log says
 * so. */
void conversion_queue_init(struct conversion_queue *q, enum convert_where where, const struct picture *like);
/* Waits for the GPU, gives back what is in it. Accepts a zeroed one. */
void conversion_queue_finish(struct conversion_queue *q);

/* Takes a reference of its own. May wait for the frame's fence and the GPU. -ENOBUFS: take one first; else the frame
 * cannot be used, as by conversion_run(), and is not in it: logged. */
int conversion_queue_put(struct conversion_queue *q, struct frame *f);
/* The oldest becomes dst. -EAGAIN: it is not ready (without wait), or there is none; else it cannot be had and is gone,
 * dst as before: logged. */
int conversion_queue_take(struct conversion_queue *q, struct picture *dst, bool wait);

/* Gives frames back that a GPU had which failed, when it may; returns when to come again, NS_NEVER where none are
 * out. */
uint64_t conversion_queue_tend(struct conversion_queue *q);

/* The next one on the GPU has to wait for the oldest, which is put aside: better it is taken before. */
static inline bool conversion_queue_busy(const struct conversion_queue *q)
{
	return q->n >= CONVERSION_GPU_SLOTS;
}

static inline unsigned conversion_queue_pending(const struct conversion_queue *q)
{
	return q->n;
}
