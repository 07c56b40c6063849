// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The closed loop of one stream: from what clients report anyway (troubled blocks 0x5502, round trips) and what the
 * sender counts, to parity, bit rate and pacing ceiling. Three questions, each with its own evidence:
 *
 *  parity   how packets vanish (net/loss_model.h) says how much is worth its bytes; vital frames get more.
 *  rate     packets that vanish although we send evenly are answered with parity; a share of loss that no parity
 *           covers, or a queue that grows, means that the path carries less than we send. Then the rate falls to
 *           what arrived, and climbs again: fast to where it was well, slowly past where it failed, fast beyond.
 *  ceiling  how fast one frame's packets may follow each other. Loss that goes away when they follow more slowly was
 *           a queue too short for our bursts: so it is tried, measured, and kept or undone.
 *
 * A pure function of reports, counters and time, without thread or clock; control thread. Simulated in
 * tests/unit/net/test_adapt.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/params.h"
#include "media/tune.h"
#include "net/loss_model.h"

#define ADAPT_TICK_NS 100000000ull /* as often as clients report (2-media 5.3) */

struct adapt_params {
	struct video_params video; /* fec_percent: where parity begins and below which it never falls */
	uint32_t audio_kbps;       /* on the wire, part of the configured rate */
	uint16_t packet_len;       /* of each datagram */
	uint32_t pacing_percent;   /* the ceiling begins at so much of the configured rate */
	uint32_t floor_kbps;       /* the rate never falls below */
	bool pin_fec, pin_rate, pin_ceiling;
};

/* A block that needed repair or was lost, 2-media 5.3. */
struct adapt_block {
	uint16_t data, parity, received_data, received_parity, missing_before_highest;
};

/* What the stream has sent since it began. */
struct adapt_sent {
	uint64_t blocks, data, parity, bytes, dropped;
};

struct adapt_orders {
	uint32_t encoder_kbps;
	uint32_t ceiling_kbps;
	uint8_t fec_percent[FRAME_CLASSES];
	bool whole_frames; /* in as few blocks as possible: each survives more */
};

struct adapt {
	struct adapt_params p;
	struct adapt_orders orders;
	uint64_t tick_ns;       /* 0: not yet */
	struct adapt_sent sent; /* at the last tick */
	struct loss_model loss;
	/* since the last tick */
	unsigned reports, missing;
	/* the last ticks, newest first */
	struct adapt_moment {
		uint64_t dt_ns;
		unsigned data, packets, missing;    /* sent: of data, and with parity; vanished, of either kind */
		unsigned blocks, troubled, dropped; /* dropped: frames that we could not send */
		uint64_t bytes;
	} moment[20];
	unsigned n_moments;
	/* rate */
	double wire_kbps;   /* wanted on the wire, without sound */
	double failed_kbps; /* what the path did not carry last, 0: never */
	double trim;        /* of the encoder's share, so that the wire's rate comes out */
	bool spare;         /* the encoder leaves much of its share: an easy picture */
	double spare_data;  /* packets of data a frame then */
	uint64_t calm_from_ns;
	/* queue */
	uint32_t rtt_us, base_rtt_us, base_next_us;
	uint64_t base_since_ns;
	unsigned queue_ticks; /* for how long it has been long */
	/* ceiling */
	enum { CEILING_STEADY, CEILING_CLIMBED, CEILING_TRIED } ceiling_state;
	double ceiling_kbps, ceiling_before; /* before: to go back to */
	double ceiling_limit;                /* learnt: above this packets vanish; fades upward */
	double loss_before;
	uint64_t ceiling_until_ns, try_after_ns, try_pause_ns;
	/* why each of the three last changed: a few words */
	const char *why_fec, *why_rate, *why_ceiling;
	uint32_t changes; /* of any of them that is news */
};

void adapt_init(struct adapt *a, const struct adapt_params *p);

void adapt_block(struct adapt *a, const struct adapt_block *b); /* untrusted numbers */
void adapt_rtt(struct adapt *a, uint32_t rtt_us);               /* as measured last */

/* Every ADAPT_TICK_NS, more or less. True when the orders have changed. */
bool adapt_tick(struct adapt *a, const struct adapt_sent *sent, uint64_t now_ns);
