// SPDX-License-Identifier: GPL-3.0-or-later
/* The code in the pixels and the pictures of the pattern source. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "capture/paint.h"
#include "capture/patches.h"
#include "capture/pattern_code.h"

#define GREEN 1 /* offset of the channel that the reader uses in B G R x */

static uint32_t *picture(uint32_t w, uint32_t h, uint32_t fill)
{
	uint32_t *px = malloc((size_t)w * h * 4);

	assert_non_null(px);
	for (size_t i = 0; i < (size_t)w * h; i++)
		px[i] = fill;
	return px;
}

static void a_mark_is_read_back_at_every_size(void **state)
{
	static const uint32_t size[][2] = {{64, 64},    {64, 8192},   {320, 240}, {640, 360}, {1280, 720},
					   {1366, 768}, {1920, 1080}, {3840, 64}, {8192, 64}};
	static const struct pattern_mark marks[] = {
		{0, 0}, {1, 1}, {0xffffffff, PATTERN_TIME_MAX}, {0x12345678, 0xabcdef012345}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(size); i++) {
		uint32_t w = size[i][0], h = size[i][1], *px = picture(w, h, 0x808080);

		for (size_t k = 0; k < ARRAY_LEN(marks); k++) {
			struct pattern_mark got = {0};

			pattern_draw(px, (size_t)w * 4, w, h, &marks[k]);
			assert_int_equal(
				pattern_read((uint8_t *)px + GREEN, 4, (size_t)w * 4, w, h, pattern_grid(w, h), &got),
				0);
			assert_int_equal(got.frame, marks[k].frame);
			assert_int_equal(got.time_us, marks[k].time_us);
		}
		free(px);
	}
}

/* Box filter and a bright letterbox: what a scaling encoder makes of the picture, in the worst
 * phase. */
static void a_mark_survives_half_size_letterbox_and_loss_of_contrast(void **state)
{
	enum { W = 1280, H = 720, DW = 640, DH = 480 };
	uint32_t *px = picture(W, H, 0x404040);
	uint8_t *luma = malloc(DW * DH);
	const struct pattern_mark m = {.frame = 4711, .time_us = 123456789012};
	struct pattern_mark got = {0};
	unsigned top = (DH - DW * H / W) / 2;

	(void)state;
	assert_non_null(luma);
	pattern_draw(px, W * 4, W, H, &m);
	memset(luma, 235, DW * DH);
	for (unsigned y = 0; y < DW * H / W; y++) {
		for (unsigned x = 0; x < DW; x++) {
			unsigned v = 0;

			for (unsigned k = 0; k < 4; k++)
				v += (px[(2 * y + k / 2) * W + 2 * x + k % 2] >> 8 & 255);
			/* squeezed to 90..165, with noise of an eighth of that on top */
			luma[(top + y) * DW + x] = (uint8_t)(90 + v * 75 / 1020 + (x * 7 + y * 13) % 10);
		}
	}
	assert_int_equal(pattern_read(luma, 1, DW, DW, DH, pattern_grid_fit(W, H, DW, DH), &got), 0);
	assert_int_equal(got.frame, m.frame);
	assert_int_equal(got.time_us, m.time_us);
	free(luma);
	free(px);
}

static void a_damaged_code_and_a_picture_without_one_are_told_apart(void **state)
{
	enum { W = 640, H = 360 };
	uint32_t *px = picture(W, H, 0x808080);
	struct pattern_grid g = pattern_grid(W, H);
	unsigned cell = (unsigned)g.cell;
	struct pattern_mark got = {0};

	(void)state;
	assert_int_equal(pattern_read((uint8_t *)px + GREEN, 4, W * 4, W, H, g, &got), -ENOENT);
	for (size_t i = 0; i < W * H; i++)
		px[i] = (uint32_t)(i * 2654435761u);
	assert_int_equal(pattern_read((uint8_t *)px + GREEN, 4, W * 4, W, H, g, &got), -ENOENT);
	pattern_draw(px, W * 4, W, H, &(struct pattern_mark){.frame = 7, .time_us = 8});
	/* every single cell after the sync, inverted: the checksum sees each */
	for (unsigned bit = 8; bit < PATTERN_COLS * PATTERN_ROWS; bit++) {
		uint32_t *at = px + (cell + bit / PATTERN_COLS * cell) * W + cell + bit % PATTERN_COLS * cell;

		for (unsigned i = 0; i < cell * cell; i++)
			at[i / cell * W + i % cell] ^= 0xffffff;
		assert_int_equal(pattern_read((uint8_t *)px + GREEN, 4, W * 4, W, H, g, &got), -EBADMSG);
		for (unsigned i = 0; i < cell * cell; i++)
			at[i / cell * W + i % cell] ^= 0xffffff;
	}
	assert_int_equal(pattern_read((uint8_t *)px + GREEN, 4, W * 4, W, H, g, &got), 0);
	/* a grid that reaches out of the picture */
	g.x = W - 10;
	assert_int_equal(pattern_read((uint8_t *)px + GREEN, 4, W * 4, W, H, g, &got), -ENOENT);
	free(px);
}

