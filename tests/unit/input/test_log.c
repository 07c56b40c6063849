// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "packets.h"

static const struct {
	uint32_t magic;
	const char *body, *line; /* NULL: no line */
} script[] = {
	{0x0000000d, "0100", "{\"event\":\"haptics\"}"},
	{0x00000003, "004180000000",
	 "{\"event\":\"key\",\"vk\":65,\"evdev\":30,\"down\":true,\"raw\":false,\"modifiers\":0}"},
	{0x00000003, "004180000000", NULL},
	{0x00000017, "c3a9", "{\"event\":\"text\",\"text\":\"\u00e9\",\"code_point\":233}"},
	{0x00000017, "22", "{\"event\":\"text\",\"text\":\"\\\"\",\"code_point\":34}"},
	{0x00000007, "80007fff", "{\"event\":\"mouse_rel\",\"dx\":-32768,\"dy\":32767}"},
	{0x00000005, "04ff0000000004ff02cf", "{\"event\":\"mouse_abs\",\"x\":1.0,\"y\":0.0}"},
	{0x00000008, "04", "{\"event\":\"mouse_button\",\"button\":4,\"evdev\":275,\"down\":true}"},
	{0x0000000a, "003c003c0000", "{\"event\":\"scroll\",\"axis\":\"vertical\",\"amount\":60,\"notches\":0}"},
	{0x0000000a, "003c003c0000", "{\"event\":\"scroll\",\"axis\":\"vertical\",\"amount\":60,\"notches\":1}"},
	{0x55000001, "ff88", "{\"event\":\"scroll\",\"axis\":\"horizontal\",\"amount\":-120,\"notches\":-1}"},
	{0x55000004, "0002ff01ffffffff",
	 "{\"event\":\"pad_arrival\",\"pad\":0,\"kind\":2,\"caps\":511,\"buttons\":4294967295}"},
	{0x0000000c,
	 "1a0000000100140001000aff0000ff7f0000"
	 "00809c0001005500",
	 "{\"event\":\"pad_state\",\"pad\":0,\"buttons\":65537,\"lt\":10,\"rt\":255,\"lx\":0,\"ly\":32767,"
	 "\"rx\":0,\"ry\":-32768,\"abs_y\":-32767,\"abs_ry\":32767}"},
	{0x55000005, "00010001020000000000003f0000003f0000003f",
	 "{\"event\":\"pad_touch\",\"pad\":0,\"touchpad\":1,\"action\":\"down\",\"id\":2,\"x\":0.5,\"y\":0.5,"
	 "\"pressure\":0.5}"},
	{0x55000006, "000200000000003f000000bf0000003f",
	 "{\"event\":\"pad_motion\",\"pad\":0,\"sensor\":\"gyro\",\"x\":0.5,\"y\":-0.5,\"z\":0.5}"},
	{0x55000007, "00025500", "{\"event\":\"pad_battery\",\"pad\":0,\"state\":2,\"percent\":85}"},
	{0x55000002, "01005a00010000000000003f0000003f0000003f0000003f0000003f",
	 "{\"event\":\"touch\",\"action\":\"down\",\"id\":1,\"x\":0.5,\"y\":0.5,\"pressure\":0.5,\"major\":0.5,"
	 "\"minor\":0.5,\"rotation\":90}"},
	{0x55000003, "010101000000003f0000003f0000003f5a001e000000003f0000003f",
	 "{\"event\":\"pen\",\"action\":\"down\",\"id\":0,\"x\":0.5,\"y\":0.5,\"pressure\":0.5,\"major\":0.5,"
	 "\"minor\":0.5,\"rotation\":90,\"tilt\":30,\"tool\":1,\"buttons\":1}"},
	/* the release of what is held, by closing */
	{0, NULL, "{\"event\":\"key\",\"vk\":65,\"evdev\":30,\"down\":false,\"raw\":false,\"modifiers\":0}"},
	{0, NULL, "{\"event\":\"mouse_button\",\"button\":4,\"evdev\":275,\"down\":false}"},
	{0, NULL,
	 "{\"event\":\"touch\",\"action\":\"cancel\",\"id\":1,\"x\":0.5,\"y\":0.5,\"pressure\":0.0,\"major\":0.0,"
	 "\"minor\":0.0,\"rotation\":65535}"},
	{0, NULL,
	 "{\"event\":\"pen\",\"action\":\"cancel\",\"id\":0,\"x\":0.5,\"y\":0.5,\"pressure\":0.0,\"major\":0.0,"
	 "\"minor\":0.0,\"rotation\":65535,\"tilt\":255,\"tool\":0,\"buttons\":0}"},
	{0, NULL,
	 "{\"event\":\"pad_touch\",\"pad\":0,\"touchpad\":1,\"action\":\"cancel\",\"id\":2,\"x\":0.5,\"y\":0.5,"
	 "\"pressure\":0.0}"},
	{0, NULL,
	 "{\"event\":\"pad_state\",\"pad\":0,\"buttons\":0,\"lt\":0,\"rt\":0,\"lx\":0,\"ly\":0,\"rx\":0,\"ry\":0,"
	 "\"abs_y\":0,\"abs_ry\":0}"},
};

