// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A ScreenCast session of the desktop's portal: consent of the person at the host (a dialog, or the
 * restore token of an earlier consent), then a PipeWire remote and a node in it. One thread with
 * its own GMainContext lives as long as the session; it starts with portal_open() and not before,
 * so that a daemon without a portal never initialises GLib.
 *
 * Main thread; nothing here blocks on the desktop.
 */
#pragma once

#include <stdint.h>

#include "base/loop.h"
#include "media/cursor.h"

struct portal;

/* What is shared: one monitor. */
struct portal_stream {
	uint32_t node;           /* of PipeWire */
	int x, y, width, height; /* its place in the desktop's layout; width 0: the desktop does not tell */
};

struct portal_events {
	/* Main thread. The screen may be captured: its node lies in the remote behind pipewire_fd,
	 * which is passed. The restore token is on disk by now. stream: valid during the call. */
	void (*ready)(void *ctx, int pipewire_fd, const struct portal_stream *stream);
	/* Main thread; the session is over, only portal_close() may follow. -ENOTSUP: there is no
	 * portal here; -EACCES: refused, or sharing was ended on the host; -EIO. why: a sentence,
	 * valid during the call. */
	void (*failed)(void *ctx, int err, const char *why);
};

/* token_path: read if it is there, replaced (mode 600) with each consent; NULL: none is kept.
 * cursor: what is asked for, where the portal has it; AUTO: metadata, and what it lacks is embedded.
 * -ENOTSUP: built without libportal; -ENOMEM. */
int portal_open(struct portal **out, struct loop *loop, const char *token_path, enum cursor_mode cursor,
		const struct portal_events *ev, void *ctx);
/* After ready: another remote of the same session is wanted, because the first one is gone; ready
 * or failed follows. */
void portal_renew(struct portal *p);
/* Ends the session and joins the thread. Accepts NULL. */
void portal_close(struct portal *p);
