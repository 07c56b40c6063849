// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The sending thread without thread, clock and socket: src/net/pack.c and src/net/send.c as they are, with all that
 * they call, in the time of replay_now_ns. Units of given lengths go in, trains of packets come out of on_train. What
 * the encode thread does about frames that were not sent is done here as well: numbers are given back, the next frame
 * is the recovery frame.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/numbering.h"
#include "media/record.h"
#include "net/pack.h"
#include "net/send.h"

extern uint64_t replay_now_ns;

#define REPLAY_UNITS 64u /* at work at once: more than the ring holds */

struct replay_train {
	const struct pkt_batch *batch;
	unsigned first, count; /* of its packets */
	unsigned packet_len;
};

struct replay_tx {
	struct pack pack;
	struct send send;
	struct batch_pool pool;
	struct gate gate;
	struct au_link aus;
	struct wake wake; /* nobody sleeps on it */
	struct credit credit;
	struct feedback feedback;
	struct tune tune;
	struct stream_stats stats;
	struct numbering numbering;
	struct au unit[REPLAY_UNITS];
	bool used[REPLAY_UNITS];
	uint32_t epoch, frame_no; /* of the frame being pushed */
	uint64_t pts_ns;
	bool recover; /* the next frame follows an invalidation */
	bool vital;   /* the frame being pushed refers to nothing that may be lost */
	bool passing; /* it is passed over */
	unsigned passed_over;
	void (*on_train)(void *ctx, const struct replay_train *t);
	void *ctx;
};

/* One at a time. The tx must stay where it is. -ENOMEM. */
int replay_tx_init(struct replay_tx *tx, const struct record_stream *s,
		   void (*on_train)(void *ctx, const struct replay_train *t), void *ctx);
void replay_tx_finish(struct replay_tx *tx); /* accepts a zeroed one */

/* A unit of so many bytes, now. A frame that finds CREDIT_FRAMES others unsent is passed over: the encode thread would
 * not have begun it. */
void replay_tx_push(struct replay_tx *tx, const struct record_unit *u, uint32_t len);
/* All that can be done now. Returns when there is more to do, or NS_NEVER. */
uint64_t replay_tx_run(struct replay_tx *tx);
