// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The closed loop of one stream (net/adapt.h) at work: fed with the client's reports and the sender's counters, its
 * orders handed to the encoder and the sender, its reasons to the log and to status. Made by main before the control
 * session that uses it; the control thread's in between.
 */
#pragma once

#include "media/feedback.h"
#include "media/stats.h"
#include "net/adapt.h"

struct fec_status;
struct record;

struct tuning {
	struct adapt adapt;
	struct feedback *feedback;
	struct stream_stats *stats;
	struct tune *tune;
	struct record *record; /* NULL: not recorded */
	uint64_t due_ns;
	uint32_t told; /* changes that are in the log */
};

/* The first orders are given at once. What it points at outlives it. record is the owner's to set afterwards. */
void tuning_init(struct tuning *t, const struct adapt_params *p, struct feedback *feedback, struct stream_stats *stats,
		 struct tune *tune);
void tuning_block(struct tuning *t, const struct fec_status *s);
/* Returns when to be called again. */
uint64_t tuning_run(struct tuning *t, uint64_t now_ns);
