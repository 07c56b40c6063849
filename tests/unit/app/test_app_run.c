// SPDX-License-Identifier: GPL-3.0-or-later
/* Real shells on a real loop. What they did is read from a log file that every command appends to. */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>

#include "app_run.h"
#include "base/clock.h"

#define PATIENCE_NS  (20 * NS_PER_S)   /* of the test: a loaded machine is no failure */
#define KILL_WAIT_NS (200 * NS_PER_MS) /* of app_run_kill() */

static struct loop *loop;
static struct apps *list;
static struct app_run *run;
static int n_started, n_exited, n_ended, started_err;
static bool inside; /* app_run_start, _stop or _kill is running */
static unsigned fds_before;

static void on_started(void *ctx, int err)
{
	assert_ptr_equal(ctx, &run);
	assert_false(inside);
	assert_int_equal(n_ended, 0);
	n_started++;
	started_err = err;
}

static void on_exited(void *ctx)
{
	(void)ctx;
	assert_false(inside);
	assert_int_equal(n_started, 1);
	assert_int_equal(n_ended, 0);
	n_exited++;
}

static void on_ended(void *ctx)
{
	(void)ctx;
	assert_false(inside);
	assert_int_equal(n_started, 1);
	n_ended++;
	run = NULL;
}

static const struct app_run_events events = {.started = on_started, .exited = on_exited, .ended = on_ended};

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int setup(void **state)
{
	(void)state;
	scratch_make();
	setenv("LOG", in_scratch("log"), 1);
	setenv("DIR", scratch, 1);
	n_started = n_exited = n_ended = started_err = 0;
	fds_before = open_fds();
	loop = loop_create();
	return loop ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	app_run_kill(run);
	run = NULL;
	loop_destroy(loop);
	apps_destroy(list);
	list = NULL;
	assert_int_equal(open_fds(), fds_before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* neither children nor zombies */
	assert_int_equal(errno, ECHILD);
	scratch_remove();
	return 0;
}

static const char *client_name = "Phone";

static void start(const char *app)
{
	static const uint8_t fingerprint[32];
	const struct app_client c = {.name = client_name, .fingerprint = fingerprint, .width = 1280};
	char *text = NULL;

	assert_true(asprintf(&text, "{\"apps\": [{\"name\": \"A\", %s}]}", app) > 0);
	assert_int_equal(apps_parse(&list, text, strlen(text), NULL), 0);
	free(text);
	inside = true;
	assert_int_equal(app_run_start(loop, list, apps_get(list, 0)->id, &c, &events, &run, &run), 0);
	inside = false;
}

static void stop(uint64_t patience_ns)
{
	inside = true;
	app_run_stop(run, patience_ns);
	inside = false;
}

/* Steps the loop until the counter is 1. */
static void wait_for(const int *counter)
{
	uint64_t end = clock_ns() + PATIENCE_NS;

	while (!*counter && clock_ns() < end)
		assert_int_equal(loop_step(loop, 10), 0);
	assert_int_equal(*counter, 1);
}

static void wait_for_log(const char *want)
{
	uint64_t end = clock_ns() + PATIENCE_NS;

	while (strcmp(get_file("log"), want) != 0 && clock_ns() < end)
		assert_int_equal(loop_step(loop, 10), 0);
	assert_string_equal(get_file("log"), want);
}

#define SAY(word) "echo " word " >> $LOG"

static void order_and_undo_in_reverse(void **state)
{
	(void)state;
	start("\"prep-cmd\": [{\"do\": \"" SAY("d1") "\", \"undo\": \"" SAY("u1") "\"}, {\"undo\": \"" SAY(
		"u2") "\"}, "
		      "{\"do\": \"" SAY("d3") "\"}], \"cmd\": \"" SAY("cmd") "; exec sleep 100\"");
	assert_int_equal(n_started, 0);
	wait_for(&n_started);
	assert_int_equal(started_err, 0);
	wait_for_log("d1\nd3\ncmd\n");
	stop(APP_PATIENCE_OWN);
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_string_equal(get_file("log"), "d1\nd3\ncmd\nu2\nu1\n");
	assert_int_equal(n_exited, 0);
}

/* A client chooses its own name: it must not become part of a command. */
static void a_name_that_looks_like_a_command_is_not_run(void **state)
{
	(void)state;
	client_name = "x; " SAY("injected") "; $(" SAY("substituted") ") `" SAY("quoted") "`";
	start("\"prep-cmd\": [{\"do\": \"true $(SUNSHINE_CLIENT_NAME); " SAY(
		"prepared") "\"}], "
			    "\"detached\": [\"true $(MOONRILL_CLIENT_NAME)\"], "
			    "\"cmd\": \"true \\\"$(SUNSHINE_CLIENT_NAME)\\\"; " SAY("cmd") "; exec sleep 100\"");
	client_name = "Phone";
	wait_for(&n_started);
	wait_for_log("prepared\ncmd\n");
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_string_equal(get_file("log"), "prepared\ncmd\n");
}

static void without_a_command_it_runs_until_stopped(void **state)
{
	(void)state;
	start("\"prep-cmd\": [{\"undo\": \"" SAY("u") "\"}]");
	wait_for(&n_started);
	for (int i = 0; i < 5; i++)
		loop_step(loop, 10);
	assert_int_equal(n_ended, 0);
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_string_equal(get_file("log"), "u\n");
}

static void end_of_its_own_is_told_before_the_undoing(void **state)
{
	(void)state;
	start("\"auto-detach\": false, \"cmd\": \"exit 3\", \"prep-cmd\": [{\"undo\": \"while ! test -e $DIR/go; do "
	      "sleep 0.05; done; " SAY("u") "\"}]");
	wait_for(&n_exited);
	assert_int_equal(n_ended, 0);
	put_file("go", "");
	wait_for(&n_ended);
	assert_string_equal(get_file("log"), "u\n");
}

static void failed_preparation_is_undone_and_told_once(void **state)
{
	(void)state;
	start("\"prep-cmd\": [{\"do\": \"" SAY("d1") "\", \"undo\": \"" SAY(
		"u1") "\"}, {\"do\": \"exit 1\", \"undo\": "
		      "\"" SAY("u2") "\"}, {\"do\": \"" SAY("d3") "\", \"undo\": \"" SAY("u3") "\"}], \"cmd\": \"" SAY(
			      "cmd") "\"");
	wait_for(&n_ended);
	assert_int_equal(n_started, 1);
	assert_int_equal(started_err, -ECHILD);
	assert_string_equal(get_file("log"), "d1\nu2\nu1\n");
}

static void failed_undo_does_not_keep_the_others(void **state)
{
	(void)state;
	start("\"prep-cmd\": [{\"undo\": \"" SAY("u1") "\"}, {\"undo\": \"exit 9\"}, {\"undo\": \"kill -9 $$$$\"}]");
	wait_for(&n_started);
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_string_equal(get_file("log"), "u1\n");
}

static void a_folder_that_is_not_there_fails_the_start(void **state)
{
	(void)state;
	start("\"working-dir\": \"/nowhere/at/all\", \"cmd\": \"" SAY("cmd") "\"");
	wait_for(&n_ended);
	assert_int_equal(started_err, -ENOENT);
	assert_string_equal(get_file("log"), "");
}

static void stop_before_the_first_command(void **state)
{
	(void)state;
	start("\"prep-cmd\": [{\"do\": \"" SAY("d") "\", \"undo\": \"" SAY("u") "\"}], \"cmd\": \"" SAY("c") "\"");
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_int_equal(started_err, -ECANCELED);
	assert_string_equal(get_file("log"), "");
}

static void stop_while_preparing_ends_the_command_and_undoes(void **state)
{
	(void)state;
	start("\"prep-cmd\": [{\"do\": \"" SAY("d") "; sleep 100\", \"undo\": \"" SAY("u") "\"}], \"cmd\": \"" SAY(
		"c") "\"");
	wait_for_log("d\n");
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_int_equal(started_err, -ECANCELED);
	assert_string_equal(get_file("log"), "d\nu\n");
}

static void a_preparation_that_ignores_term_is_killed(void **state)
{
	(void)state;
	start("\"exit-timeout\": 0, \"prep-cmd\": [{\"do\": \"trap '' TERM; " SAY("d") "; while :; do sleep 1; done\", "
										       "\"undo\": \"" SAY("u") "\"}]");
	wait_for_log("d\n");
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_string_equal(get_file("log"), "d\nu\n");
}

/* True: the undo after the hanging one came to its end in that time, which it has as well. */
static bool hanging_undo_is_killed(uint64_t patience_ns)
{
	start("\"prep-cmd\": [{\"undo\": \"" SAY("u1") "\"}, {\"undo\": \"" SAY("u2") "; trap '' TERM; sleep 1000\"}]");
	wait_for(&n_started);
	stop(APP_PATIENCE_OWN);
	wait_for_log("u2\n");
	assert_int_equal(n_ended, 0);
	stop(patience_ns); /* asked again, with less patience */
	wait_for(&n_ended);
	if (strcmp(get_file("log"), "u2\nu1\n") == 0)
		return true;
	assert_string_equal(get_file("log"), "u2\n");
	return false;
}

static void a_hanging_undo_is_killed_when_patience_ends(void **state)
{
	uint64_t patience_ns = 10 * NS_PER_MS;

	(void)state;
	while (!hanging_undo_is_killed(patience_ns)) { /* a busy machine needs more of it */
		patience_ns *= 4;
		assert_true(patience_ns < PATIENCE_NS);
		put_file("log", "");
		n_started = n_ended = 0;
		apps_destroy(list);
	}
}

static void term_first_and_kill_when_patience_ends(void **state)
{
	(void)state;
	start("\"exit-timeout\": 600, \"cmd\": \"trap '" SAY("term") "' TERM; " SAY(
		"c") "; while :; do sleep 0.05; done\"");
	wait_for_log("c\n");
	stop(APP_PATIENCE_OWN);
	wait_for_log("c\nterm\n");
	assert_int_equal(n_ended, 0);
	stop(NS_PER_MS);
	wait_for(&n_ended);
}

static void no_kill_before_the_exit_timeout(void **state)
{
	uint64_t begun;

	(void)state;
	start("\"exit-timeout\": 1, \"cmd\": \"trap '' TERM; " SAY("c") "; while :; do sleep 0.05; done\"");
	wait_for_log("c\n");
	begun = clock_ns();
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_true(clock_ns() - begun >= NS_PER_S);
}

/* Gone, or dead and not yet collected by init, who inherited it and may be busy. */
static bool is_dead(pid_t pid)
{
	char path[64], state = 'X';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	if (fscanf(f, "%*d %*s %c", &state) != 1)
		state = 'X';
	fclose(f);
	return state == 'Z' || state == 'X';
}

static void the_command_has_a_group_of_its_own_that_ends_whole(void **state)
{
	pid_t pid;

	(void)state;
	start("\"cmd\": \"sleep 1000 & echo $! >> $LOG; wait\"");
	wait_for(&n_started);
	while (!strchr(get_file("log"), '\n'))
		loop_step(loop, 10);
	pid = (pid_t)strtol(get_file("log"), NULL, 10);
	assert_int_not_equal(getpgid(pid), getpgrp());
	assert_int_not_equal(getpgid(pid), pid);
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	assert_true(is_dead(pid));
}

static void wait_all_outlives_the_leader(void **state)
{
	(void)state;
	start("\"auto-detach\": false, \"cmd\": \"(while ! test -e $DIR/go; do sleep 0.05; done; " SAY(
		"late") ") & exit 0\"");
	wait_for(&n_started);
	for (int i = 0; i < 20; i++)
		loop_step(loop, 20);
	assert_int_equal(n_exited, 0);
	put_file("go", "");
	wait_for(&n_ended);
	assert_int_equal(n_exited, 1);
	assert_string_equal(get_file("log"), "late\n");
}

static void without_wait_all_the_leader_takes_its_group_with_it(void **state)
{
	(void)state;
	start("\"wait-all\": false, \"auto-detach\": false, \"cmd\": \"(sleep 1000; " SAY("late") ") & exit 0\"");
	wait_for(&n_ended);
	assert_int_equal(n_exited, 1);
	assert_string_equal(get_file("log"), "");
}

static void a_launcher_leaves_the_app_running(void **state)
{
	(void)state;
	start("\"cmd\": \"" SAY("c") "\"");
	wait_for_log("c\n");
	for (int i = 0; i < 150; i++)
		loop_step(loop, 20); /* longer than one look at the group */
	assert_int_equal(n_exited, 0);
	assert_int_equal(n_ended, 0);
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
}

static void detached_commands_are_not_waited_for(void **state)
{
	(void)state;
	start("\"detached\": [\"while ! test -e $DIR/go; do sleep 0.05; done; " SAY(
		"later") " # } ; sleep 100 {\"], "
			 "\"cmd\": \"exec sleep 100\"");
	wait_for(&n_started);
	stop(APP_PATIENCE_OWN);
	wait_for(&n_ended);
	put_file("go", "");
	wait_for_log("later\n");
}

static void commands_see_environment_folder_and_output(void **state)
{
	(void)state;
	start("\"working-dir\": \"$(DIR)\", \"output\": \"$(DIR)/out\", \"cmd\": \"pwd; echo $SUNSHINE_CLIENT_WIDTH "
	      "$(MOONRILL_CLIENT_NAME); echo err >&2; read x || echo eof; exit 1\"");
	wait_for(&n_ended);
	{
		char want[128];

		snprintf(want, sizeof(want), "%s\n1280 Phone\nerr\neof\n", scratch);
		assert_string_equal(get_file("out"), want);
	}
}

static void commands_inherit_neither_descriptors_nor_signals(void **state)
{
	sigset_t set;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	start("\"auto-detach\": false, \"cmd\": \"ls /proc/self/fd | wc -l >> $LOG; grep SigBlk /proc/self/status "
	      ">> $LOG; kill -PIPE $$$$; " SAY("survived") "\"");
	wait_for(&n_ended);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	assert_string_equal(get_file("log"), "4\nSigBlk:\t0000000000000000\n");
}

static void kill_leaves_nothing_and_says_nothing(void **state)
{
	uint64_t begun;

	(void)state;
	start("\"prep-cmd\": [{\"undo\": \"" SAY("u") "\"}], \"cmd\": \"trap '' TERM; sleep 1000\"");
	wait_for(&n_started);
	inside = true;
	begun = clock_ns();
	app_run_kill(run);
	/* It is not held up by who does not die at once: on a busy machine its command is left to us. */
	if (clock_ns() - begun >= KILL_WAIT_NS)
		waitpid(-1, NULL, 0);
	inside = false;
	run = NULL;
	for (int i = 0; i < 5; i++)
		loop_step(loop, 10);
	assert_int_equal(n_ended, 0);
	assert_string_equal(get_file("log"), "");
}

static void unknown_apps_do_not_start(void **state)
{
	static const char text[] = "{\"apps\": [{\"name\": \"A\"}]}";
	static const uint8_t fingerprint[32];
	const struct app_client c = {.name = "Phone", .fingerprint = fingerprint};

	(void)state;
	assert_int_equal(apps_parse(&list, text, strlen(text), NULL), 0);
	assert_int_equal(app_run_start(loop, list, 1, &c, &events, &run, &run), -ENOENT);
	app_run_stop(NULL, 0);
	app_run_kill(NULL);
}

int main(void)
{
	/* What the test itself was given is not the daemon's to hide. */
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(order_and_undo_in_reverse),
		CASE(a_name_that_looks_like_a_command_is_not_run),
		CASE(without_a_command_it_runs_until_stopped),
		CASE(end_of_its_own_is_told_before_the_undoing),
		CASE(failed_preparation_is_undone_and_told_once),
		CASE(failed_undo_does_not_keep_the_others),
		CASE(a_folder_that_is_not_there_fails_the_start),
		CASE(stop_before_the_first_command),
		CASE(stop_while_preparing_ends_the_command_and_undoes),
		CASE(a_preparation_that_ignores_term_is_killed),
		CASE(a_hanging_undo_is_killed_when_patience_ends),
		CASE(term_first_and_kill_when_patience_ends),
		CASE(no_kill_before_the_exit_timeout),
		CASE(the_command_has_a_group_of_its_own_that_ends_whole),
		CASE(wait_all_outlives_the_leader),
		CASE(without_wait_all_the_leader_takes_its_group_with_it),
		CASE(a_launcher_leaves_the_app_running),
		CASE(detached_commands_are_not_waited_for),
		CASE(commands_see_environment_folder_and_output),
		CASE(commands_inherit_neither_descriptors_nor_signals),
		CASE(kill_leaves_nothing_and_says_nothing),
		CASE(unknown_apps_do_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
