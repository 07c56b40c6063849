// SPDX-License-Identifier: GPL-3.0-or-later
/* Letterbox geometry, crop and transform: pictures of flat coloured quarters, so that scaling filters do not matter. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "encode/scale.h"

static void layout_keeps_aspect_and_is_even_and_centred(void **state)
{
	static const struct {
		uint32_t sw, sh;
		uint16_t dw, dh;
		struct layout want;
	} rows[] = {
		{1920, 1080, 1280, 720, {0, 0, 1280, 720}},
		{1280, 720, 1280, 720, {0, 0, 1280, 720}},
		{1920, 1200, 1280, 720, {64, 0, 1152, 720}},
		{1280, 1024, 1920, 1080, {284, 0, 1350, 1080}},
		{3440, 1440, 1920, 1080, {0, 138, 1920, 804}},
		{1, 16000, 64, 64, {30, 0, 2, 64}},
		{16000, 1, 64, 64, {0, 30, 64, 2}},
		{641, 361, 640, 360, {0, 0, 638, 360}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct layout l = layout_fit(rows[i].sw, rows[i].sh, rows[i].dw, rows[i].dh);

		assert_int_equal(l.x, rows[i].want.x);
		assert_int_equal(l.y, rows[i].want.y);
		assert_int_equal(l.w, rows[i].want.w);
		assert_int_equal(l.h, rows[i].want.h);
	}
}

static void layout_is_always_inside(void **state)
{
	(void)state;
	srand(7);
	for (int i = 0; i < 20000; i++) {
		uint32_t sw = 1 + (uint32_t)rand() % 16384, sh = 1 + (uint32_t)rand() % 16384;
		uint16_t dw = (uint16_t)((64 + rand() % 8129) & ~1), dh = (uint16_t)((64 + rand() % 8129) & ~1);
		struct layout l = layout_fit(sw, sh, dw, dh);

		assert_true(l.w >= 2 && l.h >= 2 && !((l.x | l.y | l.w | l.h) & 1));
		assert_true(l.x + l.w <= dw && l.y + l.h <= dh);
		/* One side fills, up to the even step. */
		assert_true(dw - l.w < 2 || dh - l.h < 2);
	}
}

/* A frame of four flat quarters: top left, top right, bottom left, bottom right. */
enum { RED, GREEN, BLUE, WHITE };
static const uint32_t colour[] = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff};
/* BT.601 limited */
static const uint8_t luma_of[] = {81, 145, 41, 235};

struct sample {
	struct frame f;
	uint32_t *pixels;
};

/* The same colour in ten bits a primary. */
static uint32_t wide(uint32_t c)
{
	uint32_t r = c >> 16 & 255, g = c >> 8 & 255, b = c & 255;

	return (r * 1023 / 255) << 20 | (g * 1023 / 255) << 10 | b * 1023 / 255;
}

/* x, y: unused margin around the picture, told as crop. */
static void sample_init_as(struct sample *s, uint32_t fourcc, uint32_t w, uint32_t h, uint32_t x, uint32_t y)
{
	const bool deep = fourcc == FOURCC_XRGB2101010;
	uint32_t full_w = w + 2 * x, full_h = h + 2 * y;

	s->pixels = malloc((size_t)full_w * full_h * 4);
	assert_non_null(s->pixels);
	memset(s->pixels, 0x55, (size_t)full_w * full_h * 4);
	for (uint32_t j = 0; j < h; j++)
		for (uint32_t i = 0; i < w; i++) {
			uint32_t c = colour[(j >= h / 2) * 2 + (i >= w / 2)];

			s->pixels[(j + y) * full_w + i + x] = deep ? wide(c) : c;
		}
	s->f = (struct frame){
		.width = full_w,
		.height = full_h,
		.fourcc = fourcc,
		.n_planes = 1,
		.plane[0] = {.fd = -1, .stride = full_w * 4},
		.map[0] = s->pixels,
		.crop = {(int32_t)x, (int32_t)y, w, h},
		.acquire_fence = -1,
	};
}

