// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Timelines of a DRM device ("timeline syncobjs"): 64-bit points at which work is done, shared between processes as
 * files. A point may not be there yet: its maker has not handed in the work. Nothing here waits. Any device that has
 * them serves timelines of all others, for what they hold are the kernel's own fences. Points of others are not to be
 * trusted: every call may fail, none hangs. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct drm_timelines {
	int fd;                                                /* of the device; -1: there is none */
	int (*call)(int fd, unsigned long request, void *arg); /* ioctl */
	uint32_t scratch;                                      /* a handle to carry fences in */
	bool tells;                                            /* events about points: Linux 6.6 */
};

/* The first render node that has timelines. -ENODEV: none, d->fd is -1. */
int drm_timelines_open(struct drm_timelines *d);
/* That device (fd is taken in any case) by those calls. -ENOTSUP: no timelines; -errno. */
int drm_timelines_use(struct drm_timelines *d, int fd, int (*call)(int fd, unsigned long request, void *arg));
void drm_timelines_close(struct drm_timelines *d); /* accepts one that is not open */

/* The timeline of a file, which stays the caller's. *handle is never 0. -errno: it is none. */
int drm_timeline_import(const struct drm_timelines *d, int fd, uint32_t *handle);
void drm_timeline_drop(const struct drm_timelines *d, uint32_t handle);

/* A sync_file of the point, the caller's. -EAGAIN: the point is not there; -errno. */
int drm_timeline_fence(const struct drm_timelines *d, uint32_t handle, uint64_t point);
/* Writes to an eventfd once the point is there, also if it is already. Cannot be called off. -ENOTSUP: not with this
 * kernel; -errno. */
int drm_timeline_tell(const struct drm_timelines *d, uint32_t handle, uint64_t point, int event_fd);
/* The point is reached, at once or with the sync_file, which stays the caller's; -1: none. -errno. */
int drm_timeline_signal(const struct drm_timelines *d, uint32_t handle, uint64_t point, int fence_fd);
