// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Requests that flow upstream, merged instead of queued: any thread posts (wait-free), the encode
 * thread takes. Frame numbers are the wire's 32-bit frame index.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wake.h"

struct feedback {
	_Atomic(struct wake *) wake; /* of the encode thread, set by it; NULL: it looks by itself */
	_Atomic uint64_t rfi;        /* first << 32 | last; FEEDBACK_NO_RFI when empty: min/max need no branch */
	atomic_bool idr;
	atomic_uint kbps;           /* wanted encoder rate, 0: unchanged */
	_Atomic uint64_t ltr_acked; /* newest acknowledged frame, 0: none */
	_Atomic uint64_t unsent;    /* epoch << 33 | partly << 32 | first wire number of which nothing left, 0: none */
	atomic_bool silent;         /* the path is dead: nothing is to be encoded */
	_Atomic uint64_t heard_ns;  /* last sign of life of the client, 0: nobody watches */
	_Atomic uint64_t dark_ns;   /* when the path counts as dead if there is no other; UINT64_MAX: never */
	atomic_bool whole;          /* packets vanish: long blocks survive more than short ones */
};

#define FEEDBACK_NO_RFI   ((uint64_t)UINT32_MAX << 32)
#define FEEDBACK_QUIET_NS 30000000ull

static inline void feedback_init(struct feedback *f)
{
	atomic_init(&f->wake, NULL);
	atomic_init(&f->rfi, FEEDBACK_NO_RFI);
	atomic_init(&f->idr, false);
	atomic_init(&f->kbps, 0);
	atomic_init(&f->ltr_acked, 0);
	atomic_init(&f->unsent, 0);
	atomic_init(&f->silent, false);
	atomic_init(&f->heard_ns, 0);
	atomic_init(&f->dark_ns, UINT64_MAX);
	atomic_init(&f->whole, false);
}

static inline void feedback_wake(struct feedback *f)
{
	struct wake *w = atomic_load_explicit(&f->wake, memory_order_acquire);

	if (w)
		wake_poke(w);
}

/* Any thread. Frames first..last must not be referenced any more; first <= last. */
static inline void feedback_post_rfi(struct feedback *f, uint32_t first, uint32_t last)
{
	uint64_t old = atomic_load_explicit(&f->rfi, memory_order_relaxed), merged;

	do {
		uint32_t a = (uint32_t)(old >> 32), b = (uint32_t)old;

		merged = (uint64_t)(first < a ? first : a) << 32 | (last > b ? last : b);
	} while (!atomic_compare_exchange_weak_explicit(&f->rfi, &old, merged, memory_order_release,
							memory_order_relaxed));
	feedback_wake(f);
}

/* Encode thread. False when nothing was posted. */
static inline bool feedback_take_rfi(struct feedback *f, uint32_t *first, uint32_t *last)
{
	uint64_t v;

	if (atomic_load_explicit(&f->rfi, memory_order_relaxed) == FEEDBACK_NO_RFI)
		return false;
	v = atomic_exchange_explicit(&f->rfi, FEEDBACK_NO_RFI, memory_order_acquire);
	*first = (uint32_t)(v >> 32);
	*last = (uint32_t)v;
	return v != FEEDBACK_NO_RFI;
}

static inline void feedback_post_idr(struct feedback *f)
{
	atomic_store_explicit(&f->idr, true, memory_order_release);
	feedback_wake(f);
}

static inline bool feedback_take_idr(struct feedback *f)
{
	return atomic_load_explicit(&f->idr, memory_order_relaxed) &&
	       atomic_exchange_explicit(&f->idr, false, memory_order_acquire);
}

/* Any thread; only ever rises. */
static inline void feedback_post_ltr(struct feedback *f, uint32_t frame)
{
	uint64_t old = atomic_load_explicit(&f->ltr_acked, memory_order_relaxed);

	while (frame > old && !atomic_compare_exchange_weak_explicit(&f->ltr_acked, &old, frame, memory_order_release,
								     memory_order_relaxed))
		;
}

/* Encode thread. The newest acknowledged frame, 0: none yet. */
static inline uint32_t feedback_ltr(const struct feedback *f)
{
	return (uint32_t)atomic_load_explicit(&f->ltr_acked, memory_order_acquire);
}

/*
 * Sender thread. Nothing of this frame and later ones has left or will (partly: the frame before it is incomplete):
 * what is encoded until the encode thread knows is thrown away, and what comes after carries the epoch, not 0, and
 * begins with that number. The newest posting holds.
 */
static inline void feedback_post_unsent(struct feedback *f, uint32_t epoch, uint32_t frame, bool partly)
{
	atomic_store_explicit(&f->unsent, (uint64_t)epoch << 33 | (uint64_t)partly << 32 | frame, memory_order_release);
	feedback_wake(f);
}

/* Encode thread. False when nothing was posted. */
static inline bool feedback_take_unsent(struct feedback *f, uint32_t *epoch, uint32_t *frame, bool *partly)
{
	uint64_t v;

	if (!atomic_load_explicit(&f->unsent, memory_order_relaxed))
		return false;
	v = atomic_exchange_explicit(&f->unsent, 0, memory_order_acquire);
	*epoch = (uint32_t)(v >> 33);
	*partly = v >> 32 & 1;
	*frame = (uint32_t)v;
	return true;
}

/* Control thread: the client was heard. */
static inline void feedback_post_heard(struct feedback *f, uint64_t now_ns, uint64_t dark_ns)
{
	uint64_t before = atomic_load_explicit(&f->heard_ns, memory_order_relaxed);

	atomic_store_explicit(&f->dark_ns, dark_ns, memory_order_relaxed);
	atomic_store_explicit(&f->heard_ns, now_ns, memory_order_release);
	/* The encode thread holds frames back only when nothing was heard for longer than that. */
	if (now_ns - before >= FEEDBACK_QUIET_NS)
		feedback_wake(f);
}

/* Control thread. */
static inline void feedback_set_silent(struct feedback *f, bool silent)
{
	if (atomic_exchange_explicit(&f->silent, silent, memory_order_release) != silent)
		feedback_wake(f);
}
