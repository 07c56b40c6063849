// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One virtual controller as the kernel sees it. The pads back end (pads.c) keeps up to INPUT_PADS_MAX of them and hands
 * each its client's events; each kind is a file. Control thread, but close, which may be on main.
 */
#pragma once

#include "input/backend.h"

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
	/* NULL: the kind has no such part */
	void (*touch)(struct pad *p, const struct input_event *e);
	void (*motion)(struct pad *p, const struct input_event *e);
	void (*battery)(struct pad *p, const struct input_event *e);
	void (*close)(struct pad *p);
};

extern const struct pad_ops pad_xbox, pad_dualsense, pad_switch;
