// SPDX-License-Identifier: GPL-3.0-or-later
/* What the converted picture of a stream shows, so that nothing is converted twice. Pure; encode thread. */
#pragma once

#include "media/frame.h"

struct shown {
	bool any;         /* more than the black start */
	bool stale;       /* the picture is not what it was: it may be black */
	uint64_t seq;     /* of the frame, as the source counts */
	uint64_t picture; /* its number; 0: not known */
	struct cursor_mark cursor;
};

enum news { NEWS_NONE, NEWS_CURSOR, NEWS_PICTURE };

static inline struct shown shown_of(const struct frame *f)
{
	return (struct shown){true, false, f->seq, f->picture, cursor_mark(&f->cursor)};
}

/* What the frame has besides. By the picture's number, or the source says that nothing has changed: since one that was
 * taken, and nothing in between was passed over. */
static inline enum news shown_news(const struct shown *s, const struct frame *f)
{
	bool known = f->picture && f->picture == s->picture;

	if (!s->any || s->stale || !(known || (f->same && f->seq == s->seq + 1)))
		return NEWS_PICTURE;
	return cursor_mark_is(&s->cursor, &f->cursor) ? NEWS_NONE : NEWS_CURSOR;
}

/* Pictures of the source between two. */
static inline uint64_t shown_gap(const struct shown *before, const struct shown *after)
{
	return before->any && after->seq > before->seq ? after->seq - before->seq - 1 : 0;
}
