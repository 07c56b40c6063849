// SPDX-License-Identifier: GPL-3.0-or-later
/* The cursor over pictures in memory, against one that is drawn into the source by plain double precision; and that it
 * leaves nothing behind. */
#include "../cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "build_config.h"
#include "encode/scale.h"

#define DEEP FOURCC_XRGB2101010

struct scene {
	struct frame f;
	uint32_t *pixels, *drawn;
	struct picture want, got;
	struct scale by_want, by_got;
};

static struct cursor_image image;

static uint32_t next_random(void)
{
	static uint32_t x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static void image_random(uint16_t w, uint16_t h)
{
	image = (struct cursor_image){.id = frame_picture_no(), .w = w, .h = h};
	for (unsigned i = 0; i < (unsigned)w * h; i++) {
		uint8_t a = next_random() % 3 == 0 ? 255 : next_random() % 3 == 0 ? 0 : (uint8_t)next_random();

		for (unsigned k = 0; k < 3; k++)
			image.argb[4 * i + k] = (uint8_t)(next_random() % (a + 1u));
		image.argb[4 * i + 3] = a;
	}
}

static void image_flat(uint16_t w, uint16_t h, uint8_t v)
{
	image = (struct cursor_image){.id = frame_picture_no(), .w = w, .h = h};
	memset(image.argb, v, (size_t)w * h * 4);
	for (unsigned i = 0; i < (unsigned)w * h; i++)
		image.argb[4 * i + 3] = 255;
}

/* crop: unused margin, told as such. */
static void scene_init(struct scene *s, uint32_t fourcc, uint32_t w, uint32_t h, uint32_t crop, struct video_params v)
{
	*s = (struct scene){0};
	s->pixels = malloc((size_t)w * h * 4);
	s->drawn = malloc((size_t)w * h * 4);
	assert_true(s->pixels && s->drawn);
	for (size_t i = 0; i < (size_t)w * h; i++)
		s->pixels[i] = next_random();
	s->f = (struct frame){
		.width = w,
		.height = h,
		.fourcc = fourcc,
		.n_planes = 1,
		.plane[0] = {.fd = -1, .stride = w * 4},
		.crop = {(int32_t)crop, (int32_t)crop, w - 2 * crop, h - 2 * crop},
		.acquire_fence = -1,
	};
	assert_int_equal(picture_init_for(&s->want, &v), 0);
	assert_int_equal(picture_init_for(&s->got, &v), 0);
	scale_init(&s->by_want);
	scale_init(&s->by_got);
}

static void scene_finish(struct scene *s)
{
	scale_finish(&s->by_want);
	scale_finish(&s->by_got);
	picture_finish(&s->want);
	picture_finish(&s->got);
	free(s->pixels);
	free(s->drawn);
}

/* The source with the cursor in its pixels. */
static void draw(struct scene *s, int x, int y)
{
	const struct frame *f = &s->f;
	struct pixel_layout l;
	double top;

	assert_true(convert_layout(f->fourcc, &l));
	top = (1u << l.bits) - 1;
	memcpy(s->drawn, s->pixels, (size_t)f->width * f->height * 4);
	for (int j = 0; j < image.h; j++)
		for (int i = 0; i < image.w; i++) {
			const uint8_t *p = image.argb + 4 * (j * image.w + i), shift[3] = {l.b, l.g, l.r};
			uint32_t out = 0, *at = s->drawn + (size_t)(y + j) * f->width + (x + i);

			if (x + i < 0 || y + j < 0 || x + i >= (int)f->width || y + j >= (int)f->height)
				continue;
			for (unsigned k = 0; k < 3; k++) {
				double below = (*at >> shift[k] & (unsigned)top) / top;

				out |= (uint32_t)lrint((p[k] / 255.0 + (1 - p[3] / 255.0) * below) * top) << shift[k];
			}
			*at = out;
		}
}

static unsigned sample(const struct picture *p, const uint8_t *plane, unsigned x, unsigned y)
{
	const uint8_t *line = plane + (size_t)y * p->stride;

	if (!picture_is_10bit(p->format))
		return line[x];
	return (line[2 * x] | (unsigned)line[2 * x + 1] << 8) >> (p->format == PICTURE_P010 ? 6 : 0);
}

static unsigned plane_distance(const struct picture *a, const uint8_t *pa, const uint8_t *pb, unsigned lines)
{
	unsigned most = 0;

	for (unsigned y = 0; y < lines; y++)
		for (unsigned x = 0; x < a->width; x++) {
			unsigned d = (unsigned)abs((int)sample(a, pa, x, y) - (int)sample(a, pb, x, y));

			most = d > most ? d : most;
		}
	return most;
}

/* Code values, at most. */
static unsigned distance(const struct picture *a, const struct picture *b)
{
	const unsigned lines = picture_is_444(a->format) ? a->height : a->height / 2;
	unsigned luma = plane_distance(a, a->luma, b->luma, a->height);
	unsigned cb = plane_distance(a, a->chroma, b->chroma, lines);
	unsigned cr = a->cr ? plane_distance(a, a->cr, b->cr, lines) : 0;

	return luma > cb ? luma > cr ? luma : cr : cb > cr ? cb : cr;
}

static bool equal(const struct picture *a, const struct picture *b)
{
	return !memcmp(a->luma, b->luma, picture_bytes(a));
}

/* Converted with the cursor drawn in by hand, and by us. */
static void both_ways(struct scene *s, int x, int y)
{
	struct frame f = s->f;

	draw(s, x, y);
	f.map[0] = s->drawn;
	assert_int_equal(scale_run(&s->by_want, &f, &s->want), 0);
	f.map[0] = s->pixels;
	f.cursor = (struct cursor){&image, x, y};
	assert_int_equal(scale_run(&s->by_got, &f, &s->got), 0);
}

static struct video_params like(uint16_t w, uint16_t h, unsigned n)
{
	return (struct video_params){
		.width = w,
		.height = h,
		.depth = n & 1 ? 10 : 8,
		.yuv444 = n & 2,
		.space = (enum colour_space)(n % 3),
		.full_range = n & 4,
	};
}

static void it_lies_in_every_format_and_matrix_as_in_the_source(void **state)
{
	static const uint32_t formats[] = {FOURCC_XRGB8888,   FOURCC_ABGR8888, FOURCC_RGBX8888, FOURCC_BGRX8888, DEEP,
					   FOURCC_ABGR2101010};

	(void)state;
	for (unsigned n = 0; n < 24; n++)
		for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
			struct scene s;

			scene_init(&s, formats[i], 64, 48, 0, like(64, 48, n));
			image_random(13, 9);
			both_ways(&s, 21, 17);
			assert_true(distance(&s.want, &s.got) <= 1);
			scene_finish(&s);
		}
}

