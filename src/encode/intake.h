// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which captured frame the encode thread takes, and when. A picture may come early by half an interval (encode/pace.h);
 * one that comes earlier stays in the slot until it is due, unless a newer one replaces it. A frame that only moves the
 * cursor is never taken early: the picture that comes meanwhile would find its place taken, and every picture would be
 * late while the pointer moves. It stays in the slot as well, where the capture can take it back when it needs the
 * buffer below (capture/screen.c). Encode thread; wait-free.
 */
#pragma once

#include "base/latest.h"
#include "encode/pace.h"
#include "encode/shown.h"

struct intake {
	const void *held; /* in the slot, too early; compared, never read */
};

/* The caller's from now on; NULL: none is to be taken now. */
struct frame *intake_take(struct intake *i, struct latest *slot, const struct pace *p, const struct shown *s,
			  uint64_t now_ns);
/* Whether something is to be taken when pace_due() has come. */
static inline bool intake_waits(const struct intake *i)
{
	return i->held;
}
