// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/fec_plan.h"

#include <errno.h>

struct fec_block fec_plan_block(unsigned n_data, unsigned percent, unsigned min)
{
	unsigned q = percent;

	if (q && fec_parity_count(n_data, q) < min) {
		/* The largest percentage that means exactly min. Where rounding makes it mean less (long
		 * blocks), the smallest that means at least min. */
		q = 100 * min / n_data;
		if (fec_parity_count(n_data, q) < min)
			q = 100 * (min - 1) / n_data + 1;
		if (q > UINT8_MAX)
			q = UINT8_MAX;
	}
	if (n_data >= FEC_SHARDS_MAX)
		q = 0;
	else if (n_data + fec_parity_count(n_data, q) > FEC_SHARDS_MAX)
		q = 100 * (FEC_SHARDS_MAX - n_data) / n_data;
	return (struct fec_block){
		.n_data = (uint16_t)n_data,
		.n_parity = (uint8_t)fec_parity_count(n_data, q),
		.percent = (uint8_t)q,
	};
}

unsigned fec_plan_data_max(unsigned percent, unsigned min)
{
	unsigned by_percent = FEC_SHARDS_MAX * 100 / (100 + percent);
	unsigned by_min = min < FEC_SHARDS_MAX ? FEC_SHARDS_MAX - min : 1;

	if (!percent)
		return FEC_DATA_UNCODED_MAX;
	return by_percent < by_min ? by_percent : by_min;
}

int fec_plan_rest(struct fec_plan *plan, unsigned n_shards, unsigned percent, unsigned min, unsigned n_min,
		  unsigned n_max)
{
	unsigned n, max = fec_plan_data_max(percent, min);

	if (n_shards < n_min || n_shards > n_max * FEC_DATA_UNCODED_MAX)
		return -EMSGSIZE;
	n = (n_shards + max - 1) / max;
	n = n < n_min ? n_min : n > n_max ? n_max : n;
	plan->n_blocks = n;
	for (unsigned i = 0; i < n; i++)
		plan->block[i] = fec_plan_block(n_shards / n + (i < n_shards % n), percent, min);
	return 0;
}

int fec_plan_frame(struct fec_plan *plan, unsigned n_shards, unsigned percent, unsigned min)
{
	return fec_plan_rest(plan, n_shards, percent, min, 1, FEC_BLOCKS_MAX);
}
