// SPDX-License-Identifier: GPL-3.0-or-later
/* The main thread's side of the control stream. */
#include "control/control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/host.h"
#include "control/peers.h"
#include "control/session.h"

#define LOG_MODULE "control"
#include "base/log.h"

#define COMMANDS_MAX (2 * CONTROL_SESSIONS_MAX) /* each session is added and removed once */

static bool relay_admit(void *ctx, const union addr *client, uint32_t connect_data)
{
	return peers_admit(ctx, client, connect_data);
}

/* Where ENet and the relay listen: all addresses, one of IPv4, or one of IPv6 with ENet behind it on loopback. */
static int open_sockets(struct control *c, const struct control_params *p)
{
	union addr v4 = {.in = {.sin_family = AF_INET}}, v6 = {.in6 = {.sin6_family = AF_INET6}}, enet;
	bool any = !*p->bind;
	int err = 0;

	relay_none(&c->relay);
	if (!any) {
		err = addr_parse(&v6, p->bind, p->port);
		if (err)
			return err;
	}
	if (!any && v6.sa.sa_family == AF_INET) {
		err = host_open(&c->host, &v6, PEERS_MAX);
		c->port = err ? 0 : host_port(c->host);
		return err;
	}
	if (any)
		addr_set_port(&v4, p->port);
	else
		v4.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	err = host_open(&c->host, &v4, PEERS_MAX);
	if (err)
		return err;
	enet = v4;
	enet.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr_set_port(&enet, host_port(c->host));
	if (any)
		addr_set_port(&v6, host_port(c->host));
	err = relay_open(&c->relay, &v6, &enet, relay_admit, c);
	if (any && (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL)) {
		log_info("no IPv6 here: the control stream is IPv4 only");
		err = 0;
	}
	if (!err && c->relay.fd >= 0) {
		union addr bound = {0};
		socklen_t len = sizeof(bound);

		if (getsockname(c->relay.fd, &bound.sa, &len))
			return -errno;
		c->port = addr_port(&bound);
	} else {
		c->port = host_port(c->host);
	}
	return err;
}

/* The next event of a session in the order of its life; 0: none. */
static unsigned next_event(struct control_session *s)
{
	unsigned bits = atomic_load_explicit(&s->events, memory_order_acquire), bit = bits & -bits;

	if (bit)
		atomic_fetch_and_explicit(&s->events, ~bit, memory_order_relaxed);
	return bit;
}

static void on_events(void *ctx, uint32_t events)
{
	struct control *c = ctx;
	struct control_session *s;
	uint64_t n;

	(void)events;
	if (read(c->event_fd, &n, sizeof(n)) < 0)
		return;
	/* A callback may remove any session: begin anew after each. */
	for (s = c->list; s;) {
		switch (next_event(s)) {
		case SESSION_CONNECTED:
			s->ev->connected(s->ctx, &s->peer);
			break;
		case SESSION_STARTED:
			s->ev->started(s->ctx);
			break;
		case SESSION_DISCONNECTED:
			s->ev->disconnected(s->ctx, s->err);
			break;
		default:
			s = s->next;
			continue;
		}
		s = c->list;
	}
	log_hot_drain();
}

int control_create(struct control **out, struct loop *loop, const struct control_params *p)
{
	struct control *c = aligned_alloc(64, (sizeof(*c) + 63) / 64 * 64);
	int err;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	c->event_fd = -1;
	c->relay.fd = -1;
	c->silence_ns = p->silence_ms * NS_PER_MS;
	c->pause_ns = p->pause_ms ? p->pause_ms * NS_PER_MS : NS_NEVER;
	err = wake_init(&c->wake);
	if (!err)
		err = wake_init(&c->ack);
	if (!err)
		err = ring_init(&c->commands, COMMANDS_MAX);
	if (err)
		goto fail;
	c->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->event_fd < 0) {
		err = -errno;
		goto fail;
	}
	err = open_sockets(c, p);
	if (err) {
		log_errno(err, "control port %u", p->port);
		goto fail;
	}
	c->loop_fd = loop_fd_add(loop, c->event_fd, EPOLLIN, on_events, c);
	c->log = log_hot_create("control");
	if (!c->loop_fd || !c->log) {
		err = -ENOMEM;
		goto fail;
	}
	err = thread_start(&c->thread, "control", control_run, c);
	if (err) {
		log_errno(err, "control thread");
		goto fail;
	}
	*out = c;
	return 0;

fail:
	control_destroy(c);
	return err;
}

void control_destroy(struct control *c)
{
	if (!c)
		return;
	assert(!c->list);
	if (c->thread.running) {
		thread_stop(&c->thread);
		wake_poke(&c->wake);
		thread_join(&c->thread);
	}
	loop_fd_remove(c->loop_fd);
	if (c->log)
		log_hot_destroy(c->log);
	relay_close(&c->relay);
	host_close(c->host);
	if (c->event_fd >= 0)
		close(c->event_fd);
	ring_finish(&c->commands);
	wake_finish(&c->ack);
	wake_finish(&c->wake);
	free(c);
}

uint16_t control_port(const struct control *c)
{
	return c->port;
}

struct control_out *control_out_create(struct control *c)
{
	struct control_out *o = malloc(sizeof(*o));

	if (o)
		out_init(o, &c->wake);
	return o;
}

void control_out_destroy(struct control_out *o)
{
	free(o);
}

const struct input_back *control_out_back(struct control_out *o)
{
	return &o->back;
}

static void session_free(struct control_session *s)
{
	envelope_finish(&s->envelope);
	free(s);
}

int control_session_add(struct control *c, const struct control_session_params *p, const struct control_events *ev,
			void *ctx, struct control_session **out)
{
	struct control_session *s;
	int err;

	*out = NULL;
	if (!p->out || !p->feedback || (!p->match_by_ip && !p->connect_data))
		return -EINVAL;
	if (c->n_list == CONTROL_SESSIONS_MAX)
		return -ENOSPC;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	err = envelope_init(&s->envelope, p->keys.key, p->v2, true);
	if (err) {
		session_free(s);
		return err;
	}
	s->control = c;
	s->ev = ev;
	s->ctx = ctx;
	s->connect_data = p->connect_data;
	s->match_by_ip = p->match_by_ip;
	s->match_addr = p->peer;
	s->dispatch =
		(struct dispatch){.feedback = p->feedback, .stats = p->stats, .input = p->input, .tuning = p->tuning};
	s->out = p->out;
	s->live = -1;
	s->next = c->list;
	c->list = s;
	c->n_list++;
	*out = s;
	if (!ring_push(&c->commands, s))
		assert(!"each session has its two places");
	wake_poke(&c->wake);
	return 0;
}

void control_session_remove(struct control_session *s, uint32_t code)
{
	struct control_session **at;
	struct control *c;

	if (!s)
		return;
	c = s->control;
	s->code = code;
	if (!ring_push(&c->commands, s))
		assert(!"each session has its two places");
	wake_poke(&c->wake);
	while (!atomic_load_explicit(&s->removed, memory_order_acquire))
		wake_wait(&c->ack, NS_NEVER);
	for (at = &c->list; *at != s; at = &(*at)->next)
		;
	*at = s->next;
	c->n_list--;
	session_free(s);
}

void control_session_hdr(struct control_session *s, const struct hdr_metadata *m)
{
	out_hdr(s->out, m);
}
