// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/pace.h"

#include "base/clock.h"

static uint64_t interval(uint32_t mhz)
{
	return NS_PER_S * 1000 / mhz;
}

void pace_init(struct pace *p, uint32_t fps_mhz, uint32_t repeat_mhz)
{
	if (repeat_mhz < 1000)
		repeat_mhz = 1000;
	if (repeat_mhz > fps_mhz)
		repeat_mhz = fps_mhz;
	*p = (struct pace){
		.interval_ns = interval(fps_mhz),
		.repeat_ns = interval(repeat_mhz),
	};
	p->quiet_ns = PACE_QUIET_FRAMES * p->interval_ns;
	if (p->quiet_ns < PACE_QUIET_MIN_NS)
		p->quiet_ns = PACE_QUIET_MIN_NS;
	if (p->quiet_ns > PACE_QUIET_MAX_NS)
		p->quiet_ns = PACE_QUIET_MAX_NS;
}

void pace_begin(struct pace *p, uint64_t now_ns)
{
	p->due_ns = now_ns;
	/* No picture yet: the first "repeat" is a black one, soon. */
	p->last_ns = now_ns + PACE_FIRST_NS - p->repeat_ns;
}

bool pace_quiet(const struct pace *p, const struct pace_life *l, uint64_t now_ns)
{
	return l->heard_ns && l->dark_ns != NS_NEVER && l->room != UINT32_MAX && now_ns >= l->heard_ns + p->quiet_ns;
}

uint64_t pace_quiet_at(const struct pace *p, const struct pace_life *l, uint64_t now_ns)
{
	uint64_t left_ns = l->dark_ns > p->last_ns ? l->dark_ns - p->last_ns : 0;

	if (!pace_quiet(p, l, now_ns))
		return 0;
	if (!l->room)
		return NS_NEVER;
	if (l->room > PACE_SPREAD)
		return 0;
	/* Where all fit in they come as ever. */
	return left_ns > l->room * p->interval_ns ? p->last_ns + left_ns / (l->room + 1) : 0;
}

void pace_took(struct pace *p, uint64_t now_ns)
{
	/* A source slower than the limit, or one that paused, starts the grid anew: it has nothing to catch up with. */
	p->due_ns += p->interval_ns;
	if (p->due_ns < now_ns)
		p->due_ns = now_ns;
	p->last_ns = now_ns;
}

void pace_repeated(struct pace *p, uint64_t now_ns)
{
	p->last_ns = now_ns;
}
