// SPDX-License-Identifier: GPL-3.0-or-later
/* Pictures in memory as VA-API's images: each format's pixels where its fourcc has them, edges repeated. */
#include "../cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "encode/vaapi_format.h"

#define W 36u /* of the picture */
#define H 20u

/* A sample of plane i: another everywhere, of all its bits. */
static unsigned sample(unsigned i, unsigned x, unsigned y, unsigned bits)
{
	return (x * 37 + y * 101 + i * 59 + (x * y) % 7 * 128) & ((1u << bits) - 1);
}

static void put(uint8_t *line, unsigned at, enum picture_format f, unsigned v)
{
	if (!picture_is_10bit(f)) {
		line[at] = (uint8_t)v;
		return;
	}
	v <<= f == PICTURE_P010 ? 6 : 0;
	line[2 * at] = (uint8_t)v;
	line[2 * at + 1] = (uint8_t)(v >> 8);
}

static void draw(struct picture *p)
{
	const unsigned bits = picture_is_10bit(p->format) ? 10 : 8, part = picture_is_444(p->format) ? 1 : 2;

	for (unsigned i = 0; i < 3; i++)
		for (unsigned y = 0; y < (i ? H / part : H); y++)
			for (unsigned x = 0; x < (i ? W / part : W); x++) {
				uint8_t *plane = !i ? p->luma : i == 2 && part == 1 ? p->cr : p->chroma;

				put(plane + (size_t)y * p->stride, i && part == 2 ? 2 * x + i - 1 : x, p->format,
				    sample(i, x, y, bits));
			}
}

/* By the definitions of the fourccs in va.h and drm_fourcc.h. */
static unsigned look(const VAImage *i, const uint8_t *map, unsigned plane, unsigned x, unsigned y)
{
	const unsigned half = plane > 0;
	const uint8_t *p;

	switch (i->format.fourcc) {
	case VA_FOURCC_NV12:
		return map[i->offsets[half] + y * i->pitches[half] + (half ? 2 * x + plane - 1 : x)];
	case VA_FOURCC_P010:
		p = map + i->offsets[half] + (size_t)y * i->pitches[half] + 2 * (size_t)(half ? 2 * x + plane - 1 : x);
		assert_int_equal(p[0] & 63, 0);
		return (p[0] | (unsigned)p[1] << 8) >> 6;
	case VA_FOURCC_444P:
		return map[i->offsets[plane] + y * i->pitches[plane] + x];
	case VA_FOURCC_Y410:
		p = map + i->offsets[0] + (size_t)y * i->pitches[0] + 4 * (size_t)x;
		return (p[0] | (unsigned)p[1] << 8 | (unsigned)p[2] << 16 | (unsigned)p[3] << 24) >> (plane == 0 ? 10
												      : plane == 1
													      ? 0
													      : 20) &
		       1023;
	default: /* from the lowest byte on V, U, Y */
		return map[i->offsets[0] + y * i->pitches[0] + 4 * x + 2 - plane];
	}
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void every_pixel_is_where_its_format_has_it_and_edges_are_repeated(void **state)
{
	static const struct {
		uint32_t fourcc, planes;
		enum picture_format format;
	} rows[] = {
		{VA_FOURCC_NV12, 2, PICTURE_NV12},   {VA_FOURCC_P010, 2, PICTURE_P010},
		{VA_FOURCC_XYUV, 1, PICTURE_YUV444}, {VA_FOURCC_AYUV, 1, PICTURE_YUV444},
		{VA_FOURCC_444P, 3, PICTURE_YUV444}, {VA_FOURCC_Y410, 1, PICTURE_YUV444P10},
	};
	static const unsigned sizes[][2] = {{W, H}, {48, 32}};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(rows) * 2; k++) {
		const struct video_params v = {.width = W,
					       .height = H,
					       .depth = picture_is_10bit(rows[k / 2].format) ? 10 : 8,
					       .yuv444 = picture_is_444(rows[k / 2].format)};
		const unsigned width = sizes[k % 2][0], height = sizes[k % 2][1], pitch = 4 * width + 64,
			       part = v.yuv444 ? 1 : 2;
		VAImage i = {.width = (uint16_t)width, .height = (uint16_t)height, .num_planes = rows[k / 2].planes};
		struct picture p;
		uint8_t *map;

		assert_true(vaapi_format_image(rows[k / 2].fourcc, &i.format));
		assert_true(vaapi_format_fits(&i, rows[k / 2].fourcc));
		for (unsigned n = 0; n < 3; n++) {
			i.pitches[n] = pitch;
			i.offsets[n] = n * pitch * height;
		}
		map = malloc((size_t)pitch * height * rows[k / 2].planes); /* not a byte more: sanitizers look */
		assert_non_null(map);
		assert_int_equal(picture_init_for(&p, &v), 0);
		draw(&p);
		vaapi_format_fill(&i, map, &p);
		for (unsigned plane = 0; plane < 3; plane++)
			for (unsigned y = 0; y < (plane ? height / part : height); y++)
				for (unsigned x = 0; x < (plane ? width / part : width); x++) {
					const unsigned div = plane ? part : 1;
					const unsigned want =
						sample(plane, least(x, W / div - 1), least(y, H / div - 1), v.depth);

					if (look(&i, map, plane, x, y) != want)
						fail_msg("%.4s plane %u at %u,%u", (const char *)&rows[k / 2].fourcc,
							 plane, x, y);
				}
		picture_finish(&p);
		free(map);
	}
}

