// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/failover.h"

#include <assert.h>

void failover_init(struct failover *f, unsigned backends)
{
	assert(backends);
	*f = (struct failover){.backends = backends, .step = FAILOVER_ENCODE};
}

static bool last(const struct failover *f)
{
	return f->at + 1 == f->backends;
}

static void move_on(struct failover *f)
{
	if (last(f)) {
		f->step = FAILOVER_OVER;
		return;
	}
	f->at++;
	f->reopens = 0;
	f->step = FAILOVER_NEXT;
}

/* Whether the same back end may try again. The last one is not in a hurry, nor counted: it is that or the end. */
static bool may_reopen(const struct failover *f, uint64_t took_ns)
{
	if (f->reopens && f->good_frames < FAILOVER_AFTER)
		return false;
	return last(f) || (took_ns < FAILOVER_QUICK_NS && f->reopens < FAILOVER_REOPENS);
}

void failover_failed(struct failover *f, uint64_t begun_ns, uint64_t now_ns)
{
	assert(f->step == FAILOVER_ENCODE);
	if (!may_reopen(f, now_ns - begun_ns)) {
		move_on(f);
		return;
	}
	f->step = FAILOVER_REOPEN;
	f->wait_until_ns = now_ns + (last(f) ? FAILOVER_LAST_NS : FAILOVER_WAIT_NS);
}

enum failover_step failover_next(struct failover *f, bool units_out, uint64_t now_ns)
{
	if (f->step != FAILOVER_REOPEN || !units_out)
		return f->step;
	if (now_ns < f->wait_until_ns)
		return FAILOVER_WAIT;
	move_on(f);
	return f->step;
}

void failover_opened(struct failover *f, bool open)
{
	assert(f->step == FAILOVER_REOPEN || f->step == FAILOVER_NEXT);
	if (!open) {
		move_on(f);
		return;
	}
	f->reopens += f->step == FAILOVER_REOPEN;
	f->good_frames = 0;
	f->step = FAILOVER_ENCODE;
}
