// SPDX-License-Identifier: GPL-3.0-or-later
/* Slice data of HEVC (7.3.8, 9.3) for what hevc_cu.c makes. Initial values: tables 9-5 to 9-32. */
#include "hevc.h"

#include <stdlib.h>

enum { /* first context of each syntax element */
       SPLIT_CU,
       SKIP = SPLIT_CU + 3,
       QP_DELTA = SKIP + 3,
       PRED_MODE = QP_DELTA + 2,
       PART_MODE,
       PREV_INTRA,
       INTRA_CHROMA,
       MERGE_FLAG,
       MERGE_IDX,
       SPLIT_TRANSFORM,
       CBF_LUMA = SPLIT_TRANSFORM + 3,
       CBF_CHROMA = CBF_LUMA + 2,
       LAST_X,
       LAST_Y = LAST_X + 18,
       SUB_BLOCK = LAST_Y + 18,
       SIGNIFICANT = SUB_BLOCK + 4,
       GREATER1 = SIGNIFICANT + 42,
       GREATER2 = GREATER1 + 24,
       CONTEXTS = GREATER2 + 6,
};

#define LAST_I 110, 110, 124, 125, 140, 153, 125, 127, 140, 109, 111, 143, 127, 111, 79, 108, 123, 63
#define LAST_1 125, 110, 94, 110, 95, 79, 125, 111, 110, 78, 110, 111, 111, 95, 94, 108, 123, 108
#define LAST_2 125, 110, 124, 110, 95, 94, 125, 111, 111, 79, 125, 126, 111, 111, 79, 108, 123, 93

/* By initType: 0 I, 1 P, 2 B (the other way round with cabac_init_flag). 154 where a type has no such element. */
static const uint8_t init[3][CONTEXTS] = {
	{139,    141,    157, 154, 154, 154, 154, 154, 154, 184, 184, 63,  154, 154, 153, 138, 138, 111, 141, 94,
	 LAST_I, LAST_I, 91,  171, 134, 141, 111, 111, 125, 110, 110, 94,  124, 108, 124, 107, 125, 141, 179, 153,
	 125,    107,    125, 141, 179, 153, 125, 107, 125, 141, 179, 153, 125, 140, 139, 182, 182, 152, 136, 152,
	 136,    153,    136, 139, 111, 136, 139, 111, 140, 92,  137, 138, 140, 152, 138, 139, 153, 74,  149, 92,
	 139,    107,    122, 152, 140, 179, 166, 182, 140, 227, 122, 197, 138, 153, 136, 167, 152, 152},
	{107,    139,    126, 197, 185, 201, 154, 154, 149, 154, 154, 152, 110, 122, 124, 138, 94,  153, 111, 149,
	 LAST_1, LAST_1, 121, 140, 61,  154, 155, 154, 139, 153, 139, 123, 123, 63,  153, 166, 183, 140, 136, 153,
	 154,    166,    183, 140, 136, 153, 154, 166, 183, 140, 136, 153, 154, 170, 153, 123, 123, 107, 121, 107,
	 121,    167,    151, 183, 140, 151, 183, 140, 154, 196, 196, 167, 154, 152, 167, 182, 182, 134, 149, 136,
	 153,    121,    136, 137, 169, 194, 166, 167, 154, 167, 137, 182, 107, 167, 91,  122, 107, 167},
	{107,    139,    126, 197, 185, 201, 154, 154, 134, 154, 183, 152, 154, 137, 224, 167, 122, 153, 111, 149,
	 LAST_2, LAST_2, 121, 140, 61,  154, 170, 154, 139, 153, 139, 123, 123, 63,  124, 166, 183, 140, 136, 153,
	 154,    166,    183, 140, 136, 153, 154, 166, 183, 140, 136, 153, 154, 170, 153, 138, 138, 122, 121, 122,
	 121,    167,    151, 183, 140, 151, 183, 140, 154, 196, 167, 167, 154, 152, 167, 182, 182, 134, 149, 136,
	 153,    121,    136, 122, 169, 208, 166, 167, 154, 152, 167, 182, 107, 167, 91,  107, 107, 167},
};

struct coder {
	struct hevc_frame *f;
	unsigned slice;
	struct cabac cabac;
	int qp;                /* wanted */
	int last_qp;           /* of the unit before in decoding order */
	int base_qp, group_qp; /* this quantization group's prediction; what its units have from here on */
	bool delta_said;
};

/* 6.5.3: up-right diagonals. */
static void diagonal(unsigned size, uint8_t (*at)[2])
{
	unsigned n = 0;

	for (unsigned d = 0; d < 2 * size - 1; d++)
		for (unsigned x = 0; x <= d; x++)
			if (x < size && d - x < size) {
				at[n][0] = (uint8_t)x;
				at[n++][1] = (uint8_t)(d - x);
			}
}

