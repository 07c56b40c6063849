// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/wlr.h"

#include <errno.h>
#include <stddef.h>
#include <wayland-client.h>
#include <wlr-virtual-pointer-unstable-v1-client-protocol.h>

#include "input/keymap.h"

/*
 * Compositors take a position as a share of the output's size, the client means 1 as its last pixel: the far edge
 * itself would lie on the output next to it. A 65536th less keeps it inside, and every pixel of the client's picture in
 * the same pixel here, for outputs of up to that size and with Wayland's 1/256 of a pixel rounded off.
 */
#define EXTENT (1u << 24)
#define REACH  (EXTENT - (EXTENT >> 16))

#define NOTCH 120 /* 2-media 6.3 */
/* What compositors give for a notch of a wheel, 15 units, in wl_fixed_t per 1/120 of it. */
#define FIXED_PER_STEP (15 * 256 / NOTCH)

int wlr_pointer_create(struct wlr_pointer *p, struct zwlr_virtual_pointer_manager_v1 *manager, struct wl_seat *seat,
		       struct wl_output *output)
{
	if (output && zwlr_virtual_pointer_manager_v1_get_version(manager) >=
			      ZWLR_VIRTUAL_POINTER_MANAGER_V1_CREATE_VIRTUAL_POINTER_WITH_OUTPUT_SINCE_VERSION)
		p->wl = zwlr_virtual_pointer_manager_v1_create_virtual_pointer_with_output(manager, seat, output);
	else
		p->wl = zwlr_virtual_pointer_manager_v1_create_virtual_pointer(manager, seat);
	return p->wl ? 0 : -ENOMEM;
}

static bool send_button(struct wlr_pointer *p, uint8_t button, bool down)
{
	uint8_t bit = (uint8_t)(1u << button);

	if (!!(p->held & bit) == down) /* its press was left out */
		return false;
	p->held ^= bit;
	zwlr_virtual_pointer_v1_button(p->wl, wlr_time_ms(), evdev_mouse_button(button),
				       down ? WL_POINTER_BUTTON_STATE_PRESSED : WL_POINTER_BUTTON_STATE_RELEASED);
	return true;
}

/* A compositor does not let go of the buttons of a pointer that ends. */
void wlr_pointer_destroy(struct wlr_pointer *p)
{
	bool any = p->held;

	if (!p->wl)
		return;
	for (uint8_t b = 1; b <= 5; b++)
		send_button(p, b, false);
	if (any)
		zwlr_virtual_pointer_v1_frame(p->wl);
	zwlr_virtual_pointer_v1_destroy(p->wl);
	p->wl = NULL;
}

/*
 * Notches are those of a wheel that clicks. What is no whole number of them is a distance only: with a click now and
 * then among such distances, readers that take the one or the other would count both.
 */
static void send_scroll(struct wlr_pointer *p, uint32_t axis, int amount)
{
	wl_fixed_t value = amount * FIXED_PER_STEP;

	zwlr_virtual_pointer_v1_axis_source(p->wl, WL_POINTER_AXIS_SOURCE_WHEEL);
	if (amount % NOTCH == 0)
		zwlr_virtual_pointer_v1_axis_discrete(p->wl, wlr_time_ms(), axis, value, amount / NOTCH);
	else
		zwlr_virtual_pointer_v1_axis(p->wl, wlr_time_ms(), axis, value);
}

void wlr_pointer_event(struct wlr_pointer *p, const struct input_event *e)
{
	switch (e->type) {
	case INPUT_MOUSE_REL:
		zwlr_virtual_pointer_v1_motion(p->wl, wlr_time_ms(), wl_fixed_from_int(e->rel.dx),
					       wl_fixed_from_int(e->rel.dy));
		break;
	case INPUT_MOUSE_ABS:
		zwlr_virtual_pointer_v1_motion_absolute(p->wl, wlr_time_ms(), (uint32_t)((double)e->abs.x * REACH),
							(uint32_t)((double)e->abs.y * REACH), EXTENT, EXTENT);
		break;
	case INPUT_MOUSE_BUTTON:
		if (!send_button(p, e->button.button, e->button.down))
			return;
		break;
	case INPUT_SCROLL: /* ours is up, theirs is down */
		if (!e->scroll.amount)
			return;
		send_scroll(p, WL_POINTER_AXIS_VERTICAL_SCROLL, -e->scroll.amount);
		break;
	case INPUT_HSCROLL:
		if (!e->scroll.amount)
			return;
		send_scroll(p, WL_POINTER_AXIS_HORIZONTAL_SCROLL, e->scroll.amount);
		break;
	default:
		return;
	}
	zwlr_virtual_pointer_v1_frame(p->wl);
}
