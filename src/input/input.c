// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/input.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "build_config.h"
#include "input/backend.h"
#include "input/state.h"

#define LOG_MODULE "input"
#include "base/log.h"

/* "auto" takes them in this order: the desktop's own ways need no permission. */
static const struct input_ops *const backends[] = {
	&input_mutter,
#if HAVE_WAYLAND
	&input_kwin,       &input_wlroots,
#endif
#if HAVE_EI
	&input_gamescope,
#endif
#if HAVE_EI && HAVE_DBUS
	&input_portal,
#endif
#if HAVE_UINPUT
	&input_uinput,
#endif
#if HAVE_EI && HAVE_DBUS
	&input_portal_ask, /* rather the kernel's devices than a dialog */
#endif
	&input_pads, /* there is no other way for controllers */
	&input_log,  /* by name only */
	&input_null, /* by name only */
};

#define BACKENDS ARRAY_LEN(backends)

const char *const input_class_name[INPUT_CLASSES] = {
	[INPUT_CLASS_KEYBOARD] = "keyboard", [INPUT_CLASS_MOUSE] = "mouse", [INPUT_CLASS_TOUCH] = "touch",
	[INPUT_CLASS_PEN] = "pen",           [INPUT_CLASS_PADS] = "pads",
};

struct input {
	struct input_env env;
	char *strings; /* what env points at */
	struct input_state state;
	struct input_watch pads_due; /* a timer; fd 0: there was never one */
	struct input_backend *open[BACKENDS];
	struct input_backend *serves[INPUT_CLASSES]; /* NULL: nobody */
	char why[INPUT_CLASSES][INPUT_WHY_MAX];
};

static void no_rumble(void *ctx, uint8_t pad, uint16_t low, uint16_t high)
{
	(void)ctx, (void)pad, (void)low, (void)high;
}

static void no_motion(void *ctx, uint8_t pad, bool gyro, uint16_t hz)
{
	(void)ctx, (void)pad, (void)gyro, (void)hz;
}

static void no_led(void *ctx, uint8_t pad, uint8_t r, uint8_t g, uint8_t b)
{
	(void)ctx, (void)pad, (void)r, (void)g, (void)b;
}

static void no_effect(void *ctx, uint8_t pad, const struct input_trigger_effect *e)
{
	(void)ctx, (void)pad, (void)e;
}

static const struct input_back deaf = {no_rumble, no_rumble, no_motion, no_led, no_effect, NULL};

static uint32_t missing(const struct input *in)
{
	uint32_t classes = 0;

	for (unsigned c = 0; c < INPUT_CLASSES; c++)
		if (!in->serves[c])
			classes |= INPUT_CLASS(c);
	return classes;
}

/* Has the back end serve what it can of the classes that nobody serves yet. */
static int open_backend(struct input *in, unsigned n)
{
	const struct input_ops *ops = backends[n];
	uint32_t classes = missing(in) & ops->classes, asked = classes;
	char why[INPUT_WHY_MAX] = "";
	struct input_backend *b;
	int err;

	if (!classes)
		return 0;
	assert(ops->size >= sizeof(*b));
	b = calloc(1, ops->size);
	if (!b)
		return -ENOMEM;
	b->ops = ops;
	b->env = &in->env;
	err = ops->open(b, &classes, why);
	if (err)
		classes = 0;
	for (unsigned c = 0; c < INPUT_CLASSES; c++) {
		if (classes & INPUT_CLASS(c))
			in->serves[c] = b;
		else if (asked & INPUT_CLASS(c) && *why) /* the last word is the nearest to a way out */
			memcpy(in->why[c], why, sizeof(why));
	}
	if (err) {
		free(b);
		return err;
	}
	b->classes = classes;
	in->open[n] = b;
	return 0;
}

/* What the back end said about the first of its classes. */
static const char *refusal(const struct input *in, uint32_t classes)
{
	return in->why[__builtin_ctz(classes)];
}

static int open_named(struct input *in, const char *name)
{
	for (unsigned n = 0; n < BACKENDS; n++) {
		int err;

		if (strcmp(backends[n]->name, name) != 0)
			continue;
		err = open_backend(in, n);
		if (err)
			log_err("back end %s: %s", name, refusal(in, backends[n]->classes));
		return err;
	}
	log_err("no input back end is called '%s'", name);
	return -ENOTSUP;
}

static void open_automatic(struct input *in)
{
	for (unsigned n = 0; n < BACKENDS; n++)
		if (backends[n]->automatic)
			open_backend(in, n); /* why it cannot is kept for input_shown() */
}

/* Classes that want the same share a line. */
static void tell_missing(const struct input *in)
{
	uint32_t told = 0;

	for (unsigned c = 0; c < INPUT_CLASSES; c++) {
		char names[64] = "";

		for (unsigned k = c; k < INPUT_CLASSES; k++) {
			size_t len = strlen(names);

			if (in->serves[k] || told & INPUT_CLASS(k) || strcmp(in->why[k], in->why[c]) != 0)
				continue;
			snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", input_class_name[k]);
			told |= INPUT_CLASS(k);
		}
		if (*names)
			log_warn("no %s: %s", names, in->why[c]);
	}
}

