// SPDX-License-Identifier: GPL-3.0-or-later
#include "fake_drm.h"

#include "../cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/drm_abi.h"

enum { OBJECTS = 64, POINTS = 64, FENCES = 256, EVENTS = 64, DONE = 0 };

/* Files are memfds with a kind and a number in them. */
enum kind { TIMELINE = 0x74696d65, SYNC_FILE = 0x73796e63 };

struct object {
	unsigned refs; /* handles, and the file */
	unsigned n;
	struct {
		uint64_t no;
		unsigned fence;
	} point[POINTS];
};

struct fake_drm fake_drm;
static struct object objects[OBJECTS];
static unsigned n_objects, n_fences;
static unsigned handles[OBJECTS]; /* index of the object, less 1 */
static bool signalled[FENCES];
static struct {
	unsigned object;
	uint64_t point;
	int fd;
} events[EVENTS];
static unsigned n_events;

static int file_of(enum kind kind, unsigned number)
{
	uint32_t content[2] = {kind, number};
	int fd = memfd_create("fake_drm", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, content, sizeof(content), 0), sizeof(content));
	return fd;
}

static int number_of(enum kind kind, int fd)
{
	uint32_t content[2];

	if (pread(fd, content, sizeof(content), 0) != sizeof(content) || content[0] != kind)
		return -1;
	return (int)content[1];
}

static struct object *object_of_file(int fd)
{
	int n = number_of(TIMELINE, fd);

	assert_true(n >= 0);
	return &objects[n];
}

static struct object *object_of(uint32_t handle)
{
	return handle && handle < OBJECTS && handles[handle] ? &objects[handles[handle] - 1] : NULL;
}

static int fails_with(int error)
{
	errno = error;
	return -1;
}

static uint32_t handle_for(unsigned object)
{
	for (uint32_t h = 1; h < OBJECTS; h++) {
		if (!handles[h]) {
			handles[h] = object + 1;
			fake_drm.handles++;
			return h;
		}
	}
	fail_msg("too many handles");
	return 0;
}

static unsigned new_object(void)
{
	assert_true(n_objects < OBJECTS);
	objects[n_objects].n = 0;
	return n_objects++;
}

/* The fence of the first point that is not before it; -1: there is none. */
static int find(const struct object *o, uint64_t no)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->point[i].no >= no)
			return (int)o->point[i].fence;
	return -1;
}

static void put(unsigned object, uint64_t no, unsigned fence)
{
	struct object *o = &objects[object];
	uint64_t one = 1;

	assert_true(o->n < POINTS);
	if (!no)
		o->n = 0; /* not a timeline: the fence is replaced */
	o->point[o->n].no = no;
	o->point[o->n++].fence = fence;
	for (unsigned i = 0; i < n_events; i++) {
		if (events[i].fd >= 0 && events[i].object == object && find(o, events[i].point) >= 0) {
			assert_int_equal(write(events[i].fd, &one, sizeof(one)), sizeof(one));
			close(events[i].fd);
			events[i].fd = -1;
			fake_drm.events--;
		}
	}
}

static int to_file(struct drm_syncobj_file *f)
{
	const struct object *o = object_of(f->handle);

	assert_int_equal(f->flags, DRM_SYNC_FILE);
	assert_int_equal(f->pad, 0);
	if (!o)
		return fails_with(ENOENT);
	if (!o->n)
		return fails_with(EINVAL);
	f->fd = file_of(SYNC_FILE, o->point[o->n - 1].fence);
	return 0;
}

static int of_file(struct drm_syncobj_file *f)
{
	int n = number_of(f->flags & DRM_SYNC_FILE ? SYNC_FILE : TIMELINE, f->fd);

	assert_int_equal(f->pad, 0);
	if (n < 0)
		return fails_with(EINVAL);
	if (!(f->flags & DRM_SYNC_FILE))
		f->handle = handle_for((unsigned)n);
	else if (object_of(f->handle))
		put(handles[f->handle] - 1, 0, (unsigned)n);
	else
		return fails_with(ENOENT);
	return 0;
}

static int move(const struct drm_syncobj_move *m)
{
	const struct object *from = object_of(m->from);
	int fence;

	assert_int_equal(m->flags | m->pad, 0);
	if (!from || !object_of(m->to))
		return fails_with(ENOENT);
	fence = find(from, m->from_point);
	if (fence < 0)
		return fails_with(EINVAL);
	put(handles[m->to] - 1, m->to_point, (unsigned)fence);
	return 0;
}

