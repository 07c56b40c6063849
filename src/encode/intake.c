// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/intake.h"

static struct frame *from_slot(struct intake *i, struct latest *slot, const struct pace *p, bool due, uint64_t now_ns)
{
	const void *waiting = atomic_load_explicit(&slot->item, memory_order_relaxed);

	if (waiting && !due && (waiting == i->held || !pace_accepts(p, now_ns))) {
		i->held = waiting;
		return NULL;
	}
	i->held = NULL;
	return waiting ? latest_take(slot) : NULL;
}

struct frame *intake_take(struct intake *i, struct latest *slot, const struct pace *p, const struct shown *s,
			  uint64_t now_ns)
{
	const bool due = now_ns >= pace_due(p);
	struct frame *f = from_slot(i, slot, p, due, now_ns), *older = i->cursor;

	if (!f && !due)
		return NULL;
	i->cursor = NULL;
	if (!f)
		return older;
	frame_unref(older, -1);
	if (due || shown_news(s, f) != NEWS_CURSOR)
		return f;
	i->cursor = f;
	return NULL;
}

void intake_finish(struct intake *i)
{
	frame_unref(i->cursor, -1);
	*i = (struct intake){0};
}
