// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/wake.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { WAKE_AWAKE, WAKE_ASLEEP, WAKE_POKED };

int wake_init(struct wake *w)
{
	atomic_init(&w->state, WAKE_AWAKE);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return w->fd < 0 ? -errno : 0;
}

void wake_finish(struct wake *w)
{
	if (w->fd > 0)
		close(w->fd);
	w->fd = -1;
}

void wake_poke(struct wake *w)
{
	uint64_t one = 1;

	if (atomic_exchange_explicit(&w->state, WAKE_POKED, memory_order_acq_rel) != WAKE_ASLEEP)
		return;
	/* Can fail only with EAGAIN at the counter's ceiling, and then the fd is readable anyway. */
	if (write(w->fd, &one, sizeof(one)) < 0)
		return;
}

bool wake_arm(struct wake *w)
{
	int expected = WAKE_AWAKE;

	return atomic_compare_exchange_strong_explicit(&w->state, &expected, WAKE_ASLEEP, memory_order_acq_rel,
						       memory_order_acquire);
}

void wake_disarm(struct wake *w)
{
	/* A poke between poll's return and this line leaves one stale count in the eventfd: the next sleep
	 * returns early once, which the owner's re-read makes harmless. */
	if (atomic_exchange_explicit(&w->state, WAKE_AWAKE, memory_order_acq_rel) == WAKE_POKED) {
		uint64_t n;

		if (read(w->fd, &n, sizeof(n)) < 0)
			return;
	}
}

void wake_wait(struct wake *w, uint64_t deadline_ns)
{
	struct pollfd pfd = {.fd = w->fd, .events = POLLIN};
	struct timespec ts, *timeout = NULL;

	if (deadline_ns != NS_NEVER) {
		uint64_t now = clock_ns(), left = deadline_ns > now ? deadline_ns - now : 0;

		ts.tv_sec = (time_t)(left / NS_PER_S);
		ts.tv_nsec = (long)(left % NS_PER_S);
		timeout = &ts;
	}
	if (wake_arm(w))
		ppoll(&pfd, 1, timeout, NULL);
	wake_disarm(w);
}
