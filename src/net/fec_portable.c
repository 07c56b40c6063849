// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A product c * x is the sum of x * 2^b over the bits b set in c. Summed over all shards first, one row costs, for each
 * of the eight bits, plain XORs of the shards that have the bit, and one doubling of the accumulator (Horner's scheme
 * over the bits). There is no table look-up in it, so the compiler turns it into vector code of any width.
 */
#include "net/fec_portable.h"

#include <assert.h>
#include <string.h>

#define CHUNK 64u

/* Sixteen bytes as the compiler's own vector type: SSE2, NEON, or plain words where there is neither. */
struct vector {
	__attribute__((vector_size(16))) uint64_t v;
};

/* Which shards have bit b set in their coefficient. */
struct plan {
	uint8_t n[8];
	uint8_t index[8][255];
};

static inline struct vector double_bytes(struct vector x)
{
	struct vector high = {x.v & 0x8080808080808080ull};

	/* What leaves at the top comes back as 0x1d = bits 4, 3, 2, 0; no bit crosses into a neighbour byte. */
	x.v = ((x.v ^ high.v) << 1) ^ (high.v >> 3) ^ (high.v >> 4) ^ (high.v >> 5) ^ (high.v >> 7);
	return x;
}

/* n is CHUNK but for a shard's tail; inlined twice so that the common case has constant lengths. Four vectors by hand:
 * as an array they would live in memory at -O2. */
static inline __attribute__((always_inline)) void chunk(const struct plan *p, const uint8_t *const *data, size_t at,
							uint8_t *out, size_t n)
{
	struct vector a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, x[4] = {0};

	for (unsigned bit = 8; bit-- > 0;) {
		a0 = double_bytes(a0);
		a1 = double_bytes(a1);
		a2 = double_bytes(a2);
		a3 = double_bytes(a3);
		for (unsigned i = 0; i < p->n[bit]; i++) {
			memcpy(x, data[p->index[bit][i]] + at, n);
			a0.v ^= x[0].v;
			a1.v ^= x[1].v;
			a2.v ^= x[2].v;
			a3.v ^= x[3].v;
		}
	}
	x[0] = a0;
	x[1] = a1;
	x[2] = a2;
	x[3] = a3;
	memcpy(out + at, x, n);
}

void fec_row_portable(const uint8_t *row, unsigned n, size_t len, const uint8_t *const *data, uint8_t *out)
{
	struct plan p;
	size_t at;

	assert(n <= 255);
	memset(p.n, 0, sizeof(p.n));
	for (unsigned i = 0; i < n; i++)
		for (unsigned bit = 0; bit < 8; bit++)
			if (row[i] >> bit & 1)
				p.index[bit][p.n[bit]++] = (uint8_t)i;
	for (at = 0; at + CHUNK <= len; at += CHUNK)
		chunk(&p, data, at, out, CHUNK);
	if (at < len)
		chunk(&p, data, at, out, len - at);
}
