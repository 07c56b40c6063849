// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Single-producer single-consumer ring of pointers with a power-of-two capacity. Each side keeps a cached copy of
 * the other's index on its own cache line, so the common case touches no shared line. No locks, no waiting:
 * "full" and "empty" are answers. Memory is taken once at ring_init().
 */
#pragma once

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct ring {
	/* consumer */
	_Alignas(64) atomic_uint head;
	unsigned tail_seen;
	/* producer */
	_Alignas(64) atomic_uint tail;
	unsigned head_seen;
	/* constant after init */
	_Alignas(64) unsigned mask;
	void **slot;
};

/* capacity: a power of two. -EINVAL, -ENOMEM. */
static inline int ring_init(struct ring *r, unsigned capacity)
{
	if (!capacity || (capacity & (capacity - 1)))
		return -EINVAL;
	*r = (struct ring){.mask = capacity - 1};
	r->slot = calloc(capacity, sizeof(*r->slot));
	return r->slot ? 0 : -ENOMEM;
}

/* Accepts a zeroed ring. Items still inside are the caller's to release first. */
static inline void ring_finish(struct ring *r)
{
	free(r->slot);
	r->slot = NULL;
}

/* Producer. How many pushes are certain to succeed. */
static inline unsigned ring_free(struct ring *r)
{
	unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
	return r->mask + 1 - (tail - r->head_seen);
}

/* Producer. False when full; the item stays the caller's. */
static inline bool ring_push(struct ring *r, void *item)
{
	unsigned tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail - r->head_seen > r->mask && !ring_free(r))
		return false;
	r->slot[tail & r->mask] = item;
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

/* Consumer. NULL when empty. */
static inline void *ring_pop(struct ring *r)
{
	unsigned head = atomic_load_explicit(&r->head, memory_order_relaxed);
	void *item;

	if (head == r->tail_seen) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head == r->tail_seen)
			return NULL;
	}
	item = r->slot[head & r->mask];
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return item;
}

/* Consumer. */
static inline bool ring_empty(struct ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed) ==
	       atomic_load_explicit(&r->tail, memory_order_acquire);
}
