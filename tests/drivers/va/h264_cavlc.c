// SPDX-License-Identifier: GPL-3.0-or-later
/* Slice data in CAVLC (7.3.5, 9.2). Tables 9-5, 9-7 to 9-10 of the standard, as lengths and codes. */
#include "h264.h"

#include <stdlib.h>
#include <string.h>

/* [nC class][total coefficients * 4 + trailing ones] */
static const uint8_t token_len[4][68] = {
	{1,  0,  0,  0,  6,  2,  0,  0,  8,  6,  3,  0,  9,  8,  7,  5,  10, 9,  8,  6,  11, 10, 9,
	 7,  13, 11, 10, 8,  13, 13, 11, 9,  13, 13, 13, 10, 14, 14, 13, 11, 14, 14, 14, 13, 15, 15,
	 14, 14, 15, 15, 15, 14, 16, 15, 15, 15, 16, 16, 16, 15, 16, 16, 16, 16, 16, 16, 16, 16},
	{2,  0,  0,  0,  6,  2,  0,  0,  6,  5,  3,  0,  7,  6,  6,  4,  8,  6,  6,  4,  8,  7,  7,
	 5,  9,  8,  8,  6,  11, 9,  9,  6,  11, 11, 11, 7,  12, 11, 11, 9,  12, 12, 12, 11, 12, 12,
	 12, 11, 13, 13, 13, 12, 13, 13, 13, 13, 13, 14, 13, 13, 14, 14, 14, 13, 14, 14, 14, 14},
	{4, 0, 0, 0, 6, 4, 0,  0, 6, 5, 4,  0,  6,  5,  5,  4,  7,  5,  5,  4,  7,  5, 5,
	 4, 7, 6, 6, 4, 7, 6,  6, 4, 8, 7,  7,  5,  8,  8,  7,  6,  9,  8,  8,  7,  9, 9,
	 8, 8, 9, 9, 9, 8, 10, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10},
	{6, 0, 0, 0, 6, 6, 0, 0, 6, 6, 6, 0, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
	 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6},
};
static const uint8_t token_code[4][68] = {
	{1, 0,  0,  0,  5,  1,  0,  0, 7, 4,  1,  0,  7,  6,  5,  3,  7, 6,  5,  3,  7,  6,  5,
	 4, 15, 6,  5,  4,  11, 14, 5, 4, 8,  10, 13, 4,  15, 14, 9,  4, 11, 10, 13, 12, 15, 14,
	 9, 12, 11, 10, 13, 8,  15, 1, 9, 12, 11, 14, 13, 8,  7,  10, 9, 12, 4,  6,  5,  8},
	{3, 0, 0,  0,  11, 2,  0,  0,  7, 7,  3,  0,  7, 10, 9,  5, 7,  6,  5,  4,  4,  6, 5,
	 6, 7, 6,  5,  8,  15, 6,  5,  4, 11, 14, 13, 4, 15, 10, 9, 4,  11, 14, 13, 12, 8, 10,
	 9, 8, 15, 14, 13, 12, 11, 10, 9, 12, 7,  11, 6, 8,  9,  8, 10, 1,  7,  6,  5,  4},
	{15, 0,  0,  0,  15, 14, 0,  0, 11, 15, 13, 0,  8,  12, 14, 12, 15, 10, 11, 11, 11, 8,  9,
	 10, 9,  14, 13, 9,  8,  10, 9, 8,  15, 14, 13, 13, 11, 14, 10, 12, 15, 10, 13, 12, 11, 14,
	 9,  12, 8,  10, 13, 8,  13, 7, 9,  12, 9,  12, 11, 10, 5,  8,  7,  6,  1,  4,  3,  2},
	{3,  0,  0,  0,  0,  1,  0,  0,  4,  5,  6,  0,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18,
	 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
	 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63},
};
static const uint8_t token_dc_len[20] = {2, 0, 0, 0, 6, 1, 0, 0, 6, 6, 3, 0, 6, 7, 7, 6, 6, 8, 8, 7};
static const uint8_t token_dc_code[20] = {1, 0, 0, 0, 7, 1, 0, 0, 4, 6, 1, 0, 3, 3, 2, 5, 2, 3, 2, 0};

