// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The client's queue of video shards: collects one FEC block at a time, rebuilds it, keeps finished blocks until the
 * frame is whole, then hands its data shards on in order. It takes the same decisions as a stock client (2-media 1.2,
 * 2.2, 5.5, 8.3): what is rejected, when a frame counts as lost, when a loss is foreseen mid-frame. Video thread;
 * all memory is taken at creation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEC_STATUS_LEN 21u

struct judge;
struct video_hdr;

struct video_queue_events {
	/* A data shard of a whole frame, in order; h is its header as the client fixed it up. */
	void (*shard)(void *ctx, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t first_ns);
	/* speculative: foreseen before the frame's end. Everything up to and with `frame` will not come. */
	void (*lost)(void *ctx, uint32_t frame, bool speculative);
	void (*fec_status)(void *ctx, const uint8_t status[FEC_STATUS_LEN]); /* body of message 0x5502 */
};

struct video_queue;

/* shard_len: PS + 16. NULL: no memory. */
struct video_queue *video_queue_create(struct judge *j, size_t shard_len, const struct video_queue_events *ev,
				       void *ctx);
void video_queue_destroy(struct video_queue *q); /* accepts NULL */

/* One shard. False: it was of no use (late, duplicate, out of range). */
bool video_queue_add(struct video_queue *q, const struct video_hdr *h, const uint8_t *data, size_t len,
		     uint64_t now_ns);

uint32_t video_queue_frame(const struct video_queue *q);          /* the frame that is being collected */
uint32_t video_queue_newest(const struct video_queue *q);         /* the highest frame a shard was taken of */
uint64_t video_queue_rebuilt_shards(const struct video_queue *q); /* data shards made from parity */
