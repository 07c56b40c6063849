// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A source of pictures. Back ends: pattern (the fake that runs anywhere), pipewire, and whatever
 * registry.c lists. capture/screen.h owns captures and hands their frames to the encoders; nobody
 * else calls these ops.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/dmabuf.h"
#include "media/frame.h"

struct capture;

/* The strings and importable live as long as the capture. */
struct capture_params {
	/* Wanted; a source with a size of its own ignores them. */
	uint32_t width, height;
	/* Ceiling. */
	uint32_t fps_mhz;
	/* A source that can wait passes no picture over, though nobody gives buffers back in time. */
	bool every;
	/* pattern: motion, noise, mixed, still, chart, patches, pq. */
	const char *pattern;
	/* pipewire: id, name or serial:N; "": any. */
	const char *node;
	/* What readers import; NULL: nothing. */
	const struct dmabuf_formats *importable;
	/* pipewire: with AUTO and METADATA its metadata is asked for. */
	enum cursor_mode cursor;
	/* pipewire: remote of a portal session, taken; -1: the user's own daemon. */
	int pipewire_fd;
};

/* Called on the capture's thread. frame passes the reference. lost: the source is gone (-errno), nothing follows; the
 * owner calls stop and close later, from its own thread. A source can go at any time between open and close, started or
 * not. */
struct capture_events {
	void (*frame)(void *ctx, struct frame *f);
	void (*lost)(void *ctx, int err);
};

/* First member of every back end's struct. */
struct capture {
	/* constant; filled by capture_open() */
	const struct capture_ops *ops;
	const struct capture_events *ev;
	void *ctx;
	/* capture thread; valid at each frame event: how many frames may be out before the source
	 * runs short of buffers (what the source needs itself is subtracted), at least 1 */
	unsigned held_max;
};

/* Main thread unless said otherwise. */
struct capture_ops {
	const char *name, *help;
	size_t size;                                  /* of the struct that begins with struct capture */
	int (*probe)(const struct capture_params *p); /* cheap, no side effects: 0, -ENOTSUP, -EACCES */
	int (*open)(struct capture *c, const struct capture_params *p); /* takes p->pipewire_fd even when it fails */
	int (*start)(struct capture *c);                                /* frames flow; may follow stop */
	void (*stop)(struct capture *c);                                /* on return no event is running */
	/* Any thread, while started; wait-free. A consumer has come that has no picture yet: the
	 * newest one is delivered again, even though nothing has changed. Nothing happens when the
	 * source has not given any. */
	void (*refresh)(struct capture *c);
	/* Capture thread within a frame event, main after stop: frames that are out, and not yet
	 * given back. The one that a back end itself keeps for refresh does not count once
	 * everybody else has dropped it. */
	unsigned (*held)(struct capture *c);
	void (*close)(struct capture *c); /* after stop; all frames must be back: asserted */
};

/* registry.c */
extern const struct capture_ops *const captures[];        /* NULL-terminated, in order of preference */
const struct capture_ops *capture_find(const char *name); /* NULL: not built in */
/* Allocates and opens. What open returns, or -ENOMEM; takes p->pipewire_fd in any case. */
int capture_open(struct capture **out, const struct capture_ops *ops, const struct capture_params *p,
		 const struct capture_events *ev, void *ctx);
void capture_close(struct capture *c); /* stopped, all frames back; accepts NULL */
