// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A screen is one capture with its users. The pattern gets one for each wish of size and rate, a
 * real source has a single one that all share. Main opens, starts, stops and rebuilds captures;
 * their threads only run frame_arrived() and capture_lost(), which touch the members marked so.
 */
#include "capture/screen.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/wake.h"
#include "capture/capture.h"
#include "capture/choice.h"
#include "capture/fanout.h"
#include "capture/paint.h"
#include "portal/portal.h"

#define LOG_MODULE "screen"
#include "base/log.h"

#define DRAIN_POLL_NS  (5 * NS_PER_MS) /* frames that encoders still hold come back within a conversion */
#define SKIP_RETRY_NS  (10 * NS_PER_MS)
#define BACKOFF_MIN_NS (100 * NS_PER_MS)
#define BACKOFF_MAX_NS (5 * NS_PER_S)

_Static_assert(FANOUT_MAX == SCREEN_USERS_MAX, "one entry a user");

enum phase {
	PHASE_OFF,     /* no capture */
	PHASE_ON,      /* frames flow */
	PHASE_IDLE,    /* open, but stopped: nobody looks */
	PHASE_DRAIN,   /* stopped; closed as soon as all frames are back */
	PHASE_BACKOFF, /* no capture; tried again by the timer */
};

struct screen {
	/* main */
	struct screens *owner;
	struct screen *next;
	struct capture *capture;
	struct capture_params params;
	enum phase phase;
	unsigned n_users;
	uint64_t backoff_ns;
	struct loop_timer *timer; /* drain poll, back-off */
	struct loop_timer *again; /* refresh after a skipped frame */
	/* capture thread posts, main takes; then owner->wake is poked */
	struct fanout fanout;
	atomic_int lost;     /* -errno, 0: not */
	atomic_bool skipped; /* the newest frame was not delivered */
	atomic_bool alive;   /* a frame has come since the capture was opened */
};

struct screen_user {
	struct screen *screen;
	int index;
};

struct screens {
	struct loop *loop;
	const struct screens_events *ev;
	void *ctx;
	enum screens_source source;
	bool automatic; /* chosen by us, so a portal that is not there is no failure */
	char *node, *pattern, *token_path;
	struct capture_params params;                 /* of every capture, but for what a wish or a consent says */
	struct screen_place wanted_place, told_place; /* by the configuration, by the source */
	enum screens_state state;
	char why[256];
	struct screen *list;
	struct portal *portal;
	char portal_node[16];
	int portal_fd; /* remote that no capture has taken yet, or -1 */
	struct wake wake;
	struct loop_fd *wake_fd;
};

static const char *const source_name[] = {"auto", "pattern", "pipewire", "portal"};

static void set_state(struct screens *s, enum screens_state state, const char *why)
{
	bool changed = s->state != state || strcmp(s->why, why);

	s->state = state;
	str_copy(s->why, sizeof(s->why), why);
	if (changed && s->ev->changed)
		s->ev->changed(s->ctx);
}

/* Capture thread */

static void frame_arrived(void *ctx, struct frame *f)
{
	struct screen *scr = ctx;
	struct capture *c = scr->capture;

	if (c->ops->held(c) > c->held_max)
		fanout_retract(&scr->fanout);
	if (c->ops->held(c) > c->held_max) {
		/* The source must keep buffers to draw into. What is skipped here may be the last
		 * picture before the screen goes still, so it is asked for again. */
		frame_unref(f, -1);
		atomic_store(&scr->skipped, true);
		wake_poke(&scr->owner->wake);
		return;
	}
	fanout_deliver(&scr->fanout, f);
	if (!atomic_load_explicit(&scr->alive, memory_order_relaxed)) {
		atomic_store(&scr->alive, true);
		wake_poke(&scr->owner->wake);
	}
}

static void capture_lost(void *ctx, int err)
{
	struct screen *scr = ctx;

	atomic_store(&scr->lost, err);
	wake_poke(&scr->owner->wake);
}

static const struct capture_events capture_events = {.frame = frame_arrived, .lost = capture_lost};

/* Main thread */

static void screen_backoff(struct screen *scr)
{
	scr->phase = PHASE_BACKOFF;
	loop_timer_arm_in(scr->timer, scr->backoff_ns);
	scr->backoff_ns *= 2;
	if (scr->backoff_ns > BACKOFF_MAX_NS)
		scr->backoff_ns = BACKOFF_MAX_NS;
}

