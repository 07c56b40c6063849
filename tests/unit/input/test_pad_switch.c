// SPDX-License-Identifier: GPL-3.0-or-later
/* What the kernel's hid-nintendo reads and asks, field by field. Offsets are with the report's number. */
#include "pad_report_rig.h"

#include <math.h>
#include <stdlib.h>

#include "input/switchpro_report.h"

static struct switchpro sp;
static uint8_t reply[SWITCHPRO_REPORT_SIZE];

static int fresh(void **state)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	switchpro_init(&sp, mac);
	return 0;
}

static bool ask(const char *hex)
{
	uint8_t out[64];
	int n = hex_decode(out, sizeof(out), hex, strlen(hex));

	assert_true(n >= 0);
	return switchpro_output(&sp, out, (size_t)n, &back, 7, reply);
}

/* The 12-bit number number i of p. */
static int twelve(const uint8_t *p, unsigned i)
{
	p += i / 2 * 3;
	return i % 2 ? p[1] >> 4 | p[2] << 4 : p[0] | (p[1] & 0xf) << 8;
}

static void a_new_pad_is_at_rest(void **state)
{
	(void)state;
	assert_int_equal(sp.report[0], 0x30);
	assert_int_equal(sp.report[3] | sp.report[4] | sp.report[5], 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(twelve(sp.report + 6, i), 0x800);
	assert_int_not_equal(sp.report[12], 0); /* or the driver never repeats rumble */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(le16(sp.report + 13 + 12 * i + 4), 4096); /* 1 g upwards */
		assert_int_equal(le16(sp.report + 13 + 12 * i), 0);
	}
}

static void every_button_goes_by_its_place(void **state)
{
	static const struct button_bits t[] = {
		{0x1000, 0x000004},
		{0x2000, 0x000008},
		{0x4000, 0x000001},
		{0x8000, 0x000002},
		{0x0200, 0x000040},
		{0x0020, 0x000100},
		{0x0010, 0x000200},
		{0x0080, 0x000400},
		{0x0040, 0x000800},
		{0x0400, 0x001000},
		{0x200000, 0x002000},
		{0x0002, 0x010000},
		{0x0001, 0x020000},
		{0x0008, 0x040000},
		{0x0004, 0x080000},
		{0x0100, 0x400000},
		{0},
	}; /* of the three bytes */

	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		struct input_event e = {.type = INPUT_PAD_STATE, .state = {.buttons = 1u << bit}};

		switchpro_state(&sp, &e);
		assert_int_equal(le(sp.report + 3, 3), bits_of(t, 1u << bit));
	}
}

static void triggers_are_buttons(void **state)
{
	static const struct {
		uint8_t lt, rt, right, left;
	} t[] = {{0, 0, 0, 0}, {31, 31, 0, 0}, {32, 0, 0, 0x80}, {0, 32, 0x80, 0}, {255, 255, 0x80, 0x80}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = {.type = INPUT_PAD_STATE, .state = {.lt = t[i].lt, .rt = t[i].rt}};

		switchpro_state(&sp, &e);
		assert_int_equal(sp.report[3], t[i].right);
		assert_int_equal(sp.report[5], t[i].left);
	}
}

/* The driver turns y around: more is up here. */
static void m66_stick_up_is_more_and_its_reach_is_the_calibrations(void **state)
{
	static const struct {
		int16_t in;
		int out;
	} t[] = {{0, 0x800}, {32767, 0xfff}, {-32768, 1}, {-32767, 1}, {16384, 0xbff}};

	(void)state;
	for (unsigned axis = 0; axis < 4; axis++)
		for (size_t i = 0; i < ARRAY_LEN(t); i++) {
			struct input_event e = {.type = INPUT_PAD_STATE};

			*(int16_t *[]){&e.state.lx, &e.state.ly, &e.state.rx, &e.state.ry}[axis] = t[i].in;
			switchpro_state(&sp, &e);
			for (unsigned a = 0; a < 4; a++)
				assert_int_equal(twelve(sp.report + 6, a), a == axis ? t[i].out : 0x800);
		}
}

static void motion_is_turned_to_the_pads_axes_in_all_samples(void **state)
{
	struct input_event e = {.type = INPUT_PAD_MOTION, .motion = {.gyro = true, .x = 1, .y = 100, .z = -10}};

	(void)state;
	switchpro_motion(&sp, &e);
	e.motion.gyro = false;
	e.motion.x = 9.80665f;
	e.motion.y = -4.903325f;
	e.motion.z = 19.6133f;
	switchpro_motion(&sp, &e);
	for (unsigned i = 0; i < 3; i++) {
		const uint8_t *p = sp.report + 13 + 12 * i;

		assert_int_equal(le16(p), -8192);     /* away from the player */
		assert_int_equal(le16(p + 2), -4096); /* left */
		assert_int_equal(le16(p + 4), -2048); /* up */
		assert_int_equal(le16(p + 6), 142);
		assert_int_equal(le16(p + 8), -14);
		assert_int_equal(le16(p + 10), 1425);
	}
	e.motion.x = INFINITY;
	e.motion.y = NAN;
	e.motion.z = 1e9f;
	switchpro_motion(&sp, &e);
	assert_int_equal(le16(sp.report + 13), -32768);
	assert_int_equal(le16(sp.report + 15), -32768);
	assert_int_equal(le16(sp.report + 17), 0);
}