static void it_is_cut_at_every_edge_and_turned_with_the_picture(void **state)
{
	static const int at[][2] = {{5, 7},   {-6, -4}, {88, 60},    {-20, 10},      {10, -15},  {95, 63},
				    {96, 10}, {10, 64}, {-300, 300}, {32767, 32767}, {0, -32767}};

	(void)state;
	for (unsigned turn = 0; turn < 8; turn++)
		for (size_t i = 0; i < ARRAY_LEN(at); i++)
			for (unsigned crop = 0; crop < 11; crop += 5) {
				const uint16_t w = (uint16_t)(96 - 2 * crop), h = (uint16_t)(64 - 2 * crop);
				struct scene s;

				scene_init(&s, FOURCC_XRGB8888, 96, 64, crop, turn & 1 ? like(h, w, 0) : like(w, h, 0));
				s.f.transform = (enum transform)turn;
				image_random(20, 15);
				both_ways(&s, at[i][0], at[i][1]);
				assert_int_equal(s.by_got.place.w, turn & 1 ? h : w);
				assert_true(distance(&s.want, &s.got) <= 1);
				scene_finish(&s);
			}
}

static unsigned luma(const struct scene *s, unsigned x, unsigned y)
{
	return sample(&s->got, s->got.luma, x, y);
}

