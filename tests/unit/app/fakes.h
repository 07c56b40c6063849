// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What sessions are made of, replaced by stand-ins that remember what was asked and do what a test says. Linked
 * before the library, so that its own are not taken. One test program, one thread.
 */
#pragma once

#include "../cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sessions.h"
#include "stream_offer.h"

/* ---- http ---- */

struct http_call {
	int status; /* 0: not answered */
	bool gone, sealed;
	char message[128];
};

static void call_answered(struct http_call *call, int status, const char *message)
{
	assert_non_null(call);
	assert_int_equal(call->status, 0);
	assert_false(call->gone);
	call->status = status;
	snprintf(call->message, sizeof(call->message), "%s", message ? message : "");
}

void http_launch_done(struct http_call *call, int status, const char *message, bool sealed)
{
	call_answered(call, status, message);
	call->sealed = sealed;
}

void http_cancel_done(struct http_call *call, int status, const char *message)
{
	call_answered(call, status, message);
}

/* ---- rtsp ---- */

struct rtsp_handshake {
	struct rtsp_handshake *next;
	struct rtsp_handshake_params p;
	struct rtsp_events ev;
	void *ctx;
	bool announced, played;
};

static struct rtsp_handshake *handshakes;
static int expect_err;

int rtsp_expect(struct rtsp *r, const struct rtsp_handshake_params *p, const struct rtsp_events *ev, void *ctx,
		struct rtsp_handshake **out)
{
	struct rtsp_handshake *h;

	if (expect_err)
		return expect_err;
	if (!p->sealed && rtsp_plain_pending(r, &p->peer))
		return -EBUSY;
	h = calloc(1, sizeof(*h));
	assert_non_null(h);
	assert_int_equal(strlen(p->ping_payload), 16);
	assert_int_not_equal(p->connect_data, 0);
	*h = (struct rtsp_handshake){.next = handshakes, .p = *p, .ev = *ev, .ctx = ctx};
	handshakes = h;
	*out = h;
	return 0;
}

void rtsp_forget(struct rtsp_handshake *h)
{
	struct rtsp_handshake **p = &handshakes;

	if (!h)
		return;
	while (*p != h)
		p = &(*p)->next;
	*p = h->next;
	free(h);
}

bool rtsp_plain_pending(const struct rtsp *r, const union addr *peer)
{
	(void)r;
	for (const struct rtsp_handshake *h = handshakes; h; h = h->next)
		if (!h->p.sealed && !h->played && addr_same_host(&h->p.peer, peer))
			return true;
	return false;
}

/* ---- control ---- */

struct control_session {
	struct control_session *next;
	struct control_session_params p;
	const struct control_events *ev;
	void *ctx;
	bool over;
};

static struct control_session *controls;
static int control_err;
static uint32_t last_code; /* of the newest goodbye */
static unsigned n_outs;

int control_session_add(struct control *c, const struct control_session_params *p, const struct control_events *ev,
			void *ctx, struct control_session **out)
{
	struct control_session *s;

	(void)c;
	if (control_err)
		return control_err;
	s = calloc(1, sizeof(*s));
	assert_non_null(s);
	*s = (struct control_session){.next = controls, .p = *p, .ev = ev, .ctx = ctx};
	controls = s;
	*out = s;
	return 0;
}

void control_session_remove(struct control_session *s, uint32_t code)
{
	struct control_session **p = &controls;

	if (!s)
		return;
	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	last_code = code;
	free(s);
}

static unsigned n_hdr; /* HDR_MODE messages */
static bool hdr_on;

void control_session_hdr(struct control_session *s, const struct hdr_metadata *m)
{
	assert_non_null(s);
	n_hdr++;
	hdr_on = m;
}

struct control_out {
	int unused;
};

struct control_out *control_out_create(struct control *c)
{
	(void)c;
	n_outs++;
	return calloc(1, sizeof(struct control_out));
}

void control_out_destroy(struct control_out *o)
{
	n_outs -= o != NULL;
	free(o);
}

const struct input_back *control_out_back(struct control_out *o)
{
	assert_non_null(o);
	return NULL;
}

/* ---- pipeline, ports, screens ---- */

struct pipeline {
	struct pipeline_params p;
	const struct pipeline_events *ev;
	void *ctx;
	int video_fd, audio_fd;
};

static struct pipeline *newest_pipeline;
static unsigned n_pipelines;
static int pipeline_err, video_err;

int pipeline_create(struct pipeline **out, struct loop *loop, const struct pipeline_params *p,
		    const struct pipeline_shared *shared, const struct pipeline_events *ev, void *ctx)
{
	struct pipeline *pl;

	(void)loop;
	assert_non_null(shared->stats);
	if (pipeline_err)
		return pipeline_err;
	pl = calloc(1, sizeof(*pl));
	assert_non_null(pl);
	*pl = (struct pipeline){.p = *p, .ev = ev, .ctx = ctx, .video_fd = -1, .audio_fd = -1};
	*out = newest_pipeline = pl;
	n_pipelines++;
	return 0;
}

