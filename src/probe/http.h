// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One GET at a time over HTTP or HTTPS, with a time-out on the whole request. HTTPS shows the client certificate and
 * takes exactly the pinned host certificate (by DER), whatever its name and dates say (1-session 3.2). Main thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

struct identity;
struct judge;

struct http_client {
	union addr host; /* port ignored */
	struct identity *id;
	struct judge *judge;
	uint16_t http_port, https_port;
};

struct http_reply {
	int status;
	struct buf body;
	union addr peer; /* what was connected to */
};

#define HTTP_BODY_MAX (4u << 20)

/* First address of host that answers on port: sets c->host. -errno. */
int http_resolve(struct http_client *c, const char *host, uint16_t port);

/* path with its query. r->body is the caller's to finish, also after an error. -errno; -EPROTO: no HTTP; -EACCES: the
 * host's certificate is not the pinned one; -ETIMEDOUT. */
int http_get(struct http_client *c, bool tls, const char *path, unsigned timeout_ms, struct http_reply *r);

/* A TCP connection with time-out, non-blocking afterwards. The fd, or -errno. */
int tcp_connect(const union addr *to, uint64_t deadline_ns);
/* Waits for events (POLLIN, POLLOUT). 0, -ETIMEDOUT. */
int fd_wait(int fd, short events, uint64_t deadline_ns);
