// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A source of pictures. Back ends: pattern (the fake that runs anywhere), pipewire, and whatever
 * registry.c lists. capture/screen.h owns captures and hands their frames to the encoders; nobody
 * else calls these ops.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "media/frame.h"

struct capture;

struct capture_params {
	uint32_t width, height; /* wanted; a source with a size of its own ignores them */
	uint32_t fps_mhz;	/* ceiling */
	const char *pattern;	/* pattern: motion, noise, still, chart */
	const char *node;	/* pipewire: id or name; "" any */
	int pipewire_fd; /* pipewire: remote of a portal session, taken; -1: the user's own daemon
			  */
};

/* Called on the capture's thread. frame passes the reference. lost: the source is gone (-errno),
 * nothing follows; the owner calls stop and close later, from its own thread. */
struct capture_events {
	void (*frame)(void *ctx, struct frame *f);
	void (*lost)(void *ctx, int err);
};

/* First member of every back end's struct. Filled by open. */
struct capture {
	const struct capture_ops *ops;
	const struct capture_events *ev;
	void *ctx;
};

struct capture_ops {
	const char *name, *help;
	size_t size; /* of the struct that begins with struct capture */
	int (*probe)(
		const struct capture_params *p); /* cheap, no side effects: 0, -ENOTSUP, -EACCES */
	int (*open)(struct capture *c, const struct capture_params *p);
	int (*start)(struct capture *c);  /* frames flow; may follow stop */
	void (*stop)(struct capture *c);  /* on return no event is running */
	void (*close)(struct capture *c); /* all frames must be back: counted, asserted */
};
