// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The six Opus configurations that a client can decode (2-media 4.3) and what follows from them.
 * Pure.
 *
 * Channels are FL FR C LFE BL BR SL SR in the source, in the encoder and in the decoder. The client
 * turns the digits of a normal surround line into its mapping by moving the last one to place 3;
 * what DESCRIBE must say for an identity mapping is therefore the inverse, and belongs to RTSP.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AUDIO_RATE         48000u /* frames a second, everywhere in this folder */
#define AUDIO_CHANNELS_MAX 8u
#define AUDIO_FRAMES_MAX   480u  /* of one packet: 10 ms */
#define AUDIO_OPUS_MAX     1280u /* bytes of the largest packet, 7.1 high quality; the client cuts datagrams at 1400 */

struct layout {
	const char *name;
	uint8_t channels, streams, coupled;
	bool high_quality;
	uint32_t bit_rate;
};

/* The encoder's channel mapping, the same for all. */
extern const uint8_t layout_mapping[AUDIO_CHANNELS_MAX];

/* NULL when no client asks for this channel count. */
const struct layout *layout_find(unsigned channels, bool high_quality);

/* Bytes of every Opus packet of the stream: hard CBR, because parity needs equal lengths
 * (2-media 2.5). 0 when there is no such stream: neither 5 nor 10 ms, or longer than a datagram may
 * be. */
unsigned layout_packet_bytes(const struct layout *l, unsigned packet_ms);
