// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * When packets may leave: a bucket that holds one train of PACER_TRAIN packets and fills at the ceiling rate. In any
 * span of time W no more leaves than one train and what the ceiling carries in W, so
 *
 *  - an idle line sends the first train at once, and a frame is spread only as far as the ceiling needs;
 *  - a late wake finds at most one train's worth in the bucket: what it missed is spread at the ceiling again, never
 *    sent in one lump;
 *  - two trains never touch: there is a gap after each, however large the ceiling;
 *  - where the ceiling carries less than a train in a millisecond, no millisecond has more than a train in it: the
 *    packet or two that a frame has above a train do not follow it closely.
 *
 * Pure: the caller brings the clock and the ceiling, which may change with every call. One owner.
 */
#pragma once

#include <stdint.h>

#define PACER_TRAIN 8u /* most packets back to back */

struct pacer {
	uint64_t clear_ns; /* when the line has carried, at the ceiling, all that was sent */
	struct pacer_train {
		uint64_t at_ns;
		unsigned count;
	} recent[PACER_TRAIN]; /* the last trains, newest first; at 0: none */
};

struct pacer_step {
	unsigned count; /* packets that may leave now; 0: none before at_ns */
	uint64_t at_ns; /* absolute; now when count > 0 */
};

/* What to do at now_ns with queued (> 0) packets of packet_len bytes waiting. ceiling_kbps > 0. */
struct pacer_step pacer_next(const struct pacer *p, uint64_t now_ns, unsigned queued, unsigned packet_len,
			     uint32_t ceiling_kbps);

/* count packets left at now_ns. */
void pacer_sent(struct pacer *p, uint64_t now_ns, unsigned count, unsigned packet_len, uint32_t ceiling_kbps);

/* How long bytes take at the ceiling. */
uint64_t pacer_time_ns(uint64_t bytes, uint32_t ceiling_kbps);