static void other_images_are_refused(void **state)
{
	VAImage i = {.format = {.fourcc = VA_FOURCC_NV12}, .num_planes = 3};
	VAImageFormat f;

	(void)state;
	assert_false(vaapi_format_fits(&i, VA_FOURCC_NV12)); /* planes */
	i.num_planes = 2;
	assert_true(vaapi_format_fits(&i, VA_FOURCC_NV12));
	assert_false(vaapi_format_fits(&i, VA_FOURCC_P010));
	assert_false(vaapi_format_fits(&i, VA_FOURCC_BGRX));
	assert_false(vaapi_format_image(VA_FOURCC_BGRX, &f));
}

static VASurfaceAttrib attribute(VASurfaceAttribType type, uint32_t value)
{
	return (VASurfaceAttrib){
		.type = type,
		.flags = VA_SURFACE_ATTRIB_GETTABLE | VA_SURFACE_ATTRIB_SETTABLE,
		.value = {.type = VAGenericValueTypeInteger, .value.i = (int)value},
	};
}

/* Whatever the driver lists first. */
static void the_best_that_is_listed_is_chosen(void **state)
{
	static const struct {
		enum picture_format picture;
		uint32_t listed[4], best;
	} rows[] = {
		{PICTURE_NV12, {VA_FOURCC_I420, VA_FOURCC_YV12, VA_FOURCC_NV12}, VA_FOURCC_NV12},
		{PICTURE_NV12, {VA_FOURCC_I420, VA_FOURCC_P010}, 0},
		{PICTURE_P010, {VA_FOURCC_NV12, VA_FOURCC_P010}, VA_FOURCC_P010},
		{PICTURE_YUV444, {VA_FOURCC_411P, VA_FOURCC_XYUV, VA_FOURCC_AYUV}, VA_FOURCC_XYUV},
		{PICTURE_YUV444, {VA_FOURCC_444P, VA_FOURCC_AYUV, VA_FOURCC_XYUV}, VA_FOURCC_XYUV},
		{PICTURE_YUV444, {VA_FOURCC_444P, VA_FOURCC_AYUV}, VA_FOURCC_AYUV},
		{PICTURE_YUV444, {VA_FOURCC_411P, VA_FOURCC_444P}, VA_FOURCC_444P},
		{PICTURE_YUV444, {VA_FOURCC_NV12, VA_FOURCC_Y410}, 0},
		{PICTURE_YUV444P10, {VA_FOURCC_AYUV, VA_FOURCC_Y410}, VA_FOURCC_Y410},
		{PICTURE_NV12, {0}, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		VASurfaceAttrib list[6];
		unsigned n = 0;

		/* As large as a fourcc, and none. */
		list[n++] = attribute(VASurfaceAttribMaxWidth, VA_FOURCC_NV12);
		for (unsigned k = 0; k < 4 && rows[i].listed[k]; k++)
			list[n++] = attribute(VASurfaceAttribPixelFormat, rows[i].listed[k]);
		list[n++] = attribute(VASurfaceAttribMemoryType, VA_FOURCC_P010);
		assert_int_equal(vaapi_format_best(list, n, rows[i].picture), rows[i].best);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pixel_is_where_its_format_has_it_and_edges_are_repeated),
		cmocka_unit_test(other_images_are_refused),
		cmocka_unit_test(the_best_that_is_listed_is_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
