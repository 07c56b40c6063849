// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * wlkeys [WIDTHxHEIGHT]: a Wayland client that prints what it is given, one line for each event; with a size it fills
 * the output of that size:
 *
 *	ready                          it has the keyboard
 *	pointer                        the compositor knows that it listens to the pointer
 *	key 30 down a 61 shift,ctrl    evdev code, symbol, its text in hex ("-": none), modifiers in force ("-": none)
 *	held 30                        keys that were down when the keyboard came
 *	motion 12.5 7.0                in pixels of the output
 *	button 272 down
 *	axis v 15.0 | discrete v 1 | source 0 | frame
 *	touch down 3 12.5 7.0 | touch move 3 13.0 7.0 | touch up 3 | touch cancel
 *
 * Built by scripts/live-env.sh, with the headers that it fetches.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wayland-client.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>

#include "xdg-shell-client-protocol.h"

static struct wl_compositor *compositor;
static struct wl_shm *shm;
static struct wl_display *display;
static struct wl_seat *seat;
static struct xdg_wm_base *wm_base;
static struct wl_surface *surface;
static struct wl_keyboard *keyboard;
static struct wl_pointer *pointer;
static struct wl_touch *touch;
static struct wl_output *output; /* of the size that is wanted */
static int output_width, output_height;
static struct xkb_context *context;
static struct xkb_keymap *keymap;
static struct xkb_state *state;
static struct xkb_compose_state *compose; /* NULL: its data is not here, and dead keys give nothing */
static int width = 1280, height = 720;
static bool closed;

static void on_keymap(void *data, struct wl_keyboard *k, uint32_t format, int fd, uint32_t size)
{
	char *text = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	struct xkb_keymap *next = NULL;

	(void)data, (void)k, (void)format;
	if (text != MAP_FAILED) {
		next = xkb_keymap_new_from_string(context, text, XKB_KEYMAP_FORMAT_TEXT_V1,
						  XKB_KEYMAP_COMPILE_NO_FLAGS);
		munmap(text, size);
	}
	close(fd);
	if (!next) {
		printf("bad keymap\n");
		return;
	}
	xkb_state_unref(state);
	xkb_keymap_unref(keymap);
	keymap = next;
	state = xkb_state_new(keymap);
}

static void on_enter(void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *s, struct wl_array *keys)
{
	uint32_t *key;

	(void)data, (void)k, (void)serial, (void)s;
	wl_array_for_each(key, keys) printf("held %u\n", *key);
	printf("ready\n");
}

static void on_leave(void *data, struct wl_keyboard *k, uint32_t serial, struct wl_surface *s)
{
	(void)data, (void)k, (void)serial, (void)s;
	printf("left\n");
}

static void print_modifiers(void)
{
	static const char *const names[][2] = {{XKB_MOD_NAME_SHIFT, "shift"}, {XKB_MOD_NAME_CTRL, "ctrl"},
					       {XKB_MOD_NAME_ALT, "alt"},     {XKB_MOD_NAME_LOGO, "logo"},
					       {XKB_MOD_NAME_CAPS, "caps"},   {"Mod5", "altgr"}};
	bool any = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (xkb_state_mod_name_is_active(state, names[i][0], XKB_STATE_MODS_EFFECTIVE) <= 0)
			continue;
		printf("%s%s", any ? "," : " ", names[i][1]);
		any = true;
	}
	printf("%s\n", any ? "" : " -");
}

/* What toolkits make of dead keys: in text what the key gives now. */
static void feed(xkb_keysym_t sym, char *text, size_t size)
{
	if (!compose || xkb_compose_state_feed(compose, sym) != XKB_COMPOSE_FEED_ACCEPTED)
		return;
	switch (xkb_compose_state_get_status(compose)) {
	case XKB_COMPOSE_COMPOSED:
		xkb_compose_state_get_utf8(compose, text, size);
		break;
	case XKB_COMPOSE_COMPOSING:
	case XKB_COMPOSE_CANCELLED:
		*text = '\0';
		break;
	case XKB_COMPOSE_NOTHING:
		break;
	}
}

