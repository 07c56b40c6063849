// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Finished packets on their way to the wire: a pool of batches in one slab taken at start, and the queue of those that
 * wait to be sent. A batch holds up to a whole FEC block as equal datagrams laid end to end, so that any run of them is
 * one GSO send. A slot is as large as the largest block, but its pages cost memory only once they were written, and
 * the lowest free slot is taken first: an ordinary stream touches a few pages of one or two slots.
 *
 * A frame may be larger than the whole pool: it is packed as slots come free. One owner, the stream's tx thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/trace.h"
#include "net/fec_plan.h"

#define BATCH_PACKETS_MAX FEC_SHARDS_MAX
#define BATCH_COUNT       8u /* two frames of four blocks */

struct pkt_batch {
	uint8_t *bytes;
	uint16_t n_packets, n_data; /* all, and how many of them are data */
	bool first, last;           /* of the frame; last also ends the frame's credit */
	bool broken;                /* the frame could not be finished: to be given up */
	uint32_t frame_no, epoch;
	uint64_t deadline_ns; /* not completely sent by then: the frame is given up whole */
	struct trace t;
};

struct batch_pool {
	uint8_t *slab;
	size_t slab_len;
	uint16_t packet_len;
	uint32_t free;           /* a bit for each slot */
	unsigned head, n_queued; /* of queue */
	struct pkt_batch *queue[BATCH_COUNT];
	struct pkt_batch batch[BATCH_COUNT];
};

/* packet_len: of each datagram. -ENOMEM. */
int batch_pool_init(struct batch_pool *p, uint16_t packet_len);
void batch_pool_finish(struct batch_pool *p); /* accepts a zeroed pool */

/* An empty batch, or NULL: none is free. */
struct pkt_batch *batch_take(struct batch_pool *p);
/* A batch that was taken joins the end of the queue. */
void batch_queue(struct batch_pool *p, struct pkt_batch *b);
/* The oldest of the queue, or NULL. */
struct pkt_batch *batch_front(struct batch_pool *p);
/* The oldest of the queue is free again. */
void batch_pop(struct batch_pool *p);
