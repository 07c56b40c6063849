// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a still picture gets after motion: under a rate that holds each frame to its share, motion is blurred, and one
 * repeat after the other sharpens what stands still; at the least rate of repeats that takes seconds. So when motion
 * has ended they come at the frame rate, each within its share like any frame, until one of them needs much less than
 * that, or for half a second. Pure; times are clock_ns(). Encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFINE_AFTER_NS 100000000ull /* without a new picture; a hiccup of the source is shorter */
#define REFINE_LONG_NS  500000000ull

struct refine {
	bool on;
	uint64_t interval_ns;
	uint64_t at_ns, until_ns; /* of the next repeat, of the last; at UINT64_MAX: none */
};

void refine_init(struct refine *r, bool on, uint64_t interval_ns);
/* A new picture was encoded. */
void refine_moved(struct refine *r, uint64_t now_ns);
/* When the picture is to be encoded again for its own sake; UINT64_MAX: it is not. */
static inline uint64_t refine_at(const struct refine *r)
{
	return r->at_ns;
}
/* It was encoded again. held: the rate kept it from being better. */
void refine_repeated(struct refine *r, bool held, uint64_t now_ns);
