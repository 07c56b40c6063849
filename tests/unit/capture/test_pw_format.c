// SPDX-License-Identifier: GPL-3.0-or-later
/* Formats as PipeWire negotiates them: what is offered, what of it is believed. No daemon is needed. */
#include "../cmocka_all.h"

#include <errno.h>

#include <spa/buffer/buffer.h>
#include <spa/param/video/format-utils.h>
/* its inline functions do not pass our warnings */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <spa/pod/filter.h>
#pragma GCC diagnostic pop

#include "base/str.h"
#include "capture/pw_format.h"

/* A source that offers one format of its own; modifiers: count of values, 0 none. */
static const struct spa_pod *source_format(struct spa_pod_builder *b, uint32_t format, const int64_t *modifiers,
					   unsigned n_modifiers)
{
	struct spa_pod_frame object, choice;

	spa_pod_builder_push_object(b, &object, SPA_TYPE_OBJECT_Format, SPA_PARAM_EnumFormat);
	spa_pod_builder_add(b, SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
			    SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format, SPA_POD_Id(format), 0);
	if (n_modifiers) {
		spa_pod_builder_prop(b, SPA_FORMAT_VIDEO_modifier,
				     SPA_POD_PROP_FLAG_MANDATORY | SPA_POD_PROP_FLAG_DONT_FIXATE);
		spa_pod_builder_push_choice(b, &choice, SPA_CHOICE_Enum, 0);
		spa_pod_builder_long(b, modifiers[0]);
		for (unsigned i = 0; i < n_modifiers; i++)
			spa_pod_builder_long(b, modifiers[i]);
		spa_pod_builder_pop(b, &choice);
	}
	spa_pod_builder_add(b, SPA_FORMAT_VIDEO_size, SPA_POD_Rectangle(&SPA_RECTANGLE(1920, 1080)),
			    SPA_FORMAT_VIDEO_framerate, SPA_POD_Fraction(&SPA_FRACTION(0, 1)),
			    SPA_FORMAT_VIDEO_maxFramerate, SPA_POD_Fraction(&SPA_FRACTION(144, 1)), 0);
	return spa_pod_builder_pop(b, &object);
}

/* The first of our offers that agrees with the source's, as PipeWire picks it; its index, or -1. */
static int negotiate_import(const struct dmabuf_formats *importable, const struct pw_format *fixed, uint32_t fps_mhz,
			    const struct spa_pod *source, struct pw_format *f)
{
	uint8_t mine[2 * PW_OFFER_BYTES], out[8192];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(mine, sizeof(mine));
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];
	unsigned n = pw_format_offer(&b, importable, fixed, fps_mhz, pods);

	assert_true(b.state.offset <= PW_OFFER_BYTES); /* what callers give it */
	for (unsigned i = 0; i < n; i++) {
		struct spa_pod_builder r = SPA_POD_BUILDER_INIT(out, sizeof(out));
		struct spa_pod *result = NULL;

		assert_non_null(pods[i]);
		if (spa_pod_filter(&r, &result, source, pods[i]) < 0)
			continue;
		spa_pod_fixate(result); /* leaves alone what must not be */
		assert_int_equal(pw_format_parse(result, importable, f), 0);
		return (int)i;
	}
	return -1;
}

static const struct dmabuf_formats none;

static int negotiate(const struct pw_format *fixed, uint32_t fps_mhz, const struct spa_pod *source, struct pw_format *f)
{
	return negotiate_import(&none, fixed, fps_mhz, source, f);
}

static void memory_is_taken_before_dmabuf_and_every_byte_order_is_known(void **state)
{
	static const struct {
		uint32_t spa, fourcc;
	} want[] = {
		{SPA_VIDEO_FORMAT_BGRx, FOURCC_XRGB8888},          {SPA_VIDEO_FORMAT_BGRA, FOURCC_ARGB8888},
		{SPA_VIDEO_FORMAT_RGBx, FOURCC_XBGR8888},          {SPA_VIDEO_FORMAT_RGBA, FOURCC_ABGR8888},
		{SPA_VIDEO_FORMAT_xRGB, FOURCC_BGRX8888},          {SPA_VIDEO_FORMAT_xBGR, FOURCC_RGBX8888},
		{SPA_VIDEO_FORMAT_xRGB_210LE, FOURCC_XRGB2101010},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		uint8_t memory[2048];
		struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
		const struct spa_pod *s = source_format(&b, want[i].spa, NULL, 0);
		struct pw_format f;

		assert_int_equal(negotiate(NULL, 0, s, &f), 0);
		assert_int_equal(f.fourcc, want[i].fourcc);
		assert_int_equal(f.width, 1920);
		assert_int_equal(f.height, 1080);
		assert_false(f.dmabuf);
		assert_true(f.colour.full_range);
	}
}

