// SPDX-License-Identifier: GPL-3.0-or-later
/* Transforms of 8x8 and 4x4: any way forward, back as 7.13.2.3 and 7.13.3 say, bit by bit. */
#include "av1.h"

#include <math.h>
#include <string.h>

#define COLUMN_BITS 16u /* of numbers in column transforms: Max(BitDepth + 6, 16), the same for 8 and 10 bits */

/* 4096 cos(i pi / 128) */
enum { C8 = 4017, C16 = 3784, C24 = 3406, C32 = 2896, C40 = 2276, C48 = 1567, C56 = 799 };

/* Diagonals, by turns up and down. */
static const uint8_t scan4[16] = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};
static const uint8_t scan8[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
				  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
				  35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
				  58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

const uint8_t *av1_scan(unsigned n)
{
	return n == 8 ? scan8 : scan4;
}

/* To a signed number of so many bits. */
static int clamp(int v, unsigned bits)
{
	const int most = (1 << (bits - 1)) - 1;

	return v < -most - 1 ? -most - 1 : v > most ? most : v;
}

static int mix(int a, int x, int b, int y)
{
	return (int)(((int64_t)a * x + (int64_t)b * y + 2048) >> 12);
}

static void back4(int *t, const int *in, unsigned step, unsigned bits)
{
	const int a = mix(C32, in[0], C32, in[2 * step]), b = mix(C32, in[0], -C32, in[2 * step]);
	const int c = mix(C48, in[step], -C16, in[3 * step]), d = mix(C16, in[step], C48, in[3 * step]);

	t[0] = clamp(a + d, bits);
	t[1] = clamp(b + c, bits);
	t[2] = clamp(b - c, bits);
	t[3] = clamp(a - d, bits);
}

static void back8(int *t, const int *in, unsigned bits)
{
	const int o4 = mix(C56, in[1], -C8, in[7]), o7 = mix(C8, in[1], C56, in[7]);
	const int o5 = mix(C24, in[5], -C40, in[3]), o6 = mix(C40, in[5], C24, in[3]);
	const int a4 = clamp(o4 + o5, bits), a5 = clamp(o4 - o5, bits);
	const int a6 = clamp(o7 - o6, bits), a7 = clamp(o6 + o7, bits);
	const int odd[4] = {a7, mix(C32, a5, C32, a6), mix(-C32, a5, C32, a6), a4};
	int even[4];

	back4(even, in, 2, bits);
	for (unsigned i = 0; i < 4; i++) {
		t[i] = clamp(even[i] + odd[i], bits);
		t[7 - i] = clamp(even[i] - odd[i], bits);
	}
}

static void back(int *t, const int *in, unsigned n, unsigned bits)
{
	if (n == 8)
		back8(t, in, bits);
	else
		back4(t, in, 1, bits);
}

void av1_restore(const struct av1_levels *l, unsigned n, unsigned qindex, unsigned depth, int16_t *residual)
{
	const unsigned row_shift = n == 8 ? 1 : 0, row_bits = depth + 8;
	int rows[64], line[8], t[8];

	for (unsigned y = 0; y < n; y++) {
		for (unsigned x = 0; x < n; x++) {
			const int level = l->v[y * n + x];
			const uint32_t step = y || x ? av1_ac_step(qindex, depth) : av1_dc_step(qindex, depth);
			const int value = (int)((uint32_t)(level < 0 ? -level : level) * step & 0xffffff);

			line[x] = clamp(level < 0 ? -value : value, row_bits);
		}
		back(t, line, n, row_bits);
		for (unsigned x = 0; x < n; x++)
			rows[y * n + x] = clamp((t[x] + (int)row_shift) >> row_shift, COLUMN_BITS);
	}
	for (unsigned x = 0; x < n; x++) {
		for (unsigned y = 0; y < n; y++)
			line[y] = rows[y * n + x];
		back(t, line, n, COLUMN_BITS);
		for (unsigned y = 0; y < n; y++)
			residual[y * n + x] = (int16_t)((t[y] + 8) >> 4);
	}
}

static const double *cosines(unsigned n)
{
	static double table[2][64];
	double *t = table[n == 8];

	if (t[0] == 0)
		for (unsigned k = 0; k < n; k++)
			for (unsigned i = 0; i < n; i++)
				t[k * n + i] = sqrt((k ? 2.0 : 1.0) / n) * cos(M_PI * (2 * i + 1) * k / (2 * n));
	return t;
}

void av1_transform(const int16_t *residual, unsigned n, unsigned qindex, unsigned depth, struct av1_levels *l)
{
	const int most = (1 << (depth + 4)) - 1; /* the finest quantiser needs that many */
	const uint8_t *scan = av1_scan(n);
	const double *c = cosines(n);
	double half[64];

	memset(l, 0, sizeof(*l));
	for (unsigned y = 0; y < n; y++)
		for (unsigned k = 0; k < n; k++) {
			double sum = 0;

			for (unsigned x = 0; x < n; x++)
				sum += residual[y * n + x] * c[k * n + x];
			half[y * n + k] = sum;
		}
	for (unsigned i = 0; i < n * n; i++) {
		const unsigned pos = scan[i], row = pos / n, column = pos % n;
		const double step = pos ? av1_ac_step(qindex, depth) : av1_dc_step(qindex, depth);
		double sum = 0;
		int level;

		for (unsigned y = 0; y < n; y++)
			sum += half[y * n + column] * c[row * n + y];
		level = (int)(fabs(sum) * 8 / step + (pos ? 0.35 : 0.45));
		if (level > most)
			level = most;
		if (level)
			l->end = i + 1;
		l->v[pos] = (int16_t)(sum < 0 ? -level : level);
	}
}
