// SPDX-License-Identifier: GPL-3.0-or-later
/* Inside of src/http: the server's state and one function per path. Each answers its call or parks it. Main thread. */
#pragma once

#include "http/listener.h"
#include "http/pairing.h"
#include "http/server.h"

#define XML_MAX (1u << 20)
#define ART_MAX (16u << 20)

struct http {
	struct http_params params;
	char host_name[64];
	struct http_events ev;
	void *ctx;
	struct loop *loop;
	struct listener *plain, *tls;
	struct pairing *pairing;
	struct loop_timer *pairing_timer;
};

typedef void (*http_handler)(struct http *h, struct http_call *c);

void handle_serverinfo(struct http *h, struct http_call *c);
void handle_pair(struct http *h, struct http_call *c);
void handle_unpair(struct http *h, struct http_call *c);
void handle_applist(struct http *h, struct http_call *c);
void handle_appasset(struct http *h, struct http_call *c);
void handle_launch(struct http *h, struct http_call *c);
void handle_resume(struct http *h, struct http_call *c);
void handle_cancel(struct http *h, struct http_call *c);

/* A finished document; takes the content of b. */
void answer_xml(struct http_call *c, struct buf *b);
/* An error document with nothing in it: HTTP 200, the truth is in status_code (1-session 2.2). */
void answer_error(struct http_call *c, int status, const char *message);

/* The stored client behind the call, or NULL. */
const struct client *call_client(const struct http *h, const struct http_call *c);

/* pair_handler.c */
void pair_answer(void *ctx, uint32_t id, const struct pairing_reply *r);
void pair_gone(struct http *h, struct http_call *c);
void pair_rearm(struct http *h); /* after anything that moved the pairing's next time-out */
