// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The chain of threads of one stream: screen -> encode -> video-tx, and sound beside it. Built,
 * joined and torn down by the main thread; owns every carrier between the stages, so that no stage
 * outlives what it points at.
 */
#pragma once

#include <stdint.h>

#include "audio/worker.h"
#include "base/loop.h"
#include "capture/screen.h"
#include "encode/convert.h"
#include "media/au.h"
#include "media/feedback.h"
#include "media/params.h"
#include "media/stats.h"
#include "media/tune.h"

struct pipeline;
struct record;

struct pipeline_params {
	struct video_params video;
	struct audio_params audio;
	struct session_keys keys;
	uint32_t iv_generation;
	const char *backend, *preset;
	uint8_t min_slices;
	uint32_t min_fps_mhz;
	uint32_t rtt_us;
	bool refine;
	enum early_mode early;
	enum convert_where convert;
	enum audio_source audio_source;
	const char *audio_node;
};

struct pipeline_events {
	/* Main thread, once: a stage failed for good (-errno); the owner stops the pipeline. */
	void (*failed)(void *ctx, const char *stage, int err);
};

/* What outlives a pipeline: the control stream writes to these as long as the session lives. */
struct pipeline_shared {
	struct feedback *feedback;
	struct stream_stats *stats;
	struct tune *tune;
	struct record *record; /* NULL: not recorded */
};

/* Opens the encoder and the sound source, so that errors show before PLAY is answered. -ENOTSUP,
 * -ENOMEM, -EIO. */
int pipeline_create(struct pipeline **out, struct loop *loop, const struct pipeline_params *p,
		    const struct pipeline_shared *shared, const struct pipeline_events *ev, void *ctx);
/* Joins all threads and frees; accepts NULL; fine inside the failed event. */
void pipeline_destroy(struct pipeline *pl);

/* The peer is known: frames flow through fd, a connected socket that stays the caller's and must
 * live until the next call or destroy. The second call only moves the stream to another socket.
 * -EAGAIN (no consent), -ENODEV, -errno. */
int pipeline_video(struct pipeline *pl, struct screens *screens, int fd);
void pipeline_audio(struct pipeline *pl, int fd);

const char *pipeline_encoder(const struct pipeline *pl); /* for status */
/* Why another encoder than at the start, or the same anew, is in use; empty: neither is. */
const char *pipeline_encoder_why(const struct pipeline *pl);
const char *pipeline_sound(const struct pipeline *pl);
