// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Scripts of input, one event a line; '#' begins a comment. Numbers are decimal or 0x hexadecimal. Each line becomes
 * the packet a stock client would send (2-media 6), on the channel and with the reliability it would use (5.1).
 *
 *	key VK down|up|tap [MODIFIERS] [raw]    VK 0x41 = A; raw: the code is not a US position (flag 1)
 *	text WORDS...                           one packet a code point
 *	mouse DX DY                             relative
 *	abs X Y WIDTH HEIGHT                    in an area of that size
 *	button N down|up|click                  1 left, 2 middle, 3 right, 4 X1, 5 X2
 *	scroll AMOUNT | hscroll AMOUNT          120 a notch
 *	pad arrival N TYPE CAPABILITIES BUTTONS
 *	pad state N MASK BUTTONS LT RT LX LY RX RY
 *	pad touch N EVENT POINTER X Y PRESSURE [TOUCHPAD]
 *	pad motion N TYPE X Y Z                 1 accelerometer, 2 gyroscope
 *	pad battery N STATE PERCENT
 *	touch EVENT ID X Y PRESSURE MAJOR MINOR ROTATION
 *	pen EVENT TOOL BUTTONS X Y PRESSURE ROTATION TILT MAJOR MINOR
 *	sleep MS
 *	raw HEX                                 the payload of one input message (0x0206), as it is
 *	message TYPE HEX                        any control message, type and payload as they are
 *
 * x and y are 0..1 (a float; nan and inf are passed on). What the host did not offer in DESCRIBE (pen, touch: flag 1;
 * pad touch, pad motion: flag 2) a client does not send: such lines are skipped and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_EVENTS_MAX 20000u
#define INPUT_BODY_MAX   251u

struct input_event {
	uint16_t type; /* control message; 0: only a pause */
	uint8_t channel, len;
	bool reliable;
	uint8_t needs;     /* enum host_features */
	uint32_t sleep_ms; /* before it is sent */
	uint8_t body[INPUT_BODY_MAX];
};

struct input_script {
	struct input_event *event;
	unsigned n, cap;
};

/* -EINVAL with *line set, -ENOMEM, -E2BIG. The script is to be finished in any case. */
int input_script_parse(struct input_script *s, const char *text, size_t len, unsigned *line);
void input_script_finish(struct input_script *s); /* accepts a zeroed script */

/* What every stock client sends at the start: haptics on, and the pointer's wiggle (2-media 6.3, 7.1). */
int input_script_hello(struct input_script *s);
extern const char input_script_help[];
