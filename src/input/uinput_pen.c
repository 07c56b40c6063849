// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A pen on a screen tablet. It comes near and goes away in frames of their own, as with a real one: who reads the
 * device settles in that frame which tool it is.
 */
#include <math.h>

#include "base/str.h"
#include "input/uinput_events.h"

/*
 * libinput takes the tip for down at 5 % of the range and for up below 1 %, whatever BTN_TOUCH says. The client has
 * decided already that the pen touches, so its lightest touch begins just above.
 */
#define PRESSURE_TOUCHES (PEN_PRESSURE_MAX / 19)
#define PRESSURE_STAYS   (PEN_PRESSURE_MAX / 80)

#define DISTANCE_NEAR 1 /* 0 is contact */

static const struct {
	uint8_t bit;
	uint16_t code;
} buttons[] = {{1, BTN_STYLUS}, {2, BTN_STYLUS2}, {4, BTN_STYLUS3}};

/* An unknown tool is the one that is there. */
static uint16_t tool_code(const struct uinput_events *u, uint8_t tool)
{
	if (tool == 2)
		return BTN_TOOL_RUBBER;
	if (tool == 1 || !u->pen.tool)
		return BTN_TOOL_PEN;
	return u->pen.tool;
}

static void press_buttons(struct uinput_events *u, struct evdev_batch *b, uint8_t held)
{
	for (unsigned i = 0; i < ARRAY_LEN(buttons); i++)
		if ((u->pen.buttons ^ held) & buttons[i].bit)
			evdev_add(b, EV_KEY, buttons[i].code, !!(held & buttons[i].bit));
	u->pen.buttons = held;
}

/*
 * The client's rotation is clockwise from upright and says where the tip points, its tilt is from the normal; so with
 * rotation 0 the other end leans towards the user, which the kernel calls a positive y tilt, and with 90 degrees it
 * leans to the left, a negative x tilt.
 */
static void lean(struct evdev_batch *b, const struct input_event *e)
{
	double turn, tilt, across, up;

	if (e->pointer.tilt > PEN_TILT_MAX || e->pointer.rotation == 0xffff)
		return;
	turn = e->pointer.rotation * M_PI / 180;
	/* Not quite flat, where a rounding error of the sine would be divided by one of the cosine. */
	tilt = fmin(e->pointer.tilt, 89.99) * M_PI / 180;
	across = sin(tilt);
	up = cos(tilt);
	evdev_add(b, EV_ABS, ABS_TILT_X, (int32_t)lround(atan2(-sin(turn) * across, up) * 180 / M_PI));
	evdev_add(b, EV_ABS, ABS_TILT_Y, (int32_t)lround(atan2(cos(turn) * across, up) * 180 / M_PI));
}

static void position(struct evdev_batch *b, const struct input_event *e)
{
	evdev_add(b, EV_ABS, ABS_X, uinput_scaled(e->pointer.x, SURFACE_MAX));
	evdev_add(b, EV_ABS, ABS_Y, uinput_scaled(e->pointer.y, SURFACE_MAX));
	lean(b, e);
}

static void distance(struct evdev_batch *b, float v)
{
	int32_t d = uinput_scaled(v, PEN_DISTANCE_MAX);

	evdev_add(b, EV_ABS, ABS_DISTANCE, d > DISTANCE_NEAR ? d : DISTANCE_NEAR);
}

/* Without the frame's end. */
static void lift(struct uinput_events *u, struct evdev_batch *b, float height)
{
	if (!u->pen.down)
		return;
	u->pen.down = false;
	evdev_add(b, EV_KEY, BTN_TOUCH, 0);
	evdev_add(b, EV_ABS, ABS_PRESSURE, 0);
	distance(b, height);
}

static void leave(struct uinput_events *u, struct evdev_batch *b)
{
	if (!u->pen.tool)
		return;
	if (u->pen.down) {
		lift(u, b, 0.0f);
		evdev_sync(b);
	}
	press_buttons(u, b, 0);
	evdev_add(b, EV_KEY, u->pen.tool, 0);
	evdev_sync(b);
	u->pen.tool = 0;
}

static void approach(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e)
{
	uint16_t tool = tool_code(u, e->pointer.tool);

	if (tool == u->pen.tool)
		return;
	leave(u, b); /* turned round */
	u->pen.tool = tool;
	evdev_add(b, EV_KEY, tool, 1);
	position(b, e);
	distance(b, e->pointer.event == POINTER_HOVER ? e->pointer.pressure : 0.0f);
	evdev_sync(b);
}

/* Unknown is full for a contact that begins, else it stays. */
static void contact(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e)
{
	bool begins = !u->pen.down;
	int32_t least = begins ? PRESSURE_TOUCHES : PRESSURE_STAYS;
	int32_t pressure = uinput_scaled(e->pointer.pressure, PEN_PRESSURE_MAX);

	if (begins) {
		u->pen.down = true;
		evdev_add(b, EV_KEY, BTN_TOUCH, 1);
		evdev_add(b, EV_ABS, ABS_DISTANCE, 0);
		if (!(e->pointer.pressure > 0.0f))
			pressure = PEN_PRESSURE_MAX;
	} else if (!(e->pointer.pressure > 0.0f)) {
		return;
	}
	evdev_add(b, EV_ABS, ABS_PRESSURE, pressure > least ? pressure : least);
}

void uinput_pen(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e)
{
	enum pointer_event event = e->pointer.event;

	if (event == POINTER_HOVER_LEAVE || event == POINTER_CANCEL || event == POINTER_CANCEL_ALL) {
		leave(u, b);
		return;
	}
	if (event == POINTER_UP && !u->pen.tool)
		return;
	approach(u, b, e);
	if (event != POINTER_BUTTON)
		position(b, e);
	if (event == POINTER_DOWN || event == POINTER_MOVE)
		contact(u, b, e);
	else if (event == POINTER_UP)
		lift(u, b, 0.0f);
	else if (event == POINTER_HOVER)
		distance(b, e->pointer.pressure);
	press_buttons(u, b, e->pointer.buttons);
	if (b->n && b->ev[b->n - 1].type != EV_SYN)
		evdev_sync(b);
}
