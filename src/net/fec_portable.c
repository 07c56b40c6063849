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
#define WORDS (CHUNK / 8u)

/* Which shards have bit b set in their coefficient. */
struct plan {
	uint8_t n[8];
	uint8_t index[8][255];
};

static inline uint64_t double_bytes(uint64_t x)
{
	uint64_t high = x & 0x8080808080808080ull;

	/* What leaves at the top comes back as 0x1d = bits 4, 3, 2, 0; no bit crosses into a neighbour byte. */
	return ((x ^ high) << 1) ^ (high >> 3) ^ (high >> 4) ^ (high >> 5) ^ (high >> 7);
}

static inline void add(uint64_t acc[WORDS], const uint8_t *src, size_t n)
{
	uint64_t x[WORDS] = {0};

	memcpy(x, src, n);
	for (unsigned w = 0; w < WORDS; w++)
		acc[w] ^= x[w];
}

/* n is CHUNK but for a shard's tail; inlined twice so that the common case has constant lengths. */
static inline __attribute__((always_inline)) void chunk(const struct plan *p, const uint8_t *const *data, size_t at,
							uint8_t *out, size_t n)
{
	uint64_t acc[WORDS] = {0};

	for (unsigned bit = 8; bit-- > 0;) {
		for (unsigned w = 0; w < WORDS; w++)
			acc[w] = double_bytes(acc[w]);
		for (unsigned i = 0; i < p->n[bit]; i++)
			add(acc, data[p->index[bit][i]] + at, n);
	}
	memcpy(out + at, acc, n);
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
