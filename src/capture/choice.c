// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/choice.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "build_config.h"

#define PLACE_SIZE_MAX 65535
#define PLACE_FAR      1000000

static bool given(const char *s)
{
	return s && *s;
}

enum screens_source choice_auto(const struct choice_env *env, const char *node, const char **why)
{
	bool graphical = given(env->wayland_display) || given(env->display) ||
			 (given(env->session_type) &&
			  (!strcmp(env->session_type, "wayland") || !strcmp(env->session_type, "x11")));

	/* Ways that need no consent come first. */
	if (given(node) && env->pipewire) {
		*why = "video.node names a PipeWire node";
		return SCREENS_PIPEWIRE;
	}
	if (!graphical) {
		*why = "there is no graphical session (WAYLAND_DISPLAY, DISPLAY and "
		       "XDG_SESSION_TYPE say nothing)";
		return SCREENS_PATTERN;
	}
	if (!env->portal) {
		*why = "this build has no support for the desktop portal";
		return SCREENS_PATTERN;
	}
	if (!env->session_bus) {
		*why = "there is a graphical session, but no D-Bus session bus to ask its portal "
		       "on";
		return SCREENS_PATTERN;
	}
	*why = "the desktop's portal is asked for the screen";
	return SCREENS_PORTAL;
}

struct choice_env choice_env_read(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct choice_env env = {
		.wayland_display = getenv("WAYLAND_DISPLAY"),
		.display = getenv("DISPLAY"),
		.session_type = getenv("XDG_SESSION_TYPE"),
		.session_bus = given(getenv("DBUS_SESSION_BUS_ADDRESS")),
		.pipewire = HAVE_PIPEWIRE,
		.portal = HAVE_PORTAL,
	};
	char path[PATH_MAX];

	if (!env.session_bus && given(runtime) && snprintf(path, sizeof(path), "%s/bus", runtime) < (int)sizeof(path))
		env.session_bus = access(path, F_OK) == 0;
	return env;
}

/* One number and the character behind it. */
static bool take_number(const char **at, char end, int64_t min, int64_t max, int *out)
{
	const char *stop = strchr(*at, end);
	int64_t n;

	if (!stop || str_to_i64(*at, (size_t)(stop - *at), min, max, &n))
		return false;
	*at = stop + (end != '\0');
	*out = (int)n;
	return true;
}

int screen_place_parse(struct screen_place *out, const char *text)
{
	struct screen_place p = {0};

	if (*text && (!take_number(&text, 'x', 1, PLACE_SIZE_MAX, &p.width) ||
		      !take_number(&text, '+', 1, PLACE_SIZE_MAX, &p.height) ||
		      !take_number(&text, '+', -PLACE_FAR, PLACE_FAR, &p.x) ||
		      !take_number(&text, '\0', -PLACE_FAR, PLACE_FAR, &p.y)))
		return -EINVAL;
	*out = p;
	return 0;
}
