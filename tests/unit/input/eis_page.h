// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A desktop of a page for tests of src/input/ei.c: a server made with libeis, in the same thread, that offers what a
 * case wants and writes down what it is given:
 *
 *	start | stop                    emulation
 *	k30+ k30-  b272+ b272-          keys and buttons
 *	r1,-2 a3,4 d0,-120 s0.0,1.3     motion, position, notches in 120ths, distance
 *	t1+5,6 t1~7,8 t1- t1x           contacts: down, move, up, cancelled
 *	;                               a frame
 *
 * and types: what its keymap makes of the keys, dead keys composed, is in typed.
 */
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <libeis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xkbcommon/xkbcommon-compose.h>
#include <xkbcommon/xkbcommon.h>
#include <cmocka.h>

#include "base/str.h"
#include "input/backend.h"

#define PAGE_DEVICES 8

struct page_region {
	uint32_t x, y, width, height;
	const char *mapping_id;
};

struct page_device {
	uint32_t caps;
	struct page_region regions[4]; /* ends with one without y and width */
	unsigned n_regions;
	bool late; /* comes when the case says so */
};

struct page {
	/* What it offers. */
	uint32_t seat_caps; /* 0: it has no seat */
	struct page_device devices[PAGE_DEVICES];
	const char *layout; /* of keyboards; NULL: they have no keymap */
	const char *bad_keymap;

	struct eis *eis;
	struct eis_client *client;
	struct eis_seat *seat;
	struct eis_device *made[PAGE_DEVICES];
	uint32_t bound;
	char heard[1 << 16];
	size_t n;
	uint32_t tids[64]; /* in the order in which they were told */
	unsigned n_tids;
	unsigned contacts; /* down now */
	uint64_t keys[768 / 64];
	uint32_t buttons;

	struct xkb_context *xkb;
	struct xkb_keymap *keymap;
	struct xkb_state *state;
	struct xkb_compose_table *table;
	struct xkb_compose_state *compose;
	char typed[1 << 14];
};

static const struct input_back page_nobody;
static struct input_env page_env = {.back = &page_nobody, .seat = "t", .pad_kind = "auto", .log_file = ""};

__attribute__((format(printf, 2, 3))) static inline void page_hear(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	p->n += (size_t)vsnprintf(p->heard + p->n, sizeof(p->heard) - p->n, fmt, ap);
	va_end(ap);
	assert(p->n < sizeof(p->heard));
}

static inline void page_forget(struct page *p)
{
	p->n = 0;
	*p->heard = *p->typed = '\0';
}

