// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the host tells a client about its pads and its picture: for each pad and kind only the newest value counts, so
 * posts are merged into atomics (any thread, wait-free) and the control thread takes them when the client can take
 * more. Trigger effects are too wide for that and are posted on the control thread only.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/wake.h"
#include "control/msg.h"
#include "input/input.h"
#include "media/params.h"

enum out_kind { OUT_HDR, OUT_MOTION_ACCEL, OUT_MOTION_GYRO, OUT_LED, OUT_RUMBLE, OUT_TRIGGERS, OUT_EFFECT, OUT_KINDS };

struct control_out {
	struct input_back back;
	struct wake *wake; /* of the control thread */
	unsigned cursor;   /* control thread: who is next, so that a busy pad starves no other */
	struct {
		atomic_uint dirty; /* bit per pad */
		atomic_uint known; /* ever posted: told again to a client that connects anew */
		atomic_uint value[INPUT_PADS_MAX];
	} kind[OUT_KINDS];
	_Atomic uint16_t hdr[HDR_METADATA_WORDS];   /* main writes, the control thread reads: with OUT_HDR */
	struct msg_adaptive effect[INPUT_PADS_MAX]; /* control thread: the value of OUT_EFFECT */
};

void out_init(struct control_out *o, struct wake *wake);

/* Any thread. */
void out_post(struct control_out *o, enum out_kind kind, uint8_t pad, uint32_t value);

/* Main thread. NULL: HDR is off. */
void out_hdr(struct control_out *o, const struct hdr_metadata *m);

/* Control thread. Everything known is due again. */
void out_again(struct control_out *o);
/* The next message that is due; its length, 0 when there is none. */
size_t out_take(struct control_out *o, uint8_t msg[MSG_OUT_MAX]);
