// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "packets.h"

/* One well-formed packet of each kind, 2-media 6.1. */
static const struct {
	uint32_t magic;
	const char *body;
	enum input_type type;
} samples[] = {
	{0x0000000d, "0100", INPUT_HAPTICS},
	{0x00000003, "004180000000", INPUT_KEY},
	{0x00000004, "004180000000", INPUT_KEY},
	{0x00000017, "41", INPUT_TEXT},
	{0x00000007, "0001ffff", INPUT_MOUSE_REL},
	{0x00000005, "00100020000004ff02cf", INPUT_MOUSE_ABS},
	{0x00000008, "01", INPUT_MOUSE_BUTTON},
	{0x00000009, "05", INPUT_MOUSE_BUTTON},
	{0x0000000a, "007800780000", INPUT_SCROLL},
	{0x55000001, "ff88", INPUT_HSCROLL},
	{0x0000000c, "1a000000010014000000000000000000000000009c0000005500", INPUT_PAD_STATE},
	{0x55000004, "0002ff01ffffffff", INPUT_PAD_ARRIVAL},
	{0x55000005, "00010000010000000000003f0000003f0000003f", INPUT_PAD_TOUCH},
	{0x55000006, "000200000000003f0000003f0000003f", INPUT_PAD_MOTION},
	{0x55000007, "00025500", INPUT_PAD_BATTERY},
	{0x55000002, "01005a00010000000000003f0000003f0000003f0000003f0000003f", INPUT_TOUCH},
	{0x55000003, "010101000000003f0000003f0000003f5a001e000000003f0000003f", INPUT_PEN},
};

static void every_kind_is_recognised(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct input_event e;

		assert_int_equal(packet_parse(&e, samples[i].magic, samples[i].body), 0);
		assert_int_equal(e.type, samples[i].type);
	}
}

static void m57_size_field_must_match_the_payload(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		uint8_t data[PACKET_MAX + 1];
		size_t len = packet_make(data, samples[i].magic, samples[i].body);
		struct input_event e;

		for (int off = -5; off <= 5; off++) {
			put_be32(data, (uint32_t)((int)len - 4 + off));
			assert_int_equal(input_packet_parse(&e, data, len), off ? -EBADMSG : 0);
		}
		put_be32(data, UINT32_MAX);
		assert_int_equal(input_packet_parse(&e, data, len), -EBADMSG);
	}
}

static void m57_each_kind_has_one_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		uint8_t data[PACKET_MAX + 1] = {0};
		size_t len = packet_make(data, samples[i].magic, samples[i].body);
		struct input_event e;

		if (samples[i].type == INPUT_TEXT)
			continue;
		for (size_t n = 8; n <= len + 1; n++) {
			uint8_t *exact = malloc(n);

			memcpy(exact, data, n);
			put_be32(exact, (uint32_t)n - 4);
			assert_int_equal(input_packet_parse(&e, exact, n), n == len ? 0 : -EBADMSG);
			free(exact);
		}
	}
}

static void short_and_unknown_packets(void **state)
{
	uint8_t zero[8] = {0};
	struct input_event e;

	(void)state;
	for (size_t n = 0; n < sizeof(zero); n++)
		assert_int_equal(input_packet_parse(&e, zero, n), -EBADMSG);
	assert_int_equal(packet_parse(&e, 0x55000099, "0000"), -ENOTSUP);
	assert_int_equal(packet_parse(&e, 0, ""), -ENOTSUP);
}

static void m58_key_code_flags_and_modifiers(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 3, "004180030000"), 0);
	assert_true(e.key.down);
	assert_int_equal(e.key.vk, 0x41);
	assert_false(e.key.raw);
	assert_int_equal(e.key.modifiers, 3);
	assert_int_equal(packet_parse(&e, 4, "01e280ff0000"), 0);
	assert_false(e.key.down);
	assert_true(e.key.raw);
	assert_int_equal(e.key.vk, 0xe2);
	assert_int_equal(e.key.modifiers, 0x0f);
	assert_int_equal(packet_parse(&e, 3, "000080000000"), -EBADMSG);
}

