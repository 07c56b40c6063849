// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The encode thread of one stream: takes the newest frame, converts it, encodes it, repeats the
 * converted picture of a still screen, answers lost-frame reports. Started and stopped by the
 * pipeline (main thread).
 */
#pragma once

#include <stdint.h>

#include "encode/choice.h"
#include "encode/convert.h"
#include "media/au.h"
#include "media/feedback.h"
#include "media/link.h"
#include "media/params.h"
#include "media/stats.h"

struct encode_worker;
struct record;

struct encode_worker_params {
	struct video_params video;
	struct encoder_choice choice; /* what encodes, and what when that fails */
	uint8_t min_slices;           /* config encode.min_slices */
	uint32_t min_fps_mhz;         /* a still screen is repeated at least this often */
	bool refine;                  /* encode/refine.h */
	uint32_t rtt_us;              /* what the network is known to take */
	enum early_mode early;
	enum convert_where convert;
	/* carriers, owned by the pipeline, outlive the worker */
	struct wake *wake; /* own */
	struct frame_link *frames;
	struct au_link *out;
	struct credit *credit;
	struct feedback *feedback;
	struct stream_stats *stats;
	struct record *record; /* NULL: not recorded */
};

struct encode_worker_events {
	/* Encode thread; wait-free. The encoder is gone, and nothing that could take its place works. */
	void (*failed)(void *ctx, int err);
	/* Encode thread; wait-free. It failed and was mended: encode_worker_tell() has more. May be NULL. */
	void (*changed)(void *ctx);
};

/* Opens the first encoder of the choice that works (main thread, so that errors are known before PLAY is answered) and
 * starts the thread, which waits for encode_worker_begin(). -ENOTSUP, -ENOMEM, -EIO. */
int encode_worker_start(struct encode_worker **out, const struct encode_worker_params *p,
			const struct encode_worker_events *ev, void *ctx);
/* Main. From now on frames are encoded; the first is number 1 and an IDR. */
void encode_worker_begin(struct encode_worker *w);
/* Main. Joins the thread and takes back the units that nobody popped; pack and send are stopped first and have given
 * theirs back. Accepts NULL. */
void encode_worker_stop(struct encode_worker *w);
/* Main. The encoder that failed last and why, for people; NULL and empty: none did. True: since the last call. */
bool encode_worker_tell(struct encode_worker *w, const struct encoder_ops **failed, const char **why);
/* Main. "x264 superfast, 4 slices, DPB 8" as of the last encode_worker_tell(): for status; valid until the next call.
 * That pictures stay on the GPU is known when the thread has asked it, with the first picture at the latest. */
const char *encode_worker_describe(struct encode_worker *w);