/* Opens and starts the capture. */
static int screen_build(struct screen *scr)
{
	struct screens *s = scr->owner;
	struct capture_params params = scr->params;
	const char *name = s->source == SCREENS_PATTERN ? "pattern" : "pipewire";
	const struct capture_ops *ops = capture_find(name);
	int err;

	if (!ops)
		return -ENODEV;
	if (s->source == SCREENS_PORTAL) {
		if (s->portal_fd < 0)
			return -EAGAIN;
		params.node = s->portal_node;
		params.pipewire_fd = s->portal_fd;
		s->portal_fd = -1;
	}
	atomic_store(&scr->lost, 0);
	atomic_store(&scr->skipped, false);
	atomic_store(&scr->alive, false);
	err = capture_open(&scr->capture, ops, &params, &capture_events, scr);
	if (err)
		return err;
	err = scr->capture->ops->start(scr->capture);
	if (err) {
		capture_close(scr->capture);
		scr->capture = NULL;
		return err;
	}
	scr->phase = PHASE_ON;
	return 0;
}

static void screen_free(struct screen *scr)
{
	struct screen **link = &scr->owner->list;

	while (*link != scr)
		link = &(*link)->next;
	*link = scr->next;
	loop_timer_remove(scr->timer);
	loop_timer_remove(scr->again);
	free(scr);
}

/* Closes the capture when nothing is out any more, and goes on from there. */
static void screen_drain(struct screen *scr)
{
	if (scr->capture->ops->held(scr->capture)) {
		loop_timer_arm_in(scr->timer, DRAIN_POLL_NS);
		return;
	}
	capture_close(scr->capture);
	scr->capture = NULL;
	if (scr->n_users)
		screen_backoff(scr);
	else
		screen_free(scr);
}

static void rebuild(struct screen *scr)
{
	int err = screen_build(scr);

	if (err == -EAGAIN)
		scr->phase = PHASE_OFF; /* no remote yet: portal_ready() goes on */
	else if (err)
		screen_backoff(scr);
}

static void on_timer(void *ctx)
{
	struct screen *scr = ctx;

	if (scr->phase == PHASE_DRAIN)
		screen_drain(scr);
	else if (scr->phase == PHASE_BACKOFF)
		rebuild(scr);
}

static void on_again(void *ctx)
{
	struct screen *scr = ctx;

	if (scr->phase == PHASE_ON)
		scr->capture->ops->refresh(scr->capture);
}

static void screen_stop(struct screen *scr, bool keep)
{
	loop_timer_disarm(scr->timer);
	loop_timer_disarm(scr->again);
	if (scr->phase == PHASE_ON)
		scr->capture->ops->stop(scr->capture);
	if (!scr->capture) {
		scr->phase = PHASE_OFF;
		if (!keep)
			screen_free(scr);
		return;
	}
	scr->phase = keep ? PHASE_IDLE : PHASE_DRAIN;
	if (!keep)
		screen_drain(scr);
}

static void explain_loss(const struct screens *s, int err, char *why, size_t cap)
{
	if (err == -ENOENT)
		snprintf(why, cap, "there is no PipeWire node \"%s\"", s->node);
	else
		snprintf(why, cap, "the %s source is gone (%s)", source_name[s->source], strerror(-err));
}

static void screen_lost(struct screen *scr)
{
	if (atomic_load(&scr->alive))
		scr->backoff_ns = BACKOFF_MIN_NS;
	screen_stop(scr, false);
}

static void on_wake(void *ctx, uint32_t events)
{
	struct screens *s = ctx;
	bool alive = false;
	int lost = 0;

	(void)events;
	do {
		wake_disarm(&s->wake);
		for (struct screen *scr = s->list, *next; scr; scr = next) {
			int err = atomic_exchange(&scr->lost, 0);

			next = scr->next;
			if (atomic_exchange(&scr->skipped, false))
				loop_timer_arm_in(scr->again, SKIP_RETRY_NS);
			if (err && (scr->phase == PHASE_ON || scr->phase == PHASE_IDLE)) {
				lost = err;
				screen_lost(scr);
			} else if (scr->phase == PHASE_ON) {
				alive = alive || atomic_load(&scr->alive);
			}
		}
	} while (!wake_arm(&s->wake));
	/* Last, because the owner may attach and detach in its callback. */
	if (lost) {
		char why[sizeof(s->why)];

		explain_loss(s, lost, why, sizeof(why));
		if (s->state != SCREENS_FAILED) /* else it is one of many tries */
			log_warn("%s; it is looked for as long as a stream wants it", why);
		if (s->portal)
			portal_renew(s->portal); /* its session may stand while the remote is gone */
		set_state(s, SCREENS_FAILED, why);
	} else if (alive && s->state == SCREENS_FAILED) {
		log_info("the %s source is back", source_name[s->source]);
		set_state(s, SCREENS_READY, "");
	}
}

static struct screen *screen_create(struct screens *s, const struct capture_params *params)
{
	struct screen *scr = calloc(1, sizeof(*scr));

