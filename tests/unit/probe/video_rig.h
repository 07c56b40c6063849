// SPDX-License-Identifier: GPL-3.0-or-later
/* The client's queue and frame machine with a maker of frames before it, and what came out of both. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "probe/depacket.h"
#include "probe/judge.h"
#include "probe/video_queue.h"

extern struct video_rig {
	struct judge judge;
	struct video_queue *q;
	struct depacket *d;
	struct maker maker;
	struct made made;
	unsigned frames, idrs, rfis, ltrs, reports;
	uint32_t frame[400], first[400], last[400], ltr;
	uint8_t report[FEC_STATUS_LEN];
	uint8_t bytes[MADE_MAX * PAYLOAD];
	size_t len;
	struct frame_info info;
} t;

void begin(bool rfi, enum codec codec); /* everything anew */
int finish(void **state);               /* teardown */
void start(bool rfi);                   /* H.264, frames 1 and 2 are delivered */

void make(const struct frame_spec *f); /* the next frame, into t.made */
void give(const struct made *m, unsigned i);
void give_but(uint64_t mask); /* all shards of t.made but those of the mask */
void send_type(uint8_t type); /* a whole frame of four shards */
void assert_delivered_whole(void);

#define CASE(f) cmocka_unit_test_teardown(f, finish)
