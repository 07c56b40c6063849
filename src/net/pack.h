// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The first half of the tx thread: access units in, batches of finished packets into the pool's queue, one small step at
 * a time so that the second half (net/send.h) never waits long. The slices of a frame are gathered and packed when
 * the last has come. A frame that cannot be packed is given up here, which closes the gate, its credit given back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/au.h"
#include "media/feedback.h"
#include "media/link.h"
#include "media/params.h"
#include "media/stats.h"
#include "media/tune.h"
#include "net/batch.h"
#include "net/gate.h"
#include "net/packetizer.h"

struct pack {
	/* constant */
	bool with_parity; /* the client agreed to it */
	uint8_t fec_min;
	const struct tune *tune;
	uint64_t patience_ns; /* how late against the ceiling's schedule a frame may be */
	struct au_link *in;
	struct batch_pool *pool;
	struct credit *credit;
	struct gate *gate;
	struct stream_stats *stats;

	struct packetizer *packetizer;
	struct au *part[AU_RING_CAPACITY]; /* of the frame being gathered, then packed */
	struct packet_piece piece[AU_RING_CAPACITY];
	unsigned n_parts;
	bool packing;         /* the frame is complete and partly packed */
	bool skipping;        /* the rest of a frame that was given up */
	uint64_t clear_ns;    /* when the line would be clear, at the ceiling, of all frames so far */
	uint64_t deadline_ns; /* of the frame being packed */
	uint32_t epoch;       /* of the frame being packed */
	struct trace t;
};

/* Takes one access unit or finishes one batch. 1: did so; 0: nothing to do, or no free batch; -errno: no frame can be
 * packed any more (the one in hand is given up). */
int pack_step(struct pack *p);

/* After the tx thread has ended: releases every access unit it holds or finds, and their credit. */
void pack_finish(struct pack *p);
