// SPDX-License-Identifier: GPL-3.0-or-later
#include "rtsp/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtsp/handlers.h"

#define LOG_MODULE "rtsp"
#include "base/log.h"

#define READ_CHUNK 4096u
#define LINGER_NS  (2 * NS_PER_S) /* for the answer to be taken and the client to close */
#define DRAIN_MAX  (1u << 20)     /* bytes thrown away after the answer */

static void finish_writing(struct conn *c);

static void set_deadline(struct conn *c, uint64_t at_ns)
{
	c->deadline_ns = at_ns;
	rtsp_wake_at(c->server, at_ns);
}

void conn_close(struct conn *c)
{
	struct conn **p = &c->server->conns;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->server->n_conns--;
	loop_fd_remove(c->watch);
	close(c->fd);
	buf_finish(&c->in);
	buf_finish(&c->out);
	free(c);
}

/* c may be gone afterwards. */
static void write_out(struct conn *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (loop_fd_events(c->watch, EPOLLOUT))
				conn_close(c);
			return;
		}
		if (n < 0) {
			conn_close(c);
			return;
		}
		c->sent += (size_t)n;
	}
	finish_writing(c);
}

static void finish_writing(struct conn *c)
{
	c->state = CONN_DRAINING;
	if (shutdown(c->fd, SHUT_WR) < 0 || loop_fd_events(c->watch, EPOLLIN))
		conn_close(c);
}

/* Whatever is in c->out goes out, then FIN. */
static void answer(struct conn *c)
{
	c->state = CONN_WRITING;
	buf_finish(&c->in);
	set_deadline(c, clock_ns() + LINGER_NS);
	if (c->out.err) {
		log_err("an answer does not fit %zu bytes", c->out.max);
		buf_reset(&c->out);
	}
	write_out(c);
}

static void answer_nothing(struct conn *c, const char *why)
{
	char who[ADDR_TEXT];

	log_dbg("%s: closed: %s", addr_host(&c->peer, false, who), why);
	answer(c);
}

/* Runs the request; its answer is in reply. */
static void serve(struct conn *c, struct rtsp_handshake *h, struct buf *reply)
{
	handle_request(h, &c->request, &c->peer, reply);
	c->h = h->forgotten ? NULL : h;
}

/* A sealed answer is all that a sealed handshake gets: no plain word to an address that has only
 * those. */
static bool plain_is_welcome(const struct conn *c)
{
	const struct handshake_list *l = &c->server->handshakes;

	return handshake_plain_any(l, &c->peer) || !handshake_has_sealed(l, &c->peer);
}

static void take_plain(struct conn *c)
{
	int rc = rtsp_request_parse(&c->request, c->in.data, c->in.len);
	struct rtsp_handshake *h;

	if (rc == 0)
		return;
	if (!plain_is_welcome(c)) {
		answer_nothing(c, "plain request, but the handshake is sealed");
		return;
	}
	if (rc < 0) {
		handle_error(rc == -EMSGSIZE ? 413 : 400, c->request.cseq, &c->out);
		answer(c);
		return;
	}
	h = handshake_find_plain(&c->server->handshakes, &c->peer, &c->request);
	if (h) {
		handshake_enter(h);
		serve(c, h, &c->out);
		handshake_leave(h);
	} else {
		handle_error(454, c->request.cseq, &c->out);
	}
	answer(c);
}

/* The opened message is in r->plain. */
static void serve_sealed(struct conn *c, struct rtsp_handshake *h)
{
	struct rtsp *r = c->server;
	int rc = rtsp_request_parse(&c->request, r->plain.data, r->plain.len);
	int err;

	buf_reset(&r->reply);
	if (rc == 1)
		serve(c, h, &r->reply);
	else
		handle_error(rc == -EMSGSIZE ? 413 : 400, c->request.cseq, &r->reply);
	err = r->reply.err ? -ENOSPC : handshake_seal(h, &r->reply, &c->out);
	if (err) {
		log_errno(err, "an answer could not be sealed");
		buf_reset(&c->out);
	}
}

static void take_sealed(struct conn *c)
{
	struct rtsp *r = c->server;
	struct rtsp_handshake *h = NULL;
	struct seal_frame f;
	int rc = seal_find(c->in.data, c->in.len, r->limits.max_message, &f);

	if (rc == 0)
		return;
	if (rc < 0) {
		answer_nothing(c, "no sealed frame, or too long");
		return;
	}
	buf_reset(&r->plain);
	if (buf_take(&r->plain, f.len))
		h = handshake_open(&r->handshakes, &f, r->plain.data);
	if (!h) {
		answer_nothing(c, "sealed with no key that is expected");
		return;
	}
	handshake_enter(h);
	serve_sealed(c, h);
	handshake_leave(h);
	answer(c);
}

static void take_input(struct conn *c)
{
	uint8_t first = c->in.data[0];

	if (first & 0x80)
		take_sealed(c);
	else if ((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z'))
		take_plain(c);
	else
		answer_nothing(c, "neither a request nor a sealed frame");
}

/* One piece at a time: the loop calls again while there is more, and serves others in between. */
static void read_in(struct conn *c)
{
	uint8_t chunk[READ_CHUNK];
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* gone before a request was whole: nothing of it counts */
		conn_close(c);
		return;
	}
	if (c->state == CONN_DRAINING) {
		c->drained += (size_t)n;
		if (c->drained > DRAIN_MAX)
			conn_close(c);
		return;
	}
	buf_add(&c->in, chunk, (size_t)n);
	if (c->in.err)
		answer_nothing(c, "no memory");
	else
		take_input(c);
}

static void on_ready(void *ctx, uint32_t events)
{
	struct conn *c = ctx;

	(void)events;
	if (c->state == CONN_WRITING)
		write_out(c);
	else
		read_in(c);
}

int conn_open(struct rtsp *r, int fd, const union addr *peer)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct conn **end = &r->conns;

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->server = r;
	c->fd = fd;
	c->peer = *peer;
	/* A decision falls within max_message and a frame header; the last chunk may reach beyond. */
	buf_init(&c->in, (size_t)r->limits.max_message + SEAL_HEADER_LEN + READ_CHUNK);
	buf_init(&c->out, REPLY_MAX + SEAL_HEADER_LEN);
	rtsp_request_init(&c->request, r->limits.max_message);
	c->watch = loop_fd_add(r->loop, fd, EPOLLIN, on_ready, c);
	if (!c->watch) {
		int err = -errno;

		close(fd);
		free(c);
		return err;
	}
	while (*end)
		end = &(*end)->next;
	*end = c;
	r->n_conns++;
	set_deadline(c, clock_ns() + r->limits.read_timeout_ms * NS_PER_MS);
	return 0;
}
