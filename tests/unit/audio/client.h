// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The receiving end as 2-media 2.5, 3.4 and 4 describe it, for tests: written against the
 * documents, sharing no code with the sender. Collects groups of 4 + 2, rebuilds what is missing,
 * decrypts, decodes with the client's mapping.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <opus_multistream.h>

#include "media/params.h"

#define CLIENT_PAYLOAD_MAX 1400

struct client_group {
	uint16_t base;
	uint32_t base_ts;
	bool have[6];
	uint8_t shard[6][CLIENT_PAYLOAD_MAX];
};

struct client {
	/* set by client_init */
	unsigned channels, packet_ms;
	bool encrypt;
	struct session_keys keys;
	OpusMSDecoder *decoder;
	/* state */
	struct client_group group;
	bool in_group;
	size_t payload_len;                             /* as sent; 0 until the first packet */
	/* what came out, in order */ unsigned packets; /* played */
	unsigned gaps;                                  /* packets that could not be rebuilt */
	unsigned opus_len;                              /* of every packet */
	float *pcm;                                     /* all decoded frames */
	size_t frames;
	const char *broken; /* the first rule that the sender broke */
};

/* surround: the digits of the DESCRIBE line that applies, NULL for stereo; normal: it is the first
 * line of its channel count, whose mapping the client rotates. */
void client_init(struct client *c, const struct audio_params *p, const struct session_keys *keys, const char *surround,
		 bool normal);
void client_finish(struct client *c);

void client_receive(struct client *c, const uint8_t *data, size_t len);
/* Plays what the last group has; call when nothing more comes. */
void client_flush(struct client *c);

/* Amplitude of a pitch in one channel over the frames [from, from + n). */
double client_amplitude(const struct client *c, unsigned channel, double hz, size_t from, size_t n);
/* Whether every channel carries the tone of its own number, and of no other; skips the first 100 ms. */
bool client_hears_tones(const struct client *c);
