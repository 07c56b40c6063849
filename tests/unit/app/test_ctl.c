// SPDX-License-Identifier: GPL-3.0-or-later
/* The control socket with commands of the test's own; the client side runs in a thread because it blocks. */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "commands.h"
#include "ctl.h"

static unsigned n_run;

static int run_echo(struct daemon_ctx *d, int argc, const char *const *argv, bool json, struct buf *out)
{
	(void)d;
	n_run++;
	for (int i = 0; i < argc; i++)
		buf_fmt(out, "%s%s", i ? " " : "", argv[i]);
	buf_str(out, json ? " json" : "");
	return 7;
}

static int run_big(struct daemon_ctx *d, int argc, const char *const *argv, bool json, struct buf *out)
{
	(void)d;
	(void)argc;
	(void)argv;
	(void)json;
	n_run++;
	/* each becomes six characters of JSON */
	for (unsigned i = 0; i < CTL_ANSWER_MAX / 4; i++)
		buf_str(out, "\x01");
	return 0;
}

static int run_binary(struct daemon_ctx *d, int argc, const char *const *argv, bool json, struct buf *out)
{
	(void)d;
	(void)argc;
	(void)argv;
	(void)json;
	n_run++;
	buf_str(out, "\xff\xfe");
	return 0;
}

static const struct command table[] = {
	{"echo", "A [B]", "", 1, 2, run_echo},
	{"big", "", "", 0, 0, run_big},
	{"binary", "", "", 0, 0, run_binary},
};

const struct command *command_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static struct loop *loop;
static struct ctl *ctl;

static int setup(void **state)
{
	(void)state;
	scratch_make();
	n_run = 0;
	loop = loop_create();
	return ctl_create(&ctl, loop, in_scratch("sock"), NULL);
}

static int teardown(void **state)
{
	(void)state;
	ctl_destroy(ctl);
	ctl = NULL;
	loop_destroy(loop);
	scratch_remove();
	return 0;
}

static void steps(unsigned n)
{
	while (n--)
		assert_int_equal(loop_step(loop, 1), 0);
}

