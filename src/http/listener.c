// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/listener.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/tls.h"

#define LOG_MODULE "http"
#include "base/log.h"

#define BACKLOG      64
#define HEADROOM     32          /* connections beyond our limit, until the evicted ones are reaped */
#define CONN_MEMORY  (32u << 10) /* request line and headers of one connection */
#define FLUSH_ROUNDS 4

struct conn {
	struct listener *listener;
	struct conn *next, **link;
	int fd; /* the library's */
	struct loop_fd *handle;
	uint32_t events;
	union addr peer, local;
	uint64_t since_ns;    /* opened, or its last request ended */
	uint64_t deadline_ns; /* NS_NEVER while its call is parked */
	bool cut;
	struct http_call *call;
};

struct listener {
	struct listener_params params;
	struct MHD_Daemon *daemon;
	int fd; /* the library's */
	struct loop_fd *handle;
	uint32_t events;
	struct loop_timer *timer; /* runs the library: at once, or at its time-out or ours */
	struct conn *conns;
	unsigned n_conns;
	bool kicked;
	uint16_t port;
};

static void kick(struct listener *l)
{
	l->kicked = true;
	loop_timer_arm(l->timer, 0);
}

/* Connections */

static void conn_deadline(struct conn *c, uint64_t now)
{
	c->deadline_ns = now + c->listener->params.limits.timeout_s * NS_PER_S;
}

/* The library notices at its next turn and closes the connection. */
static void conn_cut(struct conn *c)
{
	c->cut = true;
	c->deadline_ns = NS_NEVER;
	shutdown(c->fd, SHUT_RDWR);
}

/* Idle the longest, of one address or of all. */
static struct conn *oldest_idle(struct listener *l, const union addr *peer)
{
	struct conn *found = NULL;

	for (struct conn *c = l->conns; c; c = c->next) {
		if (c->call || c->cut || (peer && !addr_same_host(&c->peer, peer)))
			continue;
		if (!found || c->since_ns < found->since_ns)
			found = c;
	}
	return found;
}

static unsigned count(const struct listener *l, const union addr *peer)
{
	unsigned n = 0;

	for (const struct conn *c = l->conns; c; c = c->next)
		n += !c->cut && (!peer || addr_same_host(&c->peer, peer));
	return n;
}

/* Room for one more from this address; false: everything is busy. */
static bool make_room(struct listener *l, const union addr *peer)
{
	struct conn *old = NULL;

	if (count(l, peer) >= l->params.limits.max_connections_per_ip) {
		old = oldest_idle(l, peer);
		if (!old)
			return false;
	} else if (count(l, NULL) >= l->params.limits.max_connections) {
		old = oldest_idle(l, NULL);
		if (!old)
			return false;
	}
	if (old)
		conn_cut(old);
	return true;
}

static void socket_addresses(struct conn *c)
{
	socklen_t n = sizeof(c->peer);

	getpeername(c->fd, &c->peer.sa, &n);
	n = sizeof(c->local);
	getsockname(c->fd, &c->local.sa, &n);
	addr_unmap(&c->peer);
	addr_unmap(&c->local);
}

/* While a call is parked the library does not look at its socket: we do. */
static void on_peer_left(struct http_call *c)
{
	c->state = CALL_GONE;
	c->listener->params.gone(c);
	MHD_resume_connection(c->mhd);
}

static void on_socket(void *ctx, uint32_t events)
{
	struct conn *c = ctx;

	if (c->call && c->call->state == CALL_PARKED && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		on_peer_left(c->call);
	kick(c->listener);
}

static void *conn_open(struct listener *l, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct conn *c = calloc(1, sizeof(*c));
	bool room;

	if (c)
		c->handle = loop_fd_add(l->params.loop, info->connect_fd, EPOLLIN, on_socket, c);
	if (!c || !c->handle) {
		free(c);
		shutdown(info->connect_fd, SHUT_RDWR);
		return NULL;
	}
	c->listener = l;
	c->fd = info->connect_fd;
	c->events = EPOLLIN;
	c->since_ns = clock_ns();
	conn_deadline(c, c->since_ns);
	socket_addresses(c);
	room = make_room(l, &c->peer);
	c->next = l->conns;
	c->link = &l->conns;
	if (c->next)
		c->next->link = &c->next;
	l->conns = c;
	l->n_conns++;
	if (!room) {
		char text[ADDR_TEXT];

		log_every(NS_PER_S, LOG_LEVEL_WARN, "too many connections: %s is turned away",
			  addr_text(&c->peer, text));
		conn_cut(c);
	}
	return c;
}

/* The socket is still open. */
static void conn_close(struct conn *c)
{
	loop_fd_remove(c->handle);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->listener->n_conns--;
	free(c);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct listener *l = cls;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context)
			conn_close(*context);
		*context = NULL;
		return;
	}
	*context = conn_open(l, mhd);
	if (!l->params.identity)
		return;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info && info->tls_session)
		tls_ask_certificate(info->tls_session);
}

