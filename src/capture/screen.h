// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The screens of the daemon: which source feeds a stream, consent for it, and the hand-over of one
 * capture's frames to any number of encoders. Captures outlive sessions: a portal session stays
 * open between streams; while nobody is attached the source is stopped and causes no wake-ups. Main
 * thread, but for the frames themselves.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "media/cursor.h"
#include "media/link.h"
#include "media/params.h"

struct dmabuf_formats;
struct screens;
struct screen_user;

enum screens_source { SCREENS_AUTO, SCREENS_PATTERN, SCREENS_PIPEWIRE, SCREENS_PORTAL };

enum screens_state {
	SCREENS_READY,
	SCREENS_WAIT_CONSENT, /* the portal's dialog is open on the host */
	SCREENS_FAILED,       /* refused, or no such source; the text says why */
};

#define SCREEN_USERS_MAX 8 /* streams on one capture */

/* Where a picture lies among the desktop's outputs, in logical pixels. */
struct screen_place {
	int x, y, width, height; /* width 0: not known */
};

struct screens_params {
	enum screens_source source;
	const char *node;    /* config video.node */
	const char *pattern; /* config video.pattern */
	const char *place;   /* config video.place, as screen_place_parse() takes it; wins over what a source tells */
	bool every;          /* for a recording: the pattern waits for its buffers, and passes nothing over */
	const struct dmabuf_formats *importable; /* what encoders import; NULL: nothing. Outlives the screens */
	enum cursor_mode cursor;                 /* config video.cursor; of a live screen */
	const char *token_path;                  /* where the portal's restore token is kept (mode 600) */
};

struct screens_events {
	/* Main thread. Consent given, refused, source lost or back: ask screens_state(). */
	void (*changed)(void *ctx);
};

/* Opens what can be opened without a stream: with auto or portal in a graphical session that means
 * the consent dialog (or the restored permission). Never blocks. NULL: no memory. */
struct screens *screens_create(struct loop *loop, const struct screens_params *p, const struct screens_events *ev,
			       void *ctx);
void screens_destroy(struct screens *s); /* no user may be attached; accepts NULL */

/* why: a sentence for the user, valid until the next call. */
enum screens_state screens_state(const struct screens *s, const char **why);
/* "pattern", "pipewire", "portal": the source in use, for status. */
const char *screens_source_name(const struct screens *s);
/* Of what streams show now. What the source tells is known as soon as the state is SCREENS_READY, and may be another
 * after the next consent; it is not known of a PipeWire node, and of the pattern, which lies nowhere. */
struct screen_place screens_place(const struct screens *s);
/* Whether pictures of the next stream are HDR: BT.2020 with the PQ curve. Only of the test pattern as yet: what a
 * desktop gives is SDR. */
bool screens_hdr(const struct screens *s, struct hdr_metadata *out);
/* "1920x1080+1280+0": width, height, left, top; a negative one is +-100. "": not known. -EINVAL. Pure. */
int screen_place_parse(struct screen_place *out, const char *text);
/* Tries again after SCREENS_FAILED (a new launch asks). */
void screens_retry(struct screens *s);

/* Frames flow into link from now on. The pattern makes a screen of the wanted size and rate (equal
 * wishes share one); real screens keep their own size. -EAGAIN consent missing, -ENODEV, -ENOSPC,
 * -ENOMEM. */
int screens_attach(struct screens *s, const struct video_params *want, struct frame_link *link,
		   struct screen_user **out);
/* On return no frame arrives at the link any more; what it still holds is the caller's to unref.
 * Accepts NULL. */
void screens_detach(struct screen_user *u);
