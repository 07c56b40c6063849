// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/wl_link.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define LOG_MODULE "input"
#include "base/log.h"

#define ANSWER_NS  (2 * 1000000000ull) /* a compositor that needs longer at open does not work */
#define PARTING_NS 500000000ull        /* for one that has stopped reading meanwhile */

static void watch_writing(struct wl_link *l, bool on)
{
	struct epoll_event e = {.events = EPOLLIN | (on ? EPOLLOUT : 0)};

	if (l->blocked != on && l->watch.fd >= 0)
		epoll_ctl(l->watch.fd, EPOLL_CTL_MOD, wl_display_get_fd(l->display), &e);
	l->blocked = on;
}

/* Reads what is there. */
static int take_events(struct wl_link *l)
{
	while (wl_display_prepare_read(l->display) != 0)
		if (wl_display_dispatch_pending(l->display) < 0)
			return -1;
	if (wl_display_read_events(l->display) < 0 && errno != EAGAIN)
		return -1;
	return wl_display_dispatch_pending(l->display) < 0 ? -1 : 0;
}

static void on_done(void *data, struct wl_callback *callback, uint32_t serial)
{
	(void)callback, (void)serial;
	*(bool *)data = true;
}

static const struct wl_callback_listener done_listener = {.done = on_done};

static int wait_answer(struct wl_link *l, uint64_t limit_ns)
{
	uint64_t end = clock_ns() + limit_ns, now;
	struct pollfd fd = {.fd = wl_display_get_fd(l->display), .events = POLLIN};
	struct wl_callback *callback = wl_display_sync(l->display);
	bool done = false;
	int err = 0;

	if (!callback)
		return -ENOMEM;
	wl_callback_add_listener(callback, &done_listener, &done);
	while (!done && !err) {
		if (wl_display_flush(l->display) < 0 && errno != EAGAIN)
			err = -errno;
		now = clock_ns();
		if (!err && now >= end)
			err = -ETIMEDOUT;
		if (!err && poll(&fd, 1, (int)((end - now) / 1000000) + 1) > 0 && take_events(l) < 0)
			err = -EPROTO;
	}
	wl_callback_destroy(callback);
	return err;
}

int wl_link_refuse(char why[INPUT_WHY_MAX], int err, const char *text)
{
	snprintf(why, INPUT_WHY_MAX, "%s", text);
	return err;
}

/* Until it has answered all that was asked and what that led to: two rounds. */
static int settle(struct wl_link *l)
{
	int err = wait_answer(l, ANSWER_NS);

	return err ? err : wait_answer(l, ANSWER_NS);
}

static int connect_display(struct wl_link *l, char why[INPUT_WHY_MAX])
{
	const char *name = getenv("WAYLAND_DISPLAY");

	if (!name || !*name)
		return wl_link_refuse(why, -ENODEV, "no WAYLAND_DISPLAY");
	l->display = wl_display_connect(name);
	if (!l->display)
		return wl_link_refuse(why, -ENODEV, "the compositor of WAYLAND_DISPLAY is not there");
	l->registry = wl_display_get_registry(l->display);
	if (!l->registry)
		return -ENOMEM;
	wl_registry_add_listener(l->registry, &l->ops->globals, l->ctx);
	/* What there is; then what that says of itself. */
	return settle(l) ? wl_link_refuse(why, -ENODEV, "the compositor does not answer") : 0;
}

/* Once: there is no display afterwards. */
static void gone(struct wl_link *l)
{
	int err = wl_display_get_error(l->display);

	log_warn("the compositor has gone: it takes nothing more of this session (%s)", err ? strerror(err) : "closed");
	l->ops->give_up(l->ctx);
}

static void ready(struct input_watch *watch)
{
	struct wl_link *l = (struct wl_link *)((char *)watch - offsetof(struct wl_link, watch));

	if (take_events(l) < 0) {
		gone(l);
		return;
	}
	l->ops->told(l->ctx);
	wl_link_flush(l);
}

static int watch(struct wl_link *l)
{
	struct epoll_event e = {.events = EPOLLIN};

	if (wl_display_flush(l->display) < 0) {
		if (errno != EAGAIN)
			return -errno;
		l->blocked = true;
		e.events |= EPOLLOUT;
	}
	l->watch.ready = ready;
	l->watch.fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->watch.fd < 0 || epoll_ctl(l->watch.fd, EPOLL_CTL_ADD, wl_display_get_fd(l->display), &e))
		return -errno;
	return input_watch_add(l->env, &l->watch);
}

int wl_link_open(struct wl_link *l, const struct wl_link_ops *ops, void *ctx, const struct input_env *env,
		 uint32_t *classes, char why[INPUT_WHY_MAX])
{
	int err;

	*l = (struct wl_link){.ops = ops, .ctx = ctx, .env = env, .watch = {.fd = -1}};
	err = connect_display(l, why);
	if (!err)
		err = ops->choose(ctx, classes, why);
	if (!err)
		err = ops->make(ctx, *classes);
	/* A seat may have a keyboard only now; its keymap comes with the answer after that. */
	if (!err && settle(l))
		err = wl_link_refuse(why, -EACCES, "the compositor refuses virtual devices");
	if (!err) {
		ops->told(ctx);
		err = ops->ready(ctx, why);
	}
	if (!err)
		err = watch(l);
	if (err)
		ops->give_up(ctx);
	return err;
}

static bool lets_go(const struct input_event *e)
{
	return (e->type == INPUT_KEY && !e->key.down) || (e->type == INPUT_MOUSE_BUTTON && !e->button.down) ||
	       (e->type == INPUT_TOUCH && (e->pointer.event == POINTER_UP || e->pointer.event == POINTER_CANCEL));
}

bool wl_link_takes(const struct wl_link *l, const struct input_event *e)
{
	return l->display && (!l->blocked || lets_go(e));
}

void wl_link_flush(struct wl_link *l)
{
	if (!l->display)
		return;
	if (wl_display_flush(l->display) >= 0)
		watch_writing(l, false);
	else if (errno == EAGAIN)
		watch_writing(l, true);
	else
		gone(l);
}

void wl_link_close(struct wl_link *l)
{
	input_watch_remove(l->env, &l->watch);
	if (l->watch.fd >= 0)
		close(l->watch.fd);
	l->watch.fd = -1;
	if (!l->display)
		return;
	if (l->registry)
		wl_registry_destroy(l->registry);
	l->registry = NULL;
	if (!wl_display_get_error(l->display))
		wait_answer(l, PARTING_NS);
	wl_display_disconnect(l->display);
	l->display = NULL;
}
