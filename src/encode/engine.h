// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The encoder of a stream, and what takes its place when it fails: opened anew, or another back end, as
 * encode/failover.h decides. An encoder that is replaced is put aside, because access units on their way lie in its
 * memory and closing what hangs may take long; it is closed at the end, where nobody waits for a driver
 * (encode/closer.h). Encode thread unless said otherwise; opening allocates there, but a stream without an encoder has
 * no hot path.
 */
#pragma once

#include "base/latest.h"
#include "encode/choice.h"
#include "encode/failover.h"

#define ENGINE_DESCRIBE_MAX 80

struct engine_params {
	struct video_params video;
	uint8_t min_slices;
	struct encoder_choice choice;
};

/* For main: what became of the encoder. */
struct engine_news {
	const struct encoder_ops *failed; /* NULL: nothing did */
	char describe[ENGINE_DESCRIBE_MAX];
	char why[ENCODER_WHY_MAX]; /* "vaapi failed at frame 60 (...): x264 goes on" */
};

struct engine {
	/* constant after start */
	struct engine_params p;
	const struct encoder_events *ev;
	void *ctx;
	/* encode thread */
	struct encoder *encoder; /* NULL: between two */
	struct failover failover;
	struct encoder *aside[ENCODER_CHOICE_MAX];
	unsigned n_aside;
	struct {
		const struct encoder_ops *ops;
		uint32_t frame;
		int err;
	} trouble; /* the last */
	struct latest news;
	/* main */
	struct engine_news shown;
};

/* Main. Opens the first encoder of the choice that opens, or its first one only where that was named. ev and ctx
 * outlive the engine. What encoder_open() says. */
int engine_start(struct engine *g, const struct engine_params *p, uint32_t kbps, const struct encoder_events *ev,
		 void *ctx);
/* Main, when the encode thread is gone; every access unit is back. Accepts a zeroed one. */
void engine_finish(struct engine *g);

/* A submit said err; frame as the client counts, for people. */
void engine_failed(struct engine *g, int err, uint32_t frame, uint64_t begun_ns, uint64_t now_ns);
static inline bool engine_runs(const struct engine *g)
{
	return g->failover.step == FAILOVER_ENCODE;
}
/* What is to be done: REOPEN and NEXT ask for engine_mend(). With OVER trouble.err says why. */
enum failover_step engine_look(struct engine *g, uint64_t now_ns);
/* With OVER: tells main, as engine_mend() does of what it opens. */
void engine_over(struct engine *g);
/* True: an encoder is open again, the next frame must be an IDR. */
bool engine_mend(struct engine *g, uint32_t kbps);

/* Main, any time: true when something failed since the last call; then shown has it. */
bool engine_tell(struct engine *g);