static void check_incremental(enum paint_kind kind, uint32_t w, uint32_t h)
{
	static const uint64_t steps[] = {0, 1, 2, 7, 1000, 1001, 5000000000ull};
	uint32_t *buffer = malloc((size_t)w * h * 4), *fresh = malloc((size_t)w * h * 4);
	uint64_t shows = PAINT_FRESH;
	struct painter p;

	assert_non_null(buffer);
	assert_non_null(fresh);
	assert_int_equal(painter_init(&p, kind, w, h), 0);
	painter_begin(&p, buffer, (size_t)w * 4);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		painter_advance(&p, buffer, (size_t)w * 4, shows, steps[i]);
		shows = steps[i];
		painter_begin(&p, fresh, (size_t)w * 4);
		painter_advance(&p, fresh, (size_t)w * 4, PAINT_FRESH, steps[i]);
		assert_memory_equal(buffer, fresh, (size_t)w * h * 4);
	}
	painter_finish(&p);
	free(buffer);
	free(fresh);
}

static void a_buffer_moved_on_equals_one_drawn_from_nothing(void **state)
{
	static const uint32_t size[][2] = {{64, 64}, {64, 400}, {640, 64}, {640, 360}, {1280, 720}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(size); i++) {
		for (int kind = PAINT_MOTION; kind <= PAINT_CHART; kind++)
			check_incremental((enum paint_kind)kind, size[i][0], size[i][1]);
	}
}

static bool inside(const struct rect *r, unsigned n, int32_t x, int32_t y)
{
	for (unsigned i = 0; i < n; i++) {
		if (x >= r[i].x && y >= r[i].y && x < r[i].x + (int32_t)r[i].w && y < r[i].y + (int32_t)r[i].h)
			return true;
	}
	return false;
}

static void check_damage(enum paint_kind kind)
{
	enum { W = 640, H = 360 };
	uint32_t *a = picture(W, H, 0), *b = picture(W, H, 0);
	struct pattern_grid g = pattern_grid(W, H);
	struct rect d[FRAME_DAMAGE_MAX];
	struct painter p;

	assert_int_equal(painter_init(&p, kind, W, H), 0);
	painter_begin(&p, a, W * 4);
	painter_begin(&p, b, W * 4);
	painter_advance(&p, a, W * 4, PAINT_FRESH, 0);
	for (uint64_t now = 1; now < 200; now++) {
		uint32_t *next = now & 1 ? b : a, *last = now & 1 ? a : b;
		unsigned n = painter_damage(&p, now - 1, now, d), changed = 0;

		painter_advance(&p, next, W * 4, now < 2 ? PAINT_FRESH : now - 2, now);
		assert_in_range(n, 1, FRAME_DAMAGE_MAX);
		for (int32_t y = 0; y < H; y++) {
			for (int32_t x = 0; x < W; x++) {
				if (a[y * W + x] == b[y * W + x])
					continue;
				changed++;
				assert_true(inside(d, n, x, y));
				assert_false(y < g.cell * (PATTERN_ROWS + 1) && x < g.cell * (PATTERN_COLS + 1));
			}
		}
		assert_true(changed > W * H / 20);
		assert_ptr_not_equal(next, last);
	}
	assert_int_equal(painter_damage(&p, PAINT_FRESH, 1, d), 0);
	painter_finish(&p);
	free(a);
	free(b);
}

static void what_changes_lies_within_the_damage_and_off_the_code(void **state)
{
	(void)state;
	check_damage(PAINT_MOTION);
	check_damage(PAINT_MIXED);
}

static void the_chart_has_the_documented_values(void **state)
{
	enum { W = 1280, H = 720 };
	uint32_t *px = picture(W, H, 1);
	struct painter p;

	(void)state;
	assert_int_equal(painter_init(&p, PAINT_CHART, W, H), 0);
	painter_begin(&p, px, W * 4);
	painter_advance(&p, px, W * 4, PAINT_FRESH, 3);
	assert_int_equal(px[200 * W + 80], 0xffffff);
	assert_int_equal(px[200 * W + 80 + 160 * 5], 0xff0000);
	assert_int_equal(px[200 * W + W - 1], 0x000000);
	assert_int_equal(px[400 * W + W - 1], 0xffffff);
	assert_int_equal(px[400 * W], 0);
	assert_int_equal(px[500 * W + W - 1], 0xff0000);
	assert_int_equal(px[600 * W + W / 2], 0x007f00);
	assert_int_equal(px[719 * W + W - 1], 0x0000ff);
	for (uint32_t i = 0; i < W * H; i += 997)
		assert_int_equal(px[i], chart_pixel(W, H, i % W, i / W));
	painter_finish(&p);
	free(px);
}

