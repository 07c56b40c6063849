// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/refine.h"

void refine_init(struct refine *r, bool on, uint64_t interval_ns)
{
	*r = (struct refine){.on = on, .interval_ns = interval_ns, .at_ns = UINT64_MAX};
}

void refine_moved(struct refine *r, uint64_t now_ns)
{
	if (!r->on)
		return;
	r->at_ns = now_ns + REFINE_AFTER_NS;
	r->until_ns = r->at_ns + REFINE_LONG_NS;
}

void refine_repeated(struct refine *r, bool held, uint64_t now_ns)
{
	/* One that was sent for another reason before motion has ended says nothing. */
	if (now_ns < r->at_ns)
		return;
	r->at_ns = held && now_ns + r->interval_ns <= r->until_ns ? now_ns + r->interval_ns : UINT64_MAX;
}
