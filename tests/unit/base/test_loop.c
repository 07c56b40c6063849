// SPDX-License-Identifier: GPL-3.0-or-later
#include "../cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/loop.h"

struct trial {
	struct loop *loop;
	struct loop_fd *a, *b;
	struct loop_timer *timer;
	int calls, other;
};

static void on_readable(void *ctx, uint32_t events)
{
	struct trial *t = ctx;

	(void)events;
	t->calls++;
	loop_fd_remove(t->a); /* its own handle and a neighbour that may be due in this very round */
	loop_fd_remove(t->b);
	loop_quit(t->loop, 7);
}

static void handles_may_die_in_a_callback(void **state)
{
	struct trial t = {.loop = loop_create()};
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	t.a = loop_fd_add(t.loop, p[0], EPOLLIN, on_readable, &t);
	t.b = loop_fd_add(t.loop, dup(p[0]), EPOLLIN, on_readable, &t);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(loop_run(t.loop), 7);
	assert_int_equal(t.calls, 1);
	loop_destroy(t.loop);
	close(p[0]);
	close(p[1]);
}

static void on_timer(void *ctx)
{
	struct trial *t = ctx;

	if (++t->calls < 3)
		loop_timer_arm_in(t->timer, NS_PER_MS);
	else
		loop_quit(t->loop, 0);
}

static void count_other(void *ctx)
{
	((struct trial *)ctx)->other++;
}

static void timers_fire_once_per_arming_and_never_early(void **state)
{
	struct trial t = {.loop = loop_create()};
	struct loop_timer *never;
	uint64_t start = clock_ns();

	(void)state;
	t.timer = loop_timer_add(t.loop, on_timer, &t);
	never = loop_timer_add(t.loop, count_other, &t);
	loop_timer_arm_in(never, NS_PER_MS);
	loop_timer_disarm(never);
	assert_false(loop_timer_armed(never));
	loop_timer_arm_in(t.timer, 2 * NS_PER_MS);
	assert_int_equal(loop_run(t.loop), 0);
	assert_true(clock_ns() - start >= 4 * NS_PER_MS);
	assert_int_equal(t.calls, 3);
	assert_int_equal(t.other, 0);
	loop_timer_remove(t.timer);
	loop_destroy(t.loop);
}

static void on_usr1(void *ctx, int signo)
{
	struct trial *t = ctx;

	assert_int_equal(signo, SIGUSR1);
	t->calls++;
	loop_quit(t->loop, 0);
}

static void signals_and_deferred_calls_arrive(void **state)
{
	struct trial t = {.loop = loop_create()};

	(void)state;
	assert_int_equal(loop_signal_add(t.loop, SIGUSR1, on_usr1, &t), 0);
	assert_int_equal(loop_defer(t.loop, count_other, &t), 0);
	raise(SIGUSR1);
	assert_int_equal(loop_run(t.loop), 0);
	assert_int_equal(t.calls, 1);
	assert_int_equal(t.other, 1);
	loop_destroy(t.loop);
}

static void files_are_replaced_whole(void **state)
{
	char dir[] = "/tmp/moonrill-fs-XXXXXX", path[64], deep[64];
	struct buf b;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(deep, sizeof(deep), "%s/a/b", dir);
	buf_init(&b, 16);
	assert_int_equal(fs_read(path, &b), -ENOENT);
	assert_int_equal(fs_write_atomic(path, "first", 5, 0600), 0);
	assert_int_equal(fs_write_atomic(path, "second", 6, 0600), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fs_read(path, &b), 0);
	assert_string_equal(buf_cstr(&b), "second");
	assert_int_equal(fs_read(path, &b), 0);
	assert_int_equal(fs_read(path, &b), -EFBIG);
	assert_int_equal(fs_write_atomic("/nonexistent/x", "", 0, 0600), -ENOENT);
	assert_int_equal(fs_mkdirs(deep, 0700), 0);
	assert_int_equal(fs_mkdirs(deep, 0700), 0);
	assert_int_equal(rmdir(deep), 0);
	snprintf(deep, sizeof(deep), "%s/a", dir);
	rmdir(deep);
	unlink(path);
	assert_int_equal(rmdir(dir), 0); /* no temporary file was left */
	buf_finish(&b);
}

static void addresses_have_one_form(void **state)
{
	union addr a, b;
	char text[ADDR_TEXT];

	(void)state;
	assert_int_equal(addr_parse(&a, "::ffff:192.0.2.7", 80), 0);
	addr_unmap(&a);
	assert_int_equal(addr_parse(&b, "192.0.2.7", 81), 0);
	assert_true(addr_same_host(&a, &b));
	assert_false(addr_equal(&a, &b));
	assert_string_equal(addr_text(&a, text), "192.0.2.7:80");
	assert_int_equal(addr_parse(&a, "[2001:db8::1]", 5), 0);
	assert_string_equal(addr_text(&a, text), "[2001:db8::1]:5");
	assert_string_equal(addr_host(&a, false, text), "2001:db8::1");
	assert_int_equal(addr_parse(&a, "host.example", 5), -EINVAL);
	assert_int_equal(addr_parse(&a, "1.2.3", 5), -EINVAL);
}

static void local_ranges(void **state)
{
	static const struct {
		const char *host;
		bool local;
	} row[] = {
		{"127.0.0.1", true},    {"10.1.2.3", true},     {"172.16.0.1", true},  {"172.31.255.255", true},
		{"172.32.0.1", false},  {"192.168.9.9", true},  {"169.254.1.1", true}, {"100.64.0.1", true},
		{"100.128.0.1", false}, {"8.8.8.8", false},     {"::1", true},         {"fd12::1", true},
		{"fe80::1", true},      {"2001:db8::1", false},
	};
	union addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		assert_int_equal(addr_parse(&a, row[i].host, 1), 0);
		assert_int_equal(addr_is_local(&a), row[i].local);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handles_may_die_in_a_callback),
		cmocka_unit_test(timers_fire_once_per_arming_and_never_early),
		cmocka_unit_test(signals_and_deferred_calls_arrive),
		cmocka_unit_test(files_are_replaced_whole),
		cmocka_unit_test(addresses_have_one_form),
		cmocka_unit_test(local_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