/* [total coefficients - 1][zeros] */
static const uint8_t zeros_len[15][16] = {
	{1, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 9},
	{3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 6, 6},
	{4, 3, 3, 3, 4, 4, 3, 3, 4, 5, 5, 6, 5, 6},
	{5, 3, 4, 4, 3, 3, 3, 4, 3, 4, 5, 5, 5},
	{4, 4, 4, 3, 3, 3, 3, 3, 4, 5, 4, 5},
	{6, 5, 3, 3, 3, 3, 3, 3, 4, 3, 6},
	{6, 5, 3, 3, 3, 2, 3, 4, 3, 6},
	{6, 4, 5, 3, 2, 2, 3, 3, 6},
	{6, 6, 4, 2, 2, 3, 2, 5},
	{5, 5, 3, 2, 2, 2, 4},
	{4, 4, 3, 3, 1, 3},
	{4, 4, 2, 1, 3},
	{3, 3, 1, 2},
	{2, 2, 1},
	{1, 1},
};
static const uint8_t zeros_code[15][16] = {
	{1, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 1},
	{7, 6, 5, 4, 3, 5, 4, 3, 2, 3, 2, 3, 2, 1, 0},
	{5, 7, 6, 5, 4, 3, 4, 3, 2, 3, 2, 1, 1, 0},
	{3, 7, 5, 4, 6, 5, 4, 3, 3, 2, 2, 1, 0},
	{5, 4, 3, 7, 6, 5, 4, 3, 2, 1, 1, 0},
	{1, 1, 7, 6, 5, 4, 3, 2, 1, 1, 0},
	{1, 1, 5, 4, 3, 3, 2, 1, 1, 0},
	{1, 1, 1, 3, 3, 2, 2, 1, 0},
	{1, 0, 1, 3, 2, 1, 1, 1},
	{1, 0, 1, 3, 2, 1, 1},
	{0, 1, 1, 2, 1, 3},
	{0, 1, 1, 1, 1},
	{0, 1, 1, 1},
	{0, 1, 1},
	{0, 1},
};
static const uint8_t zeros_dc_len[3][4] = {{1, 2, 3, 3}, {1, 2, 2}, {1, 1}};
static const uint8_t zeros_dc_code[3][4] = {{1, 1, 1, 0}, {1, 1, 0}, {1, 0}};

