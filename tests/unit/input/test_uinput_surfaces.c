// SPDX-License-Identifier: GPL-3.0-or-later
/* Touch and pen: slots, frames, axes, and what is unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "uinput_host.h"

#define TOUCH 0x55000002u
#define PEN   0x55000003u

static struct input_event touch(enum pointer_event event, uint32_t id, float x, float y)
{
	return (struct input_event){
		.type = INPUT_TOUCH,
		.pointer = {.event = event, .id = id, .x = x, .y = y, .rotation = 0xffff, .tilt = 0xff},
	};
}

static struct input_event pen(enum pointer_event event, float x, float y)
{
	return (struct input_event){
		.type = INPUT_PEN,
		.pointer = {.event = event, .x = x, .y = y, .rotation = 0xffff, .tilt = 0xff, .tool = 1},
	};
}

static void one_finger_down_moves_and_lifts(void **state)
{
	struct host h = {0};
	struct input_event e = touch(POINTER_DOWN, 7, 0.0f, 1.0f);

	(void)state;
	e.pointer.pressure = 0.5f;
	e.pointer.major = 0.1f;
	e.pointer.minor = 0.05f;
	e.pointer.rotation = 30;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_TOUCH, ABS(ABS_MT_SLOT, 0), ABS(ABS_MT_TRACKING_ID, 0), ABS(ABS_MT_TOOL_TYPE, 0),
		      ABS(ABS_MT_POSITION_X, 0), ABS(ABS_MT_POSITION_Y, 65535), ABS(ABS_MT_PRESSURE, 512),
		      ABS(ABS_MT_TOUCH_MAJOR, 6554), ABS(ABS_MT_TOUCH_MINOR, 3277), ABS(ABS_MT_ORIENTATION, 30),
		      KEY(BTN_TOUCH, 1), ABS(ABS_X, 0), ABS(ABS_Y, 65535), ABS(ABS_PRESSURE, 512), SYN);
	e = touch(POINTER_MOVE, 7, 1.0f, 0.0f); /* all else unknown */
	feed_event(&h, &e);
	assert_events(&h, UINPUT_TOUCH, ABS(ABS_MT_SLOT, 0), ABS(ABS_MT_POSITION_X, 65535), ABS(ABS_MT_POSITION_Y, 0),
		      ABS(ABS_MT_PRESSURE, 512), ABS(ABS_X, 65535), ABS(ABS_Y, 0), ABS(ABS_PRESSURE, 512), SYN);
	e = touch(POINTER_UP, 7, 1.0f, 0.0f);
	feed_event(&h, &e);
	assert_events(&h, UINPUT_TOUCH, ABS(ABS_MT_SLOT, 0), ABS(ABS_MT_TRACKING_ID, -1), KEY(BTN_TOUCH, 0),
		      ABS(ABS_PRESSURE, 0), SYN);
}

static void unknown_on_down_is_full_pressure_and_no_ellipse(void **state)
{
	struct host h = {0};
	struct input_event e = touch(POINTER_DOWN, 1, 0.5f, 0.5f);

	(void)state;
	e.pointer.major = e.pointer.minor = 0.5f;
	e.pointer.rotation = 45;
	feed_event(&h, &e);
	e = touch(POINTER_UP, 1, 0.5f, 0.5f);
	feed_event(&h, &e);
	e = touch(POINTER_DOWN, 2, 0.5f, 0.5f);
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_SLOT), 0);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TRACKING_ID), 1);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_PRESSURE), TOUCH_PRESSURE_MAX);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TOUCH_MAJOR), 0);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_ORIENTATION), 0);
}

static void the_least_pressure_is_not_none(void **state)
{
	struct host h = {0};
	struct input_event e = touch(POINTER_DOWN, 1, 0.5f, 0.5f);

	(void)state;
	e.pointer.pressure = e.pointer.major = 1e-9f;
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_PRESSURE), 1);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TOUCH_MAJOR), 1);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TOUCH_MINOR), 1); /* round, when only one is known */
}

static void rotation_is_folded_into_half_a_turn(void **state)
{
	static const struct {
		uint16_t rotation;
		int32_t orientation;
	} t[] = {{0, 0}, {90, 90}, {91, -89}, {179, -1}, {180, 0}, {270, 90}, {271, -89}, {359, -1}};
	struct host h = {0};
	struct input_event e = touch(POINTER_DOWN, 1, 0.5f, 0.5f);

	(void)state;
	feed_event(&h, &e);
	e.pointer.event = POINTER_MOVE;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		e.pointer.rotation = t[i].rotation;
		feed_event(&h, &e);
		assert_int_equal(last(&h, EV_ABS, ABS_MT_ORIENTATION), t[i].orientation);
	}
}

