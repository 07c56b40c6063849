// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Fingers on a touch screen: multi-touch protocol B, and beside it the one-finger axes that real touch screens have,
 * which follow the oldest contact. A hovering finger is nothing that Linux knows.
 */
#include "input/uinput_events.h"

static struct touch_slot *find(struct uinput_events *u, bool down, uint32_t id)
{
	for (unsigned i = 0; i < TOUCH_CONTACTS_MAX; i++) {
		struct touch_slot *s = &u->touch.slot[i];

		if (s->down == down && (!down || s->id == id))
			return s;
	}
	return NULL;
}

static const struct touch_slot *oldest(const struct uinput_events *u)
{
	const struct touch_slot *found = NULL;

	for (unsigned i = 0; i < TOUCH_CONTACTS_MAX; i++) {
		const struct touch_slot *s = &u->touch.slot[i];

		if (s->down && (!found || (int32_t)(s->serial - found->serial) < 0))
			found = s;
	}
	return found;
}

static void select_slot(struct uinput_events *u, struct evdev_batch *b, const struct touch_slot *s)
{
	evdev_add(b, EV_ABS, ABS_MT_SLOT, (int32_t)(s - u->touch.slot));
}

static void single(struct uinput_events *u, struct evdev_batch *b)
{
	const struct touch_slot *s = oldest(u);

	if (u->touch.any != (s != NULL)) {
		u->touch.any = !u->touch.any;
		evdev_add(b, EV_KEY, BTN_TOUCH, u->touch.any);
	}
	if (s) {
		evdev_add(b, EV_ABS, ABS_X, s->x);
		evdev_add(b, EV_ABS, ABS_Y, s->y);
	}
	evdev_add(b, EV_ABS, ABS_PRESSURE, s ? s->pressure : 0);
}

/* An axis of a contact never falls to 0 for being small: there 0 means unknown. */
static int32_t contact_axis(float v, int32_t max)
{
	int32_t scaled = uinput_scaled(v, max);

	return scaled > 0 ? scaled : 1;
}

static void contact_pressure(struct touch_slot *s, struct evdev_batch *b, float pressure, bool fresh)
{
	if (pressure > 0.0f)
		s->pressure = contact_axis(pressure, TOUCH_PRESSURE_MAX);
	else if (fresh)
		s->pressure = TOUCH_PRESSURE_MAX;
	evdev_add(b, EV_ABS, ABS_MT_PRESSURE, s->pressure);
}

/* Unknown leaves the axis alone, but what an earlier contact left in the slot. */
static void ellipse(struct evdev_batch *b, const struct input_event *e, bool fresh)
{
	int32_t major = 0, minor = 0, turn = 0;

	if (e->pointer.major > 0.0f) {
		major = minor = contact_axis(e->pointer.major, SURFACE_MAX);
		if (e->pointer.minor > 0.0f)
			minor = contact_axis(e->pointer.minor, SURFACE_MAX);
	}
	if (major || fresh) {
		evdev_add(b, EV_ABS, ABS_MT_TOUCH_MAJOR, major);
		evdev_add(b, EV_ABS, ABS_MT_TOUCH_MINOR, minor);
	}
	if (e->pointer.rotation != 0xffff) {
		turn = e->pointer.rotation % 180; /* an ellipse looks the same after half a turn */
		turn = turn > ORIENTATION_MAX ? turn - 180 : turn;
	}
	if (e->pointer.rotation != 0xffff || fresh)
		evdev_add(b, EV_ABS, ABS_MT_ORIENTATION, turn);
}

static void touch_at(struct uinput_events *u, struct touch_slot *s, struct evdev_batch *b, const struct input_event *e,
		     bool fresh)
{
	s->x = uinput_scaled(e->pointer.x, SURFACE_MAX);
	s->y = uinput_scaled(e->pointer.y, SURFACE_MAX);
	select_slot(u, b, s);
	if (fresh) {
		evdev_add(b, EV_ABS, ABS_MT_TRACKING_ID, (int32_t)(s->serial & TRACKING_ID_MAX));
		evdev_add(b, EV_ABS, ABS_MT_TOOL_TYPE, MT_TOOL_FINGER);
	}
	evdev_add(b, EV_ABS, ABS_MT_POSITION_X, s->x);
	evdev_add(b, EV_ABS, ABS_MT_POSITION_Y, s->y);
	contact_pressure(s, b, e->pointer.pressure, fresh);
	ellipse(b, e, fresh);
	single(u, b);
	evdev_sync(b);
}

static void down(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e)
{
	struct touch_slot *s = find(u, false, 0);

	if (!s)
		return;
	*s = (struct touch_slot){.down = true, .id = e->pointer.id, .serial = u->touch.serial++};
	touch_at(u, s, b, e, true);
}

static void lift(struct uinput_events *u, struct touch_slot *s, struct evdev_batch *b)
{
	s->down = false;
	select_slot(u, b, s);
	evdev_add(b, EV_ABS, ABS_MT_TRACKING_ID, -1);
	single(u, b);
	evdev_sync(b);
}

/* Turns into a palm first, so that the application is told to forget the contact instead of seeing a tap. */
static void cancel(struct uinput_events *u, struct touch_slot *s, struct evdev_batch *b)
{
	select_slot(u, b, s);
	evdev_add(b, EV_ABS, ABS_MT_TOOL_TYPE, MT_TOOL_PALM);
	evdev_sync(b);
	lift(u, s, b);
}

void uinput_touch(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e)
{
	struct touch_slot *s = find(u, true, e->pointer.id);

	switch (e->pointer.event) {
	case POINTER_DOWN:
		if (!s)
			down(u, b, e);
		break;
	case POINTER_MOVE:
		if (s)
			touch_at(u, s, b, e, false);
		break;
	case POINTER_UP:
		if (s)
			lift(u, s, b);
		break;
	case POINTER_CANCEL:
		if (s)
			cancel(u, s, b);
		break;
	case POINTER_HOVER:
	case POINTER_HOVER_LEAVE:
	case POINTER_BUTTON:
	case POINTER_CANCEL_ALL: /* the front makes single ones of it */
		break;
	}
}
