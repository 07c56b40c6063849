// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The client's queue of audio packets (2-media 2.5, 4.1, 4.2): plays what comes in order at once, repairs a group of
 * 4 + 2, gives a group up when a later one begins (or a little later where reordering was seen). Audio thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIO_DATA        4u
#define AUDIO_PARITY      2u
#define AUDIO_RTP_HEADER  12u
#define AUDIO_FEC_HEADER  12u
#define AUDIO_TYPE_DATA   97u
#define AUDIO_TYPE_PARITY 127u
#define AUDIO_PACKET_MAX  1400u
#define AUDIO_GROUPS      8u

struct judge;

struct audio_hdr {
	uint8_t rtp, type;
	uint16_t seq;
	uint32_t ts, ssrc;
	/* of a parity packet */
	uint8_t index, data_type;
	uint16_t base;
	uint32_t base_ts, base_ssrc;
	const uint8_t *payload;
	size_t len;
};

/* -EINVAL: too short for its type. */
int audio_hdr_parse(struct audio_hdr *h, const uint8_t *data, size_t len);

/* payload NULL: the packet is lost, conceal it. */
typedef void (*audio_packet_fn)(void *ctx, uint16_t seq, const uint8_t *payload, size_t len, bool rebuilt);

struct audio_queue {
	audio_packet_fn packet;
	void *ctx;
	unsigned packet_ms;
	bool started, no_fec, reordered;
	uint16_t next, oldest;
	unsigned n;
	uint64_t rebuilt, lost;
	struct audio_group {
		uint16_t base;
		size_t len;
		uint64_t since_ns;
		unsigned got, next; /* shards; position that is played next */
		bool have[AUDIO_DATA + AUDIO_PARITY], made[AUDIO_DATA];
		uint8_t bytes[AUDIO_DATA + AUDIO_PARITY][AUDIO_PACKET_MAX];
	} group[AUDIO_GROUPS];
};

void audio_queue_init(struct audio_queue *q, unsigned packet_ms, audio_packet_fn packet, void *ctx);
/* False: the packet broke the equal-length rule; repair is off for the rest of the session, as in clients. */
bool audio_queue_add(struct audio_queue *q, const struct audio_hdr *h, uint64_t now_ns);
