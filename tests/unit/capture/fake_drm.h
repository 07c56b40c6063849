// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A DRM device without hardware or kernel: the calls of capture/drm_abi.h, strict about what they are told, on
 * timelines whose points the test sets. Whether a real one behaves like this is shown by tests/vm.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "capture/drm_timeline.h"

struct fake_drm {
	bool no_timelines, no_events;
	unsigned long fails; /* the request that fails once, */
	int error;           /* with this errno; 0: none does */
	unsigned events;     /* asked for, and not told yet */
	unsigned handles;    /* in use */
	unsigned calls;
};
extern struct fake_drm fake_drm;

/* Afresh, and a device in d; what was, was closed. */
int fake_drm_open(struct drm_timelines *d);
/* Nothing of the device is left in use. */
void fake_drm_close(struct drm_timelines *d);

int fake_timeline(void); /* a file with a new timeline; the caller's */
int fake_fence(void);    /* a sync_file that nothing has signalled; the caller's */
/* Work for the point is handed in: a fence, or -1: done already. */
void fake_submit(int timeline, uint64_t point, int fence);
void fake_signal(int fence);
bool fake_is_fence(int fd, int fence); /* whether both are of one fence; fence -1: whether it is of one that was done */
/* Whether the point is reached; there: whether it is there at all. */
bool fake_reached(int timeline, uint64_t point);
bool fake_there(int timeline, uint64_t point);
