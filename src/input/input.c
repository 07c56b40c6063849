// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/input.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "input/backends.h"
#include "input/state.h"

#define LOG_MODULE "input"
#include "base/log.h"

/* The first is the one that can do nothing wrong. */
static const struct input_ops *const backends[] = {&input_null, &input_log};

const struct input_ops *input_backend(unsigned n)
{
	return n < ARRAY_LEN(backends) ? backends[n] : NULL;
}

static const struct input_ops *backend_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(backends); i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

static void emit(void *ctx, const struct input_event *e)
{
	struct input *in = ctx;

	in->ops->event(in, e);
}

int input_open(struct input **out, const char *name, const char *arg, const struct input_back *back)
{
	const struct input_ops *ops = backend_find(name);
	struct input *in;
	int err;

	*out = NULL;
	if (!ops) {
		log_err("no input back end is called '%s'", name);
		return -ENOTSUP;
	}
	assert(ops->size >= sizeof(*in));
	in = calloc(1, ops->size);
	if (!in)
		return -ENOMEM;
	in->ops = ops;
	in->back = back;
	in->state = calloc(1, sizeof(*in->state));
	err = in->state ? ops->open(in, arg ? arg : "") : -ENOMEM;
	if (err) {
		free(in->state);
		free(in);
		return err;
	}
	*out = in;
	return 0;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	input_release_all(in);
	in->ops->close(in);
	free(in->state);
	free(in);
}

void input_event(struct input *in, const struct input_event *e)
{
	input_state_apply(in->state, e, emit, in);
}

void input_release_all(struct input *in)
{
	input_state_release(in->state, emit, in);
}
