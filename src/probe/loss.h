// SPDX-License-Identifier: GPL-3.0-or-later
/* Loss that the probe makes itself: a share of datagrams in runs, and whole frames by number. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LOSS_RANGES 64u

struct loss {
	double start; /* probability that a kept datagram is followed by a run of lost ones */
	unsigned burst, left, n_ranges;
	uint64_t state, dropped;
	struct loss_range {
		uint32_t first, last;
	} range[LOSS_RANGES];
};

/* percent 0..100 of all datagrams, in runs of burst (>= 1). */
void loss_init(struct loss *l, double percent, unsigned burst, uint64_t seed);

/* "100,200-202": frames that are dropped whole. -EINVAL. */
int loss_parse_frames(struct loss *l, const char *list);

/* Whether the next datagram, of this frame, is lost. Call once a datagram. */
bool loss_drop(struct loss *l, uint32_t frame);

static inline bool loss_active(const struct loss *l)
{
	return l->start > 0 || l->n_ranges;
}
