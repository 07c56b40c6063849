// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Keyboard, mouse and contacts of KDE Plasma, through KWin's own protocol for programs that act for a person. KWin
 * offers it only to programs whose desktop file asks for it (data/moonrill.desktop.in). This file is what KWin offers,
 * and what becomes of it.
 */
#include "input/backend.h"

#include <errno.h>
#include <kwin-fake-input-client-protocol.h>
#include <kwin-keystate-client-protocol.h>
#include <linux/input-event-codes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>

#include "input/keymap.h"
#include "input/kwin.h"
#include "input/kwin_ledger.h"
#include "input/wl_link.h"
#include "input/wl_seat.h"
#include "input/wlr.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define VERSION_MAX 6
/* From this one on KWin lets go of what a client holds that leaves; earlier ones keep it down. */
#define LETS_GO_VERSION ORG_KDE_KWIN_FAKE_INPUT_DESTROY_SINCE_VERSION

enum { LOCK_CAPS = 0, LOCKED = 2 }; /* of org_kde_kwin_keystate */

struct input_kwin {
	struct input_backend base;
	struct wl_link link;
	struct wl_seat_told seat;
	struct wlr_outputs outputs;
	struct org_kde_kwin_fake_input *fake, *text;
	struct org_kde_kwin_keystate *locks; /* NULL: only what we press ourselves is known */
	struct wl_callback *echo;            /* of our last press of Caps Lock, NULL: it has come */
	bool caps_told;
	uint32_t version, fake_name; /* of the global */
	struct kwin_keyboard keyboard;
	struct kwin_pointer pointer;
};

/*
 * Others press Caps Lock as well, so KWin is believed, but only when it has answered what we have sent: until then it
 * tells of states that we have left behind.
 */
static void on_lock(void *data, struct org_kde_kwin_keystate *locks, uint32_t key, uint32_t state)
{
	struct input_kwin *w = data;

	(void)locks;
	if (key != LOCK_CAPS)
		return;
	w->caps_told = state == LOCKED;
	if (!w->echo)
		kwin_keyboard_told_caps(&w->keyboard, w->caps_told);
}

static void forget_echo(struct input_kwin *w)
{
	if (w->echo)
		wl_callback_destroy(w->echo);
	w->echo = NULL;
}

static void on_echo(void *data, struct wl_callback *callback, uint32_t serial)
{
	struct input_kwin *w = data;

	(void)callback, (void)serial;
	forget_echo(w);
	kwin_keyboard_told_caps(&w->keyboard, w->caps_told);
}

static const struct wl_callback_listener echo_listener = {.done = on_echo};

static void expect_echo(struct input_kwin *w)
{
	w->keyboard.tapped = false;
	if (!w->locks)
		return;
	forget_echo(w);
	w->echo = wl_display_sync(w->link.display);
	if (w->echo)
		wl_callback_add_listener(w->echo, &echo_listener, w);
}

static const struct org_kde_kwin_keystate_listener lock_listener = {.stateChanged = on_lock};

static void on_global(void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version)
{
	struct input_kwin *w = data;

	if (wl_seat_told_global(&w->seat, r, name, interface, version) ||
	    wlr_outputs_global(&w->outputs, r, name, interface, version))
		return;
	if (!strcmp(interface, org_kde_kwin_fake_input_interface.name) && !w->fake) {
		w->version = version < VERSION_MAX ? version : VERSION_MAX;
		w->fake_name = name;
		w->fake = wl_registry_bind(r, name, &org_kde_kwin_fake_input_interface, w->version);
	} else if (!strcmp(interface, org_kde_kwin_keystate_interface.name) && !w->locks) {
		w->locks = wl_registry_bind(r, name, &org_kde_kwin_keystate_interface, 1);
		if (w->locks)
			org_kde_kwin_keystate_add_listener(w->locks, &lock_listener, w);
	}
}

static void on_global_remove(void *data, struct wl_registry *r, uint32_t name)
{
	struct input_kwin *w = data;

	(void)r;
	wlr_outputs_remove(&w->outputs, name);
}

/* After every dispatch: what was told becomes so. */
static void settle(void *ctx)
{
	struct input_kwin *w = ctx;
	const struct wlr_output *o = wlr_outputs_find(&w->outputs, &w->base.env->place);
	char *keymap = w->keyboard.wl ? wl_seat_told_keymap(&w->seat) : NULL;
	int err = keymap ? kwin_keyboard_set_keymap(&w->keyboard, keymap) : 0;

	free(keymap);
	if (err)
		log_errno(err, "the keymap in use cannot be taken over");
	w->pointer.at = o ? o->logical : (struct input_place){0};
}

static void destroy_fake(struct org_kde_kwin_fake_input *fake)
{
	if (!fake)
		return;
	if (org_kde_kwin_fake_input_get_version(fake) >= ORG_KDE_KWIN_FAKE_INPUT_DESTROY_SINCE_VERSION)
		org_kde_kwin_fake_input_destroy(fake);
	else
		wl_proxy_destroy((struct wl_proxy *)fake); /* earlier versions have nothing to say it with */
}

/* Of whatever there is; again, it does nothing. */
static void disconnect(void *ctx)
{
	struct input_kwin *w = ctx;

	forget_echo(w);
	kwin_keyboard_destroy(&w->keyboard);
	kwin_pointer_destroy(&w->pointer);
	wl_seat_told_finish(&w->seat);
	wlr_outputs_finish(&w->outputs);
	destroy_fake(w->text);
	destroy_fake(w->fake);
	if (w->locks)
		org_kde_kwin_keystate_destroy(w->locks);
	w->fake = w->text = NULL;
	w->locks = NULL;
	wl_link_close(&w->link);
}

