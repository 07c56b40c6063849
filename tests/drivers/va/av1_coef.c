// SPDX-License-Identifier: GPL-3.0-or-later
/* Coefficients of a block (5.11.39), contexts of 8.3.2: two-dimensional transforms of 8x8 in luma, 4x4 in chroma. */
#include "av1.h"

enum { DCT_INTRA = 1, DCT_INTER = 7 }; /* of the seven and the sixteen transforms of a block of 8x8 */

struct block {
	struct av1_range *r;
	struct av1_coef_cdfs *c;
	const struct av1_levels *l;
	unsigned n; /* samples a side */
};

static unsigned size_of(const struct block *b, unsigned row, unsigned column, unsigned most)
{
	unsigned v;

	if (row >= b->n || column >= b->n)
		return 0;
	v = (unsigned)(b->l->v[row * b->n + column] < 0 ? -b->l->v[row * b->n + column] : b->l->v[row * b->n + column]);
	return v < most ? v : most;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned base_context(const struct block *b, unsigned row, unsigned column)
{
	/* By distance from the first, rows and columns alike: 0 none, 1, 6, 21. */
	static const uint8_t offset4[4][4] = {{0, 1, 6, 6}, {1, 6, 6, 21}, {6, 6, 21, 21}, {6, 21, 21, 21}};
	static const uint8_t offset8[5][5] = {
		{0, 1, 6, 6, 21}, {1, 6, 6, 21, 21}, {6, 6, 21, 21, 21}, {6, 21, 21, 21, 21}, {21, 21, 21, 21, 21}};
	unsigned sum = size_of(b, row, column + 1, 3) + size_of(b, row + 1, column, 3) +
		       size_of(b, row + 1, column + 1, 3) + size_of(b, row, column + 2, 3) +
		       size_of(b, row + 2, column, 3);

	if (!row && !column)
		return 0;
	return least((sum + 1) / 2, 4) + (b->n == 4 ? offset4[row][column] : offset8[least(row, 4)][least(column, 4)]);
}

static unsigned more_context(const struct block *b, unsigned row, unsigned column)
{
	unsigned sum =
		size_of(b, row, column + 1, 15) + size_of(b, row + 1, column, 15) + size_of(b, row + 1, column + 1, 15);
	unsigned context = least((sum + 1) / 2, 6);

	if (!row && !column)
		return context;
	return context + (row < 2 && column < 2 ? 7 : 14);
}

static void code_end(struct block *b)
{
	unsigned end = b->l->end, class = 0, bits, rest;

	/* 1, 2, 3..4, 5..8, ... */
	while (end > (class ? 1u << class : 1u))
		class ++;
	av1_range_symbol(b->r, b->c->end, b->n == 8 ? 7 : 5, class);
	if (class < 2)
		return;
	bits = class - 1;
	rest = end - (1u << bits) - 1;
	av1_range_symbol(b->r, b->c->end_extra[class - 2], 2, rest >> (bits - 1) & 1);
	av1_range_bits(b->r, bits - 1, rest & ((1u << (bits - 1)) - 1));
}

static void code_sizes(struct block *b)
{
	const uint8_t *scan = av1_scan(b->n);

	for (unsigned i = b->l->end; i-- > 0;) {
		const unsigned pos = scan[i], row = pos / b->n, column = pos % b->n;
		unsigned v = size_of(b, row, column, UINT16_MAX);

		if (i + 1 == b->l->end) {
			unsigned context = !i ? 0 : i <= b->n * b->n / 8 ? 1 : i <= b->n * b->n / 4 ? 2 : 3;

			av1_range_symbol(b->r, b->c->last[context], 3, least(v, 3) - 1);
		} else {
			av1_range_symbol(b->r, b->c->base[base_context(b, row, column)], 4, least(v, 3));
		}
		if (v < 3)
			continue;
		v -= 3;
		for (unsigned k = 0; k < 4; k++, v -= 3) {
			av1_range_symbol(b->r, b->c->more[more_context(b, row, column)], 4, least(v, 3));
			if (v < 3)
				break;
		}
	}
}

/* 5.11.40: the length in ones behind noughts, then the number. */
static void code_golomb(struct av1_range *r, unsigned v)
{
	unsigned bits = 32 - (unsigned)__builtin_clz(v + 1);

	av1_range_bits(r, bits - 1, 0);
	av1_range_bits(r, bits, v + 1);
}

static void code_signs(struct block *b, unsigned context)
{
	const uint8_t *scan = av1_scan(b->n);

	for (unsigned i = 0; i < b->l->end; i++) {
		const int v = b->l->v[scan[i]];
		const unsigned size = (unsigned)(v < 0 ? -v : v);

		if (!v)
			continue;
		if (!i)
			av1_range_symbol(b->r, b->c->sign[context], 2, v < 0);
		else
			av1_range_bits(b->r, 1, v < 0);
		if (size > 14)
			code_golomb(b->r, size - 15);
	}
}

void av1_coefficients(struct av1_range *r, struct av1_cdfs *c, const struct av1_levels *l, bool chroma, bool inter,
		      uint8_t *const level[2], uint8_t *const dc[2])
{
	struct block b = {.r = r, .c = &c->coef[chroma], .l = l, .n = chroma ? 4 : 8};
	const unsigned each = b.n / 4;
	unsigned none = 0, total = 0;
	uint8_t dc_kind = 0;
	int sign = 0;

	for (unsigned k = 0; k < 2; k++) {
		unsigned any = 0;

		for (unsigned i = 0; i < each; i++) {
			any |= level[k][i] | dc[k][i];
			sign += (dc[k][i] == 2) - (dc[k][i] == 1);
		}
		none += any != 0;
	}
	av1_range_symbol(r, b.c->none[chroma ? 7 + none : 0], 2, !l->end);
	if (l->end) {
		if (!chroma && inter)
			av1_range_symbol(r, c->inter_tx, 16, DCT_INTER);
		else if (!chroma)
			av1_range_symbol(r, c->intra_tx, 7, DCT_INTRA);
		code_end(&b);
		code_sizes(&b);
		code_signs(&b, sign < 0 ? 1 : sign > 0 ? 2 : 0);
		for (unsigned i = 0; i < b.n * b.n; i++)
			total += (unsigned)(l->v[i] < 0 ? -l->v[i] : l->v[i]);
		dc_kind = l->v[0] < 0 ? 1 : l->v[0] > 0 ? 2 : 0;
	}
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < each; i++) {
			level[k][i] = (uint8_t)least(total, 63);
			dc[k][i] = dc_kind;
		}
}