/* Calls */

/* The request line has arrived, nothing of it is decoded yet. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct conn *conn = info ? info->socket_context : NULL;
	struct listener *l = cls;
	struct http_call *c;

	if (!conn || !(c = calloc(1, sizeof(*c))))
		return NULL;
	c->uri = strdup(uri);
	if (!c->uri) {
		free(c);
		return NULL;
	}
	c->uri_len = strlen(uri);
	c->bad_uri = query_parse(&c->query, c->uri);
	c->http = l->params.http;
	c->listener = l;
	c->conn = conn;
	c->mhd = mhd;
	c->peer = conn->peer;
	c->local = conn->local;
	c->tls = l->params.identity != NULL;
	conn->call = c;
	return c;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode why)
{
	struct http_call *c = *con_cls;

	(void)cls, (void)mhd, (void)why;
	if (!c)
		return;
	if (c->state == CALL_PARKED)
		c->listener->params.gone(c);
	c->conn->call = NULL;
	c->conn->since_ns = clock_ns();
	if (!c->conn->cut)
		conn_deadline(c->conn, c->conn->since_ns);
	buf_finish(&c->body);
	explicit_bzero(c->uri, c->uri_len); /* of a launch it holds the session key */
	free(c->uri);
	free(c);
	*con_cls = NULL;
}

static enum MHD_Result send_answer(struct http_call *c)
{
	enum MHD_Result ok = MHD_NO;
	struct MHD_Response *r;

	if (c->body.err || !c->body.data)
		return MHD_NO;
	r = MHD_create_response_from_buffer(c->body.len, c->body.data, MHD_RESPMEM_MUST_FREE);
	if (!r)
		return MHD_NO;
	c->body = (struct buf){0};
	if (MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, c->type) == MHD_YES)
		ok = MHD_queue_response(c->mhd, c->http_status, r);
	MHD_destroy_response(r);
	return ok;
}

static void read_client(struct http_call *c)
{
	const union MHD_ConnectionInfo *info;

	if (!c->tls)
		return;
	info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	c->has_cert = info && info->tls_session && tls_peer_hash(info->tls_session, c->client);
}

/* Called once with the headers (starts the body), then when the body is in, and again after each resume. */
static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
				 const char *version, const char *data, size_t *size, void **con_cls)
{
	struct http_call *c = *con_cls;
	struct listener *l = cls;

	(void)mhd, (void)url, (void)version, (void)data;
	if (!c || c->state == CALL_GONE)
		return MHD_NO;
	if (c->state == CALL_NEW && !c->type) {
		c->type = "";
		c->get = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
		return MHD_YES;
	}
	if (*size) { /* no request of ours has a body; the deadline ends an endless one */
		*size = 0;
		return MHD_YES;
	}
	if (c->state == CALL_NEW) {
		c->state = CALL_ROUTED;
		read_client(c);
		l->params.request(c);
	}
	if (c->state == CALL_ANSWERED) {
		conn_deadline(c->conn, clock_ns());
		return send_answer(c);
	}
	c->state = CALL_PARKED;
	c->conn->deadline_ns = NS_NEVER;
	MHD_suspend_connection(c->mhd);
	return MHD_YES;
}

void call_answer(struct http_call *c, unsigned http_status, const char *type, struct buf *body)
{
	bool parked = c->state == CALL_PARKED;

	assert(parked || c->state == CALL_ROUTED);
	c->body = *body;
	*body = (struct buf){.max = body->max};
	c->type = type;
	c->http_status = http_status;
	c->state = CALL_ANSWERED;
	if (!parked)
		return;
	conn_deadline(c->conn, clock_ns());
	MHD_resume_connection(c->mhd);
	kick(c->listener);
}

bool listener_each(struct listener *l, bool (*fn)(struct http_call *c, void *ctx), void *ctx)
{
	for (struct conn *c = l ? l->conns : NULL; c; c = c->next)
		if (c->call && fn(c->call, ctx))
			return true;
	return false;
}

unsigned listener_connections(const struct listener *l)
{
	return l->n_conns;
}

/* The loop */

static uint32_t wanted(int fd, const fd_set *rs, const fd_set *ws)
{
	return (FD_ISSET(fd, rs) ? EPOLLIN : 0u) | (FD_ISSET(fd, ws) ? EPOLLOUT : 0u);
}

static void want(struct loop_fd *handle, uint32_t *have, uint32_t events)
{
	if (*have != events && loop_fd_events(handle, events) == 0)
		*have = events;
}

