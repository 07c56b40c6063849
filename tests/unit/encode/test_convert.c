// SPDX-License-Identifier: GPL-3.0-or-later
/* Every format, matrix and range, by every kernel, against the formulas of BT.601/709/2020 in double precision. */
#include "../cmocka_all.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "encode/convert.h"

static const struct {
	uint32_t fourcc;
	unsigned r, g, b; /* byte offsets */
} formats[] = {
	{FOURCC_XRGB8888, 2, 1, 0}, {FOURCC_ARGB8888, 2, 1, 0}, {FOURCC_XBGR8888, 0, 1, 2},
	{FOURCC_ABGR8888, 0, 1, 2}, {FOURCC_RGBX8888, 3, 2, 1}, {FOURCC_BGRX8888, 1, 2, 3},
};
static const enum colour_space spaces[] = {COLOUR_BT601, COLOUR_BT709, COLOUR_BT2020};

static uint32_t seed = 1;

static uint32_t rnd(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static double clip(double v)
{
	return v < 0 ? 0 : v > 255 ? 255 : v;
}

/* Exact Y, Cb, Cr of primaries in 0..255. */
static void reference(double r, double g, double b, enum colour_space space, bool full, double out[3])
{
	static const double kr[] = {0.299, 0.2126, 0.2627}, kb[] = {0.114, 0.0722, 0.0593};
	double y = kr[space] * r + (1 - kr[space] - kb[space]) * g + kb[space] * b;
	double cb = (b - y) / (2 * (1 - kb[space])), cr = (r - y) / (2 * (1 - kr[space]));

	out[0] = clip(full ? y : 16 + y * 219 / 255);
	out[1] = clip(128 + (full ? cb : cb * 224 / 255));
	out[2] = clip(128 + (full ? cr : cr * 224 / 255));
}

struct source {
	uint8_t *pixels;
	size_t stride;
	unsigned w, h;
};

/* kind 0: noise; 1: corners of the colour cube; 2: greys. */
static struct source source_make(unsigned w, unsigned h, size_t stride, unsigned format, unsigned kind)
{
	struct source s = {.stride = stride, .w = w, .h = h};

	s.pixels = malloc(stride * h + 8);
	assert_non_null(s.pixels);
	for (size_t i = 0; i < stride * h + 8; i++)
		s.pixels[i] = (uint8_t)rnd();
	for (unsigned y = 0; kind && y < h; y++) {
		for (unsigned x = 0; x < w; x++) {
			uint8_t *p = s.pixels + y * stride + 4 * x;
			uint8_t grey = (uint8_t)rnd();

			p[formats[format].r] = kind == 2 ? grey : (rnd() & 1) ? 255 : 0;
			p[formats[format].g] = kind == 2 ? grey : (rnd() & 1) ? 255 : 0;
			p[formats[format].b] = kind == 2 ? grey : (rnd() & 1) ? 255 : 0;
		}
	}
	return s;
}

static void check(const struct source *s, const struct picture *p, unsigned format, enum colour_space space, bool full,
		  double tolerance)
{
	double v[3];

	for (unsigned y = 0; y < s->h; y++) {
		for (unsigned x = 0; x < s->w; x++) {
			const uint8_t *q = s->pixels + y * s->stride + 4 * x;

			reference(q[formats[format].r], q[formats[format].g], q[formats[format].b], space, full, v);
			assert_true(fabs(p->luma[y * p->stride + x] - v[0]) <= tolerance);
		}
	}
	for (unsigned y = 0; y < s->h / 2; y++) {
		for (unsigned x = 0; x < s->w / 2; x++) {
			double rgb[3] = {0};
			const uint8_t *c = p->chroma + y * p->stride + 2 * x;

			for (unsigned i = 0; i < 4; i++) {
				const uint8_t *q = s->pixels + (2 * y + i / 2) * s->stride + 4 * (2 * x + i % 2);

				rgb[0] += q[formats[format].r] / 4.0;
				rgb[1] += q[formats[format].g] / 4.0;
				rgb[2] += q[formats[format].b] / 4.0;
			}
			reference(rgb[0], rgb[1], rgb[2], space, full, v);
			assert_true(fabs(c[0] - v[1]) <= tolerance);
			assert_true(fabs(c[1] - v[2]) <= tolerance);
		}
	}
}

static void check_kernel(convert_rows_fn rows)
{
	for (unsigned f = 0; f < ARRAY_LEN(formats); f++)
		for (unsigned m = 0; m < ARRAY_LEN(spaces); m++)
			for (unsigned full = 0; full < 2; full++)
				for (unsigned kind = 0; kind < 3; kind++) {
					struct source s = source_make(198, 10, 198 * 4 + 12, f, kind);
					struct picture p;
					struct convert c;

					assert_int_equal(picture_init(&p, 198, 10, spaces[m], full), 0);
					assert_int_equal(convert_init(&c, formats[f].fourcc, spaces[m], full), 0);
					c.rows = rows;
					convert_run(&c, s.pixels, s.stride, &p, 0, 0, 198, 10);
					check(&s, &p, f, spaces[m], full, 0.52);
					picture_finish(&p);
					free(s.pixels);
				}
}

static void portable_kernel_rounds_to_the_nearest_code_value(void **state)
{
	(void)state;
	check_kernel(convert_rows_portable);
}

static void avx2_kernel_rounds_to_the_nearest_code_value(void **state)
{
	(void)state;
	if (!convert_rows_avx2())
		skip();
	check_kernel(convert_rows_avx2());
}

static void kernels_agree_bit_for_bit_at_every_width_and_alignment(void **state)
{
	(void)state;
	if (!convert_rows_avx2())
		skip();
	for (unsigned w = 2; w <= 130; w += 2) {
		for (unsigned offset = 0; offset < 4; offset++) {
			struct source s = source_make(w, 4, w * 4 + 5, 0, 0);
			struct picture a, b;
			struct convert c;

			assert_int_equal(picture_init(&a, (uint16_t)w, 4, COLOUR_BT709, false), 0);
			assert_int_equal(picture_init(&b, (uint16_t)w, 4, COLOUR_BT709, false), 0);
			assert_int_equal(convert_init(&c, FOURCC_BGRX8888, COLOUR_BT709, false), 0);
			c.rows = convert_rows_portable;
			convert_run(&c, s.pixels + offset, s.stride, &a, 0, 0, w, 4);
			c.rows = convert_rows_avx2();
			convert_run(&c, s.pixels + offset, s.stride, &b, 0, 0, w, 4);
			assert_memory_equal(a.luma, b.luma, a.stride * 6);
			picture_finish(&a);
			picture_finish(&b);
			free(s.pixels);
		}
	}
}

static void greys_have_no_colour_and_white_and_black_are_exact(void **state)
{
	(void)state;
	for (unsigned m = 0; m < ARRAY_LEN(spaces); m++) {
		for (unsigned full = 0; full < 2; full++) {
			struct picture p;
			struct convert c;
			uint8_t line[2][256 * 4];

			for (unsigned x = 0; x < 256; x++) {
				memset(line[0] + 4 * x, (int)(x & ~1u) + (x > 253), 4);
				memset(line[1] + 4 * x, (int)(x & ~1u) + (x > 253), 4);
			}
			assert_int_equal(picture_init(&p, 256, 2, spaces[m], full), 0);
			assert_int_equal(convert_init(&c, FOURCC_XRGB8888, spaces[m], full), 0);
			convert_run(&c, line[0], sizeof(line[0]), &p, 0, 0, 256, 2);
			assert_int_equal(p.luma[0], full ? 0 : 16);
			assert_int_equal(p.luma[255], full ? 255 : 235);
			for (unsigned x = 0; x < 256; x++)
				assert_int_equal(p.chroma[x], 128);
			picture_finish(&p);
		}
	}
}

static void only_the_asked_rectangle_is_written(void **state)
{
	struct source s = source_make(32, 8, 128, 0, 0);
	struct picture p;
	struct convert c;

	(void)state;
	assert_int_equal(picture_init(&p, 64, 32, COLOUR_BT601, false), 0);
	assert_int_equal(convert_init(&c, FOURCC_XRGB8888, COLOUR_BT601, false), 0);
	convert_run(&c, s.pixels, s.stride, &p, 16, 10, 32, 8);
	for (unsigned y = 0; y < 32; y++)
		for (unsigned x = 0; x < 64; x++)
			if (x < 16 || x >= 48 || y < 10 || y >= 18) {
				assert_int_equal(p.luma[y * p.stride + x], 16);
				assert_int_equal(p.chroma[y / 2 * p.stride + x], 128);
			}
	picture_finish(&p);
	free(s.pixels);
}

static void unknown_formats_are_refused(void **state)
{
	struct convert c;

	(void)state;
	assert_int_equal(convert_init(&c, FOURCC('N', 'V', '1', '2'), COLOUR_BT709, false), -ENOTSUP);
	assert_false(convert_supports(0));
	assert_true(convert_supports(FOURCC_XBGR8888));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portable_kernel_rounds_to_the_nearest_code_value),
		cmocka_unit_test(avx2_kernel_rounds_to_the_nearest_code_value),
		cmocka_unit_test(kernels_agree_bit_for_bit_at_every_width_and_alignment),
		cmocka_unit_test(greys_have_no_colour_and_white_and_black_are_exact),
		cmocka_unit_test(only_the_asked_rectangle_is_written),
		cmocka_unit_test(unknown_formats_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
