// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Sound of one stream: source -> Opus -> parity -> encryption -> wire, on one thread. Owned by the
 * pipeline.
 */
#pragma once

#include <stdint.h>

#include "media/params.h"
#include "media/stats.h"

struct audio_worker;

enum audio_source { AUDIO_AUTO, AUDIO_PIPEWIRE, AUDIO_TONE, AUDIO_NONE };

struct audio_worker_params {
	struct audio_params audio;
	struct session_keys keys;
	enum audio_source source;
	const char *node; /* sink whose monitor is captured; "" the default sink */
	struct stream_stats *stats;
};

/* Opens source and encoder and starts the thread; nothing is sent before audio_worker_begin(). The
 * stream runs on without sound when this fails: -ENOTSUP, -ENODEV, -ENOMEM. */
int audio_worker_start(struct audio_worker **out, const struct audio_worker_params *p);
/* Main. fd: connected UDP socket, stays the caller's and must outlive the worker or the next
 * begin(). May be called again with another fd when the peer moved; on return the old one is not
 * used any more. */
void audio_worker_begin(struct audio_worker *w, int fd);
void audio_worker_stop(struct audio_worker *w);                  /* joins; accepts NULL */
const char *audio_worker_describe(const struct audio_worker *w); /* "pipewire, stereo 96 kbit/s": for status */
