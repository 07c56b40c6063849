// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The audio thread's end of a clocked source: takes one packet's frames at each tick of the packet
 * grid and says when the next tick is. The grid is slaved to the source's clock, so nothing is
 * resampled, doubled or skipped however far the two clocks are apart; when the source stops, the
 * grid runs on as it was and carries silence.
 *
 * The lead is how many frames the source's clock is ahead of the reader. It is held at a target:
 * one packet, plus one write of the source, plus a margin for writes that come late. Time enters
 * only through at_ns: runs in virtual time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "audio/dll.h"
#include "audio/fifo.h"

struct intake {
	struct fifo *fifo;
	struct dll dll;
	unsigned frames;       /* of one packet */
	unsigned target;       /* lead before a packet is taken; grows when writes come later than foreseen */
	bool running;          /* else waiting until the lead has reached the target */
	uint64_t dry_ns;       /* since when it is waiting, */
	struct fifo_stamp dry; /* and the stamp then: the lead is known only after another write */
	uint64_t underruns;    /* times the source failed to fill a packet, stops included */
	uint64_t skipped;      /* frames passed over to keep the delay within its bound */
};

void intake_init(struct intake *in, struct fifo *fifo, unsigned packet_frames);

/* Forgets what is buffered: the grid begins anew, after the thread started or slept too long. */
void intake_restart(struct intake *in);

/* The tick at grid time at_ns (called then or somewhat later): fills pcm with one packet, silence
 * where the source has none, and returns the nanoseconds to the next tick. Wait-free. */
uint64_t intake_pull(struct intake *in, uint64_t at_ns, float *pcm);
