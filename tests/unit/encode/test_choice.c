// SPDX-License-Identifier: GPL-3.0-or-later
/* Which encoders serve a stream, with a registry of our own: hardware that works, hardware that does not, software. */
#include "encode/choice.h"

#include "cmocka_all.h"
#include "fake_registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct encoder_ops chip, soft, other, stand_in;
static const struct encoder_ops *const list[] = {&chip, &soft, &other, &stand_in, NULL};
static const char *const plain[CODECS] = {"", "", ""}; /* presets */
static unsigned trials;                                /* openings of the chip */
static int chip_rc;
static bool chip_hevc;
static unsigned broken_formats; /* bits: the chip does not open in them */

static int probe_chip(enum codec codec, struct enc_caps *caps)
{
	int rc = encoder_null.probe(CODEC_H264, caps);

	caps->max_width = caps->max_height = 4096;
	return codec == CODEC_H264 || (codec == CODEC_HEVC && chip_hevc) ? rc : -ENOTSUP;
}

static int open_chip(struct encoder *e)
{
	trials++;
	if (broken_formats >> picture_format_for(&e->params.video) & 1)
		return -EIO;
	return chip_rc ? chip_rc : encoder_null.open(e);
}

static int setup(void **state)
{
	(void)state;
	fake_registry = list;
	chip = soft = other = stand_in = encoder_null;
	chip.name = "chip";
	chip.hardware = true;
	chip.probe = probe_chip;
	chip.open = open_chip;
	soft.name = "soft";
	other.name = "other";
	chip.only_by_name = soft.only_by_name = other.only_by_name = false;
	trials = 0;
	chip_rc = 0;
	chip_hevc = false;
	broken_formats = 0;
	encoder_choice_forget();
	return 0;
}

static const struct video_params video = {
	.codec = CODEC_H264,
	.width = 640,
	.height = 360,
	.fps_mhz = 60000,
	.depth = 8,
	.slices = 1,
};

/* What is chosen, as words. */
static const char *chosen(const char *backend, const struct video_params *v, const char *preset)
{
	static char text[160];
	struct encoder_choice c;

	text[0] = '\0';
	if (encoder_choose(&c, backend, v, preset, 1) < 0)
		return "none";
	for (unsigned i = 0; i < c.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s:%s", i ? " " : "", c.at[i].ops->name,
			 c.at[i].preset);
	return text;
}

static void hardware_that_works_comes_first_and_is_tried_once(void **state)
{
	(void)state;
	assert_string_equal(chosen("auto", &video, "fast"), "chip:fast soft:fast other:fast");
	assert_int_equal(trials, 1);
	assert_string_equal(chosen("auto", &video, "fast"), "chip:fast soft:fast other:fast");
	assert_int_equal(trials, 1);
}

static void each_kind_of_stream_is_tried(void **state)
{
	struct video_params v = video;

	(void)state;
	chosen("auto", &v, "");
	v.width = 1280;
	chosen("auto", &v, "");
	assert_int_equal(trials, 2);
	v.fps_mhz = 30000;
	chosen("auto", &v, "");
	assert_int_equal(trials, 3);
	/* What its caps rule out is not tried, whoever else can. */
	v.width = 8192;
	assert_string_equal(chosen("auto", &v, "fast"), "soft:fast other:fast");
	assert_int_equal(trials, 3);
	v.depth = 10;
	assert_string_equal(chosen("auto", &v, "fast"), "none");
}

/* Ten bits and 4:4:4, but not both: that is not tried either. */
static int probe_chip_formats(enum codec codec, struct enc_caps *caps)
{
	int rc = probe_chip(codec, caps);

	caps->max_depth = 10;
	caps->yuv444 = true;
	caps->max_depth_444 = 8;
	return rc;
}

static int probe_all_formats(enum codec codec, struct enc_caps *caps)
{
	int rc = encoder_null.probe(codec, caps);

	caps->max_depth = 10;
	caps->yuv444 = true;
	return rc;
}

static void formats_that_hardware_lacks_go_to_software_without_a_trial(void **state)
{
	struct video_params v = video;

	(void)state;
	chip.probe = probe_chip_formats;
	soft.probe = probe_all_formats;
	v.depth = 10;
	assert_string_equal(chosen("auto", &v, "fast"), "chip:fast soft:fast");
	v.yuv444 = true;
	assert_string_equal(chosen("auto", &v, "fast"), "soft:fast");
	assert_int_equal(trials, 1);
	v.depth = 8;
	assert_string_equal(chosen("auto", &v, "fast"), "chip:fast soft:fast");
	assert_int_equal(trials, 2);
}

