// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a client and the host agreed on for one stream: filled by rtsp/sdp.c from ANNOUNCE, every value already
 * clamped to the ranges below; constant while the stream runs. Bit depth, chroma and encryption are here from the
 * start so that later codecs change no header.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum codec { CODEC_H264, CODEC_HEVC, CODEC_AV1 }; /* values of bitStreamFormat, 1-session 6.7 */
#define CODECS 3u

static inline const char *codec_name(enum codec c)
{
	return c == CODEC_H264 ? "h264" : c == CODEC_HEVC ? "hevc" : "av1";
}

enum colour_space { COLOUR_BT601, COLOUR_BT709, COLOUR_BT2020 }; /* values of encoderCscMode >> 1 */

/* Of the display that pictures were made for (SMPTE ST 2086) and of their light (CTA-861.3). */
struct hdr_metadata {
	uint16_t red[2], green[2], blue[2], white[2]; /* x, y in 1/50000 */
	uint16_t max_nits;                            /* 0: nothing is known */
	uint16_t min_nits;                            /* 1/10000 */
	uint16_t max_cll, max_fall;                   /* cd/m2; 0: not known */
	uint16_t max_full_frame_nits;                 /* 0: not known */
};

#define VIDEO_DIM_MIN         64u
#define VIDEO_DIM_MAX         8192u
#define VIDEO_FPS_MIN         10u
#define VIDEO_FPS_MAX         500u
#define VIDEO_KBPS_MIN        200u
#define VIDEO_KBPS_MAX        800000u
#define VIDEO_SLICES_MAX      8u
#define VIDEO_PACKET_SIZE_MIN 128u  /* multiple of 16; the frame header and parameter sets must fit shard 0 */
#define VIDEO_PACKET_SIZE_MAX 2048u /* multiple of 16 */

struct video_params {
	enum codec codec;
	uint16_t width, height; /* even; VIDEO_DIM_MIN..VIDEO_DIM_MAX */
	uint32_t fps_mhz;       /* frame rate x 1000: 59940, 60000 */
	uint8_t depth;          /* 8 or 10 */
	bool yuv444;
	bool hdr; /* the client negotiated a 10-bit HDR format */
	enum colour_space space;
	bool full_range;
	bool pq; /* the samples are BT.2020 with the curve of SMPTE ST 2084; else SDR, 10 bits or not */
	struct hdr_metadata light; /* with pq */
	uint8_t slices;            /* asked by the client, 1..VIDEO_SLICES_MAX */
	bool single_ref;           /* maxNumReferenceFrames == 1 */
	bool rfi;                  /* client may send 0x0301 and understands type-5 frames */
	uint32_t configured_kbps;  /* the client user's wish, parity included */
	uint32_t encoder_kbps;     /* target of the encoder, formula at the end of 1-session 6.7 */
	uint16_t packet_size;      /* x-nv-video[0].packetSize: payload per shard is this - 16, shard this + 16 */
	uint8_t fec_percent;       /* parity per data, 0..255 */
	uint8_t fec_min;           /* minRequiredFecPackets */
	bool encrypt;              /* SS_ENC_VIDEO */
	bool qos;                  /* mark DSCP */
};

struct audio_params {
	uint8_t channels;  /* 2, 6, 8 */
	bool high_quality; /* layouts and rates of 2-media 4.3 */
	uint8_t packet_ms; /* 5 or 10; 5 with high-quality surround */
	bool encrypt;      /* SS_ENC_AUDIO */
	bool qos;
};

/* Keys of one launch or resume, 1-session 5.3. Never logged; wiped by the session that owns them. */
struct session_keys {
	uint8_t key[16];
	uint32_t rikeyid; /* the signed decimal of the query as two's complement */
};
