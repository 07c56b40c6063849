// SPDX-License-Identifier: GPL-3.0-or-later
/* The five devices of a session as the kernel is told about them: names, keys, axes and their ranges. Constant. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "input/input.h"

/* Ours alone, so that rules and quirks can name our devices: "MR", 1. */
#define UINPUT_VENDOR  0x4d52
#define UINPUT_PRODUCT 0x0001
#define UINPUT_LAYOUT  1

/* Both axes of a surface span the picture; the kernel needs a size in mm too, which is that of a 16:9 tablet. */
#define SURFACE_MAX        65535
#define SURFACE_PER_MM_X   200
#define SURFACE_PER_MM_Y   356
#define TOUCH_PRESSURE_MAX 1023
#define TRACKING_ID_MAX    65535
#define ORIENTATION_MAX    90 /* degrees to either side of upright */
#define PEN_PRESSURE_MAX   4095
#define PEN_DISTANCE_MAX   1023
#define PEN_TILT_MAX       90 /* degrees */
#define PER_RADIAN         57

enum uinput_device {
	UINPUT_KEYBOARD,
	UINPUT_MOUSE,
	UINPUT_POINTER, /* the absolute mouse */
	UINPUT_TOUCH,
	UINPUT_PEN,
	UINPUT_DEVICES,
};

struct uinput_axis {
	uint16_t code;
	int32_t min, max, resolution;
};

struct uinput_layout {
	enum input_class class;
	const char *name;
	const char *part; /* last part of its phys */
	bool typewriter;  /* every key of input/keymap.h, and the kernel repeats them */
	bool direct;      /* what is touched is the screen itself */
	const uint16_t *keys, *rels;
	const struct uinput_axis *axes;
	uint8_t n_keys, n_rels, n_axes;
};

extern const struct uinput_layout uinput_layouts[UINPUT_DEVICES];
