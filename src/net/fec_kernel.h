// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The inner loop of Reed-Solomon: each parity shard is the sum of coefficient times data shard over GF(2^8), polynomial
 * 0x11d. One entry a way of doing it; any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FEC_TABLE_BYTES 32u /* a coefficient takes no more */

struct fec;

struct fec_kernel {
	const char *name;
	/* Row by row, n_data coefficients for each parity shard, into at most FEC_TABLE_BYTES each; tables lie on
	 * 64. */
	void (*expand)(unsigned n_data, unsigned n_parity, const uint8_t *coeffs, uint8_t *tables);
	/* Both counts > 0, any len, shards anywhere and not overlapping. */
	void (*run)(unsigned n_data, unsigned n_parity, size_t len, const uint8_t *tables, const uint8_t *const *data,
		    uint8_t *const *parity);
};

/* The n-th that works on this processor, the fastest first, the portable one, which always works, last; NULL past
 * it. */
const struct fec_kernel *fec_kernel_at(unsigned n);

/* fec_create() on another kernel than the first: for tests and benchmarks. */
struct fec *fec_create_on(const struct fec_kernel *kernel);

/* The kernel for AVX2; NULL where that is not to be had. */
const struct fec_kernel *fec_kernel_avx2(void);
/* The kernel for AVX-512 and GFNI; likewise. */
const struct fec_kernel *fec_kernel_gfni(void);