static unsigned log2_of(unsigned v)
{
	return 31 - (unsigned)__builtin_clz(v);
}

static void put_bypass(struct cabac *c, unsigned n, uint32_t v)
{
	while (n-- > 0)
		cabac_bypass(c, v >> n & 1);
}

/* 7.3.8.11: prefix and suffix of a coordinate of the last coefficient. */
static unsigned last_prefix(unsigned pos)
{
	unsigned len;

	if (pos < 4)
		return pos;
	len = log2_of(pos);
	return 2 * len + (pos >> (len - 1) & 1);
}

static void put_last_prefix(struct cabac *c, unsigned ctx, unsigned log2, bool chroma, unsigned pos)
{
	const unsigned offset = chroma ? 15 : 3 * (log2 - 2) + ((log2 - 1) >> 2),
		       shift = chroma ? log2 - 2 : (log2 + 1) >> 2, prefix = last_prefix(pos);

	for (unsigned i = 0; i < prefix; i++)
		cabac_decide(c, ctx + offset + (i >> shift), 1);
	if (prefix < 2 * log2 - 1)
		cabac_decide(c, ctx + offset + (prefix >> shift), 0);
}

static void put_last_suffix(struct cabac *c, unsigned pos)
{
	unsigned prefix = last_prefix(pos);

	if (prefix > 3)
		put_bypass(c, (prefix >> 1) - 1, pos & ((1u << ((prefix >> 1) - 1)) - 1));
}

/* 9.3.4.2.5; near: sub-blocks with coefficients, 1 on the right, 2 below. */
static unsigned significant_ctx(unsigned log2, bool chroma, unsigned sub_x, unsigned sub_y, unsigned x, unsigned y,
				unsigned near)
{
	unsigned ctx;

	if (sub_x + sub_y + x + y == 0)
		return SIGNIFICANT + (chroma ? 27 : 0);
	if (near == 0)
		ctx = x + y == 0 ? 2 : x + y < 3;
	else if (near == 3)
		ctx = 2;
	else
		ctx = (near == 1 ? y : x) == 0 ? 2 : (near == 1 ? y : x) == 1;
	if (chroma)
		return SIGNIFICANT + 27 + ctx + (log2 == 3 ? 9 : 12);
	return SIGNIFICANT + ctx + (sub_x + sub_y ? 3 : 0) + (log2 == 3 ? 9 : 21);
}

/* 9.3.3.11 */
static void put_remaining(struct cabac *c, unsigned v, unsigned rice)
{
	unsigned len = rice;

	if (v < 3u << rice) {
		put_bypass(c, (v >> rice) + 1, (2u << (v >> rice)) - 2);
		put_bypass(c, rice, v & ((1u << rice) - 1));
		return;
	}
	v -= 3u << rice;
	while (v >= 1u << len)
		v -= 1u << len++;
	put_bypass(c, 4 + len - rice, (1u << (4 + len - rice)) - 2);
	put_bypass(c, len, v);
}

/* Levels of a sub-block's coefficients, in coding order. *carry: greater1Ctx where the sub-block before left it. */
static void put_levels(struct cabac *c, const int16_t *level, unsigned n, bool chroma, bool first_block,
		       unsigned *carry)
{
	const unsigned set = (first_block || chroma ? 0 : 2) + (*carry == 0);
	unsigned ctx = 1, over = n, flags = n < 8 ? n : 8, rice = 0;

	for (unsigned i = 0; i < flags; i++) {
		bool more = abs(level[i]) > 1;

		cabac_decide(c, GREATER1 + (chroma ? 16 : 0) + set * 4 + ctx, more);
		if (more && over == n)
			over = i;
		ctx = more ? 0 : ctx > 0 && ctx < 3 ? ctx + 1 : ctx;
	}
	*carry = ctx;
	if (over < n)
		cabac_decide(c, GREATER2 + (chroma ? 4 : 0) + set, abs(level[over]) > 2);
	for (unsigned i = 0; i < n; i++)
		cabac_bypass(c, level[i] < 0);
	for (unsigned i = 0; i < n; i++) {
		unsigned v = (unsigned)abs(level[i]), base = i >= 8 ? 1 : i > over ? 2 : over == i ? 3 : 2;

		/* Of those before the first that is greater than one, each is one. */
		if (v < base)
			continue;
		put_remaining(c, v - base, rice);
		if (v > 3u << rice && rice < 4)
			rice++;
	}
}

