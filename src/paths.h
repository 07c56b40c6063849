// SPDX-License-Identifier: GPL-3.0-or-later
/* Where things live: state folder, control socket, configuration file. Main thread. */
#pragma once

#include <limits.h>

struct paths {
	char state[PATH_MAX];
	char socket[PATH_MAX];
	char config[PATH_MAX]; /* "" when no file exists and none was named */
	char apps[PATH_MAX];   /* apps.json; need not exist */
};

/*
 * What the command line gave, NULL for what it did not. state: $STATE_DIRECTORY,
 * $XDG_STATE_HOME/moonrill or
 * ~/.local/state/moonrill; socket: $XDG_RUNTIME_DIR/moonrill.sock, or beside the state; config:
 * ~/.config/moonrill, /etc/moonrill. -ENAMETOOLONG, -ENOENT (no home folder to be found).
 */
int paths_resolve(struct paths *p, const char *state, const char *socket, const char *config);

/* For control commands: the socket of a daemon that was started with this state folder, when it
 * stands there. */
void paths_prefer_live_socket(struct paths *p, const char *state, const char *socket);
