// SPDX-License-Identifier: GPL-3.0-or-later
#include "app_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_MODULE "app"
#include "base/log.h"

#define LAUNCHER_NS   (5 * NS_PER_S) /* a command that ends well sooner only launched the app */
#define GROUP_POLL_NS (1 * NS_PER_S) /* how often an orphaned group is looked at: no fd tells of its end */

enum run_state { RUN_PREPARING, RUN_RUNNING, RUN_ENDING, RUN_UNDOING, RUN_OVER };

struct app_run {
	struct loop *loop;
	const struct app *app;
	char **env;
	const struct app_run_events *ev;
	void *ctx;
	enum run_state state;
	bool told_started, stop_asked;
	int fail;         /* why it never ran */
	uint8_t prepared; /* commands whose undo is due */
	struct loop_timer *timer;
	/* the child that is watched: a preparing or undoing command, or the app's own */
	pid_t pid;
	int pidfd;
	struct loop_fd *watch;
	/* the app's process group, also after its leader has ended */
	pid_t group;
	uint64_t begun_ns;
};

static void step(struct app_run *r);

/* ---- processes ---- */

static int redirect(const struct app_run *r, posix_spawn_file_actions_t *fa, char **path)
{
	int err = posix_spawn_file_actions_addopen(fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	*path = r->app->output ? app_env_expand(r->env, r->app->output) : NULL;
	if (!err && *path && **path)
		err = posix_spawn_file_actions_addopen(fa, STDOUT_FILENO, *path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	else if (!err)
		err = posix_spawn_file_actions_adddup2(fa, STDERR_FILENO, STDOUT_FILENO);
	if (!err && *path && **path)
		err = posix_spawn_file_actions_adddup2(fa, STDOUT_FILENO, STDERR_FILENO);
	return err;
}

/* A shell in a process group of its own, with every signal as it was before the daemon. The pid, or -errno. */
static pid_t spawn_shell(struct app_run *r, const char *command)
{
	char *text = app_env_expand(r->env, command), *dir = NULL, *path = NULL;
	char *argv[] = {(char *)"sh", (char *)"-c", text, NULL};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid = 0;
	int err;

	if (!text)
		return -ENOMEM;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	err = redirect(r, &fa, &path);
	if (!err && r->app->working_dir) {
		dir = app_env_expand(r->env, r->app->working_dir);
		err = dir ? posix_spawn_file_actions_addchdir_np(&fa, dir) : ENOMEM;
	}
	if (!err)
		err = posix_spawn(&pid, "/bin/sh", &fa, &attr, argv, r->env);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	free(text);
	free(dir);
	free(path);
	return err ? -err : pid;
}

/* The exit code, or 128 + signal; -1 while it runs. */
static int reap(pid_t pid)
{
	siginfo_t info = {0};

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0)
		return 255;
	if (!info.si_pid)
		return -1;
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static void unwatch(struct app_run *r)
{
	loop_fd_remove(r->watch);
	r->watch = NULL;
	if (r->pidfd >= 0)
		close(r->pidfd);
	r->pidfd = -1;
	r->pid = 0;
}

static void on_child(void *ctx, uint32_t events);

/* Starts a command and watches it. */
static int run_watched(struct app_run *r, const char *command)
{
	pid_t pid = spawn_shell(r, command);

	if (pid < 0)
		return pid;
	r->pid = pid;
	r->pidfd = pidfd_open(pid, 0);
	if (r->pidfd >= 0)
		r->watch = loop_fd_add(r->loop, r->pidfd, EPOLLIN, on_child, r);
	if (r->watch)
		return 0;
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unwatch(r);
	return -EIO;
}

/* Started and forgotten: the shell puts the command into a session of its own behind itself and ends at once, so that init
 * inherits what nobody here waits for. */
static void run_detached(struct app_run *r, const char *command)
{
	char *text = NULL;
	pid_t pid;

	if (asprintf(&text, "{ %s\n} &", command) < 0)
		return;
	pid = spawn_shell(r, text);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	else
		log_errno(pid, "%s: %.60s", r->app->name, command);
	free(text);
}

/* ---- the run ---- */

static void tell_started(struct app_run *r, int err)
{
	if (r->told_started)
		return;
	r->told_started = true;
	r->ev->started(r->ctx, err);
}

static void run_free(struct app_run *r)
{
	unwatch(r);
	loop_timer_remove(r->timer);
	app_env_destroy(r->env);
	free(r);
}

static void go_on(struct app_run *r, enum run_state state)
{
	r->state = state;
	loop_timer_arm_in(r->timer, 0);
}

static bool group_alive(const struct app_run *r)
{
	return r->group && (kill(-r->group, 0) == 0 || errno == EPERM);
}

static void begin_ending(struct app_run *r)
{
	r->state = RUN_ENDING;
	if (group_alive(r))
		kill(-r->group, SIGTERM);
	r->begun_ns = clock_ns();
	loop_timer_arm_in(r->timer, 0);
}

static void step_preparing(struct app_run *r)
{
	const struct app *app = r->app;
	int err = r->fail;

	if (err || r->stop_asked) {
		go_on(r, RUN_UNDOING);
		return;
	}
	while (r->prepared < app->n_prep) {
		const char *command = app->prep[r->prepared].run;

		r->prepared++;
		if (!command)
			continue;
		err = run_watched(r, command);
		if (err) {
			log_errno(err, "%s: %.60s", app->name, command);
			r->fail = err;
			go_on(r, RUN_UNDOING);
		}
		return; /* on_child goes on */
	}
	for (unsigned i = 0; i < app->n_detached; i++)
		run_detached(r, app->detached[i]);
	r->begun_ns = clock_ns();
	if (app->cmd) {
		err = run_watched(r, app->cmd);
		if (err) {
			log_errno(err, "%s: %.60s", app->name, app->cmd);
			r->fail = err;
			go_on(r, RUN_UNDOING);
			return;
		}
		r->group = r->pid;
		log_info("%s is running", app->name);
	}
	r->state = RUN_RUNNING;
	tell_started(r, 0);
}

/* The leader has ended; the group may live on. */
static void app_command_ended(struct app_run *r, int code)
{
	bool launcher = r->app->auto_detach && code == 0 && clock_ns() - r->begun_ns < LAUNCHER_NS;

	if (r->state == RUN_ENDING) {
		loop_timer_arm_in(r->timer, 0);
		return;
	}
	if (launcher) {
		log_info("%s: its command was a launcher and ended; the app goes on until it is quit", r->app->name);
		return;
	}
	if (r->app->wait_all && group_alive(r)) {
		loop_timer_arm_in(r->timer, GROUP_POLL_NS);
		return;
	}
	log_info("%s has ended with %d", r->app->name, code);
	begin_ending(r);
}

static void step_running(struct app_run *r)
{
	if (r->stop_asked) {
		begin_ending(r);
	} else if (group_alive(r)) {
		loop_timer_arm_in(r->timer, GROUP_POLL_NS);
	} else {
		log_info("%s has ended", r->app->name);
		go_on(r, RUN_UNDOING);
	}
}

static void step_ending(struct app_run *r)
{
	uint64_t waited = clock_ns() - r->begun_ns;

	if (!r->pid && !group_alive(r)) {
		go_on(r, RUN_UNDOING);
		return;
	}
	if (waited >= r->app->exit_timeout_s * NS_PER_S) {
		log_warn("%s does not end by itself and is killed", r->app->name);
		kill(-r->group, SIGKILL);
	}
	loop_timer_arm_in(r->timer, NS_PER_S / 10);
}

static void step_undoing(struct app_run *r)
{
	while (r->prepared) {
		const char *command = r->app->prep[--r->prepared].undo;
		int err = command ? run_watched(r, command) : 0;

		if (err)
			log_errno(err, "%s: %.60s", r->app->name, command);
		else if (command)
			return; /* on_child goes on */
	}
	go_on(r, RUN_OVER);
}

static void step(struct app_run *r)
{
	switch (r->state) {
	case RUN_PREPARING:
		step_preparing(r);
		break;
	case RUN_RUNNING:
		step_running(r);
		break;
	case RUN_ENDING:
		step_ending(r);
		break;
	case RUN_UNDOING:
		step_undoing(r);
		break;
	case RUN_OVER:
		tell_started(r, r->fail ? r->fail : -ECANCELED);
		r->ev->ended(r->ctx);
		run_free(r);
		break;
	}
}

static void on_timer(void *ctx)
{
	struct app_run *r = ctx;

	/* A command is being watched: its end goes on, the clock only matters for the app's own. */
	if (r->pid && r->state != RUN_RUNNING && r->state != RUN_ENDING)
		return;
	step(r);
}

static void on_child(void *ctx, uint32_t events)
{
	struct app_run *r = ctx;
	int code = reap(r->pid);

	(void)events;
	if (code < 0)
		return;
	unwatch(r);
	if (r->state == RUN_RUNNING || r->state == RUN_ENDING) {
		app_command_ended(r, code);
		return;
	}
	if (r->state == RUN_PREPARING && code) {
		log_warn("%s: a preparing command ended with %d", r->app->name, code);
		r->fail = -ECHILD;
		r->state = RUN_UNDOING;
	}
	step(r);
}

int app_run_start(struct loop *loop, const struct apps *apps, uint32_t id, const struct app_client *client,
		  const struct app_run_events *ev, void *ctx, struct app_run **out)
{
	const struct app *app = apps_find(apps, id);
	struct app_run *r;

	if (!app)
		return -ENOENT;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct app_run){.loop = loop, .app = app, .ev = ev, .ctx = ctx, .pidfd = -1};
	r->env = app_env_create(apps, app, client);
	r->timer = loop_timer_add(loop, on_timer, r);
	if (!r->env || !r->timer) {
		run_free(r);
		return -ENOMEM;
	}
	go_on(r, RUN_PREPARING);
	*out = r;
	return 0;
}

void app_run_stop(struct app_run *r)
{
	if (!r || r->stop_asked)
		return;
	r->stop_asked = true;
	if (r->state == RUN_RUNNING)
		begin_ending(r);
	else if (r->state == RUN_PREPARING && r->pid)
		kill(-r->pid, SIGTERM); /* its end is seen by on_child */
}

void app_run_kill(struct app_run *r)
{
	if (!r)
		return;
	if (group_alive(r))
		kill(-r->group, SIGKILL);
	if (r->pid) {
		kill(-r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	run_free(r);
}
