// SPDX-License-Identifier: GPL-3.0-or-later
/* What the packet tests share: a packetizer, the client's model behind it, and the datagrams of the last frame. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "net/packetizer.h"

extern const uint8_t rig_key[16];

struct rig {
	struct packetizer_params params;
	struct packetizer *p;
	struct batch_pool pool;
	struct client client;
	uint8_t *wire;
	size_t packet_len;
	unsigned n;
	unsigned block_start[8], n_blocks; /* in datagrams; a block without parity may span batches */
	uint8_t *frame;
	size_t frame_len;
	bool padded;             /* nobody says where the frame ends in its last payload */
	struct client_frame got; /* without data */
	unsigned same;           /* frames that came out as they went in */
};

void rig_init_at(struct rig *r, unsigned packet_size, bool encrypt, uint32_t first_shard);
void rig_init(struct rig *r, unsigned packet_size, bool encrypt);
void rig_finish(struct rig *r);

/* An ordinary frame: number 1 is an IDR, 20 % parity, at least two. */
struct packet_frame frame(uint32_t no);
/* Packs a frame of len random bytes in the given number of pieces; returns what begin said. */
int pack(struct rig *r, size_t len, unsigned pieces, struct packet_frame f);

/* The same in parts: a unit ends at each of end[0..n_units), the last at len. After each but the last, want payloads or
 * more, but at most of them, become a block. */
int pack_early(struct rig *r, size_t len, const size_t *end, unsigned n_units, unsigned want, unsigned most,
	       unsigned fixed, struct packet_frame f);

uint8_t *datagram(struct rig *r, unsigned i);
void deliver_all(struct rig *r);
/* The client has had nothing to complain about. */
void assert_clean(const struct rig *r);

uint32_t le32(const uint8_t *p);
unsigned be16(const uint8_t *p);
