// SPDX-License-Identifier: GPL-3.0-or-later
/* A tile: superblocks split down to 8x8, each block intra or the same place of the reference with or without a
 * residual. Contexts are those of 8.3.2 as far as such pictures have them. */
#include "av1.h"

#include <string.h>

/* Symbols. */
enum {
	PARTITION_NONE,
	PARTITION_HORZ,
	PARTITION_VERT,
	PARTITION_SPLIT,
	HORZ_A,
	HORZ_B,
	VERT_A,
	VERT_B,
	HORZ_4,
	VERT_4
};
enum { DC_PRED = 0, FIRST_NAME = 0, NOT_NEW = 1, GLOBAL = 0 };

struct tile {
	struct av1_frame *f;
	struct av1_cdfs *c;
	struct av1_range r;
	unsigned x0, x1, y0, y1; /* in blocks */
};

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static uint16_t *at(const struct planes *p, unsigned plane, unsigned x, unsigned y)
{
	return p->at[plane] + (size_t)y * planes_width(p, plane) + x;
}

/* 7.11.2.5: the mean of what the tile has around. */
static uint16_t mean(const struct tile *t, unsigned plane, unsigned x, unsigned y, unsigned n)
{
	const struct av1_frame *f = t->f;
	const bool above = y > t->y0 * n, left = x > t->x0 * n;
	unsigned sum = 0, count = 0;

	for (unsigned i = 0; i < n && above; i++, count++)
		sum += *at(f->to, plane, x + i, y - 1);
	for (unsigned i = 0; i < n && left; i++, count++)
		sum += *at(f->to, plane, x - 1, y + i);
	return (uint16_t)(count ? (sum + count / 2) / count : 1u << (f->to->depth - 1));
}

static uint16_t clip(int v, unsigned depth)
{
	const int most = (1 << depth) - 1;

	return (uint16_t)(v < 0 ? 0 : v > most ? most : v);
}

struct coded {
	struct av1_levels l[3];
	bool any;
};

/* Predicts, transforms and reconstructs one plane of a block. */
static void make_plane(const struct tile *t, unsigned plane, unsigned bx, unsigned by, struct av1_levels *l)
{
	const struct av1_frame *f = t->f;
	const unsigned n = plane ? 4 : 8, x = bx * n, y = by * n, depth = f->to->depth;
	const size_t stride = planes_width(f->to, plane);
	const uint16_t *src = at(f->src, plane, x, y), *ref = f->ref ? at(f->ref, plane, x, y) : NULL;
	const uint16_t dc = ref ? 0 : mean(t, plane, x, y, n);
	uint16_t *to = at(f->to, plane, x, y), guess[64];
	int16_t residual[64];

	for (unsigned i = 0; i < n * n; i++) {
		const size_t k = i / n * stride + i % n;

		guess[i] = ref ? ref[k] : dc;
		residual[i] = (int16_t)(src[k] - guess[i]);
	}
	av1_transform(residual, n, f->qindex, depth, l);
	if (l->end)
		av1_restore(l, n, f->qindex, depth, residual);
	else
		memset(residual, 0, sizeof(residual));
	for (unsigned i = 0; i < n * n; i++)
		to[i / n * stride + i % n] = clip(guess[i] + residual[i], depth);
}

static void code_mode(struct tile *t, bool above, bool left)
{
	static const uint8_t new_mv[] = {0, 3, 5}; /* of neighbours with the same reference, none of them new */
	const unsigned counted = above || left ? 2 : 1;

	if (!t->f->ref) {
		av1_range_symbol(&t->r, t->c->y_mode, 13, DC_PRED);
		av1_range_symbol(&t->r, t->c->uv_mode, 14, DC_PRED);
		return;
	}
	av1_range_symbol(&t->r, t->c->is_inter, 2, 1);
	for (unsigned i = 0; i < 3; i++)
		av1_range_symbol(&t->r, t->c->ref[i][counted], 2, FIRST_NAME);
	av1_range_symbol(&t->r, t->c->new_mv[new_mv[above + left]], 2, NOT_NEW);
	av1_range_symbol(&t->r, t->c->zero_mv, 2, GLOBAL);
}

/* The transform is of the block's size; where sizes are chosen by block that is said (5.11.15, 5.11.17). All neighbours
 * in the tile are of 8x8, and so are their transforms. */
