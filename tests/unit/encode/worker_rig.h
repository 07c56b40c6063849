// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The encode thread on the stand-in encoder, between a source thread and a sink thread like the real ones, for the
 * tests of it: what was seen of each frame, and every frame and all credit back at the end.
 */
#pragma once

#include "../cmocka_all.h"

#include <stdbool.h>

#include "base/clock.h"
#include "base/thread.h"
#include "encode/worker.h"
#include "media/au.h"
#include "media/frame.h"

#define RIG_W           128
#define RIG_H           96
#define RIG_POOL        4
#define RIG_SEEN_MAX    4096
#define RIG_PATIENCE_NS (20 * NS_PER_S) /* only ever reached by a failure */

struct seen {
	uint32_t frame_no;
	uint64_t pts_ns;
	bool key, after_rfi, repeat;
	unsigned ref; /* what the stand-in says it refers to */
	uint32_t epoch;
	bool ltr;
	struct trace t;
};

struct rig {
	struct wake encode_wake, sink_wake;
	struct frame_link frames;
	struct au_link out;
	struct credit credit;
	struct feedback feedback;
	struct stream_stats stats;
	struct encode_worker *worker;
	atomic_int failed;
	atomic_uint changed; /* times that the encoder was mended */

	/* source */
	uint64_t seq; /* of the last picture */
	struct frame pool[RIG_POOL];
	atomic_uint out_of_pool; /* bit: frame is out */
	uint32_t *pixels;
	bool same;            /* the next frames show what the last did */
	uint64_t picture;     /* number of the next ones, all of one seq; 0: none */
	struct cursor cursor; /* of the next ones; nobody counts its references */

	/* sink thread */
	struct thread sink;
	atomic_bool hold; /* keep credit */
	atomic_bool keep; /* do not give the next unit back until this is false again */
	struct au *kept;
	atomic_uint n_seen;
	atomic_uint units, broken;
	struct seen seen[RIG_SEEN_MAX];
	unsigned max_in_flight;
};

/* Of rigs that are started after they are set. */
extern enum convert_where rig_convert;
extern bool rig_refine;
extern uint32_t rig_kbps;
extern const struct encode_worker_events rig_events; /* the rig as context: told in failed */

/* The worker waits for its beginning. min_fps_mhz: a still picture comes again that often; preset: what the stand-in is
 * to do wrong, NULL: nothing. */
struct rig *rig_start(uint32_t fps_mhz, uint32_t min_fps_mhz, bool rfi, const char *preset, enum early_mode early);
/* The same with encoders of the test's own choice. */
struct rig *rig_start_with(uint32_t fps_mhz, uint32_t min_fps_mhz, bool rfi, const struct encoder_choice *choice,
			   enum early_mode early);
/* At most 500 a second, frames whole; it has begun and seen so many pictures. */
struct rig *rig_begin(uint32_t min_fps_mhz, bool rfi, const char *preset, unsigned pictures);
/* Stops in the order of the pipeline; everything must be back. */
void rig_stop(struct rig *r);
void rig_stop_gapless(struct rig *r); /* and nothing may be missing in what was seen */

/* Puts a new frame into the slot as a capture does; false when all buffers are out. */
bool rig_post(struct rig *r, uint64_t captured_ns);
/* Posts count frames, each as soon as a buffer is free and the last one was encoded. */
void rig_feed(struct rig *r, unsigned count);
/* Posts for a while: nothing of it may come out. */
void rig_post_in_vain(struct rig *r);
void rig_wait_seen(struct rig *r, unsigned count);
void rig_assert_gapless(struct rig *r);

static inline unsigned rig_seen(struct rig *r)
{
	return atomic_load(&r->n_seen);
}

static inline void rig_sleep_ms(unsigned ms)
{
	clock_sleep_until(clock_ns() + ms * NS_PER_MS);
}