	if (!scr)
		return NULL;
	scr->owner = s;
	scr->params = *params;
	scr->backoff_ns = BACKOFF_MIN_NS;
	fanout_init(&scr->fanout);
	scr->timer = loop_timer_add(s->loop, on_timer, scr);
	scr->again = loop_timer_add(s->loop, on_again, scr);
	if (!scr->timer || !scr->again) {
		loop_timer_remove(scr->timer);
		loop_timer_remove(scr->again);
		free(scr);
		return NULL;
	}
	scr->next = s->list;
	s->list = scr;
	return scr;
}

/* Consent */

static void use_pattern(struct screens *s, const char *why)
{
	log_info("streams show the test pattern: %s", why);
	s->source = SCREENS_PATTERN;
	set_state(s, SCREENS_READY, "");
}

static void portal_ready(void *ctx, int pipewire_fd, const struct portal_stream *stream)
{
	struct screens *s = ctx;

	if (s->portal_fd >= 0)
		close(s->portal_fd);
	s->portal_fd = pipewire_fd;
	snprintf(s->portal_node, sizeof(s->portal_node), "%u", stream->node);
	s->told_place = (struct screen_place){stream->x, stream->y, stream->width, stream->height};
	if (s->state == SCREENS_WAIT_CONSENT)
		log_info("the screen may be streamed (PipeWire node %u, %dx%d at %d,%d)", stream->node, stream->width,
			 stream->height, stream->x, stream->y);
	if (s->list && s->list->n_users && s->list->phase == PHASE_OFF)
		rebuild(s->list);
	set_state(s, SCREENS_READY, "");
}

static void portal_failed(void *ctx, int err, const char *why)
{
	struct screens *s = ctx;
	struct portal *p = s->portal;

	s->portal = NULL;
	portal_close(p);
	if (err == -ENOTSUP && s->automatic) {
		use_pattern(s, why);
		return;
	}
	log_warn("%s", why);
	set_state(s, SCREENS_FAILED, why);
}

static const struct portal_events portal_events = {.ready = portal_ready, .failed = portal_failed};

static void ask_portal(struct screens *s)
{
	int err;

	portal_close(s->portal);
	s->portal = NULL;
	err = portal_open(&s->portal, s->loop, s->token_path, s->params.cursor, &portal_events, s);
	if (err)
		set_state(s, SCREENS_FAILED,
			  err == -ENOTSUP ? "this build has no support for the desktop portal"
					  : "no memory for the portal's session");
	else
		set_state(s, SCREENS_WAIT_CONSENT, "waiting for consent: a click on the host is needed");
}

static void open_source(struct screens *s)
{
	if (s->source == SCREENS_PORTAL)
		ask_portal(s);
	else if (s->source == SCREENS_PIPEWIRE && !capture_find("pipewire"))
		set_state(s, SCREENS_FAILED, "this build has no support for PipeWire");
	else
		set_state(s, SCREENS_READY, "");
}

struct screens *screens_create(struct loop *loop, const struct screens_params *p, const struct screens_events *ev,
			       void *ctx)
{
	struct screens *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->loop = loop;
	s->ev = &(const struct screens_events){0};
	s->ctx = ctx;
	s->source = p->source;
	s->portal_fd = -1;
	s->node = strdup(p->node ? p->node : "");
	s->pattern = strdup(p->pattern && *p->pattern ? p->pattern : "motion");
	s->token_path = p->token_path ? strdup(p->token_path) : NULL;
	s->params = (struct capture_params){
		.node = s->node,
		.pattern = s->pattern,
		.every = p->every,
		.importable = p->importable,
		.cursor = p->cursor,
		.pipewire_fd = -1,
	};
	if (p->place && screen_place_parse(&s->wanted_place, p->place))
		goto fail;
	if (!s->node || !s->pattern || (p->token_path && !s->token_path) || wake_init(&s->wake))
		goto fail;
	s->wake_fd = loop_fd_add(loop, s->wake.fd, EPOLLIN, on_wake, s);
	if (!s->wake_fd)
		goto fail;
	wake_arm(&s->wake);
	if (s->source == SCREENS_AUTO) {
		struct choice_env env = choice_env_read();
		const char *why;

		s->automatic = true;
		s->source = choice_auto(&env, s->node, &why);
		if (s->source == SCREENS_PATTERN)
			use_pattern(s, why);
		else
			log_info("source of the screen: %s, because %s", source_name[s->source], why);
	}
	open_source(s);
	if (s->state == SCREENS_WAIT_CONSENT)
		log_info("%s, unless an earlier consent still holds", s->why);
	s->ev = ev;
	return s;
fail:
	screens_destroy(s);
	return NULL;
}

