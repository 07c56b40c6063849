// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Parts of the back end wlroots: the virtual keyboard, the virtual pointer and the outputs on a Wayland connection that
 * wlr.c owns. They write requests into the connection's buffer; wlr.c sends them. Each has one owner, and the thread is
 * that of the back end's calls (input/backend.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "input/input.h"
#include "input/wlr_keymap.h"

struct wl_output;
struct wl_registry;
struct wl_seat;
struct zxdg_output_manager_v1;
struct zxdg_output_v1;
struct zwlr_virtual_pointer_manager_v1;
struct zwlr_virtual_pointer_v1;
struct zwp_virtual_keyboard_manager_v1;
struct zwp_virtual_keyboard_v1;

/* Timestamps of both protocols. */
static inline uint32_t wlr_time_ms(void)
{
	return (uint32_t)(clock_ns() / 1000000);
}

struct wlr_keyboard {
	struct zwp_virtual_keyboard_v1 *wl; /* NULL: not there */
	struct wlr_keymap *keymap;
	bool warned; /* that a character cannot be typed */
};

/* The keyboard may be used once it has a keymap. */
int wlr_keyboard_create(struct wlr_keyboard *k, struct zwp_virtual_keyboard_manager_v1 *manager, struct wl_seat *seat);
void wlr_keyboard_destroy(struct wlr_keyboard *k);
/* text: what the compositor tells of the seat's keyboard, NULL: the default layout. Ours (of another session,
 * even) is good to begin with, and changes nothing later. -errno: there is no keymap, or the old one stays. */
int wlr_keyboard_set_keymap(struct wlr_keyboard *k, const char *text);
void wlr_keyboard_key(struct wlr_keyboard *k, uint16_t evdev, bool down);
void wlr_keyboard_type(struct wlr_keyboard *k, uint32_t code_point);

struct wlr_pointer {
	struct zwlr_virtual_pointer_v1 *wl; /* NULL: not there */
	uint8_t held;                       /* bit n: button n */
};

/* output: where absolute positions are, NULL: all outputs together. */
int wlr_pointer_create(struct wlr_pointer *p, struct zwlr_virtual_pointer_manager_v1 *manager, struct wl_seat *seat,
		       struct wl_output *output);
void wlr_pointer_destroy(struct wlr_pointer *p);
void wlr_pointer_event(struct wlr_pointer *p, const struct input_event *e);

#define WLR_OUTPUTS_MAX 16

struct wlr_output {
	struct wl_output *wl;
	struct zxdg_output_v1 *xdg; /* NULL: the compositor has none */
	uint32_t name;              /* of the global */
	struct input_place logical; /* as xdg tells */
	int x, y, width, height, scale;
	bool turned;
};

/* Zeroed: none. */
struct wlr_outputs {
	struct zxdg_output_manager_v1 *manager;
	struct wlr_output *output[WLR_OUTPUTS_MAX]; /* in the order in which they came */
	unsigned n;
};

/* Whether the global is theirs. */
bool wlr_outputs_global(struct wlr_outputs *list, struct wl_registry *r, uint32_t name, const char *interface,
			uint32_t version);
void wlr_outputs_remove(struct wlr_outputs *list, uint32_t name); /* accepts names of anything */
void wlr_outputs_finish(struct wlr_outputs *list);
/* By what they have told until now (input/place.h). NULL: there is none. Valid until it is removed. */
const struct wlr_output *wlr_outputs_find(const struct wlr_outputs *list, const struct input_place *captured);
