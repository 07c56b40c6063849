// SPDX-License-Identifier: GPL-3.0-or-later
#include "rtsp/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtsp/conn.h"
#include "rtsp/handlers.h"
#include "rtsp/handshake.h"

#define LOG_MODULE "rtsp"
#include "base/log.h"

#define BACKLOG         128
#define ACCEPT_BATCH    64u               /* per round, so that a flood leaves the loop to others */
#define ACCEPT_PAUSE_NS (200 * NS_PER_MS) /* when the process has no descriptors left */

void rtsp_wake_at(struct rtsp *r, uint64_t at_ns)
{
	if (at_ns >= r->timer_at_ns)
		return;
	r->timer_at_ns = at_ns;
	loop_timer_arm(r->timer, at_ns);
}

/* How readily a connection is closed for a new one: one that was answered first, then those that
 * have said nothing. */
static unsigned worth(const struct conn *c)
{
	switch (c->state) {
	case CONN_DRAINING:
		return 0;
	case CONN_READING:
		return c->in.len ? 2 : 1;
	default:
		return 3;
	}
}

/* The least worth, oldest of its kind; of host's only, unless host is NULL. */
static struct conn *victim(const struct rtsp *r, const union addr *host)
{
	struct conn *found = NULL;

	for (struct conn *c = r->conns; c; c = c->next)
		if ((!host || addr_same_host(&c->peer, host)) && (!found || worth(c) < worth(found)))
			found = c;
	return found;
}

static uint32_t count_from(const struct rtsp *r, const union addr *host)
{
	uint32_t n = 0;

	for (const struct conn *c = r->conns; c; c = c->next)
		n += addr_same_host(&c->peer, host);
	return n;
}

static void make_room(struct rtsp *r, const union addr *peer)
{
	char who[ADDR_TEXT];

	if (count_from(r, peer) >= r->limits.max_connections_per_ip) {
		log_every(NS_PER_S, LOG_LEVEL_DBG, "%s: too many connections, the oldest idle one is closed",
			  addr_host(peer, false, who));
		conn_close(victim(r, peer));
	}
	if (r->n_conns >= r->limits.max_connections) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "too many connections, the oldest idle one is closed");
		conn_close(victim(r, NULL));
	}
}

static void pause_accepting(struct rtsp *r, int err)
{
	log_every(NS_PER_S, LOG_LEVEL_WARN, "accept: %s; trying again", strerror(err));
	if (loop_fd_events(r->watch, 0) == 0) {
		r->accept_at_ns = clock_ns() + ACCEPT_PAUSE_NS;
		rtsp_wake_at(r, r->accept_at_ns);
	}
}

static void on_listener(void *ctx, uint32_t events)
{
	struct rtsp *r = ctx;

	(void)events;
	for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
		union addr peer = {0};
		socklen_t len = sizeof(peer);
		int fd = accept4(r->fd, &peer.sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		int err;

		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			pause_accepting(r, errno);
			return;
		}
		if (fd < 0) /* that one connection died in the queue */
			continue;
		addr_unmap(&peer);
		make_room(r, &peer);
		err = conn_open(r, fd, &peer);
		if (err)
			log_errno(err, "a connection is refused");
	}
}

static void on_timer(void *ctx)
{
	struct rtsp *r = ctx;
	uint64_t now = clock_ns(), next_ns = NS_NEVER;
	struct conn *next;

	for (struct conn *c = r->conns; c; c = next) {
		next = c->next;
		if (c->deadline_ns <= now)
			conn_close(c);
		else if (c->deadline_ns < next_ns)
			next_ns = c->deadline_ns;
	}
	if (r->accept_at_ns <= now)
		r->accept_at_ns = loop_fd_events(r->watch, EPOLLIN) ? now + ACCEPT_PAUSE_NS : NS_NEVER;
	if (r->accept_at_ns < next_ns)
		next_ns = r->accept_at_ns;
	r->timer_at_ns = NS_NEVER;
	if (next_ns != NS_NEVER)
		rtsp_wake_at(r, next_ns);
}

static int listen_on(struct rtsp *r, const char *bind, uint16_t port)
{
	union addr local = {0};
	socklen_t len = sizeof(local);
	int err = addr_bind(bind, port, SOCK_STREAM, &r->fd);

	if (err)
		return err;
	if (listen(r->fd, BACKLOG) < 0 || getsockname(r->fd, &local.sa, &len) < 0)
		return -errno;
	r->port = addr_port(&local);
	r->watch = loop_fd_add(r->loop, r->fd, EPOLLIN, on_listener, r);
	return r->watch ? 0 : -errno;
}

int rtsp_create(struct rtsp **out, struct loop *loop, const char *bind, uint16_t port, const struct rtsp_limits *limits)
{
	struct rtsp *r;
	int err = -ENOMEM;

	if (!limits->max_connections || !limits->max_connections_per_ip || !limits->max_message ||
	    !limits->read_timeout_ms)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->limits = *limits;
	r->fd = -1;
	r->accept_at_ns = NS_NEVER;
	r->timer_at_ns = NS_NEVER;
	buf_init(&r->plain, limits->max_message);
	buf_init(&r->reply, REPLY_MAX);
	r->timer = loop_timer_add(loop, on_timer, r);
	if (!r->timer)
		goto fail;
	err = listen_on(r, bind, port);
	if (err) {
		log_errno(err, "cannot listen on %s port %u", *bind ? bind : "any address", port);
		goto fail;
	}
	*out = r;
	return 0;
fail:
	rtsp_destroy(r);
	return err;
}

void rtsp_destroy(struct rtsp *r)
{
	if (!r)
		return;
	while (r->conns)
		conn_close(r->conns);
	while (r->handshakes.first)
		handshake_remove(&r->handshakes, r->handshakes.first);
	loop_timer_remove(r->timer);
	loop_fd_remove(r->watch);
	if (r->fd >= 0)
		close(r->fd);
	buf_finish(&r->plain);
	buf_finish(&r->reply);
	free(r);
}

uint16_t rtsp_port(const struct rtsp *r)
{
	return r->port;
}

int rtsp_expect(struct rtsp *r, const struct rtsp_handshake_params *p, const struct rtsp_events *ev, void *ctx,
		struct rtsp_handshake **out)
{
	int err = handshake_add(&r->handshakes, p, ev, ctx, out);

	if (!err)
		(*out)->server = r;
	return err;
}

void rtsp_forget(struct rtsp_handshake *h)
{
	struct conn *next;
	struct rtsp *r;

	if (!h)
		return;
	r = h->server;
	for (struct conn *c = r->conns; c; c = next) {
		next = c->next;
		if (c->h == h)
			conn_close(c);
	}
	handshake_remove(&r->handshakes, h);
}

bool rtsp_plain_pending(const struct rtsp *r, const union addr *peer)
{
	return handshake_plain_pending(&r->handshakes, peer) != NULL;
}
