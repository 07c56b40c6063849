// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Reed-Solomon erasure decoding over GF(2^8), polynomial 0x11d, by Gauss elimination on the parity rows at hand.
 * The code is systematic: a matrix has one row a parity shard and one column a data shard (2-media 2.4, 2.5).
 * Tables are built on the first call of gf_init(); after that any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RS_SHARDS_MAX 255u

void gf_init(void); /* any thread, any number of times */
uint8_t gf_mul(uint8_t a, uint8_t b);
uint8_t gf_inv(uint8_t a); /* a != 0 */

/* dst ^= c * src */
void gf_add_scaled(uint8_t *dst, const uint8_t *src, uint8_t c, size_t len);

/* The video code: row j, column i = 1 / ((p + i) xor j). matrix has p * d bytes; d + p <= 255. */
void rs_cauchy(uint8_t *matrix, unsigned d, unsigned p);
/* The audio code, 4 + 2. */
extern const uint8_t rs_audio_matrix[8];

/* One parity shard from d data shards. */
void rs_parity(const uint8_t *matrix, unsigned d, unsigned row, uint8_t *const *data, size_t len, uint8_t *out);

/* Rebuilds in place every data shard that is not present. shard[0..d-1] data, then parity; all have len bytes of room.
 * -EINVAL: d or p out of range; -ENODATA: fewer than d shards present; -EDOM: singular (no valid code). */
int rs_rebuild(const uint8_t *matrix, unsigned d, unsigned p, uint8_t *const *shard, const bool *present, size_t len);
