// SPDX-License-Identifier: GPL-3.0-or-later
/* Cursors in the metadata of PipeWire's buffers: what sources send, and what they must not. No daemon is needed. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <spa/param/buffers.h>
#include <spa/param/video/raw.h>
#include <spa/pod/iter.h>

#include "base/str.h"
#include "capture/pw_cursor.h"
#include "capture/pw_format.h"

enum { W = 3, H = 2, STRIDE = W * 4 + 8 };

/* A buffer's metadata in memory of its exact size, so that ASan sees a read past it. */
struct fake {
	struct spa_buffer buffer;
	struct spa_meta meta;
	struct spa_meta_cursor *cursor;
};

static void fake_init(struct fake *k, size_t size)
{
	k->cursor = calloc(1, size);
	assert_non_null(k->cursor);
	k->meta = (struct spa_meta){SPA_META_Cursor, (uint32_t)size, k->cursor};
	k->buffer = (struct spa_buffer){.n_metas = 1, .metas = &k->meta};
}

static void fake_finish(struct fake *k)
{
	free(k->cursor);
}

static const struct spa_meta_bitmap good = {
	.format = SPA_VIDEO_FORMAT_RGBA,
	.size = {W, H},
	.stride = STRIDE,
	.offset = sizeof(struct spa_meta_bitmap),
};

#define GOOD_SIZE (PW_CURSOR_BYTES(0, 0) + STRIDE * (H - 1) + W * 4)

static void put_bitmap(struct fake *k, const struct spa_meta_bitmap *b)
{
	k->cursor->bitmap_offset = sizeof(*k->cursor);
	memcpy(k->cursor + 1, b, sizeof(*b));
}

/* The good one, each byte of it another. */
static void fake_good(struct fake *k)
{
	fake_init(k, GOOD_SIZE);
	k->cursor->id = 1;
	k->cursor->position = SPA_POINT(100, 50);
	k->cursor->hotspot = SPA_POINT(2, 1);
	put_bitmap(k, &good);
	for (size_t i = PW_CURSOR_BYTES(0, 0); i < GOOD_SIZE; i++)
		((uint8_t *)k->cursor)[i] = (uint8_t)(i % 4 == 3 ? 255 : i);
}

static struct pw_cursor cursor;

static int setup(void **state)
{
	(void)state;
	return pw_cursor_init(&cursor);
}

static int teardown(void **state)
{
	(void)state;
	pw_cursor_finish(&cursor);
	return 0;
}

static bool is_at(int32_t x, int32_t y)
{
	struct cursor c = pw_cursor_take(&cursor);
	bool shown = c.image != NULL;

	cursor_image_unref(c.image);
	return shown && c.x == x && c.y == y;
}

static bool is_shown(void)
{
	struct cursor c = pw_cursor_take(&cursor);

	cursor_image_unref(c.image);
	return c.image;
}

static void every_order_of_bytes_becomes_the_same(void **state)
{
	static const struct {
		uint32_t format;
		uint8_t at[4]; /* where red, green, blue, alpha lie */
	} rows[] = {
		{SPA_VIDEO_FORMAT_RGBA, {0, 1, 2, 3}},
		{SPA_VIDEO_FORMAT_BGRA, {2, 1, 0, 3}},
		{SPA_VIDEO_FORMAT_ARGB, {1, 2, 3, 0}},
		{SPA_VIDEO_FORMAT_ABGR, {3, 2, 1, 0}},
	};
	static const uint8_t rgba[4] = {10, 20, 30, 200};

	(void)state;
	for (size_t n = 0; n < ARRAY_LEN(rows); n++) {
		struct spa_meta_bitmap b = good;
		struct cursor c;
		struct fake k;

		fake_good(&k);
		b.format = rows[n].format;
		put_bitmap(&k, &b);
		for (unsigned y = 0; y < H; y++)
			for (unsigned x = 0; x < W; x++)
				for (unsigned i = 0; i < 4; i++)
					((uint8_t *)
						 k.cursor)[PW_CURSOR_BYTES(0, 0) + y * STRIDE + x * 4 + rows[n].at[i]] =
						(uint8_t)(rgba[i] + (i < 3 ? x + y : 0));
		assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
		c = pw_cursor_take(&cursor);
		assert_int_equal(c.image->w, W);
		assert_int_equal(c.image->h, H);
		for (unsigned y = 0; y < H; y++)
			for (unsigned x = 0; x < W; x++) {
				const uint8_t *p = c.image->argb + (y * W + x) * 4;

				assert_int_equal(p[0], rgba[2] + x + y);
				assert_int_equal(p[1], rgba[1] + x + y);
				assert_int_equal(p[2], rgba[0] + x + y);
				assert_int_equal(p[3], rgba[3]);
			}
		cursor_image_unref(c.image);
		fake_finish(&k);
	}
}

