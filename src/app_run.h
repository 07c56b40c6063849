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

struct app_run_events {
	/* Once: 0 and the app runs, or -errno: a preparing command failed (what it did is being undone) or the command
	 * could not be started. Never called from inside app_run_start(). */
	void (*started)(void *ctx, int err);
	/* Once, last: the app has ended by itself, failed or was stopped, and everything is undone. The run is freed
	 * after this call. */
	void (*ended)(void *ctx);
};

/* apps must outlive the run. -ENOENT: no such app; -ENOMEM. */
int app_run_start(struct loop *loop, const struct apps *apps, uint32_t id, const struct app_client *client,
		  const struct app_run_events *ev, void *ctx, struct app_run **out);
/* Asks it to end; ended follows. May be called again and at any time before. Accepts NULL. */
void app_run_stop(struct app_run *r);
/* For the daemon's end: kills the group, starts no undo command, calls nothing, frees. Accepts NULL. */
void app_run_kill(struct app_run *r);
