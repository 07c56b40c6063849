// SPDX-License-Identifier: GPL-3.0-or-later
/* Whether an encoder really runs here, and how fast: what is offered to clients depends on it. */
#pragma once

#include "encode/encoder.h"

struct trial {
	uint64_t pixels_per_s; /* of a busy picture; the median frame */
};

/* Main thread, before the first stream. Opens the encoder and lets it encode a few frames, for 400 ms and one frame at
 * most. 0; what encoder_open() says; -EIO: it opened but no picture came out. */
int encoder_trial(const struct encoder_ops *ops, enum codec codec, const char *preset, uint8_t slices,
		  struct trial *out);

/* Whether that speed carries such a stream, with room for the rest of the work and for busier pictures. */
bool trial_carries(const struct trial *t, unsigned width, unsigned height, unsigned fps);
