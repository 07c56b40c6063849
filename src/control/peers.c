// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/peers.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control/host.h"
#include "control/msg.h"
#include "media/record.h"

#define LOG_MODULE "control"
#include "base/log.h"

#define PENDING_MAX   4 /* connections of one session that have not proven the key */
#define STRANGERS_MAX 8 /* connections with the data of no session, before they are refused */
/* A session under v1 may lose its client to a replay (see envelope.h), so a client that still talks stays. */
#define V1_TAKEOVER_NS (1 * NS_PER_S)
#define SILENT_RTTS    4u   /* or longer than the configured pause: what is sent then is sent into the dark */
#define RTT_PING_MS    100u /* round trips are measured so often */

static ENetPeer *peer_of(struct control *c, const struct link *l)
{
	return &c->host->peers[l - c->links];
}

static struct link *link_of(struct control *c, const ENetPeer *p)
{
	return &c->links[p - c->host->peers];
}

static void link_clear(struct link *l)
{
	memset(l, 0, sizeof(*l));
}

/* No event follows; the peer is told by one datagram. */
static void link_drop(struct control *c, struct link *l)
{
	enet_peer_disconnect_now(peer_of(c, l), 0);
	link_clear(l);
}

union addr peers_address(struct control *c, const ENetAddress *a)
{
	union addr out = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = a->host}};
	struct relay_link *l;

	addr_set_port(&out, a->port);
	l = a->host == htonl(INADDR_LOOPBACK) ? relay_find(&c->relay, a->port) : NULL;
	return l ? l->client : out;
}

/* The newest session wins: with match_by_ip an old one of the same client may still be there. */
static struct control_session *match(struct control *c, const union addr *from, uint32_t connect_data)
{
	for (unsigned i = c->n_sessions; i-- > 0;) {
		struct control_session *s = c->sessions[i];

		if (s->over)
			continue;
		if (s->match_by_ip ? !connect_data && addr_same_host(from, &s->match_addr)
				   : connect_data == s->connect_data)
			return s;
	}
	return NULL;
}

bool peers_admit(struct control *c, const union addr *from, uint32_t connect_data)
{
	struct control_session *s = match(c, from, connect_data);
	unsigned pending = 0, strangers = 0;

	for (unsigned i = 0; i < PEERS_MAX; i++) {
		const ENetPeer *p = &c->host->peers[i];
		const struct link *l = &c->links[i];
		union addr a;
		struct control_session *of;

		if (p->state == ENET_PEER_STATE_DISCONNECTED || l->role == LINK_LIVE || l->role == LINK_FAREWELL)
			continue;
		a = peers_address(c, &p->address);
		of = l->role == LINK_CANDIDATE ? l->session : match(c, &a, p->eventData);
		pending += of && of == s;
		strangers += !of;
	}
	if (s ? pending < PENDING_MAX : strangers < STRANGERS_MAX)
		return true;
	log_every(NS_PER_S, LOG_LEVEL_WARN, "too many unproven control connections; one is ignored");
	return false;
}

/* control -> main */
static void tell(struct control_session *s, enum session_event event)
{
	uint64_t one = 1;

	atomic_fetch_or_explicit(&s->events, event, memory_order_release);
	/* Can fail only when the counter is full, and then the fd is readable anyway. */
	if (write(s->control->event_fd, &one, sizeof(one)) < 0)
		return;
}

static void drop_all(struct control *c, const struct control_session *s)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (c->links[i].session == s)
			link_drop(c, &c->links[i]);
}

static void release_input(struct control_session *s)
{
	if (s->dispatch.input)
		input_release_all(s->dispatch.input);
}

static void session_over(struct control *c, struct control_session *s, int err)
{
	s->live = -1;
	s->over = true;
	s->err = err;
	drop_all(c, s);
	release_input(s);
	tell(s, SESSION_DISCONNECTED);
}

static void on_connect(struct control *c, const ENetEvent *e, uint64_t now_ns)
{
	union addr from = peers_address(c, &e->peer->address);
	struct control_session *s = match(c, &from, e->data);
	struct link *l = link_of(c, e->peer);
	uint32_t silence_ms = (uint32_t)(c->silence_ns / NS_PER_MS);
	char text[ADDR_TEXT];

	link_clear(l);
	if (!s) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "%s connects with data of no session: refused",
			  addr_text(&from, text));
		link_drop(c, l);
		return;
	}
	*l = (struct link){
		.role = LINK_CANDIDATE, .session = s, .since_ns = now_ns, .heard_ns = now_ns, .acked_ns = now_ns};
	/* ENet shall not be less patient than we are, or a short radio hole ends the stream. */
	enet_peer_timeout(e->peer, 0, silence_ms, 3 * silence_ms);
	enet_peer_ping_interval(e->peer, RTT_PING_MS);
}

