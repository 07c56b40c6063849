// SPDX-License-Identifier: GPL-3.0-or-later
/* From the client's packet to the kernel's events: parser, state and uinput mapping together, as the daemon has
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "uinput_host.h"

static void m58_key_a_goes_down_and_up_once(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 3, "004180000000");
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_A, 1), SYN);
	feed(&h, 3, "004180000000");
	assert_int_equal(h.n, 0);
	feed(&h, 4, "004180000000");
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_A, 0), SYN);
}

static void m59_iso_and_jis_keys(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 3, "01e280000000");
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_RO, 1), SYN);
	feed(&h, 3, "00e280000000");
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_102ND, 1), SYN);
}

static void two_codes_of_one_key_are_one_key(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 3, "004180000000");
	feed(&h, 3, "014180000000"); /* the same position, called raw */
	assert_int_equal(h.n, 0);
	feed(&h, 4, "014180000000");
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_A, 0), SYN);
	feed(&h, 4, "004180000000");
	assert_int_equal(h.n, 0);
}

static void keys_that_do_not_exist_write_nothing(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 3, "00ff80000000");
	feed(&h, 4, "00ff80000000");
	assert_int_equal(h.n, 0);
}

static void m60_all_that_is_held_is_let_go(void **state)
{
	struct host h = {0};
	unsigned down = 0;

	(void)state;
	feed(&h, 3, "004180000000");
	feed(&h, 3, "00a080000100");
	feed(&h, 8, "03");
	feed(&h, 0x55000002, "0100ffff070000000000003f0000003f0000003f0000000000000000");
	feed(&h, 0x55000003, "010101000000003f0000003f0000003fffffff000000000000000000");
	h.n = 0;
	input_state_release(&h.state, write_batch, &h);
	assert_int_equal(last(&h, EV_KEY, KEY_A), 0);
	assert_int_equal(last(&h, EV_KEY, KEY_LEFTSHIFT), 0);
	assert_int_equal(last(&h, EV_KEY, BTN_RIGHT), 0);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TRACKING_ID), -1);
	assert_int_equal(last(&h, EV_KEY, BTN_TOUCH), 0);
	assert_int_equal(last(&h, EV_KEY, BTN_STYLUS), 0);
	assert_int_equal(last(&h, EV_KEY, BTN_TOOL_PEN), 0);
	for (unsigned i = 0; i < EVDEV_KEYS; i++)
		down += uinput_key_held(&h.events, (uint16_t)i);
	assert_int_equal(down, 0);
}

static void m61_relative_motion_is_exact(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 7, "80007fff");
	assert_events(&h, UINPUT_MOUSE, REL(REL_X, -32768), REL(REL_Y, 32767), SYN);
	feed(&h, 7, "0000ffff");
	assert_events(&h, UINPUT_MOUSE, REL(REL_Y, -1), SYN);
	feed(&h, 7, "00000000");
	assert_int_equal(h.n, 0);
}

static void m62_the_field_is_the_right_edge(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 5, "077f00000000077f0437");
	assert_events(&h, UINPUT_POINTER, ABS(ABS_X, 65535), ABS(ABS_Y, 0), SYN);
	feed(&h, 5, "000004370000077f0437");
	assert_events(&h, UINPUT_POINTER, ABS(ABS_X, 0), ABS(ABS_Y, 65535), SYN);
}

static void a_position_sent_again_is_no_duplicate_for_the_kernel(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 5, "000000000000077f0437"); /* where the kernel's axes begin */
	assert_events(&h, UINPUT_POINTER, ABS(ABS_X, 1), ABS(ABS_X, 0), ABS(ABS_Y, 0), SYN);
	feed(&h, 5, "077f04370000077f0437");
	feed(&h, 5, "077f04370000077f0437");
	assert_events(&h, UINPUT_POINTER, ABS(ABS_X, 65534), ABS(ABS_X, 65535), ABS(ABS_Y, 65535), SYN);
}

static void five_buttons(void **state)
{
	static const uint16_t codes[] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA};
	struct host h = {0};

	(void)state;
	for (uint8_t i = 0; i < 5; i++) {
		struct input_event e = {.type = INPUT_MOUSE_BUTTON,
					.button = {.button = (uint8_t)(i + 1), .down = true}};
		const struct expected down[] = {KEY(codes[i], 1), SYN}, up[] = {KEY(codes[i], 0), SYN};

		feed_event(&h, &e);
		assert_wrote(&h, UINPUT_MOUSE, down, 2);
		e.button.down = false;
		feed_event(&h, &e);
		assert_wrote(&h, UINPUT_MOUSE, up, 2);
	}
}

static void m63_half_notches_are_fine_and_the_second_is_a_whole_one(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 0xa, "003c003c0000");
	assert_events(&h, UINPUT_MOUSE, REL(REL_WHEEL_HI_RES, 60), SYN);
	feed(&h, 0xa, "003c003c0000");
	assert_events(&h, UINPUT_MOUSE, REL(REL_WHEEL_HI_RES, 60), REL(REL_WHEEL, 1), SYN);
	feed(&h, 0xa, "ff10ff100000");
	assert_events(&h, UINPUT_MOUSE, REL(REL_WHEEL_HI_RES, -240), REL(REL_WHEEL, -2), SYN);
	feed(&h, 0x55000001, "0078");
	assert_events(&h, UINPUT_MOUSE, REL(REL_HWHEEL_HI_RES, 120), REL(REL_HWHEEL, 1), SYN);
	feed(&h, 0x55000001, "ffff");
	assert_events(&h, UINPUT_MOUSE, REL(REL_HWHEEL_HI_RES, -1), SYN);
	feed(&h, 0xa, "000000000000");
	assert_int_equal(h.n, 0);
}

