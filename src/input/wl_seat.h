// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The seat of a Wayland compositor, and the keymap that it tells of its keyboard: what the session's layout is, even to
 * a client without a window. HAVE_WAYLAND. The thread of its owner's wl_link (input/wl_link.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct wl_keyboard;
struct wl_registry;
struct wl_seat;

/* Zeroed: none yet. */
struct wl_seat_told {
	struct wl_seat *wl;
	struct wl_keyboard *keyboard;
	char *keymap; /* text that was told last and not taken yet */
};

/* Whether the global is a seat; the first is taken. s stays where it is. */
bool wl_seat_told_global(struct wl_seat_told *s, struct wl_registry *r, uint32_t name, const char *interface,
			 uint32_t version);
/* The keymap's text, once, to be freed by the caller; NULL: none was told since. */
char *wl_seat_told_keymap(struct wl_seat_told *s);
void wl_seat_told_finish(struct wl_seat_told *s);
