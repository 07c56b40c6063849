// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtp_video.h"

#include <string.h>

#include "base/wr.h"

#define RTP_BYTE0       0x90u /* version 2 and the bit that tells the client of the four reserved bytes */
#define FLAG_PIC_DATA   0x01u
#define FLAG_EOF        0x02u
#define FLAG_SOF        0x04u
#define EXTRA_LTR       0x01u
#define MULTI_FEC_FLAGS 0x10u
#define HEADER_TYPE     0x01u /* "8 bytes follow" for this host version */

enum offset {
	AT_SEQ = 2,
	AT_TIMESTAMP = 4,
	AT_SPI = 16,
	AT_FRAME = 20,
	AT_FLAGS = 24,
	AT_EXTRA = 25,
	AT_MULTI_FLAGS = 26,
	AT_BLOCKS = 27,
	AT_FEC_INFO = 28,
};

/* The fields that data and parity shards carry alike. */
static void common(uint8_t *s, const struct rtp_video_block *b, unsigned index)
{
	s[0] = RTP_BYTE0;
	put_be16(s + AT_SEQ, (uint16_t)(b->counter + index));
	put_be32(s + AT_TIMESTAMP, b->timestamp);
	put_le32(s + AT_FRAME, b->frame_no);
	s[AT_BLOCKS] = (uint8_t)(b->last_block << 6 | b->block << 4);
	put_le32(s + AT_FEC_INFO, (uint32_t)b->n_data << 22 | (uint32_t)index << 12 | (uint32_t)b->percent << 4);
}

void rtp_video_data(uint8_t *shard, const struct rtp_video_block *b, unsigned index)
{
	unsigned flags = FLAG_PIC_DATA;

	/* The edges are those of the block, not of the frame: a recovered edge without them is thrown away. */
	if (index == 0)
		flags |= FLAG_SOF;
	if (index + 1u == b->n_data)
		flags |= FLAG_EOF;
	memset(shard, 0, RTP_VIDEO_HEADER);
	common(shard, b, index);
	put_le32(shard + AT_SPI, (b->counter + index) << 8);
	shard[AT_FLAGS] = (uint8_t)flags;
	shard[AT_EXTRA] = b->ltr ? EXTRA_LTR : 0;
	shard[AT_MULTI_FLAGS] = MULTI_FEC_FLAGS;
}

void rtp_video_parity(uint8_t *shard, const struct rtp_video_block *b, unsigned j)
{
	common(shard, b, b->n_data + j);
}

void rtp_video_frame_header(uint8_t header[RTP_VIDEO_FRAME_HEADER], enum rtp_frame_type type, uint16_t latency_100us,
			    size_t frame_len, size_t payload_len)
{
	size_t last = (RTP_VIDEO_FRAME_HEADER + frame_len) % payload_len;

	memset(header, 0, RTP_VIDEO_FRAME_HEADER);
	header[0] = HEADER_TYPE;
	put_le16(header + 1, latency_100us);
	header[3] = (uint8_t)type;
	put_le16(header + 4, (uint16_t)(last ? last : payload_len));
}

uint16_t rtp_video_latency(uint64_t latency_ns)
{
	uint64_t units = (latency_ns / 1000 + 50) / 100;

	return units > UINT16_MAX ? UINT16_MAX : (uint16_t)units;
}
