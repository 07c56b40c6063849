// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Finished packets on their way from pack to send: a pool of batches in one slab taken at start. A batch holds up to a
 * whole FEC block as equal datagrams laid end to end, so that any run of them is one GSO send. A slot is as large as
 * the largest block, but its pages cost memory only once they were written, and the lowest free slot is taken
 * first: an ordinary stream touches a few pages of two or three slots.
 *
 * A frame may be larger than the whole pool: pack fills what is free and waits for send to give back.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"
#include "base/wake.h"
#include "media/trace.h"
#include "net/fec_plan.h"

#define BATCH_PACKETS_MAX FEC_SHARDS_MAX
#define BATCH_COUNT       16u /* two frames in flight and one in the making, of four blocks each, and some air */

struct pkt_batch {
	/* constant */
	uint8_t *bytes;
	uint8_t slot;
	/* pack fills, send reads */
	uint16_t n_packets, n_data; /* all, and how many of them are data */
	bool first, last;           /* of the frame; last also ends the frame's credit */
	bool broken;                /* the frame could not be finished: send gives it up */
	uint32_t frame_no;
	uint64_t deadline_ns; /* not completely sent by then: the frame is given up whole */
	struct trace t;
};

struct batch_pool {
	/* constant */
	uint8_t *slab;
	size_t slab_len;
	uint16_t packet_len;
	struct wake *owner; /* pack's */
	/* pack */
	struct slots slots;
	struct pkt_batch batch[BATCH_COUNT];
	/* both */
	_Alignas(64) atomic_bool waiting;
};

/* packet_len: of each datagram. owner: poked when a batch comes back while the owner waits for one. -ENOMEM. */
int batch_pool_init(struct batch_pool *p, uint16_t packet_len, struct wake *owner);
void batch_pool_finish(struct batch_pool *p); /* accepts a zeroed pool */

/* Pack. An empty batch, or NULL: none is free; the next that is given back pokes the owner. */
struct pkt_batch *batch_take(struct batch_pool *p);
/* Any thread, wait-free. */
void batch_put(struct batch_pool *p, struct pkt_batch *b);
