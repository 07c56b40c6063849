// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The unix control socket: one request and one answer a connection, each one line of JSON:
 *	{"command": "pair", "args": ["1234"], "json": false}
 *	{"exit": 0, "output": "..."}
 * Only the daemon's own user and root are served. Main thread (server), any process (client).
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/loop.h"

struct ctl;
struct daemon_ctx;

#define CTL_REQUEST_MAX (4 * 1024)
#define CTL_ANSWER_MAX  (256 * 1024)

/* The parsed request; a pure parser. args point into storage of json_owner. */
struct ctl_request {
	const char *command;
	const char *args[4];
	int n_args;
	bool json;
	void *json_owner;
};
int ctl_request_parse(struct ctl_request *r, const char *text, size_t len); /* -EBADMSG */
void ctl_request_finish(struct ctl_request *r);

/* -EADDRINUSE: a daemon answers there. The socket file of one that died is replaced; -EEXIST: another file stands there
 * and stays. -errno. */
int ctl_create(struct ctl **out, struct loop *loop, const char *path, struct daemon_ctx *d);
void ctl_destroy(struct ctl *c); /* accepts NULL; removes the socket file */

/* Client side. The command's exit code, its text in out; -errno when no daemon answers. */
int ctl_call(const char *path, const char *command, int argc, char *const *argv, bool json, struct buf *out);
