// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/backends.h"
#include "build_config.h"

/* The only list of captures. */
const struct capture_ops *const captures[] = {
#if HAVE_PIPEWIRE
	&capture_pipewire,
#endif
	&capture_pattern,
	NULL,
};

const struct capture_ops *capture_find(const char *name)
{
	for (const struct capture_ops *const *c = captures; *c; c++) {
		if (!strcmp((*c)->name, name))
			return *c;
	}
	return NULL;
}

int capture_open(struct capture **out, const struct capture_ops *ops, const struct capture_params *p,
		 const struct capture_events *ev, void *ctx)
{
	struct capture *c = calloc(1, ops->size);
	int err;

	if (!c) {
		if (p->pipewire_fd >= 0)
			close(p->pipewire_fd);
		return -ENOMEM;
	}
	c->ops = ops;
	c->ev = ev;
	c->ctx = ctx;
	err = ops->open(c, p);
	if (err) {
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

void capture_close(struct capture *c)
{
	if (!c)
		return;
	c->ops->close(c);
	free(c);
}
