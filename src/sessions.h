// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * All sessions of the daemon: one a client certificate, several at once. Decides who may launch,
 * routes launch, cancel and pings to their session. Main thread.
 */
#pragma once

#include "session.h"

struct sessions;

/* host: ended, handshake_over and ctx are filled here; everything else by the caller. */
struct sessions *sessions_create(struct session_host *host); /* NULL: no memory */
/* Ends at once what is left: streams with the code, apps killed, calls answered. Accepts NULL. */
void sessions_destroy(struct sessions *m, uint32_t code);
/* Says goodbye to every client, stops every app, undo commands included, and refuses new launches. done comes from the
 * loop, once, when all sessions have ended; patience_ns bounds what each app may take to end. */
void sessions_stop(struct sessions *m, uint64_t patience_ns, loop_fn done, void *ctx);

void sessions_launch(struct sessions *m, struct http_call *call, const struct launch_query *q);
void sessions_cancel(struct sessions *m, struct http_call *call, const uint8_t client[32]);
void sessions_call_gone(struct sessions *m, struct http_call *call);
void sessions_ping(struct sessions *m, enum media_class cls, const struct ping *p, const union addr *from,
		   const union addr *to);

/* The app of this client's session, 0: none. */
uint32_t sessions_current_app(const struct sessions *m, const uint8_t client[32]);
/* The client was removed from the paired ones: its session ends. */
void sessions_revoke(struct sessions *m, const uint8_t client[32]);
/* Whether a client streams or is on its way to. */
bool sessions_any_active(const struct sessions *m);
/* For status; in order of the last launch. */
struct session *sessions_first(struct sessions *m);
