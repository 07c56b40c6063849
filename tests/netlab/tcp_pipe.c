// SPDX-License-Identifier: GPL-3.0-or-later
#include "tcp_pipe.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/loop.h"

#define CONNECTIONS_MAX 64
#define BUFFER_SIZE     65536

struct connection;

/* One end, and what it still has to be told. */
struct end {
	struct connection *of;
	struct loop_fd *handle;
	int fd;
	uint8_t *data;
	size_t from, until;
	bool finished; /* the other end has closed its side */
	bool told;     /* and this one knows */
};

struct connection {
	struct tcp_pipe *pipe;
	struct connection *next;
	struct end end[2];
};

struct tcp_pipe {
	struct loop *loop;
	struct loop_fd *handle;
	union addr target;
	int fd;
	unsigned count;
	struct connection *connections;
};

static void connection_end(struct connection *c)
{
	struct connection **at = &c->pipe->connections;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at) {
		*at = c->next;
		c->pipe->count--;
	}
	for (unsigned i = 0; i < 2; i++) {
		loop_fd_remove(c->end[i].handle);
		if (c->end[i].fd >= 0)
			close(c->end[i].fd);
		free(c->end[i].data);
	}
	free(c);
}

static struct end *other(struct end *e)
{
	return &e->of->end[e == e->of->end];
}

/* Waits for what makes sense: to read while the other end's buffer is empty, to write while our own is not. */
static int watch(struct end *e)
{
	struct end *o = other(e);
	uint32_t events = 0;

	if (!o->finished && o->from == o->until)
		events |= EPOLLIN;
	if (e->from < e->until)
		events |= EPOLLOUT;
	return loop_fd_events(e->handle, events);
}

static int write_out(struct end *e)
{
	while (e->from < e->until) {
		ssize_t n = send(e->fd, e->data + e->from, e->until - e->from, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == ENOTCONN ? 0 : -errno;
		e->from += (size_t)n;
	}
	if (e->finished && !e->told) {
		shutdown(e->fd, SHUT_WR);
		e->told = true;
	}
	return 0;
}

static int read_in(struct end *e)
{
	struct end *o = other(e);
	ssize_t n;

	if (o->finished || o->from < o->until)
		return 0;
	n = recv(e->fd, o->data, BUFFER_SIZE, 0);
	if (n < 0)
		return errno == EAGAIN || errno == ENOTCONN ? 0 : -errno;
	o->finished = n == 0;
	o->from = 0;
	o->until = (size_t)n;
	return write_out(o);
}

static void on_end(void *ctx, uint32_t events)
{
	struct end *e = ctx, *o = other(e);
	int err = 0;

	if (events & EPOLLOUT)
		err = write_out(e);
	if (!err && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		err = read_in(e);
	if (!err && !(events & EPOLLIN) && events & EPOLLERR)
		err = -EIO;
	if (err || (e->told && o->told) || watch(e) || watch(o))
		connection_end(e->of);
}

static void on_accept(void *ctx, uint32_t events)
{
	struct tcp_pipe *p = ctx;
	int one = 1, fd = accept4(p->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct connection *c;
	int fds[2];

	(void)events;
	if (fd < 0)
		return;
	c = p->count < CONNECTIONS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->pipe = p;
	c->next = p->connections;
	p->connections = c;
	p->count++;
	fds[0] = fd;
	fds[1] = socket(p->target.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; i < 2; i++) {
		c->end[i].of = c;
		c->end[i].fd = fds[i];
	}
	if (fds[1] < 0 || (connect(fds[1], &p->target.sa, addr_len(&p->target)) < 0 && errno != EINPROGRESS))
		goto fail;
	for (unsigned i = 0; i < 2; i++) {
		struct end *e = &c->end[i];

		setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		e->data = malloc(BUFFER_SIZE);
		e->handle = loop_fd_add(p->loop, e->fd, EPOLLIN, on_end, e);
		if (!e->data || !e->handle)
			goto fail;
	}
	return;
fail:
	connection_end(c);
}

int tcp_pipe_create(struct tcp_pipe **out, struct loop *loop, const char *listen_on, const char *target, uint16_t port)
{
	struct tcp_pipe *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->fd = -1;
	err = addr_parse(&p->target, target, port);
	if (!err)
		err = addr_bind(listen_on, port, SOCK_STREAM, &p->fd);
	if (!err && listen(p->fd, 32) < 0)
		err = -errno;
	if (!err) {
		p->handle = loop_fd_add(loop, p->fd, EPOLLIN, on_accept, p);
		err = p->handle ? 0 : -ENOMEM;
	}
	if (err) {
		tcp_pipe_destroy(p);
		return err;
	}
	*out = p;
	return 0;
}

void tcp_pipe_destroy(struct tcp_pipe *p)
{
	if (!p)
		return;
	while (p->connections)
		connection_end(p->connections);
	loop_fd_remove(p->handle);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}
