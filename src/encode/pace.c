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
}

void pace_begin(struct pace *p, uint64_t now_ns)
{
	p->due_ns = now_ns;
	/* No picture yet: the first "repeat" is a black one, soon. */
	p->last_ns = now_ns + PACE_FIRST_NS - p->repeat_ns;
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
