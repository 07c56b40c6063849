// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Counters and latency histograms of one stream. Each field has one writing thread (named by its group); anyone
 * reads. Histograms and counters are relaxed atomics.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/hist.h"

enum stage {                /* what a frame waits for, in order; see struct trace */
	     STAGE_CAPTURE, /* captured -> taken */
	     STAGE_CONVERT, /* taken -> converted */
	     STAGE_ENCODE,  /* converted -> encoded */
	     STAGE_PACK,    /* encoded -> packed */
	     STAGE_PACE,    /* packed -> last packet sent */
	     STAGE_TOTAL,   /* captured -> first packet sent */
	     STAGE_COUNT,
};

extern const char *const stage_name[STAGE_COUNT];

/* Adds one sample of a single writer without a locked instruction. */
#define STAT_ADD(counter, n)                                                                                           \
	atomic_store_explicit(&(counter), atomic_load_explicit(&(counter), memory_order_relaxed) + (n),                \
			      memory_order_relaxed)
#define STAT_SET(field, v) atomic_store_explicit(&(field), (v), memory_order_relaxed)
#define STAT_GET(counter)  atomic_load_explicit(&(counter), memory_order_relaxed)

struct stream_stats {
	/* encode thread */
	_Alignas(64) _Atomic uint64_t frames_encoded, frames_repeated, bytes_encoded, idr_frames, rfi_requests,
		rfi_frames, frames_skipped, /* pictures of the source between two encoded ones */
		frames_cursor,              /* made of a picture that was converted before, by its cursor alone */
		picture_bytes;              /* of pictures, that the CPU read to convert them or to bring them back */
	struct hist capture, convert, encode;
	/* video-tx thread: packing */
	_Alignas(64) _Atomic uint64_t shards_data, shards_parity, blocks,
		frames_in_parts; /* of which a block left before the rest was encoded */
	struct hist pack;
	/* video-tx thread: sending */
	_Alignas(64) _Atomic uint64_t packets_sent, bytes_sent, frames_sent, frames_dropped, send_errors;
	struct hist pace, total, late; /* late: a train that had to wait, after its time */
	/* audio thread */
	_Alignas(64) _Atomic uint64_t audio_packets, audio_underruns;
	/* control thread */
	_Alignas(64) _Atomic uint64_t fec_reports, shards_missing, idr_requests, ltr_acks, input_packets,
		control_rejected; /* messages that the key did not open, or malformed inside */
	_Atomic uint32_t rtt_us, rtt_var_us;
	/* the orders in force, and why: constant strings, NULL before the first */
	_Atomic uint32_t wanted_kbps, encoder_kbps, ceiling_kbps, fec_percent;
	const char *_Atomic why_rate, *_Atomic why_ceiling, *_Atomic why_fec;
	atomic_bool silent;
};

/* The histogram of a stage. */
static inline struct hist *stats_hist(struct stream_stats *s, enum stage stage)
{
	struct hist *const all[STAGE_COUNT] = {&s->capture, &s->convert, &s->encode, &s->pack, &s->pace, &s->total};

	return all[stage];
}