static void primaries_above_their_alpha_are_cut(void **state)
{
	struct cursor c;
	struct fake k;

	(void)state;
	fake_good(&k);
	memset((uint8_t *)k.cursor + PW_CURSOR_BYTES(0, 0), 255, 3);
	((uint8_t *)k.cursor)[PW_CURSOR_BYTES(0, 0) + 3] = 7;
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
	c = pw_cursor_take(&cursor);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(c.image->argb[i], 7);
	cursor_image_unref(c.image);
	fake_finish(&k);
}

static void the_hotspot_is_where_the_pointer_points(void **state)
{
	struct fake k;

	(void)state;
	assert_false(is_shown());
	fake_good(&k);
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
	assert_true(is_at(98, 49));
	/* Without a bitmap it looks as before, whatever its hotspot is said to be. */
	k.cursor->bitmap_offset = 0;
	k.cursor->hotspot = SPA_POINT(0, 0);
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 0);
	k.cursor->position = SPA_POINT(0, 0);
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
	assert_true(is_at(-2, -1));
	/* Gone and back. */
	k.cursor->id = 0;
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
	assert_false(is_shown());
	k.cursor->position = SPA_POINT(5, 5);
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 0);
	k.cursor->id = 1;
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
	assert_true(is_at(3, 4));
	/* A buffer that says nothing of it. */
	k.meta.type = SPA_META_Header;
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 0);
	k.meta.type = SPA_META_Cursor;
	k.meta.size = sizeof(struct spa_meta_cursor) - 1;
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 0);
	assert_true(is_at(3, 4));
	fake_finish(&k);
}

static void what_is_out_of_sight_is_not_shown(void **state)
{
	static const struct {
		int32_t at, hot;
		bool shown;
	} rows[] = {
		{PW_CURSOR_AT_MAX, 0, true},   {PW_CURSOR_AT_MAX, -1, false}, {-PW_CURSOR_AT_MAX, 0, true},
		{-PW_CURSOR_AT_MAX, 1, false}, {INT32_MAX, INT32_MIN, false}, {INT32_MIN, INT32_MAX, false},
		{INT32_MIN, INT32_MIN, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int axis = 0; axis < 2; axis++) {
			struct fake k;

			fake_good(&k);
			*(axis ? &k.cursor->position.y : &k.cursor->position.x) = rows[i].at;
			*(axis ? &k.cursor->hotspot.y : &k.cursor->hotspot.x) = rows[i].hot;
			assert_in_range(pw_cursor_read(&cursor, &k.buffer), 0, 1);
			assert_int_equal(is_shown(), rows[i].shown);
			fake_finish(&k);
		}
}

/* As Mutter sends a cursor without a texture, and what SPA says of no image. */
static void an_empty_bitmap_shows_nothing(void **state)
{
	const struct spa_meta_bitmap rows[] = {
		{0},
		{.format = SPA_VIDEO_FORMAT_RGBA, .size = {W, H}, .stride = STRIDE, .offset = 0},
		{.format = SPA_VIDEO_FORMAT_RGBA, .size = {0, H}, .stride = STRIDE, .offset = sizeof(rows[0])},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake k;

		fake_good(&k);
		assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
		assert_true(is_shown());
		put_bitmap(&k, &rows[i]);
		assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
		assert_false(is_shown());
		fake_finish(&k);
	}
}

static void nothing_is_read_beyond_the_metadata(void **state)
{
	static const struct {
		uint32_t at; /* 0: where it belongs */
		struct spa_meta_bitmap b;
		int rc;
	} rows[] = {
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H}, STRIDE, sizeof(good)}, 1},
		{1, {0}, -EINVAL}, /* into itself */
		{sizeof(struct spa_meta_cursor) - 1, {0}, -EINVAL},
		{GOOD_SIZE - sizeof(good) + 1, {0}, -EINVAL},
		{GOOD_SIZE + 1, {0}, -EINVAL},
		{UINT32_MAX, {0}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H}, STRIDE, sizeof(good) - 1}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H}, STRIDE, sizeof(good) + 1}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H}, STRIDE, UINT32_MAX}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H}, STRIDE + 1, sizeof(good)}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H}, W * 4 - 1, sizeof(good)}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H}, -STRIDE, sizeof(good)}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H}, PW_CURSOR_STRIDE_MAX + 1, sizeof(good)}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W, H + 1}, STRIDE, sizeof(good)}, -EINVAL},
		{0, {SPA_VIDEO_FORMAT_RGBA, {W + 1, H}, STRIDE, sizeof(good)}, -EINVAL},
		{0,
		 {SPA_VIDEO_FORMAT_RGBA, {CURSOR_DIM_MAX, CURSOR_DIM_MAX}, CURSOR_DIM_MAX * 4, sizeof(good)},
		 -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake k;

		fake_good(&k);
		assert_in_range(pw_cursor_read(&cursor, &k.buffer), 0, 1);
		put_bitmap(&k, &rows[i].b);
		if (rows[i].at)
			k.cursor->bitmap_offset = rows[i].at;
		k.cursor->position = SPA_POINT(500, 500);
		assert_int_equal(pw_cursor_read(&cursor, &k.buffer), rows[i].rc);
		/* What is nonsense in one place is not believed in another. */
		assert_true(rows[i].rc == 1 ? is_at(498, 499) : is_at(98, 49));
		fake_finish(&k);
	}
}

