// SPDX-License-Identifier: GPL-3.0-or-later
#include "eis_host.h"

#include <libeis.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WIDTH  1280
#define HEIGHT 720

struct eis_host {
	struct eis *eis;
	struct eis_client *client;
	const char *keymap;
	void (*word)(void *ctx, const char *text);
	void *ctx;
};

static void say(struct eis_host *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct eis_host *h, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	h->word(h->ctx, text);
}

static void add_keymap(const struct eis_host *h, struct eis_device *device)
{
	size_t size = strlen(h->keymap) + 1;
	int fd = memfd_create("keymap", MFD_CLOEXEC);
	struct eis_keymap *keymap;

	if (fd < 0 || write(fd, h->keymap, size) != (ssize_t)size)
		abort();
	keymap = eis_device_new_keymap(device, EIS_KEYMAP_TYPE_XKB, fd, size);
	eis_keymap_add(keymap);
	eis_keymap_unref(keymap);
	close(fd);
}

static void add_region(struct eis_device *device)
{
	struct eis_region *region = eis_device_new_region(device);

	eis_region_set_size(region, WIDTH, HEIGHT);
	eis_region_set_offset(region, 0, 0);
	eis_region_add(region);
	eis_region_unref(region);
}

static struct eis_device *new_device(struct eis_host *h, struct eis_event *e, const char *name)
{
	struct eis_device *device = eis_seat_new_device(eis_event_get_seat(e));

	say(h, "bind %s", name);
	eis_device_configure_name(device, name);
	return device;
}

static void offer(struct eis_device *device)
{
	eis_device_add(device);
	eis_device_resume(device);
	eis_device_unref(device);
}

static void on_bind(struct eis_host *h, struct eis_event *e)
{
	struct eis_device *device;

	if (eis_event_seat_has_capability(e, EIS_DEVICE_CAP_KEYBOARD)) {
		device = new_device(h, e, "keyboard");
		eis_device_configure_capability(device, EIS_DEVICE_CAP_KEYBOARD);
		if (h->keymap)
			add_keymap(h, device);
		offer(device);
	}
	if (eis_event_seat_has_capability(e, EIS_DEVICE_CAP_POINTER)) {
		device = new_device(h, e, "pointer");
		eis_device_configure_capability(device, EIS_DEVICE_CAP_POINTER);
		eis_device_configure_capability(device, EIS_DEVICE_CAP_POINTER_ABSOLUTE);
		eis_device_configure_capability(device, EIS_DEVICE_CAP_BUTTON);
		eis_device_configure_capability(device, EIS_DEVICE_CAP_SCROLL);
		add_region(device);
		offer(device);
	}
	if (eis_event_seat_has_capability(e, EIS_DEVICE_CAP_TOUCH)) {
		device = new_device(h, e, "touch");
		eis_device_configure_capability(device, EIS_DEVICE_CAP_TOUCH);
		add_region(device);
		offer(device);
	}
}

static void on_connect(struct eis_host *h, struct eis_event *e)
{
	static const enum eis_device_capability all[] = {
		EIS_DEVICE_CAP_KEYBOARD, EIS_DEVICE_CAP_POINTER, EIS_DEVICE_CAP_POINTER_ABSOLUTE,
		EIS_DEVICE_CAP_BUTTON,   EIS_DEVICE_CAP_SCROLL,  EIS_DEVICE_CAP_TOUCH,
	};
	struct eis_client *client = eis_event_get_client(e);
	struct eis_seat *seat;

	h->client = client;
	eis_client_connect(client);
	seat = eis_client_new_seat(client, "seat");
	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++)
		eis_seat_configure_capability(seat, all[i]);
	eis_seat_add(seat);
	eis_seat_unref(seat);
	say(h, "eis");
}

static void on_event(struct eis_host *h, struct eis_event *e)
{
	switch (eis_event_get_type(e)) {
	case EIS_EVENT_CLIENT_CONNECT:
		on_connect(h, e);
		break;
	case EIS_EVENT_CLIENT_DISCONNECT:
		h->client = NULL;
		say(h, "eis gone");
		break;
	case EIS_EVENT_SEAT_BIND:
		on_bind(h, e);
		break;
	case EIS_EVENT_DEVICE_START_EMULATING:
		say(h, "start %s", eis_device_get_name(eis_event_get_device(e)));
		break;
	case EIS_EVENT_KEYBOARD_KEY:
		say(h, "key %u %d", eis_event_keyboard_get_key(e), eis_event_keyboard_get_key_is_press(e));
		break;
	case EIS_EVENT_POINTER_MOTION:
		say(h, "rel %.0f %.0f", eis_event_pointer_get_dx(e), eis_event_pointer_get_dy(e));
		break;
	case EIS_EVENT_POINTER_MOTION_ABSOLUTE:
		say(h, "abs %.0f %.0f", eis_event_pointer_get_absolute_x(e), eis_event_pointer_get_absolute_y(e));
		break;
	case EIS_EVENT_BUTTON_BUTTON:
		say(h, "button %u %d", eis_event_button_get_button(e), eis_event_button_get_is_press(e));
		break;
	case EIS_EVENT_SCROLL_DISCRETE:
		say(h, "scroll %d %d", eis_event_scroll_get_discrete_dx(e), eis_event_scroll_get_discrete_dy(e));
		break;
	case EIS_EVENT_SCROLL_DELTA:
		say(h, "delta %.0f %.0f", eis_event_scroll_get_dx(e), eis_event_scroll_get_dy(e));
		break;
	case EIS_EVENT_TOUCH_DOWN:
		say(h, "down %.0f %.0f", eis_event_touch_get_x(e), eis_event_touch_get_y(e));
		break;
	case EIS_EVENT_TOUCH_MOTION:
		say(h, "move %.0f %.0f", eis_event_touch_get_x(e), eis_event_touch_get_y(e));
		break;
	case EIS_EVENT_TOUCH_UP:
		say(h, "up");
		break;
	default:
		break;
	}
}

struct eis_host *eis_host_create(const char *keymap, void (*word)(void *ctx, const char *text), void *ctx)
{
	struct eis_host *h = calloc(1, sizeof(*h));

	*h = (struct eis_host){.eis = eis_new(NULL), .keymap = keymap, .word = word, .ctx = ctx};
	if (eis_setup_backend_fd(h->eis))
		abort();
	return h;
}

void eis_host_destroy(struct eis_host *h)
{
	eis_unref(h->eis);
	free(h);
}

int eis_host_fd(struct eis_host *h)
{
	return eis_get_fd(h->eis);
}

void eis_host_dispatch(struct eis_host *h)
{
	struct eis_event *e;

	eis_dispatch(h->eis);
	while ((e = eis_get_event(h->eis))) {
		on_event(h, e);
		eis_event_unref(e);
	}
}

int eis_host_connect(struct eis_host *h)
{
	return eis_backend_fd_add_client(h->eis);
}

void eis_host_drop(struct eis_host *h)
{
	if (h->client)
		eis_client_disconnect(h->client);
}