static void m60_the_log_shows_each_event_and_the_release_on_close(void **state)
{
	char path[] = "/tmp/input-log-XXXXXX", line[1024];
	struct input *in;
	FILE *f;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(input_open(&in, &(struct input_params){.backend = "log", .log_file = path}), 0);
	for (size_t i = 0; i < ARRAY_LEN(script); i++) {
		struct input_event e;

		if (!script[i].body)
			continue;
		assert_int_equal(packet_parse(&e, script[i].magic, script[i].body), 0);
		input_event(in, &e);
	}
	input_close(in);
	f = fdopen(fd, "r");
	assert_non_null(f);
	for (size_t i = 0; i < ARRAY_LEN(script); i++) {
		json_t *j;

		if (!script[i].line)
			continue;
		assert_non_null(fgets(line, sizeof(line), f));
		line[strcspn(line, "\n")] = 0;
		assert_string_equal(line, script[i].line);
		j = json_loads(line, 0, NULL);
		assert_non_null(j);
		json_decref(j);
	}
	assert_null(fgets(line, sizeof(line), f));
	fclose(f);
	unlink(path);
}

/* The log's lines of pads until now, and no others. */
static void expect_lines(int fd, const char *want)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, want);
}

static void pads_wait_for_a_client_as_long_as_is_said(void **state)
{
	static const char arrival[] =
		"{\"event\":\"pad_arrival\",\"pad\":0,\"kind\":2,\"caps\":511,\"buttons\":4294967295}\n";
	char path[] = "/tmp/input-log-XXXXXX";
	struct input_event e;
	struct input *in;
	struct pollfd p = {.events = POLLIN};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(packet_parse(&e, 0x55000004, "0002ff01ffffffff"), 0);
	assert_int_equal(input_open(&in, &(struct input_params){.backend = "log", .log_file = path}), 0);
	p.fd = input_fd(in);
	input_event(in, &e);
	expect_lines(fd, arrival);
	assert_int_equal(input_await_pads(in, 0), 0);
	/* back, and named in time */
	input_release_all(in);
	assert_int_equal(input_await_pads(in, 1), 0);
	input_event(in, &e);
	expect_lines(fd, arrival);
	assert_int_equal(poll(&p, 1, -1), 1);
	input_dispatch(in);
	assert_int_equal(poll(&p, 1, 0), 0); /* once */
	expect_lines(fd, "");
	/* called off */
	input_release_all(in);
	assert_int_equal(input_await_pads(in, 1), 0);
	assert_int_equal(poll(&p, 1, -1), 1);
	assert_int_equal(input_await_pads(in, 0), 0);
	input_dispatch(in);
	assert_int_equal(poll(&p, 1, 0), 0);
	expect_lines(fd, "");
	/* never named */
	assert_int_equal(input_await_pads(in, 1), 0);
	assert_int_equal(poll(&p, 1, -1), 1);
	input_dispatch(in);
	expect_lines(fd, "{\"event\":\"pad_gone\",\"pad\":0}\n");
	input_close(in);
	expect_lines(fd, "");
	close(fd);
	unlink(path);
}

static void lines_are_there_at_once_and_are_appended(void **state)
{
	char path[] = "/tmp/input-log-XXXXXX", line[256];
	struct input_event e;
	struct input *in;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(packet_parse(&e, 7, "00010001"), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(input_open(&in, &(struct input_params){.backend = "log", .log_file = path}), 0);
		input_event(in, &e);
		assert_true(read(fd, line, sizeof(line)) > 0);
		input_close(in);
	}
	assert_int_equal(read(fd, line, sizeof(line)), 0);
	close(fd);
	unlink(path);
}

/* Standard error is a pipe here that keeps writes apart. */
static void an_event_is_one_write_to_standard_error(void **state)
{
	int own = dup(STDERR_FILENO), pipe_fd[2];
	unsigned lines = 0, want = 0;
	char text[4096];
	struct input *in;
	ssize_t n;

	(void)state;
	assert_true(own >= 0);
	assert_int_equal(pipe2(pipe_fd, O_DIRECT | O_CLOEXEC), 0);
	/* Each takes a page there, and a pipe has 16 at first. */
	assert_true(fcntl(pipe_fd[1], F_SETPIPE_SZ, 64 * sysconf(_SC_PAGESIZE)) > 0);
	assert_int_equal(input_open(&in, &(struct input_params){.backend = "log"}), 0);
	assert_true(dup2(pipe_fd[1], STDERR_FILENO) >= 0);
	for (size_t i = 0; i < ARRAY_LEN(script); i++) {
		struct input_event e;

		want += script[i].line != NULL;
		if (script[i].body && packet_parse(&e, script[i].magic, script[i].body) == 0)
			input_event(in, &e);
	}
	input_close(in);
	assert_true(dup2(own, STDERR_FILENO) >= 0);
	close(own);
	close(pipe_fd[1]);
	while ((n = read(pipe_fd[0], text, sizeof(text))) > 0) {
		assert_int_equal(text[0], '{');
		assert_ptr_equal(memchr(text, '\n', (size_t)n), text + n - 1);
		lines++;
	}
	assert_int_equal(n, 0);
	assert_int_equal(lines, want);
	close(pipe_fd[0]);
}

static void back_ends_are_found_by_name(void **state)
{
	struct input *in;

	(void)state;
	assert_int_equal(input_open(&in, &(struct input_params){.backend = "nonsense"}), -ENOTSUP);
	assert_null(in);
	assert_int_equal(input_open(&in, &(struct input_params){.backend = "log", .log_file = "/nonexistent/dir/file"}),
			 -ENOENT);
	assert_null(in);
	assert_int_equal(input_open(&in, &(struct input_params){.backend = "null"}), 0);
	for (unsigned c = 0; c < INPUT_CLASSES; c++)
		assert_string_equal(input_shown(in, (enum input_class)c), "null");
	input_close(in);
	input_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m60_the_log_shows_each_event_and_the_release_on_close),
		cmocka_unit_test(pads_wait_for_a_client_as_long_as_is_said),
		cmocka_unit_test(lines_are_there_at_once_and_are_appended),
		cmocka_unit_test(an_event_is_one_write_to_standard_error),
		cmocka_unit_test(back_ends_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
