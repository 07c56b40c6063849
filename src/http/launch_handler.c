// SPDX-License-Identifier: GPL-3.0-or-later
/* /launch, /resume and /cancel: parsed here, decided by the session side, answered now or later. 1-session 5. */
#include "http/handlers.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/str.h"
#include "http/launch.h"
#include "http/xml.h"

#define LOG_MODULE "http"
#include "base/log.h"

#define URL_MAX 256 /* what the client keeps of it */

static void answer_launch(struct http_call *c, int status, const char *message, bool sealed)
{
	struct buf b, url;

	buf_init(&url, URL_MAX);
	buf_init(&b, XML_MAX);
	launch_url(&url, &c->local, c->http->params.port_rtsp, sealed);
	launch_answer(&b, c->resume, status, message, buf_cstr(&url));
	buf_finish(&url);
	answer_xml(c, &b);
}

static void launch(struct http *h, struct http_call *c, bool resume)
{
	const struct client *client = call_client(h, c);
	struct launch_query q;
	const char *wrong = launch_parse(&c->query, resume, &q);

	c->resume = resume;
	if (wrong) {
		answer_launch(c, 400, wrong, false);
	} else {
		q.peer = c->peer;
		q.local = c->local;
		memcpy(q.client, c->client, sizeof(q.client));
		str_copy(q.client_name, sizeof(q.client_name), client->name);
		c->kind = CALL_LAUNCH;
		h->ev.launch(h->ctx, c, &q);
	}
	OPENSSL_cleanse(&q, sizeof(q));
}

void handle_launch(struct http *h, struct http_call *c)
{
	launch(h, c, false);
}

void handle_resume(struct http *h, struct http_call *c)
{
	launch(h, c, true);
}

void handle_cancel(struct http *h, struct http_call *c)
{
	c->kind = CALL_CANCEL;
	h->ev.cancel(h->ctx, c, c->client);
}

void http_launch_done(struct http_call *c, int status, const char *message, bool sealed)
{
	answer_launch(c, status, message, sealed);
}

void http_cancel_done(struct http_call *c, int status, const char *message)
{
	struct buf b;

	buf_init(&b, XML_MAX);
	xml_begin(&b, status, status == 200 ? NULL : message);
	xml_uint(&b, "cancel", status == 200);
	xml_end(&b);
	answer_xml(c, &b);
}
