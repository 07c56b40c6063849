// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A model of the client's side of video and audio, written from 2-media 1 to 4 and sharing nothing with src/net but the
 * cipher: own field arithmetic, own matrices, own reading of the headers. It counts what a real client would complain
 * about.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypt/aes.h"

#define CLIENT_SHARD_MAX 2080u
#define CLIENT_FRAME_MAX (8u << 20)

struct client_frame {
	uint32_t frame_no, timestamp;
	uint8_t type;
	bool ltr;
	uint16_t latency, last_payload_len;
	const uint8_t *data; /* the bitstream, cut by last_payload_len */
	size_t len;
};

struct client {
	unsigned packet_size;
	struct gcm *gcm; /* encrypted */
	void (*frame)(void *ctx, const struct client_frame *f);
	void *ctx;

	/* what was seen */
	unsigned delivered, lost, recovered;
	unsigned broken; /* datagrams or fields that no client would take */
	unsigned bad_tags;
	const char *why; /* the last complaint */

	/* current frame */
	uint32_t frame_no;  /* being received, or next expected */
	unsigned block;     /* next block of it */
	bool frame_dropped; /* wait for the next one */
	uint8_t *out;
	size_t out_len;
	/* current block */
	bool in_block;
	unsigned n_data, n_parity, percent, last_block, have;
	uint16_t base_seq, next_seq;
	uint32_t timestamp;
	uint32_t last_spi;
	bool spi_known;
	bool present[1023];
	uint8_t *shard; /* 1023 x CLIENT_SHARD_MAX */
};

void client_init(struct client *c, unsigned packet_size, const uint8_t *key,
		 void (*frame)(void *ctx, const struct client_frame *f), void *ctx);
void client_finish(struct client *c);
void client_datagram(struct client *c, const uint8_t *data, size_t len);

/* Field arithmetic by the definition. */
uint8_t gf_mul_slow(uint8_t a, uint8_t b);
uint8_t gf_inv_slow(uint8_t a);

/* Rebuilds the missing ones of n_data shards from the matrix rows of the parity shards that are there. matrix:
 * n_parity x n_data. shard[i] NULL: missing; room[i]: where to put it. False: too many are missing. */
bool gf_rebuild(unsigned n_data, unsigned n_parity, const uint8_t *matrix, uint8_t **shard, uint8_t **room, size_t len);
