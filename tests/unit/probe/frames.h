// SPDX-License-Identifier: GPL-3.0-or-later
/* Frames cut into shards for tests, written from 2-media 1 and 2 on its own: small packets (PS 80), any number of
 * blocks, and every field open to be broken afterwards. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS        80u
#define SHARD_LEN (PS + 16)
#define PAYLOAD   (PS - 16)
#define MADE_MAX  600u

struct maker {
	uint16_t seq;
	uint32_t spi, frame, ts;
};

struct frame_spec {
	uint8_t type;       /* frame header; 2: the bitstream is an IDR too, unless raw is given */
	unsigned shards;    /* data shards in all */
	unsigned blocks, q; /* 0: one block, 50 % but at least 2 parity shards */
	const uint8_t *raw; /* bitstream, else one is made */
	size_t raw_len;
	bool ltr, early; /* early: blocks but the last claim "3 is the last" (2-media 8.3) */
	int last_len;    /* lastPayloadLen, 0: the right one; -1: really 0 */
};

struct made {
	unsigned n, n_data;
	struct {
		uint8_t bytes[SHARD_LEN];
		unsigned block, index, d;
		bool parity;
	} s[MADE_MAX];
	uint8_t stream[MADE_MAX * PAYLOAD]; /* the bitstream inside */
	size_t stream_len;
};

void maker_init(struct maker *m);
/* Makes the next frame and advances all counters. */
void maker_frame(struct maker *m, const struct frame_spec *f, struct made *out);
extern const uint8_t test_sps[], test_pps[];
extern const size_t test_sps_len, test_pps_len;
