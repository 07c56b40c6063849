// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/drm_timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "capture/drm_abi.h"

#define RENDER_FIRST 128
#define RENDER_LAST  191

static int kernel_call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

/* 0 or -errno. */
static int call(const struct drm_timelines *d, unsigned long request, void *arg)
{
	int rc;

	do
		rc = d->call(d->fd, request, arg);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

int drm_timelines_use(struct drm_timelines *d, int fd, int (*to)(int fd, unsigned long request, void *arg))
{
	struct drm_capability cap = {.which = DRM_CAPABILITY_TIMELINES};
	struct drm_syncobj scratch = {0};
	struct drm_syncobj_event event = {.flags = DRM_WAIT_AVAILABLE, .fd = -1};
	int rc;

	*d = (struct drm_timelines){.fd = fd, .call = to};
	rc = call(d, DRM_GET_CAPABILITY, &cap);
	if (rc == 0 && !cap.value)
		rc = -ENOTSUP;
	if (rc == 0)
		rc = call(d, DRM_SYNCOBJ_CREATE, &scratch);
	if (rc < 0) {
		drm_timelines_close(d);
		return rc;
	}
	d->scratch = scratch.handle;
	/* A kernel that knows the call misses the object first. */
	d->tells = call(d, DRM_SYNCOBJ_EVENT, &event) == -ENOENT;
	return 0;
}

int drm_timelines_open(struct drm_timelines *d)
{
	char path[32];

	for (int i = RENDER_FIRST; i <= RENDER_LAST; i++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/renderD%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && drm_timelines_use(d, fd, kernel_call) == 0)
			return 0;
	}
	*d = (struct drm_timelines){.fd = -1};
	return -ENODEV;
}

void drm_timelines_close(struct drm_timelines *d)
{
	if (d->call && d->fd >= 0) {
		if (d->scratch)
			drm_timeline_drop(d, d->scratch);
		close(d->fd);
	}
	*d = (struct drm_timelines){.fd = -1};
}

int drm_timeline_import(const struct drm_timelines *d, int fd, uint32_t *handle)
{
	struct drm_syncobj_file f = {.fd = fd};
	int rc = fd < 0 ? -EBADF : call(d, DRM_SYNCOBJ_OF_FILE, &f);

	*handle = f.handle;
	return rc;
}

void drm_timeline_drop(const struct drm_timelines *d, uint32_t handle)
{
	struct drm_syncobj s = {.handle = handle};

	call(d, DRM_SYNCOBJ_DESTROY, &s);
}

int drm_timeline_fence(const struct drm_timelines *d, uint32_t handle, uint64_t point)
{
	struct drm_syncobj_move m = {.from = handle, .from_point = point, .to = d->scratch};
	struct drm_syncobj_file f = {.handle = d->scratch, .flags = DRM_SYNC_FILE, .fd = -1};
	int rc = call(d, DRM_SYNCOBJ_MOVE, &m);

	if (rc < 0) /* of an object that is there only a point can be missing */
		return rc == -EINVAL ? -EAGAIN : rc;
	rc = call(d, DRM_SYNCOBJ_TO_FILE, &f);
	return rc < 0 ? rc : f.fd;
}

int drm_timeline_tell(const struct drm_timelines *d, uint32_t handle, uint64_t point, int event_fd)
{
	struct drm_syncobj_event e = {.handle = handle, .flags = DRM_WAIT_AVAILABLE, .point = point, .fd = event_fd};

	return d->tells ? call(d, DRM_SYNCOBJ_EVENT, &e) : -ENOTSUP;
}

int drm_timeline_signal(const struct drm_timelines *d, uint32_t handle, uint64_t point, int fence_fd)
{
	struct drm_syncobj_points now = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count = 1,
	};
	struct drm_syncobj_file f = {.handle = d->scratch, .flags = DRM_SYNC_FILE, .fd = fence_fd};
	struct drm_syncobj_move m = {.from = d->scratch, .to = handle, .to_point = point};
	int rc;

	if (fence_fd < 0)
		return call(d, DRM_SYNCOBJ_SIGNAL, &now);
	rc = call(d, DRM_SYNCOBJ_OF_FILE, &f);
	return rc < 0 ? rc : call(d, DRM_SYNCOBJ_MOVE, &m);
}
