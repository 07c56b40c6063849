// SPDX-License-Identifier: GPL-3.0-or-later
/* Input scripts become the bytes that a stock client was recorded to send. */
#include "probe/input_script.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "probe/control.h"
#include "probe/sdp.h"

static void lines_become_the_recorded_packets(void **state)
{
	static const struct {
		const char *line, *hex;
		unsigned channel;
		bool reliable;
	} cases[] = {
		{"mouse 20 10",
		 "000000080700000000"
		 "14000a",
		 3, true},
		{"mouse -20 -10", "0000000807000000ffecfff6", 3, true},
		{"abs 640 360 1280 720",
		 "0000000e05000000028001680000"
		 "04ff02cf",
		 3, true},
		{"button 1 down", "000000050800000001", 3, true},
		{"button 1 up", "000000050900000001", 3, true},
		{"key 0x41 down",
		 "0000000a03000000"
		 "004180000000",
		 2, true},
		{"key 0x42 down 1",
		 "0000000a03000000"
		 "004280010000",
		 2, true},
		{"key 0xe2 up 0 raw",
		 "0000000a04000000"
		 "01e280000000",
		 2, true},
		{"scroll 120", "0000000a0a000000007800780000", 3, true},
		{"hscroll -120", "0000000601000055ff88", 3, true},
		{"text h", "000000051700000068", 6, true},
		{"text \xc3\xa9", "0000000617000000c3a9", 6, true},
		{"pad arrival 0 1 0xff 0xf5ff",
		 "0000000c04000055"
		 "0001ff00fff50000",
		 0x10, true},
		{"pad state 0 1 0 0 0 0 0 0 0", "0000001e0c0000001a000000010014000000000000000000000000009c0000005500",
		 0x10, true},
		{"pad state 0 1 0x1000 0 0 0 0 0 0",
		 "0000001e0c0000001a000000010014000010000000000000000000009c0000005500", 0x10, true},
		{"pad state 0 1 0 0x80 0xff 16000 -16000 -32768 32767",
		 "0000001e0c0000001a000000010014000000"
		 "80ff803e80c10080ff7f9c0000005500",
		 0x10, true},
		{"pad motion 0 2 1.5 -2.5 3.5",
		 "0000001406000055"
		 "000200000000c03f000020c000006040",
		 0x20, false},
		{"pad motion 0 2 0 0 0",
		 "0000001406000055"
		 "0002000000000000"
		 "0000000000000000",
		 0x20, true},
		{"pad battery 0 2 80",
		 "0000000807000055"
		 "00025000",
		 0x10, true},
		{"pad touch 0 1 0 0.5 0.5 1",
		 "0000001805000055"
		 "0001000000000000"
		 "0000003f0000003f0000803f",
		 0x10, true},
		{"pad touch 0 3 0 0.5 0.5 0 1",
		 "0000001805000055"
		 "0003000100000000"
		 "0000003f0000003f00000000",
		 0x10, false},
		{"touch 1 7 0.5 0.5 1 0 0 90",
		 "0000002002000055"
		 "01005a0007000000"
		 "0000003f0000003f0000803f"
		 "0000000000000000",
		 5, true},
		{"pen 3 1 2 0.5 0.5 1 0xffff 0xff 0 0",
		 "0000002003000055"
		 "03010200"
		 "0000003f0000003f0000803f"
		 "ffffff00"
		 "0000000000000000",
		 4, false},
		{"raw 0000000403000000", "0000000403000000", 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct input_script s = {0};
		unsigned line;
		char hex[600];

		assert_int_equal(input_script_parse(&s, cases[i].line, strlen(cases[i].line), &line), 0);
		assert_int_equal(s.n, 1);
		hex_encode(hex, s.event[0].body, s.event[0].len);
		assert_string_equal(hex, cases[i].hex);
		assert_int_equal(s.event[0].channel, cases[i].channel);
		assert_int_equal(s.event[0].reliable, cases[i].reliable);
		assert_int_equal(s.event[0].type, 0x0206);
		input_script_finish(&s);
	}
}

static void one_line_may_be_several_packets(void **state)
{
	static const char text[] =
		"# comment\n\n  key 65 tap\ntext h\xc3\xa9\xe2\x82\xac\nsleep 50\nsleep 70\nbutton 2 click\r\nsleep 9";
	struct input_script s = {0};
	unsigned line;

	(void)state;
	assert_int_equal(input_script_parse(&s, text, strlen(text), &line), 0);
	assert_int_equal(s.n, 8);
	assert_int_equal(s.event[2].body[8], 'h');
	assert_int_equal(s.event[4].len, 8 + 3);
	assert_int_equal(s.event[5].sleep_ms, 120);
	assert_int_equal(s.event[6].sleep_ms, 0);
	assert_int_equal(s.event[7].type, 0); /* a last pause */
	assert_int_equal(s.event[7].sleep_ms, 9);
	input_script_finish(&s);
}

static void what_needs_an_offer_says_so(void **state)
{
	static const char text[] =
		"touch 1 7 0 0 1 0 0 0\npen 1 1 0 0 0 1 0 0 0 0\npad motion 0 1 0 0 0\nhscroll 1\nmessage 0x3000 01\n";
	struct input_script s = {0};
	unsigned line;

	(void)state;
	assert_int_equal(input_script_parse(&s, text, strlen(text), &line), 0);
	assert_int_equal(s.event[0].needs, HOST_PEN_TOUCH);
	assert_int_equal(s.event[1].needs, HOST_PEN_TOUCH);
	assert_int_equal(s.event[2].needs, HOST_PAD_TOUCH);
	assert_int_equal(s.event[3].needs, 0);
	assert_int_equal(s.event[4].type, 0x3000);
	input_script_finish(&s);
}

static void mistakes_are_told_by_line(void **state)
{
	static const char *const bad[] = {
		"mouse 1", "mouse 1 2 3", "key 65", "key x down", "press 1",   "pad jump 0", "raw 0",
		"raw zz",  "sleep -1",    "text",   "text \xff",  "abs 1 2 3", "touch 1 2",  "pen 1 1 0 a 0 1 0 0 0 0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct input_script s = {0};
		char text[80] = "mouse 1 1\n";
		unsigned line;

		strcat(text, bad[i]);
		assert_int_equal(input_script_parse(&s, text, strlen(text), &line), -EINVAL);
		assert_int_equal(line, 2);
		input_script_finish(&s);
	}
}

static void the_start_is_haptics_and_a_wiggle(void **state)
{
	struct input_script s = {0};

	(void)state;
	assert_int_equal(input_script_hello(&s), 0);
	assert_int_equal(s.n, 3);
	assert_memory_equal(s.event[0].body, "\0\0\0\x06\x0d\0\0\0\x01\0", 10);
	assert_memory_equal(s.event[1].body, "\0\0\0\x08\x07\0\0\0\0\x01\0\x01", 12);
	assert_int_equal(s.event[2].sleep_ms, 10);
	input_script_finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_the_recorded_packets), cmocka_unit_test(one_line_may_be_several_packets),
		cmocka_unit_test(what_needs_an_offer_says_so),       cmocka_unit_test(mistakes_are_told_by_line),
		cmocka_unit_test(the_start_is_haptics_and_a_wiggle),
	};

	return cmocka_run_group_tests_name("probe_input", tests, NULL, NULL);
}