static void one_finger_axes_follow_the_oldest(void **state)
{
	struct host h = {0};
	struct input_event a = touch(POINTER_DOWN, 10, 0.0f, 0.0f), b = touch(POINTER_DOWN, 20, 1.0f, 1.0f);

	(void)state;
	feed_event(&h, &a);
	feed_event(&h, &b);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_SLOT), 1);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_POSITION_X), 65535);
	assert_int_equal(last(&h, EV_ABS, ABS_X), 0);
	a.pointer.event = POINTER_UP;
	feed_event(&h, &a);
	assert_int_equal(last(&h, EV_KEY, BTN_TOUCH), INT32_MIN);
	assert_int_equal(last(&h, EV_ABS, ABS_X), 65535);
	a.pointer.event = POINTER_DOWN; /* takes the free slot, but is the younger now */
	feed_event(&h, &a);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_SLOT), 0);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TRACKING_ID), 2);
	assert_int_equal(last(&h, EV_ABS, ABS_X), 65535);
}

static void cancel_is_a_palm_and_then_gone(void **state)
{
	struct host h = {0};
	struct input_event e = touch(POINTER_DOWN, 1, 0.5f, 0.5f);

	(void)state;
	feed_event(&h, &e);
	e.pointer.event = POINTER_CANCEL;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_TOUCH, ABS(ABS_MT_SLOT, 0), ABS(ABS_MT_TOOL_TYPE, MT_TOOL_PALM), SYN,
		      ABS(ABS_MT_SLOT, 0), ABS(ABS_MT_TRACKING_ID, -1), KEY(BTN_TOUCH, 0), ABS(ABS_PRESSURE, 0), SYN);
	e.pointer.event = POINTER_DOWN;
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TOOL_TYPE), MT_TOOL_FINGER);
}

static void m68_cancel_all_lifts_ten_contacts(void **state)
{
	struct host h = {0};
	unsigned lifted = 0;
	struct input_event e;

	(void)state;
	for (uint32_t id = 100; id < 110; id++) {
		e = touch(POINTER_DOWN, id, 0.5f, 0.5f);
		feed_event(&h, &e);
	}
	feed(&h, TOUCH, "0700ffff000000000000000000000000000000000000000000000000");
	for (unsigned i = 0; i < h.n; i++)
		lifted += h.ev[i].code == ABS_MT_TRACKING_ID && h.ev[i].value == -1;
	assert_int_equal(lifted, 10);
	assert_int_equal(last(&h, EV_KEY, BTN_TOUCH), 0);
	for (unsigned i = 0; i < TOUCH_CONTACTS_MAX; i++)
		assert_false(h.events.touch.slot[i].down);
}

static void tracking_ids_wrap_within_their_range(void **state)
{
	struct host h = {0};
	struct input_event e = touch(POINTER_DOWN, 1, 0.5f, 0.5f);

	(void)state;
	h.events.touch.serial = UINT32_MAX;
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TRACKING_ID), TRACKING_ID_MAX);
	e = touch(POINTER_DOWN, 2, 0.0f, 0.0f);
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_ABS, ABS_MT_TRACKING_ID), 0);
	assert_int_equal(last(&h, EV_ABS, ABS_X), 32768); /* still the older one's */
}

static void a_finger_does_not_hover(void **state)
{
	struct host h = {0};
	struct input_event e = touch(POINTER_HOVER, 1, 0.5f, 0.5f);

	(void)state;
	feed_event(&h, &e);
	assert_int_equal(h.n, 0);
	e.pointer.event = POINTER_HOVER_LEAVE;
	feed_event(&h, &e);
	assert_int_equal(h.n, 0);
}

static void m67_pen_down_with_all_unknown_is_a_full_contact_without_tilt(void **state)
{
	struct host h = {0};

	(void)state;
	feed(&h, PEN, "010100000000003f0000803f00000000ffffff000000000000000000");
	assert_events(&h, UINPUT_PEN, KEY(BTN_TOOL_PEN, 1), ABS(ABS_X, 32768), ABS(ABS_Y, 65535), ABS(ABS_DISTANCE, 1),
		      SYN, ABS(ABS_X, 32768), ABS(ABS_Y, 65535), KEY(BTN_TOUCH, 1), ABS(ABS_DISTANCE, 0),
		      ABS(ABS_PRESSURE, PEN_PRESSURE_MAX), SYN);
}

