// SPDX-License-Identifier: GPL-3.0-or-later
/* The pass against the exact result: every pair of formats, matrices and ranges, light, scaling, turning, the
 * cursor. */
#include "rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "reference.h"

static struct gpu_device *dev;

static const uint32_t sources[] = {
	FOURCC_XRGB8888,    FOURCC_ARGB8888,    FOURCC_XBGR8888,      FOURCC_ABGR8888,
	FOURCC_RGBX8888,    FOURCC_BGRX8888,    FOURCC_XRGB2101010,   FOURCC_ARGB2101010,
	FOURCC_XBGR2101010, FOURCC_ABGR2101010, FOURCC_XBGR16161616F, FOURCC_ABGR16161616F,
};

static const struct reference_cursor no_cursor;

static struct gpu_geometry whole(const struct frame *f, const struct gpu_layout *l)
{
	return (struct gpu_geometry){.visible = {.w = f->width, .h = f->height}, .w = l->width, .h = l->height};
}

static void check(struct chain *c, const struct frame *f, const struct gpu_geometry *g,
		  const struct reference_cursor *cursor)
{
	const bool wide = c->target.layout.format == GPU_P010 || c->target.layout.format == GPU_YUV444P10;
	struct readback_picture *p = chain_run(c, f, g, cursor->argb ? &cursor->at : NULL);
	char where[96];
	unsigned off = reference_distance(f, g, cursor, &c->target, p->data, where);

	readback_give_back(c->ring, p);
	if (off > (wide ? 2u : 1u))
		fail_msg("%.4s%s %ux%u to %ux%u%s, matrix %d%s, turn %d: %u off, %s", (const char *)&f->fourcc,
			 f->colour.pq ? " PQ" : "", f->width, f->height, c->target.layout.width,
			 c->target.layout.height, c->target.pq ? " PQ" : "", c->target.space,
			 c->target.full_range ? " full" : "", g->transform, off, where);
}

static void every_pair_of_formats_in_sdr_and_pq(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2 * GPU_FORMATS; n++) {
		struct chain c;

		chain_init(&c, dev, (enum gpu_format)(n / 2), 36, 22, (enum colour_space)(n % 3), n / 3 % 2, n % 2);
		for (unsigned i = 0; i < ARRAY_LEN(sources); i++) {
			struct source s;
			struct gpu_geometry g;

			source_init(&s, sources[i], 36, 22, 0);
			source_random(&s, n * ARRAY_LEN(sources) + i);
			s.frame.colour.pq = gpu_source_format(sources[i])->kind == GPU_BITS_10 && i % 2;
			g = whole(&s.frame, &c.target.layout);
			check(&c, &s.frame, &g, &no_cursor);
			source_finish(&s);
		}
		chain_finish(&c);
	}
}

static void every_matrix_and_range(void **state)
{
	(void)state;
	for (int format = 0; format < GPU_FORMATS; format++)
		for (unsigned k = 0; k < 6; k++) {
			struct chain c;
			struct source s;
			struct gpu_geometry g;

			chain_init(&c, dev, (enum gpu_format)format, 64, 32, (enum colour_space)(k % 3), k / 3, false);
			source_init(&s, FOURCC_XRGB8888, 64, 32, 64);
			g = whole(&s.frame, &c.target.layout);
			source_random(&s, k);
			check(&c, &s.frame, &g, &no_cursor);
			/* The corners of the cube, single pixels and even fields. */
			for (unsigned y = 0; y < 32; y++)
				for (unsigned x = 0; x < 64; x++) {
					unsigned corner = y < 16 ? (x + y) % 8 : x / 8;
					uint8_t *b = s.pixels + y * s.frame.plane[0].stride + 4 * x;

					b[0] = corner & 1 ? 255 : 0;
					b[1] = corner & 2 ? 255 : 0;
					b[2] = corner & 4 ? 255 : 0;
				}
			check(&c, &s.frame, &g, &no_cursor);
			source_finish(&s);
			chain_finish(&c);
		}
}

