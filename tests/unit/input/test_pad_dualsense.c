// SPDX-License-Identifier: GPL-3.0-or-later
/* What the kernel's hid-playstation reads and writes, field by field. Offsets are with the report's number. */
#include "pad_report_rig.h"

#include <math.h>

#include "input/dualsense_report.h"
#include "input/uhid.h"

static struct dualsense ds;

static int fresh(void **state)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	dualsense_init(&ds, mac);
	return 0;
}

static void a_new_pad_is_at_rest(void **state)
{
	(void)state;
	assert_int_equal(ds.report[0], 1);
	for (unsigned i = 1; i <= 4; i++)
		assert_int_equal(ds.report[i], 128);
	assert_int_equal(le(ds.report + 5, 2), 0);
	assert_int_equal(le(ds.report + 8, 4), 8);
	assert_int_equal(le16(ds.report + 16) | le16(ds.report + 18) | le16(ds.report + 20), 0);
	assert_int_equal(le16(ds.report + 22), 0);
	assert_int_equal(le16(ds.report + 24), 8192); /* 1 g upwards */
	assert_int_equal(le16(ds.report + 26), 0);
	assert_int_equal(ds.report[33], 0x80);
	assert_int_equal(ds.report[37], 0x80);
}

static void every_button_has_its_bit_and_no_other(void **state)
{
	static const struct button_bits t[] = {
		{0x1000, 0x000020},   {0x2000, 0x000040},
		{0x4000, 0x000010},   {0x8000, 0x000080},
		{0x0100, 0x000100},   {0x0200, 0x000200},
		{0x0020, 0x001000},   {0x0010, 0x002000},
		{0x0040, 0x004000},   {0x0080, 0x008000},
		{0x0400, 0x010000},   {0x100000, 0x020000},
		{0x200000, 0x040000}, {0},
	}; /* of the four bytes, hat at rest */

	(void)state;
	for (unsigned bit = 4; bit < 32; bit++) {
		struct input_event e = {.type = INPUT_PAD_STATE, .state = {.buttons = 1u << bit}};

		dualsense_state(&ds, &e);
		assert_int_equal(le(ds.report + 8, 4), bits_of(t, 1u << bit) | 8);
	}
}

static void the_cross_is_a_hat_of_eight_ways(void **state)
{
	static const uint8_t t[][2] = {{0, 8}, {1, 0},     {1 | 8, 1}, {8, 2},  {2 | 8, 3}, {2, 4},     {2 | 4, 5},
				       {4, 6}, {1 | 4, 7}, {3, 8},     {12, 8}, {15, 8},    {1 | 12, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = {.type = INPUT_PAD_STATE, .state = {.buttons = t[i][0]}};

		dualsense_state(&ds, &e);
		assert_int_equal(ds.report[8], t[i][1]);
	}
}

static void m66_stick_up_is_0_and_the_middle_128(void **state)
{
	static const struct {
		int16_t in;
		uint8_t x, y;
	} t[] = {{0, 128, 128}, {32767, 255, 0}, {-32768, 0, 255}, {256, 129, 127}, {-256, 127, 129}, {16384, 192, 64}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = {.type = INPUT_PAD_STATE};

		e.state.lx = e.state.ly = t[i].in;
		dualsense_state(&ds, &e);
		assert_memory_equal(ds.report + 1, ((uint8_t[]){t[i].x, t[i].y, 128, 128}), 4);
		e = (struct input_event){.type = INPUT_PAD_STATE};
		e.state.rx = e.state.ry = t[i].in;
		dualsense_state(&ds, &e);
		assert_memory_equal(ds.report + 1, ((uint8_t[]){128, 128, t[i].x, t[i].y}), 4);
	}
}

static void triggers_are_axes_and_buttons(void **state)
{
	struct input_event e = {.type = INPUT_PAD_STATE, .state = {.lt = 255}};

	(void)state;
	dualsense_state(&ds, &e);
	assert_int_equal(le(ds.report + 5, 2), 0x00ff);
	assert_int_equal(ds.report[9], 0x04);
	e = (struct input_event){.type = INPUT_PAD_STATE, .state = {.rt = 1}};
	dualsense_state(&ds, &e);
	assert_int_equal(le(ds.report + 5, 2), 0x0100);
	assert_int_equal(ds.report[9], 0x08);
}

static void touch(enum pointer_event event, uint32_t id, float x, float y)
{
	struct input_event e = {.type = INPUT_PAD_TOUCH, .pad_touch = {.event = event, .id = id, .x = x, .y = y}};

	dualsense_touch(&ds, &e);
}

static void assert_point(unsigned i, bool down, unsigned x, unsigned y)
{
	const uint8_t *p = ds.report + 33 + 4 * i;

	assert_int_equal(!(p[0] & 0x80), down);
	assert_int_equal(p[1] | (p[2] & 0xf) << 8, x);
	assert_int_equal(p[2] >> 4 | p[3] << 4, y);
}

static void two_contacts_each_with_its_place_and_number(void **state)
{
	uint8_t first;

	(void)state;
	touch(POINTER_DOWN, 70000, 0, 0);
	assert_point(0, true, 0, 0);
	first = ds.report[33];
	touch(POINTER_DOWN, 9, 1, 1);
	assert_point(1, true, 1919, 1079);
	assert_int_not_equal(ds.report[37], first);
	touch(POINTER_DOWN, 10, 0.5f, 0.5f); /* a third has no place */
	touch(POINTER_MOVE, 10, 0.5f, 0.5f);
	touch(POINTER_UP, 10, 0.5f, 0.5f);
	assert_point(0, true, 0, 0);
	assert_point(1, true, 1919, 1079);
	touch(POINTER_MOVE, 70000, 0.5f, 0.25f);
	assert_point(0, true, 960, 270);
	assert_int_equal(ds.report[33], first);
	touch(POINTER_UP, 70000, 0.9f, 0.9f);
	assert_point(0, false, 960, 270);
	assert_point(1, true, 1919, 1079);
	touch(POINTER_DOWN, 70000, 0.5f, 0.5f);
	assert_int_not_equal(ds.report[33], first); /* a new contact */
	touch(POINTER_CANCEL, 9, 0, 0);
	assert_point(1, false, 1919, 1079);
}

static void contact_numbers_wrap_below_the_off_bit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		touch(POINTER_DOWN, i, 0.5f, 0.5f);
		assert_true(ds.report[33] < 0x80);
		touch(POINTER_UP, i, 0.5f, 0.5f);
	}
}

