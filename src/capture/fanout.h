// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hands each frame of one capture to all who are attached. The table of links is read by the
 * capture thread without a lock and changed by main: a counter that is odd while a hand-over runs
 * lets main wait until the one that may have seen a removed link is through. A hand-over is a
 * handful of atomic operations, so that wait is short; the capture thread itself never waits.
 */
#pragma once

#include <stdatomic.h>

#include "media/frame.h"
#include "media/link.h"

#define FANOUT_MAX 8

struct fanout {
	_Atomic(struct frame_link *) link[FANOUT_MAX]; /* main writes */
	atomic_uint round;                             /* capture thread writes; odd: a hand-over is running */
};

void fanout_init(struct fanout *f);

/* Main. The index of the link, or -ENOSPC. */
int fanout_add(struct fanout *f, struct frame_link *link);
/* Main. On return the capture thread no longer touches the link. */
void fanout_remove(struct fanout *f, int index);

/* Capture thread. Takes out of all links what their owners have not taken yet, but for those that take every frame. */
void fanout_retract(struct fanout *f);
/* Capture thread. Takes the reference; puts the frame into every link and wakes the link's owner. */
void fanout_deliver(struct fanout *f, struct frame *frame);
