// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The video path of a stream as the daemon has it, for what is measured of it: moving pictures, the encode thread on
 * libx264, the video-tx thread, and a socket on this machine that says when each packet reached it. What fails ends the
 * program.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "encode/worker.h"
#include "media/au.h"
#include "media/frame.h"
#include "net/video_tx.h"

#define SOURCE_PICTURES_MAX 16
#define SOURCE_BUFFERS      3

#define CHAIN_LATE_NS (2 * NS_PER_S) /* a frame that is not out by then never will be */

/* Pictures, played forth and back, each written into a buffer just before it is given out, as a source does. */
struct source {
	uint16_t width, height;
	unsigned n;
	uint8_t *pixels[SOURCE_PICTURES_MAX];
	struct frame fresh[SOURCE_BUFFERS];
};

void source_init(struct source *s, uint16_t width, uint16_t height, unsigned n);
void source_finish(struct source *s);
unsigned source_picture(const struct source *s, unsigned i); /* which is the i-th of the stream */
struct frame *source_draw(struct source *s, unsigned i);     /* that one, in the next buffer */

struct chain {
	struct wake encode_wake, tx_wake;
	struct frame_link frames;
	struct au_link aus;
	struct credit credit;
	struct feedback feedback;
	struct stream_stats stats;
	struct tune tune;
	struct encode_worker *worker;
	struct video_tx *tx;
	int sink, out; /* where packets arrive, and the connected socket they leave by */
};

void chain_start(struct chain *c, const struct video_params *video, const char *preset, unsigned slices,
		 enum early_mode early);
void chain_stop(struct chain *c);
uint64_t chain_give(struct chain *c, struct frame *f); /* captured now; CLOCK_REALTIME */
/* Until so many frames are out whole, or it is late: how many are. */
uint64_t chain_rest_until(const struct chain *c, uint64_t want);
/* Takes a packet that has arrived: its length and when it did, CLOCK_REALTIME, 0: not said. -1: there is none. */
ssize_t chain_take(const struct chain *c, uint8_t *data, size_t size, uint64_t *at_ns);
