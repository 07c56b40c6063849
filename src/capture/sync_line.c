// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/sync_line.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_MODULE "sync"
#include "base/log.h"

int sync_points_open(struct sync_points *p, const struct drm_timelines *dev, int acquire_fd, int release_fd)
{
	int rc;

	*p = (struct sync_points){.fence = -1};
	if (dev->fd < 0)
		return -ENODEV;
	rc = drm_timeline_import(dev, acquire_fd, &p->acquire);
	if (rc == 0)
		rc = drm_timeline_import(dev, release_fd, &p->release);
	if (rc < 0)
		sync_points_close(p, dev);
	return rc;
}

void sync_points_close(struct sync_points *p, const struct drm_timelines *dev)
{
	sync_points_end(p, dev, -1);
	if (p->acquire)
		drm_timeline_drop(dev, p->acquire);
	if (p->release)
		drm_timeline_drop(dev, p->release);
	*p = (struct sync_points){.fence = -1};
}

void sync_points_begin(struct sync_points *p, uint64_t acquire_point, uint64_t release_point)
{
	p->acquire_point = p->acquire ? acquire_point : 0;
	p->release_point = p->release ? release_point : 0;
	p->owed = p->release_point && p->release_point != p->reached;
	p->there = p->broken = false;
	p->fence = -1;
}

static void forget_fence(struct sync_points *p)
{
	if (p->there && p->fence >= 0)
		close(p->fence);
	p->fence = -1;
}

void sync_points_end(struct sync_points *p, const struct drm_timelines *dev, int fence_fd)
{
	int rc;

	forget_fence(p);
	p->there = false;
	if (p->owed) {
		rc = drm_timeline_signal(dev, p->release, p->release_point, fence_fd);
		/* A source that waits for ever is worse than one that draws too early. */
		if (rc < 0 && fence_fd >= 0)
			rc = drm_timeline_signal(dev, p->release, p->release_point, -1);
		if (rc < 0)
			log_every(NS_PER_S, LOG_LEVEL_WARN, "the source cannot be told that a picture was read: %s",
				  strerrordesc_np(-rc));
		p->reached = p->release_point;
		p->owed = false;
	}
	if (fence_fd >= 0)
		close(fence_fd);
}

/* Whether its point is there now. */
static bool look(const struct sync_line *l, struct sync_points *p)
{
	int rc = -1;

	if (p->there || p->broken)
		return p->there;
	if (p->acquire_point)
		rc = drm_timeline_fence(l->dev, p->acquire, p->acquire_point);
	if (p->acquire_point && rc < 0) {
		p->broken = rc != -EAGAIN;
		return false;
	}
	p->fence = rc;
	p->there = true;
	p->told = 0; /* points come in order */
	return true;
}

void sync_line_push(struct sync_line *l, struct sync_points *p, uint64_t now_ns)
{
	assert(l->n < SYNC_LINE_MAX);
	p->until_ns = now_ns + SYNC_WAIT_NS;
	l->at[l->n++] = p;
	if (look(l, p) || p->broken || l->event_fd < 0 || p->told)
		return;
	if (drm_timeline_tell(l->dev, p->acquire, p->acquire_point, l->event_fd) == 0)
		p->told = p->acquire_point;
}

static struct sync_points *pop(struct sync_line *l, unsigned i)
{
	struct sync_points *p = l->at[i];

	memmove(&l->at[i], &l->at[i + 1], (--l->n - i) * sizeof(*l->at));
	return p;
}

bool sync_line_leave(struct sync_line *l, const struct sync_points *p)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (l->at[i] == p) {
			pop(l, i);
			return true;
		}
	}
	return false;
}

enum sync_turn sync_line_next(struct sync_line *l, uint64_t now_ns, struct sync_points **who)
{
	for (unsigned i = l->n; i--;) {
		if (look(l, l->at[i])) {
			*who = pop(l, 0);
			return i ? SYNC_PASSED_OVER : SYNC_SHOW;
		}
	}
	for (unsigned i = 0; i < l->n; i++) {
		if (l->at[i]->broken || now_ns >= l->at[i]->until_ns) {
			*who = pop(l, i);
			return SYNC_GIVEN_UP;
		}
	}
	return SYNC_NOBODY;
}

uint64_t sync_line_due(const struct sync_line *l, uint64_t now_ns)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->at[i]->told != l->at[i]->acquire_point)
			return now_ns + SYNC_LOOK_NS;
	return l->n ? l->at[0]->until_ns : 0;
}
