// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/clock.h"
#include "base/str.h"
#include "input/pad_ff.h"

#define T0 (1000 * NS_PER_S)

static struct pad_ff ff;

static int fresh(void **state)
{
	(void)state;
	pad_ff_init(&ff);
	return 0;
}

static struct ff_effect rumble(int16_t id, uint16_t strong, uint16_t weak, uint16_t delay, uint16_t length)
{
	return (struct ff_effect){.type = FF_RUMBLE,
				  .id = id,
				  .replay = {.delay = delay, .length = length},
				  .u.rumble = {.strong_magnitude = strong, .weak_magnitude = weak}};
}

static void upload(struct ff_effect e)
{
	assert_int_equal(pad_ff_upload(&ff, &e, T0), 0);
}

static struct pad_ff_level at(unsigned ms)
{
	return pad_ff_mix(&ff, T0 + ms * NS_PER_MS);
}

#define assert_level(ms, s, w)                                                                                         \
	do {                                                                                                           \
		struct pad_ff_level l_ = at(ms);                                                                       \
		assert_int_equal(l_.strong, (s));                                                                      \
		assert_int_equal(l_.weak, (w));                                                                        \
	} while (0)
#define assert_next(ms, next) assert_int_equal(at(ms).next_ns, T0 + (next)*NS_PER_MS)

static void an_uploaded_effect_is_silent_until_it_plays(void **state)
{
	(void)state;
	upload(rumble(3, 0x8000, 0x4000, 0, 0));
	assert_level(0, 0, 0);
	pad_ff_event(&ff, 3, 1, T0);
	assert_level(0, 0x8000, 0x4000);
	assert_int_equal(at(0).next_ns, NS_NEVER);
	assert_level(3600000, 0x8000, 0x4000); /* no length: until it is stopped */
	pad_ff_event(&ff, 3, 0, T0);
	assert_level(0, 0, 0);
}

static void an_effect_ends_after_its_length(void **state)
{
	(void)state;
	upload(rumble(0, 1000, 2000, 0, 500));
	pad_ff_event(&ff, 0, 1, T0);
	assert_next(0, 500);
	assert_level(499, 1000, 2000);
	assert_level(500, 0, 0);
	assert_int_equal(at(500).next_ns, NS_NEVER);
}

static void delay_and_count_are_kept(void **state)
{
	(void)state;
	upload(rumble(0, 1000, 0, 100, 200));
	pad_ff_event(&ff, 0, 2, T0);
	assert_level(99, 0, 0);
	assert_next(0, 100);
	assert_level(100, 1000, 0);
	assert_next(100, 300);
	assert_level(300, 0, 0); /* the delay again */
	assert_next(300, 400);
	assert_level(400, 1000, 0);
	assert_level(599, 1000, 0);
	assert_level(600, 0, 0);
	assert_int_equal(at(600).next_ns, NS_NEVER);
}

static void a_count_of_the_largest_number_plays_on(void **state)
{
	(void)state;
	upload(rumble(0, 7, 7, 0, 1));
	pad_ff_event(&ff, 0, INT32_MAX, T0);
	assert_level(1000000, 7, 7);
}

static void effects_are_summed_and_saturate(void **state)
{
	(void)state;
	upload(rumble(0, 0x9000, 0x1000, 0, 0));
	upload(rumble(15, 0x9000, 0x1000, 0, 100));
	pad_ff_event(&ff, 0, 1, T0);
	pad_ff_event(&ff, 15, 1, T0);
	assert_level(0, 0xffff, 0x2000);
	assert_next(0, 100);
	assert_level(100, 0x9000, 0x1000);
}

static void gain_scales_everything(void **state)
{
	(void)state;
	upload(rumble(0, 0xffff, 0x8000, 0, 0));
	pad_ff_event(&ff, 0, 1, T0);
	pad_ff_event(&ff, FF_GAIN, 0x8000, T0);
	assert_level(0, 0x8000, 0x4000);
	pad_ff_event(&ff, FF_GAIN, 0, T0);
	assert_level(0, 0, 0);
	pad_ff_event(&ff, FF_GAIN, -5, T0);
	assert_level(0, 0, 0);
	pad_ff_event(&ff, FF_GAIN, INT32_MAX, T0);
	assert_level(0, 0xffff, 0x8000);
}

