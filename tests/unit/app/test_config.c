// SPDX-License-Identifier: GPL-3.0-or-later
#include "../cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/worker.h"
#include "base/fs.h"
#include "base/log.h"
#include "capture/screen.h"
#include "config.h"

static struct config c;
static struct config_error e;

static int parse(const char *text)
{
	config_defaults(&c);
	return config_parse(&c, text, strlen(text), &e);
}

static void defaults_are_the_documented_ones(void **state)
{
	(void)state;
	config_defaults(&c);
	assert_int_equal(c.net.port, 47989);
	assert_int_equal(c.video.source, SCREENS_AUTO);
	assert_int_equal(c.audio.source, AUDIO_AUTO);
	assert_int_equal(c.stream.fec_percent, 20);
	assert_string_equal(c.encode.preset, "superfast");
	assert_true(c.net.mdns);
}

static void values_of_every_type(void **state)
{
	(void)state;
	assert_int_equal(parse("; a comment\n\n[net]\nport = 50000\nmdns = no\nbind = ::1\n"
			       "[video]\nsource = pattern\n[host]\nlog_level = trace\nname = "
			       "Wohnzimmer \xc3\xa9\n"),
			 0);
	assert_int_equal(c.net.port, 50000);
	assert_false(c.net.mdns);
	assert_string_equal(c.net.bind, "::1");
	assert_int_equal(c.video.source, SCREENS_PATTERN);
	assert_int_equal(c.host.log_level, LOG_LEVEL_TRACE);
	assert_string_equal(c.host.name, "Wohnzimmer \xc3\xa9");
}

static void errors_name_line_and_neighbour(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *says;
	} row[] = {
		{"[net]\nprot = 1\n", 2, "net.port"},
		{"[nett]\nport = 1\n", 2, "net.port"},
		{"[encode]\nbackend = nvenc\n", 2, "'nvenc' is none of auto"},
		{"[net]\nport = 1\n", 2, "1029 to 65514"},
		{"[net]\n\nport = 47989x\n", 3, "not a number"},
		{"[net]\nmdns = maybe\n", 2, "neither true nor false"},
		{"[video]\nsource = x11\n", 2, "auto, pattern, pipewire, portal"},
		{"[video]\nplace = 1920x1080\n", 2, "1920x1080+1280+0"},
		{"[net]\nport\n", 2, "key = value"},
		{"[net]\n  port = 50000\n", 2, "white space"},
		{"port = 50000\n", 1, "net.port"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_int_equal(parse(row[i].text), -EINVAL);
		assert_int_equal(e.line, row[i].line);
		assert_non_null(strstr(e.text, row[i].says));
	}
}

static void long_lines_are_refused_not_cut(void **state)
{
	char text[400] = "[host]\nname = ";

	(void)state;
	memset(text + strlen(text), 'a', 300);
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(e.line, 2);
}

static void overrides_of_the_command_line(void **state)
{
	(void)state;
	config_defaults(&c);
	assert_int_equal(config_override(&c, "net.port=50021", &e), 0);
	assert_int_equal(c.net.port, 50021);
	assert_int_equal(config_override(&c, "video.node=a=b.c", &e), 0);
	assert_string_equal(c.video.node, "a=b.c");
	assert_int_equal(config_override(&c, "net.port", &e), -EINVAL);
	assert_int_equal(config_override(&c, "=", &e), -EINVAL);
	assert_int_equal(config_override(&c, "net.nothing=1", &e), -EINVAL);
}

static void dump_is_read_back(void **state)
{
	struct config again;
	struct buf a, b;

	(void)state;
	assert_int_equal(parse("[net]\nport = 50000\n[session]\npolicy = take-over\n[video]\nnode = x\n"), 0);
	buf_init(&a, CONFIG_FILE_MAX);
	buf_init(&b, CONFIG_FILE_MAX);
	config_dump(&c, &a);
	assert_false(a.err);
	config_defaults(&again);
	assert_int_equal(config_parse(&again, buf_cstr(&a), a.len, &e), 0);
	config_dump(&again, &b);
	assert_string_equal(buf_cstr(&a), buf_cstr(&b));
	assert_int_equal(again.session.policy, POLICY_TAKE_OVER);
	buf_finish(&a);
	buf_finish(&b);
}

/* data/moonrill.ini is what `moonrill config dump` says: make it anew after changing an option. */
static void the_example_file_is_the_dump_of_the_defaults(void **state)
{
	char path[512];
	struct buf dump, file;

	(void)state;
	assert_non_null(getenv("TEST_VECTORS"));
	snprintf(path, sizeof(path), "%s/../../data/moonrill.ini", getenv("TEST_VECTORS"));
	buf_init(&dump, CONFIG_FILE_MAX);
	buf_init(&file, CONFIG_FILE_MAX);
	config_defaults(&c);
	config_dump(&c, &dump);
	assert_int_equal(fs_read(path, &file), 0);
	assert_string_equal(buf_cstr(&file), buf_cstr(&dump));
	buf_finish(&dump);
	buf_finish(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_the_documented_ones),
		cmocka_unit_test(values_of_every_type),
		cmocka_unit_test(errors_name_line_and_neighbour),
		cmocka_unit_test(long_lines_are_refused_not_cut),
		cmocka_unit_test(overrides_of_the_command_line),
		cmocka_unit_test(dump_is_read_back),
		cmocka_unit_test(the_example_file_is_the_dump_of_the_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
