// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A client's events in the kernel's words, for the devices of uinput_layout.h: one event in, one batch for one device
 * out, written at once. Expects what input/state.h lets through. Pure; one thread at a time. Facts: 2-media 6.2 to 6.5.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "input/evdev_batch.h"
#include "input/input.h"
#include "input/state.h"
#include "input/uinput_layout.h"

#define EVDEV_KEYS 768 /* KEY_CNT, rounded up to whole words */

/* What the kernel holds of ours. Zeroed: nothing was written yet. */
struct uinput_events {
	uint64_t keys[EVDEV_KEYS / 64]; /* of the keyboard */
	struct {
		int32_t x, y;
	} pointer;
	struct {
		struct touch_slot {
			bool down;
			uint32_t id; /* the client's */
			uint32_t serial;
			int32_t x, y, pressure;
		} slot[TOUCH_CONTACTS_MAX];
		uint32_t serial; /* of the next contact; its low half is the tracking id */
		bool any;        /* BTN_TOUCH */
	} touch;
	struct {
		uint16_t tool; /* BTN_TOOL_* that is near, 0: none */
		bool down;
		uint8_t buttons;
	} pen;
};

/* Replaces the content of b; n is 0 when there is nothing to write (then the device means nothing). */
enum uinput_device uinput_events_fill(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e);

/* The parts, each in its file; they append to b. */
void uinput_key(struct uinput_events *u, struct evdev_batch *b, uint16_t code, bool down); /* without a frame's end */
bool uinput_key_held(const struct uinput_events *u, uint16_t code);
void uinput_text(struct uinput_events *u, struct evdev_batch *b, uint32_t code_point);
void uinput_touch(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e);
void uinput_pen(struct uinput_events *u, struct evdev_batch *b, const struct input_event *e);

/* 0..1 on an axis that begins at 0. */
static inline int32_t uinput_scaled(float v, int32_t max)
{
	return (int32_t)(v * (float)max + 0.5f);
}