static void a_periodic_effect_drives_both_motors(void **state)
{
	struct ff_effect e = {.type = FF_PERIODIC, .u.periodic = {.waveform = FF_SINE, .magnitude = -0x7fff}};

	(void)state;
	upload(e);
	pad_ff_event(&ff, 0, 1, T0);
	assert_level(0, 0xffff, 0xffff);
}

static void the_envelope_attacks_and_fades_in_steps(void **state)
{
	struct ff_effect e = {
		.type = FF_PERIODIC,
		.replay = {.length = 1000},
		.u.periodic = {.waveform = FF_SQUARE,
			       .magnitude = 0x7fff,
			       .envelope = {.attack_length = 200, .fade_length = 200, .fade_level = 0}},
	};

	(void)state;
	upload(e);
	pad_ff_event(&ff, 0, 1, T0);
	assert_level(0, 0, 0);
	assert_next(0, 50);
	assert_in_range(at(100).strong, 0x7ff0, 0x8000);
	assert_level(200, 0xffff, 0xffff);
	assert_next(200, 800);
	assert_in_range(at(900).weak, 0x7ff0, 0x8000);
	assert_next(980, 1000);
	assert_level(1000, 0, 0);
}

static void an_upload_of_a_playing_effect_begins_it_anew(void **state)
{
	struct ff_effect e = rumble(0, 5, 5, 0, 100);

	(void)state;
	upload(e);
	pad_ff_event(&ff, 0, 1, T0);
	assert_int_equal(pad_ff_upload(&ff, &e, T0 + 80 * NS_PER_MS), 0);
	assert_level(150, 5, 5);
	assert_level(180, 0, 0);
}

static void erase_stops_and_forgets(void **state)
{
	(void)state;
	upload(rumble(2, 5, 5, 0, 0));
	pad_ff_event(&ff, 2, 1, T0);
	pad_ff_erase(&ff, 2);
	assert_level(0, 0, 0);
	pad_ff_event(&ff, 2, 1, T0);
	assert_level(0, 0, 0);
	pad_ff_erase(&ff, 16);
	pad_ff_erase(&ff, UINT32_MAX);
}

static void foreign_slots_and_kinds_are_refused(void **state)
{
	struct ff_effect e = rumble(16, 1, 1, 0, 0);

	(void)state;
	assert_int_equal(pad_ff_upload(&ff, &e, T0), -EINVAL);
	e.id = -1;
	assert_int_equal(pad_ff_upload(&ff, &e, T0), -EINVAL);
	e.id = 0;
	e.type = FF_SPRING;
	assert_int_equal(pad_ff_upload(&ff, &e, T0), -EINVAL);
	pad_ff_event(&ff, 16, 1, T0);
	pad_ff_event(&ff, FF_AUTOCENTER, 1, T0);
	assert_level(0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_uploaded_effect_is_silent_until_it_plays, fresh),
		cmocka_unit_test_setup(an_effect_ends_after_its_length, fresh),
		cmocka_unit_test_setup(delay_and_count_are_kept, fresh),
		cmocka_unit_test_setup(a_count_of_the_largest_number_plays_on, fresh),
		cmocka_unit_test_setup(effects_are_summed_and_saturate, fresh),
		cmocka_unit_test_setup(gain_scales_everything, fresh),
		cmocka_unit_test_setup(a_periodic_effect_drives_both_motors, fresh),
		cmocka_unit_test_setup(the_envelope_attacks_and_fades_in_steps, fresh),
		cmocka_unit_test_setup(an_upload_of_a_playing_effect_begins_it_anew, fresh),
		cmocka_unit_test_setup(erase_stops_and_forgets, fresh),
		cmocka_unit_test_setup(foreign_slots_and_kinds_are_refused, fresh),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