/* When the path counts as dead if nothing comes until then. */
static uint64_t silent_from(const struct control *c, const struct link *l)
{
	uint64_t rtt_ns = SILENT_RTTS * c->host->peers[l - c->links].roundTripTime * NS_PER_MS;

	if (c->pause_ns == NS_NEVER)
		return NS_NEVER;
	return l->sign_ns + (rtt_ns > c->pause_ns ? rtt_ns : c->pause_ns);
}

/* The candidate has shown that it holds the session's key. */
static bool promote(struct control *c, struct link *l, uint64_t now_ns)
{
	struct control_session *s = l->session;
	ENetPeer *p = peer_of(c, l);
	struct relay_link *r = relay_find(&c->relay, p->address.port);
	char text[ADDR_TEXT];
	union addr from = peers_address(c, &p->address);

	if (s->live >= 0) {
		struct link *old = &c->links[s->live];

		if (!s->envelope.v2 && now_ns - old->heard_ns < V1_TAKEOVER_NS)
			return false;
		log_info("the client reconnected from %s", addr_text(&from, text));
		link_drop(c, old);
	} else {
		log_info("client %s is connected", addr_text(&from, text));
		s->peer = from;
		tell(s, SESSION_CONNECTED);
	}
	if (r && addr_equal(&r->client, &from))
		r->proven = true;
	l->role = LINK_LIVE;
	l->since_ns = l->sign_ns = now_ns;
	feedback_post_heard(s->dispatch.feedback, now_ns, silent_from(c, l));
	feedback_set_silent(s->dispatch.feedback, false);
	s->live = (int)(l - c->links);
	out_again(s->out);
	return true;
}

static void rejected(struct control_session *s, const char *why)
{
	if (s->dispatch.stats)
		STAT_ADD(s->dispatch.stats->control_rejected, 1);
	log_every(NS_PER_S, LOG_LEVEL_WARN, "a control message is dropped: %s", why);
}

static void on_message(struct control *c, struct link *l, const uint8_t *data, size_t len, uint64_t now_ns)
{
	struct control_session *s = l->session;
	uint8_t plain[ENVELOPE_PLAIN_MAX];
	struct msg m;
	int n, err;

	n = envelope_open(&s->envelope, data, len, plain);
	if (n < 0) {
		rejected(s, n == -EBADMSG ? "wrong key or damaged" : n == -EALREADY ? "seen before" : "not sealed");
		return;
	}
	if (l->role == LINK_CANDIDATE && !promote(c, l, now_ns))
		return;
	l->heard_ns = now_ns;
	err = msg_parse(&m, plain, (size_t)n);
	if (!err)
		err = dispatch_msg(&s->dispatch, &m);
	if (err == -EBADMSG)
		rejected(s, "malformed");
	else if (!err && m.kind == MSG_START && !s->started) {
		s->started = true;
		tell(s, SESSION_STARTED);
	}
}

static void on_disconnect(struct control *c, struct link *l, uint64_t now_ns)
{
	struct control_session *s = l->session;
	/* ENet does not say whether the peer left or stopped answering. */
	bool vanished = now_ns - l->acked_ns >= c->silence_ns / 2;
	bool live = l->role == LINK_LIVE;

	link_clear(l); /* ENet has emptied its slot already */
	if (live) {
		log_info(vanished ? "the client does not answer any more" : "the client left");
		session_over(c, s, vanished ? -ETIMEDOUT : 0);
	}
}

void peers_event(struct control *c, const ENetEvent *e, uint64_t now_ns)
{
	struct link *l = link_of(c, e->peer);

	switch (e->type) {
	case ENET_EVENT_TYPE_CONNECT:
		on_connect(c, e, now_ns);
		break;
	case ENET_EVENT_TYPE_RECEIVE:
		if (l->role == LINK_CANDIDATE || l->role == LINK_LIVE)
			on_message(c, l, e->packet->data, e->packet->dataLength, now_ns);
		enet_packet_destroy(e->packet);
		break;
	case ENET_EVENT_TYPE_DISCONNECT:
		on_disconnect(c, l, now_ns);
		break;
	case ENET_EVENT_TYPE_NONE:
		break;
	}
}

static int send_sealed(struct control_session *s, ENetPeer *p, const uint8_t *msg, size_t len)
{
	uint8_t sealed[MSG_OUT_MAX + ENVELOPE_OVERHEAD];
	int n = envelope_seal(&s->envelope, msg, len, sealed);

	return n < 0 ? n : host_send(p, sealed, (size_t)n);
}

static void send_due(struct control_session *s, ENetPeer *p)
{
	uint8_t msg[MSG_OUT_MAX];
	size_t len;

	while (!host_busy(p) && (len = out_take(s->out, msg)) > 0) {
		int err = send_sealed(s, p, msg, len);

		if (err) {
			log_every(NS_PER_S, LOG_LEVEL_ERR, "a message to the client is lost: %s", strerror(-err));
			return;
		}
	}
}

