// SPDX-License-Identifier: GPL-3.0-or-later
#include <linux/input-event-codes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "input/keymap.h"

static void m58_the_table_of_the_protocol(void **state)
{
	static const struct {
		uint8_t vk;
		uint16_t evdev;
	} rows[] = {
		{0x08, 14},  {0x09, 15},  {0x0c, 0x163}, {0x0d, 28},  {0x10, 42},  {0x11, 29},  {0x12, 56},
		{0x13, 119}, {0x14, 58},  {0x1b, 1},     {0x20, 57},  {0x21, 104}, {0x22, 109}, {0x23, 107},
		{0x24, 102}, {0x25, 105}, {0x26, 103},   {0x27, 106}, {0x28, 108}, {0x2c, 99},  {0x2d, 110},
		{0x2e, 111}, {0x5b, 125}, {0x5c, 126},   {0x5d, 127}, {0x6a, 55},  {0x6b, 78},  {0x6c, 121},
		{0x6d, 74},  {0x6e, 83},  {0x6f, 98},    {0x90, 69},  {0x91, 70},  {0xa0, 42},  {0xa1, 54},
		{0xa2, 29},  {0xa3, 97},  {0xa4, 56},    {0xa5, 100}, {0xba, 39},  {0xbb, 13},  {0xbc, 51},
		{0xbd, 12},  {0xbe, 52},  {0xbf, 53},    {0xc0, 41},  {0xdb, 26},  {0xdc, 43},  {0xdd, 27},
		{0xde, 40},  {0x41, 30},  {0x5a, 44},    {0x30, 11},  {0x39, 10},  {0x60, 82},  {0x69, 73},
		{0x70, 59},  {0x79, 68},  {0x7a, 87},    {0x7b, 88},  {0x7c, 183}, {0x87, 194},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(evdev_key(rows[i].vk, false), rows[i].evdev);
}

static void letters_digits_and_function_keys_are_all_there(void **state)
{
	static const char qwerty[] = "QWERTYUIOP";

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(evdev_key((uint8_t)qwerty[i], false), KEY_Q + i);
	for (unsigned vk = '1'; vk <= '9'; vk++)
		assert_int_equal(evdev_key((uint8_t)vk, false), KEY_1 + vk - '1');
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(evdev_key((uint8_t)(0x7c + i), false), KEY_F13 + i);
	for (unsigned a = 'A'; a <= 'Z'; a++)
		for (unsigned b = 'A'; b < a; b++)
			assert_int_not_equal(evdev_key((uint8_t)a, false), evdev_key((uint8_t)b, false));
}

static void m59_the_flag_tells_jis_keys_from_iso_keys(void **state)
{
	(void)state;
	assert_int_equal(evdev_key(0xe2, false), KEY_102ND);
	assert_int_equal(evdev_key(0xe2, true), KEY_RO);
	assert_int_equal(evdev_key(0xdc, false), KEY_BACKSLASH);
	assert_int_equal(evdev_key(0xdc, true), KEY_YEN);
	assert_int_equal(evdev_key(0x41, true), KEY_A);
}

static void unknown_codes_are_no_key(void **state)
{
	(void)state;
	assert_int_equal(evdev_key(0x07, false), 0);
	assert_int_equal(evdev_key(0xff, true), 0);
	assert_int_equal(evdev_mouse_button(0), 0);
	assert_int_equal(evdev_mouse_button(4), BTN_SIDE);
	assert_int_equal(evdev_mouse_button(5), BTN_EXTRA);
	assert_int_equal(evdev_mouse_button(6), 0);
}

static void m66_stick_up_is_negative_for_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(evdev_stick_y(32767), -32767);
	assert_int_equal(evdev_stick_y(-32768), 32767);
	assert_int_equal(evdev_stick_y(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m58_the_table_of_the_protocol),
		cmocka_unit_test(letters_digits_and_function_keys_are_all_there),
		cmocka_unit_test(m59_the_flag_tells_jis_keys_from_iso_keys),
		cmocka_unit_test(unknown_codes_are_no_key),
		cmocka_unit_test(m66_stick_up_is_negative_for_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
