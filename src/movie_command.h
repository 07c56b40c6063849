// SPDX-License-Identifier: GPL-3.0-or-later
/* moonrill record: the configured screen into a file, without a daemon. */
#pragma once

#include <stdbool.h>

struct config;
struct paths;

/* As on the command line; NULL: not given. */
struct movie_wish {
	const char *file, *seconds, *size, *fps;
	bool force, json;
};

/* Runs until the time is over, the source is gone, or SIGINT or SIGTERM; each ends the file cleanly. The exit code: 1
 * failed, 2 usage; said on standard error. */
int movie_command(const struct movie_wish *w, const struct config *c, const struct paths *p);
