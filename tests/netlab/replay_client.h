// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The far end of a replay through a modelled path: what becomes of each packet there, and what a client would say of
 * it. Blocks that were repaired or lost are reported with the next ping, eight at most (2-media 5.3); a frame that
 * stays incomplete asks for recovery as soon as it is seen; the round trip is that of the pings, smoothed as ENet does.
 * Pure: the time is told.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/adapt.h"
#include "path.h"
#include "replay_tx.h"

#define CLIENT_PING_NS    100000000ull
#define CLIENT_REPORTS    1024u /* that wait; more are forgotten, as by a client */
#define CLIENT_AT_ONCE    8u
#define CLIENT_VITAL_PAST 64u /* frames whose kind is remembered */

struct client_report {
	uint64_t ready_ns;
	struct adapt_block block;
};

struct replay_client {
	/* constant */
	struct path *path;
	uint64_t up_ns, frame_ns;
	/* the block that is arriving: packets in the order in which they come */
	struct client_arrival {
		uint64_t at_ns;
		uint16_t index;
	} arrival[BATCH_PACKETS_MAX];
	unsigned n_arrivals;
	uint64_t start_ns;  /* the first packet left */
	uint64_t newest_ns; /* arrival of any packet */
	/* the frame */
	bool broken;
	bool vital[CLIENT_VITAL_PAST];
	bool waiting;         /* what comes refers to what never came */
	uint64_t recovery_ns; /* when the host hears of it; NS_NEVER */
	/* what waits for the next ping */
	struct client_report report[CLIENT_REPORTS];
	unsigned head, n_reports;
	uint32_t rtt_us;
	uint64_t way_ns; /* how long the last packet took to come */
	/* figures */
	unsigned lost_packets, broken_frames, frames_not_shown, recovered_blocks;
};

/* path: of what comes down, stays the caller's. up_ns: how long it takes back. */
void replay_client_init(struct replay_client *c, struct path *path, uint64_t up_ns, uint64_t frame_ns);
/* A frame of this number begins; vital: it refers to nothing that was lost. */
void replay_client_frame(struct replay_client *c, uint32_t frame_no, bool vital);
/* Packets of the batch have left. */
void replay_client_train(struct replay_client *c, const struct replay_train *t, uint64_t now_ns);
/* What reaches the host of the ping of now_ns - up_ns: returns how many blocks. */
unsigned replay_client_ping(struct replay_client *c, uint64_t now_ns, struct adapt_block out[CLIENT_AT_ONCE]);
