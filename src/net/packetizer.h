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
 * A frame that is still being encoded goes out in parts, each a FEC block of full payloads; what does not fill one is
 * carried over to the next, so that no padding stands inside the frame (2-media 8.4):
 *
 *	packetizer_open(p, &frame, fixed);      with the pieces that are there
 *	packetizer_append(p);                   a piece more in frame.piece
 *	packetizer_commit(p, n);                a block that claims that more follow
 *	packetizer_close(p);                    all pieces are there: the rest
 *
 * with packetizer_next() after each commit and after close until it says 0. A block once committed must be followed by
 * another, or the client takes the frame for lost: that is how a frame is given up.
 *
 * The frame's pieces must stay until the last packetizer_next(). A frame that was begun must be finished or given up
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

/* As far as the frame is there; nothing changes on the wire before the first commit, and until then the frame may as
 * well be begun whole. frame.piece must stay where it is. fixed: 0, or how many blocks the frame will have, 2..4. */
void packetizer_open(struct packetizer *p, const struct packet_frame *f, unsigned fixed);
void packetizer_append(struct packetizer *p);
size_t packetizer_payload(const struct packetizer *p); /* bytes of each */
/* Bytes that no block carries yet, the frame header included. */
size_t packetizer_queued(const struct packetizer *p);
/* Full payloads that could be committed now: at least one byte is kept back for the last block, and no block is
 * longer than its parity allows. 0 also when only the last block is left. */
unsigned packetizer_ready(const struct packetizer *p);
/* Payloads that the blocks after the next one could carry with their parity in full. */
unsigned packetizer_room_after(const struct packetizer *p);
/* 1 <= n <= packetizer_ready(). -EOVERFLOW as begin. */
int packetizer_commit(struct packetizer *p, unsigned n);
/* As begin; -EMSGSIZE: more, or with a fixed number of blocks less, than the blocks left can carry. */
int packetizer_close(struct packetizer *p);

/* Fills n_packets, n_data, first, last, frame_no and the bytes of an empty batch. 1: more to come; 0: that was the
 * last, of the frame or of what was committed; -EIO: the cipher failed, the frame is given up. */
int packetizer_next(struct packetizer *p, struct pkt_batch *b);

/* Wire bytes of the whole frame begun, or of what the last commit or close added. */
uint64_t packetizer_frame_bytes(const struct packetizer *p);
