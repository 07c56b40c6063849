// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Keyboard and mouse of compositors made with wlroots (sway, labwc, river, Wayfire, Hyprland too), through their own
 * protocols: a client of the session that is captured may have a virtual keyboard and a virtual pointer, so nothing has
 * to be permitted. This file is what the compositor offers, and what becomes of it.
 */
#include "input/backend.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <virtual-keyboard-unstable-v1-client-protocol.h>
#include <wayland-client.h>
#include <wlr-virtual-pointer-unstable-v1-client-protocol.h>

#include "base/num.h"
#include "input/keymap.h"
#include "input/wl_link.h"
#include "input/wl_seat.h"
#include "input/wlr.h"

#define LOG_MODULE "input"
#include "base/log.h"

struct input_wlr {
	struct input_backend base;
	struct wl_link link;
	struct wl_seat_told seat;
	struct zwp_virtual_keyboard_manager_v1 *keyboards;
	struct zwlr_virtual_pointer_manager_v1 *pointers;
	struct wlr_outputs outputs;
	uint32_t pointer_output; /* global that the pointer is bound to, 0: none */
	struct wlr_keyboard keyboard;
	struct wlr_pointer pointer;
};

/* What the compositor tells. */

static void on_global(void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version)
{
	struct input_wlr *w = data;

	if (wl_seat_told_global(&w->seat, r, name, interface, version) ||
	    wlr_outputs_global(&w->outputs, r, name, interface, version))
		return;
	if (!strcmp(interface, zwp_virtual_keyboard_manager_v1_interface.name) && !w->keyboards) {
		w->keyboards = wl_registry_bind(r, name, &zwp_virtual_keyboard_manager_v1_interface, 1);
	} else if (!strcmp(interface, zwlr_virtual_pointer_manager_v1_interface.name) && !w->pointers) {
		w->pointers = wl_registry_bind(r, name, &zwlr_virtual_pointer_manager_v1_interface, least(version, 2));
	}
}

static void on_global_remove(void *data, struct wl_registry *r, uint32_t name)
{
	struct input_wlr *w = data;

	(void)r;
	wlr_outputs_remove(&w->outputs, name);
}

/* The output whose pictures the client sees. */
static const struct wlr_output *captured_output(const struct input_wlr *w)
{
	return wlr_outputs_find(&w->outputs, &w->base.env->place);
}

static int make_pointer(struct input_wlr *w)
{
	const struct wlr_output *o = captured_output(w);

	w->pointer_output = o ? o->name : 0;
	return wlr_pointer_create(&w->pointer, w->pointers, w->seat.wl, o ? o->wl : NULL);
}

/* After every dispatch: what was told becomes so. */
static void settle(void *ctx)
{
	struct input_wlr *w = ctx;
	const struct wlr_output *o = captured_output(w);
	char *keymap = w->keyboard.wl ? wl_seat_told_keymap(&w->seat) : NULL;
	int err = keymap ? wlr_keyboard_set_keymap(&w->keyboard, keymap) : 0;

	free(keymap);
	if (err && err != -EINVAL)
		log_errno(err, "the keymap in use cannot be taken over");
	/* Held buttons go with the old pointer: its compositor lets go of them. */
	if (w->pointer.wl && w->pointer_output != (o ? o->name : 0)) {
		wlr_pointer_destroy(&w->pointer);
		if (make_pointer(w))
			log_err("no memory for a pointer");
	}
}

/* Of whatever there is; again, it does nothing. */
static void disconnect(void *ctx)
{
	struct input_wlr *w = ctx;

	wlr_keyboard_destroy(&w->keyboard);
	wlr_pointer_destroy(&w->pointer);
	wlr_outputs_finish(&w->outputs);
	wl_seat_told_finish(&w->seat);
	if (w->keyboards)
		zwp_virtual_keyboard_manager_v1_destroy(w->keyboards);
	if (w->pointers)
		zwlr_virtual_pointer_manager_v1_destroy(w->pointers);
	w->keyboards = NULL;
	w->pointers = NULL;
	wl_link_close(&w->link);
}

/* Of the classes asked for, those that the compositor has something for. */
static int choose_classes(void *ctx, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	const struct input_wlr *w = ctx;

	if (!w->seat.wl)
		return wl_link_refuse(why, -ENODEV, "the compositor has no seat");
	if (!w->pointers)
		*classes &= ~INPUT_CLASS(INPUT_CLASS_MOUSE);
	if (!w->keyboards)
		*classes &= ~INPUT_CLASS(INPUT_CLASS_KEYBOARD);
	if (*classes)
		return 0;
	return wl_link_refuse(why, -ENODEV,
			      w->pointers ? "the compositor has no virtual keyboard"
					  : "the compositor has no virtual pointer");
}

static int make_devices(void *ctx, uint32_t classes)
{
	struct input_wlr *w = ctx;
	int err = 0;

	if (classes & INPUT_CLASS(INPUT_CLASS_KEYBOARD))
		err = wlr_keyboard_create(&w->keyboard, w->keyboards, w->seat.wl);
	if (!err && classes & INPUT_CLASS(INPUT_CLASS_MOUSE))
		err = make_pointer(w);
	return err;
}

static int ready(void *ctx, char why[INPUT_WHY_MAX])
{
	struct input_wlr *w = ctx;
	int err = w->keyboard.wl && !w->keyboard.keymap ? wlr_keyboard_set_keymap(&w->keyboard, NULL) : 0;

	return err ? wl_link_refuse(why, err, "no keymap: neither the compositor's nor the default layout can be used")
		   : 0;
}

static const struct wl_link_ops link_ops = {
	.globals = {on_global, on_global_remove},
	.choose = choose_classes,
	.make = make_devices,
	.ready = ready,
	.told = settle,
	.give_up = disconnect,
};

static int open_wlr(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	struct input_wlr *w = (struct input_wlr *)b;

	return wl_link_open(&w->link, &link_ops, w, b->env, classes, why);
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct input_wlr *w = (struct input_wlr *)b;
	uint16_t key;

	if (!wl_link_takes(&w->link, e))
		return;
	switch (e->type) {
	case INPUT_KEY:
		key = evdev_key(e->key.vk, e->key.raw);
		if (key)
			wlr_keyboard_key(&w->keyboard, key, e->key.down);
		break;
	case INPUT_TEXT:
		wlr_keyboard_type(&w->keyboard, e->text.code_point);
		break;
	default:
		if (w->pointer.wl)
			wlr_pointer_event(&w->pointer, e);
		break;
	}
	wl_link_flush(&w->link);
}

static void close_wlr(struct input_backend *b)
{
	disconnect((struct input_wlr *)b);
}

const struct input_ops input_wlroots = {
	.name = "wlroots",
	.help = "virtual keyboard and pointer of the Wayland compositor that runs the session (sway and its kin)",
	.classes = INPUT_CLASS(INPUT_CLASS_KEYBOARD) | INPUT_CLASS(INPUT_CLASS_MOUSE),
	.automatic = true,
	.size = sizeof(struct input_wlr),
	.open = open_wlr,
	.event = event,
	.close = close_wlr,
};