static void patches_are_even_and_below_the_code(void **state)
{
	static const uint32_t sizes[][2] = {{640, 360}, {1280, 720}, {64, 64}, {1366, 768}, {1000, 700}};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(sizes); n++) {
		const uint32_t w = sizes[n][0], h = sizes[n][1];
		struct pattern_grid g = pattern_grid(w, h);
		uint32_t *px = picture(w, h, 1);
		struct painter p;

		assert_int_equal(painter_init(&p, PAINT_PATCHES, w, h), 0);
		painter_begin(&p, px, w * 4);
		for (unsigned i = 0; i < ARRAY_LEN(patches); i++) {
			struct rect r = patch_rect(w, h, i);
			uint32_t colour = (uint32_t)patches[i].r << 16 | (uint32_t)patches[i].g << 8 | patches[i].b;

			assert_true(r.w >= 2 && r.h >= 2 && !((uint32_t)(r.x | r.y) & 1) && !((r.w | r.h) & 1));
			assert_true((uint32_t)r.x + r.w <= w && (uint32_t)r.y + r.h <= h);
			assert_true(r.y >= g.y + g.cell * PATTERN_ROWS);
			assert_int_equal(px[(uint32_t)r.y * w + (uint32_t)r.x], colour);
			assert_int_equal(px[((uint32_t)r.y + r.h - 1) * w + (uint32_t)r.x + r.w - 1], colour);
		}
		painter_finish(&p);
		free(px);
	}
}

static void only_the_pq_chart_is_hdr(void **state)
{
	static const char *const sdr[] = {"motion", "noise", "mixed", "still", "chart", "patches", "", "PQ"};
	enum { W = 640, H = 360 };
	uint32_t *px = picture(W, H, 1);
	struct hdr_metadata m;
	struct painter p;
	struct rect last = patch_rect(W, H, ARRAY_LEN(patches_pq) - 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sdr); i++)
		assert_false(paint_is_hdr(sdr[i], &m));
	assert_true(paint_is_hdr("pq", &m));
	assert_int_equal(m.max_nits, 10000);
	assert_int_equal(painter_init(&p, PAINT_PQ, W, H), 0);
	painter_begin(&p, px, W * 4);
	assert_int_equal(px[(uint32_t)last.y * W + (uint32_t)last.x],
			 (uint32_t)patches_pq[31].r << 20 | (uint32_t)patches_pq[31].g << 10 | patches_pq[31].b);
	for (size_t i = 0; i < ARRAY_LEN(patches_pq); i++)
		assert_true(patches_pq[i].r < 1024 && patches_pq[i].g < 1024 && patches_pq[i].b < 1024);
	painter_finish(&p);
	free(px);
}

static void the_code_is_white_in_ten_bits_too(void **state)
{
	enum { W = 640, H = 360 };
	const struct pattern_grid g = pattern_grid(W, H);
	uint32_t *px = picture(W, H, 1);

	(void)state;
	assert_true(PATTERN_SYNC & 0x80); /* its first cell is */
	pattern_draw(px, W * 4, W, H, &(struct pattern_mark){.frame = 1});
	assert_int_equal(px[(size_t)g.y * W + (size_t)g.x] & 0x3fffffff, 0x3fffffff);
	free(px);
}

static void words_that_are_no_pattern_are_refused(void **state)
{
	enum paint_kind k;

	(void)state;
	assert_int_equal(paint_kind_parse("chart", &k), 0);
	assert_int_equal(k, PAINT_CHART);
	assert_int_equal(paint_kind_parse("", &k), -EINVAL);
	assert_int_equal(paint_kind_parse("Motion", &k), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mark_is_read_back_at_every_size),
		cmocka_unit_test(a_mark_survives_half_size_letterbox_and_loss_of_contrast),
		cmocka_unit_test(a_damaged_code_and_a_picture_without_one_are_told_apart),
		cmocka_unit_test(a_buffer_moved_on_equals_one_drawn_from_nothing),
		cmocka_unit_test(what_changes_lies_within_the_damage_and_off_the_code),
		cmocka_unit_test(the_chart_has_the_documented_values),
		cmocka_unit_test(patches_are_even_and_below_the_code),
		cmocka_unit_test(only_the_pq_chart_is_hdr),
		cmocka_unit_test(the_code_is_white_in_ten_bits_too),
		cmocka_unit_test(words_that_are_no_pattern_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