static void battery_in_levels_and_states(void **state)
{
	static const struct {
		uint8_t state, percent, want;
	} t[] = {{2, 0, 0x00},  {2, 10, 0x20},  {2, 25, 0x40},  {2, 50, 0x60},  {2, 100, 0x80}, {3, 50, 0x71},
		 {4, 75, 0x81}, {5, 100, 0x81}, {0, 255, 0x81}, {2, 255, 0x80}, {77, 0, 0x81}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = {.type = INPUT_PAD_BATTERY, .battery = {0, t[i].state, t[i].percent}};

		switchpro_battery(&sp, &e);
		assert_int_equal(sp.report[2], t[i].want);
	}
}

static void the_usb_handshake_is_answered(void **state)
{
	(void)state;
	assert_true(ask("8002"));
	assert_memory_equal(reply, ((uint8_t[]){0x81, 0x02, 0}), 3);
	assert_true(ask("8003"));
	assert_memory_equal(reply, ((uint8_t[]){0x81, 0x03, 0}), 3);
	assert_true(ask("8001"));
	assert_memory_equal(reply, ((uint8_t[]){0x81, 0x01, 0x00, 0x03, 0x55, 0x44, 0x33, 0x22, 0x11, 0x02}), 10);
	assert_false(ask("8004"));
	assert_false(ask("8005"));
	assert_false(ask("80"));
}

static void device_info_names_kind_and_mac(void **state)
{
	(void)state;
	assert_true(ask("0100000000000000000002"));
	assert_int_equal(reply[0], 0x21);
	assert_memory_equal(reply + 3, sp.report + 3, 9); /* buttons and sticks, as ever */
	assert_int_equal(reply[13], 0x82);
	assert_int_equal(reply[14], 0x02);
	assert_int_equal(reply[17], 0x03); /* Pro */
	assert_memory_equal(reply + 19, mac, 6);
}

static void modes_and_lights_are_acknowledged(void **state)
{
	static const char *const t[] = {"0330", "4001", "4801", "300f", "3801f0ff1111"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char hex[64] = "01050000000000000000";

		strcat(hex, t[i]);
		assert_true(ask(hex));
		assert_int_equal(reply[0], 0x21);
		assert_int_equal(reply[13], 0x80);
		assert_int_equal(reply[14], strtoul((char[]){t[i][0], t[i][1], 0}, NULL, 16));
	}
}

static const uint8_t *flash(uint16_t at, uint8_t n)
{
	char hex[64];

	hex_encode(hex, (uint8_t[]){0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, (uint8_t)at, (uint8_t)(at >> 8), 0, 0, n},
		   16);
	assert_true(ask(hex));
	assert_int_equal(reply[13], 0x90);
	assert_int_equal(reply[14], 0x10);
	assert_int_equal(reply[15] | reply[16] << 8, at);
	assert_int_equal(reply[19], n);
	return reply + 20;
}

static void calibration_of_the_sticks_spans_the_reports(void **state)
{
	const uint8_t *p = flash(0x603d, 18); /* both, one after the other */

	(void)state;
	for (unsigned axis = 0; axis < 2; axis++) {
		/* left: above, middle, below; right: middle, below, above */
		assert_int_equal(twelve(p, axis), 0x7ff);
		assert_int_equal(twelve(p + 3, axis), 0x800);
		assert_int_equal(twelve(p + 6, axis), 0x7ff);
		assert_int_equal(twelve(p + 9, axis), 0x800);
		assert_int_equal(twelve(p + 12, axis), 0x7ff);
		assert_int_equal(twelve(p + 15, axis), 0x7ff);
	}
}

static void calibration_of_the_motion_sensors(void **state)
{
	const uint8_t *p = flash(0x6020, 24);

	(void)state;
	for (unsigned axis = 0; axis < 3; axis++) {
		assert_int_equal(le16(p + 2 * axis), 0);
		assert_int_equal(le16(p + 6 + 2 * axis), 16384);
		assert_int_equal(le16(p + 12 + 2 * axis), 0);
		assert_int_equal(le16(p + 18 + 2 * axis), 13335); /* 936 deg/s at 14.247 a degree */
	}
}

static void nothing_is_calibrated_by_a_user(void **state)
{
	static const uint16_t at[] = {0x8010, 0x801b, 0x8026};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		assert_memory_equal(flash(at[i], 2), "\xff\xff", 2);
}