static void what_cannot_be_shown_hides_the_last_one(void **state)
{
	static const struct {
		struct spa_meta_bitmap b;
		int rc;
	} rows[] = {
		{{SPA_VIDEO_FORMAT_RGBA, {PW_CURSOR_ASKED_MAX + 1, H}, STRIDE, sizeof(good)}, -E2BIG},
		{{SPA_VIDEO_FORMAT_RGBA, {W, UINT32_MAX}, STRIDE, sizeof(good)}, -E2BIG},
		{{SPA_VIDEO_FORMAT_NV12, {W, H}, STRIDE, sizeof(good)}, -ENOTSUP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake k;

		fake_good(&k);
		assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
		put_bitmap(&k, &rows[i].b);
		assert_int_equal(pw_cursor_read(&cursor, &k.buffer), rows[i].rc);
		assert_false(is_shown());
		fake_finish(&k);
	}
}

static void the_largest_one_fits(void **state)
{
	const struct spa_meta_bitmap b = {
		.format = SPA_VIDEO_FORMAT_BGRA,
		.size = {CURSOR_DIM_MAX, CURSOR_DIM_MAX},
		.stride = CURSOR_DIM_MAX * 4,
		.offset = sizeof(b),
	};
	struct cursor c;
	struct fake k;

	(void)state;
	fake_init(&k, PW_CURSOR_BYTES(CURSOR_DIM_MAX, CURSOR_DIM_MAX));
	k.cursor->id = 7;
	put_bitmap(&k, &b);
	memset((uint8_t *)k.cursor + PW_CURSOR_BYTES(0, 0), 0x77, CURSOR_DIM_MAX * CURSOR_DIM_MAX * 4);
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
	c = pw_cursor_take(&cursor);
	assert_int_equal(c.image->argb[sizeof(c.image->argb) - 1], 0x77);
	cursor_image_unref(c.image);
	fake_finish(&k);
}

static void a_larger_one_is_cut(void **state)
{
	enum { WIDE = CURSOR_DIM_MAX + 44, HIGH = CURSOR_DIM_MAX + 4 };
	const struct spa_meta_bitmap b = {
		.format = SPA_VIDEO_FORMAT_BGRA, .size = {WIDE, HIGH}, .stride = WIDE * 4, .offset = sizeof(b)};
	uint8_t *pixels;
	struct cursor c;
	struct fake k;

	(void)state;
	fake_init(&k, PW_CURSOR_BYTES(WIDE, HIGH));
	k.cursor->id = 7;
	put_bitmap(&k, &b);
	pixels = (uint8_t *)k.cursor + PW_CURSOR_BYTES(0, 0);
	memset(pixels, 0x11, WIDE * HIGH * 4);
	memset(pixels + 4 * (5 * WIDE + CURSOR_DIM_MAX - 1), 0x77, 4);
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
	c = pw_cursor_take(&cursor);
	assert_int_equal(c.image->w, CURSOR_DIM_MAX);
	assert_int_equal(c.image->h, CURSOR_DIM_MAX);
	assert_int_equal(c.image->argb[4 * (6 * CURSOR_DIM_MAX - 1)], 0x77);
	assert_int_equal(c.image->argb[4 * 6 * CURSOR_DIM_MAX], 0x11);
	cursor_image_unref(c.image);
	fake_finish(&k);
}

static void an_image_in_use_is_never_written(void **state)
{
	struct cursor held[PW_CURSOR_IMAGES];
	struct fake k;

	(void)state;
	fake_good(&k);
	for (unsigned i = 0; i < PW_CURSOR_IMAGES; i++) {
		((uint8_t *)k.cursor)[PW_CURSOR_BYTES(0, 0)] = (uint8_t)i;
		assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
		held[i] = pw_cursor_take(&cursor);
	}
	for (unsigned i = 0; i < PW_CURSOR_IMAGES; i++) {
		assert_int_equal(held[i].image->argb[2], i);
		for (unsigned j = 0; j < i; j++)
			assert_true(held[i].image->id != held[j].image->id);
	}
	/* None is left: the newest stays. */
	((uint8_t *)k.cursor)[PW_CURSOR_BYTES(0, 0)] = 99;
	k.cursor->position.x++;
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), -EBUSY);
	assert_true(is_at(99, 49));
	cursor_image_unref(held[3].image);
	assert_int_equal(pw_cursor_read(&cursor, &k.buffer), 1);
	for (unsigned i = 0; i < PW_CURSOR_IMAGES; i++)
		if (i != 3)
			cursor_image_unref(held[i].image);
	fake_finish(&k);
}

