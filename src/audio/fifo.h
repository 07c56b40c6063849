// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Interleaved float frames from a source's thread to the audio thread. One producer, one consumer,
 * wait-free; both positions run freely, so the fill is their difference. With each write the
 * producer publishes a stamp: at this moment of the source's clock, so many frames had been
 * written. From it the consumer knows where the source is between two writes, whatever the size of
 * the writes.
 */
#pragma once

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct fifo {
	/* consumer */
	_Alignas(64) atomic_uint head;
	/* producer */
	_Alignas(64) atomic_uint tail;
	atomic_uint chunk; /* frames of the newest write: how coarse the source is */
	/* frames << 32 | microseconds in one word, so that the pair is never torn; 0: nothing written yet */
	_Atomic uint64_t stamp;
	_Atomic uint64_t refused; /* frames that found no room */
	/* constant after init */
	_Alignas(64) unsigned mask;
	unsigned channels;
	float *data;
};

struct fifo_stamp {
	uint32_t frames; /* written in all, wrapping */
	uint32_t us;     /* of clock_ns(), wrapping */
};

/* frames: a power of two. -EINVAL, -ENOMEM. */
static inline int fifo_init(struct fifo *f, unsigned channels, unsigned frames)
{
	if (!channels || !frames || (frames & (frames - 1)))
		return -EINVAL;
	*f = (struct fifo){.mask = frames - 1, .channels = channels};
	f->data = calloc((size_t)frames * channels, sizeof(*f->data));
	return f->data ? 0 : -ENOMEM;
}

/* Accepts a zeroed fifo. */
static inline void fifo_finish(struct fifo *f)
{
	free(f->data);
	f->data = NULL;
}

/* Producer. src NULL: silence. at_ns: when the source's clock says these frames were complete. What does not fit is
 * refused: the consumer is not reading, and old sound is dropped by it, not here. Returns the frames taken. */
static inline unsigned fifo_write(struct fifo *f, const float *src, unsigned frames, uint64_t at_ns)
{
	unsigned tail = atomic_load_explicit(&f->tail, memory_order_relaxed);
	unsigned room = f->mask + 1 - (tail - atomic_load_explicit(&f->head, memory_order_acquire));
	unsigned n = frames < room ? frames : room, at = tail & f->mask;
	unsigned first = n < f->mask + 1 - at ? n : f->mask + 1 - at;
	const size_t frame_bytes = f->channels * sizeof(*f->data);

	if (n < frames)
		atomic_store_explicit(&f->refused, atomic_load_explicit(&f->refused, memory_order_relaxed) + frames - n,
				      memory_order_relaxed);
	if (!n)
		return 0;
	if (src) {
		memcpy(f->data + (size_t)at * f->channels, src, first * frame_bytes);
		memcpy(f->data, src + (size_t)first * f->channels, (n - first) * frame_bytes);
		atomic_store_explicit(&f->chunk, frames, memory_order_relaxed);
	} else {
		memset(f->data + (size_t)at * f->channels, 0, first * frame_bytes);
		memset(f->data, 0, (n - first) * frame_bytes);
	}
	atomic_store_explicit(&f->tail, tail + n, memory_order_release);
	atomic_store_explicit(&f->stamp, (uint64_t)(tail + n) << 32 | (uint32_t)(at_ns / NS_PER_US),
			      memory_order_release);
	return n;
}

/* Consumer. Frames that can be read. */
static inline unsigned fifo_fill(struct fifo *f)
{
	return atomic_load_explicit(&f->tail, memory_order_acquire) -
	       atomic_load_explicit(&f->head, memory_order_relaxed);
}

/* Consumer. Frames read or discarded in all, wrapping. */
static inline uint32_t fifo_position(struct fifo *f)
{
	return atomic_load_explicit(&f->head, memory_order_relaxed);
}

/* Consumer. What is stamped can be read. */
static inline struct fifo_stamp fifo_stamp(struct fifo *f)
{
	uint64_t s = atomic_load_explicit(&f->stamp, memory_order_acquire);

	return (struct fifo_stamp){.frames = (uint32_t)(s >> 32), .us = (uint32_t)s};
}

/* Consumer. Reads up to frames; returns how many. */
static inline unsigned fifo_read(struct fifo *f, float *dst, unsigned frames)
{
	unsigned head = atomic_load_explicit(&f->head, memory_order_relaxed);
	unsigned fill = fifo_fill(f), n = frames < fill ? frames : fill, at = head & f->mask;
	unsigned first = n < f->mask + 1 - at ? n : f->mask + 1 - at;

	memcpy(dst, f->data + (size_t)at * f->channels, (size_t)first * f->channels * sizeof(*dst));
	memcpy(dst + (size_t)first * f->channels, f->data, (size_t)(n - first) * f->channels * sizeof(*dst));
	atomic_store_explicit(&f->head, head + n, memory_order_release);
	return n;
}

/* Consumer. Passes over up to frames; returns how many. */
static inline unsigned fifo_discard(struct fifo *f, unsigned frames)
{
	unsigned fill = fifo_fill(f), n = frames < fill ? frames : fill;

	atomic_store_explicit(&f->head, atomic_load_explicit(&f->head, memory_order_relaxed) + n, memory_order_release);
	return n;
}