/* [zeros left - 1, at most 6][run] */
static const uint8_t run_len[7][15] = {{1, 1},
				       {1, 2, 2},
				       {2, 2, 2, 2},
				       {2, 2, 2, 3, 3},
				       {2, 2, 3, 3, 3, 3},
				       {2, 3, 3, 3, 3, 3, 3},
				       {3, 3, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
static const uint8_t run_code[7][15] = {{1, 0},
					{1, 1, 0},
					{3, 2, 1, 0},
					{3, 2, 1, 1, 0},
					{3, 2, 3, 2, 1, 0},
					{3, 0, 1, 3, 2, 5, 4},
					{7, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1}};

/* coded_block_pattern of inter blocks by codeNum, table 9-4 */
static const uint8_t inter_cbp[48] = {0,  16, 1,  2,  4,  8,  32, 3,  5,  10, 12, 15, 47, 7,  11, 13,
				      14, 6,  9,  31, 35, 37, 42, 44, 33, 34, 36, 40, 39, 43, 45, 46,
				      17, 18, 20, 24, 19, 21, 26, 28, 23, 27, 29, 30, 22, 25, 38, 41};

static void put_level(struct out *o, int level, unsigned *suffix, bool first, bool few_ones)
{
	unsigned code = (unsigned)abs(level) * 2 - (level > 0 ? 2 : 1);

	if (first && few_ones)
		code -= 2;
	if (*suffix == 0 && code < 14)
		out_put(o, code + 1, 1);
	else if (*suffix == 0 && code < 30)
		out_put(o, 15, 1), out_put(o, 4, code - 14);
	else if (*suffix == 0)
		out_put(o, 16, 1), out_put(o, 12, code - 30);
	else if (code < 15u << *suffix)
		out_put(o, (code >> *suffix) + 1, 1), out_put(o, *suffix, code & ((1u << *suffix) - 1));
	else
		out_put(o, 16, 1), out_put(o, 12, code - (15u << *suffix));
	if (*suffix == 0)
		*suffix = 1;
	if (abs(level) > 3 << (*suffix - 1) && *suffix < 6)
		++*suffix;
}

/* n levels in scan order; nc: -1 for chroma DC. */
static void residual(struct out *o, const int16_t *level, unsigned n, int nc)
{
	unsigned at[16], total = 0, ones = 0, suffix, left;
	const unsigned table = nc < 2 ? 0 : nc < 4 ? 1 : nc < 8 ? 2 : 3;

	for (unsigned i = 0; i < n; i++)
		if (level[i])
			at[total++] = i;
	while (ones < 3 && ones < total && abs(level[at[total - 1 - ones]]) == 1)
		ones++;
	if (nc < 0)
		out_put(o, token_dc_len[total * 4 + ones], token_dc_code[total * 4 + ones]);
	else
		out_put(o, token_len[table][total * 4 + ones], token_code[table][total * 4 + ones]);
	if (!total)
		return;
	for (unsigned i = 0; i < ones; i++)
		out_put(o, 1, level[at[total - 1 - i]] < 0);
	suffix = total > 10 && ones < 3;
	for (unsigned i = ones; i < total; i++)
		put_level(o, level[at[total - 1 - i]], &suffix, i == ones, ones < 3);
	left = at[total - 1] + 1 - total;
	if (total < n && nc < 0)
		out_put(o, zeros_dc_len[total - 1][left], zeros_dc_code[total - 1][left]);
	else if (total < n)
		out_put(o, zeros_len[total - 1][left], zeros_code[total - 1][left]);
	for (unsigned i = total - 1; i > 0 && left > 0; i--) {
		unsigned run = at[i] - at[i - 1] - 1, row = left > 6 ? 6 : left - 1;

		out_put(o, run_len[row][run], run_code[row][run]);
		left -= run;
	}
}

static int average(int a, int b)
{
	return a >= 0 && b >= 0 ? (a + b + 1) >> 1 : a >= 0 ? a : b >= 0 ? b : 0;
}

static int luma_nc(const struct h264_frame *f, unsigned n, unsigned b)
{
	const struct h264_mb *m = &f->mb[n], *l = b % 4 ? m : h264_left(f, n), *a = b >= 4 ? m : h264_above(f, n);

	return average(l ? l->luma[b % 4 ? b - 1 : b + 3] : -1, a ? a->luma[b >= 4 ? b - 4 : b + 12] : -1);
}

static int chroma_nc(const struct h264_frame *f, unsigned n, unsigned plane, unsigned b)
{
	const struct h264_mb *m = &f->mb[n], *l = b % 2 ? m : h264_left(f, n), *a = b >= 2 ? m : h264_above(f, n);

	return average(l ? l->chroma[plane][b % 2 ? b - 1 : b + 1] : -1,
		       a ? a->chroma[plane][b >= 2 ? b - 2 : b + 2] : -1);
}

static void begin(struct h264_coder *e)
{
	e->skip_run = 0;
}

static void mb(struct h264_coder *e, unsigned n, const struct h264_levels *l, int qp_delta, bool last)
{
	const struct h264_frame *f = e->f;
	const struct h264_mb *m = &f->mb[n];
	const struct h264_header *h = f->slice[e->slice].h;
	const bool p_slice = h->type % 5 == 0;
	struct out *o = e->o;

	if (m->kind == H264_SKIP) {
		e->skip_run++;
		if (last)
			out_ue(o, e->skip_run);
		return;
	}
	if (p_slice)
		out_ue(o, e->skip_run);
	e->skip_run = 0;
	if (m->kind == H264_INTRA) {
		out_ue(o, (p_slice ? 5 : 0) + 1 + 2 + 4u * m->cbp_chroma + (m->cbp_luma ? 12 : 0));
		out_ue(o, 0); /* chroma: DC */
	} else {
		unsigned code = 0;

		out_ue(o, 0); /* P_L0_16x16 */
		if (h->n_refs == 2)
			out_put(o, 1, 1);
		else if (h->n_refs > 2)
			out_ue(o, 0);
		out_se(o, 0);
		out_se(o, 0);
		while (inter_cbp[code] != (m->cbp_luma | m->cbp_chroma << 4))
			code++;
		out_ue(o, code);
		if (m->cbp_luma && f->pps->transform_8x8)
			out_put(o, 1, 0);
	}
	out_se(o, qp_delta);
	if (m->kind == H264_INTRA)
		residual(o, l->dc, 16, luma_nc(f, n, 0));
	for (unsigned i = 0; i < 16; i++) {
		unsigned b = h264_block_order[i];

		if (!(m->cbp_luma >> (i / 4) & 1))
			continue;
		if (m->kind == H264_INTRA)
			residual(o, l->luma[b] + 1, 15, luma_nc(f, n, b));
		else
			residual(o, l->luma[b], 16, luma_nc(f, n, b));
	}
	for (unsigned plane = 0; plane < 2 && m->cbp_chroma; plane++)
		residual(o, l->chroma_dc[plane], 4, -1);
	for (unsigned plane = 0; plane < 2 && m->cbp_chroma == 2; plane++)
		for (unsigned b = 0; b < 4; b++)
			residual(o, l->chroma[plane][b] + 1, 15, chroma_nc(f, n, plane, b));
}

static void end(struct h264_coder *e)
{
	out_trailing(e->o);
}

const struct h264_coder_ops h264_cavlc = {begin, mb, end};
