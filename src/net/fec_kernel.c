// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/fec_kernel.h"

#include <stdbool.h>
#include <string.h>

#include "build_config.h"
#if HAVE_ISAL
#include <isa-l.h>
#endif

#include "base/str.h"
#include "net/fec_portable.h"

static void expand_portable(unsigned n_data, unsigned n_parity, const uint8_t *coeffs, uint8_t *tables)
{
	memcpy(tables, coeffs, (size_t)n_data * n_parity);
}

static void run_portable(unsigned n_data, unsigned n_parity, size_t len, const uint8_t *tables,
			 const uint8_t *const *data, uint8_t *const *parity)
{
	for (unsigned j = 0; j < n_parity; j++)
		fec_row_portable(tables + (size_t)j * n_data, n_data, len, data, parity[j]);
}

static const struct fec_kernel portable = {"portable", expand_portable, run_portable};

#if HAVE_ISAL
static void expand_isal(unsigned n_data, unsigned n_parity, const uint8_t *coeffs, uint8_t *tables)
{
	ec_init_tables((int)n_data, (int)n_parity, (unsigned char *)(uintptr_t)coeffs, tables);
}

static void run_isal(unsigned n_data, unsigned n_parity, size_t len, const uint8_t *tables, const uint8_t *const *data,
		     uint8_t *const *parity)
{
	/* It reads tables and data and writes parity; its prototypes know no const. */
	ec_encode_data((int)len, (int)n_data, (int)n_parity, (unsigned char *)(uintptr_t)tables,
		       (uint8_t **)(uintptr_t)data, (uint8_t **)(uintptr_t)parity);
}

static const struct fec_kernel isal = {"isal", expand_isal, run_isal};

/* Its kernels for AVX2 are slower than ours, by a third with few parity shards, and so are those for AVX-512 with GFNI
 * that 2.31 brought (figures in doc/network.md). Those for one of the two alone take twice as much at a time as ours
 * for AVX2; they were not measured. */
static bool isal_first(void)
{
#if defined(__x86_64__) || defined(__i386__)
	bool one = __builtin_cpu_supports("avx512bw");

#if ISAL_VERSION >= ISAL_MAKE_VERSION(2, 31, 0)
	one = one || __builtin_cpu_supports("gfni");
#endif
	return one && !fec_kernel_gfni();
#else
	return true;
#endif
}
#endif

const struct fec_kernel *fec_kernel_at(unsigned n)
{
	const struct fec_kernel *list[5] = {NULL}, *avx2 = fec_kernel_avx2(), *gfni = fec_kernel_gfni();
	unsigned count = 0;

	if (gfni)
		list[count++] = gfni;
#if HAVE_ISAL
	if (isal_first())
		list[count++] = &isal;
#endif
	if (avx2)
		list[count++] = avx2;
#if HAVE_ISAL
	if (!isal_first())
		list[count++] = &isal;
#endif
	list[count++] = &portable;
	return n < count ? list[n] : NULL;
}