static void a_place_outside_the_touchpad_is_its_edge(void **state)
{
	(void)state;
	touch(POINTER_DOWN, 1, NAN, -1.0f);
	assert_point(0, true, 0, 0);
	touch(POINTER_MOVE, 1, INFINITY, 7.0f);
	assert_point(0, true, 1919, 1079);
}

static void motion_is_in_the_units_of_the_calibration(void **state)
{
	static const struct {
		bool gyro;
		float in;
		int16_t out;
	} t[] = {
		{true, 1.0f, 16},        {true, -100.0f, -1600},    {true, 2000.0f, 32000},
		{true, 1e9f, 32767},     {true, -1e9f, -32768},     {true, NAN, 0},
		{false, 9.80665f, 8192}, {false, -9.80665f, -8192}, {false, 1000.0f, 32767},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const uint8_t *p = ds.report + (t[i].gyro ? 16 : 22);

		for (unsigned axis = 0; axis < 3; axis++) {
			struct input_event e = {.type = INPUT_PAD_MOTION, .motion = {.gyro = t[i].gyro}};

			(axis == 0 ? &e.motion.x : axis == 1 ? &e.motion.y : &e.motion.z)[0] = t[i].in;
			dualsense_motion(&ds, &e);
			for (unsigned a = 0; a < 3; a++)
				assert_int_equal(le16(p + 2 * a), a == axis ? t[i].out : 0);
		}
	}
}

/* The driver: calibrated = raw * (speed + speed) * 1024 / (plus - minus), in 1/1024 degree/s; 1/8192 g alike. */
static void the_calibration_gives_back_degrees_and_g(void **state)
{
	uint8_t c[64];

	(void)state;
	assert_int_equal(dualsense_feature(&ds, 0x05, c), 41);
	assert_int_equal(c[0], 0x05);
	assert_int_equal(le16(c + 1) | le16(c + 3) | le16(c + 5), 0);
	for (unsigned axis = 0; axis < 3; axis++) {
		int gyro = le16(c + 7 + 4 * axis) - le16(c + 9 + 4 * axis);
		int accel = le16(c + 23 + 4 * axis) - le16(c + 25 + 4 * axis);

		assert_int_equal(16 * (le16(c + 19) + le16(c + 21)) * 1024 / gyro, 1024);
		assert_int_equal(le16(c + 23 + 4 * axis) - accel / 2, 0); /* the bias */
		assert_int_equal(8192 * 2 * 8192 / accel, 8192);
	}
}

static void pairing_gives_the_mac_backwards(void **state)
{
	uint8_t p[64];

	(void)state;
	assert_int_equal(dualsense_feature(&ds, 0x09, p), 20);
	assert_memory_equal(p, ((uint8_t[]){0x09, 0x55, 0x44, 0x33, 0x22, 0x11, 0x02}), 7);
}