static void m61_relative_motion_is_exact_big_endian(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 7, "80007fff"), 0);
	assert_int_equal(e.rel.dx, -32768);
	assert_int_equal(e.rel.dy, 32767);
	assert_int_equal(packet_parse(&e, 7, "00010002"), 0);
	assert_int_equal(e.rel.dx, 1);
	assert_int_equal(e.rel.dy, 2);
}

static void m62_absolute_position_at_the_field_is_the_edge(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 5, "04ff0000000004ff02cf"), 0);
	assert_true(e.abs.x == 1.0f);
	assert_true(e.abs.y == 0.0f);
	assert_int_equal(packet_parse(&e, 5,
				      "0280016700000500"
				      "02ce"),
			 0);
	assert_true(e.abs.x == 0.5f);
	assert_true(e.abs.y == 0.5f);
	/* outside: at the border */
	assert_int_equal(packet_parse(&e, 5, "7fffffff000004ff02cf"), 0);
	assert_true(e.abs.x == 1.0f);
	assert_true(e.abs.y == 0.0f);
	assert_int_equal(packet_parse(&e, 5, "00010001000000000001"), -EBADMSG);
	assert_int_equal(packet_parse(&e, 5, "00010001000000010000"), -EBADMSG);
	assert_int_equal(packet_parse(&e, 5, "00010001000080000001"), -EBADMSG);
}

static void buttons_1_to_5(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 8, "00"), -EBADMSG);
	assert_int_equal(packet_parse(&e, 8, "06"), -EBADMSG);
	assert_int_equal(packet_parse(&e, 8, "05"), 0);
	assert_true(e.button.down);
	assert_int_equal(packet_parse(&e, 9, "01"), 0);
	assert_false(e.button.down);
}

static void scroll_amounts_are_big_endian(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 0x0a, "003c003c0000"), 0);
	assert_int_equal(e.scroll.amount, 60);
	assert_int_equal(packet_parse(&e, 0x55000001, "ff88"), 0);
	assert_int_equal(e.scroll.amount, -120);
}

static void m64_arrival_reads_16_bit_capabilities(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 0x55000004, "0f02ff0178563412"), 0);
	assert_int_equal(e.arrival.pad, 15);
	assert_int_equal(e.arrival.kind, 2);
	assert_int_equal(e.arrival.caps, 0x1ff);
	assert_int_equal(e.arrival.buttons, 0x12345678);
	assert_int_equal(packet_parse(&e, 0x55000004, "1002ff0178563412"), -EBADMSG);
	/* a kind of the future is an unknown one */
	assert_int_equal(packet_parse(&e, 0x55000004, "0009ff0178563412"), 0);
	assert_int_equal(e.arrival.kind, 0);
}

static void pad_state_fields(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 0x0c,
				      "1a00030008001400"
				      "0110"
				      "8040"
				      "0080"
				      "ff7f"
				      "0100"
				      "ffff"
				      "9c00"
				      "2000"
				      "5500"),
			 0);
	assert_int_equal(e.state.pad, 3);
	assert_int_equal(e.state.active, 8);
	assert_int_equal(e.state.buttons, 0x00201001);
	assert_int_equal(e.state.lt, 0x80);
	assert_int_equal(e.state.rt, 0x40);
	assert_int_equal(e.state.lx, -32768);
	assert_int_equal(e.state.ly, 32767);
	assert_int_equal(e.state.rx, 1);
	assert_int_equal(e.state.ry, -1);
	assert_int_equal(packet_parse(&e, 0x0c,
				      "1a00100008001400"
				      "0110"
				      "8040"
				      "0080"
				      "ff7f"
				      "0100"
				      "ffff"
				      "9c00"
				      "2000"
				      "5500"),
			 -EBADMSG);
	assert_int_equal(packet_parse(&e, 0x0c,
				      "1a00000108001400"
				      "0110"
				      "8040"
				      "0080"
				      "ff7f"
				      "0100"
				      "ffff"
				      "9c00"
				      "2000"
				      "5500"),
			 -EBADMSG);
}