/* 7.3.8.11, with no skipped transform and no hidden sign. There is a coefficient. */
static void residual(struct cabac *c, const int16_t *level, unsigned log2, bool chroma)
{
	const unsigned size = 1u << log2, subs = size / 4;
	uint8_t sub[16][2], in[16][2];
	bool coded[4][4] = {{false}};
	unsigned last = 0, last_at = 0, last_x, last_y, carry = 1;

	diagonal(subs, sub);
	diagonal(4, in);
	for (unsigned s = 0; s < subs * subs; s++)
		for (unsigned i = 0; i < 16; i++)
			if (level[(sub[s][1] * 4u + in[i][1]) * size + sub[s][0] * 4u + in[i][0]]) {
				coded[sub[s][1]][sub[s][0]] = true;
				last = s;
				last_at = i;
			}
	last_x = sub[last][0] * 4u + in[last_at][0];
	last_y = sub[last][1] * 4u + in[last_at][1];
	put_last_prefix(c, LAST_X, log2, chroma, last_x);
	put_last_prefix(c, LAST_Y, log2, chroma, last_y);
	put_last_suffix(c, last_x);
	put_last_suffix(c, last_y);
	for (unsigned s = last + 1; s-- > 0;) {
		const unsigned sx = sub[s][0], sy = sub[s][1];
		const unsigned near =
			(sx + 1 < subs && coded[sy][sx + 1]) | (unsigned)(sy + 1 < subs && coded[sy + 1][sx]) << 1;
		bool inferred = false;
		int16_t found[16];
		unsigned n = 0;

		if (s < last && s > 0) {
			cabac_decide(c, SUB_BLOCK + (chroma ? 2 : 0) + (near != 0), coded[sy][sx]);
			if (!coded[sy][sx])
				continue;
			inferred = true;
		}
		for (unsigned i = s == last ? last_at + 1 : 16; i-- > 0;) {
			const unsigned x = in[i][0], y = in[i][1];
			const int16_t v = level[(sy * 4 + y) * size + sx * 4 + x];

			if (!(s == last && i == last_at) && (i > 0 || !inferred))
				cabac_decide(c, significant_ctx(log2, chroma, sx, sy, x, y, near), v != 0);
			if (v)
				found[n++] = v;
			inferred = inferred && !v;
		}
		if (n)
			put_levels(c, found, n, chroma, s == 0, &carry);
	}
}

static void put_qp_delta(struct coder *e)
{
	struct cabac *c = &e->cabac;
	int delta = e->qp - e->base_qp, more = 6 * ((int)e->f->sps->depth_luma - 8);
	unsigned v;

	/* 7.4.9.10: the shorter way round */
	delta = delta > 25 + more / 2 ? delta - 52 - more : delta < -26 - more / 2 ? delta + 52 + more : delta;
	v = (unsigned)abs(delta);
	for (unsigned i = 0; i < 5 && i < v; i++)
		cabac_decide(c, QP_DELTA + (i > 0), 1);
	if (v < 5) {
		cabac_decide(c, QP_DELTA + (v > 0), 0);
	} else {
		unsigned rest = v - 5, k = 0;

		for (; rest >= 1u << k; k++) {
			cabac_bypass(c, 1);
			rest -= 1u << k;
		}
		cabac_bypass(c, 0);
		put_bypass(c, k, rest);
	}
	if (v)
		cabac_bypass(c, delta < 0);
	e->delta_said = true;
	e->group_qp = e->qp;
}

static void transform_unit(struct coder *e, struct hevc_cu *u, const struct hevc_levels *l)
{
	const struct hevc_sps *sps = e->f->sps;
	struct cabac *c = &e->cabac;

	if (sps->log2_max_tb >= 4 && sps->log2_min_tb < 4 &&
	    (u->kind == HEVC_INTRA ? sps->depth_intra : sps->depth_inter) > 0)
		cabac_decide(c, SPLIT_TRANSFORM + 1, 0);
	cabac_decide(c, CBF_CHROMA, u->cbf[1]);
	cabac_decide(c, CBF_CHROMA, u->cbf[2]);
	if (u->kind == HEVC_INTRA || u->cbf[1] || u->cbf[2])
		cabac_decide(c, CBF_LUMA + 1, u->cbf[0]);
	if (!u->cbf[0] && !u->cbf[1] && !u->cbf[2])
		return;
	if (e->f->pps->qp_delta && !e->delta_said)
		put_qp_delta(e);
	if (u->cbf[0])
		residual(c, l->luma, 4, false);
	for (unsigned plane = 0; plane < 2; plane++)
		if (u->cbf[1 + plane])
			residual(c, l->chroma[plane], hevc_sub(sps) == 1 ? 4 : 3, true);
}

