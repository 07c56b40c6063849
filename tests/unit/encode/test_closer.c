// SPDX-License-Identifier: GPL-3.0-or-later
/* Encoders whose driver does not come back from closing, until it is told to. */
#include "encode/closer.h"

#include "../cmocka_all.h"
#include "fake_registry.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "encode/choice.h"
#include "encode/engine.h"
#include "encode/trial.h"

static struct encoder_ops chip, other, soft;
static const struct encoder_ops *const list[] = {&chip, &other, &soft, NULL};
static atomic_bool hang;
static atomic_uint closed, opened;

static int open_chip(struct encoder *e)
{
	atomic_fetch_add(&opened, 1);
	return encoder_null.open(e);
}

static void close_chip(struct encoder *e)
{
	while (atomic_load(&hang))
		clock_sleep_until(clock_ns() + NS_PER_MS);
	encoder_null.close(e);
	atomic_fetch_add(&closed, 1);
}

static int setup(void **state)
{
	(void)state;
	fake_registry = list;
	chip = other = soft = encoder_null;
	chip.name = "chip";
	other.name = "other";
	soft.name = "soft";
	chip.only_by_name = other.only_by_name = soft.only_by_name = false;
	chip.hardware = other.hardware = true;
	chip.open = open_chip;
	chip.close = close_chip;
	hang = false;
	closed = opened = 0;
	encoder_choice_forget();
	return 0;
}

/* Whatever hung comes back, so that nothing is left to the next test. */
static int teardown(void **state)
{
	(void)state;
	atomic_store(&hang, false);
	while (closer_look())
		clock_sleep_until(clock_ns() + NS_PER_MS);
	assert_int_equal(closer_hung(), 0);
	return 0;
}

static void on_au(void *ctx, struct au *a)
{
	(void)ctx;
	au_release(a);
}

static const struct encoder_events events = {.au = on_au};

static struct encoder *open_one(const struct encoder_ops *ops)
{
	const struct enc_params p = {
		.video = {.codec = CODEC_H264, .width = 64, .height = 64, .fps_mhz = 60000, .depth = 8},
		.slices = 1,
		.dpb = 1,
		.kbps = 1000,
		.preset = "",
	};
	struct encoder *e;

	assert_int_equal(encoder_open(&e, ops, &p, &events, NULL), 0);
	return e;
}

static void one_that_closes_is_closed_on_return(void **state)
{
	(void)state;
	assert_int_equal(closer_close(NULL, 0), 0);
	assert_int_equal(closer_close(open_one(&chip), 60 * NS_PER_S), 0);
	assert_int_equal(atomic_load(&closed), 1);
	assert_int_equal(closer_close(open_one(&soft), 0), 0);
	assert_false(closer_look());
	assert_true(closer_finish());
}

static void one_that_hangs_is_counted_until_it_comes_back(void **state)
{
	(void)state;
	atomic_store(&hang, true);
	assert_int_equal(closer_close(open_one(&chip), 0), -ETIMEDOUT);
	assert_int_equal(closer_close(open_one(&chip), 0), -ETIMEDOUT);
	assert_true(closer_look());
	assert_true(closer_hangs(&chip, true)); /* not before its time is over */
	assert_int_equal(closer_hung(), 2);
	assert_false(closer_hangs(&other, true));
	assert_int_equal(closer_close(open_one(&soft), 0), 0); /* nobody waits for it */
	assert_int_equal(closer_close(open_one(&other), 60 * NS_PER_S), 0);
	assert_false(closer_finish());
	assert_int_equal(atomic_load(&closed), 0);
	atomic_store(&hang, false);
	while (closer_look())
		clock_sleep_until(clock_ns() + NS_PER_MS);
	assert_int_equal(closer_hung(), 0);
	assert_int_equal(atomic_load(&closed), 2);
	assert_false(closer_hangs(&chip, false));
	assert_true(closer_finish());
}

static const struct video_params video = {
	.codec = CODEC_H264,
	.width = 640,
	.height = 360,
	.fps_mhz = 60000,
	.depth = 8,
	.slices = 1,
};

/* Main's part in a stream. */
static void a_stream_ends_and_the_next_begins_while_it_hangs(void **state)
{
	static const char *const backends[] = {"auto", "chip"};
	const char *why;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct engine_params p = {.video = video, .min_slices = 1};
		struct engine g;

		setup(state);
		assert_int_equal(encoder_choose(&p.choice, backends[i], &video, "", 1), 0);
		assert_ptr_equal(p.choice.at[0].ops, &chip);
		assert_int_equal(engine_start(&g, &p, 1000, &events, NULL), 0);
		atomic_store(&hang, true);
		engine_finish(&g);
		assert_true(closer_look());
		/* The chip is not touched: its driver may hold whoever does. */
		atomic_store(&opened, 0);
		assert_int_equal(encoder_choose(&p.choice, backends[i], &video, "", 1), 0);
		assert_int_equal(closer_hung(), 1);
		encoder_choice_takes(&chip, CODEC_H264, PICTURE_NV12, &why);
		assert_int_equal(!*why, i); /* one that is named is not looked at */
		assert_string_equal(p.choice.at[0].ops->name, i ? "soft" : "other");
		assert_ptr_not_equal(encoder_choice_usual(backends[i], CODEC_H264, PICTURE_NV12, NULL), &chip);
		assert_int_equal(engine_start(&g, &p, 1000, &events, NULL), 0);
		assert_int_equal(atomic_load(&opened), 0);
		engine_finish(&g);
		teardown(state);
		assert_int_equal(encoder_choose(&p.choice, backends[i], &video, "", 1), 0);
		assert_ptr_equal(p.choice.at[0].ops, &chip);
		encoder_choice_takes(&chip, CODEC_H264, PICTURE_NV12, &why);
		assert_string_equal(why, "");
	}
}

static void one_that_hangs_is_not_opened_anew_in_place(void **state)
{
	struct engine_params p = {.video = video, .min_slices = 1};
	struct engine g;

	(void)state;
	p.choice.at[0].ops = &chip;
	p.choice.at[1].ops = &soft;
	p.choice.at[0].preset = p.choice.at[1].preset = "";
	p.choice.n = 2;
	assert_int_equal(engine_start(&g, &p, 1000, &events, NULL), 0);
	atomic_store(&hang, true);
	engine_failed(&g, -EIO, 1, 0, 1);
	assert_int_equal(engine_look(&g, 1), FAILOVER_REOPEN);
	assert_false(engine_mend(&g, 1000));
	assert_int_equal(engine_look(&g, 1), FAILOVER_NEXT);
	assert_true(engine_mend(&g, 1000));
	assert_ptr_equal(g.encoder->ops, &soft);
	assert_int_equal(atomic_load(&opened), 1);
	engine_finish(&g);
}

static void a_trial_that_does_not_close_has_failed(void **state)
{
	const struct trial_params p = {.codec = CODEC_H264, .slices = 1, .preset = "", .frames = TRIAL_FEW};
	struct trial t;

	(void)state;
	atomic_store(&hang, true);
	assert_int_equal(encoder_trial(&chip, &p, &t), -ETIMEDOUT);
	assert_int_equal(closer_hung(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_closes_is_closed_on_return, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_hangs_is_counted_until_it_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_ends_and_the_next_begins_while_it_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_hangs_is_not_opened_anew_in_place, setup, teardown),
		cmocka_unit_test_setup_teardown(a_trial_that_does_not_close_has_failed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
