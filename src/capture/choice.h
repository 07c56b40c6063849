// SPDX-License-Identifier: GPL-3.0-or-later
/* Which source video.source=auto means on this machine, and why. Pure. */
#pragma once

#include <stdbool.h>

#include "capture/screen.h"

/* What is known about the session; strings may be NULL or empty. */
struct choice_env {
	const char *wayland_display, *display, *session_type; /* the variables of these names */
	bool session_bus;                                     /* a D-Bus session bus can be expected */
	bool pipewire, portal;                                /* built in */
};

/* why: a sentence for the log. Never SCREENS_AUTO. */
enum screens_source choice_auto(const struct choice_env *env, const char *node, const char **why);

/* Reads the environment of the process. */
struct choice_env choice_env_read(void);