/* A quantization group begins at that unit (8.6.1): a tree block, or a unit. Of its neighbours those of the same tree
 * block count. */
static void begin_group(struct coder *e, unsigned x, unsigned y)
{
	const struct hevc_frame *f = e->f;
	const unsigned size = (1u << f->sps->log2_ctb) / HEVC_CU;
	const int left = x % size ? f->cu[y * f->wide + x - 1].qp : e->last_qp,
		  above = y % size ? f->cu[(y - 1) * f->wide + x].qp : e->last_qp;

	e->base_qp = e->group_qp = (left + above + 1) >> 1;
	e->delta_said = false;
}

static void put_merge_idx(struct coder *e, const struct hevc_header *h)
{
	if (h->merge_cands > 1)
		cabac_decide(&e->cabac, MERGE_IDX, 0);
}

static void coding_unit(struct coder *e, unsigned x, unsigned y)
{
	struct hevc_frame *f = e->f;
	const struct hevc_header *h = f->slice[e->slice].h;
	const struct hevc_cu *left = hevc_near(f, (int)x - 1, (int)y, e->slice),
			     *above = hevc_near(f, (int)x, (int)y - 1, e->slice);
	struct hevc_cu *u = &f->cu[y * f->wide + x];
	struct cabac *c = &e->cabac;
	struct hevc_levels levels;

	if (f->pps->qp_delta_depth)
		begin_group(e, x, y);
	hevc_cu_code(f, e->slice, x, y, e->qp, &levels);
	if (h->type != HEVC_I) {
		cabac_decide(c, SKIP + (left && left->kind == HEVC_SKIP) + (above && above->kind == HEVC_SKIP),
			     u->kind == HEVC_SKIP);
		if (u->kind == HEVC_SKIP)
			put_merge_idx(e, h);
		else
			cabac_decide(c, PRED_MODE, 0);
	}
	if (u->kind != HEVC_SKIP) {
		cabac_decide(c, PART_MODE, 1); /* one part */
		if (u->kind == HEVC_INTRA) {
			/* DC, the second of the most probable modes since all have it (8.4.2) */
			cabac_decide(c, PREV_INTRA, 1);
			put_bypass(c, 2, 2);
			cabac_decide(c, INTRA_CHROMA, 0); /* as luma */
		} else {
			cabac_decide(c, MERGE_FLAG, 1);
			put_merge_idx(e, h);
		}
		transform_unit(e, u, &levels);
	}
	u->qp = (uint8_t)e->group_qp;
	e->last_qp = e->group_qp;
}

/* size: of the block at that place, in coding units. */
static void coding_quadtree(struct coder *e, unsigned x, unsigned y, unsigned size)
{
	struct hevc_frame *f = e->f;

	if (x >= f->wide || y >= f->high)
		return;
	if (size == 1) {
		coding_unit(e, x, y);
		return;
	}
	/* All units are as deep as can be, so that a neighbour is always deeper than this. */
	if (x + size <= f->wide && y + size <= f->high)
		cabac_decide(&e->cabac,
			     SPLIT_CU + (hevc_near(f, (int)x - 1, (int)y, e->slice) != NULL) +
				     (hevc_near(f, (int)x, (int)y - 1, e->slice) != NULL),
			     1);
	size /= 2;
	for (unsigned i = 0; i < 4; i++)
		coding_quadtree(e, x + i % 2 * size, y + i / 2 * size, size);
}

void hevc_slice_code(struct hevc_frame *f, unsigned n, int qp, struct out *rbsp)
{
	const struct hevc_slice_info *s = &f->slice[n];
	const unsigned size = (1u << f->sps->log2_ctb) / HEVC_CU, wide = hevc_ctbs_wide(f->sps);
	const int slice_qp = f->pps->init_qp + s->h->qp_delta;
	struct coder e = {.f = f, .slice = n, .qp = f->pps->qp_delta ? qp : slice_qp, .last_qp = slice_qp};
	const unsigned type = s->h->type == HEVC_I ? 0 : (s->h->type == HEVC_P) != s->h->cabac_init ? 1 : 2;

	for (unsigned i = 0; i < CONTEXTS; i++)
		cabac_state(&e.cabac, i, (init[type][i] >> 4) * 5 - 45, ((init[type][i] & 15) << 3) - 16, slice_qp);
	cabac_begin(&e.cabac, rbsp);
	for (unsigned k = s->first; k < s->end; k++) {
		begin_group(&e, k % wide * size, k / wide * size);
		coding_quadtree(&e, k % wide * size, k / wide * size, size);
		cabac_terminate(&e.cabac, k + 1 == s->end);
	}
	if (rbsp->n % 8)
		out_put(rbsp, 8 - rbsp->n % 8, 0);
}