static int signal_points(const struct drm_syncobj_points *p)
{
	const uint32_t *handle = (const uint32_t *)(uintptr_t)p->handles;
	const uint64_t *point = (const uint64_t *)(uintptr_t)p->points;

	assert_int_equal(p->flags, 0);
	for (uint32_t i = 0; i < p->count; i++) {
		if (!object_of(handle[i]))
			return fails_with(ENOENT);
		put(handles[handle[i]] - 1, point[i], DONE);
	}
	return 0;
}

static int add_event(const struct drm_syncobj_event *e)
{
	uint64_t one = 1;

	assert_int_equal(e->flags, DRM_WAIT_AVAILABLE);
	assert_int_equal(e->pad, 0);
	if (!object_of(e->handle))
		return fails_with(ENOENT);
	if (e->fd < 0)
		return fails_with(EBADF);
	if (find(object_of(e->handle), e->point) >= 0)
		return write(e->fd, &one, sizeof(one)) == sizeof(one) ? 0 : fails_with(EIO);
	assert_true(n_events < EVENTS);
	events[n_events].object = handles[e->handle] - 1;
	events[n_events].point = e->point;
	events[n_events++].fd = dup(e->fd);
	fake_drm.events++;
	return 0;
}

static int fake_call(int fd, unsigned long request, void *arg)
{
	struct drm_capability *cap = arg;
	struct drm_syncobj *s = arg;

	assert_true(fd >= 0);
	fake_drm.calls++;
	if (fake_drm.error && request == fake_drm.fails) {
		int error = fake_drm.error;

		fake_drm.error = 0;
		return fails_with(error);
	}
	switch (request) {
	case DRM_GET_CAPABILITY:
		if (cap->which != DRM_CAPABILITY_TIMELINES)
			return fails_with(EINVAL);
		cap->value = !fake_drm.no_timelines;
		return 0;
	case DRM_SYNCOBJ_CREATE:
		s->handle = handle_for(new_object());
		return 0;
	case DRM_SYNCOBJ_DESTROY:
		if (!object_of(s->handle))
			return fails_with(EINVAL);
		handles[s->handle] = 0;
		fake_drm.handles--;
		return 0;
	case DRM_SYNCOBJ_TO_FILE:
		return to_file(arg);
	case DRM_SYNCOBJ_OF_FILE:
		return of_file(arg);
	case DRM_SYNCOBJ_MOVE:
		return move(arg);
	case DRM_SYNCOBJ_SIGNAL:
		return signal_points(arg);
	case DRM_SYNCOBJ_EVENT:
		return fake_drm.no_events ? fails_with(EINVAL) : add_event(arg);
	default:
		return fails_with(ENOTTY);
	}
}

int fake_drm_open(struct drm_timelines *d)
{
	memset(handles, 0, sizeof(handles));
	memset(signalled, 0, sizeof(signalled));
	n_objects = n_events = 0;
	n_fences = DONE + 1;
	signalled[DONE] = true;
	fake_drm.handles = fake_drm.events = fake_drm.calls = 0;
	return drm_timelines_use(d, memfd_create("fake_drm", MFD_CLOEXEC), fake_call);
}

void fake_drm_close(struct drm_timelines *d)
{
	drm_timelines_close(d);
	for (unsigned i = 0; i < n_events; i++)
		if (events[i].fd >= 0)
			close(events[i].fd);
	n_events = 0;
	assert_int_equal(fake_drm.handles, 0);
}

int fake_timeline(void)
{
	return file_of(TIMELINE, new_object());
}

int fake_fence(void)
{
	assert_true(n_fences < FENCES);
	return file_of(SYNC_FILE, n_fences++);
}

void fake_submit(int timeline, uint64_t point, int fence)
{
	put((unsigned)number_of(TIMELINE, timeline), point, fence < 0 ? DONE : (unsigned)number_of(SYNC_FILE, fence));
}

void fake_signal(int fence)
{
	signalled[number_of(SYNC_FILE, fence)] = true;
}

bool fake_is_fence(int fd, int fence)
{
	int n = number_of(SYNC_FILE, fd);

	return n >= 0 && (fence < 0 ? n == DONE : n == number_of(SYNC_FILE, fence));
}

bool fake_there(int timeline, uint64_t point)
{
	return find(object_of_file(timeline), point) >= 0;
}

bool fake_reached(int timeline, uint64_t point)
{
	int fence = find(object_of_file(timeline), point);

	return fence >= 0 && signalled[fence];
}
