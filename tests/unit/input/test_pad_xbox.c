// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "input/pad_xbox_map.h"

#define ALL 0xffffffffu

static struct kernel_input_event out[PAD_XBOX_EVENTS_MAX];
static unsigned n_out;

static void run(const struct input_event *e, uint32_t has)
{
	n_out = pad_xbox_events(out, e, has);
	assert_in_range(n_out, 1, PAD_XBOX_EVENTS_MAX);
	assert_int_equal(out[n_out - 1].type, EV_SYN);
	assert_int_equal(out[n_out - 1].code, SYN_REPORT);
}

/* -99999: no such event */
static int value(uint16_t type, uint16_t code)
{
	for (unsigned i = 0; i < n_out; i++)
		if (out[i].type == type && out[i].code == code)
			return out[i].value;
	return -99999;
}

static const struct {
	uint32_t bit;
	uint16_t code;
} keys[] = {
	{0x1000, BTN_SOUTH},
	{0x2000, BTN_EAST},
	{0x4000, 0x133}, /* BTN_X, also called BTN_NORTH: what the kernel's driver sends for X */
	{0x8000, 0x134},
	{0x0100, BTN_TL},
	{0x0200, BTN_TR},
	{0x0020, BTN_SELECT},
	{0x0010, BTN_START},
	{0x0400, BTN_MODE},
	{0x0040, BTN_THUMBL},
	{0x0080, BTN_THUMBR},
	{0x010000, BTN_TRIGGER_HAPPY5},
	{0x020000, BTN_TRIGGER_HAPPY7},
	{0x040000, BTN_TRIGGER_HAPPY6},
	{0x080000, BTN_TRIGGER_HAPPY8},
	{0x200000, KEY_RECORD},
};

static void every_button_has_its_key_and_no_other(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		struct input_event e = {.type = INPUT_PAD_STATE, .state = {.buttons = 1u << bit}};

		run(&e, ALL);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			assert_int_equal(value(EV_KEY, keys[i].code), keys[i].bit == 1u << bit);
	}
}

static void extra_buttons_are_only_there_when_the_client_has_them(void **state)
{
	struct input_event e = {.type = INPUT_PAD_STATE, .state = {.buttons = ALL}};

	(void)state;
	run(&e, 0);
	assert_int_equal(value(EV_KEY, BTN_SOUTH), 1);
	assert_int_equal(value(EV_KEY, BTN_TRIGGER_HAPPY5), -99999);
	assert_int_equal(value(EV_KEY, KEY_RECORD), -99999);
	run(&e, PAD_MISC);
	assert_int_equal(value(EV_KEY, KEY_RECORD), 1);
	assert_int_equal(value(EV_KEY, BTN_TRIGGER_HAPPY5), -99999);
}

static void m66_stick_up_is_negative(void **state)
{
	static const struct {
		int16_t in;
		int x, y;
	} t[] = {
		{0, 0, 0}, {32767, 32767, -32767}, {-32768, -32768, 32767}, {1, 1, -1}, {-12345, -12345, 12345},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = {.type = INPUT_PAD_STATE};

		e.state.lx = e.state.ly = t[i].in;
		run(&e, 0);
		assert_int_equal(value(EV_ABS, ABS_X), t[i].x);
		assert_int_equal(value(EV_ABS, ABS_Y), t[i].y);
		assert_int_equal(value(EV_ABS, ABS_RX), 0);
		assert_int_equal(value(EV_ABS, ABS_RY), 0);
		e = (struct input_event){.type = INPUT_PAD_STATE};
		e.state.rx = e.state.ry = t[i].in;
		run(&e, 0);
		assert_int_equal(value(EV_ABS, ABS_RX), t[i].x);
		assert_int_equal(value(EV_ABS, ABS_RY), t[i].y);
		assert_int_equal(value(EV_ABS, ABS_X), 0);
		assert_int_equal(value(EV_ABS, ABS_Y), 0);
	}
}

static void triggers_are_z_and_rz(void **state)
{
	struct input_event e = {.type = INPUT_PAD_STATE, .state = {.lt = 255, .rt = 1}};

	(void)state;
	run(&e, 0);
	assert_int_equal(value(EV_ABS, ABS_Z), 255);
	assert_int_equal(value(EV_ABS, ABS_RZ), 1);
}

static void the_cross_is_a_hat(void **state)
{
	static const struct {
		uint32_t buttons;
		int x, y;
	} t[] = {
		{0, 0, 0},      {1, 0, -1},     {2, 0, 1}, {4, -1, 0}, {8, 1, 0},
		{1 | 8, 1, -1}, {2 | 4, -1, 1}, {3, 0, 0}, {15, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = {.type = INPUT_PAD_STATE, .state = {.buttons = t[i].buttons}};

		run(&e, 0);
		assert_int_equal(value(EV_ABS, ABS_HAT0X), t[i].x);
		assert_int_equal(value(EV_ABS, ABS_HAT0Y), t[i].y);
	}
}

static void axes_have_the_ranges_of_the_kernel_driver(void **state)
{
	static const struct {
		uint16_t code;
		int min, max, fuzz, flat;
	} t[] = {
		{ABS_X, -32768, 32767, 16, 128},  {ABS_Y, -32768, 32767, 16, 128}, {ABS_RX, -32768, 32767, 16, 128},
		{ABS_RY, -32768, 32767, 16, 128}, {ABS_Z, 0, 255, 0, 0},           {ABS_RZ, 0, 255, 0, 0},
		{ABS_HAT0X, -1, 1, 0, 0},         {ABS_HAT0Y, -1, 1, 0, 0},
	};

	(void)state;
	assert_int_equal(pad_xbox_axis_count, ARRAY_LEN(t));
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct input_absinfo *a = &pad_xbox_axes[i].info;

		assert_int_equal(pad_xbox_axes[i].code, t[i].code);
		assert_int_equal(a->minimum, t[i].min);
		assert_int_equal(a->maximum, t[i].max);
		assert_int_equal(a->fuzz, t[i].fuzz);
		assert_int_equal(a->flat, t[i].flat);
		assert_int_equal(a->value, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_button_has_its_key_and_no_other),
		cmocka_unit_test(extra_buttons_are_only_there_when_the_client_has_them),
		cmocka_unit_test(m66_stick_up_is_negative),
		cmocka_unit_test(triggers_are_z_and_rz),
		cmocka_unit_test(the_cross_is_a_hat),
		cmocka_unit_test(axes_have_the_ranges_of_the_kernel_driver),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