static void a_source_with_modifiers_only_is_fixated_to_linear_with_memory_still_on_offer(void **state)
{
	const int64_t modifiers[] = {0x0100000000000002, (int64_t)MODIFIER_INVALID, MODIFIER_LINEAR};
	const int64_t tiled[] = {0x0100000000000002};
	uint8_t memory[2048], memory2[2048], mine[PW_OFFER_BYTES];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	struct spa_pod_builder b2 = SPA_POD_BUILDER_INIT(memory2, sizeof(memory2));
	struct spa_pod_builder m = SPA_POD_BUILDER_INIT(mine, sizeof(mine));
	const struct spa_pod *s = source_format(&b, SPA_VIDEO_FORMAT_BGRx, modifiers, 3);
	const struct spa_pod *plain = source_format(&b2, SPA_VIDEO_FORMAT_BGRx, NULL, 0);
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];
	struct pw_format f, g;

	(void)state;
	assert_int_equal(negotiate(NULL, 0, s, &f), 1);
	assert_true(f.dmabuf);
	assert_true(f.fixate);
	assert_int_equal(f.modifier, MODIFIER_LINEAR);
	/* the answer: our choice first */
	f.fixate = false;
	assert_int_equal(negotiate(&f, 0, s, &g), 0);
	assert_true(g.dmabuf);
	assert_false(g.fixate);
	assert_int_equal(g.modifier, MODIFIER_LINEAR);
	/* ... and when the allocation fails, memory is there to fall back to */
	assert_int_equal(pw_format_offer(&m, &none, &f, 0, pods), 3);
	assert_int_equal(negotiate(&f, 0, plain, &g), 1);
	assert_false(g.dmabuf);
	/* tiled only: nothing in common */
	b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	assert_int_equal(negotiate(NULL, 0, source_format(&b, SPA_VIDEO_FORMAT_BGRx, tiled, 1), &f), -1);
}

#define TILED 0x0100000000000002ull
#define OTHER 0x0200000000000001ull

