// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/uinput_layout.h"

#include "base/str.h"
#include "input/kernel_input.h"
#include "input/state.h"

static const uint16_t mouse_keys[] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA};
static const uint16_t mouse_rels[] = {
	REL_X, REL_Y, REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL, REL_HWHEEL_HI_RES,
};

/* Buttons stay with the relative mouse; here they only say that this is a mouse and not a touch screen. */
static const uint16_t pointer_keys[] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT};
static const struct uinput_axis pointer_axes[] = {
	{ABS_X, 0, SURFACE_MAX, 0},
	{ABS_Y, 0, SURFACE_MAX, 0},
};

static const uint16_t touch_keys[] = {BTN_TOUCH};
static const struct uinput_axis touch_axes[] = {
	{ABS_X, 0, SURFACE_MAX, SURFACE_PER_MM_X},
	{ABS_Y, 0, SURFACE_MAX, SURFACE_PER_MM_Y},
	{ABS_PRESSURE, 0, TOUCH_PRESSURE_MAX, 0},
	{ABS_MT_SLOT, 0, TOUCH_CONTACTS_MAX - 1, 0},
	{ABS_MT_TRACKING_ID, 0, TRACKING_ID_MAX, 0},
	{ABS_MT_TOOL_TYPE, 0, MT_TOOL_PALM, 0},
	{ABS_MT_POSITION_X, 0, SURFACE_MAX, SURFACE_PER_MM_X},
	{ABS_MT_POSITION_Y, 0, SURFACE_MAX, SURFACE_PER_MM_Y},
	{ABS_MT_PRESSURE, 0, TOUCH_PRESSURE_MAX, 0},
	{ABS_MT_TOUCH_MAJOR, 0, SURFACE_MAX, SURFACE_PER_MM_X},
	{ABS_MT_TOUCH_MINOR, 0, SURFACE_MAX, SURFACE_PER_MM_X},
	{ABS_MT_ORIENTATION, -ORIENTATION_MAX, ORIENTATION_MAX, 0},
};

static const uint16_t pen_keys[] = {BTN_TOOL_PEN, BTN_TOOL_RUBBER, BTN_TOUCH, BTN_STYLUS, BTN_STYLUS2, BTN_STYLUS3};
static const struct uinput_axis pen_axes[] = {
	{ABS_X, 0, SURFACE_MAX, SURFACE_PER_MM_X},
	{ABS_Y, 0, SURFACE_MAX, SURFACE_PER_MM_Y},
	{ABS_PRESSURE, 0, PEN_PRESSURE_MAX, 0},
	{ABS_DISTANCE, 0, PEN_DISTANCE_MAX, 0},
	{ABS_TILT_X, -PEN_TILT_MAX, PEN_TILT_MAX, PER_RADIAN},
	{ABS_TILT_Y, -PEN_TILT_MAX, PEN_TILT_MAX, PER_RADIAN},
};

#define KEYS(a) .keys = (a), .n_keys = ARRAY_LEN(a)
#define RELS(a) .rels = (a), .n_rels = ARRAY_LEN(a)
#define AXES(a) .axes = (a), .n_axes = ARRAY_LEN(a)

/* Each has its own phys, so that libinput does not take touch and pen for one tablet: a pen that stays near (clients
 * without hover never say that it left) would silence every finger. */
const struct uinput_layout uinput_layouts[UINPUT_DEVICES] = {
	[UINPUT_KEYBOARD] = {INPUT_CLASS_KEYBOARD, "moonrill keyboard", "keyboard", .typewriter = true},
	[UINPUT_MOUSE] = {INPUT_CLASS_MOUSE, "moonrill mouse", "mouse", KEYS(mouse_keys), RELS(mouse_rels)},
	[UINPUT_POINTER] = {INPUT_CLASS_MOUSE, "moonrill mouse (absolute)", "pointer", KEYS(pointer_keys),
			    AXES(pointer_axes)},
	[UINPUT_TOUCH] = {INPUT_CLASS_TOUCH, "moonrill touch", "touch", .direct = true, KEYS(touch_keys),
			  AXES(touch_axes)},
	[UINPUT_PEN] = {INPUT_CLASS_PEN, "moonrill pen", "pen", .direct = true, KEYS(pen_keys), AXES(pen_axes)},
};
