// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Latency histogram: 8 sub-buckets per power of two of nanoseconds, so a percentile is exact within 12 %.
 * One writer, any readers; no locks. Readers may see a sum that is a few samples off, never a torn value.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define HIST_SUB     8u
#define HIST_BUCKETS (40u * HIST_SUB) /* up to 2^42 ns, over an hour */

struct hist {
	atomic_uint bucket[HIST_BUCKETS];
	_Atomic uint64_t count, sum_ns, max_ns;
};

static inline unsigned hist_index(uint64_t ns)
{
	unsigned log2, i;

	if (ns < HIST_SUB)
		return (unsigned)ns;
	log2 = 63u - (unsigned)__builtin_clzll(ns);
	i = (log2 - 2) * HIST_SUB + (unsigned)(ns >> (log2 - 3)) - HIST_SUB;
	return i < HIST_BUCKETS ? i : HIST_BUCKETS - 1;
}

/* The smallest value that falls into bucket i. */
static inline uint64_t hist_floor(unsigned i)
{
	if (i < HIST_SUB)
		return i;
	return (uint64_t)(HIST_SUB + i % HIST_SUB) << (i / HIST_SUB - 1);
}

static inline void hist_add(struct hist *h, uint64_t ns)
{
	const memory_order relaxed = memory_order_relaxed;

	/* Single writer: load and store, no locked read-modify-write. */
#define HIST_BUMP(field, by) atomic_store_explicit(&(field), atomic_load_explicit(&(field), relaxed) + (by), relaxed)
	HIST_BUMP(h->bucket[hist_index(ns)], 1);
	HIST_BUMP(h->count, 1);
	HIST_BUMP(h->sum_ns, ns);
#undef HIST_BUMP
	if (ns > atomic_load_explicit(&h->max_ns, relaxed))
		atomic_store_explicit(&h->max_ns, ns, relaxed);
}

/* The value below which permille of the samples lie, 0 when empty. */
static inline uint64_t hist_percentile(const struct hist *h, unsigned permille)
{
	uint64_t total = 0, seen = 0, want;

	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		total += atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
	if (!total)
		return 0;
	want = (total * permille + 999) / 1000;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += atomic_load_explicit(&h->bucket[i], memory_order_relaxed);
		if (seen >= want && seen)
			return (hist_floor(i) + hist_floor(i + 1)) / 2;
	}
	return atomic_load_explicit(&h->max_ns, memory_order_relaxed);
}
