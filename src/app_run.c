// SPDX-License-Identifier: GPL-3.0-or-later
#include "app_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#define LAUNCHER_NS    (5 * NS_PER_S)   /* a command that ends well sooner only launched the app */
#define UNDO_NS        (30 * NS_PER_S)  /* for one undo command */
#define GROUP_POLL_NS  (1 * NS_PER_S)   /* how often an orphaned group is looked at: no fd tells of its end */
#define ENDING_POLL_NS (20 * NS_PER_MS) /* the same while its end is near */
#define KILL_WAIT_MS   200
/* After KILL nothing of ours runs on; a group that still exists is of zombies whose init is slow, or not ours to
 * kill. */
#define GIVE_UP_NS (100 * NS_PER_MS)

enum run_state { RUN_PREPARING, RUN_RUNNING, RUN_ENDING, RUN_UNDOING, RUN_OVER };

struct app_run {
	struct loop *loop;
	const struct app *app;
	char **env;
	const struct app_run_events *ev;
	void *ctx;
	enum run_state state;
	bool told_started, stop_asked;
	bool launcher;    /* the command was one: the app goes on without it */
	bool killed;      /* KILL was sent to what the deadline is for */
	int fail;         /* why it never ran */
	uint8_t prepared; /* commands whose undo is due */
	struct loop_timer *timer;
	/* the child that is watched: a preparing or undoing command, or the app's own */
	pid_t pid;
	int pidfd;
	struct loop_fd *watch;
	/* the app's process group, also after its leader has ended */
	pid_t group;
	uint64_t begun_ns;    /* the app's command */
	uint64_t patience_ns; /* of who asked to stop */
	uint64_t deadline_ns; /* for the end of what is being waited for; NS_NEVER: it may take its time */
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

/* A shell in a process group of its own, with every signal as it was before the daemon. detached: in a session of its
 * own, started by a shell that does not wait for it. The pid, or -errno. */
static pid_t spawn_shell(struct app_run *r, const char *command, bool detached)
{
	char *text = app_env_command(command), *dir = NULL, *path = NULL;
	char *waited[] = {(char *)"sh", (char *)"-c", text, NULL};
	char *left[] = {(char *)"sh", (char *)"-c", (char *)"sh -c \"$1\" &", (char *)"sh", text, NULL};
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
	posix_spawnattr_setflags(&attr, (short)((detached ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP) |
						POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
	err = redirect(r, &fa, &path);
	if (!err && r->app->working_dir) {
		dir = app_env_expand(r->env, r->app->working_dir);
		err = dir ? posix_spawn_file_actions_addchdir_np(&fa, dir) : ENOMEM;
	}
	if (!err)
		err = posix_spawn(&pid, "/bin/sh", &fa, &attr, detached ? left : waited, r->env);
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
	pid_t pid = spawn_shell(r, command, false);

	if (pid < 0)
		return pid;
	r->killed = false;
	r->deadline_ns = NS_NEVER;
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

/* Started and forgotten: its parent ends at once, so that init inherits what nobody here waits for. */
static void run_detached(struct app_run *r, const char *command)
{
	pid_t pid = spawn_shell(r, command, true);

	if (pid > 0)
		waitpid(pid, NULL, 0);
	else
		log_errno(pid, "%s: %.60s", r->app->name, command);
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

/* From now on, but never longer than whoever asked to stop will wait. */
static void set_deadline(struct app_run *r, uint64_t limit_ns)
{
	r->deadline_ns = clock_ns() + (limit_ns < r->patience_ns ? limit_ns : r->patience_ns);
	loop_timer_arm(r->timer, r->deadline_ns);
}

static void begin_ending(struct app_run *r)
{
	r->state = RUN_ENDING;
	r->killed = false;
	if (group_alive(r))
		kill(-r->group, SIGTERM);
	set_deadline(r, r->app->exit_timeout_s * NS_PER_S);
	loop_timer_arm_in(r->timer, 0);
}

/* A preparing or undoing command that was given a time is over it. */
static void kill_command(struct app_run *r)
{
	if (!r->killed && clock_ns() >= r->deadline_ns) {
		r->killed = true;
		log_warn("%s: a command does not end by itself and is killed", r->app->name);
		kill(-r->pid, SIGKILL);
	} else if (!r->killed && r->deadline_ns != NS_NEVER) {
		loop_timer_arm(r->timer, r->deadline_ns);
	}
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

static void app_exited(struct app_run *r, int code)
{
	log_info("%s has ended with %d", r->app->name, code);
	begin_ending(r); /* what is left of its group */
	r->ev->exited(r->ctx);
}

/* The leader has ended; the group may live on. */
static void app_command_ended(struct app_run *r, int code)
{
	if (r->state == RUN_ENDING) {
		loop_timer_arm_in(r->timer, 0);
	} else if (r->app->auto_detach && code == 0 && clock_ns() - r->begun_ns < LAUNCHER_NS) {
		log_info("%s: its command was a launcher and ended; the app goes on until it is quit", r->app->name);
		r->launcher = true;
		loop_timer_arm_in(r->timer, GROUP_POLL_NS);
	} else if (r->app->wait_all && group_alive(r)) {
		loop_timer_arm_in(r->timer, GROUP_POLL_NS);
	} else {
		app_exited(r, code);
	}
}

/* The command is gone, its group is looked at from time to time. */
static void step_running(struct app_run *r)
{
	if (group_alive(r))
		loop_timer_arm_in(r->timer, GROUP_POLL_NS);
	else if (r->launcher)
		r->group = 0; /* the number may become somebody else's */
	else if (r->group)
		app_exited(r, 0);
}

static void step_ending(struct app_run *r)
{
	uint64_t now = clock_ns();
	bool alive = r->pid || group_alive(r);

	if (alive && now >= r->deadline_ns && !r->killed) {
		log_warn("%s does not end by itself and is killed", r->app->name);
		kill(-r->group, SIGKILL);
		r->killed = true;
	} else if (!alive || (!r->pid && r->killed && now >= r->deadline_ns + GIVE_UP_NS)) {
		r->group = 0;
		go_on(r, RUN_UNDOING);
		return;
	}
	loop_timer_arm_in(r->timer, ENDING_POLL_NS);
}

static void step_undoing(struct app_run *r)
{
	while (r->prepared) {
		const char *command = r->app->prep[--r->prepared].undo;
		int err = command ? run_watched(r, command) : 0;

		if (err) {
			log_errno(err, "%s: %.60s", r->app->name, command);
		} else if (command) {
			set_deadline(r, UNDO_NS);
			return; /* on_child goes on */
		}
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

	if (!r->pid || r->state == RUN_ENDING)
		step(r);
	else if (r->state != RUN_RUNNING)
		kill_command(r);
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
	if (r->state == RUN_PREPARING && code && !r->stop_asked) {
		log_warn("%s: a preparing command ended with %d", r->app->name, code);
		r->fail = -ECHILD;
	} else if (r->state == RUN_UNDOING && code) {
		log_warn("%s: an undoing command ended with %d", r->app->name, code);
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
	r->patience_ns = r->deadline_ns = NS_NEVER;
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

void app_run_stop(struct app_run *r, uint64_t patience_ns)
{
	bool again;

	if (!r || (r->stop_asked && patience_ns >= r->patience_ns))
		return;
	again = r->stop_asked || r->state != RUN_RUNNING;
	r->stop_asked = true;
	r->patience_ns = patience_ns;
	if (!again) {
		begin_ending(r);
	} else if (r->state == RUN_PREPARING && r->pid) {
		kill(-r->pid, SIGTERM); /* its end is seen by on_child */
		set_deadline(r, r->app->exit_timeout_s * NS_PER_S);
	} else if (r->deadline_ns != NS_NEVER && r->deadline_ns - clock_ns() > patience_ns) {
		set_deadline(r, patience_ns); /* in the middle of ending or undoing */
		if (r->state == RUN_ENDING)
			loop_timer_arm_in(r->timer, 0);
	}
}

void app_run_kill(struct app_run *r)
{
	if (!r)
		return;
	if (group_alive(r))
		kill(-r->group, SIGKILL);
	if (r->pid) {
		struct pollfd dead = {.fd = r->pidfd, .events = POLLIN};

		/* It is dead at once unless a driver holds it, and that must not hold us. */
		kill(-r->pid, SIGKILL);
		poll(&dead, 1, KILL_WAIT_MS);
		reap(r->pid);
	}
	run_free(r);
}
