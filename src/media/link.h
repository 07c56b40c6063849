// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The carriers between the stages of one stream (doc/threads.md). The pipeline owns them and outlives both ends.
 * Capacity bounds memory, credit bounds delay: rings are sized so that they cannot overflow while credit holds.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/latest.h"
#include "base/ring.h"
#include "base/wake.h"

#define CREDIT_FRAMES    2  /* encoded frames that may be not fully sent before the encoder pauses */
#define AU_RING_CAPACITY 32 /* >= (CREDIT_FRAMES + 1) * units of a frame: encode/encoder.c */

#define FRAME_RING_CAPACITY 64 /* more buffers than any capture has */

/* capture -> encode: struct frame, newest wins. The producer owns what latest_put() gives back. A recording takes all
 * of them, in order, through a ring of FRAME_RING_CAPACITY instead. */
struct frame_link {
	struct latest slot;
	struct ring *every;      /* NULL: the newest alone */
	struct wake *wake;       /* of the encode thread */
	atomic_ulong superseded; /* frames displaced before they were taken */
};

/* encode -> video-tx: struct au */
struct au_link {
	struct ring ring;
	struct wake *wake; /* of the video-tx thread */
};

/* send -> encode: frames handed to the encoder and not fully sent yet */
struct credit {
	atomic_uint in_flight;
	struct wake *wake; /* of the encode thread */
};

/* encode thread, before it takes a frame */
static inline unsigned credit_used(struct credit *c)
{
	return atomic_load_explicit(&c->in_flight, memory_order_acquire);
}

/* encode thread */
static inline void credit_take(struct credit *c)
{
	atomic_fetch_add_explicit(&c->in_flight, 1, memory_order_relaxed);
}

/* video-tx thread: the frame's last packet has left, or the frame was given up */
static inline void credit_give(struct credit *c)
{
	atomic_fetch_sub_explicit(&c->in_flight, 1, memory_order_release);
	wake_poke(c->wake);
}
