// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/fanout.h"

#include <errno.h>
#include <time.h>

#define REMOVE_POLL_NS 20000

void fanout_init(struct fanout *f)
{
	for (int i = 0; i < FANOUT_MAX; i++)
		atomic_init(&f->link[i], NULL);
	atomic_init(&f->round, 0);
}

int fanout_add(struct fanout *f, struct frame_link *link)
{
	for (int i = 0; i < FANOUT_MAX; i++) {
		if (!atomic_load_explicit(&f->link[i], memory_order_relaxed)) {
			atomic_store(&f->link[i], link);
			return i;
		}
	}
	return -ENOSPC;
}

void fanout_remove(struct fanout *f, int index)
{
	const struct timespec pause = {.tv_nsec = REMOVE_POLL_NS};
	unsigned round;

	/* Sequentially consistent on both sides: either the hand-over sees the empty entry, or we
	 * see its odd round. */
	atomic_store(&f->link[index], NULL);
	round = atomic_load(&f->round);
	if (!(round & 1))
		return;
	while (atomic_load(&f->round) == round)
		nanosleep(&pause, NULL);
}

static void supersede(struct frame_link *link, struct frame *old)
{
	if (!old)
		return;
	atomic_fetch_add_explicit(&link->superseded, 1, memory_order_relaxed);
	frame_unref(old, -1);
}

void fanout_retract(struct fanout *f)
{
	atomic_fetch_add(&f->round, 1);
	for (int i = 0; i < FANOUT_MAX; i++) {
		struct frame_link *link = atomic_load(&f->link[i]);

		if (link && !link->every)
			supersede(link, latest_take(&link->slot));
	}
	atomic_fetch_add(&f->round, 1);
}

void fanout_deliver(struct fanout *f, struct frame *frame)
{
	atomic_fetch_add(&f->round, 1);
	for (int i = 0; i < FANOUT_MAX; i++) {
		struct frame_link *link = atomic_load(&f->link[i]);

		if (!link)
			continue;
		frame_ref(frame);
		if (!link->every)
			supersede(link, latest_put(&link->slot, frame));
		else if (!ring_push(link->every, frame))
			supersede(link, frame);
		wake_poke(link->wake);
	}
	atomic_fetch_add(&f->round, 1);
	frame_unref(frame, -1);
}