static void on_key(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t time, uint32_t key, uint32_t down)
{
	char name[64] = "none", text[16] = "";
	xkb_keysym_t sym;

	(void)data, (void)k, (void)serial, (void)time;
	if (!state)
		return;
	sym = xkb_state_key_get_one_sym(state, key + 8);
	xkb_keysym_get_name(sym, name, sizeof(name));
	xkb_state_key_get_utf8(state, key + 8, text, sizeof(text));
	if (down)
		feed(sym, text, sizeof(text));
	printf("key %u %s %s ", key, down ? "down" : "up", name);
	for (char *c = text; *c; c++)
		printf("%02x", (unsigned char)*c);
	printf("%s", *text ? "" : "-");
	print_modifiers();
}

static void on_modifiers(void *data, struct wl_keyboard *k, uint32_t serial, uint32_t depressed, uint32_t latched,
			 uint32_t locked, uint32_t group)
{
	(void)data, (void)k, (void)serial;
	if (state)
		xkb_state_update_mask(state, depressed, latched, locked, 0, 0, group);
}

static void on_repeat(void *data, struct wl_keyboard *k, int32_t rate, int32_t delay)
{
	(void)data, (void)k, (void)rate, (void)delay;
}

static const struct wl_keyboard_listener keyboard_listener = {on_keymap, on_enter,     on_leave,
							      on_key,    on_modifiers, on_repeat};

static void print_motion(wl_fixed_t x, wl_fixed_t y)
{
	printf("motion %.3f %.3f\n", wl_fixed_to_double(x), wl_fixed_to_double(y));
}

static void on_pointer_enter(void *data, struct wl_pointer *p, uint32_t serial, struct wl_surface *s, wl_fixed_t x,
			     wl_fixed_t y)
{
	(void)data, (void)p, (void)serial, (void)s;
	print_motion(x, y);
}

static void on_pointer_leave(void *data, struct wl_pointer *p, uint32_t serial, struct wl_surface *s)
{
	(void)data, (void)p, (void)serial, (void)s;
}

static void on_motion(void *data, struct wl_pointer *p, uint32_t time, wl_fixed_t x, wl_fixed_t y)
{
	(void)data, (void)p, (void)time;
	print_motion(x, y);
}

static void on_button(void *data, struct wl_pointer *p, uint32_t serial, uint32_t time, uint32_t button, uint32_t down)
{
	(void)data, (void)p, (void)serial, (void)time;
	printf("button %u %s\n", button, down ? "down" : "up");
}

static char axis_name(uint32_t axis)
{
	return axis == WL_POINTER_AXIS_VERTICAL_SCROLL ? 'v' : 'h';
}

static void on_axis(void *data, struct wl_pointer *p, uint32_t time, uint32_t axis, wl_fixed_t value)
{
	(void)data, (void)p, (void)time;
	printf("axis %c %.3f\n", axis_name(axis), wl_fixed_to_double(value));
}

static void on_frame(void *data, struct wl_pointer *p)
{
	(void)data, (void)p;
	printf("frame\n");
}

static void on_axis_source(void *data, struct wl_pointer *p, uint32_t source)
{
	(void)data, (void)p;
	printf("source %u\n", source);
}

static void on_axis_stop(void *data, struct wl_pointer *p, uint32_t time, uint32_t axis)
{
	(void)data, (void)p, (void)time;
	printf("stop %c\n", axis_name(axis));
}

static void on_axis_discrete(void *data, struct wl_pointer *p, uint32_t axis, int32_t discrete)
{
	(void)data, (void)p;
	printf("discrete %c %d\n", axis_name(axis), discrete);
}

static const struct wl_pointer_listener pointer_listener = {on_pointer_enter, on_pointer_leave, on_motion,
							    on_button,        on_axis,          on_frame,
							    on_axis_source,   on_axis_stop,     on_axis_discrete};

static void on_touch_down(void *data, struct wl_touch *t, uint32_t serial, uint32_t time, struct wl_surface *s,
			  int32_t id, wl_fixed_t x, wl_fixed_t y)
{
	(void)data, (void)t, (void)serial, (void)time, (void)s;
	printf("touch down %d %.3f %.3f\n", id, wl_fixed_to_double(x), wl_fixed_to_double(y));
}

