// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a client holds: keys, buttons, contacts, pen, pads. Turns the client's events into a consistent sequence for a
 * back end (redundant and impossible ones dropped, missing ones added) and can let everything go. Pure; one thread at
 * a time. Rules: 2-media 6.2 to 6.5.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "input/input.h"

#define TOUCH_CONTACTS_MAX 16
#define PAD_CONTACTS_MAX   4

struct contact {
	uint32_t id;
	uint8_t surface; /* touchpad of a pad */
	bool down;
	float x, y;
};

struct input_state {
	uint64_t keys[8];  /* bit vk + 256 * raw */
	uint8_t buttons;   /* bit n: mouse button n */
	int16_t scroll[2]; /* what is missing to a notch; vertical, horizontal */
	struct contact touch[TOUCH_CONTACTS_MAX];
	struct {
		bool near, down;
		float x, y;
	} pen;
	uint16_t pads;    /* that exist */
	uint16_t unnamed; /* of those: everything was let go, and the client has not said since that it has it */
	struct {
		bool moved; /* the last state sent was not neutral */
		bool away;  /* everything was let go, and the client has not announced it since */
		struct contact touch[PAD_CONTACTS_MAX];
	} pad[INPUT_PADS_MAX];
};

typedef void (*input_emit_fn)(void *ctx, const struct input_event *e);

/* A zeroed state holds nothing. emit is called once for each event that the back end must see, in order. */
void input_state_apply(struct input_state *s, const struct input_event *e, input_emit_fn emit, void *ctx);
void input_state_release(struct input_state *s, input_emit_fn emit, void *ctx);
/* The client has had its time: pads that were there before the last release, and that it has not named since, go. */
void input_state_forget(struct input_state *s, input_emit_fn emit, void *ctx);