static void pen_pressure_is_scaled_and_a_light_touch_stays_one(void **state)
{
	struct host h = {0};
	struct input_event e = pen(POINTER_DOWN, 0.5f, 0.5f);
	int32_t begin;

	(void)state;
	e.pointer.pressure = 0.001f;
	feed_event(&h, &e);
	begin = last(&h, EV_ABS, ABS_PRESSURE);
	assert_in_range(begin, (PEN_PRESSURE_MAX * 5 + 99) / 100, PEN_PRESSURE_MAX * 6 / 100);
	e.pointer.event = POINTER_MOVE;
	feed_event(&h, &e);
	assert_in_range(last(&h, EV_ABS, ABS_PRESSURE), PEN_PRESSURE_MAX / 100 + 1, begin - 1);
	e.pointer.pressure = 0.5f;
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_ABS, ABS_PRESSURE), 2048);
	e.pointer.pressure = 0.0f; /* unknown now */
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_ABS, ABS_PRESSURE), INT32_MIN);
	e.pointer.pressure = 1.0f;
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_ABS, ABS_PRESSURE), PEN_PRESSURE_MAX);
}

static void pen_hovers_touches_lifts_and_leaves(void **state)
{
	struct host h = {0};
	struct input_event e = pen(POINTER_HOVER, 0.0f, 1.0f);

	(void)state;
	e.pointer.pressure = 1.0f; /* far */
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_KEY, BTN_TOOL_PEN), 1);
	assert_int_equal(last(&h, EV_ABS, ABS_DISTANCE), PEN_DISTANCE_MAX);
	assert_int_equal(last(&h, EV_KEY, BTN_TOUCH), INT32_MIN);
	e.pointer.pressure = 0.0f; /* near, but no contact */
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, ABS(ABS_X, 0), ABS(ABS_Y, 65535), ABS(ABS_DISTANCE, 1), SYN);
	e.pointer.event = POINTER_DOWN;
	e.pointer.pressure = 1.0f;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, ABS(ABS_X, 0), ABS(ABS_Y, 65535), KEY(BTN_TOUCH, 1), ABS(ABS_DISTANCE, 0),
		      ABS(ABS_PRESSURE, PEN_PRESSURE_MAX), SYN);
	e.pointer.event = POINTER_UP;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, ABS(ABS_X, 0), ABS(ABS_Y, 65535), KEY(BTN_TOUCH, 0), ABS(ABS_PRESSURE, 0),
		      ABS(ABS_DISTANCE, 1), SYN);
	e.pointer.event = POINTER_HOVER_LEAVE;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, KEY(BTN_TOOL_PEN, 0), SYN);
	feed_event(&h, &e);
	assert_int_equal(h.n, 0);
}

static void leaving_while_down_lifts_first(void **state)
{
	struct host h = {0};
	struct input_event e = pen(POINTER_DOWN, 0.0f, 0.0f);

	(void)state;
	e.pointer.buttons = 5;
	feed_event(&h, &e);
	assert_int_equal(last(&h, EV_KEY, BTN_STYLUS), 1);
	assert_int_equal(last(&h, EV_KEY, BTN_STYLUS3), 1);
	e.pointer.event = POINTER_CANCEL;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, KEY(BTN_TOUCH, 0), ABS(ABS_PRESSURE, 0), ABS(ABS_DISTANCE, 1), SYN,
		      KEY(BTN_STYLUS, 0), KEY(BTN_STYLUS3, 0), KEY(BTN_TOOL_PEN, 0), SYN);
}

static void the_pen_turned_round_is_the_eraser(void **state)
{
	struct host h = {0};
	struct input_event e = pen(POINTER_DOWN, 0.0f, 0.0f);

	(void)state;
	feed_event(&h, &e);
	e.pointer.tool = 2;
	e.pointer.event = POINTER_MOVE;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, KEY(BTN_TOUCH, 0), ABS(ABS_PRESSURE, 0), ABS(ABS_DISTANCE, 1), SYN,
		      KEY(BTN_TOOL_PEN, 0), SYN, KEY(BTN_TOOL_RUBBER, 1), ABS(ABS_X, 0), ABS(ABS_Y, 0),
		      ABS(ABS_DISTANCE, 1), SYN, ABS(ABS_X, 0), ABS(ABS_Y, 0), KEY(BTN_TOUCH, 1), ABS(ABS_DISTANCE, 0),
		      ABS(ABS_PRESSURE, PEN_PRESSURE_MAX), SYN);
	e.pointer.tool = 0; /* unknown: the one that is there */
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, ABS(ABS_X, 0), ABS(ABS_Y, 0), SYN);
}

static void barrel_buttons_alone_leave_the_axes(void **state)
{
	struct host h = {0};
	struct input_event e = pen(POINTER_HOVER, 0.25f, 0.75f);

	(void)state;
	feed_event(&h, &e);
	e = pen(POINTER_BUTTON, 0.9f, 0.9f); /* a position that means nothing */
	e.pointer.buttons = 2;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, KEY(BTN_STYLUS2, 1), SYN);
	e.pointer.buttons = 3;
	feed_event(&h, &e);
	assert_events(&h, UINPUT_PEN, KEY(BTN_STYLUS, 1), SYN);
	feed_event(&h, &e);
	assert_int_equal(h.n, 0);
}

