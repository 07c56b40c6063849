// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/http.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "base/str.h"
#include "probe/identity.h"
#include "probe/judge.h"

#define LOG_MODULE "http"
#include "base/log.h"

#define RESOLVE_MS 5000u
#define CHUNK      4096u

struct conn {
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;
	uint64_t deadline;
};

int fd_wait(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = clock_ns();
		int n;

		if (now >= deadline_ns)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)((deadline_ns - now) / NS_PER_MS) + 1);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

int tcp_connect(const union addr *to, uint64_t deadline_ns)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0, rc;
	socklen_t len = sizeof(err);

	if (fd < 0)
		return -errno;
	rc = connect(fd, &to->sa, addr_len(to)) ? -errno : 0;
	if (rc == -EINPROGRESS) {
		rc = fd_wait(fd, POLLOUT, deadline_ns);
		if (!rc && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
			rc = -errno;
		else if (!rc)
			rc = -err;
	}
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int http_resolve(struct http_client *c, const char *host, uint16_t port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *a;
	int rc = -EHOSTUNREACH;

	if (getaddrinfo(host, NULL, &hints, &list)) {
		log_err("no address for %s", host);
		return -EHOSTUNREACH;
	}
	for (a = list; a && rc < 0; a = a->ai_next) {
		union addr to = {0};

		if (a->ai_addrlen > sizeof(to))
			continue;
		memcpy(&to, a->ai_addr, a->ai_addrlen);
		addr_set_port(&to, port);
		rc = tcp_connect(&to, clock_ns() + RESOLVE_MS * NS_PER_MS);
		if (rc >= 0) {
			close(rc);
			c->host = to;
		}
	}
	freeaddrinfo(list);
	if (rc < 0)
		log_errno(rc, "cannot reach %s port %u", host, port);
	return rc < 0 ? rc : 0;
}

/* What TLS wants before it goes on. */
static int tls_wait(struct conn *c, int n)
{
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return fd_wait(c->fd, POLLIN, c->deadline);
	case SSL_ERROR_WANT_WRITE:
		return fd_wait(c->fd, POLLOUT, c->deadline);
	default:
		return -ECONNRESET;
	}
}

static int judge_tls(struct conn *c, struct http_client *h)
{
	X509 *peer = SSL_get1_peer_certificate(c->ssl);
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(c->ssl);
	const STACK_OF(X509_NAME) *names = SSL_get0_peer_CA_list(c->ssl);
	int rc = 0;

	if (chain && sk_X509_num(chain) != 1)
		judge_fault(h->judge, "1-session 2.2", "%d certificates in the TLS chain, not 1", sk_X509_num(chain));
	if (names && sk_X509_NAME_num(names))
		judge_fault(h->judge, "1-session 3.3", "CertificateRequest names %d authorities, not 0",
			    sk_X509_NAME_num(names));
	if (!peer || !h->id->host || X509_cmp(peer, h->id->host) != 0) {
		log_err("the host's certificate is not the one it was paired with");
		rc = -EACCES;
	}
	X509_free(peer);
	return rc;
}

