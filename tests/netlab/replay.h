// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A recorded session once more, in no time and always alike: its units through the real packetizer, pacer and sender
 * (replay_tx.h), its path through the real closed loop (src/control/tuning.c, src/net/adapt.c). Two ways:
 *
 *  as recorded   the loop hears what it heard then, at the same moments: reports, round trips, counters. The same loop
 *                must come to the same orders; another one shows where it would have decided otherwise.
 *  on a path     the packets cross a modelled path with a modelled client behind it (replay_client.h), and the loop is
 *                closed: what it orders decides what is lost.
 *
 * Units keep the times of the recording; their sizes follow the rate that is ordered, against the one ordered then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "path.h"
#include "session_file.h"

#define REPLAY_DECISIONS_MAX 1024u /* kept; more are counted */

struct replay_params {
	const struct session_file *session;
	const struct path_params *down;       /* NULL: as recorded */
	uint64_t up_ns, seed;                 /* on a path: the way back */
	bool pin_fec, pin_rate, pin_ceiling;  /* beside what the session had pinned */
	uint32_t pacing_percent, fec_percent; /* 0: the session's */
};

enum replay_order { REPLAY_RATE, REPLAY_CEILING, REPLAY_PARITY, REPLAY_ORDERS };

extern const char *const replay_order_name[REPLAY_ORDERS];

struct replay_decision {
	uint64_t at_ns; /* since the session began */
	enum replay_order order;
	uint32_t value; /* kbit/s on the wire, kbit/s, percent */
	const char *why;
};

struct replay_result {
	uint64_t ns;
	/* what left */
	unsigned frames, sent, in_parts, dropped, passed_over;
	uint64_t blocks, data, parity, bytes;
	unsigned densest_ms;                   /* packets in any millisecond */
	unsigned longest_train;                /* packets back to back */
	uint64_t spread_p50_ns, spread_p99_ns; /* encoded to last packet */
	uint64_t digest;                       /* of every packet's time, frame and place */
	/* the closed loop */
	unsigned ticks, n_decisions;
	struct replay_decision decision[REPLAY_DECISIONS_MAX];
	/* as recorded: turns whose orders or reasons are not those of the recording, and the first of them */
	unsigned ticks_otherwise;
	uint64_t otherwise_ns;
	uint64_t recorded_data, recorded_parity, replayed_data, replayed_parity; /* at the last turn */
	/* frames that the client named or reported as lost; on a path: that stayed incomplete, and that nothing was
	 * seen of until recovery */
	unsigned frames_lost, frames_not_shown;
	unsigned lost_packets, recovered_blocks;
};

/* One at a time in a program. -ENOMEM. */
int replay_run(struct replay_result *r, const struct replay_params *p);
