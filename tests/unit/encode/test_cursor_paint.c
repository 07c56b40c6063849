// SPDX-License-Identifier: GPL-3.0-or-later
/* The cursor's pixels, bit by bit, against the same made one by one without anything kept from the last. */
#include "../cmocka_all.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "encode/cursor_paint.h"
#include "media/params.h"

#define ONE 65535u

static struct cursor_image image;

static uint32_t next_random(void)
{
	static uint64_t x = 1;

	x = x * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(x >> 33);
}

/* sound: premultiplied, much of it clear or opaque; else any bytes, as a source that is no desktop may send. */
static void image_random(uint16_t w, uint16_t h, bool sound)
{
	image = (struct cursor_image){.id = frame_picture_no(), .w = w, .h = h};
	for (unsigned i = 0; i < (unsigned)w * h; i++) {
		const uint8_t a = next_random() % 3 == 0 ? 255 : next_random() % 3 == 0 ? 0 : (uint8_t)next_random();

		for (unsigned k = 0; k < 4; k++)
			image.argb[4 * i + k] = (uint8_t)(sound ? next_random() % (a + 1u) : next_random());
		if (sound)
			image.argb[4 * i + 3] = a;
	}
}

/* --- one by one --- */

/* Of the picture's upright pixel x, y, R, G, B, A: undoes the buffer's transform for each. */
static void texel(const struct cursor *k, const struct cursor_place *p, int64_t x, int64_t y, uint32_t out[4])
{
	const int64_t w = p->visible.w, h = p->visible.h;
	int64_t bx = x, by = y, i, j;

	switch (p->transform & 3) {
	case TRANSFORM_90:
		bx = y, by = h - 1 - x;
		break;
	case TRANSFORM_180:
		bx = w - 1 - x, by = h - 1 - y;
		break;
	case TRANSFORM_270:
		bx = w - 1 - y, by = x;
		break;
	}
	if (p->transform >= TRANSFORM_FLIPPED)
		bx = w - 1 - bx;
	i = bx + p->visible.x - k->x;
	j = by + p->visible.y - k->y;
	for (unsigned n = 0; n < 4; n++) {
		static const unsigned at[4] = {2, 1, 0, 3};

		out[n] = i < 0 || j < 0 || i >= image.w || j >= image.h ? 0 : image.argb[4 * (j * image.w + i) + at[n]];
		out[n] *= 257;
	}
}

struct span {
	int64_t first, last;
	float head, tail, sum;
};

static struct span span_of(uint64_t x, uint64_t from, uint64_t to)
{
	const uint64_t begin = x * from, end = begin + from;
	const int64_t n = (int64_t)((2 * x + 1) * from) - (int64_t)to, twice = 2 * (int64_t)to;
	const int64_t below = n < 0 ? -1 : n / twice;
	struct span s = {(int64_t)x, (int64_t)x, 1, 1, 1};

	if (from > to) {
		s.first = (int64_t)(begin / to);
		s.last = (int64_t)((end - 1) / to);
		s.head = (float)(to - begin % to) / (float)to;
		s.tail = (float)(end - (uint64_t)s.last * to) / (float)to;
		s.sum = (float)from / (float)to;
	} else if (from < to) {
		s.tail = (float)(n - below * twice) / (float)twice;
		s.first = below < 0 ? 0 : below;
		s.last = below + 1 < (int64_t)from ? below + 1 : (int64_t)from - 1;
		s.head = s.first == s.last ? 1 : 1 - s.tail;
	}
	return s;
}

static float weight(const struct span *s, int64_t i)
{
	return i == s->first ? s->head : i == s->last ? s->tail : 1;
}

static void filtered(const struct cursor *k, const struct cursor_place *p, unsigned x, unsigned y, uint32_t out[4])
{
	const bool swap = p->transform & 1;
	const struct span h = span_of(x, swap ? p->visible.h : p->visible.w, p->w);
	const struct span v = span_of(y, swap ? p->visible.w : p->visible.h, p->h);
	const float all = h.sum * v.sum;
	float sum[4] = {0};

	for (int64_t j = v.first; j <= v.last; j++)
		for (int64_t i = h.first; i <= h.last; i++) {
			const float w = weight(&h, i) * weight(&v, j) / all;
			uint32_t t[4];

			texel(k, p, i, j, t);
			for (unsigned n = 0; n < 4; n++)
				sum[n] += w * (float)t[n];
		}
	for (unsigned n = 0; n < 4; n++)
		out[n] = sum[n] < ONE ? (uint32_t)(sum[n] + 0.5f) : ONE;
}

