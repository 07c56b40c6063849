// SPDX-License-Identifier: GPL-3.0-or-later
/* Whether an encoder really runs here, and how fast: what is offered to clients depends on it. */
#pragma once

#include "encode/encoder.h"

struct trial {
	uint64_t pixels_per_s; /* of a busy picture; the median frame */
};

struct trial_params {
	enum codec codec;
	uint16_t width, height; /* even; 0: a usual small picture, for comparison */
	uint32_t fps_mhz;       /* with width */
	uint8_t depth;          /* with width */
	bool yuv444;
	uint8_t slices;
	const char *preset;
	unsigned frames; /* TRIAL_FEW: does it run; TRIAL_MANY: how fast */
};

#define TRIAL_FEW  3u
#define TRIAL_MANY 14u

/* Main thread. Opens the encoder and lets it encode so many frames: three, and no more after 400 ms. 0; what
 * encoder_open() says; -EIO: it opened, but no picture came out, or the first two took more than two seconds;
 * -ETIMEDOUT: it does not close. */
int encoder_trial(const struct encoder_ops *ops, const struct trial_params *p, struct trial *out);

/* Whether that speed carries such a stream, with room for the rest of the work and for busier pictures. */
bool trial_carries(const struct trial *t, unsigned width, unsigned height, unsigned fps);
