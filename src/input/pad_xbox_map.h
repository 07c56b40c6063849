// SPDX-License-Identifier: GPL-3.0-or-later
/* What an Xbox 360 pad looks like through the kernel's own driver for it, and a client's state in its terms. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input/kernel_input.h"
#include "input/pad.h"

#define PAD_XBOX_NAME    "Microsoft X-Box 360 pad"
#define PAD_XBOX_VENDOR  0x045e
#define PAD_XBOX_PRODUCT 0x028e
#define PAD_XBOX_VERSION 0x0110

struct pad_xbox_button {
	uint32_t bit; /* enum pad_button */
	uint16_t code;
	bool extra; /* only on pads whose client has it */
};

extern const struct pad_xbox_button pad_xbox_buttons[];
extern const size_t pad_xbox_button_count;

struct pad_xbox_axis {
	uint16_t code;
	struct input_absinfo info;
};

extern const struct pad_xbox_axis pad_xbox_axes[];
extern const size_t pad_xbox_axis_count;

/* has: the buttons that the client announced. */
static inline bool pad_xbox_has(const struct pad_xbox_button *b, uint32_t has)
{
	return !b->extra || (has & b->bit);
}

#define PAD_XBOX_EVENTS_MAX 32

/* The whole of an INPUT_PAD_STATE and a SYN_REPORT, as the driver does it: the kernel passes on what has changed. The
 * number of events. */
unsigned pad_xbox_events(struct kernel_input_event out[PAD_XBOX_EVENTS_MAX], const struct input_event *e, uint32_t has);