static void tilt_is_split_by_where_the_tip_points(void **state)
{
	static const struct {
		uint16_t rotation;
		uint8_t tilt;
		int32_t x, y;
	} t[] = {
		{0, 0, 0, 0},     {0, 45, 0, 45},    {90, 45, -45, 0},  {180, 45, 0, -45},
		{270, 45, 45, 0}, {0, 90, 0, 90},    {90, 90, -90, 0},  {180, 90, 0, -90},
		{270, 90, 90, 0}, {45, 90, -90, 90}, {45, 30, -22, 22}, {225, 30, 22, -22},
	};
	struct host h = {0};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		struct input_event e = pen(POINTER_HOVER, 0.5f, 0.5f);

		e.pointer.rotation = t[i].rotation;
		e.pointer.tilt = t[i].tilt;
		feed_event(&h, &e);
		assert_int_equal(last(&h, EV_ABS, ABS_TILT_X), t[i].x);
		assert_int_equal(last(&h, EV_ABS, ABS_TILT_Y), t[i].y);
		e.pointer.rotation = 0xffff; /* half of it says nothing */
		feed_event(&h, &e);
		assert_int_equal(last(&h, EV_ABS, ABS_TILT_X), INT32_MIN);
	}
}

static void m69_hostile_floats_stay_in_range(void **state)
{
	static const char *const floats[] = {"0000c07f", "0000807f", "000080ff", "000080bf", "00000040", "ffff7f7f"};
	struct host h = {0};
	char body[64];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(floats); i++) {
		const char *f = floats[i];

		for (unsigned event = 0; event < 8; event++) {
			snprintf(body, sizeof(body), "%02x00ffff01000000%s%s%s%s%s", event, f, f, f, f, f);
			feed(&h, TOUCH, body);
			snprintf(body, sizeof(body), "%02xff0700%s%s%sffffff00%s%s", event, f, f, f, f, f);
			feed(&h, PEN, body);
		}
	}
}

/* Whatever is let through by parser and state is declared: each event is checked by write_batch(). */
static void no_packet_writes_what_the_device_has_not(void **state)
{
	static const struct {
		uint32_t magic;
		uint8_t len;
	} kinds[] = {{3, 6},  {4, 6},    {5, 10},         {7, 4},      {8, 1},   {9, 1},
		     {10, 6}, {0x17, 1}, {0x55000001, 2}, {TOUCH, 28}, {PEN, 28}};
	struct host h = {0};
	uint32_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t data[PACKET_MAX];
		unsigned kind = (seed >> 8) % ARRAY_LEN(kinds);
		struct input_event e;

		put_be32(data, kinds[kind].len + 4u);
		put_le32(data + 4, kinds[kind].magic);
		for (unsigned n = 0; n < kinds[kind].len; n++) {
			seed = seed * 1664525u + 1013904223u;
			data[8 + n] = (uint8_t)(seed >> 24);
		}
		if (kinds[kind].magic >= TOUCH)
			data[8] &= 7;
		h.n = 0;
		if (input_packet_parse(&e, data, kinds[kind].len + 8u) == 0)
			input_state_apply(&h.state, &e, write_batch, &h);
	}
	h.n = 0;
	input_state_release(&h.state, write_batch, &h);
	for (unsigned i = 0; i < EVDEV_KEYS; i++)
		assert_false(uinput_key_held(&h.events, (uint16_t)i));
	assert_int_equal(h.events.pen.tool, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_finger_down_moves_and_lifts),
		cmocka_unit_test(unknown_on_down_is_full_pressure_and_no_ellipse),
		cmocka_unit_test(the_least_pressure_is_not_none),
		cmocka_unit_test(rotation_is_folded_into_half_a_turn),
		cmocka_unit_test(one_finger_axes_follow_the_oldest),
		cmocka_unit_test(cancel_is_a_palm_and_then_gone),
		cmocka_unit_test(m68_cancel_all_lifts_ten_contacts),
		cmocka_unit_test(tracking_ids_wrap_within_their_range),
		cmocka_unit_test(a_finger_does_not_hover),
		cmocka_unit_test(m67_pen_down_with_all_unknown_is_a_full_contact_without_tilt),
		cmocka_unit_test(pen_pressure_is_scaled_and_a_light_touch_stays_one),
		cmocka_unit_test(pen_hovers_touches_lifts_and_leaves),
		cmocka_unit_test(leaving_while_down_lifts_first),
		cmocka_unit_test(the_pen_turned_round_is_the_eraser),
		cmocka_unit_test(barrel_buttons_alone_leave_the_axes),
		cmocka_unit_test(tilt_is_split_by_where_the_tip_points),
		cmocka_unit_test(m69_hostile_floats_stay_in_range),
		cmocka_unit_test(no_packet_writes_what_the_device_has_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