/* White on black, by its area or by the distance of the nearest two. */
static void it_is_scaled_with_the_picture_to_a_fraction_of_a_pixel(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, FOURCC_XRGB8888, 256, 128, 0, like(128, 64, 4));
	memset(s.pixels, 0, 256 * 128 * 4);
	image_flat(40, 20, 255);
	both_ways(&s, 101, 50); /* half a pixel of the picture to the right */
	assert_int_equal(s.by_got.place.w, 128);
	assert_int_equal(luma(&s, 49, 30), 0);
	assert_in_range(luma(&s, 50, 30), 127, 128);
	assert_int_equal(luma(&s, 51, 30), 255);
	assert_int_equal(luma(&s, 69, 30), 255);
	assert_in_range(luma(&s, 70, 30), 127, 128);
	assert_int_equal(luma(&s, 71, 30), 0);
	assert_int_equal(luma(&s, 60, 24), 0);
	assert_int_equal(luma(&s, 60, 25), 255);
	assert_int_equal(luma(&s, 60, 34), 255);
	assert_int_equal(luma(&s, 60, 35), 0);
	scene_finish(&s);

	scene_init(&s, FOURCC_XRGB8888, 64, 32, 0, like(128, 64, 4));
	memset(s.pixels, 0, 64 * 32 * 4);
	image_flat(10, 8, 255);
	both_ways(&s, 20, 12);
	assert_int_equal(luma(&s, 38, 30), 0);
	assert_in_range(luma(&s, 39, 30), 63, 64);
	assert_in_range(luma(&s, 40, 30), 191, 192);
	assert_int_equal(luma(&s, 41, 30), 255);
	assert_in_range(luma(&s, 60, 30), 63, 64);
	assert_int_equal(luma(&s, 61, 30), 0);
	/* There is nothing beyond the picture to fade into. */
	both_ways(&s, -2, 12);
	assert_int_equal(luma(&s, 0, 30), 255);
	both_ways(&s, 58, 26);
	assert_int_equal(luma(&s, 127, 63), 255);
	scene_finish(&s);
}

/* Where the light over the background lies, and how much of it there is. */
struct weight {
	double sum, x, y;
};

static struct weight weigh(const struct picture *p, const struct layout *l)
{
	const int ground = (int)sample(p, p->luma, l->x, l->y);
	struct weight w = {0};

	for (unsigned y = 0; y < l->h; y++)
		for (unsigned x = 0; x < l->w; x++) {
			int v = (int)sample(p, p->luma, l->x + x, l->y + y) - ground;

			v = v < 3 ? 0 : v;
			w.sum += v;
			w.x += v * (x + 0.5);
			w.y += v * (y + 0.5);
		}
	w.x /= w.sum;
	w.y /= w.sum;
	return w;
}

/* Of one size and in one place, within the half pixel by which the library's box filter shifts at odd ratios. */
static void a_scaled_one_is_where_it_would_be_in_the_picture(void **state)
{
	static const uint16_t sizes[][2] = {{128, 72}, {192, 108}, {300, 170}, {256, 144}, {384, 216}, {500, 300}};

	(void)state;
	if (!HAVE_YUV)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (unsigned turn = 0; turn < 8; turn++) {
			struct weight want, got;
			struct scene s;

			scene_init(&s, FOURCC_XRGB8888, 256, 144, 0, like(sizes[i][0], sizes[i][1], 0));
			memset(s.pixels, 0x60, 256 * 144 * 4);
			s.f.transform = (enum transform)turn;
			image_flat(48, 32, 230);
			both_ways(&s, 97, 51);
			want = weigh(&s.want, &s.by_want.place);
			got = weigh(&s.got, &s.by_got.place);
			assert_true(fabs(want.sum - got.sum) < 0.1 * want.sum);
			assert_true(fabs(want.x - got.x) < 0.5 && fabs(want.y - got.y) < 0.5);
			scene_finish(&s);
		}
}

static void light_changes_under_it_as_in_the_source(void **state)
{
	struct video_params v = like(64, 48, 1);
	struct scene s;

	(void)state;
	/* Drawn into SDR, then all of it becomes PQ. */
	v.pq = true;
	scene_init(&s, FOURCC_XRGB8888, 64, 48, 0, v);
	image_random(24, 16);
	both_ways(&s, 10, 10);
	assert_int_equal(distance(&s.want, &s.got), 0);
	scene_finish(&s);

	/* In a PQ source its white is 203 cd/m2: PQ 0.5807 of 219 steps of four from 64. */
	scene_init(&s, DEEP, 64, 48, 0, v);
	s.f.colour.pq = true;
	image_flat(16, 16, 255);
	both_ways(&s, 10, 10);
	assert_in_range(luma(&s, 18, 18), 571, 574);
	image_flat(16, 16, 0);
	both_ways(&s, 10, 10);
	assert_in_range(luma(&s, 18, 18), 64, 65);
	scene_finish(&s);
}

