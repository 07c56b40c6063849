// SPDX-License-Identifier: GPL-3.0-or-later
/* /pair and /unpair: the query on one side, the state machine of http/pairing.h on the other. 1-session 4. */
#include "http/handlers.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/clock.h"
#include "http/xml.h"

#define LOG_MODULE "pair"
#include "base/log.h"

static void answer_reply(struct http_call *c, const struct pairing_reply *r)
{
	struct buf b;

	buf_init(&b, XML_MAX);
	xml_begin(&b, r->status, r->message);
	xml_uint(&b, "paired", r->paired);
	if (r->field)
		xml_hex(&b, r->field, r->data, r->len);
	xml_end(&b);
	answer_xml(c, &b);
}

static void answer_paired(struct http_call *c, int status, const char *message, bool paired)
{
	struct buf b;

	buf_init(&b, XML_MAX);
	xml_begin(&b, status, message);
	xml_uint(&b, "paired", paired);
	xml_end(&b);
	answer_xml(c, &b);
}

void pair_rearm(struct http *h)
{
	loop_timer_arm(h->pairing_timer, pairing_next_ns(h->pairing));
}

struct by_id {
	uint32_t id;
	const struct pairing_reply *reply;
};

static bool answer_parked(struct http_call *c, void *ctx)
{
	const struct by_id *a = ctx;

	if (c->kind != CALL_PAIR || c->state != CALL_PARKED || c->pairing_id != a->id)
		return false;
	answer_reply(c, a->reply);
	return true;
}

void pair_answer(void *ctx, uint32_t id, const struct pairing_reply *r)
{
	struct http *h = ctx;
	struct by_id a = {id, r};

	if (!listener_each(h->plain, answer_parked, &a))
		listener_each(h->tls, answer_parked, &a);
}

void pair_gone(struct http *h, struct http_call *c)
{
	char text[ADDR_TEXT];

	log_info("%s left before its PIN was typed", addr_text(&c->peer, text));
	pairing_drop(h->pairing, c->pairing_id);
	pair_rearm(h);
}

static void start(struct http *h, struct http_call *c, const struct pairing_client *who)
{
	const struct query *q = &c->query;
	struct pairing_reply r = {0};
	char text[ADDR_TEXT];
	uint32_t id = pairing_start(h->pairing, clock_ns(), who, query_get(q, "devicename"), query_get(q, "salt"),
				    query_get(q, "clientcert"), &r);

	if (!id) {
		answer_reply(c, &r);
		return;
	}
	c->kind = CALL_PAIR;
	c->pairing_id = id;
	log_info("%s wants to pair and shows a PIN: type it with the pair command", addr_text(&c->peer, text));
	h->ev.pin_wanted(h->ctx, &c->peer);
}

static void finish(struct http *h, struct http_call *c, const struct pairing_client *who, const char *secret)
{
	struct pairing_reply r = {0};
	struct pairing_done done;
	char text[ADDR_TEXT];

	if (!pairing_secret(h->pairing, clock_ns(), who, secret, &r, &done)) {
		if (r.status == 200)
			log_warn("%s failed to pair: wrong PIN", addr_text(&c->peer, text));
		answer_reply(c, &r);
		return;
	}
	if (clients_add(h->params.clients, &done.cert, done.name)) {
		answer_paired(c, 500, "The host could not store the pairing", false);
		return;
	}
	log_info("paired with %s as \"%s\"", addr_text(&c->peer, text), done.name);
	answer_reply(c, &r);
	h->ev.paired(h->ctx, done.cert.hash, done.name);
}

void handle_pair(struct http *h, struct http_call *c)
{
	const struct query *q = &c->query;
	struct pairing_client who = {.peer = c->peer, .uniqueid = query_get(q, "uniqueid")};
	const char *phrase = query_get(q, "phrase"), *hex;
	struct pairing_reply r = {0};

	if (phrase && strcmp(phrase, "getservercert") == 0) {
		start(h, c, &who);
	} else if (phrase && strcmp(phrase, "pairchallenge") == 0) {
		/* Only TLS proves anything; the router let no unknown certificate through. */
		answer_paired(c, 200, NULL, call_client(h, c) != NULL);
	} else if ((hex = query_get(q, "clientchallenge"))) {
		pairing_challenge(h->pairing, clock_ns(), &who, hex, &r);
		answer_reply(c, &r);
	} else if ((hex = query_get(q, "serverchallengeresp"))) {
		pairing_response(h->pairing, clock_ns(), &who, hex, &r);
		answer_reply(c, &r);
	} else if ((hex = query_get(q, "clientpairingsecret"))) {
		finish(h, c, &who, hex);
	} else {
		answer_paired(c, 404, "Invalid pairing request", false);
	}
	OPENSSL_cleanse(&r, sizeof(r));
	pair_rearm(h);
}

void handle_unpair(struct http *h, struct http_call *c)
{
	struct pairing_client who = {.peer = c->peer, .uniqueid = query_get(&c->query, "uniqueid")};

	pairing_unpair(h->pairing, clock_ns(), &who);
	pair_rearm(h);
	answer_error(c, 200, NULL);
}
