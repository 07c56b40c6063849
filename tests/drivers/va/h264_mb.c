// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One macroblock: DC intra of 16x16, or what the first reference has at the same place, and the residual in 4x4
 * transforms (8.3.3, 8.5). All motion is zero, so a block without residual is a skipped one.
 */
#include "h264.h"

#include <stdlib.h>
#include <string.h>

const uint8_t h264_block_order[16] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
static const uint8_t zigzag[16] = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};

/* Of places (0,0), (1,1) and the others, per quantiser modulo 6. */
static const uint16_t forward[6][3] = {{13107, 5243, 8066}, {11916, 4660, 7490}, {10082, 4194, 6554},
				       {9362, 3647, 5825},  {8192, 3355, 5243},  {7282, 2893, 4559}};
static const uint8_t backward[6][3] = {{10, 16, 13}, {11, 18, 14}, {13, 20, 16},
				       {14, 23, 18}, {16, 25, 20}, {18, 29, 23}};

static unsigned place(unsigned i)
{
	return i & 1 && i & 4 ? 1 : !(i & 1) && !(i & 4) ? 0 : 2;
}

int h264_chroma_qp(int qp, int offset)
{
	static const uint8_t table[22] = {29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36,
					  36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39};
	int i = qp + offset;

	i = i < 0 ? 0 : i > 51 ? 51 : i;
	return i < 30 ? i : table[i - 30];
}

static void transform(int out[16], const uint8_t *a, unsigned a_stride, const uint8_t *b, unsigned b_stride,
		      unsigned step)
{
	int m[16];

	for (unsigned y = 0; y < 4; y++) {
		int d[4];

		for (unsigned x = 0; x < 4; x++)
			d[x] = a[y * a_stride + x * step] - b[y * b_stride + x * step];
		m[y * 4 + 0] = d[0] + d[1] + d[2] + d[3];
		m[y * 4 + 1] = 2 * d[0] + d[1] - d[2] - 2 * d[3];
		m[y * 4 + 2] = d[0] - d[1] - d[2] + d[3];
		m[y * 4 + 3] = d[0] - 2 * d[1] + 2 * d[2] - d[3];
	}
	for (unsigned x = 0; x < 4; x++) {
		int d0 = m[x], d1 = m[4 + x], d2 = m[8 + x], d3 = m[12 + x];

		out[x] = d0 + d1 + d2 + d3;
		out[4 + x] = 2 * d0 + d1 - d2 - 2 * d3;
		out[8 + x] = d0 - d1 - d2 + d3;
		out[12 + x] = d0 - 2 * d1 + 2 * d2 - d3;
	}
}

/* Adds the residual of scaled coefficients to the prediction that is there (8.5.12). */
static void restore(uint8_t *p, unsigned stride, unsigned step, const int c[16])
{
	int m[16];

	for (unsigned y = 0; y < 4; y++) {
		int e0 = c[y * 4] + c[y * 4 + 2], e1 = c[y * 4] - c[y * 4 + 2];
		int e2 = (c[y * 4 + 1] >> 1) - c[y * 4 + 3], e3 = c[y * 4 + 1] + (c[y * 4 + 3] >> 1);

		m[y * 4] = e0 + e3;
		m[y * 4 + 1] = e1 + e2;
		m[y * 4 + 2] = e1 - e2;
		m[y * 4 + 3] = e0 - e3;
	}
	for (unsigned x = 0; x < 4; x++) {
		int e0 = m[x] + m[8 + x], e1 = m[x] - m[8 + x];
		int e2 = (m[4 + x] >> 1) - m[12 + x], e3 = m[4 + x] + (m[12 + x] >> 1);
		int r[4] = {e0 + e3, e1 + e2, e1 - e2, e0 - e3};

		for (unsigned y = 0; y < 4; y++) {
			int v = p[y * stride + x * step] + ((r[y] + 32) >> 6);

			p[y * stride + x * step] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
	}
}

static int quantise(int c, unsigned scale, unsigned shift, bool intra)
{
	int64_t v = ((int64_t)abs(c) * scale + (1 << shift) / (intra ? 3 : 6)) >> shift;

	v = v > 2000 ? 2000 : v; /* what a short escape can say, 9.2.2.1 */
	return (int)(c < 0 ? -v : v);
}

/* Coefficients to levels in zigzag order from `first` on; the number that is not nought. */
static unsigned quantise_block(int16_t level[16], const int c[16], int qp, bool intra, unsigned first)
{
	unsigned count = 0;

	memset(level, 0, 16 * sizeof(*level));
	for (unsigned i = first; i < 16; i++) {
		level[i] = (int16_t)quantise(c[zigzag[i]], forward[qp % 6][place(zigzag[i])], 15 + (unsigned)qp / 6,
					     intra);
		count += level[i] != 0;
	}
	return count;
}

static void scale_block(int c[16], const int16_t level[16], int qp, unsigned first)
{
	for (unsigned i = first; i < 16; i++)
		c[zigzag[i]] = level[i] * backward[qp % 6][place(zigzag[i])] * (1 << qp / 6);
}

static void hadamard(int m[16])
{
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned k = 0; k < 4; k++) {
			int *p = m + (pass ? k : k * 4);
			unsigned s = pass ? 4 : 1;
			int a = p[0] + p[s], b = p[0] - p[s], c = p[2 * s] + p[3 * s], d = p[2 * s] - p[3 * s];

			p[0] = a + c;
			p[s] = a - c;
			p[2 * s] = b - d;
			p[3 * s] = b + d;
		}
}

