// SPDX-License-Identifier: GPL-3.0-or-later
/* Time stamps (clock_ns) that a frame carries from the source to its last packet; 0: not reached. Each is written by
 * the thread that does the step and travels with the unit, so nobody shares it. */
#pragma once

#include <stdint.h>

struct trace {
	uint64_t captured;   /* the picture was complete at the source */
	uint64_t taken;      /* the encode thread took it */
	uint64_t converted;  /* colour conversion done */
	uint64_t encoded;    /* access unit complete */
	uint64_t packed;     /* shards, parity and encryption done */
	uint64_t first_sent; /* first packet handed to the kernel */
	uint64_t last_sent;
};
