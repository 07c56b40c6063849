// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Force feedback effects as games upload and play them, mixed down to the two motors of a pad, by the rules that the
 * kernel has for real pads that keep no effects themselves. Pure but for the time, which the caller passes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "input/kernel_input.h"

#define PAD_FF_EFFECTS 16

struct pad_ff {
	uint16_t gain;
	struct pad_ff_slot {
		struct ff_effect effect;
		bool loaded, started;
		uint32_t count;    /* plays */
		uint64_t start_ns; /* of the first one, after its delay */
	} slot[PAD_FF_EFFECTS];
};

struct pad_ff_level {
	uint16_t strong, weak;
	uint64_t next_ns; /* when it changes by itself; NS_NEVER */
};

void pad_ff_init(struct pad_ff *f);
/* -EINVAL: no such slot or kind. An effect that plays begins anew. */
int pad_ff_upload(struct pad_ff *f, const struct ff_effect *e, uint64_t now_ns);
void pad_ff_erase(struct pad_ff *f, uint32_t id);
/* EV_FF of the device: plays id count times (0: stops it), or sets the gain. */
void pad_ff_event(struct pad_ff *f, uint16_t code, int32_t value, uint64_t now_ns);
/* Ends what has ended. */
struct pad_ff_level pad_ff_mix(struct pad_ff *f, uint64_t now_ns);
