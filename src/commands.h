// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The commands a running daemon answers over its control socket: one table for the command line and
 * the socket server, so that they cannot disagree. Main thread.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

struct daemon_ctx;

#define COMMAND_ARGS_MAX 4

struct command {
	const char *name;
	const char *args; /* for the usage text */
	const char *help;
	int min_args, max_args;
	/* Answers at once. The command's exit code: 0 done, 1 failed, 2 usage; out is for people
	 * or, with json, for programs. */
	int (*run)(struct daemon_ctx *d, int argc, const char *const *argv, bool json, struct buf *out);
};

/* NULL past the end. */
const struct command *command_at(unsigned n);
const struct command *command_find(const char *name);
