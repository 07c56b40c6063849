// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/intake.h"

struct frame *intake_take(struct intake *i, struct latest *slot, const struct pace *p, const struct shown *s,
			  uint64_t now_ns)
{
	const void *waiting = atomic_load_explicit(&slot->item, memory_order_relaxed);
	const bool due = now_ns >= pace_due(p);
	struct frame *f;

	if (waiting && !due && (waiting == i->held || !pace_accepts(p, now_ns))) {
		i->held = waiting;
		return NULL;
	}
	i->held = NULL;
	f = waiting ? latest_take(slot) : NULL;
	if (!f || due || shown_news(s, f) != NEWS_CURSOR)
		return f;
	/* Only who has it can tell; whoever put a newer one there wakes this thread again. */
	if (latest_put_back(slot, f))
		i->held = f;
	else
		frame_unref(f, -1);
	return NULL;
}
