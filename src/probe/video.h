// SPDX-License-Identifier: GPL-3.0-or-later
/* The video stream: pings, decryption, judge, loss of our own making, queue, frames, files. A thread of its own that
 * speaks to the control stream through its request functions; results are read after video_stop(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "base/hist.h"
#include "probe/depacket.h"
#include "probe/loss.h"
#include "probe/video_judge.h"

struct control;
struct packet_log;

struct video_params {
	union addr host;
	uint16_t port;
	const char *ping;
	unsigned packet_size; /* as announced: after the deduction for encryption */
	bool encrypted;
	const uint8_t *key;
	struct depacket_params frames;
	struct loss loss;
	FILE *out;       /* Annex B or OBUs, or NULL */
	FILE *frame_log; /* one JSON line a delivered frame, or NULL */
	uint64_t start_ns;
	struct control *control;
	struct judge *judge;
	struct packet_log *log;
};

struct video_stats {
	uint64_t packets, wire_bytes, rebuilt, undecryptable, dropped;
	uint32_t newest; /* highest frame number seen */
	uint64_t first_packet_ns, first_frame_ns, last_frame_ns;
	struct depacket_stats frames;
	struct video_judge_stats wire;
	uint64_t latency_count, latency_sum, latency_min, latency_max, latency_p99_ns; /* min, max, sum: 0.1 ms */
	uint64_t interval_p50_ns, interval_p99_ns, interval_max_ns;
};

struct video;

int video_start(struct video **out, const struct video_params *p); /* -errno */
void video_stop(struct video *v, struct video_stats *s);           /* joins, fills s, frees; accepts NULL */

/* Any thread. */
uint64_t video_first_packet_ns(struct video *v); /* 0: none yet */
uint64_t video_first_frame_ns(struct video *v);
uint32_t video_frames(struct video *v);
/* 0, or what a stock client gives up with: -100 no video at all, -101 no key frame (2-media 7.1). */
int video_failure(struct video *v);
