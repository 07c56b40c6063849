// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Keyboard and mouse of compositors made with wlroots (sway, labwc, river, Wayfire, Hyprland too), through their own
 * protocols: a client of the session that is captured may have a virtual keyboard and a virtual pointer, so nothing has
 * to be permitted. This file is the connection: what the compositor offers, its socket without ever waiting for it, and
 * its end.
 */
#include "input/backend.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <virtual-keyboard-unstable-v1-client-protocol.h>
#include <wayland-client.h>
#include <wlr-virtual-pointer-unstable-v1-client-protocol.h>

#include "base/clock.h"
#include "base/str.h"
#include "input/keymap.h"
#include "input/wlr.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define ANSWER_NS    (2 * 1000000000ull) /* a compositor that needs longer at open does not work */
#define PARTING_NS   500000000ull        /* for one that has stopped reading meanwhile */
#define KEYMAP_BYTES (1u << 20)          /* a large one has 80 KiB */
#define SEAT_VERSION 3                   /* the first whose keyboard can be released */

struct input_wlr {
	struct input_backend base;
	/* An epoll of the one socket: the contract watches for reading only, and here room to write counts as well. */
	struct input_watch watch;
	struct wl_display *display; /* NULL: the compositor has gone */
	struct wl_registry *registry;
	struct wl_seat *seat;
	struct wl_keyboard *told; /* of the seat: tells the keymap in use */
	struct zwp_virtual_keyboard_manager_v1 *keyboards;
	struct zwlr_virtual_pointer_manager_v1 *pointers;
	struct wlr_outputs outputs;
	uint32_t pointer_output; /* global that the pointer is bound to, 0: none */
	char *keymap_text;       /* told last, until the keyboard has taken it */
	struct wlr_keyboard keyboard;
	struct wlr_pointer pointer;
	bool blocked; /* the socket is full */
};

/* What the compositor tells. */