static void hardware_that_fails_its_trial_is_not_used(void **state)
{
	const char *why;

	(void)state;
	chip_rc = -EIO;
	assert_string_equal(chosen("auto", &video, "fast"), "soft:fast other:fast");
	assert_int_equal(trials, 2); /* as a stream would open it anew */
	assert_string_equal(chosen("auto", &video, "fast"), "soft:fast other:fast");
	assert_int_equal(trials, 2);
	assert_false(encoder_choice_takes(&chip, CODEC_H264, PICTURE_NV12, &why));
	assert_string_equal(why, "a trial at 640x360 failed: Input/output error");
	chip_rc = -ENOMEM;
	assert_int_equal(trials, 2);
	assert_true(encoder_choice_takes(&soft, CODEC_H264, PICTURE_NV12, &why));
	assert_string_equal(why, "");
}

static void one_whose_picture_fails_is_not_used(void **state)
{
	(void)state;
	/* The null encoder under the chip fails its third picture, in both trials. */
	assert_string_equal(chosen("auto", &video, "fail 3"), "soft:fail 3 other:fail 3");
	assert_int_equal(trials, 2);
}

static void one_that_is_named_is_not_tried_and_has_software_behind_it(void **state)
{
	struct encoder_choice c;

	(void)state;
	assert_string_equal(chosen("chip", &video, "fast"), "chip:fast soft:fast other:fast");
	assert_string_equal(chosen("other", &video, "fast"), "other:fast soft:fast");
	assert_string_equal(chosen("null", &video, "fast"), "null:fast");
	assert_string_equal(chosen("abacus", &video, "fast"), "none");
	assert_int_equal(trials, 0);
	assert_int_equal(encoder_choose(&c, "chip", &video, "", 1), 0);
	assert_true(c.named);
	assert_int_equal(encoder_choose(&c, "auto", &video, "", 1), 0);
	assert_false(c.named);
}

static void a_quality_level_is_no_preset_of_software(void **state)
{
	(void)state;
	assert_string_equal(chosen("auto", &video, "4"), "chip:4 soft:superfast other:superfast");
	assert_string_equal(chosen("soft", &video, "4"), "soft:4 other:4");
}

static void what_failed_in_a_stream_is_tried_before_the_next(void **state)
{
	const char *why;

	(void)state;
	encoder_choice_measure("auto", plain, 1);
	assert_int_equal(trials, 1);
	chosen("auto", &video, "");
	assert_int_equal(trials, 2);
	encoder_choice_failed(&chip, &video, "it burnt");
	assert_true(encoder_choice_takes(&chip, CODEC_H264, PICTURE_NV12, &why));
	assert_string_equal(why, "it burnt");
	chip_rc = -EIO;
	assert_string_equal(chosen("auto", &video, ""), "soft: other:");
	assert_int_equal(trials, 4);
}

static void nor_is_the_usual_stream_believed_then(void **state)
{
	struct video_params usual = video;

	(void)state;
	usual.width = 1280;
	usual.height = 720;
	usual.fps_mhz = 60000;
	encoder_choice_measure("auto", plain, 1);
	assert_int_equal(trials, 1);
	chosen("auto", &usual, "");
	assert_int_equal(trials, 1); /* tried at the start */
	encoder_choice_failed(&chip, &video, "it burnt");
	chosen("auto", &usual, "");
	assert_int_equal(trials, 2);
	chosen("auto", &usual, "");
	assert_int_equal(trials, 2);
}

static void what_is_offered_has_been_tried_at_the_start(void **state)
{
	struct video_params v = video;
	struct enc_caps caps;

	(void)state;
	chip_hevc = true;
	assert_ptr_equal(encoder_choice_usual("auto", CODEC_H264, PICTURE_NV12, &caps), &soft);
	assert_null(encoder_choice_usual("auto", CODEC_HEVC, PICTURE_NV12, &caps));
	encoder_choice_measure("chip", plain, 1);
	assert_int_equal(trials, 0);
	encoder_choice_measure("auto", plain, 1);
	assert_ptr_equal(encoder_choice_usual("auto", CODEC_H264, PICTURE_NV12, &caps), &chip);
	assert_int_equal(caps.max_width, 4096);
	assert_ptr_equal(encoder_choice_usual("auto", CODEC_HEVC, PICTURE_NV12, NULL), &chip);
	/* A stream of just that kind needs no trial of its own. */
	assert_int_equal(trials, 2);
	v.width = 1280;
	v.height = 720;
	chosen("auto", &v, "");
	assert_int_equal(trials, 2);
	assert_null(encoder_choice_usual("auto", CODEC_AV1, PICTURE_NV12, NULL));
	assert_ptr_equal(encoder_choice_usual("null", CODEC_H264, PICTURE_NV12, NULL), &stand_in);
	assert_null(encoder_choice_usual("null", CODEC_AV1, PICTURE_NV12, NULL));
}