static void m67_pen_contact_without_tilt_or_pressure_stays(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 0x55000003,
				      "01010700"
				      "0000003f"
				      "0000803e"
				      "00000000"
				      "ffff"
				      "ff"
				      "00"
				      "00000000"
				      "00000000"),
			 0);
	assert_int_equal(e.pointer.event, POINTER_DOWN);
	assert_int_equal(e.pointer.tool, 1);
	assert_int_equal(e.pointer.buttons, 7);
	assert_true(e.pointer.x == 0.5f && e.pointer.y == 0.25f && e.pointer.pressure == 0.0f);
	assert_int_equal(e.pointer.rotation, 0xffff);
	assert_int_equal(e.pointer.tilt, 0xff);
	/* tilt 90 and rotation 360 are the last that mean something */
	assert_int_equal(packet_parse(&e, 0x55000003,
				      "01030000"
				      "0000003f"
				      "0000803e"
				      "00000000"
				      "6801"
				      "5a"
				      "00"
				      "00000000"
				      "00000000"),
			 0);
	assert_int_equal(e.pointer.rotation, 0);
	assert_int_equal(e.pointer.tilt, 90);
	assert_int_equal(e.pointer.tool, 0);
	assert_int_equal(packet_parse(&e, 0x55000003,
				      "01010000"
				      "0000003f"
				      "0000803e"
				      "00000000"
				      "6901"
				      "5b"
				      "00"
				      "00000000"
				      "00000000"),
			 0);
	assert_int_equal(e.pointer.rotation, 0xffff);
	assert_int_equal(e.pointer.tilt, 0xff);
}

static void m69_floats_are_clamped(void **state)
{
	static const struct {
		const char *bits;
		float unit;
	} values[] = {
		{"0000c07f", 0.0f}, /* NaN */
		{"0100807f", 0.0f}, /* signalling NaN */
		{"0000c0ff", 0.0f}, /* -NaN */
		{"0000807f", 1.0f}, /* inf */
		{"000080ff", 0.0f}, /* -inf */
		{"000080bf", 0.0f}, /* -1 */
		{"00000040", 1.0f}, /* 2 */
		{"0000003f", 0.5f},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct input_event e;
		char body[PACKET_MAX * 2];
		const char *v = values[i].bits;

		snprintf(body, sizeof(body), "0300ffff01000000%s%s%s%s%s", v, v, v, v, v);
		assert_int_equal(packet_parse(&e, 0x55000002, body), 0);
		assert_true(e.pointer.x == values[i].unit && e.pointer.y == values[i].unit);
		assert_true(e.pointer.pressure == values[i].unit && e.pointer.major == values[i].unit &&
			    e.pointer.minor == values[i].unit);

		snprintf(body, sizeof(body), "03010000%s%s%sffffff00%s%s", v, v, v, v, v);
		assert_int_equal(packet_parse(&e, 0x55000003, body), 0);
		assert_true(e.pointer.x == values[i].unit && e.pointer.minor == values[i].unit);

		snprintf(body, sizeof(body), "0003000001000000%s%s%s", v, v, v);
		assert_int_equal(packet_parse(&e, 0x55000005, body), 0);
		assert_true(e.pad_touch.x == values[i].unit && e.pad_touch.pressure == values[i].unit);

		for (unsigned kind = 1; kind <= 2; kind++) {
			snprintf(body, sizeof(body), "00%02x0000%s%s%s", kind, v, v, v);
			assert_int_equal(packet_parse(&e, 0x55000006, body), 0);
			assert_true(isfinite(e.motion.x) && fabsf(e.motion.z) <= 10000.0f);
		}
	}
}