static char *read_keymap(int fd, uint32_t size)
{
	char *text = size && size <= KEYMAP_BYTES ? malloc((size_t)size + 1) : NULL;
	size_t got = 0;
	ssize_t n;

	while (text && got < size) {
		n = pread(fd, text + got, size - got, (off_t)got);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	if (text)
		text[got] = '\0';
	return text;
}

static void on_keymap(void *data, struct wl_keyboard *keyboard, uint32_t format, int fd, uint32_t size)
{
	struct input_wlr *w = data;

	(void)keyboard;
	free(w->keymap_text);
	w->keymap_text = format == WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1 ? read_keymap(fd, size) : NULL;
	close(fd);
}

static void on_enter(void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *s, struct wl_array *keys)
{
	(void)data, (void)k, (void)serial, (void)s, (void)keys; /* we have no surface */
}

static void on_leave(void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *s)
{
	(void)data, (void)k, (void)serial, (void)s;
}

static void on_key(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t time, uint32_t key, uint32_t state)
{
	(void)data, (void)k, (void)serial, (void)time, (void)key, (void)state;
}

static void on_modifiers(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t depressed, uint32_t latched,
			 uint32_t locked, uint32_t group)
{
	(void)data, (void)k, (void)serial, (void)depressed, (void)latched, (void)locked, (void)group;
}

static const struct wl_keyboard_listener keyboard_listener = {
	.keymap = on_keymap,
	.enter = on_enter,
	.leave = on_leave,
	.key = on_key,
	.modifiers = on_modifiers,
};

static void on_capabilities(void *data, struct wl_seat *seat, uint32_t capabilities)
{
	struct input_wlr *w = data;
	bool has = capabilities & WL_SEAT_CAPABILITY_KEYBOARD;

	if (has && !w->told) {
		w->told = wl_seat_get_keyboard(seat);
		if (w->told)
			wl_keyboard_add_listener(w->told, &keyboard_listener, w);
	} else if (!has && w->told) {
		wl_keyboard_release(w->told);
		w->told = NULL;
	}
}

static void on_seat_name(void *data, struct wl_seat *seat, const char *name)
{
	(void)data, (void)seat, (void)name;
}

static const struct wl_seat_listener seat_listener = {.capabilities = on_capabilities, .name = on_seat_name};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void on_global(void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version)
{
	struct input_wlr *w = data;

	if (!strcmp(interface, wl_seat_interface.name) && !w->seat && version >= SEAT_VERSION) {
		w->seat = wl_registry_bind(r, name, &wl_seat_interface, SEAT_VERSION);
		if (w->seat)
			wl_seat_add_listener(w->seat, &seat_listener, w);
	} else if (wlr_outputs_global(&w->outputs, r, name, interface, version)) {
		return;
	} else if (!strcmp(interface, zwp_virtual_keyboard_manager_v1_interface.name) && !w->keyboards) {
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

static const struct wl_registry_listener registry_listener = {on_global, on_global_remove};

/* The output whose pictures the client sees. */
static const struct wlr_output *captured_output(const struct input_wlr *w)
{
	return wlr_outputs_find(&w->outputs, &w->base.env->place);
}

static int make_pointer(struct input_wlr *w)
{
	const struct wlr_output *o = captured_output(w);

	w->pointer_output = o ? o->name : 0;
	return wlr_pointer_create(&w->pointer, w->pointers, w->seat, o ? o->wl : NULL);
}

/* After every dispatch: what was told becomes so. */
static void settle(struct input_wlr *w)
{
	const struct wlr_output *o = captured_output(w);

	if (w->keyboard.keymap && w->keymap_text) {
		int err = wlr_keyboard_set_keymap(&w->keyboard, w->keymap_text);

		if (err && err != -EINVAL)
			log_errno(err, "the keymap in use cannot be taken over");
		free(w->keymap_text);
		w->keymap_text = NULL;
	}
	/* Held buttons go with the old pointer: its compositor lets go of them. */
	if (w->pointer.wl && w->pointer_output != (o ? o->name : 0)) {
		wlr_pointer_destroy(&w->pointer);
		if (make_pointer(w))
			log_err("no memory for a pointer");
	}
}

/* The socket. */

static void watch_writing(struct input_wlr *w, bool on)
{
	struct epoll_event e = {.events = EPOLLIN | (on ? EPOLLOUT : 0)};

	if (w->blocked != on && w->watch.fd >= 0)
		epoll_ctl(w->watch.fd, EPOLL_CTL_MOD, wl_display_get_fd(w->display), &e);
	w->blocked = on;
}

/* Sends what fits; the rest goes when there is room. */
static int flush(struct input_wlr *w)
{
	if (wl_display_flush(w->display) >= 0) {
		watch_writing(w, false);
		return 0;
	}
	if (errno != EAGAIN)
		return -errno;
	watch_writing(w, true);
	return 0;
}

/* Reads what is there. */
static int take_events(struct input_wlr *w)
{
	while (wl_display_prepare_read(w->display) != 0)
		if (wl_display_dispatch_pending(w->display) < 0)
			return -1;
	if (wl_display_read_events(w->display) < 0 && errno != EAGAIN)
		return -1;
	return wl_display_dispatch_pending(w->display) < 0 ? -1 : 0;
}

static void on_done(void *data, struct wl_callback *callback, uint32_t serial)
{
	(void)callback, (void)serial;
	*(bool *)data = true;
}

static const struct wl_callback_listener done_listener = {.done = on_done};

/* Until the compositor has answered all that was asked; in open and close only, and not for ever. */
static int wait_answer(struct input_wlr *w, uint64_t limit_ns)
{
	uint64_t end = clock_ns() + limit_ns, now;
	struct pollfd fd = {.fd = wl_display_get_fd(w->display), .events = POLLIN};
	struct wl_callback *callback = wl_display_sync(w->display);
	bool done = false;
	int err = 0;

	if (!callback)
		return -ENOMEM;
	wl_callback_add_listener(callback, &done_listener, &done);
	while (!done && !err) {
		if (wl_display_flush(w->display) < 0 && errno != EAGAIN)
			err = -errno;
		now = clock_ns();
		if (!err && now >= end)
			err = -ETIMEDOUT;
		if (!err && poll(&fd, 1, (int)((end - now) / 1000000) + 1) > 0 && take_events(w) < 0)
			err = -EPROTO;
	}
	wl_callback_destroy(callback);
	return err;
}

/* Of whatever there is; again, it does nothing. */
static void disconnect(struct input_wlr *w)
{
	input_watch_remove(w->base.env, &w->watch);
	if (w->watch.fd >= 0)
		close(w->watch.fd);
	w->watch.fd = -1;
	wlr_keyboard_destroy(&w->keyboard);
	wlr_pointer_destroy(&w->pointer);
	if (!w->display)
		return;
	if (w->told)
		wl_keyboard_release(w->told);
	wlr_outputs_finish(&w->outputs);
	if (w->seat)
		wl_seat_destroy(w->seat);
	if (w->keyboards)
		zwp_virtual_keyboard_manager_v1_destroy(w->keyboards);
	if (w->pointers)
		zwlr_virtual_pointer_manager_v1_destroy(w->pointers);
	if (w->registry)
		wl_registry_destroy(w->registry);
	/* A compositor that sees a client leave does not read what the client said before: wait till it has. */
	if (!wl_display_get_error(w->display))
		wait_answer(w, PARTING_NS);
	wl_display_disconnect(w->display);
	w->display = NULL;
	free(w->keymap_text);
	w->keymap_text = NULL;
}

/* Once: events of the client are dropped from now on. */
static void gone(struct input_wlr *w)
{
	int err = wl_display_get_error(w->display);

	log_warn("the compositor has gone: no keyboard and mouse for this session (%s)",
		 err ? strerror(err) : "closed");
	disconnect(w);
}

static void ready(struct input_watch *watch)
{
	struct input_wlr *w = (struct input_wlr *)((char *)watch - offsetof(struct input_wlr, watch));

	if (take_events(w) < 0) {
		gone(w);
		return;
	}
	settle(w);
	if (flush(w) < 0)
		gone(w);
}

static int refuse(char why[INPUT_WHY_MAX], int err, const char *text)
{
	snprintf(why, INPUT_WHY_MAX, "%s", text);
	return err;
}

static int connect_display(struct input_wlr *w, char why[INPUT_WHY_MAX])
{
	const char *name = getenv("WAYLAND_DISPLAY");

	if (!name || !*name)
		return refuse(why, -ENODEV, "no WAYLAND_DISPLAY");
	w->display = wl_display_connect(name);
	if (!w->display)
		return refuse(why, -ENODEV, "the compositor of WAYLAND_DISPLAY is not there");
	w->registry = wl_display_get_registry(w->display);
	if (!w->registry)
		return -ENOMEM;
	wl_registry_add_listener(w->registry, &registry_listener, w);
	/* What there is; then where the outputs are. */
	for (unsigned i = 0; i < 2; i++)
		if (wait_answer(w, ANSWER_NS))
			return refuse(why, -ENODEV, "the compositor does not answer");
	return 0;
}

/* Of the classes asked for, those that the compositor has something for. */
static int choose_classes(const struct input_wlr *w, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	if (!w->seat)
		return refuse(why, -ENODEV, "the compositor has no seat");
	if (!w->pointers)
		*classes &= ~INPUT_CLASS(INPUT_CLASS_MOUSE);
	if (!w->keyboards)
		*classes &= ~INPUT_CLASS(INPUT_CLASS_KEYBOARD);
	if (*classes)
		return 0;
	return refuse(why, -ENODEV,
		      w->pointers ? "the compositor has no virtual keyboard" : "the compositor has no virtual pointer");
}

static int make_devices(struct input_wlr *w, uint32_t classes, char why[INPUT_WHY_MAX])
{
	int err = 0;

	if (classes & INPUT_CLASS(INPUT_CLASS_KEYBOARD))
		err = wlr_keyboard_create(&w->keyboard, w->keyboards, w->seat);
	if (!err && classes & INPUT_CLASS(INPUT_CLASS_MOUSE))
		err = make_pointer(w);
	/* A seat may have a keyboard only now; its keymap comes with the answer after that. */
	for (unsigned i = 0; i < 2 && !err; i++)
		if (wait_answer(w, ANSWER_NS))
			return refuse(why, -EACCES, "the compositor refuses virtual devices");
	if (err || !w->keyboard.wl)
		return err;
	if (w->keymap_text)
		wlr_keyboard_set_keymap(&w->keyboard, w->keymap_text);
	if (!w->keyboard.keymap)
		err = wlr_keyboard_set_keymap(&w->keyboard, NULL);
	if (err)
		return refuse(why, err, "no keymap: neither the compositor's nor the default layout can be used");
	return 0;
}

static int watch_display(struct input_wlr *w)
{
	struct epoll_event e = {.events = EPOLLIN};

	w->watch.ready = ready;
	w->watch.fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->watch.fd < 0 || epoll_ctl(w->watch.fd, EPOLL_CTL_ADD, wl_display_get_fd(w->display), &e))
		return -errno;
	return input_watch_add(w->base.env, &w->watch);
}

static int open_wlr(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	struct input_wlr *w = (struct input_wlr *)b;
	int err;

	w->watch.fd = -1;
	err = connect_display(w, why);
	if (!err)
		err = choose_classes(w, classes, why);
	if (!err)
		err = make_devices(w, *classes, why);
	if (!err)
		err = flush(w);
	if (!err)
		err = watch_display(w);
	if (err)
		disconnect(w);
	return err;
}

/* While the compositor does not read, its socket has room for what lets go, and what is pressed or moved is late. */
static bool lets_go(const struct input_event *e)
{
	return (e->type == INPUT_KEY && !e->key.down) || (e->type == INPUT_MOUSE_BUTTON && !e->button.down);
}

static void event(struct input_backend *b, const struct input_event *e)
{
	struct input_wlr *w = (struct input_wlr *)b;
	uint16_t key;

	if (!w->display || (w->blocked && !lets_go(e)))
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
	if (flush(w) < 0)
		gone(w);
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