static void each_format_is_known_by_its_own_trial(void **state)
{
	struct video_params v = video;
	const char *why;

	(void)state;
	chip.probe = probe_chip_formats;
	soft.probe = probe_all_formats;
	broken_formats = 1u << PICTURE_YUV444;
	encoder_choice_measure("auto", plain, 1);
	assert_int_equal(trials, 4); /* the one that fails at once twice; 4:4:4 of ten bits it has not */
	assert_ptr_equal(encoder_choice_usual("auto", CODEC_H264, PICTURE_NV12, NULL), &chip);
	assert_ptr_equal(encoder_choice_usual("auto", CODEC_H264, PICTURE_P010, NULL), &chip);
	assert_ptr_equal(encoder_choice_usual("auto", CODEC_H264, PICTURE_YUV444, NULL), &soft);
	assert_ptr_equal(encoder_choice_usual("auto", CODEC_H264, PICTURE_YUV444P10, NULL), &soft);
	assert_false(encoder_choice_takes(&chip, CODEC_H264, PICTURE_YUV444, &why));
	assert_string_equal(why, "a trial at 640x360 failed: Input/output error");
	/* What works afterwards says nothing of that. */
	chosen("auto", &video, "");
	assert_true(encoder_choice_takes(&chip, CODEC_H264, PICTURE_NV12, &why));
	assert_string_equal(why, "");
	encoder_choice_takes(&chip, CODEC_H264, PICTURE_YUV444, &why);
	assert_string_equal(why, "a trial at 640x360 failed: Input/output error");
	/* Nor does a failure in one format belong to another, but all are tried again. */
	v.depth = 10;
	encoder_choice_failed(&chip, &v, "it burnt");
	encoder_choice_takes(&chip, CODEC_H264, PICTURE_NV12, &why);
	assert_string_equal(why, "");
	encoder_choice_takes(&chip, CODEC_H264, PICTURE_P010, &why);
	assert_string_equal(why, "it burnt");
	trials = 0;
	chosen("auto", &video, "");
	assert_int_equal(trials, 1);
}

static void a_codec_whose_usual_format_fails_is_tried_in_no_other(void **state)
{
	(void)state;
	chip.probe = probe_chip_formats;
	broken_formats = 1u << PICTURE_NV12;
	encoder_choice_measure("auto", plain, 1);
	assert_int_equal(trials, 2);
	assert_ptr_equal(encoder_choice_usual("auto", CODEC_H264, PICTURE_NV12, NULL), &soft);
	assert_null(encoder_choice_usual("auto", CODEC_H264, PICTURE_P010, NULL));
}

/* Which the name does not promise. */
static void other_formats_of_a_name_are_tried(void **state)
{
	(void)state;
	chip.probe = probe_chip_formats;
	broken_formats = 1u << PICTURE_NV12 | 1u << PICTURE_P010;
	encoder_choice_measure("soft", plain, 1);
	assert_int_equal(trials, 0);
	encoder_choice_measure("chip", plain, 1);
	assert_int_equal(trials, 3);
	assert_ptr_equal(encoder_choice_usual("chip", CODEC_H264, PICTURE_NV12, NULL), &chip);
	assert_null(encoder_choice_usual("chip", CODEC_H264, PICTURE_P010, NULL));
	assert_ptr_equal(encoder_choice_usual("chip", CODEC_H264, PICTURE_YUV444, NULL), &chip);
	assert_null(encoder_choice_usual("soft", CODEC_H264, PICTURE_YUV444, NULL));
}

/* Also where software comes first, for a format that hardware lacks. */
static void a_quality_level_is_no_preset_wherever_hardware_has_the_codec(void **state)
{
	struct video_params v = video;

	(void)state;
	soft.probe = probe_all_formats;
	v.yuv444 = true;
	assert_string_equal(chosen("auto", &v, "4"), "soft:4");
	encoder_choice_measure("auto", plain, 1);
	assert_string_equal(chosen("auto", &v, "4"), "soft:superfast");
	assert_string_equal(chosen("auto", &v, "fast"), "soft:fast");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(hardware_that_works_comes_first_and_is_tried_once, setup),
		cmocka_unit_test_setup(each_kind_of_stream_is_tried, setup),
		cmocka_unit_test_setup(formats_that_hardware_lacks_go_to_software_without_a_trial, setup),
		cmocka_unit_test_setup(hardware_that_fails_its_trial_is_not_used, setup),
		cmocka_unit_test_setup(one_whose_picture_fails_is_not_used, setup),
		cmocka_unit_test_setup(one_that_is_named_is_not_tried_and_has_software_behind_it, setup),
		cmocka_unit_test_setup(a_quality_level_is_no_preset_of_software, setup),
		cmocka_unit_test_setup(what_failed_in_a_stream_is_tried_before_the_next, setup),
		cmocka_unit_test_setup(nor_is_the_usual_stream_believed_then, setup),
		cmocka_unit_test_setup(what_is_offered_has_been_tried_at_the_start, setup),
		cmocka_unit_test_setup(each_format_is_known_by_its_own_trial, setup),
		cmocka_unit_test_setup(a_codec_whose_usual_format_fails_is_tried_in_no_other, setup),
		cmocka_unit_test_setup(other_formats_of_a_name_are_tried, setup),
		cmocka_unit_test_setup(a_quality_level_is_no_preset_wherever_hardware_has_the_codec, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
