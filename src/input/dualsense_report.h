// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The reports of a DualSense on USB: what the kernel's driver for it (hid-playstation) and games read and write. Pure
 * but for the calls of the back channel.
 */
#pragma once

#include "input/pad.h"

#define DUALSENSE_VENDOR  0x054c
#define DUALSENSE_PRODUCT 0x0ce6
#define DUALSENSE_VERSION 0x0111 /* of HID, as of all on USB: SDL knows the pads by it */

#define DUALSENSE_INPUT_SIZE       64 /* all sizes with the report's number */
#define DUALSENSE_OUTPUT_SIZE      48
#define DUALSENSE_CALIBRATION_SIZE 41
#define DUALSENSE_PAIRING_SIZE     20
#define DUALSENSE_FIRMWARE_SIZE    64

#define DUALSENSE_TOUCHES 2

extern const uint8_t dualsense_descriptor[];
extern const size_t dualsense_descriptor_len;

struct dualsense {
	uint8_t report[DUALSENSE_INPUT_SIZE]; /* the newest, but for number and time */
	uint8_t mac[6];
	struct dualsense_touch {
		uint32_t client_id;
		bool down;
	} touch[DUALSENSE_TOUCHES];
	uint8_t touch_id; /* of the newest contact, 7 bits */
	uint8_t left, right, rgb[3];
	bool lit;
	struct input_trigger_effect trigger;
};

/* Nothing held, both contacts off, lying flat, battery full. */
void dualsense_init(struct dualsense *d, const uint8_t mac[6]);

/* Each takes its event into the report. */
void dualsense_state(struct dualsense *d, const struct input_event *e);
void dualsense_touch(struct dualsense *d, const struct input_event *e);
void dualsense_motion(struct dualsense *d, const struct input_event *e);
void dualsense_battery(struct dualsense *d, const struct input_event *e);
/* Numbers and dates the report, which is then ready to be sent. */
void dualsense_stamp(struct dualsense *d, uint64_t now_ns);

/* Answers to questions; the length, 0: there is no such report. */
size_t dualsense_feature(const struct dualsense *d, uint8_t report, uint8_t out[DUALSENSE_FIRMWARE_SIZE]);

/* An output report, untrusted: what has changed goes to the client. */
void dualsense_output(struct dualsense *d, const uint8_t *data, size_t len, const struct input_back *back, uint8_t pad);
/* Says all of it again, to a client that was gone. */
void dualsense_tell(const struct dualsense *d, const struct input_back *back, uint8_t pad);