/* Of the classes asked for, those that this version of the protocol has. */
static int choose_classes(void *ctx, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	const struct input_kwin *w = ctx;

	if (!w->fake)
		return wl_link_refuse(why, -ENODEV,
				      "not KWin, or its fake input is not for us: install moonrill.desktop");
	if (w->version < ORG_KDE_KWIN_FAKE_INPUT_TOUCH_DOWN_SINCE_VERSION)
		*classes &= ~INPUT_CLASS(INPUT_CLASS_TOUCH);
	if (w->version < ORG_KDE_KWIN_FAKE_INPUT_POINTER_MOTION_ABSOLUTE_SINCE_VERSION)
		*classes &= ~INPUT_CLASS(INPUT_CLASS_MOUSE);
	if (w->version < ORG_KDE_KWIN_FAKE_INPUT_KEYBOARD_KEY_SINCE_VERSION)
		*classes &= ~INPUT_CLASS(INPUT_CLASS_KEYBOARD);
	return *classes ? 0 : wl_link_refuse(why, -ENODEV, "this KWin is too old: its fake input lacks that");
}

static void authenticate(struct org_kde_kwin_fake_input *fake)
{
	org_kde_kwin_fake_input_authenticate(fake, "moonrill", "keyboard and pointer of a streaming client");
}

static int make_keyboard(struct input_kwin *w)
{
	if (w->version >= ORG_KDE_KWIN_FAKE_INPUT_KEYBOARD_KEYSYM_SINCE_VERSION) {
		w->text = wl_registry_bind(w->link.registry, w->fake_name, &org_kde_kwin_fake_input_interface,
					   w->version);
		if (!w->text)
			return -ENOMEM;
		authenticate(w->text);
	}
	kwin_keyboard_create(&w->keyboard, w->fake, w->text);
	if (w->locks)
		org_kde_kwin_keystate_fetchStates(w->locks);
	return 0;
}

/* What an earlier daemon held when it was killed, which an old KWin keeps down. */
static void let_go(void *ctx, uint16_t code)
{
	struct input_kwin *w = ctx;

	if (code == KWIN_LEDGER_CONTACT)
		org_kde_kwin_fake_input_touch_cancel(w->fake);
	else if (code >= BTN_MOUSE && code < BTN_JOYSTICK)
		org_kde_kwin_fake_input_button(w->fake, code, WL_POINTER_BUTTON_STATE_RELEASED);
	else
		org_kde_kwin_fake_input_keyboard_key(w->fake, code, WL_KEYBOARD_KEY_STATE_RELEASED);
}

static int make_devices(void *ctx, uint32_t classes)
{
	static atomic_uint opened; /* sessions have their contacts apart */
	struct input_kwin *w = ctx;
	int err = 0;

	authenticate(w->fake);
	if (w->version < LETS_GO_VERSION && w->version >= ORG_KDE_KWIN_FAKE_INPUT_KEYBOARD_KEY_SINCE_VERSION)
		kwin_ledger_begin(let_go, w);
	if (classes & INPUT_CLASS(INPUT_CLASS_KEYBOARD))
		err = make_keyboard(w);
	if (!err && classes & (INPUT_CLASS(INPUT_CLASS_MOUSE) | INPUT_CLASS(INPUT_CLASS_TOUCH)))
		kwin_pointer_create(&w->pointer, w->fake, (atomic_fetch_add(&opened, 1) & 0xffff) * TOUCH_CONTACTS_MAX);
	return err;
}

static int ready(void *ctx, char why[INPUT_WHY_MAX])
{
	struct input_kwin *w = ctx;
	int err = w->keyboard.wl && !w->keyboard.layout ? kwin_keyboard_set_keymap(&w->keyboard, NULL) : 0;

	if (err)
		return wl_link_refuse(why, err, "no keymap: neither KWin's nor the default layout can be used");
	kwin_keyboard_told_caps(&w->keyboard, w->caps_told);
	return 0;
}

static const struct wl_link_ops link_ops = {
	.globals = {on_global, on_global_remove},
	.choose = choose_classes,
	.make = make_devices,
	.ready = ready,
	.told = settle,
	.give_up = disconnect,
};

static int open_kwin(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	struct input_kwin *w = (struct input_kwin *)b;

	return wl_link_open(&w->link, &link_ops, w, b->env, classes, why);
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct input_kwin *w = (struct input_kwin *)b;
	uint16_t key;

	if (!wl_link_takes(&w->link, e))
		return;
	switch (e->type) {
	case INPUT_KEY:
		key = evdev_key(e->key.vk, e->key.raw);
		if (key)
			kwin_keyboard_key(&w->keyboard, key, e->key.down);
		break;
	case INPUT_TEXT:
		kwin_keyboard_type(&w->keyboard, e->text.code_point);
		break;
	default:
		kwin_pointer_event(&w->pointer, e);
		break;
	}
	if (w->keyboard.tapped)
		expect_echo(w);
	wl_link_flush(&w->link);
}

static void close_kwin(struct input_backend *b)
{
	disconnect(b);
}

const struct input_ops input_kwin = {
	.name = "kwin",
	.help = "keys, pointer and touch of a KDE Plasma desktop, through KWin's fake input",
	.classes = INPUT_CLASS(INPUT_CLASS_KEYBOARD) | INPUT_CLASS(INPUT_CLASS_MOUSE) | INPUT_CLASS(INPUT_CLASS_TOUCH),
	.automatic = true,
	.size = sizeof(struct input_kwin),
	.open = open_kwin,
	.event = event,
	.close = close_kwin,
};