static void a_read_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	assert_true(ask("01000000000000000000103d6000001e"));
	assert_int_equal(reply[13], 0);
	assert_true(ask("01000000000000000000103d600000"));
	assert_int_equal(reply[13], 0);
	flash(0xffff, 0x1d);
	assert_true(ask("0100000000000000000010ffffffff1d"));
	assert_int_equal(reply[13], 0x90);
}

/* Levels as in the driver's table: 100 is all, 64 a third and a half of it. */
static void the_drivers_rumble_is_strong_left_weak_right(void **state)
{
	(void)state;
	assert_false(ask("1000"
			 "00c84072"
			 "00014040"));
	assert_int_equal(told.rumbles, 1);
	assert_int_equal(told.pad, 7);
	assert_rumble(0xffff, 0);
	assert_false(ask("1001"
			 "00c84072"
			 "00014040"));
	assert_int_equal(told.rumbles, 1);
	assert_false(ask("1002"
			 "00014040"
			 "00414050")); /* level 32: 230 of 1003 */
	assert_int_equal(told.low, 0);
	assert_in_range(told.high, 65535 * 225 / 1000, 65535 * 235 / 1000);
	assert_false(ask("1003"
			 "0001404000014040"));
	assert_rumble(0, 0);
}

static void sdls_rumble_is_one_band_for_each_motor(void **state)
{
	(void)state;
	assert_true(ask("0100"
			"00014072"
			"00014072"
			"48"
			"01")); /* with a command */
	assert_rumble(0xffff, 0);
	assert_false(ask("1000"
			 "00c84040"
			 "00c84040"));
	assert_rumble(0, 0xffff);
}

static void levels_grow_without_a_step_back(void **state)
{
	uint16_t last = 0;

	(void)state;
	for (unsigned level = 1; level < 128; level++) {
		uint8_t out[10] = {0x10, 0, 0, (uint8_t)(2 * level), 0x40, 0x40, 0, 1, 0x40, 0x40};

		assert_false(switchpro_output(&sp, out, sizeof(out), &back, 0, reply));
		assert_true(level > 100 ? told.low == 0xffff : told.low > last || level == 100);
		last = told.low;
	}
}

static void short_and_foreign_reports_do_nothing(void **state)
{
	(void)state;
	assert_false(ask(""));
	assert_false(ask("10"));
	assert_false(ask("1000ffffffffffffff"));
	assert_false(ask("01"));
	assert_false(ask("0100c8727200c87272"));
	assert_false(ask("11000000000000000000"));
	assert_int_equal(told.rumbles, 0);
}

static void the_descriptor_has_reports_of_63_bytes(void **state)
{
	unsigned bits[HID_KINDS][256], reports = 0;

	(void)state;
	hid_sizes(bits, switchpro_descriptor, switchpro_descriptor_len);
	for (unsigned id = 0; id < 256; id++)
		for (unsigned kind = HID_INPUT; kind <= HID_OUTPUT; kind++) {
			if (!bits[kind][id])
				continue;
			assert_int_equal(bits[kind][id], 63 * 8);
			assert_int_not_equal(id, 0);
			reports++;
		}
	assert_int_equal(reports, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_new_pad_is_at_rest, fresh),
		cmocka_unit_test_setup(every_button_goes_by_its_place, fresh),
		cmocka_unit_test_setup(triggers_are_buttons, fresh),
		cmocka_unit_test_setup(m66_stick_up_is_more_and_its_reach_is_the_calibrations, fresh),
		cmocka_unit_test_setup(motion_is_turned_to_the_pads_axes_in_all_samples, fresh),
		cmocka_unit_test_setup(battery_in_levels_and_states, fresh),
		cmocka_unit_test_setup(the_usb_handshake_is_answered, fresh),
		cmocka_unit_test_setup(device_info_names_kind_and_mac, fresh),
		cmocka_unit_test_setup(modes_and_lights_are_acknowledged, fresh),
		cmocka_unit_test_setup(calibration_of_the_sticks_spans_the_reports, fresh),
		cmocka_unit_test_setup(calibration_of_the_motion_sensors, fresh),
		cmocka_unit_test_setup(nothing_is_calibrated_by_a_user, fresh),
		cmocka_unit_test_setup(a_read_that_does_not_fit_is_refused, fresh),
		cmocka_unit_test_setup(the_drivers_rumble_is_strong_left_weak_right, fresh),
		cmocka_unit_test_setup(sdls_rumble_is_one_band_for_each_motor, fresh),
		cmocka_unit_test_setup(levels_grow_without_a_step_back, fresh),
		cmocka_unit_test_setup(short_and_foreign_reports_do_nothing, fresh),
		cmocka_unit_test(the_descriptor_has_reports_of_63_bytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
