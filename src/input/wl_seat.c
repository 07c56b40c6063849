// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/wl_seat.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wayland-client.h>

#define KEYMAP_BYTES (1u << 20) /* a large one has 80 KiB */
#define SEAT_VERSION 3          /* the first whose keyboard can be released */

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
	struct wl_seat_told *s = data;

	(void)keyboard;
	free(s->keymap);
	s->keymap = format == WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1 ? read_keymap(fd, size) : NULL;
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
	struct wl_seat_told *s = data;
	bool has = capabilities & WL_SEAT_CAPABILITY_KEYBOARD;

	if (has && !s->keyboard) {
		s->keyboard = wl_seat_get_keyboard(seat);
		if (s->keyboard)
			wl_keyboard_add_listener(s->keyboard, &keyboard_listener, s);
	} else if (!has && s->keyboard) {
		wl_keyboard_release(s->keyboard);
		s->keyboard = NULL;
	}
}

static void on_seat_name(void *data, struct wl_seat *seat, const char *name)
{
	(void)data, (void)seat, (void)name;
}

static const struct wl_seat_listener seat_listener = {.capabilities = on_capabilities, .name = on_seat_name};

bool wl_seat_told_global(struct wl_seat_told *s, struct wl_registry *r, uint32_t name, const char *interface,
			 uint32_t version)
{
	if (strcmp(interface, wl_seat_interface.name) != 0)
		return false;
	if (s->wl || version < SEAT_VERSION)
		return true;
	s->wl = wl_registry_bind(r, name, &wl_seat_interface, SEAT_VERSION);
	if (s->wl)
		wl_seat_add_listener(s->wl, &seat_listener, s);
	return true;
}

char *wl_seat_told_keymap(struct wl_seat_told *s)
{
	char *text = s->keymap;

	s->keymap = NULL;
	return text;
}

void wl_seat_told_finish(struct wl_seat_told *s)
{
	if (s->keyboard)
		wl_keyboard_release(s->keyboard);
	if (s->wl)
		wl_seat_destroy(s->wl);
	free(s->keymap);
	*s = (struct wl_seat_told){0};
}
