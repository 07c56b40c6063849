// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/kwin.h"

#include <kwin-fake-input-client-protocol.h>
#include <stddef.h>
#include <wayland-client.h>

#include "base/str.h"
#include "input/keymap.h"
#include "input/kwin_ledger.h"

#define NOTCH           120 /* 2-media 6.3 */
#define UNITS_PER_NOTCH 15  /* what KWin itself gives programs for a wheel's */

void kwin_pointer_create(struct kwin_pointer *p, struct org_kde_kwin_fake_input *wl, uint32_t touch_base)
{
	*p = (struct kwin_pointer){.wl = wl, .touch_base = touch_base};
}

static uint32_t state_of(bool down)
{
	return down ? WL_POINTER_BUTTON_STATE_PRESSED : WL_POINTER_BUTTON_STATE_RELEASED;
}

static void send_button(struct kwin_pointer *p, uint8_t button, bool down)
{
	uint8_t bit = (uint8_t)(1u << button);

	if (!!(p->held & bit) == down) /* its press was left out */
		return;
	p->held ^= bit;
	org_kde_kwin_fake_input_button(p->wl, evdev_mouse_button(button), state_of(down));
	kwin_ledger_note(evdev_mouse_button(button), down);
}

static void send_scroll(struct kwin_pointer *p, uint32_t axis, int amount)
{
	if (amount)
		org_kde_kwin_fake_input_axis(p->wl, axis,
					     wl_fixed_from_double((double)amount * UNITS_PER_NOTCH / NOTCH));
}

/*
 * 0 is the middle of the first pixel, 1 of the last, among all outputs. KWin 5.27 rounds to whole ones: anything nearer
 * to the far edge would be on the output next to it.
 */
static wl_fixed_t place(float part, int from, int size)
{
	return wl_fixed_from_double(from + (double)part * (size - 1));
}

static void send_absolute(struct kwin_pointer *p, const struct input_event *e)
{
	if (p->at.width <= 0 ||
	    org_kde_kwin_fake_input_get_version(p->wl) < ORG_KDE_KWIN_FAKE_INPUT_POINTER_MOTION_ABSOLUTE_SINCE_VERSION)
		return;
	org_kde_kwin_fake_input_pointer_motion_absolute(p->wl, place(e->abs.x, p->at.x, p->at.width),
							place(e->abs.y, p->at.y, p->at.height));
}

/* --- contacts --- */

static unsigned find(const struct kwin_pointer *p, bool down, uint32_t id)
{
	unsigned i = 0;

	while (i < ARRAY_LEN(p->contact) && (p->contact[i].down != down || (down && p->contact[i].id != id)))
		i++;
	return i;
}

static void set_down(struct kwin_pointer *p, unsigned slot, bool down)
{
	if (p->contact[slot].down != down)
		kwin_ledger_note(KWIN_LEDGER_CONTACT, down);
	p->contact[slot].down = down;
}

/* Wayland knows no end without effect of one contact among several: all that were down are forgotten. */
static void cancel(struct kwin_pointer *p)
{
	for (unsigned i = 0; i < ARRAY_LEN(p->contact); i++)
		set_down(p, i, false);
	org_kde_kwin_fake_input_touch_cancel(p->wl);
}

static void touch(struct kwin_pointer *p, const struct input_event *e)
{
	wl_fixed_t x = place(e->pointer.x, p->at.x, p->at.width), y = place(e->pointer.y, p->at.y, p->at.height);
	bool down = e->pointer.event == POINTER_DOWN;
	unsigned slot = find(p, !down, e->pointer.id);

	if (slot == ARRAY_LEN(p->contact) || p->at.width <= 0)
		return;
	switch (e->pointer.event) {
	case POINTER_DOWN:
		p->contact[slot].id = e->pointer.id;
		set_down(p, slot, true);
		org_kde_kwin_fake_input_touch_down(p->wl, p->touch_base + slot, x, y);
		break;
	case POINTER_MOVE:
		org_kde_kwin_fake_input_touch_motion(p->wl, p->touch_base + slot, x, y);
		break;
	case POINTER_UP:
		set_down(p, slot, false);
		org_kde_kwin_fake_input_touch_up(p->wl, p->touch_base + slot);
		break;
	case POINTER_CANCEL:
		cancel(p);
		return;
	default: /* a hovering finger is nothing that Wayland knows */
		return;
	}
	org_kde_kwin_fake_input_touch_frame(p->wl);
}

void kwin_pointer_destroy(struct kwin_pointer *p)
{
	if (!p->wl)
		return;
	for (uint8_t b = 1; b <= 5; b++)
		send_button(p, b, false);
	for (unsigned i = 0; i < ARRAY_LEN(p->contact); i++) {
		if (!p->contact[i].down)
			continue;
		cancel(p);
		break;
	}
	p->wl = NULL;
}

void kwin_pointer_event(struct kwin_pointer *p, const struct input_event *e)
{
	switch (e->type) {
	case INPUT_MOUSE_REL:
		org_kde_kwin_fake_input_pointer_motion(p->wl, wl_fixed_from_int(e->rel.dx),
						       wl_fixed_from_int(e->rel.dy));
		break;
	case INPUT_MOUSE_ABS:
		send_absolute(p, e);
		break;
	case INPUT_MOUSE_BUTTON:
		send_button(p, e->button.button, e->button.down);
		break;
	case INPUT_SCROLL: /* the client's up is positive, Wayland's down */
		send_scroll(p, WL_POINTER_AXIS_VERTICAL_SCROLL, -e->scroll.amount);
		break;
	case INPUT_HSCROLL:
		send_scroll(p, WL_POINTER_AXIS_HORIZONTAL_SCROLL, e->scroll.amount);
		break;
	case INPUT_TOUCH:
		touch(p, e);
		break;
	default:
		break;
	}
}
