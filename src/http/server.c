// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rand.h"
#include "base/str.h"
#include "http/handlers.h"
#include "http/launch.h"
#include "http/xml.h"

#define LOG_MODULE "http"
#include "base/log.h"

#define UNAUTHORISED "The client is not authorized. Certificate verification failed."

enum route_flags { ROUTE_PLAIN = 1 /* also over HTTP, where nobody is known */ };

static const struct route {
	const char *path;
	unsigned flags;
	http_handler fn;
} routes[] = {
	{"/serverinfo", ROUTE_PLAIN, handle_serverinfo},
	{"/pair", ROUTE_PLAIN, handle_pair},
	{"/unpair", ROUTE_PLAIN, handle_unpair},
	{"/applist", 0, handle_applist},
	{"/appasset", 0, handle_appasset},
	{"/launch", 0, handle_launch},
	{"/resume", 0, handle_resume},
	{"/cancel", 0, handle_cancel},
};

void answer_xml(struct http_call *c, struct buf *b)
{
	call_answer(c, 200, "application/xml; charset=utf-8", b);
}

void answer_error(struct http_call *c, int status, const char *message)
{
	struct buf b;

	buf_init(&b, XML_MAX);
	xml_begin(&b, status, message);
	xml_end(&b);
	answer_xml(c, &b);
}

const struct client *call_client(const struct http *h, const struct http_call *c)
{
	return c->has_cert ? clients_find(h->params.clients, c->client) : NULL;
}

static void unauthorised(struct http_call *c)
{
	struct buf b;

	buf_init(&b, XML_MAX);
	xml_begin(&b, 401, UNAUTHORISED);
	if (strcmp(c->query.path, "/pair") == 0)
		xml_uint(&b, "paired", 0);
	xml_end(&b);
	answer_xml(c, &b);
}

static void on_request(struct http_call *c)
{
	struct http *h = c->http;
	const struct route *r = NULL;

	for (unsigned i = 0; !c->bad_uri && i < ARRAY_LEN(routes); i++)
		if (strcmp(routes[i].path, c->query.path) == 0)
			r = &routes[i];
	if (c->bad_uri)
		answer_error(c, 400, "Malformed request");
	else if (!c->get)
		answer_error(c, 405, "Only GET is served here");
	else if (c->tls ? !call_client(h, c) : r && !(r->flags & ROUTE_PLAIN))
		unauthorised(c);
	else if (!r)
		answer_error(c, 404, "Unknown path");
	else
		r->fn(h, c);
}

static void on_gone(struct http_call *c)
{
	if (c->kind == CALL_PAIR)
		pair_gone(c->http, c);
	else if (c->kind == CALL_LAUNCH || c->kind == CALL_CANCEL)
		c->http->ev.gone(c->http->ctx, c);
}

static void on_pairing_timer(void *ctx)
{
	struct http *h = ctx;

	pairing_tick(h->pairing, clock_ns());
	pair_rearm(h);
}

static int open_listeners(struct http *h, struct loop *loop)
{
	const struct http_params *p = &h->params;
	struct listener_params lp = {
		.loop = loop,
		.bind = p->bind,
		.port = p->port_http,
		.limits = p->limits,
		.http = h,
		.request = on_request,
		.gone = on_gone,
	};
	int err = listener_create(&h->plain, &lp);

	if (err)
		return err;
	lp.port = p->port_https;
	lp.identity = p->identity;
	return listener_create(&h->tls, &lp);
}

int http_create(struct http **out, struct loop *loop, const struct http_params *p, const struct http_events *ev,
		void *ctx)
{
	struct http *h = calloc(1, sizeof(*h));
	struct pairing_params pp = {
		.pin_timeout_ns = p->limits.pin_timeout_s * NS_PER_S,
		.max_waiting = p->limits.max_pairings,
		.identity = p->identity,
		.random = rand_bytes,
	};
	int err = -ENOMEM;

	if (!h)
		return -ENOMEM;
	h->params = *p;
	h->ev = *ev;
	h->ctx = ctx;
	h->loop = loop;
	str_copy(h->host_name, sizeof(h->host_name), p->host_name);
	h->pairing = pairing_create(&pp, pair_answer, h);
	h->pairing_timer = loop_timer_add(loop, on_pairing_timer, h);
	if (h->pairing && h->pairing_timer)
		err = open_listeners(h, loop);
	if (err) {
		http_destroy(h);
		return err;
	}
	h->params.bind = h->params.host_name = NULL; /* the caller's; not needed any more */
	*out = h;
	return 0;
}

/* The handler's side lets go of the call first, so that it cannot be answered twice. */
static bool shut_down(struct http_call *c, void *ctx)
{
	(void)ctx;
	if (c->state == CALL_PARKED) {
		on_gone(c);
		answer_error(c, 503, "The host is shutting down");
	}
	return false;
}

void http_destroy(struct http *h)
{
	if (!h)
		return;
	listener_each(h->plain, shut_down, NULL);
	listener_each(h->tls, shut_down, NULL);
	listener_destroy(h->plain);
	listener_destroy(h->tls);
	loop_timer_remove(h->pairing_timer);
	pairing_destroy(h->pairing);
	free(h);
}

uint16_t http_port(const struct http *h, bool tls)
{
	return listener_port(tls ? h->tls : h->plain);
}

int http_pair_pin(struct http *h, const char *pin, const char *name)
{
	int err = pairing_pin(h->pairing, clock_ns(), pin, name);

	pair_rearm(h);
	return err;
}

unsigned http_pairings_waiting(const struct http *h)
{
	return pairing_waiting(h->pairing);
}