static void firmware_is_one_with_plain_rumble(void **state)
{
	uint8_t f[64];

	(void)state;
	assert_int_equal(dualsense_feature(&ds, 0x20, f), 64);
	assert_int_equal(f[0], 0x20);
	assert_int_not_equal(le(f + 24, 4), 0);
	assert_int_not_equal(le(f + 28, 4), 0);
	assert_true(le(f + 44, 2) >= 0x0224);
}

static void other_features_do_not_exist(void **state)
{
	uint8_t f[64];

	(void)state;
	for (unsigned i = 0; i < 256; i++)
		if (i != 0x05 && i != 0x09 && i != 0x20)
			assert_int_equal(dualsense_feature(&ds, (uint8_t)i, f), 0);
}

static void battery_in_tenths_and_states(void **state)
{
	static const struct {
		uint8_t state, percent, want;
	} t[] = {
		{2, 0, 0x00},   {2, 55, 0x05},  {2, 100, 0x0a}, {3, 55, 0x15},  {3, 255, 0x1a}, {4, 30, 0x13},
		{4, 100, 0x2a}, {5, 100, 0x2a}, {5, 255, 0x2a}, {0, 255, 0x2a}, {1, 255, 0x2a}, {99, 3, 0x2a},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = {.type = INPUT_PAD_BATTERY, .battery = {0, t[i].state, t[i].percent}};

		dualsense_battery(&ds, &e);
		assert_int_equal(ds.report[53], t[i].want);
	}
}

static void reports_are_numbered_and_dated(void **state)
{
	uint8_t first = ds.report[7];

	(void)state;
	dualsense_stamp(&ds, 3000000);
	assert_int_equal(ds.report[7], first + 1);
	assert_int_equal(le(ds.report + 28, 4), 9000); /* thirds of a microsecond */
	dualsense_stamp(&ds, UINT64_MAX / 4);
	assert_int_equal(ds.report[7], first + 2);
}

/* The parts of the descriptor that the kernel checks reports against. */
static void the_descriptor_has_the_reports_sizes(void **state)
{
	unsigned bits[HID_KINDS][256];

	(void)state;
	hid_sizes(bits, dualsense_descriptor, dualsense_descriptor_len);
	assert_int_equal(bits[HID_INPUT][0x01], 63 * 8);
	assert_int_equal(bits[HID_OUTPUT][0x02], 47 * 8);
	assert_int_equal(bits[HID_FEATURE][0x05], 40 * 8);
	assert_int_equal(bits[HID_FEATURE][0x09], 19 * 8);
	assert_int_equal(bits[HID_FEATURE][0x20], 63 * 8);
}

/* As the driver writes them, 63 bytes. */
static uint8_t out[63];

static void clear(void)
{
	memset(out, 0, sizeof(out));
	out[0] = 0x02;
}

static void send_out(void)
{
	dualsense_output(&ds, out, sizeof(out), &back, 7);
}

static void rumble_in_each_of_its_three_ways(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 3; way++) {
		clear();
		out[1 + (way == 2 ? 38 : 0)] = way == 0 ? 0x01 : way == 1 ? 0x02 : 0x04;
		out[3] = (uint8_t)(10 + way); /* right: weak */
		out[4] = 255;
		send_out();
		assert_int_equal(told.rumbles, way + 1);
		assert_int_equal(told.pad, 7);
		assert_rumble(0xffff, (10 + way) * 257);
	}
	send_out(); /* the same again */
	assert_int_equal(told.rumbles, 3);
	clear();
	send_out(); /* zeros that do not count */
	assert_int_equal(told.rumbles, 3);
	out[1] = 0x03;
	send_out();
	assert_int_equal(told.rumbles, 4);
	assert_rumble(0, 0);
}

static void the_light_goes_to_the_client_when_it_changes(void **state)
{
	(void)state;
	clear();
	memcpy(out + 45, (uint8_t[]){1, 2, 3}, 3);
	send_out();
	assert_int_equal(told.leds, 0);
	out[2] = 0x04;
	send_out();
	send_out();
	assert_int_equal(told.leds, 1);
	assert_memory_equal(told.rgb, ((uint8_t[]){1, 2, 3}), 3);
	memset(out + 45, 0, 3);
	send_out();
	assert_int_equal(told.leds, 2);
}

static void black_is_a_light_too(void **state)
{
	(void)state;
	clear();
	out[2] = 0x04;
	send_out();
	assert_int_equal(told.leds, 1);
}