void pipeline_destroy(struct pipeline *pl)
{
	if (!pl)
		return;
	n_pipelines--;
	if (newest_pipeline == pl)
		newest_pipeline = NULL;
	free(pl);
}

int pipeline_video(struct pipeline *pl, struct screens *screens, int fd)
{
	(void)screens;
	assert_non_null(pl);
	pl->video_fd = fd;
	return video_err;
}

void pipeline_audio(struct pipeline *pl, int fd)
{
	assert_non_null(pl);
	pl->audio_fd = fd;
}

const char *pipeline_encoder(const struct pipeline *pl)
{
	assert_non_null(pl);
	return "fake";
}

const char *pipeline_sound(const struct pipeline *pl)
{
	assert_non_null(pl);
	return "fake";
}

static unsigned n_connects;
static int connect_err;
static union addr connected_to;
static void (*stray)(void); /* runs once inside the next connect, as swallowed pings do */

int media_port_connect(struct media_port *mp, const union addr *from, const union addr *to, bool qos, int *fd)
{
	void (*fn)(void) = stray;

	(void)mp;
	(void)to;
	(void)qos;
	if (connect_err)
		return connect_err;
	n_connects++;
	connected_to = *from;
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(*fd >= 0);
	stray = NULL;
	if (fn)
		fn();
	return 0;
}

static void (*drained)(void);

void media_port_drain(struct media_port *mp, int fd, const union addr *local)
{
	(void)mp;
	(void)local;
	assert_true(eventfd_read(fd, &(eventfd_t){0}) == 0);
	if (drained)
		drained();
	assert_true(fcntl(fd, F_GETFD) >= 0); /* still open */
}

static enum screens_state screen;
static unsigned n_retries;

enum screens_state screens_state(const struct screens *s, const char **why)
{
	(void)s;
	*why = screen == SCREENS_FAILED ? "The source is gone." : NULL;
	return screen;
}

static bool source_is_hdr;

bool screens_hdr(const struct screens *s, struct hdr_metadata *out)
{
	(void)s;
	*out = (struct hdr_metadata){.max_nits = 1000};
	return source_is_hdr;
}

static struct screen_place place;

struct screen_place screens_place(const struct screens *s)
{
	(void)s;
	return place;
}

void screens_retry(struct screens *s)
{
	(void)s;
	n_retries++;
}

static uint32_t codecs = 1;

uint32_t stream_codec_support(const struct config *c)
{
	(void)c;
	return codecs;
}

void stream_offer_fill(struct rtsp_offer *offer, const struct config *c, const struct launch_query *q)
{
	(void)c;
	(void)q;
	*offer = (struct rtsp_offer){.video_port = 1};
}

const char *stream_preset(const struct config *c, enum codec codec)
{
	(void)codec;
	return c->encode.preset;
}

uint8_t stream_slices(const struct config *c)
{
	(void)c;
	return 1;
}

/* ---- apps ---- */

struct app_run {
	struct app_run *next;
	const struct app_run_events *ev;
	void *ctx;
	uint32_t id;
	bool told, exited, stop_asked;
};

static struct app_run *runs;
static int run_err;
static unsigned n_killed;

int app_run_start(struct loop *loop, const struct apps *apps, uint32_t id, const struct app_client *client,
		  const struct app_run_events *ev, void *ctx, struct app_run **out)
{
	struct app_run *r;

	(void)loop;
	assert_non_null(client->fingerprint);
	if (run_err || !apps_find(apps, id))
		return run_err ? run_err : -ENOENT;
	r = calloc(1, sizeof(*r));
	assert_non_null(r);
	*r = (struct app_run){.next = runs, .ev = ev, .ctx = ctx, .id = id};
	runs = r;
	*out = r;
	return 0;
}

void app_run_stop(struct app_run *r, uint64_t patience_ns)
{
	(void)patience_ns;
	if (r)
		r->stop_asked = true;
}

static void run_unlink(struct app_run *r)
{
	struct app_run **p = &runs;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
}

void app_run_kill(struct app_run *r)
{
	if (!r)
		return;
	run_unlink(r);
	free(r);
	n_killed++;
}

static void run_started(struct app_run *r, int err)
{
	assert_false(r->told);
	r->told = true;
	r->ev->started(r->ctx, err);
}

static inline void run_exited(struct app_run *r)
{
	r->exited = true;
	r->ev->exited(r->ctx);
}

static inline void run_ended(struct app_run *r)
{
	run_unlink(r);
	if (!r->told)
		r->ev->started(r->ctx, -ECANCELED);
	r->ev->ended(r->ctx);
	free(r);
}