static void m70_four_bytes_of_utf8_are_typed_by_their_number(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 0x17, "f09f9880"); /* U+1F600 */
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_LEFTCTRL, 1), KEY(KEY_LEFTSHIFT, 1), SYN, KEY(KEY_U, 1), SYN,
		      KEY(KEY_U, 0), SYN, KEY(KEY_LEFTSHIFT, 0), KEY(KEY_LEFTCTRL, 0), SYN, KEY(KEY_1, 1), SYN,
		      KEY(KEY_1, 0), SYN, KEY(KEY_F, 1), SYN, KEY(KEY_F, 0), SYN, KEY(KEY_6, 1), SYN, KEY(KEY_6, 0),
		      SYN, KEY(KEY_0, 1), SYN, KEY(KEY_0, 0), SYN, KEY(KEY_0, 1), SYN, KEY(KEY_0, 0), SYN,
		      KEY(KEY_SPACE, 1), SYN, KEY(KEY_SPACE, 0), SYN);
}

static void text_steps_around_held_keys(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, 3, "00a580000400"); /* right Alt */
	feed(&h, 3, "004180000000"); /* A, a digit of what follows */
	feed(&h, 3, "004780000000"); /* G, not one */
	feed(&h, 0x17, "0a");
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_RIGHTALT, 0), SYN, KEY(KEY_ENTER, 1), SYN, KEY(KEY_ENTER, 0), SYN,
		      KEY(KEY_RIGHTALT, 1), SYN);
	feed(&h, 0x17, "c3aa"); /* U+EA */
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_RIGHTALT, 0), KEY(KEY_A, 0), SYN, KEY(KEY_LEFTCTRL, 1),
		      KEY(KEY_LEFTSHIFT, 1), SYN, KEY(KEY_U, 1), SYN, KEY(KEY_U, 0), SYN, KEY(KEY_LEFTSHIFT, 0),
		      KEY(KEY_LEFTCTRL, 0), SYN, KEY(KEY_E, 1), SYN, KEY(KEY_E, 0), SYN, KEY(KEY_A, 1), SYN,
		      KEY(KEY_A, 0), SYN, KEY(KEY_SPACE, 1), SYN, KEY(KEY_SPACE, 0), SYN, KEY(KEY_RIGHTALT, 1), SYN);
	feed(&h, 4, "004180000000"); /* it is up already */
	assert_int_equal(h.n, 0);
	feed(&h, 4, "004780000000");
	assert_events(&h, UINPUT_KEYBOARD, KEY(KEY_G, 0), SYN);
}

static void text_with_all_keys_held_fits_a_batch(void **state)
{
	struct host h = {0};

	(void)state;
	for (unsigned vk = 1; vk < 256; vk++) {
		struct input_event e = {.type = INPUT_KEY, .key = {.vk = (uint8_t)vk, .down = true}};

		feed_event(&h, &e);
	}
	feed(&h, 0x17, "f48fbfbf");   /* U+10FFFF */
	assert_in_range(h.n, 40, 63); /* what a reader's buffer has room for */
}

static void control_characters_are_keys_or_nothing(void **state)
{
	static const struct {
		const char *utf8;
		uint16_t key;
	} t[] = {
		{"08", KEY_BACKSPACE}, {"09", KEY_TAB}, {"0a", KEY_ENTER}, {"0d", KEY_ENTER},
		{"20", KEY_SPACE},     {"1b", 0},       {"7f", 0},         {"c285", 0},
	};
	struct host h = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		const struct expected want[] = {KEY(t[i].key, 1), SYN, KEY(t[i].key, 0), SYN};

		feed(&h, 0x17, t[i].utf8);
		if (t[i].key)
			assert_wrote(&h, UINPUT_KEYBOARD, want, 4);
		else
			assert_int_equal(h.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m58_key_a_goes_down_and_up_once),
		cmocka_unit_test(m59_iso_and_jis_keys),
		cmocka_unit_test(two_codes_of_one_key_are_one_key),
		cmocka_unit_test(keys_that_do_not_exist_write_nothing),
		cmocka_unit_test(m60_all_that_is_held_is_let_go),
		cmocka_unit_test(m61_relative_motion_is_exact),
		cmocka_unit_test(m62_the_field_is_the_right_edge),
		cmocka_unit_test(a_position_sent_again_is_no_duplicate_for_the_kernel),
		cmocka_unit_test(five_buttons),
		cmocka_unit_test(m63_half_notches_are_fine_and_the_second_is_a_whole_one),
		cmocka_unit_test(m70_four_bytes_of_utf8_are_typed_by_their_number),
		cmocka_unit_test(text_steps_around_held_keys),
		cmocka_unit_test(text_with_all_keys_held_fits_a_batch),
		cmocka_unit_test(control_characters_are_keys_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
