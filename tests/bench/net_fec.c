// SPDX-License-Identifier: GPL-3.0-or-later
/* Parity throughput: the encoder in use against the portable one, interleaved, median of the rounds; once with tables
 * from the cache and once with a shape that changes every time. One JSON object on stdout. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/str.h"
#include "build_config.h"
#include "net/fec.h"

#define LEN    1408u
#define ROUNDS 15u

static const struct {
	unsigned k, m;
} shapes[] = {{10, 2}, {17, 4}, {41, 9}, {100, 20}, {200, 50}};

static uint8_t *shard[255];

enum variant { CACHED, FRESH, PORTABLE, VARIANTS };

static double run(struct fec *f, enum variant v, unsigned k, unsigned m, unsigned n)
{
	/* Enough neighbours of the shape to push each out of the cache before it comes again. */
	unsigned spread = v == FRESH ? 12 : 1;
	uint64_t bytes = 0, start = clock_thread_cpu_ns();

	for (unsigned i = 0; i < n; i++) {
		unsigned d = k - i % spread % k;

		if (v == PORTABLE)
			fec_encode_portable(d, m, LEN, (const uint8_t *const *)shard, shard + d);
		else
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
	struct fec *f = fec_create();
	uint8_t *mem = malloc((size_t)255 * LEN);

	if (!f || !mem)
		return 1;
	for (size_t i = 0; i < (size_t)255 * LEN; i++)
		mem[i] = (uint8_t)(i * 2654435761u >> 13);
	for (unsigned i = 0; i < 255; i++)
		shard[i] = mem + (size_t)i * LEN;
	printf("{\"bench\":\"net_fec\",\"isal\":%s,\"shard\":%u,\"unit\":\"GB/s of data\",\"shapes\":[",
	       HAVE_ISAL ? "true" : "false", LEN);
	for (unsigned s = 0; s < ARRAY_LEN(shapes); s++) {
		double r[VARIANTS][ROUNDS];
		unsigned k = shapes[s].k, m = shapes[s].m, n = 4000000 / (k * m * LEN / 16) + 2;

		for (unsigned i = 0; i < ROUNDS; i++)
			for (unsigned v = 0; v < VARIANTS; v++)
				r[v][i] = run(f, v, k, m, n);
		for (unsigned v = 0; v < VARIANTS; v++)
			qsort(r[v], ROUNDS, sizeof(**r), compare);
		printf("%s{\"data\":%u,\"parity\":%u,\"cached\":%.2f,\"fresh\":%.2f,\"portable\":%.2f,"
		       "\"ratio\":%.2f,\"us_per_block\":%.2f}",
		       s ? "," : "", k, m, r[CACHED][ROUNDS / 2], r[FRESH][ROUNDS / 2], r[PORTABLE][ROUNDS / 2],
		       r[CACHED][ROUNDS / 2] / r[PORTABLE][ROUNDS / 2], (double)k * LEN / 1000 / r[CACHED][ROUNDS / 2]);
	}
	printf("]}\n");
	free(mem);
	fec_destroy(f);
	return 0;
}
