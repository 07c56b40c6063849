// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/pad_xbox_map.h"

#include <assert.h>

#include "base/str.h"
#include "input/keymap.h"

/* The paddles' and the share button's codes are the ones of the kernel's driver for the pads that have them. */
const struct pad_xbox_button pad_xbox_buttons[] = {
	{PAD_A, BTN_A, false},
	{PAD_B, BTN_B, false},
	{PAD_X, BTN_X, false},
	{PAD_Y, BTN_Y, false},
	{PAD_LB, BTN_TL, false},
	{PAD_RB, BTN_TR, false},
	{PAD_BACK, BTN_SELECT, false},
	{PAD_START, BTN_START, false},
	{PAD_GUIDE, BTN_MODE, false},
	{PAD_L3, BTN_THUMBL, false},
	{PAD_R3, BTN_THUMBR, false},
	{PAD_PADDLE1, BTN_TRIGGER_HAPPY5, true},
	{PAD_PADDLE3, BTN_TRIGGER_HAPPY6, true},
	{PAD_PADDLE2, BTN_TRIGGER_HAPPY7, true},
	{PAD_PADDLE4, BTN_TRIGGER_HAPPY8, true},
	{PAD_MISC, KEY_RECORD, true},
};
const size_t pad_xbox_button_count = ARRAY_LEN(pad_xbox_buttons);

#define STICK                                                                                                          \
	{                                                                                                              \
		.minimum = INT16_MIN, .maximum = INT16_MAX, .fuzz = 16, .flat = 128                                    \
	}
#define TRIGGER                                                                                                        \
	{                                                                                                              \
		.minimum = 0, .maximum = 255                                                                           \
	}
#define HAT                                                                                                            \
	{                                                                                                              \
		.minimum = -1, .maximum = 1                                                                            \
	}

const struct pad_xbox_axis pad_xbox_axes[] = {
	{ABS_X, STICK},   {ABS_Y, STICK},    {ABS_RX, STICK},  {ABS_RY, STICK},
	{ABS_Z, TRIGGER}, {ABS_RZ, TRIGGER}, {ABS_HAT0X, HAT}, {ABS_HAT0Y, HAT},
};
const size_t pad_xbox_axis_count = ARRAY_LEN(pad_xbox_axes);

static_assert(ARRAY_LEN(pad_xbox_buttons) + ARRAY_LEN(pad_xbox_axes) < PAD_XBOX_EVENTS_MAX, "and SYN_REPORT");

static int32_t axis_value(uint16_t code, const struct input_event *e)
{
	uint32_t b = e->state.buttons;

	switch (code) {
	case ABS_X:
		return e->state.lx;
	case ABS_Y:
		return evdev_stick_y(e->state.ly);
	case ABS_RX:
		return e->state.rx;
	case ABS_RY:
		return evdev_stick_y(e->state.ry);
	case ABS_Z:
		return e->state.lt;
	case ABS_RZ:
		return e->state.rt;
	case ABS_HAT0X:
		return !!(b & PAD_RIGHT) - !!(b & PAD_LEFT);
	case ABS_HAT0Y:
		return !!(b & PAD_DOWN) - !!(b & PAD_UP);
	}
	assert(!"an axis of the table above");
	return 0;
}

unsigned pad_xbox_events(struct kernel_input_event out[PAD_XBOX_EVENTS_MAX], const struct input_event *e, uint32_t has)
{
	unsigned n = 0;

	for (size_t i = 0; i < pad_xbox_button_count; i++) {
		const struct pad_xbox_button *b = &pad_xbox_buttons[i];

		if (pad_xbox_has(b, has))
			out[n++] = (struct kernel_input_event){
				.type = EV_KEY, .code = b->code, .value = !!(e->state.buttons & b->bit)};
	}
	for (size_t i = 0; i < pad_xbox_axis_count; i++)
		out[n++] = (struct kernel_input_event){
			.type = EV_ABS, .code = pad_xbox_axes[i].code, .value = axis_value(pad_xbox_axes[i].code, e)};
	out[n++] = (struct kernel_input_event){.type = EV_SYN, .code = SYN_REPORT};
	return n;
}
