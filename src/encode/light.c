// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/light.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encode/convert.h"

/* This file is worth optimising whatever the build type says. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("O3")
#endif

#define PEAK  10000.0 /* cd/m2 of the largest PQ value */
#define WHITE 203.0   /* of SDR */
#define STEPS 4096u   /* of the curve back, over the fourth root of light: there PQ and sRGB are both nearly straight */

/* Light is 1.0 at the target's largest value. */
struct light {
	struct pixel_layout from;
	float matrix[3][3];
	float decode[1024];
	float encode[STEPS + 2]; /* code values of ten bits */
};

static double srgb_decode(double v)
{
	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double srgb_encode(double v)
{
	return v <= 0.0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

/* SMPTE ST 2084, 1.0 being the peak. */
static const double m1 = 2610.0 / 16384, m2 = 2523.0 / 4096 * 128;
static const double c1 = 3424.0 / 4096, c2 = 2413.0 / 4096 * 32, c3 = 2392.0 / 4096 * 32;

static double pq_decode(double v)
{
	double e = pow(v, 1 / m2);

	return e <= c1 ? 0 : pow((e - c1) / (c2 - c3 * e), 1 / m1);
}

static double pq_encode(double v)
{
	double e = pow(v, m1);

	return pow((c1 + c2 * e) / (1 + c3 * e), m2);
}

/* ITU-R BT.2087: between the primaries of BT.709 and BT.2020 in linear light. */
static const double to_2020[3][3] = {
	{0.62740389593469903, 0.32928303837788370, 0.043313065687417225},
	{0.069097289358232075, 0.91954039507545871, 0.011362315566309178},
	{0.016391438875150280, 0.088013307877225749, 0.89559525324762401},
};
static const double to_709[3][3] = {
	{1.6604910021084345, -0.58764113878854951, -0.072849863319884883},
	{-0.12455047452159074, 1.1328998971259603, -0.0083494226043694768},
	{-0.018150763354905303, -0.10057889800800739, 1.1187296613627127},
};

int light_create(struct light **out, uint32_t fourcc, bool to_pq)
{
	struct light *l = calloc(1, sizeof(*l));
	double top;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	if (!convert_layout(fourcc, &l->from)) {
		free(l);
		return -ENOTSUP;
	}
	for (unsigned i = 0; i < 9; i++)
		l->matrix[i / 3][i % 3] = (float)(to_pq ? to_2020 : to_709)[i / 3][i % 3];
	top = (1u << l->from.bits) - 1;
	for (unsigned i = 0; i <= (unsigned)top; i++)
		l->decode[i] = (float)(to_pq ? srgb_decode(i / top) * WHITE / PEAK : pq_decode(i / top) * PEAK / WHITE);
	for (unsigned i = 0; i < STEPS + 2; i++) {
		double v = fmin(pow((double)i / STEPS, 4), 1);

		l->encode[i] = (float)(1023 * (to_pq ? pq_encode(v) : srgb_encode(v)) + 0.5);
	}
	*out = l;
	return 0;
}

void light_destroy(struct light *l)
{
	free(l);
}

static inline uint32_t encode(const struct light *l, const float row[3], float r, float g, float b)
{
	float v = row[0] * r + row[1] * g + row[2] * b, at, part;
	unsigned i;

	v = v < 0 ? 0 : v > 1 ? 1 : v;
	at = sqrtf(sqrtf(v)) * STEPS;
	i = (unsigned)at;
	part = at - (float)i;
	return (uint32_t)(l->encode[i] + (l->encode[i + 1] - l->encode[i]) * part);
}

void light_run(const struct light *l, const uint8_t *src, size_t src_stride, uint8_t *dst, size_t dst_stride,
	       uint32_t w, uint32_t h)
{
	const uint32_t mask = (1u << l->from.bits) - 1;

	for (uint32_t y = 0; y < h; y++)
		for (uint32_t x = 0; x < w; x++) {
			float r, g, b;
			uint32_t p;

			memcpy(&p, src + y * src_stride + (size_t)x * 4, sizeof(p));
			p = le32toh(p);
			r = l->decode[p >> l->from.r & mask];
			g = l->decode[p >> l->from.g & mask];
			b = l->decode[p >> l->from.b & mask];
			p = htole32(encode(l, l->matrix[0], r, g, b) << 20 | encode(l, l->matrix[1], r, g, b) << 10 |
				    encode(l, l->matrix[2], r, g, b));
			memcpy(dst + y * dst_stride + (size_t)x * 4, &p, sizeof(p));
		}
}
