// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How much parity a block gets and how a frame is cut into blocks: counting only, pure functions, any thread.
 *
 * The number of parity shards is never on the wire: the client computes it from the percentage field (2-media 2.1).
 * So the percentage is chosen first and the parity count always derived from it, never the other way round.
 */
#pragma once

#include <stdint.h>

#define FEC_SHARDS_MAX       255u  /* data and parity of a coded block */
#define FEC_BLOCKS_MAX       4u    /* two-bit fields */
#define FEC_DATA_UNCODED_MAX 1023u /* ten-bit fields; a block without parity */

struct fec_block {
	uint16_t n_data;
	uint8_t n_parity;
	uint8_t percent; /* as sent; n_parity == fec_parity_count(n_data, percent) */
};

struct fec_plan {
	unsigned n_blocks;
	struct fec_block block[FEC_BLOCKS_MAX];
};

/* The client's formula. */
static inline unsigned fec_parity_count(unsigned n_data, unsigned percent)
{
	return (n_data * percent + 99) / 100;
}

/*
 * One block of n_data shards at the wanted percentage (0: no parity) with at least min parity shards. What does not fit
 * the code shrinks: first min gives way, then the percentage, down to none when n_data alone fills the block.
 * n_data 1..FEC_DATA_UNCODED_MAX, percent 0..255.
 */
struct fec_block fec_plan_block(unsigned n_data, unsigned percent, unsigned min);

/* The longest block that can carry the wanted parity in full. */
unsigned fec_plan_data_max(unsigned percent, unsigned min);

/*
 * A frame of n_shards data shards in as few blocks as the percentage allows, of nearly equal size. Frames too large
 * for that get four blocks and as much parity as still fits. -EMSGSIZE: more shards than the format can express,
 * or none.
 */
int fec_plan_frame(struct fec_plan *plan, unsigned n_shards, unsigned percent, unsigned min);
/* The same for the rest of a frame, in at least n_min and at most n_max blocks; n_min <= n_max <= FEC_BLOCKS_MAX. */
int fec_plan_rest(struct fec_plan *plan, unsigned n_shards, unsigned percent, unsigned min, unsigned n_min,
		  unsigned n_max);
