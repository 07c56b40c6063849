// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One running app of one client: preparing commands in order, the command in a process group of its own, and what was
 * prepared undone in reverse order, whatever happened in between. Nothing here blocks: children are watched by pidfd.
 * Main thread.
 *
 *   preparing -> running -> ending (TERM, later KILL) -> undoing -> over
 */
#pragma once

#include "app_env.h"
#include "apps.h"
#include "base/loop.h"

struct app_run;

/* None of these comes from inside app_run_start(), app_run_stop() or app_run_kill(); the first two must not kill. */
struct app_run_events {
	/* Once: 0 and the app runs, or -errno: a preparing command failed (what it did is being undone), the command
	 * could not be started, or it was stopped before (-ECANCELED). */
	void (*started)(void *ctx, int err);
	/* The app has ended by itself; what was prepared is undone next. Not after app_run_stop(). */
	void (*exited)(void *ctx);
	/* Once, last: the app has ended, failed or was stopped, and everything is undone. The run is freed after this
	 * call. */
	void (*ended)(void *ctx);
};

#define APP_PATIENCE_OWN UINT64_MAX

/* apps must outlive the run. -ENOENT: no such app; -ENOMEM. */
int app_run_start(struct loop *loop, const struct apps *apps, uint32_t id, const struct app_client *client,
		  const struct app_run_events *ev, void *ctx, struct app_run **out);
/*
 * Asks it to end; ended follows, whatever its commands do: the app is killed after its exit-timeout or patience_ns,
 * whichever is shorter, and each undo command after patience_ns or half a minute. May be called again with less
 * patience, and at any time before ended. Accepts NULL.
 */
void app_run_stop(struct app_run *r, uint64_t patience_ns);
/* For the daemon's end: kills the app and the command that runs, starts no undo command, calls nothing, frees. Accepts
 * NULL. */
void app_run_kill(struct app_run *r);
