// SPDX-License-Identifier: GPL-3.0-or-later
/* One device of an EIS server: what it holds of ours, and the area that positions on it are of. Part of ei.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "input/input.h"

struct ei_device;
struct key_layout;

#define EI_KEYS 768 /* KEY_CNT, rounded up to whole words */

/* How sure it is that an area is the picture's. */
enum ei_fit {
	EI_FIT_NONE, /* there is no area */
	EI_FIT_FIRST,
	EI_FIT_PLACE,
	EI_FIT_MAPPED, /* the desktop says so */
};

struct ei_area {
	enum ei_fit fit;
	double x, y, width, height; /* logical pixels, as the device counts them */
};

struct ei_dev {
	struct ei_device *ei; /* ours to unref; NULL: there is none */
	bool live;            /* resumed: it takes events */
	bool dirty;           /* something was sent since its last frame */
	uint64_t keys[EI_KEYS / 64];
	uint8_t buttons; /* bit n: mouse button n */
	struct ei_area area;
	struct key_layout *layout; /* of a keyboard, if it can be used */
};

struct ei_area ei_choose_area(struct ei_device *ei, const struct input_place *place, const char *mapping_id);
/* 0 is the middle of the first pixel, 1 of the last. */
void ei_area_point(const struct ei_area *a, float part_x, float part_y, double *x, double *y);

/* From the server's keymap; the default layout where it tells none. -errno. */
int ei_dev_layout(struct key_layout **out, struct ei_device *ei);
bool ei_dev_holds_key(const struct ei_dev *d, uint16_t key);
/* From up to down and back; the device is live. */
void ei_dev_key(struct ei_dev *d, uint16_t key, bool down);
void ei_dev_button(struct ei_dev *d, uint8_t button, bool down); /* 1..5 */