static uint32_t blended(uint32_t pixel, const struct pixel_layout *l, const uint32_t t[4])
{
	const uint64_t top = (1u << l->bits) - 1;
	const uint8_t shift[3] = {l->r, l->g, l->b};
	uint32_t out = 0;

	if (!t[3])
		return pixel;
	for (unsigned n = 0; n < 3; n++) {
		uint64_t v = (t[n] * top + (pixel >> shift[n] & top) * (ONE - t[3]) + ONE / 2) / ONE;

		out |= (uint32_t)(v < top ? v : top) << shift[n];
	}
	return out;
}

/* --- the tests --- */

/* A compiler that fuses multiplications and additions may do so in one of the two alone. */
#ifdef __FP_FAST_FMAF
#define FUSES 1
#else
#define FUSES 0
#endif

static void assert_lines(struct cursor_paint *c, const struct cursor *k, const struct cursor_place *p, uint32_t fourcc)
{
	static uint32_t line[VIDEO_DIM_MAX], was[VIDEO_DIM_MAX];
	const struct rect r = cursor_paint_set(c, k, p);
	struct pixel_layout l;

	assert_true(convert_layout(fourcc, &l));
	for (unsigned y = 0; y < r.h; y++) {
		for (unsigned x = 0; x < r.w; x++)
			was[x] = line[x] = next_random() << 1 ^ next_random();
		cursor_paint_line(c, (uint8_t *)line, (unsigned)r.x, (unsigned)r.y + y, r.w);
		for (unsigned x = 0; x < r.w; x++) {
			uint32_t t[4];

			filtered(k, p, (unsigned)r.x + x, (unsigned)r.y + y, t);
			assert_int_equal(le32toh(line[x]), blended(le32toh(was[x]), &l, t));
		}
	}
}

static void every_pixel_is_as_if_made_alone(void **state)
{
	static const uint32_t formats[] = {FOURCC_XRGB8888, FOURCC_XBGR8888, FOURCC_RGBX8888, FOURCC_XRGB2101010};
	static const uint32_t sizes[][4] = {
		{320, 180, 320, 180}, {320, 180, 640, 360}, {320, 180, 426, 240}, {640, 360, 320, 180},
		{320, 180, 150, 84},  {320, 180, 500, 320}, {320, 240, 320, 250}, {48, 28, 300, 400},
		{250, 150, 248, 152}, {1500, 1000, 32, 24},
	};

	(void)state;
	if (FUSES)
		skip();
	for (unsigned n = 0; n < 400; n++) {
		const uint32_t *size = sizes[n % ARRAY_LEN(sizes)], fourcc = formats[n / 10 % ARRAY_LEN(formats)];
		const enum transform turn = (enum transform)(next_random() % 8);
		const struct cursor_place p = {
			.visible = {(int32_t)(next_random() % 5), (int32_t)(next_random() % 5), size[turn & 1],
				    size[!(turn & 1)]},
			.transform = turn,
			.w = size[2],
			.h = size[3],
		};
		struct cursor_paint *c;

		assert_int_equal(cursor_paint_create(&c, fourcc, false), 0);
		image_random((uint16_t)(1 + next_random() % 40), (uint16_t)(1 + next_random() % 40), n % 7);
		for (unsigned move = 0; move < 3; move++) {
			const struct cursor k = {&image, (int32_t)(next_random() % (size[0] + 60)) - 40,
						 (int32_t)(next_random() % (size[0] + 60)) - 40};

			assert_lines(c, &k, &p, fourcc);
		}
		cursor_paint_destroy(c);
	}
}

static void the_largest_is_too(void **state)
{
	const struct cursor_place p = {.visible = {0, 0, 1920, 1080}, .w = 3840, .h = 2160};
	const struct cursor k = {&image, 1780, 900}; /* cut at two sides */
	struct cursor_paint *c;

	(void)state;
	if (FUSES)
		skip();
	assert_int_equal(cursor_paint_create(&c, FOURCC_XRGB8888, false), 0);
	image_random(CURSOR_DIM_MAX, CURSOR_DIM_MAX, true);
	assert_lines(c, &k, &p, FOURCC_XRGB8888);
	cursor_paint_destroy(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pixel_is_as_if_made_alone),
		cmocka_unit_test(the_largest_is_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
