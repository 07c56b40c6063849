// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * wllayout LAYOUT: somebody else's keyboard, with that layout, on the seat of a wlroots compositor. It presses a key
 * that no layout has, which makes its layout the seat's, prints "there", and stays until its input ends.
 *
 * Built by scripts/live-programs.sh.
 */
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wayland-client.h>
#include <xkbcommon/xkbcommon.h>

#include "virtual-keyboard-unstable-v1-client-protocol.h"

static struct wl_seat *seat;
static struct zwp_virtual_keyboard_manager_v1 *keyboards;

static void on_global(void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version)
{
	(void)data, (void)version;
	if (!strcmp(interface, wl_seat_interface.name))
		seat = wl_registry_bind(r, name, &wl_seat_interface, 1);
	else if (!strcmp(interface, zwp_virtual_keyboard_manager_v1_interface.name))
		keyboards = wl_registry_bind(r, name, &zwp_virtual_keyboard_manager_v1_interface, 1);
}

static void on_global_remove(void *data, struct wl_registry *r, uint32_t name)
{
	(void)data, (void)r, (void)name;
}

static const struct wl_registry_listener registry_listener = {on_global, on_global_remove};

/* The keymap of a layout, as text in memory; its size with the end. */
static int keymap_of(const char *layout, size_t *size)
{
	struct xkb_rule_names names = {.layout = layout};
	struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	struct xkb_keymap *keymap = context ? xkb_keymap_new_from_names(context, &names, 0) : NULL;
	char *text = keymap ? xkb_keymap_get_as_string(keymap, XKB_KEYMAP_FORMAT_TEXT_V1) : NULL;
	int fd = text ? memfd_create("wllayout", MFD_CLOEXEC) : -1;

	*size = text ? strlen(text) + 1 : 0;
	if (fd >= 0 && write(fd, text, *size) != (ssize_t)*size) {
		close(fd);
		fd = -1;
	}
	free(text);
	xkb_keymap_unref(keymap);
	xkb_context_unref(context);
	return fd;
}

int main(int argc, char **argv)
{
	struct wl_display *display = wl_display_connect(NULL);
	struct zwp_virtual_keyboard_v1 *keyboard;
	size_t size;
	int fd = argc == 2 ? keymap_of(argv[1], &size) : -1;

	if (!display || fd < 0) {
		fprintf(stderr, "wllayout: no Wayland display, or no such layout\n");
		return 1;
	}
	wl_registry_add_listener(wl_display_get_registry(display), &registry_listener, NULL);
	wl_display_roundtrip(display);
	if (!seat || !keyboards) {
		fprintf(stderr, "wllayout: the compositor has no seat or no virtual keyboards\n");
		return 1;
	}
	keyboard = zwp_virtual_keyboard_manager_v1_create_virtual_keyboard(keyboards, seat);
	zwp_virtual_keyboard_v1_keymap(keyboard, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, fd, (uint32_t)size);
	zwp_virtual_keyboard_v1_key(keyboard, 0, KEY_UNKNOWN, WL_KEYBOARD_KEY_STATE_PRESSED);
	zwp_virtual_keyboard_v1_key(keyboard, 0, KEY_UNKNOWN, WL_KEYBOARD_KEY_STATE_RELEASED);
	if (wl_display_roundtrip(display) < 0)
		return 1;
	printf("there\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