static unsigned sum(const uint8_t *p, unsigned stride, unsigned step, unsigned n)
{
	unsigned s = 0;

	for (unsigned i = 0; i < n; i++)
		s += p[(size_t)i * (stride ? stride : step)];
	return s;
}

static void fill(uint8_t *p, unsigned stride, unsigned step, unsigned n, unsigned v)
{
	for (unsigned y = 0; y < n; y++)
		for (unsigned x = 0; x < n; x++)
			p[(size_t)y * stride + x * step] = (uint8_t)v;
}

static void predict_dc(uint8_t *luma, uint8_t *chroma, unsigned stride, bool left, bool above)
{
	unsigned v = 128;

	if (left && above)
		v = (sum(luma - 1, stride, 1, 16) + sum(luma - stride, 0, 1, 16) + 16) >> 5;
	else if (left)
		v = (sum(luma - 1, stride, 1, 16) + 8) >> 4;
	else if (above)
		v = (sum(luma - stride, 0, 1, 16) + 8) >> 4;
	fill(luma, stride, 1, 16, v);
	for (unsigned plane = 0; plane < 2; plane++)
		for (unsigned b = 0; b < 4; b++) { /* 8.3.4.1 to 8.3.4.3 */
			uint8_t *p = chroma + plane + (b & 1) * 8 + (size_t)(b >> 1) * 4 * stride;
			const uint8_t *beside = chroma + plane - 2 + (size_t)(b >> 1) * 4 * stride;
			const uint8_t *over = chroma + plane + (b & 1) * 8 - stride;
			bool use_left = left && !(b == 1 && above), use_above = above && !(b == 2 && left);

			v = 128;
			if (use_left && use_above)
				v = (sum(beside, stride, 2, 4) + sum(over, 0, 2, 4) + 4) >> 3;
			else if (use_left)
				v = (sum(beside, stride, 2, 4) + 2) >> 2;
			else if (use_above)
				v = (sum(over, 0, 2, 4) + 2) >> 2;
			fill(p, stride, 2, 4, v);
		}
}

static void luma_intra(struct h264_mb *m, uint8_t *to, const uint8_t *src, unsigned stride, int qp,
		       struct h264_levels *l)
{
	int c[16][16], dc[16];
	bool ac = false;

	for (unsigned b = 0; b < 16; b++) {
		size_t at = (size_t)(b / 4) * 4 * stride + b % 4 * 4;

		transform(c[b], src + at, stride, to + at, stride, 1);
		dc[b] = c[b][0];
		m->luma[b] = (uint8_t)quantise_block(l->luma[b], c[b], qp, true, 1);
		ac |= m->luma[b];
	}
	hadamard(dc);
	for (unsigned i = 0; i < 16; i++) {
		l->dc[i] = (int16_t)quantise(dc[zigzag[i]] / 2, forward[qp % 6][0], 16 + (unsigned)qp / 6, true);
		m->dc[0] |= l->dc[i] != 0;
	}
	m->cbp_luma = ac ? 15 : 0;
	for (unsigned i = 0; i < 16; i++)
		dc[zigzag[i]] = l->dc[i];
	hadamard(dc);
	for (unsigned b = 0; b < 16; b++) {
		int scale = backward[qp % 6][0] * 16, k = qp / 6;

		scale_block(c[b], l->luma[b], qp, 1);
		c[b][0] = k >= 6 ? dc[b] * scale * (1 << (k - 6)) : (dc[b] * scale + (1 << (5 - k))) >> (6 - k);
		restore(to + (size_t)(b / 4) * 4 * stride + b % 4 * 4, stride, 1, c[b]);
	}
}

