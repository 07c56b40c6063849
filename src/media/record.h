// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a stream did, kept cheaply to be replayed off line (doc/network.md, "Recorded sessions"): the units that the
 * encoder gave out, what the client said of the path, and each turn of the closed loop with its evidence and its
 * orders. Neither pictures nor keys nor input.
 *
 * The encode thread and the control thread note events: each has a pool of slots of its own, taken at open, and hands
 * them to main through rings; nothing is locked, allocated or written there, and a full pool loses events, which are
 * counted. Main writes them as lines of text. Every function takes NULL for a stream that is not recorded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/params.h"
#include "media/tune.h"

struct au;
struct record;

#define RECORD_VERSION   1u
#define RECORD_DRAIN_NS  100000000ull     /* how often main drains */
#define RECORD_BYTES_MAX (64u << 20)      /* of a file: some hours */
#define RECORD_WHY_MAX   63u              /* characters of a reason: printable ASCII */
#define RECORD_TIME_MAX  (1ull << 50)     /* thirteen days */
#define RECORD_UNIT_MAX  (16u << 20)      /* bytes of a unit: more is no unit of ours */
#define RECORD_RTT_MAX   (600u * 1000000) /* us */

/* Of the stream, beside what was negotiated: what net/adapt.h is made with. */
struct record_stream {
	struct video_params video;
	uint32_t audio_kbps, floor_kbps, pacing_percent;
	bool pin_fec, pin_rate, pin_ceiling, fixed_blocks;
};

enum record_unit_flags {
	RECORD_FIRST = 1,
	RECORD_LAST = 2,
	RECORD_BROKEN = 4,
	RECORD_KEY = 8,
	RECORD_RECOVERY = 16, /* first after an invalidation */
	RECORD_MARKED = 32,   /* to be acknowledged */
	RECORD_REPEAT = 64,
	RECORD_UNIT_FLAGS = 127,
};

struct record_unit {
	uint64_t age_ns; /* since its picture was captured; 0: unknown */
	uint32_t frame, epoch, len, expected;
	uint8_t flags;
};

/* net/adapt.h's block, and whose it is. */
struct record_block {
	uint32_t frame;
	uint16_t data, parity, received_data, received_parity, missing_before_highest;
	uint8_t block, blocks;
};

/* A turn of the closed loop: what it was told and what it ordered. */
struct record_tick {
	uint64_t blocks, data, parity, packets, bytes, dropped; /* the sender's counters */
	uint32_t rtt_us;
	uint32_t wire_kbps, encoder_kbps, ceiling_kbps;
	uint8_t fec_percent[FRAME_CLASSES];
	bool whole;
	const char *why_rate, *why_ceiling, *why_fec; /* constant strings */
};

enum record_kind {
	RECORD_UNIT,
	RECORD_BLOCK,
	RECORD_TICK,
	RECORD_LOST, /* the client named a range of frames */
	RECORD_IDR,  /* asked for a key frame */
	RECORD_ACK,  /* has a marked frame */
	RECORD_SILENCE,
	RECORD_KINDS,
};

struct record_event {
	uint64_t at_ns; /* since the record began */
	enum record_kind kind;
	union {
		struct record_unit unit;
		struct record_block block;
		struct record_tick tick;
		struct {
			uint32_t first, last;
		} lost;
		uint32_t acked;
		bool silent;
	};
};

/* Main. A new file, readable by its owner only. -EEXIST, -errno. */
int record_open(struct record **out, const char *path, const struct record_stream *s, uint64_t now_ns);
/* Main, every RECORD_DRAIN_NS. A file that cannot be written to any more, or is too long, is not; that is logged
 * once. */
void record_drain(struct record *r);
/* Main; whoever noted events has stopped. */
void record_close(struct record *r);

/* Encode thread, or whoever pushes units on its behalf. */
void record_unit(struct record *r, const struct au *a);

/* Control thread. Time is clock_ns(). */
void record_block(struct record *r, const struct record_block *b, uint64_t now_ns);
void record_tick(struct record *r, const struct record_tick *t, uint64_t now_ns);
void record_lost(struct record *r, uint32_t first, uint32_t last, uint64_t now_ns);
void record_idr(struct record *r, uint64_t now_ns);
void record_ack(struct record *r, uint32_t frame, uint64_t now_ns);
void record_silence(struct record *r, bool silent, uint64_t now_ns);
