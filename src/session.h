// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One client's session: the app that runs for it and, while the client is there, its stream. An
 * explicit state machine with a timer on each state; the owner is the client's certificate. Main
 * thread. Source: 1-session 5.4.
 *
 *   starting -> [queued] -> pending -> negotiated -> streaming -> parked -> (resume) pending
 *      every state that waits falls back to parked when its timer fires; cancel or the app's exit
 * lead to stopping.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app_run.h"
#include "apps.h"
#include "config.h"
#include "control/control.h"
#include "http/server.h"
#include "input/input.h"
#include "media/feedback.h"
#include "media/stats.h"
#include "net/media_port.h"
#include "pipeline.h"
#include "rtsp/server.h"

enum session_state {
	SESSION_STARTING,   /* the app and its prep commands are being started; the launch call waits
			   */
	SESSION_QUEUED,     /* another plain handshake of this address must reach PLAY first; the launch
			   call waits */
	SESSION_PENDING,    /* launch answered; RTSP is expected */
	SESSION_NEGOTIATED, /* PLAY seen; control connection and first video ping are expected */
	SESSION_STREAMING,
	SESSION_PARKED,   /* app runs, no stream; resume is expected, for as long as the user likes */
	SESSION_STOPPING, /* the app is being stopped */
};

extern const char *const session_state_name[];

struct session;

/* What sessions use of the daemon; owned by daemon.c, outlives every session. */
struct session_host {
	struct loop *loop;
	const struct config *config;
	const struct apps *apps;
	struct screens *screens;
	struct rtsp *rtsp;
	struct control *control;
	struct media_port *video_port, *audio_port;
	/* a session ended and is freed after this call; or a handshake left the "pending" stage */
	void (*ended)(void *ctx, struct session *s);
	void (*handshake_over)(void *ctx);
	void *ctx;
};

struct session_media {
	union addr from, to; /* newest valid ping: who, and which address of ours */
	bool pinged;
	int fd; /* connected socket, -1 */
	struct loop_fd *handle;
};

struct session {
	struct session *next; /* sessions.c */
	const struct session_host *host;
	enum session_state state;
	struct loop_timer *timer;
	uint32_t id;

	/* owner */
	uint8_t client[32];
	char client_name[64];
	/* app */
	uint32_t app_id;
	struct app_run *app;
	struct http_call *call; /* launch or cancel that waits for its answer */
	bool cancel_call;       /* which of the two */
	struct launch_query query;

	/* stream; all NULL or zero while there is none */
	struct session_keys keys;
	struct rtsp_handshake *handshake;
	struct rtsp_announce announce;
	struct pipeline *pipeline;
	struct control_session *control;
	struct control_out *out;
	struct input *input;
	char ping_payload[PING_PAYLOAD_LEN + 1];
	uint32_t connect_data;
	struct session_media media[2]; /* enum media_class */
	bool control_up;
	uint64_t stream_since_ns;
	/* shared with the stream's threads */
	struct feedback feedback;
	struct stream_stats *stats;
	/* rate sample of status */
	uint64_t sample_ns, sample_bytes;
	uint32_t sample_kbps;
};

/* A session of this client in SESSION_STARTING. NULL: no memory. */
struct session *session_create(const struct session_host *host, uint32_t id, const struct launch_query *q);

/* Starts (or, with the app running, re-joins) app q->app_id and answers call when RTSP may begin. A
 * running stream is ended first. */
void session_launch(struct session *s, struct http_call *call, const struct launch_query *q);
/* SESSION_QUEUED: looks again whether the handshake may begin. */
void session_retry_queued(struct session *s);
/* Ends stream and app, answers call (may be NULL) and ends the session through host->ended. */
void session_cancel(struct session *s, struct http_call *call);
/* The waiting call was given up by its client. */
void session_call_gone(struct session *s, struct http_call *call);
/* A ping of this session (matched by payload or, for legacy clients, by address). */
void session_ping(struct session *s, enum media_class cls, const union addr *from, const union addr *to);
/* Ends the stream with a TERMINATION code and frees the session at once, the app killed: for the
 * daemon's end. */
void session_destroy(struct session *s, uint32_t code);

static inline bool session_has_app(const struct session *s)
{
	return s->state != SESSION_STOPPING;
}
