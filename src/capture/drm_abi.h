// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What of the kernel's interface to DRM devices concerns timelines: numbers, sizes and the order of fields never
 * change. Debian's kernel headers leave this part to libdrm, of which nothing else is needed here.
 */
#pragma once

#include <stdint.h>
#include <sys/ioctl.h>

#define DRM_CAPABILITY_TIMELINES 0x14

struct drm_capability {
	uint64_t which, value;
};

struct drm_syncobj { /* create, destroy */
	uint32_t handle, flags;
};

#define DRM_SYNC_FILE 1u /* the file is a sync_file, with the fence that the object has now */

struct drm_syncobj_file { /* handle to file, file to handle */
	uint32_t handle, flags;
	int32_t fd;
	uint32_t pad;
};

struct drm_syncobj_move { /* a fence from one object to another; point 0: not a timeline */
	uint32_t from, to;
	uint64_t from_point, to_point;
	uint32_t flags, pad;
};

struct drm_syncobj_points {
	uint64_t handles, points; /* addresses of arrays */
	uint32_t count, flags;
};

#define DRM_WAIT_AVAILABLE 4u /* for the point to be there, be it reached or not */

struct drm_syncobj_event {
	uint32_t handle, flags;
	uint64_t point;
	int32_t fd;
	uint32_t pad;
};

#define DRM_GET_CAPABILITY  _IOWR('d', 0x0c, struct drm_capability)
#define DRM_SYNCOBJ_CREATE  _IOWR('d', 0xbf, struct drm_syncobj)
#define DRM_SYNCOBJ_DESTROY _IOWR('d', 0xc0, struct drm_syncobj)
#define DRM_SYNCOBJ_TO_FILE _IOWR('d', 0xc1, struct drm_syncobj_file)
#define DRM_SYNCOBJ_OF_FILE _IOWR('d', 0xc2, struct drm_syncobj_file)
#define DRM_SYNCOBJ_MOVE    _IOWR('d', 0xcc, struct drm_syncobj_move)
#define DRM_SYNCOBJ_SIGNAL  _IOWR('d', 0xcd, struct drm_syncobj_points)
#define DRM_SYNCOBJ_EVENT   _IOWR('d', 0xcf, struct drm_syncobj_event)

_Static_assert(sizeof(struct drm_capability) == 16 && sizeof(struct drm_syncobj) == 8 &&
		       sizeof(struct drm_syncobj_file) == 16 && sizeof(struct drm_syncobj_move) == 32 &&
		       sizeof(struct drm_syncobj_points) == 24 && sizeof(struct drm_syncobj_event) == 24,
	       "sizes are part of the numbers");
