// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A connection to the compositor of WAYLAND_DISPLAY that never waits for it once it is open: what does not fit into the
 * socket goes when there is room, and a compositor that ends is told once. Its owner, a back end, binds what it needs
 * from the registry. HAVE_WAYLAND.
 *
 * The thread of the back end's calls (input/backend.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <wayland-client.h>

#include "input/backend.h"

struct wl_display;
struct wl_registry;

/* What the owner does, with its ctx. */
struct wl_link_ops {
	/* In wl_link_open(): hears of every global, and binds what it needs. */
	struct wl_registry_listener globals;
	/* Then, when these have introduced themselves: takes away of the classes what the compositor has nothing for.
	 * -ENODEV, with a reason: none is left. */
	int (*choose)(void *ctx, uint32_t *classes, char why[INPUT_WHY_MAX]);
	/* Asks for the devices of these classes. -errno. */
	int (*make)(void *ctx, uint32_t classes);
	/* Then, when the compositor has answered all of it and told() was called: the devices can be used. -errno, with
	 * a reason. */
	int (*ready)(void *ctx, char why[INPUT_WHY_MAX]);
	/* After events have been read: what was told may be acted on. */
	void (*told)(void *ctx);
	/* The compositor has gone, from within a dispatch or a flush and logged already, or it could not be opened:
	 * gives everything up, which ends in wl_link_close(). */
	void (*give_up)(void *ctx);
};

/* Zeroed until it is opened. */
struct wl_link {
	const struct wl_link_ops *ops;
	void *ctx;
	const struct input_env *env;
	/* An epoll of the one socket: the contract watches for reading only, and here room to write counts as well. */
	struct input_watch watch;
	struct wl_display *display; /* NULL: there is none (any more) */
	struct wl_registry *registry;
	bool blocked; /* the socket is full */
};

/* For whoever cannot be opened: says why, and returns err. */
int wl_link_refuse(char why[INPUT_WHY_MAX], int err, const char *text);

/*
 * As input_ops.open: on return the devices of classes can be used, and events arrive with the input's own; nobody is
 * waited for longer than some seconds. -errno, with a reason: it was given up. ops stay valid.
 */
int wl_link_open(struct wl_link *l, const struct wl_link_ops *ops, void *ctx, const struct input_env *env,
		 uint32_t *classes, char why[INPUT_WHY_MAX]);

/* Whether what the client does can be said now. While the compositor does not read, its socket has room for what lets
 * go, and what is pressed or moved is late. */
bool wl_link_takes(const struct wl_link *l, const struct input_event *e);

/* Sends what fits. give_up() may have been called when it returns. Does nothing without a connection. */
void wl_link_flush(struct wl_link *l);

/*
 * To be called when the owner has destroyed its objects. Waits (half a second at most) until a compositor that is there
 * has read what was said: one that sees a client leave does not. Again, it does nothing.
 */
void wl_link_close(struct wl_link *l);
