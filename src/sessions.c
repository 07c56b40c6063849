// SPDX-License-Identifier: GPL-3.0-or-later
#include "sessions.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "stream_offer.h"

#define LOG_MODULE "sessions"
#include "base/log.h"

/* Keys of the past are remembered as hashes: a repeated one would repeat nonces (1-session 5.3).
 * When the list is full the oldest is forgotten; the client draws 128 random bits for each launch. */
#define USED_KEYS 4096u

struct sessions {
	struct session_host *host;
	struct session *list;     /* in order of the last launch: who asked first goes on first */
	struct loop_timer *later; /* what must not happen inside a session's own call */
	bool stopping;
	loop_fn done; /* once, after stopping */
	void *done_ctx;
	uint32_t next_id;
	uint8_t (*used)[32];
	unsigned n_used;
};

static void unlink_session(struct sessions *m, struct session *s)
{
	for (struct session **p = &m->list; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			return;
		}
	}
}

static void append_session(struct sessions *m, struct session *s)
{
	struct session **end = &m->list;

	while (*end)
		end = &(*end)->next;
	s->next = NULL;
	*end = s;
}

static void on_ended(void *ctx, struct session *s)
{
	struct sessions *m = ctx;

	unlink_session(m, s);
	session_destroy(s, CONTROL_TERM_GRACEFUL);
	if (m->stopping)
		loop_timer_arm_in(m->later, 0);
}

static void on_handshake_over(void *ctx)
{
	struct sessions *m = ctx;

	loop_timer_arm_in(m->later, 0);
}

static void on_later(void *ctx)
{
	struct sessions *m = ctx;
	loop_fn done = m->done;

	for (struct session *s = m->list; s; s = s->next)
		session_retry_queued(s);
	if (m->stopping && !m->list && done) {
		m->done = NULL;
		done(m->done_ctx);
	}
}

struct sessions *sessions_create(struct session_host *host)
{
	struct sessions *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->used = calloc(USED_KEYS, sizeof(*m->used));
	m->later = loop_timer_add(host->loop, on_later, m);
	if (!m->used || !m->later) {
		loop_timer_remove(m->later);
		free(m->used);
		free(m);
		return NULL;
	}
	m->host = host;
	host->ended = on_ended;
	host->handshake_over = on_handshake_over;
	host->ctx = m;
	return m;
}

void sessions_destroy(struct sessions *m, uint32_t code)
{
	if (!m)
		return;
	while (m->list) {
		struct session *s = m->list;

		m->list = s->next;
		session_destroy(s, code);
	}
	loop_timer_remove(m->later);
	free(m->used);
	free(m);
}

static struct session *find(const struct sessions *m, const uint8_t client[32])
{
	for (struct session *s = m->list; s; s = s->next)
		if (memcmp(s->client, client, 32) == 0)
			return s;
	return NULL;
}

/* True when this daemon has seen the key before; else it has now. */
static bool key_used(struct sessions *m, const uint8_t key[16])
{
	uint8_t hash[32];

	if (EVP_Digest(key, 16, hash, NULL, EVP_sha256(), NULL) != 1)
		return true;
	for (unsigned i = 0; i < m->n_used && i < USED_KEYS; i++)
		if (memcmp(m->used[i], hash, sizeof(hash)) == 0)
			return true;
	memcpy(m->used[m->n_used++ % USED_KEYS], hash, sizeof(hash));
	if (m->n_used == 2 * USED_KEYS)
		m->n_used = USED_KEYS;
	return false;
}

/* active_only: apps that wait for their client do not count. */
static unsigned count_others(const struct sessions *m, const struct session *own, bool active_only)
{
	unsigned n = 0;

	for (struct session *s = m->list; s; s = s->next)
		n += s != own && (active_only ? session_active(s) : s->state != SESSION_STOPPING);
	return n;
}

static void end_others(struct sessions *m, const struct session *own, uint64_t patience_ns)
{
	struct session *next;

	for (struct session *s = m->list; s; s = next) {
		next = s->next;
		if (s != own)
			session_cancel(s, NULL, patience_ns);
	}
}

void sessions_stop(struct sessions *m, uint64_t patience_ns, loop_fn done, void *ctx)
{
	m->stopping = true;
	m->done = done;
	m->done_ctx = ctx;
	end_others(m, NULL, patience_ns);
	loop_timer_arm_in(m->later, 0);
}

struct refusal {
	int status;
	const char *text; /* valid until the screens are asked again */
	bool retry_screen;
};

/* Everything that can be said against a launch before anything is changed. status 0: nothing. */
static struct refusal refuse(struct sessions *m, const struct launch_query *q, const struct session *own)
{
	const struct config *c = m->host->config;
	const char *why = NULL;

