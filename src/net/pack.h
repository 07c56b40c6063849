// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The first half of the tx thread: access units in, batches of finished packets into the pool's queue, one small step
 * at a time so that the second half (net/send.h) never waits long.
 *
 * The units of a frame are gathered. While more are to come, what is there is packed as a block of its own when it is
 * long enough and leaves room for the rest (2-media 8.4); the encoder gives out units before the last only where that
 * gains (encode/early.h). The rest is packed when the last unit has come.
 *
 * A frame that cannot be packed is given up here, which closes the gate, its credit given back, while nothing of it is
 * queued. After that both are send's to do: an empty, broken batch is the frame's end. Its units are kept until that is
 * behind, so that an encoder that waits for them before it begins anew begins behind the gate.
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
	bool fixed_blocks;    /* a frame that is sent in parts has two blocks and says so from the first */
	struct au_link *in;
	struct batch_pool *pool;
	struct credit *credit;
	struct gate *gate;
	struct stream_stats *stats;

	struct packetizer *packetizer;
	struct au *part[AU_RING_CAPACITY]; /* of the frame being gathered */
	struct packet_piece piece[AU_RING_CAPACITY];
	unsigned n_parts;
	bool open;     /* a block of the frame was committed: it must come to an end on the wire */
	bool packing;  /* what was committed, or the rest, is not all packed yet */
	bool skipping; /* the rest of a frame that was given up */
	enum {
		ENDING_NONE,
		ENDING_WANTED, /* the frame is given up, its end is not queued yet */
		ENDING_QUEUED, /* send is not past it yet */
	} ending;
	uint32_t frame_no, epoch; /* of the frame being gathered */
	size_t len;               /* of it so far */
	struct au *next;          /* came while ending */
	uint64_t clear_ns;        /* when the line would be clear, at the ceiling, of all frames so far */
	uint64_t deadline_ns;     /* of the frame being packed */
	struct trace t;           /* of the frame being packed */
};

/* Takes one access unit or finishes one batch. 1: did so; 0: nothing to do, or no free batch; -errno: no frame can be
 * packed any more (the one in hand is given up). */
int pack_step(struct pack *p);

/* After the tx thread has ended: releases every access unit it holds or finds, and their credit. */
void pack_finish(struct pack *p);
