// SPDX-License-Identifier: GPL-3.0-or-later
/* The deblocking filter (8.7) over a picture of whole frames, 4x4 transforms and motion that is zero. */
#include "h264.h"

#include <stdlib.h>

static const uint8_t alpha_of[52] = {0,  0,  0,  0,  0,  0,  0,   0,   0,   0,   0,   0,   0,   0,   0,   0,  4,  4,
				     5,  6,  7,  8,  9,  10, 12,  13,  15,  17,  20,  22,  25,  28,  32,  36, 40, 45,
				     50, 56, 63, 71, 80, 90, 101, 113, 127, 144, 162, 182, 203, 226, 255, 255};
static const uint8_t beta_of[52] = {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0, 2,  2,
				    2,  3,  3,  3,  3,  4,  4,  4,  6,  6,  7,  7,  8,  8,  9,  9, 10, 10,
				    11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18, 18};
static const uint8_t tc0_of[52][3] = {
	{0, 0, 0},   {0, 0, 0},    {0, 0, 0},    {0, 0, 0},    {0, 0, 0},  {0, 0, 0},  {0, 0, 0},   {0, 0, 0},
	{0, 0, 0},   {0, 0, 0},    {0, 0, 0},    {0, 0, 0},    {0, 0, 0},  {0, 0, 0},  {0, 0, 0},   {0, 0, 0},
	{0, 0, 0},   {0, 0, 1},    {0, 0, 1},    {0, 0, 1},    {0, 0, 1},  {0, 1, 1},  {0, 1, 1},   {1, 1, 1},
	{1, 1, 1},   {1, 1, 1},    {1, 1, 1},    {1, 1, 2},    {1, 1, 2},  {1, 1, 2},  {1, 1, 2},   {1, 2, 3},
	{1, 2, 3},   {2, 2, 3},    {2, 2, 4},    {2, 3, 4},    {2, 3, 4},  {3, 3, 5},  {3, 4, 6},   {3, 4, 6},
	{4, 5, 7},   {4, 5, 8},    {4, 6, 9},    {5, 7, 10},   {6, 8, 11}, {6, 8, 13}, {7, 10, 14}, {8, 11, 16},
	{9, 12, 18}, {10, 13, 20}, {11, 15, 23}, {13, 17, 25},
};