	if (m->stopping)
		return (struct refusal){503, "The host is stopping."};
	if (q->resume && (!own || own->state == SESSION_STOPPING))
		return (struct refusal){503, "No running app to resume."};
	if (!q->resume && !apps_find(m->host->apps, q->app_id))
		return (struct refusal){404, "This app is not on the host."};
	if (c->session.policy == POLICY_REFUSE && count_others(m, own, false))
		return (struct refusal){470, "Another device is streaming from this host."};
	if (c->session.policy == POLICY_MANY && count_others(m, own, true) >= (unsigned)c->session.max)
		return (struct refusal){503, "The host streams to as many devices as it may."};
	if (!stream_codec_support(c))
		return (struct refusal){503, "No video encoder works on this host."};
	switch (screens_state(m->host->screens, &why)) {
	case SCREENS_READY:
		break;
	case SCREENS_WAIT_CONSENT:
		return (struct refusal){503, "The screen is not shared yet: a click on the host is needed."};
	case SCREENS_FAILED:
		return (struct refusal){503, why ? why : "The screen cannot be captured.", .retry_screen = true};
	}
	if (key_used(m, q->rikey))
		return (struct refusal){400, "This session key was used before."};
	return (struct refusal){0, NULL};
}

void sessions_launch(struct sessions *m, struct http_call *call, const struct launch_query *q)
{
	struct session *s = find(m, q->client);
	struct refusal no = refuse(m, q, s);

	if (no.status) {
		log_info("%s: %s refused: %s", q->client_name, q->resume ? "resume" : "launch", no.text);
		http_launch_done(call, no.status, no.text, false);
		if (no.retry_screen)
			screens_retry(m->host->screens);
		return;
	}
	if (m->host->config->session.policy == POLICY_TAKE_OVER)
		end_others(m, s, APP_PATIENCE_OWN);
	if (s)
		unlink_session(m, s);
	else
		s = session_create(m->host, ++m->next_id, q);
	if (!s) {
		http_launch_done(call, 503, "The host is out of memory.", false);
		return;
	}
	append_session(m, s);
	session_launch(s, call, q);
}

void sessions_cancel(struct sessions *m, struct http_call *call, const uint8_t client[32])
{
	struct session *s = find(m, client);

	if (s)
		session_cancel(s, call, APP_PATIENCE_OWN);
	else
		http_cancel_done(call, 200, NULL);
}

void sessions_call_gone(struct sessions *m, struct http_call *call)
{
	for (struct session *s = m->list; s; s = s->next)
		session_call_gone(s, call);
}

static struct session *find_by_payload(struct sessions *m, const uint8_t payload[PING_PAYLOAD_LEN])
{
	for (struct session *s = m->list; s; s = s->next)
		if (s->handshake && mem_equal_ct(s->ping_payload, payload, PING_PAYLOAD_LEN))
			return s;
	return NULL;
}

/* Clients from before the payload are known by their address alone: the one that sends from this very port, else one
 * that has not been heard, else one that moved. */
static struct session *find_legacy(struct sessions *m, enum media_class cls, const union addr *from)
{
	struct session *best = NULL;
	int best_rank = 0;

	for (struct session *s = m->list; s; s = s->next) {
		const struct session_media *media = &s->media[cls];
		int rank;

		if (!s->handshake || s->state == SESSION_PENDING || s->announce.session_id_v1 ||
		    !addr_same_host(&s->query.peer, from))
			continue;
		rank = !media->pinged ? 2 : addr_equal(&media->from, from) ? 3 : 1;
		if (rank > best_rank) {
			best = s;
			best_rank = rank;
		}
	}
	return best;
}

void sessions_ping(struct sessions *m, enum media_class cls, const struct ping *p, const union addr *from,
		   const union addr *to)
{
	struct session *s = p->legacy ? find_legacy(m, cls, from) : find_by_payload(m, p->payload);

	if (s)
		session_ping(s, cls, from, to);
}

uint32_t sessions_current_app(const struct sessions *m, const uint8_t client[32])
{
	const struct session *s = find(m, client);

	return s && s->state != SESSION_STOPPING ? s->app_id : 0;
}

void sessions_revoke(struct sessions *m, const uint8_t client[32])
{
	struct session *s = find(m, client);

	if (s)
		session_cancel(s, NULL, APP_PATIENCE_OWN);
}

bool sessions_any_active(const struct sessions *m)
{
	for (const struct session *s = m->list; s; s = s->next)
		if (session_active(s))
			return true;
	return false;
}

struct session *sessions_first(struct sessions *m)
{
	return m->list;
}