/* Sources have room for 64 to 384 pixels a side, as one size or a range. */
static void it_is_asked_for_where_it_is_to_come_apart(void **state)
{
	const struct pw_format format = {.width = 64, .height = 64};
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];
	uint8_t memory[4096];

	(void)state;
	for (int wanted = 0; wanted < 2; wanted++) {
		struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
		unsigned n = pw_format_buffers(&b, &format, wanted, false, pods), found = 0;

		for (unsigned i = 1; i < n; i++) {
			const struct spa_pod_prop *type = spa_pod_find_prop(pods[i], NULL, SPA_PARAM_META_type);
			const struct spa_pod_prop *size = spa_pod_find_prop(pods[i], NULL, SPA_PARAM_META_size);
			uint32_t id = 0, values, choice;
			const int *range;

			assert_true(type && size);
			assert_int_equal(spa_pod_get_id(&type->value, &id), 0);
			if (id != SPA_META_Cursor)
				continue;
			found++;
			range = SPA_POD_BODY_CONST(spa_pod_get_values(&size->value, &values, &choice));
			assert_int_equal(choice, SPA_CHOICE_Range);
			assert_int_equal(range[0], PW_CURSOR_BYTES(256, 256));
			assert_in_range(PW_CURSOR_BYTES(64, 64), range[1], range[2]);
			assert_in_range(PW_CURSOR_BYTES(384, 384), range[1], range[2]);
		}
		assert_int_equal(found, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_order_of_bytes_becomes_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(primaries_above_their_alpha_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(the_hotspot_is_where_the_pointer_points, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_out_of_sight_is_not_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(an_empty_bitmap_shows_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_is_read_beyond_the_metadata, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_shown_hides_the_last_one, setup, teardown),
		cmocka_unit_test_setup_teardown(the_largest_one_fits, setup, teardown),
		cmocka_unit_test_setup_teardown(a_larger_one_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(an_image_in_use_is_never_written, setup, teardown),
		cmocka_unit_test(it_is_asked_for_where_it_is_to_come_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