/* A thousand moves of three images, now and then none; each time as if all had been converted. */
static void moves_leave_no_trace(struct scene *s)
{
	static struct cursor_image images[3];
	struct picture clean;
	struct frame f = s->f;

	for (unsigned i = 0; i < 3; i++) {
		image_random((uint16_t)(5 + 20 * i), (uint16_t)(40 - 17 * i));
		images[i] = image;
	}
	f.map[0] = s->pixels;
	clean = s->want;
	assert_int_equal(scale_run(&s->by_want, &f, &clean), 0);
	assert_int_equal(scale_run(&s->by_got, &f, &s->got), 0);
	assert_true(equal(&clean, &s->got));
	for (unsigned i = 0; i < 1000; i++) {
		f.cursor = (struct cursor){
			.image = next_random() % 20 ? &images[next_random() % 3] : NULL,
			.x = (int32_t)(next_random() % (f.width + 80)) - 60,
			.y = (int32_t)(next_random() % (f.height + 80)) - 60,
		};
		assert_int_equal(scale_cursor(&s->by_got, &f, &s->got), 0);
		if (i % 100)
			continue;
		assert_int_equal(scale_run(&s->by_want, &f, &s->want), 0);
		assert_true(equal(&s->want, &s->got));
	}
	f.cursor = (struct cursor){0};
	assert_int_equal(scale_cursor(&s->by_got, &f, &s->got), 0);
	assert_int_equal(scale_run(&s->by_want, &f, &s->want), 0);
	assert_true(equal(&s->want, &s->got));
}

static void a_thousand_moves_leave_no_trace(void **state)
{
	static const struct {
		uint32_t fourcc, w, h, crop;
		uint16_t to_w, to_h;
		unsigned kind;
		enum transform turn;
		bool pq;
	} rows[] = {
		{FOURCC_XRGB8888, 160, 96, 0, 160, 96, 0, TRANSFORM_NONE, false},
		{FOURCC_XBGR8888, 160, 96, 7, 146, 82, 2, TRANSFORM_NONE, false},
		{FOURCC_XRGB8888, 160, 96, 0, 96, 160, 0, TRANSFORM_FLIPPED_90, false},
		{FOURCC_XRGB8888, 160, 96, 0, 100, 100, 0, TRANSFORM_NONE, false},
		{FOURCC_XRGB8888, 160, 96, 3, 300, 170, 1, TRANSFORM_270, false},
		{DEEP, 160, 96, 0, 128, 64, 3, TRANSFORM_180, false},
		{FOURCC_XRGB8888, 160, 96, 0, 128, 64, 1, TRANSFORM_NONE, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct video_params v = like(rows[i].to_w, rows[i].to_h, rows[i].kind);
		struct scene s;

		v.pq = rows[i].pq;
		scene_init(&s, rows[i].fourcc, rows[i].w, rows[i].h, rows[i].crop, v);
		s.f.transform = rows[i].turn;
		moves_leave_no_trace(&s);
		scene_finish(&s);
	}
}

/* What it does not touch is not converted: marks in the picture and changes of the source stay unseen. */
static void the_rest_is_not_converted_again(void **state)
{
	struct frame f;
	struct scene s;

	(void)state;
	scene_init(&s, FOURCC_XRGB8888, 256, 144, 0, like(256, 144, 0));
	image_random(32, 32);
	f = s.f;
	f.map[0] = s.pixels;
	f.cursor = (struct cursor){&image, 40, 40};
	assert_int_equal(scale_run(&s.by_got, &f, &s.got), 0);
	memset(s.got.luma, 0xee, picture_bytes(&s.got));
	f.cursor.x = 60;
	assert_int_equal(scale_cursor(&s.by_got, &f, &s.got), 0);
	for (unsigned y = 0; y < 144; y++)
		for (unsigned x = 0; x < 256; x++)
			if (x < 40 || x >= 92 || y < 40 || y >= 72)
				assert_int_equal(luma(&s, x, y), 0xee);
	assert_int_not_equal(luma(&s, 40, 50), 0xee); /* where it was */
	assert_int_not_equal(luma(&s, 91, 50), 0xee);
	/* Another geometry is another picture. */
	f.crop = (struct rect){0, 0, 128, 72};
	assert_int_equal(scale_cursor(&s.by_got, &f, &s.got), 0);
	assert_int_equal(scale_run(&s.by_want, &f, &s.want), 0);
	assert_true(equal(&s.want, &s.got));
	scene_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_lies_in_every_format_and_matrix_as_in_the_source),
		cmocka_unit_test(it_is_cut_at_every_edge_and_turned_with_the_picture),
		cmocka_unit_test(it_is_scaled_with_the_picture_to_a_fraction_of_a_pixel),
		cmocka_unit_test(a_scaled_one_is_where_it_would_be_in_the_picture),
		cmocka_unit_test(light_changes_under_it_as_in_the_source),
		cmocka_unit_test(a_thousand_moves_leave_no_trace),
		cmocka_unit_test(the_rest_is_not_converted_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
