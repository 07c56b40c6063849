// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/trial.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "encode/registry.h"

static const struct encoder_ops *null_ops(void)
{
	const struct encoder_ops *ops = encoder_find("null", CODEC_H264, NULL);

	assert_non_null(ops);
	return ops;
}

static int try(enum codec codec, const char *preset, struct trial *t)
{
	const struct trial_params p = {.codec = codec, .preset = preset, .slices = 2, .frames = TRIAL_MANY};

	return encoder_trial(null_ops(), &p, t);
}

static void an_encoder_that_runs_gets_a_speed(void **state)
{
	struct trial t;

	(void)state;
	assert_int_equal(try(CODEC_H264, "", &t), 0);
	assert_true(t.pixels_per_s > 0);
	assert_true(trial_carries(&t, 64, 64, 1));
}

static void what_does_not_open_or_fails_is_said(void **state)
{
	struct trial t;

	(void)state;
	assert_int_equal(try(CODEC_AV1, "", &t), -ENOTSUP);
	for (unsigned n = 1; n < 5; n++) {
		char preset[] = "fail 0";

		preset[5] = (char)('0' + n);
		assert_int_equal(try(CODEC_H264, preset, &t), -EIO);
	}
	assert_int_equal(t.pixels_per_s, 0);
	assert_false(trial_carries(&t, 64, 64, 1));
}

static void a_trial_is_made_at_the_size_that_is_asked_for(void **state)
{
	struct trial_params p = {
		.codec = CODEC_H264,
		.width = 1920,
		.height = 1080,
		.fps_mhz = 60000,
		.depth = 8,
		.preset = "fail 4",
		.slices = 1,
		.frames = TRIAL_FEW,
	};
	struct trial t;

	(void)state;
	/* The fourth frame is not reached. */
	assert_int_equal(encoder_trial(null_ops(), &p, &t), 0);
	p.preset = "fail 3";
	assert_int_equal(encoder_trial(null_ops(), &p, &t), -EIO);
	p.preset = "";
	p.depth = 10;
	assert_int_equal(encoder_trial(null_ops(), &p, &t), -ENOTSUP);
	p.depth = 8;
	p.width = VIDEO_DIM_MAX + 2;
	assert_int_equal(encoder_trial(null_ops(), &p, &t), -ENOTSUP);
}

static unsigned slow_frames;

static int slow_probe(enum codec codec, struct enc_caps *caps)
{
	(void)codec;
	*caps = (struct enc_caps){
		.max_width = 4096, .max_height = 4096, .max_refs = 1, .max_slices = 1, .max_depth = 8};
	return 0;
}

static int slow_open(struct encoder *e)
{
	(void)e;
	return 0;
}

/* 1.1 s a picture: it works, and is of no use. */
static int slow_submit(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	struct au_slot *slot = au_slab_take(&e->slab);

	(void)pic;
	assert_non_null(slot);
	slow_frames++;
	clock_sleep_until(clock_ns() + 1100 * NS_PER_MS);
	slot->data[0] = 1;
	slot->au.len = 1;
	slot->au.first = slot->au.last = true;
	encoder_give(e, &slot->au, r, r->idr);
	return 0;
}

static void slow_close(struct encoder *e)
{
	(void)e;
}

static void one_that_is_much_too_slow_is_not_waited_for(void **state)
{
	static const struct encoder_ops slow = {
		.name = "slow",
		.size = sizeof(struct encoder),
		.probe = slow_probe,
		.open = slow_open,
		.submit = slow_submit,
		.close = slow_close,
	};
	const struct trial_params p = {.codec = CODEC_H264, .preset = "", .slices = 1, .frames = TRIAL_MANY};
	struct trial t;

	(void)state;
	assert_int_equal(encoder_trial(&slow, &p, &t), -EIO);
	assert_int_equal(slow_frames, 2);
}

static void a_stream_is_carried_with_room_to_spare(void **state)
{
	const struct trial t = {.pixels_per_s = 1280ull * 720 * 60};

	(void)state;
	assert_false(trial_carries(&t, 1280, 720, 60));
	assert_true(trial_carries(&t, 1280, 720, 40));
	assert_false(trial_carries(&t, 1280, 720, 43));
	assert_false(trial_carries(&t, 65535, 65535, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_encoder_that_runs_gets_a_speed),
		cmocka_unit_test(what_does_not_open_or_fails_is_said),
		cmocka_unit_test(a_trial_is_made_at_the_size_that_is_asked_for),
		cmocka_unit_test(one_that_is_much_too_slow_is_not_waited_for),
		cmocka_unit_test(a_stream_is_carried_with_room_to_spare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
