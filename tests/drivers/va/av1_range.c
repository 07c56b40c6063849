// SPDX-License-Identifier: GPL-3.0-or-later
/* The arithmetic encoder of AV1: what 8.2 decodes. */
#include "av1.h"

#define WINDOW 15u /* bits that a decoder looks at */

/* Into the bytes that are out; two at most, since the range is up to twice the window. */
static void carry(struct out *o, size_t first, unsigned amount)
{
	for (size_t i = o->n / 8; amount && i-- > first;) {
		amount += o->p[i];
		o->p[i] = (uint8_t)amount;
		amount >>= 8;
	}
}

void av1_range_begin(struct av1_range *r, struct out *o, bool adapt)
{
	*r = (struct av1_range){.o = o, .first = o->n / 8, .range = 1u << WINDOW, .adapt = adapt};
}

/* Whole bytes above the window are final but for a carry. */
static void flush(struct av1_range *r)
{
	while (r->pending >= 8) {
		uint32_t byte = (uint32_t)(r->low >> (r->pending + WINDOW - 8));

		carry(r->o, r->first, byte >> 8);
		out_put(r->o, 8, byte & 0xff);
		r->pending -= 8;
		r->low &= (1ull << (r->pending + WINDOW)) - 1;
	}
}

/* The part of the range that lies above AV1_CDF_ONE - odds; rest: symbols behind. */
static uint32_t part(const struct av1_range *r, unsigned odds, unsigned rest)
{
	return ((r->range >> 8) * ((AV1_CDF_ONE - odds) >> 6) >> 1) + 4 * rest;
}

/* before, upto: cumulated probabilities around the symbol, which is the rest-th from the end. */
static void narrow(struct av1_range *r, unsigned before, unsigned upto, unsigned rest)
{
	uint32_t high = before ? part(r, before, rest + 1) : r->range,
		 low = upto < AV1_CDF_ONE ? part(r, upto, rest) : 0;
	unsigned shift;

	r->low += r->range - high;
	r->range = high - low;
	shift = (unsigned)__builtin_clz(r->range) - (31 - WINDOW);
	r->low <<= shift;
	r->range <<= shift;
	r->pending += shift;
	flush(r);
}

static unsigned log2_of(unsigned n)
{
	return 31 - (unsigned)__builtin_clz(n);
}

void av1_range_symbol(struct av1_range *r, uint16_t *cdf, unsigned n, unsigned symbol)
{
	unsigned rate = 3 + (cdf[n] > 15) + (cdf[n] > 31) + (log2_of(n) < 2 ? log2_of(n) : 2);

	narrow(r, symbol ? cdf[symbol - 1] : 0, cdf[symbol], n - 1 - symbol);
	if (!r->adapt)
		return;
	for (unsigned i = 0; i + 1 < n; i++)
		if (i < symbol)
			cdf[i] = (uint16_t)(cdf[i] - (cdf[i] >> rate));
		else
			cdf[i] = (uint16_t)(cdf[i] + ((AV1_CDF_ONE - cdf[i]) >> rate));
	cdf[n] += cdf[n] < 32;
}

void av1_range_bool(struct av1_range *r, unsigned zero_odds, unsigned bit)
{
	narrow(r, bit ? zero_odds : 0, bit ? AV1_CDF_ONE : zero_odds, !bit);
}

void av1_range_bits(struct av1_range *r, unsigned n, unsigned value)
{
	while (n--)
		av1_range_bool(r, AV1_CDF_ONE / 2, value >> n & 1);
}

/* The shortest number in the range that ends with a one: it is the trailing bit (8.2.4). */
void av1_range_end(struct av1_range *r)
{
	const uint64_t half = 1ull << (WINDOW - 1);
	uint64_t end = ((r->low + half - 1) & ~(half - 1)) | half;

	carry(r->o, r->first, (unsigned)(end >> (r->pending + WINDOW)));
	out_put(r->o, r->pending + 1, (uint32_t)(end >> (WINDOW - 1)) & ((2u << r->pending) - 1));
	if (r->o->n % 8)
		out_put(r->o, 8 - r->o->n % 8, 0);
}

static void rest(uint16_t *cdf, unsigned n)
{
	cdf[n] = 0;
}

void av1_cdfs_rest(struct av1_cdfs *c)
{
	for (unsigned i = 0; i < 16; i++)
		rest(c->partition[i / 4][i % 4], i < 4 ? 4 : 10);
	for (unsigned i = 0; i < 3; i++)
		rest(c->skip[i], 2);
	rest(c->y_mode, 13);
	rest(c->uv_mode, 14);
	rest(c->intra_tx, 7);
	rest(c->inter_tx, 16);
	rest(c->is_inter, 2);
	for (unsigned i = 0; i < 9; i++)
		rest(c->ref[i / 3][i % 3], 2);
	for (unsigned i = 0; i < 6; i++)
		rest(c->new_mv[i], 2);
	rest(c->zero_mv, 2);
	for (unsigned i = 0; i < 3; i++)
		rest(c->tx_depth[i], 2);
	rest(c->tx_split, 2);
	for (unsigned k = 0; k < 2; k++) {
		struct av1_coef_cdfs *x = &c->coef[k];

		for (unsigned i = 0; i < 13; i++)
			rest(x->none[i], 2);
		rest(x->end, k ? 5 : 7);
		for (unsigned i = 0; i < 9; i++)
			rest(x->end_extra[i], 2);
		for (unsigned i = 0; i < 4; i++)
			rest(x->last[i], 3);
		for (unsigned i = 0; i < 42; i++)
			rest(x->base[i], 4);
		for (unsigned i = 0; i < 21; i++)
			rest(x->more[i], 4);
		for (unsigned i = 0; i < 3; i++)
			rest(x->sign[i], 2);
	}
}
