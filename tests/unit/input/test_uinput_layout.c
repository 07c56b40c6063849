// SPDX-License-Identifier: GPL-3.0-or-later
/* What udev and libinput ask of a device before they take it for what it is, and the write that all devices share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "uinput_declared.h"

static bool declares(enum uinput_device d, uint16_t type, uint16_t code, int32_t value)
{
	const struct kernel_input_event e = {.type = type, .code = code, .value = value};

	return uinput_declared(d, &e);
}

static void names_and_parts_tell_devices_apart(void **state)
{
	(void)state;
	for (unsigned a = 0; a < UINPUT_DEVICES; a++) {
		assert_true(strlen(uinput_layouts[a].name) < UINPUT_MAX_NAME_SIZE);
		for (unsigned b = 0; b < a; b++) {
			assert_string_not_equal(uinput_layouts[a].name, uinput_layouts[b].name);
			assert_string_not_equal(uinput_layouts[a].part, uinput_layouts[b].part);
		}
	}
}

static void keyboard_is_whole_enough_to_be_one(void **state)
{
	(void)state;
	for (uint16_t code = KEY_ESC; code <= KEY_S; code++)
		assert_true(declares(UINPUT_KEYBOARD, EV_KEY, code, 1));
	assert_false(declares(UINPUT_KEYBOARD, EV_KEY, BTN_LEFT, 1));
	assert_false(declares(UINPUT_KEYBOARD, EV_KEY, KEY_RESERVED, 1));
}

static void mice_are_mice(void **state)
{
	(void)state;
	assert_true(declares(UINPUT_MOUSE, EV_REL, REL_X, -1));
	assert_true(declares(UINPUT_MOUSE, EV_REL, REL_HWHEEL_HI_RES, 1));
	assert_true(declares(UINPUT_POINTER, EV_KEY, BTN_LEFT, 1)); /* else udev sees a touch screen or nothing */
	assert_false(declares(UINPUT_POINTER, EV_KEY, BTN_TOUCH, 1));
	assert_true(declares(UINPUT_POINTER, EV_ABS, ABS_X, 65535));
	assert_false(declares(UINPUT_POINTER, EV_ABS, ABS_X, 65536));
	assert_false(uinput_layouts[UINPUT_POINTER].direct);
}

static void surfaces_are_direct_and_have_a_size(void **state)
{
	static const enum uinput_device surfaces[] = {UINPUT_TOUCH, UINPUT_PEN};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		enum uinput_device d = surfaces[i];

		assert_true(uinput_layouts[d].direct);
		assert_true(declares(d, EV_KEY, BTN_TOUCH, 1));
		assert_true(uinput_axis_of(d, ABS_X)->resolution > 0); /* libinput refuses a tablet without */
		assert_true(uinput_axis_of(d, ABS_Y)->resolution > 0);
	}
	assert_true(declares(UINPUT_PEN, EV_KEY, BTN_STYLUS, 1));
	assert_int_equal(uinput_axis_of(UINPUT_PEN, ABS_TILT_X)->resolution, 57); /* units per radian */
	assert_int_equal(uinput_axis_of(UINPUT_TOUCH, ABS_MT_SLOT)->max, 15);
}

static void a_batch_is_one_write(void **state)
{
	struct evdev_batch b = {0}, got;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_DIRECT | O_NONBLOCK), 0); /* a packet for each write */
	evdev_add(&b, EV_KEY, KEY_A, 1);
	evdev_sync(&b);
	evdev_add(&b, EV_KEY, KEY_A, 0);
	evdev_sync(&b);
	assert_int_equal(evdev_batch_write(fds[1], &b), 0);
	assert_int_equal(read(fds[0], got.ev, sizeof(got.ev)), 4 * sizeof(b.ev[0]));
	assert_memory_equal(got.ev, b.ev, 4 * sizeof(b.ev[0]));
	assert_int_equal(read(fds[0], got.ev, sizeof(got.ev)), -1);
	close(fds[0]);
	close(fds[1]);
}

static void a_write_that_fails_says_why(void **state)
{
	struct evdev_batch b = {0};
	int fds[2], err;

	(void)state;
	evdev_add(&b, EV_KEY, KEY_A, 1);
	evdev_sync(&b);
	assert_int_equal(evdev_batch_write(-1, &b), -EBADF);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	do
		err = evdev_batch_write(fds[1], &b);
	while (!err);
	assert_true(err == -EAGAIN || err == -EIO);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_parts_tell_devices_apart),
		cmocka_unit_test(keyboard_is_whole_enough_to_be_one),
		cmocka_unit_test(mice_are_mice),
		cmocka_unit_test(surfaces_are_direct_and_have_a_size),
		cmocka_unit_test(a_batch_is_one_write),
		cmocka_unit_test(a_write_that_fails_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
