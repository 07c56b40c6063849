// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * gamescope: the compositor of SteamOS's game mode has a server of libei's protocol for the programs of its session,
 * and tells them its socket in LIBEI_SOCKET; it is that of its Wayland display with "-ei" behind. It has no touch.
 *
 * Its one region is no screen (2^31 - 1 wide): positions are pixels of the picture, so they need the place of that.
 */
#include "input/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "input/ei.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define WAIT_NS (300 * NS_PER_MS) /* for its devices */

struct gamescope {
	struct input_backend base;
	struct ei_sender *ei; /* NULL: it has gone */
};

static int refuse(char why[INPUT_WHY_MAX], const char *text)
{
	snprintf(why, INPUT_WHY_MAX, "%s", text);
	return -ENODEV;
}

static bool fits(const struct sockaddr_un *a, int len)
{
	return len > 0 && (size_t)len < sizeof(a->sun_path);
}

/* Of the session that we are part of; another's, in a window of this desktop, is not what is streamed. */
static int find_socket(struct sockaddr_un *a, char why[INPUT_WHY_MAX])
{
	const char *dir = getenv("XDG_RUNTIME_DIR"), *name = getenv("LIBEI_SOCKET"), *tail = "";
	const char *desktop = getenv("XDG_CURRENT_DESKTOP");
	int len;

	if (!name || !*name) {
		name = getenv("GAMESCOPE_WAYLAND_DISPLAY");
		tail = "-ei";
	}
	if ((!name || !*name) && desktop && strcmp(desktop, "gamescope") == 0)
		name = "gamescope-0";
	if (!name || !*name)
		return refuse(why, "no LIBEI_SOCKET: not in a session of gamescope");
	if (*name != '/' && (!dir || !*dir))
		return refuse(why, "no XDG_RUNTIME_DIR");
	a->sun_family = AF_UNIX;
	if (*name == '/')
		len = snprintf(a->sun_path, sizeof(a->sun_path), "%s%s", name, tail);
	else
		len = snprintf(a->sun_path, sizeof(a->sun_path), "%s/%s%s", dir, name, tail);
	return fits(a, len) ? 0 : refuse(why, "the name of gamescope's socket is too long");
}

static void on_gone(void *ctx, const char *why)
{
	struct gamescope *g = ctx;

	log_warn("gamescope: %s; keys and pointer are dead until the next stream", why);
	ei_sender_close(g->ei);
	g->ei = NULL;
}

static int open_gamescope(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	struct gamescope *g = (struct gamescope *)b;
	const struct ei_sender_events ev = {on_gone, g};
	struct sockaddr_un address = {0};
	int err = find_socket(&address, why), fd;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		err = errno;
		close(fd);
		return refuse(why, err == EAGAIN ? "gamescope does not answer"
						 : "the gamescope of LIBEI_SOCKET is not there");
	}
	err = ei_sender_open(&g->ei, b->env, fd, *classes, NULL, &ev);
	if (err)
		return err;
	if (strstr(address.sun_path, "gamescope"))
		ei_sender_count_notches(g->ei);
	ei_sender_wait(g->ei, clock_ns() + WAIT_NS);
	return g->ei ? 0 : refuse(why, "gamescope does not let us in");
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct gamescope *g = (struct gamescope *)b;

	if (g->ei)
		ei_sender_event(g->ei, e);
}

static void close_gamescope(struct input_backend *b)
{
	ei_sender_close(((struct gamescope *)b)->ei);
}

const struct input_ops input_gamescope = {
	.name = "gamescope",
	.help = "keys and pointer of a gamescope session, through its socket for libei",
	.classes = INPUT_CLASS(INPUT_CLASS_KEYBOARD) | INPUT_CLASS(INPUT_CLASS_MOUSE),
	.automatic = true,
	.size = sizeof(struct gamescope),
	.open = open_gamescope,
	.event = event,
	.close = close_gamescope,
};
