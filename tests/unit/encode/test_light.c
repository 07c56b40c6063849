// SPDX-License-Identifier: GPL-3.0-or-later
/* SDR to PQ and back against the standards in double precision, and known values of both. */
#include "../cmocka_all.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/str.h"
#include "encode/light.h"
#include "media/frame.h"

static double srgb(double v)
{
	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double srgb_back(double v)
{
	return v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

/* cd/m2 of a value of ST 2084, and back. */
static double nits(double v)
{
	double e = pow(v, 4096.0 / 2523 / 128), n = fmax(e - 3424.0 / 4096, 0) / (2413.0 / 128 - 2392.0 / 128 * e);

	return 10000 * pow(n, 16384.0 / 2610);
}

static double nits_back(double n)
{
	double e = pow(n / 10000, 2610.0 / 16384);

	return pow((3424.0 / 4096 + 2413.0 / 128 * e) / (1 + 2392.0 / 128 * e), 2523.0 / 32);
}

/* x, y of the primaries and of D65: the way from RGB to XYZ, derived here. */
static void to_xyz(const double c[8], double m[3][3])
{
	double p[3][3], inv[3][3], det, white[3] = {c[6] / c[7], 1, (1 - c[6] - c[7]) / c[7]};

	for (unsigned i = 0; i < 3; i++) {
		p[0][i] = c[2 * i] / c[2 * i + 1];
		p[1][i] = 1;
		p[2][i] = (1 - c[2 * i] - c[2 * i + 1]) / c[2 * i + 1];
	}
	det = p[0][0] * (p[1][1] * p[2][2] - p[1][2] * p[2][1]) - p[0][1] * (p[1][0] * p[2][2] - p[1][2] * p[2][0]) +
	      p[0][2] * (p[1][0] * p[2][1] - p[1][1] * p[2][0]);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 3; k++) {
			unsigned a = (k + 1) % 3, b = (k + 2) % 3, d = (i + 1) % 3, e = (i + 2) % 3;

			inv[i][k] = (p[a][d] * p[b][e] - p[a][e] * p[b][d]) / det;
		}
	for (unsigned i = 0; i < 3; i++) {
		double s = inv[i][0] * white[0] + inv[i][1] * white[1] + inv[i][2] * white[2];

		for (unsigned k = 0; k < 3; k++)
			m[k][i] = p[k][i] * s;
	}
}

static void solve(double m[3][3], const double v[3], double out[3])
{
	double a[3][4];

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < 3; k++)
			a[i][k] = m[i][k];
		a[i][3] = v[i];
	}
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 3; k++)
			for (unsigned j = 4; k != i && j-- > i;)
				a[k][j] -= a[i][j] * a[k][i] / a[i][i];
	for (unsigned i = 0; i < 3; i++)
		out[i] = a[i][3] / a[i][i];
}

static void primaries(const double in[3], bool to_2020, double out[3])
{
	static const double bt709[8] = {0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290};
	static const double bt2020[8] = {0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290};
	double from[3][3], to[3][3], xyz[3];

	to_xyz(to_2020 ? bt709 : bt2020, from);
	to_xyz(to_2020 ? bt2020 : bt709, to);
	for (unsigned i = 0; i < 3; i++)
		xyz[i] = from[i][0] * in[0] + from[i][1] * in[1] + from[i][2] * in[2];
	solve(to, xyz, out);
}

static uint32_t seed = 3;

static uint32_t rnd(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* Noise, and corners of the cube and greys. */
static uint32_t colour(unsigned i, unsigned top)
{
	if (i < 8)
		return (i & 1 ? top : 0) << 16 | (i & 2 ? top : 0) << 8 | (i & 4 ? top : 0);
	return i % 5 ? rnd() & 0xffffff : (i / 5 & top) * 0x010101u;
}

static void check(uint32_t fourcc, bool to_pq)
{
	const bool deep = fourcc == FOURCC_XRGB2101010;
	struct light *l;
	double worst = 0;

	assert_int_equal(light_create(&l, fourcc, to_pq), 0);
	for (unsigned i = 0; i < 4000; i++) {
		uint32_t c = colour(i, 255), word = c, got;
		double v[3], light[3], exact[3];

		if (deep)
			word = (rnd() & 3u << 30) | (c >> 16) * 1023 / 255 << 20 | (c >> 8 & 255) * 1023 / 255 << 10 |
			       (c & 255) * 1023 / 255;
		for (unsigned k = 0; k < 3; k++) {
			v[k] = deep ? (word >> (20 - 10 * k) & 1023) / 1023.0 : (word >> (16 - 8 * k) & 255) / 255.0;
			light[k] = to_pq ? srgb(v[k]) * 203 : nits(v[k]);
		}
		primaries(light, to_pq, exact);
		light_run(l, (const uint8_t *)&word, 4, (uint8_t *)&got, 4, 1, 1);
		for (unsigned k = 0; k < 3; k++) {
			double n = to_pq ? fmin(fmax(exact[k], 0), 10000) : fmin(fmax(exact[k] / 203, 0), 1);
			double want = 1023 * (to_pq ? nits_back(n) : srgb_back(n));
			double off = fabs(want - (got >> (20 - 10 * k) & 1023));

			worst = off > worst ? off : worst;
		}
	}
	print_message("# to %s from %u bits: %.3f\n", to_pq ? "PQ" : "SDR", deep ? 10 : 8, worst);
	assert_true(worst <= 1.0);
	light_destroy(l);
}

static void sdr_becomes_pq_within_a_code_value(void **state)
{
	(void)state;
	check(FOURCC_XRGB8888, true);
	check(FOURCC_XRGB2101010, true);
}

static void pq_becomes_sdr_within_a_code_value(void **state)
{
	(void)state;
	check(FOURCC_XRGB2101010, false);
	check(FOURCC_XRGB8888, false);
}

static void white_is_203_and_what_is_brighter_is_clipped(void **state)
{
	static const struct {
		uint32_t pq, sdr;
	} rows[] = {{0, 0}, {594, 1023}, {769, 1023}, {1023, 1023}};
	uint32_t white = 0xffffff, got;
	struct light *l;

	(void)state;
	assert_int_equal(light_create(&l, FOURCC_XRGB8888, true), 0);
	light_run(l, (const uint8_t *)&white, 4, (uint8_t *)&got, 4, 1, 1);
	assert_int_equal(got & 1023, 594); /* ITU-R BT.2408: 58 % */
	assert_int_equal(got >> 10 & 1023, 594);
	assert_int_equal(got >> 20 & 1023, 594);
	light_destroy(l);
	assert_int_equal(light_create(&l, FOURCC_XRGB2101010, false), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t in = rows[i].pq << 20 | rows[i].pq << 10 | rows[i].pq;

		light_run(l, (const uint8_t *)&in, 4, (uint8_t *)&got, 4, 1, 1);
		for (unsigned k = 0; k < 30; k += 10)
			assert_true(abs((int)(got >> k & 1023) - (int)rows[i].sdr) <= 1);
	}
	light_destroy(l);
	assert_int_equal(light_create(&l, FOURCC_XBGR16161616F, false), -ENOTSUP);
	assert_null(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sdr_becomes_pq_within_a_code_value),
		cmocka_unit_test(pq_becomes_sdr_within_a_code_value),
		cmocka_unit_test(white_is_203_and_what_is_brighter_is_clipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