static void any_size_to_any_size(void **state)
{
	static const uint16_t targets[][2] = {{64, 48}, {37, 23}, {1, 1}, {3, 2}, {130, 18}, {5, 61}};
	static const uint16_t froms[][2] = {{1, 1},   {2, 2},    {3, 5},   {37, 23}, {64, 48},
					    {65, 49}, {128, 96}, {200, 7}, {9, 150}, {131, 83}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(targets); i++) {
		struct chain c;

		chain_init(&c, dev, i % 2 ? GPU_P010 : GPU_NV12, targets[i][0], targets[i][1], COLOUR_BT709, false,
			   false);
		for (unsigned k = 0; k < ARRAY_LEN(froms); k++) {
			struct source s;
			struct gpu_geometry g;

			source_init(&s, FOURCC_XRGB8888, froms[k][0], froms[k][1], 4 * (k % 3));
			source_random(&s, 100 * i + k);
			g = whole(&s.frame, &c.target.layout);
			check(&c, &s.frame, &g, &no_cursor);
			source_finish(&s);
		}
		chain_finish(&c);
	}
}

static void planar_chroma_of_odd_sizes(void **state)
{
	(void)state;
	for (int format = GPU_YUV444; format <= GPU_YUV444P10; format++) {
		struct chain c;
		struct source s;
		struct gpu_geometry g;

		chain_init(&c, dev, (enum gpu_format)format, 37, 23, COLOUR_BT601, true, false);
		source_init(&s, FOURCC_XBGR2101010, 51, 17, 12);
		source_random(&s, 9);
		g = whole(&s.frame, &c.target.layout);
		check(&c, &s.frame, &g, &no_cursor);
		source_finish(&s);
		chain_finish(&c);
	}
}

static void turned_cropped_and_placed_on_black(void **state)
{
	struct chain c;
	struct source s;

	(void)state;
	chain_init(&c, dev, GPU_NV12, 64, 48, COLOUR_BT709, false, false);
	source_init(&s, FOURCC_XRGB8888, 53, 41, 8);
	source_random(&s, 7);
	for (int t = TRANSFORM_NONE; t <= TRANSFORM_FLIPPED_270; t++) {
		const struct rect visible[] = {{0, 0, 53, 41}, {5, 3, 32, 24}, {52, 40, 1, 1}};

		for (unsigned i = 0; i < ARRAY_LEN(visible); i++) {
			struct gpu_geometry g = {.visible = visible[i],
						 .transform = (enum transform)t,
						 .x = 8,
						 .y = 2,
						 .w = 32,
						 .h = 24};

			check(&c, &s.frame, &g, &no_cursor);
			g = (struct gpu_geometry){.visible = visible[i],
						  .transform = (enum transform)t,
						  .x = 3,
						  .y = 1,
						  .w = 55,
						  .h = 47};
			check(&c, &s.frame, &g, &no_cursor);
		}
	}
	source_finish(&s);
	chain_finish(&c);
}

static void the_cursor_is_blended_before_scaling(void **state)
{
	static const struct gpu_cursor at[] = {{10, 7, 24, 17}, {-9, -5, 24, 17}, {60, 40, 24, 17}, {500, 0, 24, 17}};
	static const uint32_t kinds[] = {FOURCC_XRGB8888, FOURCC_XRGB2101010, FOURCC_ABGR16161616F};
	uint32_t argb[24 * 17];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(argb); i++) {
		uint32_t a = i % 5 == 0 ? 255 : i % 5 == 1 ? 0 : i * 37 % 256;

		argb[i] = a << 24 | i * 11 % (a + 1) << 16 | i * 7 % (a + 1) << 8 | i * 5 % (a + 1);
	}
	for (unsigned k = 0; k < ARRAY_LEN(kinds); k++) {
		struct chain c;
		struct source s;

		chain_init(&c, dev, k ? GPU_P010 : GPU_NV12, 64, 48, COLOUR_BT2020, false, k > 0);
		source_init(&s, kinds[k], 64, 48, 0);
		source_random(&s, k);
		s.frame.colour.pq = k == 1;
		assert_int_equal(gpu_convert_set_cursor(&c.convert, argb, 24 * 4, 24, 17), 0);
		for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
			struct reference_cursor cursor = {.argb = argb, .at = at[i]};
			struct gpu_geometry g = whole(&s.frame, &c.target.layout);

			check(&c, &s.frame, &g, &cursor);
			g.visible = (struct rect){4, 6, 49, 33};
			check(&c, &s.frame, &g, &cursor);
		}
		source_finish(&s);
		chain_finish(&c);
	}
}

