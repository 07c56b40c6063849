// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Explicit synchronisation: pictures whose source says by points of timelines (capture/drm_timeline.h) when they are
 * drawn and where it waits for their readers. A picture stands in line until its point is there, which may be after the
 * picture itself; then a sync_file tells when it may be read. The newest whose point is there is shown, older ones are
 * passed over, and one whose point does not come in time is given up. Whatever becomes of a picture, its release point
 * is reached. Buffers that are synchronised implicitly stand in the same line, and never wait. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/drm_timeline.h"

#define SYNC_LINE_MAX 32
#define SYNC_WAIT_NS  500000000ull /* a point that is not there after that never comes */
#define SYNC_LOOK_NS  2000000ull   /* how often to look for it, where the kernel does not tell */

/* Of one buffer; zeroed: synchronised implicitly. */
struct sync_points {
	uint32_t acquire, release;             /* timelines; 0: none */
	uint64_t acquire_point, release_point; /* of its present picture; 0: nobody waits for it */
	uint64_t reached;                      /* the last release point */
	bool owed;                             /* the release point is not reached yet */
	bool there, broken;                    /* the acquire point is; cannot be asked for */
	int fence; /* while there is true: sync_file of the acquire point, or -1: there is nothing to wait for */
	/* The acquire point that the kernel is to tell of, and that was not there when last looked for; 0: none. */
	uint64_t told;
	uint64_t until_ns; /* in line: when it is given up */
};

struct sync_line {
	struct drm_timelines *dev; /* constant; may have none open */
	int event_fd;              /* constant; readable when it is worth looking again. -1: none, then by time alone */
	unsigned n;
	struct sync_points *at[SYNC_LINE_MAX]; /* oldest first */
};

enum sync_turn {
	SYNC_NOBODY,      /* until something happens, or the time of sync_line_due */
	SYNC_SHOW,        /* the fence is the caller's from then on */
	SYNC_PASSED_OVER, /* a newer one will be shown */
	SYNC_GIVEN_UP,
};

/* The timelines of two files, which stay the caller's. -errno: these are none. */
int sync_points_open(struct sync_points *p, const struct drm_timelines *dev, int acquire_fd, int release_fd);
/* Reaches what is owed. Not in line. */
void sync_points_close(struct sync_points *p, const struct drm_timelines *dev);
/* A picture has come: its points, as its source has written them. Not in line. */
void sync_points_begin(struct sync_points *p, uint64_t acquire_point, uint64_t release_point);
/* Nobody reads the picture any more, or not before fence_fd (taken; -1: none) is done. Once for each that has begun;
 * more often does nothing. Not in line. */
void sync_points_end(struct sync_points *p, const struct drm_timelines *dev, int fence_fd);

/* Begun, and not in line. */
void sync_line_push(struct sync_line *l, struct sync_points *p, uint64_t now_ns);
/* Whether it stood there. */
bool sync_line_leave(struct sync_line *l, const struct sync_points *p);
/* Whose turn it is, and what to do with him: he has left the line. To be called until it is nobody's. */
enum sync_turn sync_line_next(struct sync_line *l, uint64_t now_ns, struct sync_points **who);
/* When to call that again at the latest; 0: nobody waits. A request to the kernel cannot be called off: of a buffer
 * there is one at most, and while it stands for a point that did not come others are looked for by time. */
uint64_t sync_line_due(const struct sync_line *l, uint64_t now_ns);