static int tls_start(struct conn *c, struct http_client *h)
{
	int n, rc;

	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ctx || SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_use_certificate(c->ctx, h->id->cert) != 1 || SSL_CTX_use_PrivateKey(c->ctx, h->id->key) != 1)
		return -EIO;
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(c->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	c->ssl = SSL_new(c->ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
		return -EIO;
	while ((n = SSL_connect(c->ssl)) != 1) {
		rc = tls_wait(c, n);
		if (rc) {
			log_errno(rc, "TLS handshake failed");
			return rc;
		}
	}
	return judge_tls(c, h);
}

static int conn_write(struct conn *c, const char *p, size_t len)
{
	while (len) {
		ssize_t n;
		int rc = 0;

		if (c->ssl) {
			n = SSL_write(c->ssl, p, (int)len);
			rc = n <= 0 ? tls_wait(c, (int)n) : 0;
		} else {
			n = send(c->fd, p, len, MSG_NOSIGNAL);
			if (n < 0)
				rc = errno == EAGAIN ? fd_wait(c->fd, POLLOUT, c->deadline) : -errno;
		}
		if (rc)
			return rc;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Bytes read, 0 at the end, or -errno. */
static ssize_t conn_read(struct conn *c, void *p, size_t len)
{
	for (;;) {
		ssize_t n;
		int rc;

		if (c->ssl) {
			n = SSL_read(c->ssl, p, (int)len);
			if (n > 0 || SSL_get_error(c->ssl, (int)n) == SSL_ERROR_ZERO_RETURN)
				return n > 0 ? n : 0;
			rc = tls_wait(c, (int)n);
		} else {
			n = recv(c->fd, p, len, 0);
			if (n >= 0)
				return n;
			rc = errno == EAGAIN ? fd_wait(c->fd, POLLIN, c->deadline) : -errno;
		}
		if (rc)
			return rc;
	}
}

/* The value of a header in the head (names without case), trimmed; false: absent. */
static bool head_value(const char *head, const char *name, char *out, size_t cap)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
		const char *v = line + 2 + n, *end;

		if (strncasecmp(line + 2, name, n) != 0 || *v != ':')
			continue;
		v += 1 + strspn(v + 1, " \t");
		end = strstr(v, "\r\n");
		if (!end || (size_t)(end - v) >= cap)
			return false;
		memcpy(out, v, (size_t)(end - v));
		out[end - v] = 0;
		return true;
	}
	return false;
}

/* Reads head and body. all: head and what came with it, kept separate from the body afterwards. */
static int read_reply(struct conn *c, struct http_client *h, struct http_reply *r)
{
	char chunk[CHUNK], value[64], *end = NULL;
	int64_t want = -1, status;
	size_t head = 0;
	struct buf all;
	ssize_t n;
	int rc = 0;

	buf_init(&all, HTTP_BODY_MAX + CHUNK);
	for (;;) {
		if (head && want >= 0 && all.len >= head + (size_t)want)
			break;
		n = conn_read(c, chunk, sizeof(chunk));
		if (n < 0)
			rc = (int)n;
		if (n <= 0)
			break;
		buf_add(&all, chunk, (size_t)n);
		if (all.err) {
			rc = -EFBIG;
			break;
		}
		if (!head && (end = strstr(buf_cstr(&all), "\r\n\r\n"))) {
			head = (size_t)(end - buf_cstr(&all)) + 4;
			end[2] = 0;
			if (head_value(buf_cstr(&all), "Content-Length", value, sizeof(value)) &&
			    str_to_i64(value, strlen(value), 0, HTTP_BODY_MAX, &want))
				rc = -EPROTO;
			if (want < 0)
				judge_fault(h->judge, "1-session 2.2", "response without Content-Length");
		}
		if (rc)
			break;
	}
	if (!rc && (!head || all.len < 12 || strncmp(buf_cstr(&all), "HTTP/1.", 7) != 0 ||
		    str_to_i64(buf_cstr(&all) + 9, 3, 100, 599, &status)))
		rc = -EPROTO;
	if (!rc && want >= 0 && all.len < head + (size_t)want)
		rc = -EPROTO;
	if (!rc) {
		r->status = (int)status;
		buf_add(&r->body, all.data + head, want >= 0 ? (size_t)want : all.len - head);
	}
	buf_finish(&all);
	return rc;
}

int http_get(struct http_client *c, bool tls, const char *path, unsigned timeout_ms, struct http_reply *r)
{
	struct conn conn = {.fd = -1, .deadline = clock_ns() + timeout_ms * NS_PER_MS};
	char name[ADDR_TEXT];
	struct buf request;
	int rc;

	*r = (struct http_reply){0};
	buf_init(&r->body, HTTP_BODY_MAX);
	buf_init(&request, 16384);
	r->peer = c->host;
	addr_set_port(&r->peer, tls ? c->https_port : c->http_port);
	rc = conn.fd = tcp_connect(&r->peer, conn.deadline);
	if (rc >= 0)
		rc = tls ? tls_start(&conn, c) : 0;
	if (!rc) {
		buf_fmt(&request, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\nConnection: close\r\n\r\n", path,
			addr_text(&r->peer, name));
		rc = request.err ? -EINVAL : conn_write(&conn, buf_cstr(&request), request.len);
	}
	if (!rc)
		rc = read_reply(&conn, c, r);
	if (conn.ssl && !rc)
		SSL_shutdown(conn.ssl);
	SSL_free(conn.ssl);
	SSL_CTX_free(conn.ctx);
	ERR_clear_error();
	if (conn.fd >= 0)
		close(conn.fd);
	buf_finish(&request);
	log_dbg("GET %s%.40s: %d, status %d", tls ? "https " : "", path, rc, r->status);
	return rc;
}
