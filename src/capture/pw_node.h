// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The node that a capture is to take its pictures from, among all that a PipeWire daemon has, and whether it is still
 * there. PipeWire's loop thread, or under the loop's lock.
 */
#pragma once

#include <stdint.h>

#include <pipewire/pipewire.h>

/* Whether the user's own daemon can be reached: 0, -ENOTSUP, -EACCES. Any thread. */
int pw_daemon_probe(void);

struct node_watch {
	const char *want; /* id, name or serial:N; "": any will do */
	uint32_t id;      /* PW_ID_ANY: not found yet, or any will do */
	/* The node was there and has left. */
	void (*left)(void *ctx);
	void *ctx;
	struct pw_registry *registry;
	struct spa_hook hook;
};

/* want must outlive it. Every node has been looked at when a sync of the core, asked for after this, is done.
 * -ENOMEM. */
int node_watch_start(struct node_watch *n, struct pw_core *core, const char *want, void (*left)(void *ctx), void *ctx);
void node_watch_stop(struct node_watch *n); /* accepts a zeroed one */
