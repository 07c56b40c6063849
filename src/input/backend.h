// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The contract between input.c and its back ends. What arrives at a back end is already consistent (input/state.h): a
 * key goes down once before it goes up, a contact moves only while it is down, a pad arrives before it speaks (and once
 * more when its client was gone and comes back), and whatever is held is let go before close. So a back end only
 * injects.
 */
#pragma once

#include <stdatomic.h>

#include "input/input.h"

/* Where a pad is plugged in: seat, number. */
#define PAD_PHYS "moonrill-%.40s/pad%u"

#define INPUT_WHY_MAX     96
#define INPUT_CLASS(c)    (1u << (c))
#define INPUT_ALL_CLASSES ((1u << INPUT_CLASSES) - 1)

/* What all back ends of one session share; owned by the input, constant. */
struct input_env {
	const struct input_back *back;                         /* neither it nor its functions are NULL */
	const char *seat, *pad_kind, *log_file, *portal_token; /* the last one NULL: none is kept */
	bool by_name; /* the user has named the back end: it may ask a person at the host */
	struct input_place place;
	int epoll; /* for input_watch() */
};

/* The beginning of every back end's object. */
struct input_backend {
	const struct input_ops *ops;
	const struct input_env *env;
	uint32_t classes; /* that it serves */
	/* For status instead of the name, while there is more to say; a text that stays. Any thread. */
	_Atomic(const char *) shown;
};

/*
 * open: main thread. classes: the ones it is asked for, never 0; it may serve fewer by writing back what it serves.
 * -errno
 *       when it serves none (-EACCES: not allowed here, -ENODEV: not there), then close is not called. Says in why, if
 *       it fails, what a person can do ("no access to /dev/uinput: install the udev rule").
 * event: control thread; only of classes that it serves; never blocks for long, never allocates but for new devices.
 * close: main thread.
 */
struct input_ops {
	const char *name, *help;
	uint32_t classes; /* that it can serve at best */
	bool automatic;   /* "auto" may choose it */
	size_t size;      /* of the struct that begins with struct input_backend */
	int (*open)(struct input_backend *b, uint32_t *classes, char why[INPUT_WHY_MAX]);
	void (*event)(struct input_backend *b, const struct input_event *e);
	void (*close)(struct input_backend *b);
};

/* An fd of a back end that the control thread watches. Embedded in its owner, which removes it before it goes. */
struct input_watch {
	int fd;
	void (*ready)(struct input_watch *w); /* control thread, fd readable or in error; may remove any watch */
};

/* The thread that owns the input at that moment. -errno. */
int input_watch_add(const struct input_env *env, struct input_watch *w);
void input_watch_remove(const struct input_env *env, struct input_watch *w); /* accepts one that is not added, fd < 0 */

/* The back ends, one file each, in the order in which "auto" tries them; input.c holds the only list. */
extern const struct input_ops input_mutter;    /* keyboard, mouse */
extern const struct input_ops input_kwin;      /* keyboard, mouse, touch; HAVE_WAYLAND */
extern const struct input_ops input_wlroots;   /* keyboard, mouse; HAVE_WAYLAND */
extern const struct input_ops input_gamescope; /* keyboard, mouse; HAVE_EI */
/* keyboard, mouse, touch; HAVE_EI and HAVE_DBUS. Only after a consent; the second asks for it. */
extern const struct input_ops input_portal, input_portal_ask;
extern const struct input_ops input_uinput; /* keyboard, mouse, touch, pen; HAVE_UINPUT */
extern const struct input_ops input_pads;
extern const struct input_ops input_log;
extern const struct input_ops input_null;