/* What the library waits for now goes into our own set. */
static void update_interest(struct listener *l)
{
	fd_set rs, ws, es;
	int max = -1;

	FD_ZERO(&rs);
	FD_ZERO(&ws);
	FD_ZERO(&es);
	if (MHD_get_fdset2(l->daemon, &rs, &ws, &es, &max, FD_SETSIZE) != MHD_YES)
		log_every(NS_PER_S, LOG_LEVEL_ERR, "too many open files for the HTTP library");
	want(l->handle, &l->events, wanted(l->fd, &rs, &ws));
	for (struct conn *c = l->conns; c; c = c->next) {
		bool parked = c->call && c->call->state == CALL_PARKED;

		want(c->handle, &c->events, parked ? EPOLLRDHUP : wanted(c->fd, &rs, &ws));
	}
}

static void run(struct listener *l)
{
	uint64_t now = clock_ns(), at = NS_NEVER;
	MHD_UNSIGNED_LONG_LONG ms;

	for (struct conn *c = l->conns; c; c = c->next)
		if (c->deadline_ns <= now)
			conn_cut(c);
	l->kicked = false;
	MHD_run(l->daemon);
	update_interest(l);
	for (struct conn *c = l->conns; c; c = c->next)
		if (c->deadline_ns < at)
			at = c->deadline_ns;
	now = clock_ns();
	if (MHD_get_timeout(l->daemon, &ms) == MHD_YES && now + ms * NS_PER_MS < at)
		at = now + ms * NS_PER_MS;
	loop_timer_arm(l->timer, l->kicked ? 0 : at);
}

static void on_timer(void *ctx)
{
	run(ctx);
}

static void on_listen_socket(void *ctx, uint32_t events)
{
	(void)events;
	kick(ctx);
}

__attribute__((format(printf, 2, 0))) static void on_library_log(void *cls, const char *fmt, va_list ap)
{
	char line[256];

	(void)cls;
	if (!log_on(LOG_LEVEL_DBG))
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = 0;
	log_dbg("%s", line);
}

static int open_socket(struct listener *l, int *fd)
{
	union addr a = {0};
	socklen_t n = sizeof(a);
	int err = addr_bind(l->params.bind, l->params.port, SOCK_STREAM, fd);

	if (!err && listen(*fd, BACKLOG) < 0)
		err = -errno;
	if (!err && getsockname(*fd, &a.sa, &n) < 0)
		err = -errno;
	if (err)
		log_errno(err, "cannot listen on %s port %u", l->params.identity ? "HTTPS" : "HTTP", l->params.port);
	else
		l->port = addr_port(&a);
	return err;
}

static struct MHD_Daemon *start(struct listener *l, int fd)
{
	const struct identity *id = l->params.identity;
	unsigned flags = MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (id ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_KEY, 0, id ? (char *)identity_key_pem(id) : NULL},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, id ? (char *)identity_cert_pem(id) : NULL},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (char *)TLS_PRIORITIES},
		{MHD_OPTION_TLS_NO_ALPN, 1, NULL},
		{MHD_OPTION_END, 0, NULL},
	};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

	return MHD_start_daemon(flags, 0, NULL, NULL, on_access, l, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
				MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
				l->params.limits.max_connections + HEADROOM, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)CONN_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, on_uri, l,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_NOTIFY_COMPLETED,
				on_completed, l, MHD_OPTION_ARRAY, id ? tls : none, MHD_OPTION_END);
}

int listener_create(struct listener **out, const struct listener_params *p)
{
	struct listener *l = calloc(1, sizeof(*l));
	int fd = -1, err;

	if (!l)
		return -ENOMEM;
	l->params = *p;
	err = open_socket(l, &fd);
	if (err)
		goto fail;
	err = -EIO;
	l->daemon = start(l, fd);
	if (!l->daemon) {
		log_err("the HTTP library does not start");
		goto fail;
	}
	l->fd = fd;
	l->events = EPOLLIN;
	fd = -1; /* closed with the daemon */
	err = -ENOMEM;
	l->timer = loop_timer_add(p->loop, on_timer, l);
	l->handle = loop_fd_add(p->loop, l->fd, l->events, on_listen_socket, l);
	if (!l->timer || !l->handle)
		goto fail;
	*out = l;
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	listener_destroy(l);
	return err;
}

void listener_destroy(struct listener *l)
{
	if (!l)
		return;
	loop_fd_remove(l->handle);
	if (l->daemon) {
		for (struct conn *c = l->conns; c; c = c->next) {
			struct http_call *call = c->call;

			if (!call || call->state != CALL_PARKED)
				continue;
			call->state = CALL_GONE;
			l->params.gone(call);
			MHD_resume_connection(call->mhd);
		}
		/* The last answers get their chance to leave. */
		for (unsigned i = 0; i < FLUSH_ROUNDS; i++)
			MHD_run(l->daemon);
		MHD_stop_daemon(l->daemon);
	}
	loop_timer_remove(l->timer);
	free(l);
}

uint16_t listener_port(const struct listener *l)
{
	return l->port;
}