/* One block for all of them. */
static int copy_strings(struct input *in, const struct input_params *p)
{
	const char *from[4] = {p->seat ? p->seat : "", p->pad_kind ? p->pad_kind : "auto",
			       p->log_file ? p->log_file : "", p->portal_token ? p->portal_token : ""};
	const char **to[4] = {&in->env.seat, &in->env.pad_kind, &in->env.log_file, &in->env.portal_token};
	size_t size = 0;
	char *at;

	for (unsigned i = 0; i < ARRAY_LEN(from); i++)
		size += strlen(from[i]) + 1;
	in->strings = at = malloc(size);
	if (!at)
		return -ENOMEM;
	for (unsigned i = 0; i < ARRAY_LEN(from); i++) {
		*to[i] = at;
		at = stpcpy(at, from[i]) + 1;
	}
	if (!p->portal_token)
		in->env.portal_token = NULL;
	return 0;
}

static void destroy(struct input *in)
{
	for (unsigned n = 0; n < BACKENDS; n++) {
		if (!in->open[n])
			continue;
		in->open[n]->ops->close(in->open[n]);
		free(in->open[n]);
	}
	if (in->pads_due.fd > 0)
		close(in->pads_due.fd);
	if (in->env.epoll >= 0)
		close(in->env.epoll);
	free(in->strings);
	free(in);
}

int input_open(struct input **out, const struct input_params *p)
{
	struct input *in = calloc(1, sizeof(*in));
	int err;

	*out = NULL;
	if (!in)
		return -ENOMEM;
	in->env.back = p->back ? p->back : &deaf;
	in->env.place = p->place;
	in->env.by_name = strcmp(p->backend, "auto") != 0;
	in->env.epoll = epoll_create1(EPOLL_CLOEXEC);
	err = in->env.epoll < 0 ? -errno : copy_strings(in, p);
	if (err)
		goto fail;
	for (unsigned c = 0; c < INPUT_CLASSES; c++)
		snprintf(in->why[c], sizeof(in->why[c]), "no back end for it");
	if (in->env.by_name)
		err = open_named(in, p->backend);
	else
		open_automatic(in);
	if (err)
		goto fail;
	if (!in->env.by_name)
		tell_missing(in);
	*out = in;
	return 0;
fail:
	destroy(in);
	return err;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	input_release_all(in);
	destroy(in);
}

static enum input_class class_of(enum input_type t)
{
	switch (t) {
	case INPUT_KEY:
	case INPUT_TEXT:
		return INPUT_CLASS_KEYBOARD;
	case INPUT_MOUSE_REL:
	case INPUT_MOUSE_ABS:
	case INPUT_MOUSE_BUTTON:
	case INPUT_SCROLL:
	case INPUT_HSCROLL:
		return INPUT_CLASS_MOUSE;
	case INPUT_TOUCH:
		return INPUT_CLASS_TOUCH;
	case INPUT_PEN:
		return INPUT_CLASS_PEN;
	case INPUT_HAPTICS:
	case INPUT_PAD_ARRIVAL:
	case INPUT_PAD_STATE:
	case INPUT_PAD_GONE:
	case INPUT_PAD_TOUCH:
	case INPUT_PAD_MOTION:
	case INPUT_PAD_BATTERY:
		break;
	}
	return INPUT_CLASS_PADS;
}

static void emit(void *ctx, const struct input_event *e)
{
	struct input *in = ctx;
	struct input_backend *b = in->serves[class_of(e->type)];

	if (b)
		b->ops->event(b, e);
}

void input_event(struct input *in, const struct input_event *e)
{
	input_state_apply(&in->state, e, emit, in);
}

void input_release_all(struct input *in)
{
	input_state_release(&in->state, emit, in);
}

int input_watch_add(const struct input_env *env, struct input_watch *w)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = w};

	return epoll_ctl(env->epoll, EPOLL_CTL_ADD, w->fd, &e) ? -errno : 0;
}

void input_watch_remove(const struct input_env *env, struct input_watch *w)
{
	if (w->fd >= 0)
		epoll_ctl(env->epoll, EPOLL_CTL_DEL, w->fd, NULL);
}

static void on_pads_due(struct input_watch *w)
{
	struct input *in = (struct input *)((char *)w - offsetof(struct input, pads_due));
	uint64_t times;

	if (read(w->fd, &times, sizeof(times)) != sizeof(times)) /* set anew meanwhile */
		return;
	input_state_forget(&in->state, emit, in);
}

int input_await_pads(struct input *in, uint64_t ns)
{
	const struct itimerspec t = {.it_value = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)}};
	int fd, err;

	if (in->pads_due.fd <= 0) {
		if (!ns)
			return 0;
		fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		if (fd < 0)
			return -errno;
		in->pads_due = (struct input_watch){.fd = fd, .ready = on_pads_due};
		err = input_watch_add(&in->env, &in->pads_due);
		if (err) {
			close(fd);
			in->pads_due.fd = 0;
			return err;
		}
	}
	return timerfd_settime(in->pads_due.fd, 0, &t, NULL) ? -errno : 0;
}

int input_fd(const struct input *in)
{
	return in->env.epoll;
}

void input_dispatch(struct input *in)
{
	struct epoll_event e;

	/* One at a time: what is ready may remove any other watch. What stays ready comes again with the next poll. */
	if (epoll_wait(in->env.epoll, &e, 1, 0) == 1) {
		struct input_watch *w = e.data.ptr;

		w->ready(w);
	}
}

const char *input_shown(const struct input *in, enum input_class c)
{
	const struct input_backend *b = in->serves[c];
	const char *shown = b ? atomic_load(&b->shown) : in->why[c];

	return shown ? shown : b->ops->name;
}
