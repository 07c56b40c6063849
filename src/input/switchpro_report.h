// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The reports of a Switch Pro Controller on USB: what the kernel's driver for it (hid-nintendo) and games read and
 * write. Pure but for the calls of the back channel.
 */
#pragma once

#include "input/pad.h"

#define SWITCHPRO_VENDOR  0x057e
#define SWITCHPRO_PRODUCT 0x2009
#define SWITCHPRO_VERSION 0x0111 /* of HID, as of all on USB: SDL knows the pads by it */

#define SWITCHPRO_REPORT_SIZE 64 /* of all, with the report's number */

extern const uint8_t switchpro_descriptor[];
extern const size_t switchpro_descriptor_len;

struct switchpro {
	uint8_t report[SWITCHPRO_REPORT_SIZE]; /* the newest, but for the timer */
	uint8_t mac[6];
	uint16_t low, high; /* what the client was told last */
};

/* Nothing held, lying flat, battery full. */
void switchpro_init(struct switchpro *s, const uint8_t mac[6]);

/* Each takes its event into the report. */
void switchpro_state(struct switchpro *s, const struct input_event *e);
void switchpro_motion(struct switchpro *s, const struct input_event *e);
void switchpro_battery(struct switchpro *s, const struct input_event *e);
void switchpro_stamp(struct switchpro *s, uint64_t now_ns);

/* An output report, untrusted: rumble goes to the client. True: the pad answers with reply. */
bool switchpro_output(struct switchpro *s, const uint8_t *data, size_t len, const struct input_back *back, uint8_t pad,
		      uint8_t reply[SWITCHPRO_REPORT_SIZE]);
