// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Plays the client's side of a recorded session against a running daemon and judges the host's side by the recording.
 * Parts of one program: RTSP (play_rtsp.c), the media it gets back (play_media.c), pings, control stream and the loop
 * that drives them (play.c). One thread. A mismatch is printed and counted; the program goes on as far as it can.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fixture.h"

struct play {
	struct fixture f;
	uint16_t port; /* of HTTP, now */
	bool sealed;   /* RTSP */
	bool video_encrypted, audio_encrypted;
	unsigned mismatches;

	/* what the host gave this time */
	char session_id[17], ping_payload[17];
	uint32_t connect_data;
	unsigned identical; /* requests sent byte for byte as recorded; the others differ in the Session id */

	/* media */
	struct {
		uint64_t datagrams, lost;
		bool started;
		uint16_t seq; /* of the last datagram */
		uint64_t counter;
		uint32_t frame, timestamp;
		unsigned n_data, percent;
		uint32_t frames, idr, after_rfi;
		uint32_t healed; /* newest frame that needs none of the lost ones: IDR or after an invalidation */
	} video;
	struct {
		uint64_t data, parity, lost;
		bool started;
		uint16_t seq;
		uint32_t timestamp;
	} audio;
};

/* Counts what is false. */
#define expect(p, ok, ...) play_expect(p, ok, #ok, __FILE__, __LINE__, __VA_ARGS__)
bool play_expect(struct play *p, bool ok, const char *what, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* The next RTSP request and its answer; n counts from 0. */
void play_rtsp(struct play *p, unsigned n, const struct record *request, const struct record *answer);

void play_video(struct play *p, const uint8_t *datagram, size_t len);
void play_audio(struct play *p, const uint8_t *datagram, size_t len);
