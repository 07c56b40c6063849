// SPDX-License-Identifier: GPL-3.0-or-later
/* A back end that is opened on the compositor of a page (wl_fake.h), as the daemon opens it. */
#pragma once

#include "wl_fake.h"

#include <errno.h>
#include <sys/epoll.h>

#include "input/backend.h"

static const struct input_back wl_nobody;
static struct input_env wl_env = {.back = &wl_nobody, .seat = "t", .pad_kind = "auto", .log_file = ""};

struct opened {
	struct input_backend *b;
	uint32_t classes; /* that it serves */
	int err;
	char why[INPUT_WHY_MAX];
};

static inline void open_it(struct opened *o, const struct input_ops *ops, uint32_t classes)
{
	*o = (struct opened){.b = calloc(1, ops->size), .classes = classes};
	assert_non_null(o->b);
	wl_env.epoll = epoll_create1(EPOLL_CLOEXEC);
	o->b->ops = ops;
	o->b->env = &wl_env;
	o->err = ops->open(o->b, &o->classes, o->why);
}

/* On a compositor that suits it. */
static inline void open_on(struct opened *o, struct fake *f, const struct input_ops *ops, uint32_t classes)
{
	fake_start(f);
	open_it(o, ops, classes);
	assert_int_equal(o->err, 0);
}

static inline void close_it(struct opened *o)
{
	if (!o->err)
		o->b->ops->close(o->b);
	free(o->b);
	close(wl_env.epoll);
}

static inline void expect_refused(const struct input_ops *ops, const char *text)
{
	struct opened o;

	open_it(&o, ops, ops->classes);
	assert_int_equal(o.err, -ENODEV);
	assert_string_equal(o.why, text);
	close_it(&o);
}

static inline void expect_refused_on(struct fake *f, const struct input_ops *ops, const char *text)
{
	fake_start(f);
	expect_refused(ops, text);
	fake_stop(f);
}

static inline void dispatch(void)
{
	struct epoll_event e;

	assert_int_equal(epoll_wait(wl_env.epoll, &e, 1, -1), 1);
	((struct input_watch *)e.data.ptr)->ready(e.data.ptr);
}