static void sample_init(struct sample *s, uint32_t w, uint32_t h, uint32_t x, uint32_t y)
{
	sample_init_as(s, FOURCC_XRGB8888, w, h, x, y);
}

/* Of any format, as eight bits. */
static unsigned luma_at(const struct picture *p, unsigned x, unsigned y)
{
	const uint8_t *line = p->luma + (size_t)y * p->stride;
	unsigned word = line[2 * x] | (unsigned)line[2 * x + 1] << 8;

	return p->format == PICTURE_P010 ? word >> 8 : p->format == PICTURE_YUV444P10 ? word >> 2 : line[x];
}

/* Luma in the middle of each quarter of the place, as colours; libyuv's filter is off by up to two. */
static void assert_quarters(const struct picture *p, const struct layout *l, const int want[4])
{
	for (unsigned q = 0; q < 4; q++) {
		unsigned x = l->x + l->w / 4 + (q & 1) * l->w / 2;
		unsigned y = l->y + l->h / 4 + (q >> 1) * l->h / 2;

		assert_in_range(luma_at(p, x, y), luma_of[want[q]] - 3, luma_of[want[q]] + 3);
	}
}

static void each_transform_is_undone_to_and_from_every_format(void **state)
{
	/* What was applied: a turn against the clock, then for the flipped ones a mirror left-right. */
	static const int want[8][4] = {
		[TRANSFORM_NONE] = {RED, GREEN, BLUE, WHITE},
		[TRANSFORM_90] = {BLUE, RED, WHITE, GREEN},
		[TRANSFORM_180] = {WHITE, BLUE, GREEN, RED},
		[TRANSFORM_270] = {GREEN, WHITE, RED, BLUE},
		[TRANSFORM_FLIPPED] = {GREEN, RED, WHITE, BLUE},
		[TRANSFORM_FLIPPED_90] = {WHITE, GREEN, BLUE, RED},
		[TRANSFORM_FLIPPED_180] = {BLUE, WHITE, RED, GREEN},
		[TRANSFORM_FLIPPED_270] = {RED, BLUE, GREEN, WHITE},
	};

	(void)state;
	for (unsigned n = 0; n < 8; n++) {
		const struct video_params v = {
			.width = 320,
			.height = 180,
			.depth = n & 1 ? 10 : 8,
			.yuv444 = n & 2,
			.space = COLOUR_BT601,
		};
		struct picture p;
		struct scale s;

		assert_int_equal(picture_init_for(&p, &v), 0);
		scale_init(&s);
		for (unsigned i = 0; i < 16; i++) {
			struct sample src;

			sample_init_as(&src, n & 4 ? FOURCC_XRGB2101010 : FOURCC_XRGB8888, 200, 120, i & 1 ? 7 : 0,
				       i & 1 ? 7 : 0);
			src.f.transform = i / 2;
			assert_int_equal(scale_run(&s, &src.f, &p), 0);
			assert_quarters(&p, &s.place, want[i / 2]);
			assert_int_equal(s.place.w > s.place.h, !(i / 2 & 1));
			free(src.pixels);
		}
		scale_finish(&s);
		picture_finish(&p);
	}
}

static void bars_are_black_in_the_pictures_range(void **state)
{
	static const int upright[4] = {RED, GREEN, BLUE, WHITE};

	(void)state;
	for (unsigned full = 0; full < 2; full++) {
		struct picture p;
		struct scale s;
		struct sample src;

		assert_int_equal(picture_init(&p, 320, 180, COLOUR_BT601, full), 0);
		picture_paint_all(&p);
		memset(p.luma, 99, p.stride * 180 * 3 / 2);
		scale_init(&s);
		sample_init(&src, 500, 500, 0, 0);
		assert_int_equal(scale_run(&s, &src.f, &p), 0);
		assert_int_equal(s.place.x, 70);
		for (unsigned y = 0; y < 180; y++) {
			assert_int_equal(p.luma[y * p.stride + 69], full ? 0 : 16);
			assert_int_equal(p.luma[y * p.stride + 250], full ? 0 : 16);
			assert_int_equal(p.chroma[y / 2 * p.stride + 69], 128);
		}
		if (!full)
			assert_quarters(&p, &s.place, upright);
		free(src.pixels);
		scale_finish(&s);
		picture_finish(&p);
	}
}