static void no_half_float_makes_a_sample_that_is_none(void **state)
{
	static const uint16_t extremes[] = {0x0000, 0x8000, 0x7c00, 0xfc00, 0x7e00,
					    0xfe01, 0x7bff, 0xfbff, 0x0001, 0x3c00};

	(void)state;
	for (unsigned pq = 0; pq < 2; pq++) {
		struct chain c;
		struct source s;
		struct gpu_geometry g;

		chain_init(&c, dev, GPU_P010, 32, 16, COLOUR_BT2020, false, pq);
		source_init(&s, FOURCC_ABGR16161616F, 32, 16, 0);
		for (size_t i = 0; i < s.size / 2; i++)
			((uint16_t *)(void *)s.pixels)[i] = extremes[i * 7 / 4 % ARRAY_LEN(extremes)];
		g = whole(&s.frame, &c.target.layout);
		check(&c, &s.frame, &g, &no_cursor);
		source_finish(&s);
		chain_finish(&c);
	}
}

static void nonsense_is_refused(void **state)
{
	struct gpu_layout l;
	struct chain c;
	struct source s;
	struct rect v = {0, 0, 64, 48};
	struct gpu_source src;
	struct gpu_geometry g;
	VkCommandBuffer cmd;

	(void)state;
	assert_int_equal(gpu_layout_init(&l, GPU_FORMATS, 64, 64), -ENOTSUP);
	assert_int_equal(gpu_layout_init(&l, GPU_NV12, 0, 64), -ENOTSUP);
	assert_int_equal(gpu_layout_init(&l, GPU_NV12, 64, GPU_DIM_MAX + 1), -ENOTSUP);
	chain_init(&c, dev, GPU_NV12, 64, 48, COLOUR_BT709, false, false);
	source_init(&s, FOURCC_XRGB8888, 64, 48, 0);
	assert_int_equal(upload_frame(&c.upload, &s.frame, &v, &src), 0);
	assert_int_equal(gpu_commands_init(dev, &cmd), 0);
	assert_int_equal(gpu_commands_begin(cmd), 0);
	const struct gpu_geometry bad[] = {
		{.visible = {0, 0, 65, 48}, .w = 64, .h = 48},
		{.visible = {-1, 0, 8, 8}, .w = 64, .h = 48},
		{.visible = {0, 0, 0, 8}, .w = 64, .h = 48},
		{.visible = {0, 0, 64, 48}, .w = 65, .h = 48},
		{.visible = {0, 0, 64, 48}, .x = 1, .w = 64, .h = 48},
		{.visible = {0, 0, 64, 48}, .w = 0, .h = 48},
		{.visible = {0, 0, 64, 48}, .transform = (enum transform)8, .w = 64, .h = 48},
	};
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(gpu_convert_record(&c.convert, cmd, &src, &bad[i], NULL, VK_NULL_HANDLE), -EINVAL);
	g = whole(&s.frame, &c.target.layout);
	src.stride = 64 * 4 - 4;
	assert_int_equal(gpu_convert_record(&c.convert, cmd, &src, &g, NULL, VK_NULL_HANDLE), -EINVAL);
	src.stride = 64 * 4 + 4; /* the last line would end beyond the buffer */
	assert_int_equal(gpu_convert_record(&c.convert, cmd, &src, &g, NULL, VK_NULL_HANDLE), -EINVAL);
	assert_int_equal(gpu_convert_set_cursor(&c.convert, s.pixels, 4 * 300, 300, 2), -EINVAL);
	gpu_commands_finish(dev, &cmd);
	source_finish(&s);
	chain_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair_of_formats_in_sdr_and_pq),
		cmocka_unit_test(every_matrix_and_range),
		cmocka_unit_test(any_size_to_any_size),
		cmocka_unit_test(planar_chroma_of_odd_sizes),
		cmocka_unit_test(turned_cropped_and_placed_on_black),
		cmocka_unit_test(the_cursor_is_blended_before_scaling),
		cmocka_unit_test(no_half_float_makes_a_sample_that_is_none),
		cmocka_unit_test(nonsense_is_refused),
	};
	int failed;

	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return failed;
}