static void code_transform(struct tile *t, bool above, bool left, bool skipped)
{
	if (!t->f->h->tx_select)
		return;
	if (!t->f->ref)
		av1_range_symbol(&t->r, t->c->tx_depth[above + left], 2, 0);
	else if (!skipped)
		av1_range_symbol(&t->r, t->c->tx_split, 2, 0);
}

static void code_block(struct tile *t, unsigned x, unsigned y)
{
	struct av1_frame *f = t->f;
	const bool above = y > t->y0, left = x > t->x0;
	uint8_t *mine = &f->skipped[(size_t)y * f->width + x];
	struct coded b = {.any = false};
	unsigned context = 0;

	for (unsigned plane = 0; plane < 3; plane++) {
		make_plane(t, plane, x, y, &b.l[plane]);
		b.any |= b.l[plane].end != 0;
	}
	*mine = !b.any;
	if (above)
		context += mine[-(ptrdiff_t)f->width];
	if (left)
		context += mine[-1];
	av1_range_symbol(&t->r, t->c->skip[context], 2, *mine);
	code_mode(t, above, left);
	code_transform(t, above, left, *mine);
	for (unsigned plane = 0; plane < 3; plane++) {
		const unsigned each = plane ? 1 : 2;
		struct av1_edge *a = &f->above[plane], *l = &f->left[plane];
		uint8_t *const level[] = {a->level + x * each, l->level + y * each};
		uint8_t *const dc[] = {a->dc + x * each, l->dc + y * each};

		if (b.any) {
			av1_coefficients(&t->r, t->c, &b.l[plane], plane, f->ref, level, dc);
			continue;
		}
		for (unsigned k = 0; k < 2; k++) {
			memset(level[k], 0, each);
			memset(dc[k], 0, each);
		}
	}
}

/* Odds of symbols that split the side which does not fit into the frame, out of those of a whole block. */
static unsigned odds_of(const uint16_t *cdf, const uint8_t *symbols, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += cdf[symbols[i]] - cdf[symbols[i] - 1u]; /* none of them is the first */
	return sum;
}

static void code_partition(struct tile *t, unsigned x, unsigned y, unsigned log2)
{
	static const uint8_t down[] = {PARTITION_VERT, PARTITION_SPLIT, HORZ_A, VERT_A, VERT_B, VERT_4};
	static const uint8_t across[] = {PARTITION_HORZ, PARTITION_SPLIT, HORZ_A, HORZ_B, VERT_A, HORZ_4};
	const struct av1_frame *f = t->f;
	const unsigned side = 1u << log2, half = side / 2;
	/* Everything around is of 8x8. */
	uint16_t *cdf = t->c->partition[log2][log2 ? (y > t->y0) + 2 * (x > t->x0) : 0];

	if (x >= f->width || y >= f->height)
		return;
	if (!log2) {
		av1_range_symbol(&t->r, cdf, 4, PARTITION_NONE);
		code_block(t, x, y);
		return;
	}
	if (y + half < f->height && x + half < f->width)
		av1_range_symbol(&t->r, cdf, 10, PARTITION_SPLIT);
	else if (x + half < f->width)
		av1_range_bool(&t->r, AV1_CDF_ONE - odds_of(cdf, down, 6), 1);
	else if (y + half < f->height)
		av1_range_bool(&t->r, AV1_CDF_ONE - odds_of(cdf, across, 6), 1);
	for (unsigned i = 0; i < 4; i++)
		code_partition(t, x + (i & 1) * half, y + (i >> 1) * half, log2 - 1);
}

void av1_tile(struct av1_frame *f, unsigned n, struct av1_cdfs *cdfs, struct out *o)
{
	const struct av1_header *h = f->h;
	const unsigned sb = AV1_SB / AV1_BLOCK, column = n % h->cols, row = n / h->cols;
	struct tile t = {
		.f = f,
		.c = cdfs,
		.x0 = column * h->each_wide * sb,
		.y0 = row * h->each_high * sb,
	};

	t.x1 = least(t.x0 + h->each_wide * sb, f->width);
	t.y1 = least(t.y0 + h->each_high * sb, f->height);
	av1_range_begin(&t.r, o, !h->no_cdf_update);
	memset(f->above, 0, sizeof(f->above));
	for (unsigned y = t.y0; y < t.y1; y += sb) {
		memset(f->left, 0, sizeof(f->left));
		for (unsigned x = t.x0; x < t.x1; x += sb)
			code_partition(&t, x, y, 3);
	}
	av1_range_end(&t.r);
}
