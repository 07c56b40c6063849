// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One virtual controller as the kernel sees it. The pads back end (pads.c) keeps up to INPUT_PADS_MAX of them and hands
 * each its client's events; each kind is a file. Control thread, but close, which may be on main.
 */
#pragma once

#include "input/backend.h"

/* The client's buttons, 2-media 6.4. */
enum pad_button {
	PAD_UP = 0x0001,
	PAD_DOWN = 0x0002,
	PAD_LEFT = 0x0004,
	PAD_RIGHT = 0x0008,
	PAD_START = 0x0010,
	PAD_BACK = 0x0020,
	PAD_L3 = 0x0040,
	PAD_R3 = 0x0080,
	PAD_LB = 0x0100,
	PAD_RB = 0x0200,
	PAD_GUIDE = 0x0400,
	PAD_A = 0x1000,         /* south, whatever is printed on it */
	PAD_B = 0x2000,         /* east */
	PAD_X = 0x4000,         /* west */
	PAD_Y = 0x8000,         /* north */
	PAD_PADDLE1 = 0x010000, /* upper right, as the hands hold it */
	PAD_PADDLE2 = 0x020000, /* upper left */
	PAD_PADDLE3 = 0x040000, /* lower right */
	PAD_PADDLE4 = 0x080000, /* lower left */
	PAD_TOUCHPAD = 0x100000,
	PAD_MISC = 0x200000, /* share, mute, capture */
};

enum pad_cap {
	PAD_CAP_TOUCHPAD = 0x08,
	PAD_CAP_ACCEL = 0x10,
	PAD_CAP_GYRO = 0x20,
};

struct pad {
	const struct pad_ops *ops;
	const struct input_env *env;
	uint8_t number;   /* the client's */
	uint16_t caps;    /* the client's pad, 2-media 6.4 */
	uint32_t buttons; /* that the client's pad has; 0: unknown */
};

struct pad_ops {
	const char *name; /* "xbox", "dualsense", "switch"; as in config input.pads */
	size_t size;      /* of the struct that begins with struct pad */
	/* Whether this machine allows it: 0 or -errno; opens nothing that stays open. */
	int (*probe)(void);
	int (*open)(struct pad *p); /* -errno: as if the pad were not there */
	void (*state)(struct pad *p, const struct input_event *e);
	/* The client came back: it is told again what it was told last (rumble, light, triggers). */
	void (*tell)(struct pad *p);
	/* NULL: the kind has no such part */
	void (*touch)(struct pad *p, const struct input_event *e);
	void (*motion)(struct pad *p, const struct input_event *e);
	void (*battery)(struct pad *p, const struct input_event *e);
	void (*close)(struct pad *p);
};

extern const struct pad_ops pad_xbox, pad_dualsense, pad_switch;