static void on_touch_up(void *data, struct wl_touch *t, uint32_t serial, uint32_t time, int32_t id)
{
	(void)data, (void)t, (void)serial, (void)time;
	printf("touch up %d\n", id);
}

static void on_touch_motion(void *data, struct wl_touch *t, uint32_t time, int32_t id, wl_fixed_t x, wl_fixed_t y)
{
	(void)data, (void)t, (void)time;
	printf("touch move %d %.3f %.3f\n", id, wl_fixed_to_double(x), wl_fixed_to_double(y));
}

static void on_touch_frame(void *data, struct wl_touch *t)
{
	(void)data, (void)t;
}

static void on_touch_cancel(void *data, struct wl_touch *t)
{
	(void)data, (void)t;
	printf("touch cancel\n");
}

static const struct wl_touch_listener touch_listener = {
	.down = on_touch_down,
	.up = on_touch_up,
	.motion = on_touch_motion,
	.frame = on_touch_frame,
	.cancel = on_touch_cancel,
};

static void on_listening(void *data, struct wl_callback *callback, uint32_t serial)
{
	(void)data, (void)serial;
	wl_callback_destroy(callback);
	printf("pointer\n");
}

static const struct wl_callback_listener listening_listener = {on_listening};

/* The seat has devices only while somebody drives it. */
static void on_capabilities(void *data, struct wl_seat *s, uint32_t capabilities)
{
	(void)data;
	if (capabilities & WL_SEAT_CAPABILITY_KEYBOARD && !keyboard) {
		keyboard = wl_seat_get_keyboard(s);
		wl_keyboard_add_listener(keyboard, &keyboard_listener, NULL);
	} else if (!(capabilities & WL_SEAT_CAPABILITY_KEYBOARD) && keyboard) {
		wl_keyboard_release(keyboard);
		keyboard = NULL;
	}
	if (capabilities & WL_SEAT_CAPABILITY_POINTER && !pointer) {
		pointer = wl_seat_get_pointer(s);
		wl_pointer_add_listener(pointer, &pointer_listener, NULL);
		wl_callback_add_listener(wl_display_sync(display), &listening_listener, NULL);
	} else if (!(capabilities & WL_SEAT_CAPABILITY_POINTER) && pointer) {
		wl_pointer_release(pointer);
		pointer = NULL;
	}
	if (capabilities & WL_SEAT_CAPABILITY_TOUCH && !touch) {
		touch = wl_seat_get_touch(s);
		wl_touch_add_listener(touch, &touch_listener, NULL);
		printf("touch there\n");
	} else if (!(capabilities & WL_SEAT_CAPABILITY_TOUCH) && touch) {
		wl_touch_release(touch);
		touch = NULL;
		printf("touch gone\n");
	}
}

static void on_seat_name(void *data, struct wl_seat *s, const char *name)
{
	(void)data, (void)s, (void)name;
}

static const struct wl_seat_listener seat_listener = {on_capabilities, on_seat_name};

static void show(void)
{
	size_t size = (size_t)width * (size_t)height * 4;
	int fd = memfd_create("wlkeys", MFD_CLOEXEC);
	struct wl_shm_pool *pool;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0) {
		closed = true;
		return;
	}
	pool = wl_shm_create_pool(shm, fd, (int32_t)size);
	wl_surface_attach(surface, wl_shm_pool_create_buffer(pool, 0, width, height, width * 4, WL_SHM_FORMAT_XRGB8888),
			  0, 0);
	wl_shm_pool_destroy(pool);
	close(fd);
	wl_surface_damage_buffer(surface, 0, 0, width, height);
	wl_surface_commit(surface);
}

static void on_surface_configure(void *data, struct xdg_surface *xdg, uint32_t serial)
{
	(void)data;
	xdg_surface_ack_configure(xdg, serial);
	show();
}

static const struct xdg_surface_listener surface_listener = {.configure = on_surface_configure};

static void on_configure(void *data, struct xdg_toplevel *top, int32_t w, int32_t h, struct wl_array *states)
{
	(void)data, (void)top, (void)states;
	if (w > 0 && h > 0) {
		width = w;
		height = h;
	}
}

static void on_close(void *data, struct xdg_toplevel *top)
{
	(void)data, (void)top;
	closed = true;
}