static int dial(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", in_scratch("sock"));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* What the server says until it closes, "" when it says nothing; it must close. */
static const char *ask(const char *request, size_t len)
{
	static char text[4096];
	size_t got = 0;
	int fd = dial();

	(void)!send(fd, request, len, MSG_NOSIGNAL);
	for (;;) {
		ssize_t n = recv(fd, text + got, sizeof(text) - 1 - got, 0);

		if (n > 0)
			got += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			steps(1);
		else
			break;
	}
	close(fd);
	text[got] = 0;
	return text;
}

static void requests_are_parsed_strictly(void **state)
{
	static const struct {
		const char *text;
		int err;
	} row[] = {
		{"{\"command\": \"pair\", \"args\": [\"1234\", \"n\"], \"json\": true}", 0},
		{"{\"command\": \"status\"}\n", 0},
		{"{\"command\": \"a\", \"args\": [\"1\",\"2\",\"3\",\"4\"]}", 0},
		{"{\"command\": \"a\", \"args\": [\"1\",\"2\",\"3\",\"4\",\"5\"]}", -EBADMSG},
		{"{\"command\": \"a\", \"args\": [1]}", -EBADMSG},
		{"{\"command\": \"a\", \"args\": {}}", -EBADMSG},
		{"{\"command\": 5}", -EBADMSG},
		{"{\"command\": \"a\", \"command\": \"b\"}", -EBADMSG},
		{"{\"command\": \"a\\u0000b\"}", -EBADMSG},
		{"{\"command\": \"a\"} x", -EBADMSG},
		{"[]", -EBADMSG},
		{"", -EBADMSG},
		{"\xff", -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct ctl_request r;

		assert_int_equal(ctl_request_parse(&r, row[i].text, strlen(row[i].text)), row[i].err);
		ctl_request_finish(&r);
	}
}

static void commands_run_once_and_answer(void **state)
{
	static const char good[] = "{\"command\":\"echo\",\"args\":[\"a\",\"b\"],\"json\":true}\n";
	static const char few[] = "{\"command\":\"echo\"}\n", none[] = "{\"command\":\"x\"}\n";

	(void)state;
	assert_string_equal(ask(good, sizeof(good) - 1), "{\"exit\":7,\"output\":\"a b json\"}\n");
	assert_int_equal(n_run, 1);
	assert_non_null(strstr(ask(few, sizeof(few) - 1), "usage: moonrill echo A [B]"));
	assert_non_null(strstr(ask(none, sizeof(none) - 1), "\"exit\":2"));
	assert_non_null(strstr(ask("garbage\n", 8), "malformed"));
	assert_non_null(strstr(ask("\0\0\n", 3), "malformed"));
	assert_int_equal(n_run, 1);
}

/* An answer that cannot be packed is an answer too, and the command does not run again. */
static void answers_that_do_not_fit(void **state)
{
	static const char big[] = "{\"command\":\"big\"}\n", binary[] = "{\"command\":\"binary\"}\n";

	(void)state;
	assert_non_null(strstr(ask(big, sizeof(big) - 1), "\"exit\":1"));
	assert_non_null(strstr(ask(binary, sizeof(binary) - 1), "\"exit\":1"));
	assert_int_equal(n_run, 2);
}

static void requests_without_an_end_are_cut(void **state)
{
	static char big[CTL_REQUEST_MAX + 10];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_string_equal(ask(big, sizeof(big)), "");
}

static void slow_clients_delay_nobody_and_the_ninth_is_turned_away(void **state)
{
	static const char good[] = "{\"command\":\"echo\",\"args\":[\"a\"]}\n";
	int fd[8];

	(void)state;
	for (unsigned i = 0; i < 7; i++)
		fd[i] = dial();
	steps(10);
	assert_non_null(strstr(ask(good, sizeof(good) - 1), "\"a\""));
	fd[7] = dial();
	steps(3);
	assert_string_equal(ask("", 0), "");
	for (unsigned i = 0; i < 8; i++) {
		char c;

		assert_int_equal(recv(fd[i], &c, 1, 0), -1); /* still there */
		close(fd[i]);
	}
	steps(10);
	assert_non_null(strstr(ask(good, sizeof(good) - 1), "\"a\""));
}

static void only_the_user_may_open_it(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat(in_scratch("sock"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_second_daemon_is_told(void **state)
{
	struct ctl *other;

	(void)state;
	assert_int_equal(ctl_create(&other, loop, in_scratch("sock"), NULL), -EADDRINUSE);
}

/* A socket file without its daemon. */
static void make_stale(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", in_scratch(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	close(fd);
}

static void stale_sockets_are_replaced_and_nothing_else_is(void **state)
{
	struct ctl *other;
	struct stat st;

	(void)state;
	make_stale("stale");
	assert_int_equal(ctl_create(&other, loop, in_scratch("stale"), NULL), 0);
	ctl_destroy(other);
	assert_int_equal(lstat(in_scratch("stale"), &st), -1);

	put_file("precious", "data");
	assert_int_equal(ctl_create(&other, loop, in_scratch("precious"), NULL), -EEXIST);
	assert_string_equal(get_file("precious"), "data");

	make_stale("target");
	assert_int_equal(symlink(in_scratch("target"), in_scratch("link")), 0);
	assert_int_equal(ctl_create(&other, loop, in_scratch("link"), NULL), -EEXIST);
	assert_int_equal(lstat(in_scratch("link"), &st), 0);
	assert_int_equal(lstat(in_scratch("target"), &st), 0);

	assert_int_equal(ctl_create(&other, loop, in_scratch("no/such/folder"), NULL), -ENOENT);
}

static void anothers_socket_is_left_when_we_end(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(rename(in_scratch("sock"), in_scratch("kept")), 0);
	make_stale("sock");
	ctl_destroy(ctl);
	ctl = NULL;
	assert_int_equal(lstat(in_scratch("sock"), &st), 0);
}

static atomic_int call_rc;
static char call_path[PATH_MAX], call_text[256];

static void *call_thread(void *arg)
{
	char *argv[] = {(char *)"x y", (char *)"\"\\"};
	struct buf out;
	int rc;

	(void)arg;
	buf_init(&out, CTL_ANSWER_MAX);
	rc = ctl_call(call_path, "echo", 2, argv, false, &out);
	snprintf(call_text, sizeof(call_text), "%s", buf_cstr(&out));
	buf_finish(&out);
	atomic_store(&call_rc, rc);
	return NULL;
}

static void client_and_server_agree(void **state)
{
	pthread_t t;
	struct buf out;

	(void)state;
	atomic_store(&call_rc, -1000);
	snprintf(call_path, sizeof(call_path), "%s", in_scratch("sock"));
	assert_int_equal(pthread_create(&t, NULL, call_thread, NULL), 0);
	while (atomic_load(&call_rc) == -1000)
		steps(1);
	pthread_join(t, NULL);
	assert_int_equal(atomic_load(&call_rc), 7);
	assert_string_equal(call_text, "x y \"\\");
	buf_init(&out, CTL_ANSWER_MAX);
	assert_int_equal(ctl_call(in_scratch("nobody"), "echo", 0, NULL, false, &out), -ENOENT);
	buf_finish(&out);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_parsed_strictly),
		CASE(commands_run_once_and_answer),
		CASE(answers_that_do_not_fit),
		CASE(requests_without_an_end_are_cut),
		CASE(slow_clients_delay_nobody_and_the_ninth_is_turned_away),
		CASE(only_the_user_may_open_it),
		CASE(a_second_daemon_is_told),
		CASE(stale_sockets_are_replaced_and_nothing_else_is),
		CASE(anothers_socket_is_left_when_we_end),
		CASE(client_and_server_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
