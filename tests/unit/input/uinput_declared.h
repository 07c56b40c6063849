// SPDX-License-Identifier: GPL-3.0-or-later
/* Whether a device said at its birth that it can send an event: code and range. For tests and fuzzers. */
#pragma once

#include <stdbool.h>

#include "input/evdev_batch.h"
#include "input/keymap.h"
#include "input/uinput_layout.h"

static inline const struct uinput_axis *uinput_axis_of(enum uinput_device d, uint16_t code)
{
	for (unsigned i = 0; i < uinput_layouts[d].n_axes; i++)
		if (uinput_layouts[d].axes[i].code == code)
			return &uinput_layouts[d].axes[i];
	return NULL;
}

static inline bool uinput_has_code(const uint16_t *codes, unsigned n, uint16_t code)
{
	for (unsigned i = 0; i < n; i++)
		if (codes[i] == code)
			return true;
	return false;
}

static inline bool uinput_typewriter_has(uint16_t code)
{
	for (unsigned i = 0; i < 512; i++)
		if (code && evdev_key((uint8_t)i, i >= 256) == code)
			return true;
	return false;
}

static inline bool uinput_declared(enum uinput_device d, const struct kernel_input_event *e)
{
	const struct uinput_layout *l = &uinput_layouts[d];
	const struct uinput_axis *a;

	switch (e->type) {
	case EV_SYN:
		return e->code == SYN_REPORT && e->value == 0;
	case EV_KEY:
		if (e->value != 0 && e->value != 1)
			return false;
		return l->typewriter ? uinput_typewriter_has(e->code) : uinput_has_code(l->keys, l->n_keys, e->code);
	case EV_REL:
		return e->value && uinput_has_code(l->rels, l->n_rels, e->code);
	case EV_ABS:
		a = uinput_axis_of(d, e->code);
		if (a && e->code == ABS_MT_TRACKING_ID && e->value == -1)
			return true;
		return a && e->value >= a->min && e->value <= a->max;
	}
	return false;
}
