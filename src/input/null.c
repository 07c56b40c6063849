// SPDX-License-Identifier: GPL-3.0-or-later
/* Takes every event and does nothing: for hosts that are only watched. */
#include "input/backend.h"

static int open_null(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX])
{
	(void)b, (void)classes, (void)why;
	return 0;
}

static void event(struct input_backend *b, const struct input_event *e)
{
	(void)b, (void)e;
}

static void close_null(struct input_backend *b)
{
	(void)b;
}

const struct input_ops input_null = {
	.name = "null",
	.help = "ignore all input",
	.classes = INPUT_ALL_CLASSES,
	.size = sizeof(struct input_backend),
	.open = open_null,
	.event = event,
	.close = close_null,
};
