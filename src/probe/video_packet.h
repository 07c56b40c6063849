// SPDX-License-Identifier: GPL-3.0-or-later
/* One video datagram as the client sees it: layout of 2-media 1.2 and of the encryption prefix of 3.2. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIDEO_HEADER     32u /* RTP, reserved, NV header */
#define VIDEO_PREFIX     32u /* in front of an encrypted shard */
#define VIDEO_BLOCKS     4u
#define VIDEO_SHARDS_MAX 1024u
#define FRAME_HEADER     8u

enum video_flags { VIDEO_PIC = 1, VIDEO_EOF = 2, VIDEO_SOF = 4 };

struct video_hdr {
	uint8_t rtp, type, flags, extra, multi_flags, multi_low; /* multi_low: bits 3..0 of the block byte */
	uint8_t block, last_block, q, fec_low;
	uint16_t seq, d, index;
	uint32_t ts, ssrc, reserved, spi_raw, frame;
};

struct video_prefix {
	uint8_t iv[12], tag[16];
	uint32_t frame;
};

/* -EINVAL: shorter than the header. */
int video_hdr_parse(struct video_hdr *h, const uint8_t *data, size_t len);
int video_prefix_parse(struct video_prefix *p, const uint8_t *data, size_t len);

/* Parity shards of a block of d data shards at q percent: the client's formula (2-media 2.1). */
static inline unsigned video_parity(unsigned d, unsigned q)
{
	return (d * q + 99) / 100;
}

static inline bool before16(uint16_t a, uint16_t b)
{
	return (uint16_t)(a - b) > 0x7fff;
}

static inline bool before24(uint32_t a, uint32_t b)
{
	return ((a - b) & 0xffffff) > 0x7fffff;
}
