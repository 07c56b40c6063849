// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/uinput_events.h"

#include "input/keymap.h"

bool uinput_key_held(const struct uinput_events *u, uint16_t code)
{
	return u->keys[code / 64] >> (code % 64) & 1;
}

void uinput_key(struct uinput_events *u, struct evdev_batch *b, uint16_t code, bool down)
{
	if (down == uinput_key_held(u, code))
		return;
	u->keys[code / 64] ^= 1ull << (code % 64);
	evdev_add(b, EV_KEY, code, down);
}

static void key(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e)
{
	uint16_t code = evdev_key(e->key.vk, e->key.raw);

	if (!code)
		return;
	uinput_key(u, b, code, e->key.down);
	if (b->n)
		evdev_sync(b);
}

static void move(struct evdev_batch *b, const struct input_event *e)
{
	if (e->rel.dx)
		evdev_add(b, EV_REL, REL_X, e->rel.dx);
	if (e->rel.dy)
		evdev_add(b, EV_REL, REL_Y, e->rel.dy);
	if (b->n)
		evdev_sync(b);
}

/* The kernel passes on only axes that change. But another mouse may have moved the pointer away since, so a position
 * that is sent again is given a neighbour within the same frame, of which nobody sees more than the end. */
static void place(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e)
{
	int32_t x = uinput_scaled(e->abs.x, SURFACE_MAX), y = uinput_scaled(e->abs.y, SURFACE_MAX);

	if (x == u->pointer.x && y == u->pointer.y)
		evdev_add(b, EV_ABS, ABS_X, x ^ 1);
	evdev_add(b, EV_ABS, ABS_X, x);
	evdev_add(b, EV_ABS, ABS_Y, y);
	evdev_sync(b);
	u->pointer.x = x;
	u->pointer.y = y;
}

static void button(struct evdev_batch *b, const struct input_event *e)
{
	uint16_t code = evdev_mouse_button(e->button.button);

	if (!code)
		return;
	evdev_add(b, EV_KEY, code, e->button.down);
	evdev_sync(b);
}

/* Who knows the fine axis ignores the coarse one. */
static void scroll(struct evdev_batch *b, const struct input_event *e)
{
	bool vertical = e->type == INPUT_SCROLL;

	if (!e->scroll.amount)
		return;
	evdev_add(b, EV_REL, vertical ? REL_WHEEL_HI_RES : REL_HWHEEL_HI_RES, e->scroll.amount);
	if (e->scroll.notches)
		evdev_add(b, EV_REL, vertical ? REL_WHEEL : REL_HWHEEL, e->scroll.notches);
	evdev_sync(b);
}

enum uinput_device uinput_events_fill(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e)
{
	b->n = 0;
	switch (e->type) {
	case INPUT_KEY:
		key(u, b, e);
		break;
	case INPUT_TEXT:
		uinput_text(u, b, e->text.code_point);
		break;
	case INPUT_MOUSE_REL:
		move(b, e);
		return UINPUT_MOUSE;
	case INPUT_MOUSE_ABS:
		place(u, b, e);
		return UINPUT_POINTER;
	case INPUT_MOUSE_BUTTON:
		button(b, e);
		return UINPUT_MOUSE;
	case INPUT_SCROLL:
	case INPUT_HSCROLL:
		scroll(b, e);
		return UINPUT_MOUSE;
	case INPUT_TOUCH:
		uinput_touch(u, b, e);
		return UINPUT_TOUCH;
	case INPUT_PEN:
		uinput_pen(u, b, e);
		return UINPUT_PEN;
	case INPUT_HAPTICS:
	case INPUT_PAD_ARRIVAL:
	case INPUT_PAD_STATE:
	case INPUT_PAD_GONE:
	case INPUT_PAD_TOUCH:
	case INPUT_PAD_MOTION:
	case INPUT_PAD_BATTERY: /* of another back end */
		break;
	}
	return UINPUT_KEYBOARD;
}