static void watch_silence(struct control *c, struct control_session *s, struct link *l, uint64_t now_ns)
{
	bool silent = now_ns >= silent_from(c, l);

	if (silent == l->silent)
		return;
	l->silent = silent;
	if (silent)
		log_info("nothing comes from the client: the stream pauses");
	else
		log_info("the client is heard again after %u ms: the stream goes on",
			 (unsigned)((now_ns - l->silent_ns) / NS_PER_MS));
	l->silent_ns = now_ns;
	feedback_set_silent(s->dispatch.feedback, silent);
	if (s->dispatch.tuning)
		record_silence(s->dispatch.tuning->record, silent, clock_ns());
	if (s->dispatch.stats)
		STAT_SET(s->dispatch.stats->silent, silent);
}

static void update_stats(struct control_session *s, const ENetPeer *p)
{
	struct stream_stats *st = s->dispatch.stats;

	if (!st || !p->lastReceiveTime)
		return;
	atomic_store_explicit(&st->rtt_us, p->roundTripTime * 1000u, memory_order_relaxed);
	atomic_store_explicit(&st->rtt_var_us, p->roundTripTimeVariance * 1000u, memory_order_relaxed);
}

static void tick_live(struct control *c, struct link *l, uint64_t now_ns)
{
	struct control_session *s = l->session;
	ENetPeer *p = peer_of(c, l);

	/* A message may wait for one before it that was lost and is sent again: its datagram is a sign of life all the
	 * same. ENet begins its count anew now and then. */
	if (l->received != p->incomingDataTotal) {
		if (p->incomingDataTotal) {
			l->sign_ns = now_ns;
			feedback_post_heard(s->dispatch.feedback, now_ns, silent_from(c, l));
		}
		l->received = p->incomingDataTotal;
	}
	if (l->acked != p->lastReceiveTime) {
		l->acked = p->lastReceiveTime;
		l->acked_ns = now_ns;
	}
	if (now_ns - l->heard_ns >= c->silence_ns) {
		log_info("the client has been silent for %u ms", (unsigned)(c->silence_ns / NS_PER_MS));
		session_over(c, s, -ETIMEDOUT);
		return;
	}
	update_stats(s, p);
	watch_silence(c, s, l, now_ns);
	if (s->dispatch.tuning && !l->silent)
		tuning_run(s->dispatch.tuning, now_ns);
	send_due(s, p);
}

static uint64_t live_due(const struct control *c, const struct link *l)
{
	uint64_t due = l->heard_ns + c->silence_ns, silent = l->silent ? NS_NEVER : silent_from(c, l);
	uint64_t tuning = l->session->dispatch.tuning && !l->silent ? l->session->dispatch.tuning->due_ns : NS_NEVER;

	due = due < silent ? due : silent;
	return due < tuning ? due : tuning;
}

/* When something is to be done, or the role ends, by itself. */
static uint64_t link_due(const struct control *c, const struct link *l)
{
	switch (l->role) {
	case LINK_CANDIDATE:
		return l->since_ns + c->silence_ns;
	case LINK_LIVE:
		return live_due(c, l);
	case LINK_FAREWELL:
		return l->since_ns + LINGER_NS;
	case LINK_NONE:
		break;
	}
	return NS_NEVER;
}

uint64_t peers_tick(struct control *c, uint64_t now_ns)
{
	uint64_t next = NS_NEVER;

	for (unsigned i = 0; i < PEERS_MAX; i++) {
		struct link *l = &c->links[i];
		uint64_t due;

		if (l->role == LINK_LIVE)
			tick_live(c, l, now_ns);
		else if (link_due(c, l) <= now_ns)
			link_drop(c, l);
		due = link_due(c, l);
		if (due < next)
			next = due;
	}
	return next;
}

void peers_session_add(struct control *c, struct control_session *s)
{
	assert(c->n_sessions < CONTROL_SESSIONS_MAX);
	s->registered = true;
	c->sessions[c->n_sessions++] = s;
}

static void farewell(struct control *c, struct control_session *s, uint64_t now_ns)
{
	struct link *l = &c->links[s->live];
	ENetPeer *p = peer_of(c, l);
	uint8_t msg[MSG_OUT_MAX];

	if (s->code) {
		int err = send_sealed(s, p, msg, msg_termination(msg, s->code));

		if (err)
			log_errno(err, "the client cannot be told why");
	}
	enet_peer_disconnect_later(p, 0);
	*l = (struct link){.role = LINK_FAREWELL, .since_ns = now_ns};
}

void peers_session_remove(struct control *c, struct control_session *s, uint64_t now_ns)
{
	unsigned i = 0;

	if (s->live >= 0)
		farewell(c, s, now_ns);
	drop_all(c, s);
	if (!s->over)
		release_input(s);
	while (c->sessions[i] != s)
		i++;
	memmove(&c->sessions[i], &c->sessions[i + 1], (--c->n_sessions - i) * sizeof(*c->sessions));
}

unsigned peers_leaving(const struct control *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PEERS_MAX; i++)
		n += c->links[i].role == LINK_FAREWELL;
	return n;
}
