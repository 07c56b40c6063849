// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The kernel for processors with AVX2. A product is the XOR of two look-ups, of the low and the high half of a byte,
 * which pshufb does for 32 bytes at once. Up to four parity shards are made in one pass over 64 bytes of all data
 * shards: what is loaded and split once serves all of them, sums stay in registers, and a table is loaded for two
 * vectors instead of one, which is what bounds ISA-L's kernels for few parity shards. Measured: tests/bench/net_fec.c.
 */
#include "net/fec_kernel.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#include "net/fec_portable.h"

#define AVX2    __attribute__((target("avx2")))
#define INLINE  static inline __attribute__((always_inline, target("avx2")))
#define GROUP   4u   /* parity shards a pass: eight sums, and eight registers to work with */
#define LONGEST 128u /* bytes a pass of a single parity shard, which has registers to spare */

static uint8_t times2(uint8_t x)
{
	return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1d : 0));
}

/* Sixteen bytes: byte n is the sum of those c whose bit is set in n. */
INLINE __m128i half_table(uint8_t c0, uint8_t c1, uint8_t c2, uint8_t c3)
{
	const __m128i bit0 = _mm_set1_epi16((short)0xff00), bit1 = _mm_set1_epi32((int)0xffff0000u);
	const __m128i bit2 = _mm_set1_epi64x((long long)0xffffffff00000000u), bit3 = _mm_set_epi64x(-1, 0);
	__m128i a = _mm_and_si128(bit0, _mm_set1_epi8((char)c0)), b = _mm_and_si128(bit1, _mm_set1_epi8((char)c1));
	__m128i c = _mm_and_si128(bit2, _mm_set1_epi8((char)c2)), d = _mm_and_si128(bit3, _mm_set1_epi8((char)c3));

	return _mm_xor_si128(_mm_xor_si128(a, b), _mm_xor_si128(c, d));
}

/* c times 0..15, then c times 0x00, 0x10, ... 0xf0. */
static AVX2 void expand(unsigned n_data, unsigned n_parity, const uint8_t *coeffs, uint8_t *tables)
{
	for (size_t i = 0; i < (size_t)n_data * n_parity; i++, tables += FEC_TABLE_BYTES) {
		uint8_t c[8] = {coeffs[i]}; /* times 2^bit */

		for (unsigned bit = 1; bit < 8; bit++)
			c[bit] = times2(c[bit - 1]);
		_mm_storeu_si128((__m128i *)tables, half_table(c[0], c[1], c[2], c[3]));
		_mm_storeu_si128((__m128i *)tables + 1, half_table(c[4], c[5], c[6], c[7]));
	}
}

INLINE __m256i both_lanes(const uint8_t *p)
{
	return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
}

INLINE __m256i times(__m256i t_low, __m256i t_high, __m256i low, __m256i high)
{
	return _mm256_xor_si256(_mm256_shuffle_epi8(t_low, low), _mm256_shuffle_epi8(t_high, high));
}

INLINE __m256i low_of(__m256i x)
{
	return _mm256_and_si256(x, _mm256_set1_epi8(15));
}

INLINE __m256i high_of(__m256i x)
{
	return low_of(_mm256_srli_epi64(x, 4));
}

/* Vectors of 32 bytes at offset at, of rows parity shards. Their first tables are n_data tables apart. plain: the first
 * coefficient is 1, with one row. Inlined with constants, so that sum[][] are registers. */
INLINE void strip(unsigned rows, unsigned vectors, bool plain, unsigned n_data, size_t at, const uint8_t *tables,
		  const uint8_t *const *data, uint8_t *const *parity)
{
	__m256i sum[GROUP][LONGEST / 32];

#pragma GCC unroll 4
	for (unsigned j = 0; j < rows; j++)
#pragma GCC unroll 4
		for (unsigned v = 0; v < vectors; v++)
			sum[j][v] = plain ? _mm256_loadu_si256((const __m256i *)(data[0] + at) + v)
					  : _mm256_setzero_si256();
	for (unsigned i = plain; i < n_data; i++) {
		const uint8_t *first = tables + (size_t)i * FEC_TABLE_BYTES;
		__m256i low[LONGEST / 32], high[LONGEST / 32];

#pragma GCC unroll 4
		for (unsigned v = 0; v < vectors; v++) {
			__m256i x = _mm256_loadu_si256((const __m256i *)(data[i] + at) + v);

			low[v] = low_of(x);
			high[v] = high_of(x);
		}
#pragma GCC unroll 4
		for (unsigned j = 0; j < rows; j++) {
			const uint8_t *t = first + (size_t)j * n_data * FEC_TABLE_BYTES;
			const __m256i t_low = both_lanes(t), t_high = both_lanes(t + 16);

#pragma GCC unroll 4
			for (unsigned v = 0; v < vectors; v++)
				sum[j][v] = _mm256_xor_si256(sum[j][v], times(t_low, t_high, low[v], high[v]));
		}
	}
#pragma GCC unroll 4
	for (unsigned j = 0; j < rows; j++)
#pragma GCC unroll 4
		for (unsigned v = 0; v < vectors; v++)
			_mm256_storeu_si256((__m256i *)(parity[j] + at) + v, sum[j][v]);
}

