// SPDX-License-Identifier: GPL-3.0-or-later
/* Every format, matrix and range, by every kernel, against the formulas of BT.601/709/2020 in double precision. */
#include "../cmocka_all.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "encode/convert.h"

static const struct source_format {
	uint32_t fourcc;
	unsigned bits, r, g, b; /* lowest bits in the little-endian word */
} formats[] = {
	{FOURCC_XRGB8888, 8, 16, 8, 0},      {FOURCC_ARGB8888, 8, 16, 8, 0},      {FOURCC_XBGR8888, 8, 0, 8, 16},
	{FOURCC_ABGR8888, 8, 0, 8, 16},      {FOURCC_RGBX8888, 8, 24, 16, 8},     {FOURCC_BGRX8888, 8, 8, 16, 24},
	{FOURCC_XRGB2101010, 10, 20, 10, 0}, {FOURCC_ARGB2101010, 10, 20, 10, 0}, {FOURCC_XBGR2101010, 10, 0, 10, 20},
	{FOURCC_ABGR2101010, 10, 0, 10, 20},
};
static const enum colour_space spaces[] = {COLOUR_BT601, COLOUR_BT709, COLOUR_BT2020};

static uint32_t seed = 1;

static uint32_t rnd(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

static double clip(double v, double top)
{
	return v < 0 ? 0 : v > top ? top : v;
}

/* Exact Y, Cb, Cr of primaries in 0..1, in code values of the picture's depth. */
static void reference(const double rgb[3], const struct picture *p, double out[3])
{
	static const double kr[] = {0.299, 0.2126, 0.2627}, kb[] = {0.114, 0.0722, 0.0593};
	const bool deep = picture_is_10bit(p->format);
	const double top = deep ? 1023 : 255, step = deep ? 4 : 1;
	double r = rgb[0], g = rgb[1], b = rgb[2];
	double y = kr[p->space] * r + (1 - kr[p->space] - kb[p->space]) * g + kb[p->space] * b;
	double cb = (b - y) / (2 * (1 - kb[p->space])), cr = (r - y) / (2 * (1 - kr[p->space]));

	out[0] = clip(p->full_range ? y * top : step * (16 + y * 219), top);
	out[1] = clip(128 * step + cb * (p->full_range ? top : 224 * step), top);
	out[2] = clip(128 * step + cr * (p->full_range ? top : 224 * step), top);
}

struct source {
	uint8_t *pixels;
	size_t stride;
	unsigned w, h;
};

/* kind 0: noise; 1: corners of the colour cube; 2: greys. */
static struct source source_make(unsigned w, unsigned h, size_t stride, const struct source_format *f, unsigned kind)
{
	struct source s = {.stride = stride, .w = w, .h = h};
	const uint32_t top = (1u << f->bits) - 1;

	s.pixels = malloc(stride * h + 8);
	assert_non_null(s.pixels);
	for (size_t i = 0; i < stride * h + 8; i++)
		s.pixels[i] = (uint8_t)rnd();
	for (unsigned y = 0; kind && y < h; y++) {
		for (unsigned x = 0; x < w; x++) {
			uint32_t grey = rnd() & top, word = rnd() & ~(top << f->r | top << f->g | top << f->b);

			word |= (kind == 2 ? grey : (rnd() & 1) ? top : 0) << f->r;
			word |= (kind == 2 ? grey : (rnd() & 1) ? top : 0) << f->g;
			word |= (kind == 2 ? grey : (rnd() & 1) ? top : 0) << f->b;
			memcpy(s.pixels + y * stride + 4 * x, &word, 4);
		}
	}
	return s;
}

static void add_pixel(const struct source *s, const struct source_format *f, unsigned x, unsigned y, double part,
		      double rgb[3])
{
	const double top = (1u << f->bits) - 1;
	uint32_t word;

	memcpy(&word, s->pixels + y * s->stride + 4 * x, 4);
	rgb[0] += part * (word >> f->r & (uint32_t)top) / top;
	rgb[1] += part * (word >> f->g & (uint32_t)top) / top;
	rgb[2] += part * (word >> f->b & (uint32_t)top) / top;
}

/* Sample x of a line, its unused bits zero. */
static double sample(const struct picture *p, const uint8_t *plane, unsigned x, unsigned y)
{
	uint16_t word;

	if (!picture_is_10bit(p->format))
		return plane[y * p->stride + x];
	memcpy(&word, plane + y * p->stride + 2 * x, 2);
	if (p->format == PICTURE_P010) {
		assert_int_equal(word & 63, 0);
		word >>= 6;
	}
	assert_true(word < 1024);
	return word;
}

static void near(double got, double exact, double tolerance)
{
	if (fabs(got - exact) > tolerance)
		fail_msg("%.0f instead of %.4f", got, exact);
}

static void check(const struct source *s, const struct picture *p, const struct source_format *f, double tolerance)
{
	const bool whole = picture_is_444(p->format);
	const unsigned cell = whole ? 1 : 2;
	double v[3];

	for (unsigned y = 0; y < s->h; y++)
		for (unsigned x = 0; x < s->w; x++) {
			double rgb[3] = {0};

			add_pixel(s, f, x, y, 1, rgb);
			reference(rgb, p, v);
			near(sample(p, p->luma, x, y), v[0], tolerance);
		}
	for (unsigned y = 0; y < s->h / cell; y++)
		for (unsigned x = 0; x < s->w / cell; x++) {
			double rgb[3] = {0};

			for (unsigned i = 0; i < cell * cell; i++)
				add_pixel(s, f, cell * x + i % cell, cell * y + i / cell, 1.0 / (cell * cell), rgb);
			reference(rgb, p, v);
			near(sample(p, p->chroma, whole ? x : 2 * x, y), v[1], tolerance);
			near(whole ? sample(p, p->cr, x, y) : sample(p, p->chroma, 2 * x + 1, y), v[2], tolerance);
		}
}

static struct picture make(enum picture_format format, unsigned w, unsigned h, enum colour_space space, bool full)
{
	const struct video_params v = {
		.width = (uint16_t)w,
		.height = (uint16_t)h,
		.depth = picture_is_10bit(format) ? 10 : 8,
		.yuv444 = picture_is_444(format),
		.space = space,
		.full_range = full,
	};
	struct picture p;

	assert_int_equal(picture_init_for(&p, &v), 0);
	assert_int_equal(p.format, format);
	return p;
}

struct kernels {
	convert_rows_fn rows; /* NULL: lines also for what has rows */
	convert_lines_fn (*lines)(enum picture_format f);
};

static void check_kernels(struct kernels k, double tolerance)
{
	for (unsigned f = 0; f < ARRAY_LEN(formats); f++)
		for (unsigned to = 0; to < PICTURE_FORMATS; to++)
			for (unsigned m = 0; m < 2 * ARRAY_LEN(spaces); m++)
				for (unsigned kind = 0; kind < 3; kind++) {
					struct source s = source_make(198, 10, 198 * 4 + 12, &formats[f], kind);
					struct picture p = make(to, 198, 10, spaces[m / 2], m & 1);
					struct convert c;

					assert_int_equal(convert_init(&c, formats[f].fourcc, &p), 0);
					assert_true(!!c.rows == (formats[f].bits == 8 && to == PICTURE_NV12));
					c.rows = c.rows ? k.rows : NULL;
					c.lines = k.lines(p.format);
					convert_run(&c, s.pixels, s.stride, &p, 0, 0, 198, 10);
					check(&s, &p, &formats[f], tolerance);
					picture_finish(&p);
					free(s.pixels);
				}
}

static void portable_kernels_round_to_the_nearest_code_value(void **state)
{
	(void)state;
	check_kernels((struct kernels){convert_rows_portable, convert_lines_portable}, 0.52);
	check_kernels((struct kernels){NULL, convert_lines_portable}, 0.504);
}

static void avx2_kernels_round_to_the_nearest_code_value(void **state)
{
	(void)state;
	if (!convert_rows_avx2())
		skip();
	check_kernels((struct kernels){convert_rows_avx2(), convert_lines_avx2}, 0.52);
	check_kernels((struct kernels){NULL, convert_lines_avx2}, 0.504);
}

static void kernels_agree_bit_for_bit_at_every_width_and_alignment(void **state)
{
	(void)state;
	if (!convert_rows_avx2())
		skip();
	for (unsigned w = 2; w <= 130; w += 2) {
		for (unsigned offset = 0; offset < 4; offset++) {
			struct source s = source_make(w, 4, w * 4 + 5, &formats[0], 0);
			struct picture a, b;
			struct convert c;

			assert_int_equal(picture_init(&a, (uint16_t)w, 4, COLOUR_BT709, false), 0);
			assert_int_equal(picture_init(&b, (uint16_t)w, 4, COLOUR_BT709, false), 0);
			assert_int_equal(convert_init(&c, FOURCC_BGRX8888, &a), 0);
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

/* Lines that every processor has against those of AVX2, at every width: the ends of lines are not vectors. */
static void lines_agree_bit_for_bit_at_every_width(void **state)
{
	(void)state;
	if (!convert_lines_avx2(PICTURE_NV12))
		skip();
	for (unsigned to = 0; to < PICTURE_FORMATS; to++)
		for (unsigned w = 2; w <= 70; w += 2) {
			struct source s = source_make(w, 4, w * 4 + 5, &formats[6], 0);
			struct picture a = make(to, w, 4, COLOUR_BT709, false), b = make(to, w, 4, COLOUR_BT709, false);
			struct convert c;

			assert_int_equal(convert_init(&c, FOURCC_XRGB2101010, &a), 0);
			c.lines = convert_lines_portable(to);
			convert_run(&c, s.pixels + 1, s.stride, &a, 0, 0, w, 4);
			c.lines = convert_lines_avx2(to);
			convert_run(&c, s.pixels + 1, s.stride, &b, 0, 0, w, 4);
			assert_memory_equal(a.luma, b.luma, picture_bytes(&a));
			picture_finish(&a);
			picture_finish(&b);
			free(s.pixels);
		}
}

static void greys_have_no_colour_and_white_and_black_are_exact(void **state)
{
	(void)state;
	for (unsigned m = 0; m < 2 * ARRAY_LEN(spaces) * PICTURE_FORMATS; m++) {
		const bool full = m & 1;
		struct picture p = make(m / 6, 256, 2, spaces[m / 2 % 3], full);
		const bool whole = picture_is_444(p.format);
		const double step = picture_is_10bit(p.format) ? 4 : 1;
		const double white = !full ? 235 * step : step > 1 ? 1023 : 255;
		struct convert c;
		uint8_t line[2][256 * 4];

		for (unsigned x = 0; x < 256; x++) {
			memset(line[0] + 4 * x, (int)(x & ~1u) + (x > 253), 4);
			memset(line[1] + 4 * x, (int)(x & ~1u) + (x > 253), 4);
		}
		assert_int_equal(convert_init(&c, FOURCC_XRGB8888, &p), 0);
		for (unsigned again = 0; again < 2; again++) {
			picture_fill_black(&p);
			near(sample(&p, p.luma, 255, 1), full ? 0 : 16 * step, 0);
			near(sample(&p, whole ? p.cr : p.chroma, 255, 0), 128 * step, 0);
			convert_run(&c, line[0], sizeof(line[0]), &p, 0, 0, 256, 2);
			near(sample(&p, p.luma, 0, 0), full ? 0 : 16 * step, 0);
			near(sample(&p, p.luma, 255, 0), white, 0);
			for (unsigned x = 0; x < 256; x++) {
				near(sample(&p, p.chroma, x, 0), 128 * step, 0);
				if (whole)
					near(sample(&p, p.cr, x, 1), 128 * step, 0);
			}
			c.rows = NULL;
		}
		picture_finish(&p);
	}
}

static void only_the_asked_rectangle_is_written(void **state)
{
	(void)state;
	for (unsigned to = 0; to < PICTURE_FORMATS; to++) {
		struct source s = source_make(32, 8, 128, &formats[0], 0);
		struct picture p = make(to, 64, 32, COLOUR_BT601, false);
		const bool whole = picture_is_444(to);
		const double step = picture_is_10bit(to) ? 4 : 1;
		struct convert c;

		assert_int_equal(convert_init(&c, FOURCC_XRGB8888, &p), 0);
		convert_run(&c, s.pixels, s.stride, &p, 16, 10, 32, 8);
		for (unsigned y = 0; y < 32; y++)
			for (unsigned x = 0; x < 64; x++)
				if (x < 16 || x >= 48 || y < 10 || y >= 18) {
					near(sample(&p, p.luma, x, y), 16 * step, 0);
					near(sample(&p, p.chroma, x, whole ? y : y / 2), 128 * step, 0);
					if (whole)
						near(sample(&p, p.cr, x, y), 128 * step, 0);
				}
		picture_finish(&p);
		free(s.pixels);
	}
}

static void unknown_formats_are_refused(void **state)
{
	struct picture p = make(PICTURE_NV12, 64, 32, COLOUR_BT601, false);
	struct convert c;

	(void)state;
	assert_int_equal(convert_init(&c, FOURCC('N', 'V', '1', '2'), &p), -ENOTSUP);
	assert_int_equal(convert_init(&c, FOURCC_XBGR16161616F, &p), -ENOTSUP);
	assert_false(convert_supports(0));
	assert_true(convert_supports(FOURCC_XBGR8888));
	assert_int_equal(convert_bits(FOURCC_ABGR2101010), 10);
	assert_int_equal(convert_bits(FOURCC_ABGR8888), 8);
	picture_finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(portable_kernels_round_to_the_nearest_code_value),
		cmocka_unit_test(avx2_kernels_round_to_the_nearest_code_value),
		cmocka_unit_test(kernels_agree_bit_for_bit_at_every_width_and_alignment),
		cmocka_unit_test(lines_agree_bit_for_bit_at_every_width),
		cmocka_unit_test(greys_have_no_colour_and_white_and_black_are_exact),
		cmocka_unit_test(only_the_asked_rectangle_is_written),
		cmocka_unit_test(unknown_formats_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
