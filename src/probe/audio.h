// SPDX-License-Identifier: GPL-3.0-or-later
/* The audio stream: pings, judge of the wire (2-media 2.5, 4.1, 4.3), repair, decryption, Opus. A thread of its own;
 * results are read after audio_stop(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "probe/crypto.h"
#include "probe/sdp.h"

struct judge;
struct packet_log;

struct audio_params {
	union addr host;
	uint16_t port;
	const char *ping;
	struct opus_layout layout;
	unsigned packet_ms;
	bool encrypted, verify; /* verify: packet sizes of 4.3 too */
	bool high;
	const uint8_t *key;
	uint32_t key_id;
	FILE *out; /* s16le, interleaved, or NULL */
	struct judge *judge;
	struct packet_log *log;
};

struct audio_stats {
	uint64_t packets, parity, wire_bytes, lost, rebuilt, missing, groups, groups_short, decode_errors;
	uint64_t first_ns, samples;
	unsigned packet_len; /* Opus bytes */
	double rms[8];
	uint64_t interval_p50_ns, interval_p99_ns, interval_max_ns;
};

struct audio;

/* Opens the socket and begins to ping: right after SETUP audio (1.1). -errno. */
int audio_start(struct audio **out, const struct audio_params *p);
void audio_stop(struct audio *a, struct audio_stats *s); /* joins, fills s, frees; accepts NULL */
uint64_t audio_first_ns(struct audio *a);                /* any thread; 0: none yet */
