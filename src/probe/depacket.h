// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * From shards to frames: the state machine that decides which frames a decoder gets, when it waits for an IDR or for
 * a frame after an invalidation, and what is asked of the host (2-media 5.5). Strips what a stock client strips. Also
 * the judge of the frame header (1.3) and of the bitstream's shape (1.5). Video thread; no allocation after creation.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/bitstream.h"
#include "probe/obu.h"

struct judge;
struct video_hdr;

struct frame_info {
	uint32_t number, ts;
	uint8_t type; /* of the frame header */
	bool idr, ltr;
	uint16_t latency;    /* 0.1 ms, 0 unknown */
	uint64_t first_ns;   /* arrival of the first shard of its last block */
	size_t payload;      /* bitstream bytes without the padding of the last shard */
	const uint8_t *data; /* as the decoder gets it */
	size_t len;
};

struct depacket_events {
	void (*frame)(void *ctx, const struct frame_info *f);
	void (*idr_wanted)(void *ctx);
	void (*invalidate)(void *ctx, uint32_t first, uint32_t last); /* only with RFI */
	void (*ltr_ack)(void *ctx, uint32_t frame);                   /* only with RFI */
};

struct depacket_params {
	enum codec codec;
	bool rfi;               /* host offers and client wants it */
	size_t payload_max;     /* PS - 16 */
	unsigned slices;        /* announced, of AV1 tiles; 0: not checked */
	unsigned width, height; /* checked against the SPS when verify is set */
	unsigned csc;           /* announced encoderCscMode */
	bool hdr, yuv444;       /* announced */
	bool verify;
	struct judge *judge;
};

struct depacket_stats {
	uint32_t frames, idr, rfi_recovered, dropped, idr_requests, invalidations, type5, first, last, gaps;
	uint64_t payload;
	unsigned min_slices, max_slices;
	bool sps_known;
	struct sps_info sps;
	bool sequence_known;
	struct obu_sequence sequence;
};

struct depacket;

struct depacket *depacket_create(const struct depacket_params *p, const struct depacket_events *ev, void *ctx);
void depacket_destroy(struct depacket *d); /* accepts NULL */

/* The next data shard of a whole frame; data includes the 32 header bytes. */
void depacket_shard(struct depacket *d, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t first_ns);
/* The queue gave a frame up. */
void depacket_lost(struct depacket *d, uint32_t frame, bool speculative);

const struct depacket_stats *depacket_stats(const struct depacket *d);