static inline int page_memory(const char *text)
{
	int fd = memfd_create("keymap", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static inline void page_keymap(struct page *p, struct eis_device *d)
{
	char *text = p->bad_keymap ? strdup(p->bad_keymap) : NULL;
	struct eis_keymap *keymap;
	int fd;

	if (p->layout) {
		const struct xkb_rule_names names = {.layout = p->layout};

		p->xkb = p->xkb ? p->xkb : xkb_context_new(XKB_CONTEXT_NO_FLAGS);
		xkb_state_unref(p->state);
		xkb_keymap_unref(p->keymap);
		p->keymap = xkb_keymap_new_from_names(p->xkb, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
		assert_non_null(p->keymap);
		p->state = xkb_state_new(p->keymap);
		text = xkb_keymap_get_as_string(p->keymap, XKB_KEYMAP_FORMAT_TEXT_V1);
		if (!p->table)
			p->table =
				xkb_compose_table_new_from_locale(p->xkb, "en_US.UTF-8", XKB_COMPOSE_COMPILE_NO_FLAGS);
		if (p->table && !p->compose)
			p->compose = xkb_compose_state_new(p->table, XKB_COMPOSE_STATE_NO_FLAGS);
	}
	if (!text)
		return;
	fd = page_memory(text);
	keymap = eis_device_new_keymap(d, EIS_KEYMAP_TYPE_XKB, fd, strlen(text));
	eis_keymap_add(keymap);
	eis_keymap_unref(keymap);
	close(fd);
	free(text);
}

static inline void page_tell_mods(struct page *p)
{
	for (unsigned i = 0; i < PAGE_DEVICES; i++)
		if (p->made[i] && p->devices[i].caps & EIS_DEVICE_CAP_KEYBOARD)
			eis_device_keyboard_send_xkb_modifiers(
				p->made[i], xkb_state_serialize_mods(p->state, XKB_STATE_MODS_DEPRESSED),
				xkb_state_serialize_mods(p->state, XKB_STATE_MODS_LATCHED),
				xkb_state_serialize_mods(p->state, XKB_STATE_MODS_LOCKED),
				xkb_state_serialize_layout(p->state, XKB_STATE_LAYOUT_EFFECTIVE));
}

static inline void page_make(struct page *p, unsigned i)
{
	const struct page_device *want = &p->devices[i];
	struct eis_device *d = eis_seat_new_device(p->seat);
	char name[16];

	snprintf(name, sizeof(name), "device %u", i);
	eis_device_configure_name(d, name);
	for (unsigned bit = 0; bit < 6; bit++)
		if (want->caps >> bit & 1)
			eis_device_configure_capability(d, (enum eis_device_capability)(1u << bit));
	for (unsigned r = 0; r < want->n_regions; r++) {
		const struct page_region *from = &want->regions[r];
		struct eis_region *region = eis_device_new_region(d);

		eis_region_set_offset(region, from->x, from->y);
		eis_region_set_size(region, from->width, from->height);
		if (from->mapping_id)
			eis_region_set_mapping_id(region, from->mapping_id);
		eis_region_add(region);
		eis_region_unref(region);
	}
	if (want->caps & EIS_DEVICE_CAP_KEYBOARD)
		page_keymap(p, d);
	eis_device_add(d);
	eis_device_resume(d);
	p->made[i] = d;
}

static inline void page_bind(struct page *p, struct eis_event *e)
{
	p->bound = 0;
	for (unsigned bit = 0; bit < 6; bit++)
		if (eis_event_seat_has_capability(e, (enum eis_device_capability)(1u << bit)))
			p->bound |= 1u << bit;
	for (unsigned i = 0; i < PAGE_DEVICES; i++)
		if (p->devices[i].caps & p->bound && !p->devices[i].late && !p->made[i])
			page_make(p, i);
}

static inline void page_type(struct page *p, xkb_keycode_t code)
{
	xkb_keysym_t sym = xkb_state_key_get_one_sym(p->state, code);
	char text[16] = "";

	if ((sym >= XKB_KEY_Shift_L && sym <= XKB_KEY_Hyper_R) ||
	    (sym >= XKB_KEY_ISO_Lock && sym <= XKB_KEY_ISO_Level5_Lock))
		return;
	if (xkb_state_mod_name_is_active(p->state, XKB_MOD_NAME_CTRL, XKB_STATE_MODS_EFFECTIVE) > 0) {
		xkb_keysym_get_name(sym, text, sizeof(text));
		snprintf(p->typed + strlen(p->typed), 32, "<C-%s>", text);
		return;
	}
	if (p->compose && xkb_compose_state_feed(p->compose, sym) == XKB_COMPOSE_FEED_ACCEPTED) {
		enum xkb_compose_status status = xkb_compose_state_get_status(p->compose);

		if (status == XKB_COMPOSE_COMPOSED)
			xkb_compose_state_get_utf8(p->compose, text, sizeof(text));
		if (status != XKB_COMPOSE_NOTHING) {
			strcat(p->typed, text);
			return;
		}
	}
	xkb_state_key_get_utf8(p->state, code, text, sizeof(text));
	strcat(p->typed, text);
}

static inline void page_key(struct page *p, uint32_t key, bool down)
{
	bool was = p->keys[key / 64] >> (key % 64) & 1;

	page_hear(p, "k%u%c", key, down ? '+' : '-');
	assert_int_not_equal(was, down);
	p->keys[key / 64] ^= 1ull << (key % 64);
	if (!p->state)
		return;
	if (down)
		page_type(p, key + 8);
	if (xkb_state_update_key(p->state, key + 8, down ? XKB_KEY_DOWN : XKB_KEY_UP))
		page_tell_mods(p);
}

/* Small numbers for the contacts. */
static inline unsigned page_tid(struct page *p, uint32_t tid)
{
	for (unsigned i = p->n_tids; i--;)
		if (p->tids[i] == tid)
			return i;
	p->tids[p->n_tids % ARRAY_LEN(p->tids)] = tid;
	return p->n_tids++ % ARRAY_LEN(p->tids);
}

static inline void page_touch(struct page *p, struct eis_event *e, char what)
{
	unsigned tid = page_tid(p, eis_event_touch_get_id(e));

	if (what == '-') {
		p->contacts--;
		page_hear(p, "t%u%c", tid, eis_event_touch_get_is_cancel(e) ? 'x' : '-');
		return;
	}
	p->contacts += what == '+';
	page_hear(p, "t%u%c%.10g,%.10g", tid, what, eis_event_touch_get_x(e), eis_event_touch_get_y(e));
}

static inline void page_take(struct page *p, struct eis_event *e)
{
	uint32_t button;

	switch (eis_event_get_type(e)) {
	case EIS_EVENT_CLIENT_CONNECT:
		p->client = eis_event_get_client(e);
		eis_client_connect(p->client);
		if (!p->seat_caps)
			break;
		p->seat = eis_client_new_seat(p->client, "seat");
		for (unsigned bit = 0; bit < 6; bit++)
			if (p->seat_caps >> bit & 1)
				eis_seat_configure_capability(p->seat, (enum eis_device_capability)(1u << bit));
		eis_seat_add(p->seat);
		break;
	case EIS_EVENT_CLIENT_DISCONNECT:
		page_hear(p, "bye");
		p->client = NULL;
		break;
	case EIS_EVENT_SEAT_BIND:
		page_bind(p, e);
		break;
	case EIS_EVENT_DEVICE_START_EMULATING:
		page_hear(p, "start");
		break;
	case EIS_EVENT_DEVICE_STOP_EMULATING:
		page_hear(p, "stop");
		break;
	case EIS_EVENT_FRAME:
		page_hear(p, ";");
		break;
	case EIS_EVENT_KEYBOARD_KEY:
		page_key(p, eis_event_keyboard_get_key(e), eis_event_keyboard_get_key_is_press(e));
		break;
	case EIS_EVENT_BUTTON_BUTTON:
		button = eis_event_button_get_button(e);
		p->buttons ^= 1u << (button & 0xf);
		page_hear(p, "b%u%c", button, eis_event_button_get_is_press(e) ? '+' : '-');
		break;
	case EIS_EVENT_POINTER_MOTION:
		page_hear(p, "r%g,%g", eis_event_pointer_get_dx(e), eis_event_pointer_get_dy(e));
		break;
	case EIS_EVENT_POINTER_MOTION_ABSOLUTE:
		page_hear(p, "a%.10g,%.10g", eis_event_pointer_get_absolute_x(e), eis_event_pointer_get_absolute_y(e));
		break;
	case EIS_EVENT_SCROLL_DELTA:
		page_hear(p, "s%g,%g", eis_event_scroll_get_dx(e), eis_event_scroll_get_dy(e));
		break;
	case EIS_EVENT_SCROLL_DISCRETE:
		page_hear(p, "d%d,%d", eis_event_scroll_get_discrete_dx(e), eis_event_scroll_get_discrete_dy(e));
		break;
	case EIS_EVENT_TOUCH_DOWN:
		page_touch(p, e, '+');
		break;
	case EIS_EVENT_TOUCH_MOTION:
		page_touch(p, e, '~');
		break;
	case EIS_EVENT_TOUCH_UP:
		page_touch(p, e, '-');
		break;
	default:
		break;
	}
}

static inline bool page_serve(struct page *p)
{
	struct eis_event *e;
	bool any = false;

	eis_dispatch(p->eis);
	while ((e = eis_get_event(p->eis))) {
		page_take(p, e);
		eis_event_unref(e);
		any = true;
	}
	return any;
}

/* Until neither side has anything more to say: both are in this thread. */
static inline void page_settle(struct page *p)
{
	for (unsigned quiet = 0; quiet < 4;) {
		struct epoll_event e;
		bool any = false;

		if (epoll_wait(page_env.epoll, &e, 1, 0) == 1) {
			struct input_watch *w = e.data.ptr;

			w->ready(w);
			any = true;
		}
		any |= page_serve(p);
		quiet = any ? 0 : quiet + 1;
	}
}

static inline void page_begin(struct page *p)
{
	page_env.epoll = epoll_create1(EPOLL_CLOEXEC);
	page_env.place = (struct input_place){0};
	p->eis = eis_new(NULL);
	assert_non_null(p->eis);
}

static inline void page_end(struct page *p)
{
	for (unsigned i = 0; i < PAGE_DEVICES; i++)
		eis_device_unref(p->made[i]);
	eis_seat_unref(p->seat);
	eis_unref(p->eis);
	xkb_compose_state_unref(p->compose);
	xkb_compose_table_unref(p->table);
	xkb_state_unref(p->state);
	xkb_keymap_unref(p->keymap);
	xkb_context_unref(p->xkb);
	if (page_env.epoll >= 0)
		close(page_env.epoll);
	page_env.epoll = -1;
	free(p);
}