static void luma_inter(struct h264_mb *m, uint8_t *to, const uint8_t *src, unsigned stride, int qp,
		       struct h264_levels *l)
{
	for (unsigned b = 0; b < 16; b++) {
		size_t at = (size_t)(b / 4) * 4 * stride + b % 4 * 4;
		int c[16];

		transform(c, src + at, stride, to + at, stride, 1);
		m->luma[b] = (uint8_t)quantise_block(l->luma[b], c, qp, false, 0);
		if (!m->luma[b])
			continue;
		m->cbp_luma |= (uint8_t)(1 << (b / 8 * 2 + b % 4 / 2));
		scale_block(c, l->luma[b], qp, 0);
		restore(to + at, stride, 1, c);
	}
}

static void chroma(struct h264_mb *m, uint8_t *to, const uint8_t *src, unsigned stride, const int qp[2], bool intra,
		   struct h264_levels *l)
{
	for (unsigned plane = 0; plane < 2; plane++) {
		const int q = qp[plane];
		int c[4][16], d[4];

		for (unsigned b = 0; b < 4; b++) {
			size_t at = (size_t)(b / 2) * 4 * stride + b % 2 * 8 + plane;

			transform(c[b], src + at, stride, to + at, stride, 2);
			m->chroma[plane][b] = (uint8_t)quantise_block(l->chroma[plane][b], c[b], q, intra, 1);
			if (m->chroma[plane][b])
				m->cbp_chroma = 2;
		}
		d[0] = c[0][0] + c[1][0] + c[2][0] + c[3][0];
		d[1] = c[0][0] - c[1][0] + c[2][0] - c[3][0];
		d[2] = c[0][0] + c[1][0] - c[2][0] - c[3][0];
		d[3] = c[0][0] - c[1][0] - c[2][0] + c[3][0];
		for (unsigned b = 0; b < 4; b++) {
			l->chroma_dc[plane][b] =
				(int16_t)quantise(d[b], forward[q % 6][0], 16 + (unsigned)q / 6, intra);
			m->dc[1 + plane] |= l->chroma_dc[plane][b] != 0;
		}
		if (m->dc[1 + plane] && !m->cbp_chroma)
			m->cbp_chroma = 1;
		for (unsigned b = 0; b < 4; b++)
			d[b] = l->chroma_dc[plane][b];
		for (unsigned b = 0; b < 4; b++) {
			int v = d[0] + (b & 1 ? -d[1] : d[1]) + (b & 2 ? -d[2] : d[2]) +
				(b == 1 || b == 2 ? -d[3] : d[3]);

			scale_block(c[b], l->chroma[plane][b], q, 1);
			c[b][0] = (v * backward[q % 6][0] * 16 * (1 << q / 6)) >> 5;
			restore(to + (size_t)(b / 2) * 4 * stride + b % 2 * 8 + plane, stride, 2, c[b]);
		}
	}
}

void h264_mb_code(struct h264_frame *f, unsigned slice, unsigned n, int qp, int last_qp, struct h264_levels *l)
{
	const unsigned stride = f->stride, x = n % f->width_mbs, y = n / f->width_mbs;
	const size_t luma_at = (size_t)y * 16 * stride + x * 16, chroma_at = (size_t)y * 8 * stride + x * 16;
	uint8_t *luma = f->to->luma + luma_at, *uv = f->to->chroma + chroma_at;
	const struct recon *ref = f->slice[slice].ref;
	const int chroma_qp[2] = {h264_chroma_qp(qp, f->pps->chroma_offset[0]),
				  h264_chroma_qp(qp, f->pps->chroma_offset[1])};
	struct h264_mb *m = &f->mb[n];

	*m = (struct h264_mb){
		.slice = (uint16_t)slice, .kind = ref ? H264_INTER : H264_INTRA, .ref = ref ? ref->serial : 0};
	if (ref) {
		for (unsigned k = 0; k < 16; k++)
			memcpy(luma + (size_t)k * stride, ref->luma + luma_at + (size_t)k * stride, 16);
		for (unsigned k = 0; k < 8; k++)
			memcpy(uv + (size_t)k * stride, ref->chroma + chroma_at + (size_t)k * stride, 16);
		luma_inter(m, luma, f->src_luma + luma_at, stride, qp, l);
	} else {
		predict_dc(luma, uv, stride, h264_left(f, n), h264_above(f, n));
		luma_intra(m, luma, f->src_luma + luma_at, stride, qp, l);
	}
	chroma(m, uv, f->src_chroma + chroma_at, stride, chroma_qp, !ref, l);
	if (m->kind == H264_INTER && !m->cbp_luma && !m->cbp_chroma)
		m->kind = H264_SKIP;
	m->qp = (uint8_t)(m->kind == H264_SKIP ? last_qp : qp);
}
