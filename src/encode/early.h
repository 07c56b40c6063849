// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whether the next frame is worth sending in parts while it is being encoded, judged by how large frames of its kind
 * have been, and how large the parts should be. Small frames are not: they are on the wire in a train or two, every
 * block of its own costs parity, and a short block survives fewer losses than a long one with the same share of
 * parity. Nor is it free to have slices cut small. So the answer has some inertia. Pure; encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/au.h"

#define EARLY_FRAME_ON  20u /* payloads of a frame that is sent early */
#define EARLY_FRAME_OFF 16u /* below this it is not any more */
#define EARLY_BLOCK_MIN 5u  /* payloads of a part: fewer are not worth their parity */
#define EARLY_LONG      60u /* payloads of a frame from which on more than one early part is of use */

struct early {
	enum early_mode mode;
	uint32_t payload; /* bytes of a packet's payload */
	struct early_kind {
		uint32_t size; /* bytes, smoothed */
		bool on;
	} kind[2]; /* others, key frames */
};

struct early_choice {
	uint32_t unit_bytes; /* 0: whole */
	uint8_t units;
	uint32_t expected;
};

/* payload: bytes that a packet carries. Until frames have come they are taken to be their share of kbps. */
void early_init(struct early *e, enum early_mode mode, uint32_t payload, uint32_t kbps, uint32_t fps_mhz);
/* For the frame that is encoded next. whole: the path loses packets. */
struct early_choice early_choose(struct early *e, bool key, bool whole);
/* It came out. */
void early_frame(struct early *e, bool key, size_t bytes);