static void what_the_reader_imports_comes_first_in_the_order_of_the_source(void **state)
{
	const struct dmabuf_formats importable = {
		.n = 4,
		.format = {{FOURCC_XRGB8888, 1, MODIFIER_LINEAR},
			   {FOURCC_XRGB8888, 2, TILED},
			   {FOURCC_XBGR8888, 1, OTHER},
			   {FOURCC_XRGB2101010, 1, TILED}},
	};
	static const struct {
		uint32_t spa;
		int64_t modifiers[3];
		unsigned n;
		uint64_t picked; /* INVALID: memory */
	} rows[] = {
		{SPA_VIDEO_FORMAT_BGRx, {TILED, MODIFIER_LINEAR}, 2, TILED},
		{SPA_VIDEO_FORMAT_BGRx, {OTHER, MODIFIER_LINEAR, TILED}, 3, MODIFIER_LINEAR},
		{SPA_VIDEO_FORMAT_RGBx, {OTHER}, 1, OTHER},
		{SPA_VIDEO_FORMAT_xRGB_210LE, {TILED}, 1, TILED},
		{SPA_VIDEO_FORMAT_BGRx, {0}, 0, MODIFIER_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t memory[2048];
		struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
		const struct spa_pod *s = source_format(&b, rows[i].spa, rows[i].modifiers, rows[i].n);
		bool import = rows[i].picked != MODIFIER_INVALID;
		struct pw_format f, g;

		assert_true(negotiate_import(&importable, NULL, 0, s, &f) >= 0);
		assert_int_equal(f.import, import);
		assert_int_equal(f.dmabuf, import);
		if (!import)
			continue;
		assert_int_equal(f.modifier, rows[i].picked);
		assert_true(f.fixate);
		assert_int_equal(negotiate_import(&importable, &f, 0, s, &g), 0);
		assert_int_equal(g.modifier, rows[i].picked);
		assert_true(g.import);
		assert_false(g.fixate);
	}
}

static void what_an_import_refused_is_not_offered_again(void **state)
{
	const int64_t modifiers[] = {TILED, MODIFIER_LINEAR}, tiled[] = {TILED};
	struct dmabuf_formats importable = {
		.n = 3,
		.format = {{FOURCC_XRGB8888, 1, TILED},
			   {FOURCC_XRGB8888, 1, MODIFIER_LINEAR},
			   {FOURCC_XBGR8888, 1, TILED}},
	};
	uint8_t memory[2048];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	const struct spa_pod *s = source_format(&b, SPA_VIDEO_FORMAT_BGRx, modifiers, 2);
	struct pw_format f;

	(void)state;
	assert_true(negotiate_import(&importable, NULL, 0, s, &f) >= 0);
	assert_int_equal(f.modifier, TILED);
	assert_true(pw_format_withdraw(&importable, &f, false));
	assert_false(pw_format_withdraw(&importable, &f, false)); /* told twice */
	assert_int_equal(importable.n, 2);
	assert_true(negotiate_import(&importable, NULL, 0, s, &f) >= 0);
	assert_int_equal(f.modifier, MODIFIER_LINEAR);
	assert_true(f.import);
	assert_true(pw_format_withdraw(&importable, &f, true));
	assert_int_equal(importable.n, 0);
	/* Now the CPU has to read it: linear, mapped; and a tiling is of no use to it. */
	assert_true(negotiate_import(&importable, NULL, 0, s, &f) >= 0);
	assert_int_equal(f.modifier, MODIFIER_LINEAR);
	assert_false(f.import);
	b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	assert_int_equal(negotiate_import(&importable, NULL, 0, source_format(&b, SPA_VIDEO_FORMAT_BGRx, tiled, 1), &f),
			 -1);
}

static void a_long_list_of_modifiers_fits_an_offer(void **state)
{
	static const uint32_t fourcc[] = {FOURCC_XRGB8888,    FOURCC_ARGB8888,   FOURCC_XBGR8888,    FOURCC_ABGR8888,
					  FOURCC_BGRX8888,    FOURCC_RGBX8888,   FOURCC_XRGB2101010, FOURCC_XBGR2101010,
					  FOURCC_ARGB2101010, FOURCC_ABGR2101010};
	const int64_t linear[] = {MODIFIER_LINEAR};
	struct dmabuf_formats importable = {0};
	uint8_t memory[2048];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	const struct spa_pod *s = source_format(&b, SPA_VIDEO_FORMAT_BGRx, linear, 1);
	struct pw_format f;

	(void)state;
	for (; importable.n < DMABUF_FORMATS_MAX; importable.n++)
		importable.format[importable.n] =
			(struct dmabuf_format){fourcc[importable.n % ARRAY_LEN(fourcc)], 1, TILED + importable.n};
	/* The rest is on offer all the same. */
	assert_true(negotiate_import(&importable, NULL, 144000, s, &f) >= 0);
	assert_false(f.import);
	assert_true(f.dmabuf);
}

static void formats_that_are_no_screen_are_refused(void **state)
{
	uint8_t memory[2048];
	struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	struct pw_format f;

	(void)state;
	assert_int_equal(negotiate(NULL, 0, source_format(&b, SPA_VIDEO_FORMAT_I420, NULL, 0), &f), -1);
	b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	assert_int_equal(pw_format_parse(source_format(&b, SPA_VIDEO_FORMAT_I420, NULL, 0), &none, &f), -ENOTSUP);
	b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	assert_int_equal(
		pw_format_parse(spa_pod_builder_add_object(&b, SPA_TYPE_OBJECT_Format, SPA_PARAM_Format,
							   SPA_FORMAT_mediaType, SPA_POD_Id(SPA_MEDIA_TYPE_audio),
							   SPA_FORMAT_mediaSubtype, SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw)),
				&none, &f),
		-ENOTSUP);
	b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
	assert_int_equal(pw_format_parse(spa_pod_builder_add_object(
						 &b, SPA_TYPE_OBJECT_Format, SPA_PARAM_Format, SPA_FORMAT_mediaType,
						 SPA_POD_Id(SPA_MEDIA_TYPE_video), SPA_FORMAT_mediaSubtype,
						 SPA_POD_Id(SPA_MEDIA_SUBTYPE_raw), SPA_FORMAT_VIDEO_format,
						 SPA_POD_Id(SPA_VIDEO_FORMAT_BGRx), SPA_FORMAT_VIDEO_size,
						 SPA_POD_Rectangle(&SPA_RECTANGLE(70000, 70000))),
					 &none, &f),
			 -EINVAL);
}

static void the_buffers_asked_for_fit_the_format(void **state)
{
	uint8_t memory[4096];
	const struct spa_pod *pods[PW_FORMAT_PODS_MAX];

	(void)state;
	for (int dmabuf = 0; dmabuf < 2; dmabuf++) {
		struct spa_pod_builder b = SPA_POD_BUILDER_INIT(memory, sizeof(memory));
		struct pw_format f = {.width = 64, .height = 64, .dmabuf = dmabuf};
		const struct spa_pod_prop *p;
		uint32_t n, choice;
		unsigned count = pw_format_buffers(&b, &f, true, true, pods);

		assert_in_range(count, 1, PW_FORMAT_PODS_MAX);
		p = spa_pod_find_prop(pods[0], NULL, SPA_PARAM_BUFFERS_dataType);
		assert_non_null(p);
		assert_int_equal(*(int *)SPA_POD_BODY(spa_pod_get_values(&p->value, &n, &choice)),
				 dmabuf ? 1 << SPA_DATA_DmaBuf : 1 << SPA_DATA_MemFd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_taken_before_dmabuf_and_every_byte_order_is_known),
		cmocka_unit_test(a_source_with_modifiers_only_is_fixated_to_linear_with_memory_still_on_offer),
		cmocka_unit_test(what_the_reader_imports_comes_first_in_the_order_of_the_source),
		cmocka_unit_test(what_an_import_refused_is_not_offered_again),
		cmocka_unit_test(a_long_list_of_modifiers_fits_an_offer),
		cmocka_unit_test(formats_that_are_no_screen_are_refused),
		cmocka_unit_test(the_buffers_asked_for_fit_the_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
