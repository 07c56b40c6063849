// SPDX-License-Identifier: GPL-3.0-or-later
/* The XML scanner: finds what clients find, and sees what stricter parsers trip over. */
#include "probe/xml.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "probe/judge.h"

#define DECL "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
#define ROOT DECL "<root status_code=\"200\">"

static void documents_and_their_faults(void **state)
{
	static const struct {
		const char *text;
		int rc, status;
		bool faulty;
	} cases[] = {
		{ROOT "<a>1</a></root>", 0, 200, false},
		{ROOT "<a>1</a></root>\n", 0, 200, false},
		{ROOT "<a/><b></b></root>", 0, 200, false},
		{DECL "<root status_code=\"401\" query=\"/x\" status_message=\"no\"/>", 0, 401, false},
		{DECL "<root status_code=\"400\"/>", 0, 400, true},
		{DECL "<root status_message=\"no\" status_code=\"401\"/>", 0, 401, true},
		{"<root status_code=\"200\"/>", 0, 200, true},
		{ROOT "<a>x &amp; &#x20ac; &lt;</a></root>", 0, 200, false},
		{ROOT "<a>x & y</a></root>", 0, 200, true},
		{ROOT "<a>&unknown;</a></root>", 0, 200, true},
		{ROOT "\n<App><ID>1</ID></App></root>", 0, 200, true},
		{ROOT "<App> <ID>1</ID></App></root>", 0, 200, true},
		{DECL "<!DOCTYPE root><root status_code=\"200\"/>", 0, 200, true},
		{ROOT "<a>\xff</a></root>", 0, 200, true},
		{ROOT "<a>1</b></root>", -EPROTO, 200, true},
		{ROOT "<a>1</a>", -EPROTO, 200, true},
		{DECL "<rot status_code=\"200\"/>", -EPROTO, 0, true},
		{DECL "<root/>", -EPROTO, 0, true},
		{DECL "<root status_code=\"x\"/>", -EPROTO, 0, true},
		{DECL "<root status_code=\"200\"/><root status_code=\"200\"/>", -EPROTO, 200, true},
		{DECL "", -EPROTO, 0, true},
		{DECL "<root status_code=\"200\"", -EPROTO, 0, true},
		{ROOT "<></root>", -EPROTO, 200, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct judge j;
		struct xml x;

		judge_init(&j);
		assert_int_equal(xml_parse(&x, cases[i].text, strlen(cases[i].text), &j), cases[i].rc);
		assert_int_equal(x.status, cases[i].status);
		assert_int_equal(judge_total(&j) > 0, cases[i].faulty);
		judge_finish(&j);
	}
}

static void elements_are_found_anywhere_first_match(void **state)
{
	static const char text[] = ROOT "<App><AppTitle>A &amp; B &#233;</AppTitle><ID>7</ID></App>"
					"<App><AppTitle/><ID>8</ID></App><n>-5</n></root>";
	char out[32];
	struct xml x;
	size_t at = 0;

	(void)state;
	assert_int_equal(xml_parse(&x, text, strlen(text), NULL), 0);
	assert_true(xml_get(&x, "AppTitle", NULL, out, sizeof(out)));
	assert_string_equal(out, "A & B é");
	assert_true(xml_get(&x, "ID", &at, out, sizeof(out)));
	assert_string_equal(out, "7");
	assert_true(xml_get(&x, "ID", &at, out, sizeof(out)));
	assert_string_equal(out, "8");
	assert_false(xml_get(&x, "ID", &at, out, sizeof(out)));
	at = 60;
	assert_true(xml_get(&x, "AppTitle", &at, out, sizeof(out)));
	assert_int_equal(xml_get_number(&x, "n", 0), -5);
	assert_int_equal(xml_get_number(&x, "none", 3), 3);
	assert_int_equal(xml_count(&x, "App"), 2);
	assert_false(xml_get(&x, "AppTitle", NULL, out, 3)); /* does not fit */
}

static void the_message_of_a_refusal_is_kept(void **state)
{
	static const char text[] =
		DECL "<root status_code=\"400\" status_message=\"a &lt;b&gt;\"><gamesession>0</gamesession></root>";
	struct xml x;

	(void)state;
	assert_int_equal(xml_parse(&x, text, strlen(text), NULL), 0);
	assert_string_equal(x.message, "a <b>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_and_their_faults),
		cmocka_unit_test(elements_are_found_anywhere_first_match),
		cmocka_unit_test(the_message_of_a_refusal_is_kept),
	};

	return cmocka_run_group_tests_name("probe_xml", tests, NULL, NULL);
}