static void a_new_geometry_leaves_nothing_of_the_old_one(void **state)
{
	struct picture p;
	struct scale s;
	struct sample wide, tall;

	(void)state;
	assert_int_equal(picture_init(&p, 320, 180, COLOUR_BT601, false), 0);
	scale_init(&s);
	sample_init(&wide, 320, 180, 0, 0);
	sample_init(&tall, 90, 180, 0, 0);
	assert_int_equal(scale_run(&s, &wide.f, &p), 0);
	assert_null(s.scaled.pixels); /* fits: straight from the captured buffer */
	assert_int_equal(scale_run(&s, &tall.f, &p), 0);
	assert_int_equal(p.luma[0], 16);
	assert_int_equal(p.luma[319], 16);
	free(wide.pixels);
	free(tall.pixels);
	scale_finish(&s);
	picture_finish(&p);
}

/* As a recording has several under way. */
static void a_new_geometry_leaves_nothing_in_any_picture(void **state)
{
	struct picture p[2];
	struct scale s;
	struct sample wide, tall;

	(void)state;
	scale_init(&s);
	sample_init(&wide, 320, 180, 0, 0);
	sample_init(&tall, 90, 180, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(picture_init(&p[i], 320, 180, COLOUR_BT601, false), 0);
		assert_int_equal(scale_run(&s, &wide.f, &p[i]), 0);
		assert_int_equal(p[i].luma[0], luma_of[RED]);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(scale_run(&s, &tall.f, &p[i]), 0);
		assert_int_equal(p[i].luma[0], 16);
		assert_int_equal(p[i].luma[319], 16);
		picture_finish(&p[i]);
	}
	free(wide.pixels);
	free(tall.pixels);
	scale_finish(&s);
}

static void unusable_frames_are_refused(void **state)
{
	struct picture p;
	struct scale s;
	struct sample src;
	struct frame f;

	(void)state;
	assert_int_equal(picture_init(&p, 64, 64, COLOUR_BT601, false), 0);
	scale_init(&s);
	sample_init(&src, 64, 64, 0, 0);
#define REFUSED(err, ...)                                                                                              \
	do {                                                                                                           \
		f = src.f;                                                                                             \
		__VA_ARGS__;                                                                                           \
		assert_int_equal(scale_run(&s, &f, &p), err);                                                          \
	} while (0)
	REFUSED(-ENOTSUP, f.map[0] = NULL);
	REFUSED(-ENOTSUP, f.modifier = 0x0100000000000001ull);
	REFUSED(-ENOTSUP, f.fourcc = FOURCC('N', 'V', '1', '2'));
	REFUSED(-EINVAL, f.plane[0].stride = 63 * 4);
	REFUSED(-EINVAL, f.width = 0);
	REFUSED(-EINVAL, f.height = 1u << 20);
	REFUSED(-EINVAL, f.transform = 8);
#undef REFUSED
	/* A crop outside the picture is not believed. */
	f = src.f;
	f.crop = (struct rect){-1, 0, 64, 64};
	assert_int_equal(frame_visible(&f).x, 0);
	f.crop = (struct rect){10, 0, 64, 64};
	assert_int_equal(frame_visible(&f).w, 64);
	assert_int_equal(frame_visible(&f).x, 0);
	f.crop = (struct rect){10, 20, UINT32_MAX, 4};
	assert_int_equal(frame_visible(&f).y, 0);
	free(src.pixels);
	scale_finish(&s);
	picture_finish(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout_keeps_aspect_and_is_even_and_centred),
		cmocka_unit_test(layout_is_always_inside),
		cmocka_unit_test(each_transform_is_undone_to_and_from_every_format),
		cmocka_unit_test(bars_are_black_in_the_pictures_range),
		cmocka_unit_test(a_new_geometry_leaves_nothing_of_the_old_one),
		cmocka_unit_test(a_new_geometry_leaves_nothing_in_any_picture),
		cmocka_unit_test(unusable_frames_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
