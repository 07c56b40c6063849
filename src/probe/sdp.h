// SPDX-License-Identifier: GPL-3.0-or-later
/* What DESCRIBE offers, read as a client reads it (1-session 6.5, 6.6), and the ANNOUNCE body (6.7). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/bitstream.h"

enum enc_bits { ENC_CONTROL_V2 = 1, ENC_VIDEO = 2, ENC_AUDIO = 4 };
enum host_features { HOST_PEN_TOUCH = 1, HOST_PAD_TOUCH = 2 };

struct judge;
struct buf;

struct opus_layout {
	bool found;
	uint8_t channels, streams, coupled, mapping[8];
};

struct sdp_offer {
	uint32_t features, enc_supported, enc_requested;
	bool rfi, hevc, av1;
	struct opus_layout normal[2], high[2]; /* for 6 and 8 channels, as the client will decode them */
};

/* body ends with a NUL. */
void sdp_offer_parse(struct sdp_offer *o, const char *body, struct judge *j);

struct sdp_announce {
	const char *address; /* of the host, URL-safe */
	bool ipv6, local;    /* local: QoS marks and no deduction for a remote line */
	uint32_t enc_enabled;
	bool audio_encrypted, hdr, yuv444;
	unsigned width, height, fps, packet_size, bitrate_kbps, slices, refresh_x100, csc;
	enum codec codec;
	bool single_reference; /* the decoder cannot do RFI */
	unsigned channels, channel_mask;
	bool audio_hq;
	unsigned packet_ms;
	uint16_t video_port;
};

void sdp_announce_write(struct buf *b, const struct sdp_announce *a);
