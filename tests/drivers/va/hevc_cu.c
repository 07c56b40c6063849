// SPDX-License-Identifier: GPL-3.0-or-later
/* Coding units of HEVC: DC prediction (8.4.4.2) or the reference as it is, transforms of 16x16 and 8x8 (8.6), 8 or 10
 * bits. */
#include "hevc.h"

#include <stdlib.h>

#define N_MAX 16u

static int clip(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

int hevc_chroma_qp(const struct hevc_sps *s, int qp, int offset)
{
	static const uint8_t of[14] = {29, 30, 31, 32, 33, 33, 34, 34, 35, 35, 36, 36, 37, 37};
	int i = clip(qp + offset, -6 * ((int)s->depth_chroma - 8), 57);

	if (hevc_sub(s) == 1)
		return i < 51 ? i : 51;
	return i < 30 ? i : i < 44 ? of[i - 30] : i - 6;
}

/* transMatrix of n = 16 or 8: row k, column i. */
static int basis(unsigned n, unsigned k, unsigned i)
{
	/* 64 sqrt(2) cos(a pi / 32) as the standard rounds it */
	static const uint8_t quarter[17] = {0, 90, 89, 87, 83, 80, 75, 70, 64, 57, 50, 43, 36, 25, 18, 9, 0};
	unsigned a = k * (2 * i + 1) * (16 / n) % 64;

	if (k == 0)
		return 64;
	if (a > 32)
		a = 64 - a;
	return a <= 16 ? quarter[a] : -(int)quarter[32 - a];
}

static void matrix(unsigned n, int m[N_MAX][N_MAX])
{
	for (unsigned k = 0; k < n; k++)
		for (unsigned i = 0; i < n; i++)
			m[k][i] = basis(n, k, i);
}

static unsigned log2_of(unsigned n)
{
	return n == 16 ? 4 : 3;
}

static void forward(unsigned n, unsigned depth, const int *in, int *out)
{
	const unsigned first = log2_of(n) + depth - 9, second = log2_of(n) + 6;
	int m[N_MAX][N_MAX], t[N_MAX * N_MAX];

	matrix(n, m);
	for (unsigned k = 0; k < n; k++)
		for (unsigned x = 0; x < n; x++) {
			int sum = 0;

			for (unsigned y = 0; y < n; y++)
				sum += m[k][y] * in[y * n + x];
			t[k * n + x] = (sum + (1 << (first - 1))) >> first;
		}
	for (unsigned y = 0; y < n; y++)
		for (unsigned k = 0; k < n; k++) {
			int sum = 0;

			for (unsigned x = 0; x < n; x++)
				sum += m[k][x] * t[y * n + x];
			out[y * n + k] = (sum + (1 << (second - 1))) >> second;
		}
}

/* 8.6.4.2: columns, then rows. */
static void inverse(unsigned n, unsigned depth, const int *in, int *out)
{
	const unsigned second = 20 - depth;
	int m[N_MAX][N_MAX], t[N_MAX * N_MAX];

	matrix(n, m);
	for (unsigned x = 0; x < n; x++)
		for (unsigned y = 0; y < n; y++) {
			int sum = 0;

			for (unsigned k = 0; k < n; k++)
				sum += m[k][y] * in[k * n + x];
			t[y * n + x] = clip((sum + 64) >> 7, -32768, 32767);
		}
	for (unsigned y = 0; y < n; y++)
		for (unsigned x = 0; x < n; x++) {
			int sum = 0;

			for (unsigned k = 0; k < n; k++)
				sum += m[k][x] * t[y * n + k];
			out[y * n + x] = (sum + (1 << (second - 1))) >> second;
		}
}

/* qp: QpBdOffset included, from here on. */
static bool quantise(unsigned n, unsigned depth, int qp, bool intra, const int *coef, int16_t *level)
{
	static const int scale[6] = {26214, 23302, 20560, 18396, 16384, 14564};
	const unsigned bits = 14 + (unsigned)qp / 6 + 15 - depth - log2_of(n);
	const int64_t add = (int64_t)(intra ? 171 : 85) << (bits - 9);
	bool any = false;

	for (unsigned i = 0; i < n * n; i++) {
		int v = clip((int)(((int64_t)abs(coef[i]) * scale[qp % 6] + add) >> bits), 0, 32767);

		level[i] = (int16_t)(coef[i] < 0 ? -v : v);
		any |= v != 0;
	}
	return any;
}

static void scale_back(unsigned n, unsigned depth, int qp, const int16_t *level, int *coef)
{
	static const int scale[6] = {40, 45, 51, 57, 64, 72};
	const unsigned shift = depth + log2_of(n) - 5;

	for (unsigned i = 0; i < n * n; i++) {
		int64_t v = (int64_t)level[i] * 16 * scale[qp % 6] * (1 << qp / 6);

		v = (v + (1 << (shift - 1))) >> shift;
		coef[i] = v < -32768 ? -32768 : v > 32767 ? 32767 : (int)v;
	}
}

/* Samples of one plane's block. */
struct block {
	unsigned n, stride, depth;
	bool luma;
	const uint16_t *src;
	uint16_t *to;
};

static bool residual(const struct block *b, int qp_y, bool intra, int16_t *level)
{
	const int qp = qp_y + 6 * ((int)b->depth - 8);
	int diff[N_MAX * N_MAX], coef[N_MAX * N_MAX];
	bool any;

	for (unsigned y = 0; y < b->n; y++)
		for (unsigned x = 0; x < b->n; x++)
			diff[y * b->n + x] = b->src[y * b->stride + x] - b->to[y * b->stride + x];
	forward(b->n, b->depth, diff, coef);
	any = quantise(b->n, b->depth, qp, intra, coef, level);
	if (!any)
		return false;
	scale_back(b->n, b->depth, qp, level, coef);
	inverse(b->n, b->depth, coef, diff);
	for (unsigned y = 0; y < b->n; y++)
		for (unsigned x = 0; x < b->n; x++) {
			uint16_t *p = &b->to[y * b->stride + x];

			*p = (uint16_t)clip(*p + diff[y * b->n + x], 0, (1 << b->depth) - 1);
		}
	return true;
}

/* Neighbouring samples with what is missing put in (8.4.4.2.2): from the lowest on the left, over the corner, to the
 * last on the right; 4n + 1 of them. */
static void neighbours(const struct hevc_frame *f, const struct block *b, unsigned slice, int x, int y, int *near)
{
	const unsigned n = b->n, total = 4 * n + 1;
	const bool below = hevc_near(f, x - 1, y + 1, slice), left = hevc_near(f, x - 1, y, slice),
		   corner = hevc_near(f, x - 1, y - 1, slice), above = hevc_near(f, x, y - 1, slice),
		   right = hevc_near(f, x + 1, y - 1, slice);
	const uint16_t *p = b->to;
	unsigned first = total;

	for (unsigned i = 0; i < total; i++) {
		bool there = i < n ? below : i < 2 * n ? left : i == 2 * n ? corner : i <= 3 * n ? above : right;
		ptrdiff_t row = i <= 2 * n ? 2 * (ptrdiff_t)n - 1 - (ptrdiff_t)i : -1;
		ptrdiff_t col = i <= 2 * n ? -1 : (ptrdiff_t)i - 2 * (ptrdiff_t)n - 1;

		near[i] = there ? p[row * (ptrdiff_t)b->stride + col] : -1;
		if (there && first == total)
			first = i;
	}
	if (first == total)
		near[0] = 1 << (b->depth - 1);
	else
		near[0] = near[first];
	for (unsigned i = 1; i < total; i++)
		if (near[i] < 0)
			near[i] = near[i - 1];
}

/* 8.4.4.2.5 */
static void predict_dc(const struct hevc_frame *f, const struct block *b, unsigned slice, int x, int y)
{
	const unsigned n = b->n, log2 = log2_of(n);
	int near[4 * N_MAX + 1], sum = (int)n, dc;
	const int *left = near + 2 * n - 1, *above = near + 2 * n + 1;

	neighbours(f, b, slice, x, y, near);
	for (unsigned i = 0; i < n; i++)
		sum += left[-(int)i] + above[i];
	dc = sum >> (log2 + 1);
	for (unsigned row = 0; row < n; row++)
		for (unsigned col = 0; col < n; col++)
			b->to[row * b->stride + col] = (uint16_t)dc;
	if (!b->luma)
		return; /* chroma keeps its edges */
	b->to[0] = (uint16_t)((left[0] + 2 * dc + above[0] + 2) >> 2);
	for (unsigned i = 1; i < n; i++) {
		b->to[i] = (uint16_t)((above[i] + 3 * dc + 2) >> 2);
		b->to[i * b->stride] = (uint16_t)((left[-(int)i] + 3 * dc + 2) >> 2);
	}
}

/* Motion of nought. */
static void predict_copy(const struct block *b, const uint16_t *from)
{
	for (unsigned y = 0; y < b->n; y++)
		for (unsigned x = 0; x < b->n; x++)
			b->to[y * b->stride + x] = from[y * b->stride + x];
}

void hevc_cu_code(struct hevc_frame *f, unsigned slice, unsigned x, unsigned y, int qp, struct hevc_levels *l)
{
	const struct hevc_slice_info *s = &f->slice[slice];
	struct hevc_cu *u = &f->cu[y * f->wide + x];
	const bool intra = !s->ref;

	*u = (struct hevc_cu){.slice = UINT16_MAX, .ref = intra ? 0 : s->ref->serial};
	for (unsigned plane = 0; plane < 3; plane++) {
		const unsigned n = plane && !f->to->whole ? 8 : 16, stride = planes_width(f->to, plane);
		const size_t at = (size_t)y * n * stride + (size_t)x * n;
		const struct block b = {.n = n,
					.stride = stride,
					.depth = f->to->depth,
					.luma = !plane,
					.src = f->src->at[plane] + at,
					.to = f->to->at[plane] + at};
		const int offset =
			plane == 1 ? f->pps->cb_offset + s->h->cb_offset : f->pps->cr_offset + s->h->cr_offset;

		if (intra)
			predict_dc(f, &b, slice, (int)x, (int)y);
		else
			predict_copy(&b, s->ref->planes.at[plane] + at);
		u->cbf[plane] = residual(&b, plane ? hevc_chroma_qp(f->sps, qp, offset) : qp, intra,
					 plane ? l->chroma[plane - 1] : l->luma);
	}
	u->kind = intra ? HEVC_INTRA : u->cbf[0] || u->cbf[1] || u->cbf[2] ? HEVC_MERGE : HEVC_SKIP;
	u->slice = (uint16_t)slice;
}