static int clip(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* One sample line across an edge; p: the first sample behind it, step: towards it. */
static void filter(uint8_t *q, ptrdiff_t step, unsigned strength, int alpha, int beta, int tc0, bool chroma)
{
	int p0 = q[-step], p1 = q[-2 * step], q0 = q[0], q1 = q[step];

	if (abs(p0 - q0) >= alpha || abs(p1 - p0) >= beta || abs(q1 - q0) >= beta)
		return;
	if (chroma && strength == 4) {
		q[-step] = (uint8_t)((2 * p1 + p0 + q1 + 2) >> 2);
		q[0] = (uint8_t)((2 * q1 + q0 + p1 + 2) >> 2);
	} else if (strength == 4) {
		int p2 = q[-3 * step], q2 = q[2 * step];
		bool strong = abs(p0 - q0) < (alpha >> 2) + 2;

		if (strong && abs(p2 - p0) < beta) {
			q[-step] = (uint8_t)((p2 + 2 * p1 + 2 * p0 + 2 * q0 + q1 + 4) >> 3);
			q[-2 * step] = (uint8_t)((p2 + p1 + p0 + q0 + 2) >> 2);
			q[-3 * step] = (uint8_t)((2 * q[-4 * step] + 3 * p2 + p1 + p0 + q0 + 4) >> 3);
		} else {
			q[-step] = (uint8_t)((2 * p1 + p0 + q1 + 2) >> 2);
		}
		if (strong && abs(q2 - q0) < beta) {
			q[0] = (uint8_t)((p1 + 2 * p0 + 2 * q0 + 2 * q1 + q2 + 4) >> 3);
			q[step] = (uint8_t)((p0 + q0 + q1 + q2 + 2) >> 2);
			q[2 * step] = (uint8_t)((2 * q[3 * step] + 3 * q2 + q1 + q0 + p0 + 4) >> 3);
		} else {
			q[0] = (uint8_t)((2 * q1 + q0 + p1 + 2) >> 2);
		}
	} else {
		int tc = tc0 + 1, delta;

		if (!chroma) {
			int p2 = q[-3 * step], q2 = q[2 * step];
			bool of_p = abs(p2 - p0) < beta, of_q = abs(q2 - q0) < beta;

			tc = tc0 + of_p + of_q;
			if (of_p)
				q[-2 * step] =
					(uint8_t)(p1 + clip((p2 + ((p0 + q0 + 1) >> 1) - 2 * p1) >> 1, -tc0, tc0));
			if (of_q)
				q[step] = (uint8_t)(q1 + clip((q2 + ((p0 + q0 + 1) >> 1) - 2 * q1) >> 1, -tc0, tc0));
		}
		delta = clip((((q0 - p0) * 4) + (p1 - q1) + 4) >> 3, -tc, tc);
		q[-step] = (uint8_t)clip(p0 + delta, 0, 255);
		q[0] = (uint8_t)clip(q0 - delta, 0, 255);
	}
}

static void run(uint8_t *q, ptrdiff_t across, ptrdiff_t along, unsigned n, unsigned strength, int qp,
		const struct h264_header *h, bool chroma)
{
	int a = clip(qp + h->alpha, 0, 51), alpha = alpha_of[a], beta = beta_of[clip(qp + h->beta, 0, 51)];

	for (unsigned i = 0; i < n; i++)
		filter(q + (ptrdiff_t)i * along, across, strength, alpha, beta,
		       strength < 4 ? tc0_of[a][strength - 1] : 0, chroma);
}

/* Of 4x4 block b of q against block pb of p (8.7.2.1). */
static unsigned strength_of(const struct h264_mb *p, unsigned pb, const struct h264_mb *q, unsigned b, bool outer)
{
	if (p->kind == H264_INTRA || q->kind == H264_INTRA)
		return outer ? 4 : 3;
	if (p->luma[pb] || q->luma[b])
		return 2;
	return p->ref != q->ref;
}

/* Edge e of macroblock n: vertical edges (dir 0) or horizontal ones. */
static void edge(struct h264_frame *f, unsigned n, const struct h264_mb *p, unsigned dir, unsigned e)
{
	const struct h264_mb *q = &f->mb[n];
	const struct h264_header *h = f->slice[q->slice].h;
	const ptrdiff_t stride = f->stride, across = dir ? stride : 1, along = dir ? 1 : stride;
	uint8_t *luma =
		f->to->luma + (size_t)(n / f->width_mbs) * 16 * f->stride + n % f->width_mbs * 16 + e * 4 * across;
	uint8_t *uv = f->to->chroma + (size_t)(n / f->width_mbs) * 8 * f->stride + n % f->width_mbs * 16 +
		      e * 2 * (dir ? stride : 2);

	for (unsigned k = 0; k < 4; k++) {
		unsigned b = dir ? e * 4 + k : k * 4 + e, pb = e ? (dir ? b - 4 : b - 1) : (dir ? b + 12 : b + 3);
		unsigned strength = strength_of(p, pb, q, b, e == 0);

		if (!strength)
			continue;
		run(luma + (ptrdiff_t)k * 4 * along, across, along, 4, strength, (p->qp + q->qp + 1) >> 1, h, false);
		for (unsigned plane = 0; plane < 2 && e % 2 == 0; plane++) {
			int offset = f->pps->chroma_offset[plane];

			run(uv + plane + (ptrdiff_t)k * 2 * (dir ? 2 : stride), dir ? stride : 2, dir ? 2 : stride, 2,
			    strength, (h264_chroma_qp(p->qp, offset) + h264_chroma_qp(q->qp, offset) + 1) >> 1, h,
			    true);
		}
	}
}

void h264_deblock(struct h264_frame *f)
{
	for (unsigned n = 0; n < f->width_mbs * f->height_mbs; n++) {
		const struct h264_mb *m = &f->mb[n];
		unsigned idc = f->slice[m->slice].h->deblock;

		if (idc == 1)
			continue;
		for (unsigned dir = 0; dir < 2; dir++) {
			const struct h264_mb *p =
				dir ? (n >= f->width_mbs ? m - f->width_mbs : NULL) : (n % f->width_mbs ? m - 1 : NULL);

			if (p && (idc == 0 || p->slice == m->slice))
				edge(f, n, p, dir, 0);
			for (unsigned e = 1; e < 4; e++)
				edge(f, n, m, dir, e);
		}
	}
}
