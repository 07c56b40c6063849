// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The kernel for processors with AVX-512 and GFNI. A product with a constant is linear over bits, so it is one 8x8
 * matrix of bits, which one instruction applies to 64 bytes. As in the kernel for AVX2, several parity shards are made
 * in one pass over the data shards with their sums in registers; few shards take longer strips instead, for a matrix
 * that is loaded should serve several vectors. Measured: tests/bench/net_fec.c.
 */
#include "net/fec_kernel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "net/fec_portable.h"

#define GFNI     __attribute__((target("avx512f,avx512bw,gfni")))
#define INLINE   static inline __attribute__((always_inline, target("avx512f,avx512bw,gfni")))
#define GROUP    8u /* parity shards a pass: two vectors of each are sixteen of 32 registers */
#define LONG     4u /* vectors a pass of at most four parity shards */
#define VECTOR   64u
#define MATRIX   8u                   /* bytes */
#define IDENTITY 0x0102040810204080ll /* the matrix of 1 */

/* Row r of the matrix, byte 7 - r, has bit b set when bit r of c times 2^b is. */
static void expand(unsigned n_data, unsigned n_parity, const uint8_t *coeffs, uint8_t *tables)
{
	for (size_t i = 0; i < (size_t)n_data * n_parity; i++, tables += MATRIX) {
		uint64_t m = 0;
		uint8_t c = coeffs[i];

		for (unsigned b = 0; b < 8; b++) {
			/* Bit r of c to byte 7 - r. */
			for (unsigned r = 0; r < 8; r++)
				m |= (uint64_t)(c >> r & 1) << (8 * (7 - r) + b);
			c = (uint8_t)(c << 1 ^ (c & 0x80 ? 0x1d : 0));
		}
		for (unsigned k = 0; k < MATRIX; k++)
			tables[k] = (uint8_t)(m >> 8 * k);
	}
}

INLINE __m512i load(const uint8_t *p)
{
	return _mm512_loadu_si512((const void *)p);
}

INLINE long long matrix_of(const uint8_t *table)
{
	long long m;

	memcpy(&m, table, MATRIX);
	return m;
}

/* Vectors at offset at, of rows parity shards, whose first matrices are n_data matrices apart. Inlined with constants,
 * so that sum[][] are registers. */
INLINE void strip(unsigned rows, unsigned vectors, unsigned n_data, size_t at, const uint8_t *tables,
		  const uint8_t *const *data, uint8_t *const *parity)
{
	__m512i sum[GROUP][LONG];

#pragma GCC unroll 8
	for (unsigned j = 0; j < rows; j++)
#pragma GCC unroll 4
		for (unsigned v = 0; v < vectors; v++)
			sum[j][v] = _mm512_setzero_si512();
	for (unsigned i = 0; i < n_data; i++) {
		__m512i x[LONG];

#pragma GCC unroll 4
		for (unsigned v = 0; v < vectors; v++)
			x[v] = load(data[i] + at + v * VECTOR);
#pragma GCC unroll 8
		for (unsigned j = 0; j < rows; j++) {
			const __m512i m = _mm512_set1_epi64(matrix_of(tables + ((size_t)j * n_data + i) * MATRIX));

#pragma GCC unroll 4
			for (unsigned v = 0; v < vectors; v++)
				sum[j][v] = _mm512_xor_si512(sum[j][v], _mm512_gf2p8affine_epi64_epi8(x[v], m, 0));
		}
	}
#pragma GCC unroll 8
	for (unsigned j = 0; j < rows; j++)
#pragma GCC unroll 4
		for (unsigned v = 0; v < vectors; v++)
			_mm512_storeu_si512((void *)(parity[j] + at + v * VECTOR), sum[j][v]);
}

/* All of len >= VECTOR; the last strip overlaps the one before it and writes the same again. */
INLINE void rows_of(unsigned rows, unsigned vectors, unsigned n_data, size_t len, const uint8_t *tables,
		    const uint8_t *const *data, uint8_t *const *parity)
{
	size_t at = 0;

	for (; at + (size_t)vectors * VECTOR <= len; at += (size_t)vectors * VECTOR)
		strip(rows, vectors, n_data, at, tables, data, parity);
	for (; vectors > 2 && at + (size_t)2 * VECTOR <= len; at += (size_t)2 * VECTOR)
		strip(rows, 2, n_data, at, tables, data, parity);
	for (; at + VECTOR <= len; at += VECTOR)
		strip(rows, 1, n_data, at, tables, data, parity);
	if (at < len)
		strip(rows, 1, n_data, len - VECTOR, tables, data, parity);
}

/* Too short for vectors. */
static void run_short(unsigned n_data, unsigned n_parity, size_t len, const uint8_t *tables, const uint8_t *const *data,
		      uint8_t *const *parity)
{
	uint8_t coeffs[255];

	for (unsigned j = 0; j < n_parity; j++) {
		/* A product with 1 is the coefficient: the lowest bit of each row. */
		for (unsigned i = 0; i < n_data; i++, tables += MATRIX) {
			coeffs[i] = 0;
			for (unsigned r = 0; r < 8; r++)
				coeffs[i] |= (uint8_t)((tables[7 - r] & 1) << r);
		}
		fec_row_portable(coeffs, n_data, len, data, parity[j]);
	}
}

static GFNI void run(unsigned n_data, unsigned n_parity, size_t len, const uint8_t *tables, const uint8_t *const *data,
		     uint8_t *const *parity)
{
	const size_t row = (size_t)n_data * MATRIX;
	unsigned j = 0;

	if (len < VECTOR) {
		run_short(n_data, n_parity, len, tables, data, parity);
		return;
	}
	/* The first coefficient of all is 1: of a still picture's only shard the parity is a copy. */
	if (n_data == 1 && matrix_of(tables) == IDENTITY)
		memcpy(parity[j++], data[0], len);
	for (; j + GROUP <= n_parity; j += GROUP)
		rows_of(GROUP, 2, n_data, len, tables + j * row, data, parity + j);
	if (n_parity - j >= 4) {
		rows_of(4, LONG, n_data, len, tables + j * row, data, parity + j);
		j += 4;
	}
	tables += j * row;
	parity += j;
	switch (n_parity - j) {
	case 3:
		rows_of(3, LONG, n_data, len, tables, data, parity);
		break;
	case 2:
		rows_of(2, LONG, n_data, len, tables, data, parity);
		break;
	case 1:
		rows_of(1, LONG, n_data, len, tables, data, parity);
		break;
	}
}

static const struct fec_kernel kernel = {"gfni", expand, run};

const struct fec_kernel *fec_kernel_gfni(void)
{
	return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("gfni") ? &kernel : NULL;
}
#else
const struct fec_kernel *fec_kernel_gfni(void)
{
	return NULL;
}
#endif
