// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One HTTP or HTTPS port: libmicrohttpd without threads, its sockets watched by the main loop. Nothing here waits: a
 * call that cannot be answered at once is parked (suspended) and costs nobody else anything.
 *
 * The library's own epoll mode is not used: in 0.9.75 a TLS handshake that has begun keeps the connection marked as
 * readable until it is done, so that one client stalling there turns the whole loop into a busy one (the library's own
 * threads spin alike). With MHD_get_fdset2() it tells what it really waits for, and we watch exactly that.
 *
 * A connection has to deliver a whole request, or take a whole answer, within timeout_s; neither a trickle of bytes
 * nor an unfinished TLS handshake extends that. When a limit is reached the oldest connection without a request in
 * progress makes room, so that idle connections, however many, keep no one out. Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/loop.h"
#include "http/clients.h"
#include "http/query.h"
#include "http/server.h"

struct MHD_Connection;
struct listener;
struct conn;

enum call_state {
	CALL_NEW,      /* the request is being read */
	CALL_ROUTED,   /* its handler runs */
	CALL_PARKED,   /* waits for its answer */
	CALL_ANSWERED, /* the answer is there or sent */
	CALL_GONE,     /* its client left before it had one */
};

enum call_kind { CALL_PLAIN, CALL_PAIR, CALL_LAUNCH, CALL_CANCEL };

struct http_call {
	struct http *http;
	struct listener *listener;
	struct conn *conn;
	struct MHD_Connection *mhd;
	enum call_state state;
	/* request */
	bool get;
	char *uri;
	size_t uri_len;
	int bad_uri; /* what query_parse() said */
	struct query query;
	union addr peer, local;
	bool tls, has_cert;
	uint8_t client[CERT_HASH]; /* when has_cert */
	/* answer */
	struct buf body;
	const char *type;
	unsigned http_status;
	/* while parked */
	enum call_kind kind;
	uint32_t pairing_id;
	bool resume;
};

struct listener_params {
	struct loop *loop;
	const char *bind;
	uint16_t port;                   /* 0: any */
	const struct identity *identity; /* NULL: plain HTTP */
	struct http_limits limits;
	struct http *http; /* goes into each call */
	/* A complete request: call_answer() now or later. */
	void (*request)(struct http_call *c);
	/* The client of a parked call left; it must not be answered any more. */
	void (*gone)(struct http_call *c);
};

int listener_create(struct listener **out, const struct listener_params *p); /* -errno */
/* Parked calls are answered by the caller first; what is not, is cut. Accepts NULL. */
void listener_destroy(struct listener *l);
uint16_t listener_port(const struct listener *l);

/* Takes what is in body and leaves it empty; type is a static string. */
void call_answer(struct http_call *c, unsigned http_status, const char *type, struct buf *body);

/* Calls fn for each call in progress, until it returns true. */
bool listener_each(struct listener *l, bool (*fn)(struct http_call *c, void *ctx), void *ctx);
unsigned listener_connections(const struct listener *l);
