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
void sessions_destroy(struct sessions *m, uint32_t code);    /* ends all streams with the code; accepts NULL */

void sessions_launch(struct sessions *m, struct http_call *call, const struct launch_query *q);
void sessions_cancel(struct sessions *m, struct http_call *call, const uint8_t client[32]);
void sessions_call_gone(struct sessions *m, struct http_call *call);
void sessions_ping(struct sessions *m, enum media_class cls, const struct ping *p, const union addr *from,
		   const union addr *to);

/* The app of this client's session, 0: none. */
uint32_t sessions_current_app(const struct sessions *m, const uint8_t client[32]);
/* The client was removed from the paired ones: its session ends. */
void sessions_revoke(struct sessions *m, const uint8_t client[32]);
bool sessions_any_stream(const struct sessions *m);
/* For status. */
struct session *sessions_first(struct sessions *m);
