// SPDX-License-Identifier: GPL-3.0-or-later
/* Takes every event and does nothing: for hosts that are only watched. */
#include "input/backends.h"

static int open_null(struct input *in, const char *arg)
{
	(void)in;
	(void)arg;
	return 0;
}

static void event(struct input *in, const struct input_event *e)
{
	(void)in;
	(void)e;
}

static void close_null(struct input *in)
{
	(void)in;
}

const struct input_ops input_null = {
	.name = "null",
	.help = "ignore all input",
	.size = sizeof(struct input),
	.open = open_null,
	.event = event,
	.close = close_null,
};
