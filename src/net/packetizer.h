// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One encoded frame becomes finished datagrams: shards, parity, encryption, block by block into batches. No thread, no
 * socket, no clock; allocates at create only. One owner, the tx thread.
 *
 *	packetizer_begin(p, &frame);
 *	do
 *		more = packetizer_next(p, batch);
 *	while (more == 1);
 *
 * The frame's pieces must stay until the last packetizer_next(). A frame that was begun must be finished or aborted
 * before the next begins.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/params.h"
#include "net/batch.h"
#include "net/rtp_video.h"

struct packetizer;

struct packetizer_params {
	uint16_t packet_size;
	bool encrypt;
	uint8_t key[16];
	uint32_t iv_generation;
	uint32_t first_shard; /* 0 on the wire (2-media 1.2); other values let tests reach the wraps */
};

struct packet_piece {
	const uint8_t *data;
	size_t len;
};

struct packet_frame {
	uint32_t frame_no;
	uint64_t pts_ns;
	enum rtp_frame_type type;
	bool ltr;
	uint16_t latency_100us;
	uint8_t fec_percent, fec_min; /* free to change with every frame */
	const struct packet_piece *piece;
	unsigned n_pieces;
};

/* Length of each datagram of a stream. */
uint16_t packetizer_packet_len(const struct packetizer_params *p);

/* NULL: no memory or no cipher. The key is copied. */
struct packetizer *packetizer_create(const struct packetizer_params *p);
void packetizer_destroy(struct packetizer *p); /* wipes the key; accepts NULL */

/* -EINVAL: empty; -EMSGSIZE: more than the format can carry, the frame number is then a gap on the wire; -EOVERFLOW:
 * the IVs of this generation are used up, for good. Nothing has changed on an error. */
int packetizer_begin(struct packetizer *p, const struct packet_frame *f);

/* Fills n_packets, n_data, first, last, frame_no and the bytes of an empty batch. 1: more to come; 0: that was the
 * last; -EIO: the cipher failed, the frame is aborted. */
int packetizer_next(struct packetizer *p, struct pkt_batch *b);

/* Wire bytes of the whole frame begun. */
uint64_t packetizer_frame_bytes(const struct packetizer *p);