static const struct xdg_toplevel_listener toplevel_listener = {.configure = on_configure, .close = on_close};

static void on_ping(void *data, struct xdg_wm_base *base, uint32_t serial)
{
	(void)data;
	xdg_wm_base_pong(base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = {.ping = on_ping};

static void on_geometry(void *data, struct wl_output *o, int32_t x, int32_t y, int32_t mm_width, int32_t mm_height,
			int32_t subpixel, const char *make, const char *model, int32_t transform)
{
	(void)data, (void)o, (void)x, (void)y, (void)mm_width, (void)mm_height, (void)subpixel, (void)make, (void)model;
	(void)transform;
}

static void on_mode(void *data, struct wl_output *o, uint32_t flags, int32_t w, int32_t h, int32_t refresh)
{
	(void)data, (void)refresh;
	if (flags & WL_OUTPUT_MODE_CURRENT && w == output_width && h == output_height)
		output = o;
}

static const struct wl_output_listener output_listener = {.geometry = on_geometry, .mode = on_mode};

static void on_global(void *data, struct wl_registry *r, uint32_t name, const char *interface, uint32_t version)
{
	(void)data, (void)version;
	if (!strcmp(interface, wl_compositor_interface.name))
		compositor = wl_registry_bind(r, name, &wl_compositor_interface, 4);
	else if (!strcmp(interface, wl_shm_interface.name))
		shm = wl_registry_bind(r, name, &wl_shm_interface, 1);
	else if (!strcmp(interface, xdg_wm_base_interface.name))
		wm_base = wl_registry_bind(r, name, &xdg_wm_base_interface, 1);
	else if (!strcmp(interface, wl_seat_interface.name)) {
		seat = wl_registry_bind(r, name, &wl_seat_interface, 5);
		wl_seat_add_listener(seat, &seat_listener, NULL); /* at once: what it has now is told only once */
	} else if (!strcmp(interface, wl_output_interface.name))
		wl_output_add_listener(wl_registry_bind(r, name, &wl_output_interface, 1), &output_listener, NULL);
}

static void on_global_remove(void *data, struct wl_registry *r, uint32_t name)
{
	(void)data, (void)r, (void)name;
}

static const struct wl_registry_listener registry_listener = {on_global, on_global_remove};

int main(int argc, char **argv)
{
	struct xkb_compose_table *table;
	struct xdg_surface *xdg;
	struct xdg_toplevel *top;

	if (argc > 1)
		sscanf(argv[1], "%dx%d", &output_width, &output_height);
	setvbuf(stdout, NULL, _IOLBF, 0);
	display = wl_display_connect(NULL);
	context = xkb_context_new(XKB_CONTEXT_NO_FLAGS);
	if (!display || !context) {
		fprintf(stderr, "wlkeys: no Wayland display\n");
		return 1;
	}
	table = xkb_compose_table_new_from_locale(context, "en_US.UTF-8", XKB_COMPOSE_COMPILE_NO_FLAGS);
	if (table)
		compose = xkb_compose_state_new(table, XKB_COMPOSE_STATE_NO_FLAGS);
	wl_registry_add_listener(wl_display_get_registry(display), &registry_listener, NULL);
	wl_display_roundtrip(display);
	wl_display_roundtrip(display); /* what the outputs are */
	if (!compositor || !shm || !wm_base || !seat) {
		fprintf(stderr, "wlkeys: the compositor lacks wl_compositor, wl_shm, wl_seat or xdg_wm_base\n");
		return 1;
	}
	xdg_wm_base_add_listener(wm_base, &wm_base_listener, NULL);
	surface = wl_compositor_create_surface(compositor);
	xdg = xdg_wm_base_get_xdg_surface(wm_base, surface);
	xdg_surface_add_listener(xdg, &surface_listener, NULL);
	top = xdg_surface_get_toplevel(xdg);
	xdg_toplevel_add_listener(top, &toplevel_listener, NULL);
	xdg_toplevel_set_title(top, "wlkeys");
	xdg_toplevel_set_app_id(top, "wlkeys");
	if (output)
		xdg_toplevel_set_fullscreen(top, output);
	wl_surface_commit(surface);
	while (!closed && wl_display_dispatch(display) >= 0)
		;
	return closed ? 0 : 1;
}
