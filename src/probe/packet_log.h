// SPDX-License-Identifier: GPL-3.0-or-later
/* One JSON line a datagram that arrived, times in microseconds from the launch request. Several threads may write: a
 * line is one stdio call. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct audio_hdr;
struct video_hdr;

struct packet_log {
	FILE *file; /* NULL: off */
	uint64_t start_ns;
};

void packet_log_video(struct packet_log *l, uint64_t now_ns, size_t len, const struct video_hdr *h, bool dropped);
void packet_log_audio(struct packet_log *l, uint64_t now_ns, size_t len, const struct audio_hdr *h);
