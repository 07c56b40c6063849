// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A connection to the compositor of WAYLAND_DISPLAY that never waits for it once it is open: what does not fit into the
 * socket goes when there is room, and a compositor that ends is told once. Its owner, a back end, binds what it needs from
 * the registry. HAVE_WAYLAND.
 *
 * The thread of the back end's calls (input/backend.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "input/backend.h"

struct wl_display;
struct wl_registry;
struct wl_registry_listener;

struct wl_link_events {
	/* After events have been read: what was told may be acted on. */
	void (*told)(void *ctx);
	/* From within a dispatch or a flush, logged already: the owner gives everything up, which ends in wl_link_close(). */
	void (*gone)(void *ctx);
	void *ctx;
};

/* Zeroed until it is connected. */
struct wl_link {
	const struct input_env *env;
	/* An epoll of the one socket: the contract watches for reading only, and here room to write counts as well. */
	struct input_watch watch;
	struct wl_link_events events;
	struct wl_display *display; /* NULL: there is none (any more) */
	struct wl_registry *registry;
	bool blocked; /* the socket is full: it has room for what lets go, and the rest is late */
};

/* For whoever cannot be opened: says why, and returns err. */
int wl_link_refuse(char why[INPUT_WHY_MAX], int err, const char *text);

/* On return the listener, which gets ctx, has heard of every global, and what it bound has introduced itself. -errno, with
 * a reason. */
int wl_link_connect(struct wl_link *l, const struct input_env *env, const struct wl_registry_listener *globals,
		    void *ctx, char why[INPUT_WHY_MAX]);

/* Until the compositor has answered all that was asked, and not for ever; before wl_link_watch() only. -errno. */
int wl_link_wait(struct wl_link *l);

/* From now on events arrive with the input's own. ev is copied. -errno. */
int wl_link_watch(struct wl_link *l, const struct wl_link_events *ev);

/* Sends what fits. gone() may have been called when it returns. Does nothing without a connection. */
void wl_link_flush(struct wl_link *l);

/*
 * To be called when the owner has destroyed its objects. Waits (half a second at most) until a compositor that is there
 * has read what was said: one that sees a client leave does not. Again, it does nothing.
 */
void wl_link_close(struct wl_link *l);
