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
#include "control/tuning.h"
#include "http/server.h"
#include "media/feedback.h"
#include "media/stats.h"
#include "media/tune.h"
#include "net/media_port.h"
#include "pipeline.h"
#include "rtsp/server.h"
#include "session_input.h"

enum session_state {
	SESSION_STARTING,   /* the app and its preparing commands are being started; the launch call waits */
	SESSION_QUEUED,     /* another plain handshake of this address comes first; the launch call waits */
	SESSION_PENDING,    /* launch answered; RTSP is expected */
	SESSION_NEGOTIATED, /* PLAY seen; control connection and first video ping are expected */
	SESSION_STREAMING,
	SESSION_PARKED,   /* app runs, no stream; resume is expected, for as long as the user likes */
	SESSION_STOPPING, /* the app is being stopped, or has ended and is undone */
};

extern const char *const session_state_name[];

struct record;
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
	const char *input_token; /* file of the consent to input through the portal */
	/* a session ended and is freed after this call; or a handshake left the "pending" stage */
	void (*ended)(void *ctx, struct session *s);
	void (*handshake_over)(void *ctx); /* does not come back into a session before it returns */
	void *ctx;
	uint32_t iv_generation; /* of video IVs: each stream of the daemon takes the next */
};

struct session_media {
	union addr from, to; /* newest valid ping: who, and which address of ours */
	bool pinged;
	bool busy;                     /* its port is at work with the socket; pings are only noted */
	int fd;                        /* connected socket, -1 */
	union addr peer_from, peer_to; /* the ping it was connected by */
	struct loop_fd *handle;
};

struct session {
	struct session *next; /* sessions.c */
	struct session_host *host;
	enum session_state state;
	struct loop_timer *timer;
	uint32_t id;

	/* owner */
	uint8_t client[32];
	char client_name[64];
	/* app */
	uint32_t app_id;
	struct app_run *app;
	bool replacing;         /* SESSION_STARTING: app is on its way out, the one of query comes after it */
	struct http_call *call; /* launch or cancel that waits for its answer */
	bool cancel_call;       /* which of the two */
	struct launch_query query;

	/* stream; all NULL or zero while there is none */
	struct session_keys keys;
	struct rtsp_handshake *handshake;
	struct rtsp_announce announce;
	struct pipeline *pipeline;
	struct control_session *control;
	char ping_payload[PING_PAYLOAD_LEN + 1];
	uint32_t connect_data;
	struct session_media media[2]; /* enum media_class */
	struct session_input in;       /* outlives a stream for a while */
	bool control_up;
	uint64_t stream_since_ns;
	/* shared with the stream's threads */
	struct feedback feedback;
	struct stream_stats *stats;
	struct tune tune;
	struct tuning tuning;
	struct record *record; /* NULL: not recorded; see session_record.h */
	struct loop_timer *record_timer;
	/* rate sample of status */
	uint64_t sample_ns, sample_bytes;
	uint32_t sample_kbps;
};

/* A session of this client in SESSION_STARTING. NULL: no memory. */
struct session *session_create(struct session_host *host, uint32_t id, const struct launch_query *q);

/* Starts (or, with the app running, re-joins) app q->app_id and answers call when RTSP may begin. A running stream is
 * ended first; another app is stopped first, its undo commands included. May end the session. */
void session_launch(struct session *s, struct http_call *call, const struct launch_query *q);
/* SESSION_QUEUED: looks again whether the handshake may begin. */
void session_retry_queued(struct session *s);
/* Ends stream and app, which gets patience_ns at most (see app_run_stop), answers call (may be NULL) and ends the
 * session through host->ended, maybe before this returns. */
void session_cancel(struct session *s, struct http_call *call, uint64_t patience_ns);
/* The waiting call was given up by its client. */
void session_call_gone(struct session *s, struct http_call *call);
/* A ping of this session (matched by payload or, for legacy clients, by address). */
void session_ping(struct session *s, enum media_class cls, const union addr *from, const union addr *to);
/* Ends the stream with a TERMINATION code, answers the call that waits, kills the app and frees. */
void session_destroy(struct session *s, uint32_t code);

/* Whether the client is here or on its way, as opposed to an app that waits for its client or ends. */
static inline bool session_active(const struct session *s)
{
	return s->state != SESSION_PARKED && s->state != SESSION_STOPPING;
}
