// SPDX-License-Identifier: GPL-3.0-or-later
/* Built without libportal: callers need no #if. */
#include "portal/portal.h"

#include <errno.h>

int portal_open(struct portal **out, struct loop *loop, const char *token_path, enum cursor_mode cursor,
		const struct portal_events *ev, void *ctx)
{
	(void)out, (void)loop, (void)token_path, (void)cursor, (void)ev, (void)ctx;
	return -ENOTSUP;
}

void portal_renew(struct portal *p)
{
	(void)p;
}

void portal_close(struct portal *p)
{
	(void)p;
}