void screens_destroy(struct screens *s)
{
	if (!s)
		return;
	for (struct screen *scr = s->list, *next; scr; scr = next) {
		next = scr->next;
		assert(!scr->n_users);
		if (scr->phase == PHASE_ON)
			scr->capture->ops->stop(scr->capture);
		capture_close(scr->capture);
		screen_free(scr);
	}
	portal_close(s->portal);
	if (s->portal_fd >= 0)
		close(s->portal_fd);
	loop_fd_remove(s->wake_fd);
	wake_finish(&s->wake);
	free(s->node);
	free(s->pattern);
	free(s->token_path);
	free(s);
}

enum screens_state screens_state(const struct screens *s, const char **why)
{
	if (why)
		*why = s->why;
	return s->state;
}

const char *screens_source_name(const struct screens *s)
{
	return source_name[s->source];
}

struct screen_place screens_place(const struct screens *s)
{
	return s->wanted_place.width ? s->wanted_place : s->told_place;
}

bool screens_hdr(const struct screens *s, struct hdr_metadata *out)
{
	return s->source == SCREENS_PATTERN && paint_is_hdr(s->pattern, out);
}

void screens_retry(struct screens *s)
{
	if (s->state != SCREENS_FAILED)
		return;
	if (s->source == SCREENS_PORTAL && s->portal)
		portal_renew(s->portal); /* the session stands, only its stream was lost */
	else
		open_source(s);
}

/* The screen for a wish: the one that fits, or a new one. */
static struct screen *screen_for(struct screens *s, const struct video_params *want)
{
	struct capture_params params = s->params;

	if (s->source != SCREENS_PATTERN)
		return s->list ? s->list : screen_create(s, &params);
	params.width = want->width;
	params.height = want->height;
	params.fps_mhz = want->fps_mhz;
	for (struct screen *scr = s->list; scr; scr = scr->next) {
		if (scr->params.width == params.width && scr->params.height == params.height &&
		    scr->params.fps_mhz == params.fps_mhz)
			return scr;
	}
	return screen_create(s, &params);
}

static int screen_run(struct screen *scr)
{
	int err;

	switch (scr->phase) {
	case PHASE_ON:
		scr->capture->ops->refresh(scr->capture);
		return 0;
	case PHASE_IDLE:
	case PHASE_DRAIN: /* somebody came back before the last frame did: the capture is as good as ever */
		loop_timer_disarm(scr->timer);
		if (scr->phase == PHASE_DRAIN && scr->owner->source != SCREENS_PATTERN)
			return screen_drain(scr), 0; /* it was lost; rebuilt once it is closed */
		err = scr->capture->ops->start(scr->capture);
		scr->phase = err ? PHASE_IDLE : PHASE_ON;
		if (!err)
			scr->capture->ops->refresh(scr->capture); /* a still screen gives no other */
		return err;
	case PHASE_OFF:
	case PHASE_BACKOFF:
		loop_timer_disarm(scr->timer);
		scr->phase = PHASE_OFF;
		return screen_build(scr);
	}
	return -EINVAL;
}

int screens_attach(struct screens *s, const struct video_params *want, struct frame_link *link,
		   struct screen_user **out)
{
	struct screen_user *u;
	struct screen *scr;
	int err;

	if (s->state == SCREENS_WAIT_CONSENT)
		return -EAGAIN;
	if (s->state == SCREENS_FAILED && !(s->list && s->list->n_users))
		return -ENODEV;
	scr = screen_for(s, want);
	u = calloc(1, sizeof(*u));
	if (!scr || !u) {
		err = -ENOMEM;
		goto fail;
	}
	u->screen = scr;
	u->index = fanout_add(&scr->fanout, link);
	if (u->index < 0) {
		err = u->index;
		goto fail;
	}
	scr->n_users++;
	err = scr->n_users > 1 && scr->phase != PHASE_ON ? 0 : screen_run(scr);
	if (err) {
		log_errno(err, "the %s source cannot be opened", source_name[s->source]);
		scr->n_users--;
		fanout_remove(&scr->fanout, u->index);
		err = err == -ENOMEM ? err : -ENODEV;
		goto fail;
	}
	*out = u;
	return 0;
fail:
	if (scr && !scr->n_users && scr->phase != PHASE_DRAIN)
		screen_stop(scr, s->source != SCREENS_PATTERN);
	free(u);
	return err;
}

void screens_detach(struct screen_user *u)
{
	struct screen *scr;

	if (!u)
		return;
	scr = u->screen;
	fanout_remove(&scr->fanout, u->index);
	free(u);
	if (--scr->n_users)
		return;
	if (scr->phase == PHASE_DRAIN)
		return; /* lost before: its timer ends it */
	screen_stop(scr, scr->owner->source != SCREENS_PATTERN);
}
