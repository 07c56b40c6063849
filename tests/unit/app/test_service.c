// SPDX-License-Identifier: GPL-3.0-or-later
/* What the service manager is told, and where things live. */
#include "scratch.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "notify.h"
#include "paths.h"

static int manager = -1;

static int setup(void **state)
{
	(void)state;
	scratch_make();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_RUNTIME_DIR");
	setenv("HOME", scratch, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (manager >= 0)
		close(manager);
	manager = -1;
	scratch_remove();
	return 0;
}

/* name[0] '@': an abstract one. */
static void listen_as_manager(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(at.sun_path, name, strlen(name));
	if (*name == '@')
		at.sun_path[0] = 0;
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&at, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static const char *told(void)
{
	static char text[128];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return text;
}

static void notes_reach_both_kinds_of_socket(void **state)
{
	char name[64];

	(void)state;
	listen_as_manager(in_scratch("notify"));
	notify_send("READY=1");
	assert_string_equal(told(), "READY=1");
	close(manager);
	snprintf(name, sizeof(name), "@moonrill-test-%d", (int)getpid());
	listen_as_manager(name);
	notify_send("STOPPING=1");
	assert_string_equal(told(), "STOPPING=1");
}

static void without_a_manager_nothing_happens(void **state)
{
	char longest[300];

	(void)state;
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_send("READY=1");
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	setenv("NOTIFY_SOCKET", longest, 1);
	notify_send("READY=1");
}

/* A manager that does not read must not stop the daemon. */
static void a_full_queue_blocks_nobody(void **state)
{
	(void)state;
	listen_as_manager(in_scratch("notify"));
	for (int i = 0; i < 1000; i++)
		notify_send("STATUS=x");
	assert_string_equal(told(), "STATUS=x");
}

static void watchdog_barks_at_half_the_interval(void **state)
{
	struct loop *loop = loop_create();
	struct notify_watchdog *w;
	uint64_t begun = clock_ns();

	(void)state;
	listen_as_manager(in_scratch("notify"));
	assert_null(notify_watchdog_start(loop));
	setenv("WATCHDOG_USEC", "100000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	assert_null(notify_watchdog_start(loop));
	unsetenv("WATCHDOG_PID");
	w = notify_watchdog_start(loop);
	assert_non_null(w);
	assert_string_equal(told(), "WATCHDOG=1");
	assert_string_equal(told(), "");
	while (!*told())
		loop_step(loop, 1000);
	assert_true(clock_ns() - begun >= 50 * NS_PER_MS);
	notify_watchdog_stop(w);
	loop_destroy(loop);
}

static void watchdog_refuses_nonsense(void **state)
{
	static const char *const bad[] = {"", "0", "-5", "999", "10s", "99999999999999999999"};
	struct loop *loop = loop_create();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setenv("WATCHDOG_USEC", bad[i], 1);
		assert_null(notify_watchdog_start(loop));
	}
	loop_destroy(loop);
}

static struct paths p;

static void folders_follow_the_environment(void **state)
{
	char want[128];

	(void)state;
	assert_int_equal(paths_resolve(&p, NULL, NULL, NULL), 0);
	snprintf(want, sizeof(want), "%s/.local/state/moonrill", scratch);
	assert_string_equal(p.state, want);
	snprintf(want, sizeof(want), "%s/.local/state/moonrill/moonrill.sock", scratch);
	assert_string_equal(p.socket, want);
	setenv("XDG_STATE_HOME", "/xdg", 1);
	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	assert_int_equal(paths_resolve(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.state, "/xdg/moonrill");
	assert_string_equal(p.socket, "/run/user/1/moonrill.sock");
	setenv("STATE_DIRECTORY", "/var/lib/moonrill", 1);
	assert_int_equal(paths_resolve(&p, NULL, NULL, NULL), 0);
	assert_string_equal(p.state, "/var/lib/moonrill");
	assert_int_equal(paths_resolve(&p, "/given", "/given.sock", "/given.ini"), 0);
	assert_string_equal(p.state, "/given");
	assert_string_equal(p.socket, "/given.sock");
	assert_string_equal(p.config, "/given.ini");
	assert_string_equal(p.apps, "/given/apps.json");
}

static void apps_lie_beside_the_configuration_or_in_the_state(void **state)
{
	char ini[PATH_MAX], apps[PATH_MAX];

	(void)state;
	snprintf(ini, sizeof(ini), "%s", in_scratch("moonrill.ini"));
	snprintf(apps, sizeof(apps), "%s", in_scratch("apps.json"));
	assert_int_equal(paths_resolve(&p, "/given", NULL, ini), 0);
	assert_string_equal(p.apps, "/given/apps.json");
	put_file("apps.json", "{}");
	assert_int_equal(paths_resolve(&p, "/given", NULL, ini), 0);
	assert_string_equal(p.apps, apps);
}

static void what_is_too_long_is_refused(void **state)
{
	static char big[PATH_MAX + 10];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	assert_int_equal(paths_resolve(&p, big, NULL, NULL), -ENAMETOOLONG);
	assert_int_equal(paths_resolve(&p, NULL, big, NULL), -ENAMETOOLONG);
	assert_int_equal(paths_resolve(&p, NULL, NULL, big), -ENAMETOOLONG);
	big[PATH_MAX - 5] = 0; /* fits, but the name that comes after it does not */
	big[PATH_MAX - 7] = '/';
	assert_int_equal(paths_resolve(&p, big, NULL, NULL), -ENAMETOOLONG);
	assert_int_equal(paths_resolve(&p, "/s", NULL, big), -ENAMETOOLONG);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(notes_reach_both_kinds_of_socket),
		CASE(without_a_manager_nothing_happens),
		CASE(a_full_queue_blocks_nobody),
		CASE(watchdog_barks_at_half_the_interval),
		CASE(watchdog_refuses_nonsense),
		CASE(folders_follow_the_environment),
		CASE(apps_lie_beside_the_configuration_or_in_the_state),
		CASE(what_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
