// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The bytes of a video shard: pure writers, no state, any thread. Order of work for one block (2-media 2.3):
 *
 *	rtp_video_data() for each data shard, its payload, padding to full length;
 *	parity over the whole shards, from RTP byte 0 on;
 * rtp_video_parity() for each parity shard: it overwrites only what the client does not take from the decoded bytes;
 *	encryption, if any, of each finished shard.
 *
 * The layout is that of 2-media 1.2, 1.3 and 3.2.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_VIDEO_HEADER       32u /* of every shard, ahead of its payload */
#define RTP_VIDEO_FRAME_HEADER 8u  /* at the start of the first payload of a frame */
#define RTP_VIDEO_SEAL         32u /* ahead of an encrypted shard: IV, frame number, tag */
#define RTP_VIDEO_SEAL_IV      0u
#define RTP_VIDEO_SEAL_FRAME   12u
#define RTP_VIDEO_SEAL_TAG     16u

/* packet_size is the announced x-nv-video[0].packetSize. */
#define RTP_VIDEO_SHARD(packet_size)   ((packet_size) + 16u)
#define RTP_VIDEO_PAYLOAD(packet_size) ((packet_size)-16u)

enum rtp_frame_type {
	RTP_FRAME_P = 1,
	RTP_FRAME_IDR = 2,
	RTP_FRAME_P_AFTER_RFI = 5,
};

/* What all shards of one FEC block share. */
struct rtp_video_block {
	uint32_t counter; /* shards sent before this block: its low bits are sequence number and stream packet index */
	uint32_t timestamp; /* 90 kHz */
	uint32_t frame_no;
	uint16_t n_data;
	uint8_t percent;    /* as planned: the client computes the parity count from it */
	uint8_t block;      /* 0..3 */
	uint8_t last_block; /* 3 is allowed to mean "more to come" in all but the last block (2-media 8.3) */
	bool ltr;
};

/* Header of data shard index. */
void rtp_video_data(uint8_t *shard, const struct rtp_video_block *b, unsigned index);
/* After encoding: the header fields of parity shard number j that are not parity themselves. */
void rtp_video_parity(uint8_t *shard, const struct rtp_video_block *b, unsigned j);

/* latency_100us: 0 unknown or a repeated frame. frame_len: bytes of bitstream of the whole frame. */
void rtp_video_frame_header(uint8_t header[RTP_VIDEO_FRAME_HEADER], enum rtp_frame_type type, uint16_t latency_100us,
			    size_t frame_len, size_t payload_len);

/* Microseconds of host latency in the header's unit, clamped. */
uint16_t rtp_video_latency(uint64_t latency_ns);

/* Capture time since the start of the stream in 90 kHz ticks; wraps as the wire does. */
static inline uint32_t rtp_video_timestamp(uint64_t pts_ns)
{
	return (uint32_t)(pts_ns / 100000 * 9 + pts_ns % 100000 * 9 / 100000);
}