static void trigger_effects_go_to_the_side_they_are_meant_for(void **state)
{
	(void)state;
	clear();
	for (unsigned i = 0; i < 11; i++) {
		out[11 + i] = (uint8_t)(0x21 + i);
		out[22 + i] = (uint8_t)(0x41 + i);
	}
	send_out();
	assert_int_equal(told.effects, 0);
	out[1] = 0x04;
	send_out();
	assert_int_equal(told.effects, 1);
	assert_true(told.effect.right);
	assert_false(told.effect.left);
	assert_int_equal(told.effect.right_type, 0x21);
	assert_memory_equal(told.effect.right_data, out + 12, 10);
	out[1] = 0x0c;
	send_out();
	assert_int_equal(told.effects, 2);
	assert_false(told.effect.right); /* as before */
	assert_true(told.effect.left);
	assert_int_equal(told.effect.left_type, 0x41);
	assert_memory_equal(told.effect.left_data, out + 23, 10);
	send_out();
	assert_int_equal(told.effects, 2);
}

static void a_client_that_comes_back_is_told_all_of_it(void **state)
{
	(void)state;
	dualsense_tell(&ds, &back, 7);
	assert_int_equal(told.rumbles + told.leds + told.effects, 0);
	clear();
	memcpy(out + 1, (uint8_t[]){0x07, 0x04, 0, 255}, 4);
	out[11] = 0x21;
	out[47] = 9;
	send_out();
	memset(&told, 0, sizeof(told));
	dualsense_tell(&ds, &back, 7);
	assert_int_equal(told.rumbles, 1);
	assert_int_equal(told.low, 0xffff);
	assert_int_equal(told.leds, 1);
	assert_int_equal(told.rgb[2], 9);
	assert_int_equal(told.effects, 1);
	assert_true(told.effect.right);
	assert_false(told.effect.left);
	assert_int_equal(told.effect.right_type, 0x21);
}

static void short_and_foreign_reports_do_nothing(void **state)
{
	(void)state;
	memset(out, 0xff, sizeof(out));
	for (size_t n = 0; n < 48; n++) {
		out[0] = 0x02;
		dualsense_output(&ds, out, n, &back, 0);
	}
	for (unsigned id = 0; id < 256; id++) {
		out[0] = (uint8_t)id;
		if (id != 0x02)
			send_out();
	}
	assert_int_equal(told.rumbles + told.leds + told.effects, 0);
	out[0] = 0x02;
	dualsense_output(&ds, out, 48, &back, 0);
	assert_int_equal(told.rumbles, 1);
}

static void the_mac_is_stable_local_and_each_pads_own(void **state)
{
	uint8_t seen[32][6];

	(void)state;
	for (uint8_t i = 0; i < 32; i++) {
		uint8_t again[6];

		uhid_mac(seen[i], i < 16 ? "alice" : "bob", i % 16);
		uhid_mac(again, i < 16 ? "alice" : "bob", i % 16);
		assert_memory_equal(seen[i], again, 6);
		assert_int_equal(seen[i][0] & 3, 2);
		for (uint8_t j = 0; j < i; j++)
			assert_memory_not_equal(seen[i], seen[j], 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_new_pad_is_at_rest, fresh),
		cmocka_unit_test_setup(every_button_has_its_bit_and_no_other, fresh),
		cmocka_unit_test_setup(the_cross_is_a_hat_of_eight_ways, fresh),
		cmocka_unit_test_setup(m66_stick_up_is_0_and_the_middle_128, fresh),
		cmocka_unit_test_setup(triggers_are_axes_and_buttons, fresh),
		cmocka_unit_test_setup(two_contacts_each_with_its_place_and_number, fresh),
		cmocka_unit_test_setup(contact_numbers_wrap_below_the_off_bit, fresh),
		cmocka_unit_test_setup(a_place_outside_the_touchpad_is_its_edge, fresh),
		cmocka_unit_test_setup(motion_is_in_the_units_of_the_calibration, fresh),
		cmocka_unit_test_setup(the_calibration_gives_back_degrees_and_g, fresh),
		cmocka_unit_test_setup(pairing_gives_the_mac_backwards, fresh),
		cmocka_unit_test_setup(firmware_is_one_with_plain_rumble, fresh),
		cmocka_unit_test_setup(other_features_do_not_exist, fresh),
		cmocka_unit_test_setup(battery_in_tenths_and_states, fresh),
		cmocka_unit_test_setup(reports_are_numbered_and_dated, fresh),
		cmocka_unit_test(the_descriptor_has_the_reports_sizes),
		cmocka_unit_test_setup(rumble_in_each_of_its_three_ways, fresh),
		cmocka_unit_test_setup(the_light_goes_to_the_client_when_it_changes, fresh),
		cmocka_unit_test_setup(black_is_a_light_too, fresh),
		cmocka_unit_test_setup(trigger_effects_go_to_the_side_they_are_meant_for, fresh),
		cmocka_unit_test_setup(a_client_that_comes_back_is_told_all_of_it, fresh),
		cmocka_unit_test_setup(short_and_foreign_reports_do_nothing, fresh),
		cmocka_unit_test(the_mac_is_stable_local_and_each_pads_own),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
