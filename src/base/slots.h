// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Return mask of a pool with up to 32 slots. The owner takes free slots; any thread gives one back, wait-free and
 * without a second-producer problem. The owner alone calls slots_take().
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define SLOTS_MAX 32

struct slots {
	atomic_uint returned; /* any thread sets, owner clears */
	uint32_t free;        /* owner */
	unsigned count;
};

static inline void slots_init(struct slots *s, unsigned count)
{
	assert(count <= SLOTS_MAX);
	atomic_init(&s->returned, 0);
	s->count = count;
	s->free = count == SLOTS_MAX ? UINT32_MAX : (1u << count) - 1;
}

/* Owner. A free slot number, or -1. */
static inline int slots_take(struct slots *s)
{
	int n;

	s->free |= atomic_exchange_explicit(&s->returned, 0, memory_order_acquire);
	if (!s->free)
		return -1;
	n = __builtin_ctz(s->free);
	s->free &= s->free - 1;
	return n;
}

/* Any thread. Everything written to the slot before is visible to its next taker. */
static inline void slots_put(struct slots *s, unsigned n)
{
	atomic_fetch_or_explicit(&s->returned, 1u << n, memory_order_release);
}

/* Owner. How many slots are out. */
static inline unsigned slots_out(struct slots *s)
{
	s->free |= atomic_exchange_explicit(&s->returned, 0, memory_order_acquire);
	return s->count - (unsigned)__builtin_popcount(s->free);
}
