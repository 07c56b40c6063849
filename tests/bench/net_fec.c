// SPDX-License-Identifier: GPL-3.0-or-later
/* Parity throughput of each kernel that works here, interleaved, median of the rounds; of the first, which is used,
 * once more with a shape that changes every time, so that no table is at hand. One JSON object on stdout. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "net/fec.h"
#include "net/fec_kernel.h"

#define LEN    1408u
#define ROUNDS 15u

#define KERNELS_MAX 4u

static const struct {
	unsigned k, m;
} shapes[] = {{4, 1}, {10, 1}, {4, 2}, {10, 2}, {12, 3}, {17, 4}, {26, 6}, {41, 9}, {100, 20}, {120, 60}, {200, 50}};

static uint8_t *shard[255];

/* GB/s of data. fresh: neighbours of the shape push each out of the cache before it comes again. */
static double run(struct fec *f, bool fresh, unsigned k, unsigned m, unsigned n)
{
	unsigned spread = fresh ? 12 : 1;
	uint64_t bytes = 0, start = clock_thread_cpu_ns();

	for (unsigned i = 0; i < n; i++) {
		unsigned d = k - i % spread % k;

		fec_encode(f, d, m, LEN, (const uint8_t *const *)shard, shard + d);
		bytes += (uint64_t)d * LEN;
	}
	return (double)bytes / (double)(clock_thread_cpu_ns() - start);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	uint8_t *mem = malloc((size_t)255 * LEN);
	struct fec *f[KERNELS_MAX];
	unsigned kernels = 0;

	for (; kernels < KERNELS_MAX && fec_kernel_at(kernels); kernels++) {
		f[kernels] = fec_create_on(fec_kernel_at(kernels));
		if (!f[kernels])
			return 1;
	}
	if (!mem)
		return 1;
	for (size_t i = 0; i < (size_t)255 * LEN; i++)
		mem[i] = (uint8_t)(i * 2654435761u >> 13);
	for (unsigned i = 0; i < 255; i++)
		shard[i] = mem + (size_t)i * LEN;
	printf("{\"bench\":\"net_fec\",\"shard\":%u,\"unit\":\"GB/s of data\",\"shapes\":[", LEN);
	for (unsigned s = 0; s < ARRAY_LEN(shapes); s++) {
		double r[KERNELS_MAX + 1][ROUNDS];
		unsigned k = shapes[s].k, m = shapes[s].m, n = 4000000 / (k * m * LEN / 16) + 2;

		for (unsigned i = 0; i < ROUNDS; i++) {
			for (unsigned v = 0; v < kernels; v++)
				r[v][i] = run(f[v], false, k, m, n);
			r[kernels][i] = run(f[0], true, k, m, n);
		}
		for (unsigned v = 0; v <= kernels; v++)
			qsort(r[v], ROUNDS, sizeof(**r), compare);
		printf("%s{\"data\":%u,\"parity\":%u", s ? "," : "", k, m);
		for (unsigned v = 0; v < kernels; v++)
			printf(",\"%s\":%.2f", fec_kernel_at(v)->name, r[v][ROUNDS / 2]);
		printf(",\"fresh\":%.2f,\"us_per_block\":%.2f}", r[kernels][ROUNDS / 2],
		       (double)k * LEN / 1000 / r[0][ROUNDS / 2]);
	}
	printf("]}\n");
	free(mem);
	for (unsigned v = 0; v < kernels; v++)
		fec_destroy(f[v]);
	return 0;
}
