// SPDX-License-Identifier: GPL-3.0-or-later
/* What an event of the client does to the devices of an EIS server. The socket has room for it (ei.c). */
#include <libei.h>

#include "build_config.h"
#include "input/ei_private.h"
#include "input/key_layout.h"
#include "input/keymap.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define STEP_PER_NOTCH 10.0 /* of smooth scrolling, as libinput has it */
#define NOTCH          120  /* 2-media 6.3 */

static bool key_held(void *ctx, uint16_t key)
{
	struct ei_sender *s = ctx;

	for (unsigned i = 0; i < EI_DEVICES_MAX; i++)
		if (s->devices[i].live && ei_dev_holds_key(&s->devices[i], key))
			return true;
	return false;
}

static void set_key(void *ctx, uint16_t key, bool down)
{
	struct ei_sender *s = ctx;
	struct ei_dev *d;

	if (down) {
		d = key_held(s, key) ? NULL : ei_with(s, EI_DEVICE_CAP_KEYBOARD);
		if (d)
			ei_dev_key(d, key, true);
		return;
	}
	for (unsigned i = 0; i < EI_DEVICES_MAX; i++)
		if (s->devices[i].live && ei_dev_holds_key(&s->devices[i], key))
			ei_dev_key(&s->devices[i], key, false);
}

static void end_moment(void *ctx)
{
	ei_frame(ctx);
}

/* The server's own way to type, where it has one. */
static bool as_text(struct ei_sender *s, const struct input_event *e)
{
#if HAVE_EI_TEXT
	struct ei_dev *d = ei_with(s, EI_DEVICE_CAP_TEXT);

	if (!d || e->text.code_point < ' ' || e->text.code_point == 0x7f || !*e->text.utf8)
		return false;
	ei_device_text_utf8(d->ei, e->text.utf8);
	d->dirty = true;
	return true;
#else
	(void)s, (void)e;
	return false;
#endif
}

static void text(struct ei_sender *s, const struct input_event *e)
{
	struct ei_dev *d = ei_with(s, EI_DEVICE_CAP_KEYBOARD);
	struct stroke_keyboard k = {.key = set_key, .held = key_held, .sync = end_moment, .ctx = s};
	struct stroke strokes[KEY_LAYOUT_STROKES_MAX];
	unsigned n;

	if (as_text(s, e) || !d || !d->layout)
		return;
	n = key_layout_type(d->layout, e->text.code_point, KEY_MEANS_SPELL, strokes);
	if (!n && !s->warned) {
		log_warn("a character cannot be typed (U+%04X)", (unsigned)e->text.code_point);
		s->warned = true;
	}
	k.n_mods = key_layout_modifiers(d->layout, &k.mods);
	if (n)
		strokes_play(&k, strokes, n);
}

static void button(struct ei_sender *s, uint8_t n, bool down)
{
	struct ei_dev *d = ei_with(s, EI_DEVICE_CAP_BUTTON), *has = NULL;

	for (unsigned i = 0; i < EI_DEVICES_MAX; i++)
		if (s->devices[i].live && s->devices[i].buttons >> n & 1)
			has = &s->devices[i];
	if (down && d && !has)
		ei_dev_button(d, n, true);
	else if (!down && has)
		ei_dev_button(has, n, false);
}

/* Up is positive for clients, down for desktops. */
static void scroll(struct ei_sender *s, int dx, int dy)
{
	struct ei_dev *d = ei_with(s, EI_DEVICE_CAP_SCROLL);

	if (!d || (!dx && !dy))
		return;
	if (s->fine_notches || (dx + dy) % NOTCH == 0) /* one of them is 0 */
		ei_device_scroll_discrete(d->ei, dx, dy);
	else
		ei_device_scroll_delta(d->ei, dx * STEP_PER_NOTCH / NOTCH, dy * STEP_PER_NOTCH / NOTCH);
	d->dirty = true;
}

