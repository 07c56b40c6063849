// SPDX-License-Identifier: GPL-3.0-or-later
/* One slot in which the newest pointer wins. Any number of producers, one consumer; wait-free. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct latest {
	_Atomic(void *) item;
};

/* Takes item; returns the one it displaced, now the caller's again, or NULL. */
static inline void *latest_put(struct latest *l, void *item)
{
	return atomic_exchange_explicit(&l->item, item, memory_order_acq_rel);
}

/* Puts back what was just taken out, for the next look. False: a newer one has come, and item stays the caller's. */
static inline bool latest_put_back(struct latest *l, void *item)
{
	void *none = NULL;

	return atomic_compare_exchange_strong_explicit(&l->item, &none, item, memory_order_acq_rel,
						       memory_order_relaxed);
}

/* Takes the newest item out, or NULL. */
static inline void *latest_take(struct latest *l)
{
	/* A plain load first: the consumer looks often and finds nothing often. */
	if (!atomic_load_explicit(&l->item, memory_order_relaxed))
		return NULL;
	return atomic_exchange_explicit(&l->item, NULL, memory_order_acq_rel);
}