static void motion_keeps_its_values(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 0x55000006,
				      "01010000"
				      "c3f51cc1"
				      "00007a44"
				      "0000fac4"),
			 0);
	assert_false(e.motion.gyro);
	assert_true(e.motion.x < -9.8f && e.motion.x > -9.82f);
	assert_true(e.motion.y == 1000.0f);
	assert_true(e.motion.z == -1000.0f); /* -2000 m/s^2: no such pad */
	assert_int_equal(packet_parse(&e, 0x55000006,
				      "01020000"
				      "c3f51cc1"
				      "00007a44"
				      "0000fac4"),
			 0);
	assert_true(e.motion.gyro);
	assert_true(e.motion.z == -2000.0f);
	assert_int_equal(packet_parse(&e, 0x55000006,
				      "01030000"
				      "c3f51cc1"
				      "00007a44"
				      "0000fac4"),
			 -EBADMSG);
	assert_int_equal(packet_parse(&e, 0x55000006,
				      "01000000"
				      "c3f51cc1"
				      "00007a44"
				      "0000fac4"),
			 -EBADMSG);
}

static void out_of_range_enums(void **state)
{
	struct input_event e;

	(void)state;
	assert_int_equal(packet_parse(&e, 0x55000002, "0800ffff010000000000003f0000003f000000000000000000000000"),
			 -EBADMSG);
	assert_int_equal(packet_parse(&e, 0x55000005,
				      "0008000001000000"
				      "0000003f0000003f00000000"),
			 -EBADMSG);
	assert_int_equal(packet_parse(&e, 0x55000005,
				      "0001000201000000"
				      "0000003f0000003f00000000"),
			 -EBADMSG);
	assert_int_equal(packet_parse(&e, 0x55000007, "0006ff00"), 0);
	assert_int_equal(e.battery.state, 0);
	assert_int_equal(e.battery.percent, 255);
	assert_int_equal(packet_parse(&e, 0x55000007, "00056500"), 0);
	assert_int_equal(e.battery.percent, 255);
	assert_int_equal(packet_parse(&e, 0x55000007, "00056400"), 0);
	assert_int_equal(e.battery.percent, 100);
}

static void m70_text_is_one_whole_code_point(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t code_point; /* 0: dropped */
	} texts[] = {
		{"41", 'A'},     {"c3a9", 0xe9}, {"e282ac", 0x20ac}, {"f09f9880", 0x1f600}, {"f48fbfbf", 0x10ffff},
		{"f09f98", 0},              /* truncated */
		{"c3", 0},       {"80", 0}, /* no start */
		{"4142", 0},                /* two */
		{"c3a9c3a9", 0},            /* two */
		{"c080", 0},                /* overlong */
		{"eda080", 0},              /* surrogate */
		{"f4908080", 0},            /* above the last plane */
		{"00", 0},       {"", 0},        {"f09f988041", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct input_event e;

		assert_int_equal(packet_parse(&e, 0x17, texts[i].bytes), texts[i].code_point ? 0 : -EBADMSG);
		if (!texts[i].code_point)
			continue;
		assert_int_equal(e.text.code_point, texts[i].code_point);
		assert_int_equal(strlen(e.text.utf8), strlen(texts[i].bytes) / 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_recognised),
		cmocka_unit_test(m57_size_field_must_match_the_payload),
		cmocka_unit_test(m57_each_kind_has_one_length),
		cmocka_unit_test(short_and_unknown_packets),
		cmocka_unit_test(m58_key_code_flags_and_modifiers),
		cmocka_unit_test(m61_relative_motion_is_exact_big_endian),
		cmocka_unit_test(m62_absolute_position_at_the_field_is_the_edge),
		cmocka_unit_test(buttons_1_to_5),
		cmocka_unit_test(scroll_amounts_are_big_endian),
		cmocka_unit_test(m64_arrival_reads_16_bit_capabilities),
		cmocka_unit_test(pad_state_fields),
		cmocka_unit_test(m67_pen_contact_without_tilt_or_pressure_stays),
		cmocka_unit_test(m69_floats_are_clamped),
		cmocka_unit_test(motion_keeps_its_values),
		cmocka_unit_test(out_of_range_enums),
		cmocka_unit_test(m70_text_is_one_whole_code_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
