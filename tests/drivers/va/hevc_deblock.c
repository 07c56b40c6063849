// SPDX-License-Identifier: GPL-3.0-or-later
/* The deblocking filter (8.7.2) over coding units of 16x16 with one transform block each and motion that is zero. */
#include "hevc.h"

#include <stdlib.h>

static const uint8_t tc_of[54] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0,  0,  0,  0,
				  1, 1, 1, 1, 1, 1, 1, 1, 1, 2,  2,  2,  2,  3,  3,  3,  3,  4,
				  4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 11, 13, 14, 16, 18, 20, 22, 24};

static int clip(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static int beta_of(int q)
{
	return q < 16 ? 0 : q < 29 ? q - 10 : 2 * q - 38;
}

static int second(const uint16_t *p, ptrdiff_t away)
{
	return abs(p[2 * away] - 2 * p[away] + p[0]);
}

/* Whether a line is flat enough for the strong filter; p and q: the samples on either side, step: from p to q. */
static bool flat(const uint16_t *q, ptrdiff_t step, int d, int beta, int tc)
{
	const uint16_t *p = q - step;

	return 2 * d < beta >> 2 && abs(p[-3 * step] - p[0]) + abs(q[0] - q[3 * step]) < beta >> 3 &&
	       abs(p[0] - q[0]) < (5 * tc + 1) >> 1;
}

static void strong(uint16_t *q, ptrdiff_t step, int tc)
{
	const int p3 = q[-4 * step], p2 = q[-3 * step], p1 = q[-2 * step], p0 = q[-step], q0 = q[0], q1 = q[step],
		  q2 = q[2 * step], q3 = q[3 * step], t = 2 * tc;

	q[-step] = (uint16_t)clip((p2 + 2 * p1 + 2 * p0 + 2 * q0 + q1 + 4) >> 3, p0 - t, p0 + t);
	q[-2 * step] = (uint16_t)clip((p2 + p1 + p0 + q0 + 2) >> 2, p1 - t, p1 + t);
	q[-3 * step] = (uint16_t)clip((2 * p3 + 3 * p2 + p1 + p0 + q0 + 4) >> 3, p2 - t, p2 + t);
	q[0] = (uint16_t)clip((p1 + 2 * p0 + 2 * q0 + 2 * q1 + q2 + 4) >> 3, q0 - t, q0 + t);
	q[step] = (uint16_t)clip((p0 + q0 + q1 + q2 + 2) >> 2, q1 - t, q1 + t);
	q[2 * step] = (uint16_t)clip((p0 + q0 + q1 + 3 * q2 + 2 * q3 + 4) >> 3, q2 - t, q2 + t);
}

static void normal(uint16_t *q, ptrdiff_t step, int tc, int most, bool more_p, bool more_q)
{
	const int p2 = q[-3 * step], p1 = q[-2 * step], p0 = q[-step], q0 = q[0], q1 = q[step], q2 = q[2 * step];
	int delta = (9 * (q0 - p0) - 3 * (q1 - p1) + 8) >> 4;

	if (abs(delta) >= tc * 10)
		return;
	delta = clip(delta, -tc, tc);
	q[-step] = (uint16_t)clip(p0 + delta, 0, most);
	q[0] = (uint16_t)clip(q0 - delta, 0, most);
	if (more_p)
		q[-2 * step] = (uint16_t)clip(p1 + clip((((p2 + p0 + 1) >> 1) - p1 + delta) >> 1, -(tc >> 1), tc >> 1),
					      0, most);
	if (more_q)
		q[step] = (uint16_t)clip(q1 + clip((((q2 + q0 + 1) >> 1) - q1 - delta) >> 1, -(tc >> 1), tc >> 1), 0,
					 most);
}

/* Four lines of luma: decided together (8.7.2.5.3). */
static void luma_segment(uint16_t *q, ptrdiff_t step, ptrdiff_t along, int beta, int tc, int most)
{
	uint16_t *last = q + 3 * along;
	const int dp0 = second(q - step, -step), dp3 = second(last - step, -step), dq0 = second(q, step),
		  dq3 = second(last, step), side = (beta + (beta >> 1)) >> 3;
	const bool is_flat = flat(q, step, dp0 + dq0, beta, tc) && flat(last, step, dp3 + dq3, beta, tc);

	if (dp0 + dq0 + dp3 + dq3 >= beta)
		return;
	for (unsigned i = 0; i < 4; i++, q += along) {
		if (is_flat)
			strong(q, step, tc);
		else
			normal(q, step, tc, most, dp0 + dp3 < side, dq0 + dq3 < side);
	}
}

static void chroma_line(uint16_t *q, ptrdiff_t step, int tc, int most)
{
	const int p1 = q[-2 * step], p0 = q[-step], q0 = q[0], q1 = q[step];
	const int delta = clip((((q0 - p0) * 4) + p1 - q1 + 4) >> 3, -tc, tc);

	q[-step] = (uint16_t)clip(p0 + delta, 0, most);
	q[0] = (uint16_t)clip(q0 - delta, 0, most);
}

static unsigned strength_of(const struct hevc_cu *p, const struct hevc_cu *q)
{
	if (p->kind == HEVC_INTRA || q->kind == HEVC_INTRA)
		return 2;
	return p->cbf[0] || q->cbf[0] || p->ref != q->ref;
}

/* The left (dir 0) or upper edge of the unit at x, y. */
static void edge(struct hevc_frame *f, unsigned x, unsigned y, unsigned dir)
{
	const struct hevc_cu *q = &f->cu[y * f->wide + x], *p = dir ? q - f->wide : q - 1;
	const struct hevc_header *h = f->slice[q->slice].h;
	const unsigned strength = strength_of(p, q), deep = f->to->depth - 8;
	const int qp = (p->qp + q->qp + 1) >> 1, most = (1 << f->to->depth) - 1;

	if (h->deblock_off || !strength || (p->slice != q->slice && !h->across_slices))
		return;
	for (unsigned plane = 0; plane < (strength == 2 ? 3 : 1); plane++) {
		const ptrdiff_t stride = planes_width(f->to, plane), step = dir ? stride : 1, along = dir ? 1 : stride;
		const unsigned n = plane && !f->to->whole ? 8 : 16;
		uint16_t *at = f->to->at[plane] + (ptrdiff_t)(y * n) * stride + x * n;
		const int qpc = hevc_chroma_qp(f->sps, qp, plane == 1 ? f->pps->cb_offset : f->pps->cr_offset);
		const int tc = tc_of[clip((plane ? qpc + 2 : qp + 2 * ((int)strength - 1)) + h->tc, 0, 53)] << deep;

		for (unsigned i = 0; i < n && plane; i++)
			chroma_line(at + (ptrdiff_t)i * along, step, tc, most);
		for (unsigned i = 0; i < n && !plane; i += 4)
			luma_segment(at + (ptrdiff_t)i * along, step, along, beta_of(clip(qp + h->beta, 0, 51)) << deep,
				     tc, most);
	}
}

void hevc_deblock(struct hevc_frame *f)
{
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned y = dir; y < f->high; y++)
			for (unsigned x = !dir; x < f->wide; x++)
				edge(f, x, y, dir);
}