/* All of len >= LONGEST; the last pass overlaps the one before it and writes the same again. */
INLINE void rows_of(unsigned rows, unsigned vectors, bool plain, unsigned n_data, size_t len, const uint8_t *tables,
		    const uint8_t *const *data, uint8_t *const *parity)
{
	const size_t bytes = (size_t)32 * vectors;
	size_t at = 0;

	for (; at + bytes <= len; at += bytes)
		strip(rows, vectors, plain, n_data, at, tables, data, parity);
	if (at < len)
		strip(rows, vectors, plain, n_data, len - bytes, tables, data, parity);
}

/* The only data shard, as in the frames of a still picture: nothing is summed, and the table stays where it is. */
static AVX2 void scale(size_t len, const uint8_t *table, const uint8_t *from, uint8_t *to)
{
	const __m256i t_low = both_lanes(table), t_high = both_lanes(table + 16);

	if (table[1] == 1) {
		memcpy(to, from, len);
		return;
	}
	for (size_t at = 0;; at += LONGEST) {
		if (at + LONGEST > len) {
			if (at == len)
				return;
			at = len - LONGEST;
		}
#pragma GCC unroll 4
		for (unsigned v = 0; v < LONGEST / 32; v++) {
			__m256i x = _mm256_loadu_si256((const __m256i *)(from + at) + v);

			_mm256_storeu_si256((__m256i *)(to + at) + v, times(t_low, t_high, low_of(x), high_of(x)));
		}
	}
}

/* Too short for vectors. */
static void run_short(unsigned n_data, unsigned n_parity, size_t len, const uint8_t *tables, const uint8_t *const *data,
		      uint8_t *const *parity)
{
	uint8_t coeffs[255];

	for (unsigned j = 0; j < n_parity; j++) {
		/* A product with 1 is the coefficient. */
		for (unsigned i = 0; i < n_data; i++, tables += FEC_TABLE_BYTES)
			coeffs[i] = tables[1];
		fec_row_portable(coeffs, n_data, len, data, parity[j]);
	}
}

static AVX2 void run(unsigned n_data, unsigned n_parity, size_t len, const uint8_t *tables, const uint8_t *const *data,
		     uint8_t *const *parity)
{
	const size_t row = (size_t)n_data * FEC_TABLE_BYTES;
	unsigned j = 0;

	if (len < LONGEST) {
		run_short(n_data, n_parity, len, tables, data, parity);
		return;
	}
	if (n_data == 1) {
		for (; j < n_parity; j++)
			scale(len, tables + j * row, data[0], parity[j]);
		return;
	}
	for (; j + GROUP <= n_parity; j += GROUP)
		rows_of(GROUP, 2, false, n_data, len, tables + j * row, data, parity + j);
	tables += j * row;
	parity += j;
	switch (n_parity - j) {
	case 3:
		rows_of(3, 2, false, n_data, len, tables, data, parity);
		break;
	case 2:
		rows_of(2, 2, false, n_data, len, tables, data, parity);
		break;
	case 1:
		/* Always so where it is the only one. */
		if (tables[1] == 1)
			rows_of(1, 4, true, n_data, len, tables, data, parity);
		else
			rows_of(1, 4, false, n_data, len, tables, data, parity);
		break;
	}
}

static const struct fec_kernel kernel = {"avx2", expand, run};

const struct fec_kernel *fec_kernel_avx2(void)
{
	return __builtin_cpu_supports("avx2") ? &kernel : NULL;
}
#else
const struct fec_kernel *fec_kernel_avx2(void)
{
	return NULL;
}
#endif
