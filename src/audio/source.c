// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/source.h"

int source_create(struct source **out, const struct source_ops *ops, const struct source_params *p)
{
	struct source *s = calloc(1, ops->size);
	int err;

	if (!s)
		return -ENOMEM;
	s->ops = ops;
	err = ops->open(s, p);
	if (err < 0) {
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void source_destroy(struct source *s)
{
	if (!s)
		return;
	s->ops->stop(s);
	s->ops->close(s);
	free(s);
}
