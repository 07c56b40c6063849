// SPDX-License-Identifier: GPL-3.0-or-later
/* From a parsed control message to what it asks for: feedback, statistics, input. Control thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/msg.h"
#include "control/tuning.h"
#include "input/input.h"
#include "media/feedback.h"
#include "media/stats.h"

/* A wider range cannot be healed by references that any decoder still has; the client itself gives up after 120 frames
 * (2-media 5.5). */
#define RFI_SPAN_MAX 128u

/* input, stats and tuning may be NULL. */
struct dispatch {
	struct feedback *feedback;
	struct stream_stats *stats;
	struct input *input;
	struct tuning *tuning;
};

/* -EBADMSG or -ENOTSUP when the input packet inside is not one; else 0. */
int dispatch_msg(const struct dispatch *d, const struct msg *m);