/* The device whose region is the picture, or comes next to it. */
static struct ei_dev *surface(struct ei_sender *s, enum ei_device_capability cap)
{
	struct ei_dev *best = NULL;

	for (unsigned i = 0; i < EI_DEVICES_MAX; i++) {
		struct ei_dev *d = &s->devices[i];

		if (d->live && ei_device_has_capability(d->ei, cap) && d->area.fit != EI_FIT_NONE &&
		    (!best || d->area.fit > best->area.fit))
			best = d;
	}
	return best;
}

static void pointer(struct ei_sender *s, const struct input_event *e)
{
	struct ei_dev *d = ei_with(s, EI_DEVICE_CAP_POINTER);
	double x, y;

	if (e->type == INPUT_MOUSE_ABS) {
		d = surface(s, EI_DEVICE_CAP_POINTER_ABSOLUTE);
		if (!d)
			return;
		ei_area_point(&d->area, e->abs.x, e->abs.y, &x, &y);
		ei_device_pointer_motion_absolute(d->ei, x, y);
	} else {
		if (!d)
			return;
		ei_device_pointer_motion(d->ei, e->rel.dx, e->rel.dy);
	}
	d->dirty = true;
}

static struct ei_contact *find_touch(struct ei_sender *s, bool down, uint32_t id)
{
	for (unsigned i = 0; i < TOUCH_CONTACTS_MAX; i++)
		if (!!s->contacts[i].ei == down && (!down || s->contacts[i].id == id))
			return &s->contacts[i];
	return NULL;
}

static void touch_down(struct ei_sender *s, const struct input_event *e)
{
	struct ei_dev *d = surface(s, EI_DEVICE_CAP_TOUCH);
	struct ei_contact *t = find_touch(s, false, 0);
	double x, y;

	if (!d || !t || find_touch(s, true, e->pointer.id))
		return;
	*t = (struct ei_contact){.ei = ei_device_touch_new(d->ei), .id = e->pointer.id, .on = d};
	ei_area_point(&d->area, e->pointer.x, e->pointer.y, &x, &y);
	ei_touch_down(t->ei, x, y);
	d->dirty = true;
}

static void touch(struct ei_sender *s, const struct input_event *e)
{
	struct ei_contact *t = find_touch(s, true, e->pointer.id);
	double x, y;

	switch (e->pointer.event) {
	case POINTER_DOWN:
		touch_down(s, e);
		break;
	case POINTER_MOVE:
		if (!t || !t->on->live)
			break;
		ei_area_point(&t->on->area, e->pointer.x, e->pointer.y, &x, &y);
		ei_touch_motion(t->ei, x, y);
		t->on->dirty = true;
		break;
	case POINTER_UP:
	case POINTER_CANCEL:
		if (t && t->on->live)
			ei_end_contact(t, e->pointer.event == POINTER_CANCEL);
		break;
	case POINTER_HOVER:
	case POINTER_HOVER_LEAVE:
	case POINTER_BUTTON:
	case POINTER_CANCEL_ALL: /* the front makes single ones of it */
		break;
	}
}

void ei_apply(struct ei_sender *s, const struct input_event *e)
{
	uint16_t code;

	switch (e->type) {
	case INPUT_KEY:
		code = evdev_key(e->key.vk, e->key.raw);
		if (code)
			set_key(s, code, e->key.down);
		break;
	case INPUT_TEXT:
		text(s, e);
		break;
	case INPUT_MOUSE_REL:
	case INPUT_MOUSE_ABS:
		pointer(s, e);
		break;
	case INPUT_MOUSE_BUTTON:
		button(s, e->button.button, e->button.down);
		break;
	case INPUT_SCROLL:
		scroll(s, 0, -e->scroll.amount);
		break;
	case INPUT_HSCROLL:
		scroll(s, e->scroll.amount, 0);
		break;
	case INPUT_TOUCH:
		touch(s, e);
		break;
	default:
		break;
	}
}
