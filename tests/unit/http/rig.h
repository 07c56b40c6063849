// SPDX-License-Identifier: GPL-3.0-or-later
/* A whole HTTP and HTTPS server on loopback in a thread of its own, with recorded events, and blocking clients for
 * it. */
#pragma once

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "http/cert.h"
#include "http/clients.h"
#include "http/identity.h"
#include "http/server.h"

#define RIG_APPS 3

struct rig {
	char dir[64];
	struct loop *loop;
	struct http *http;
	struct clients *clients;
	struct identity *identity;
	uint16_t port, tls_port;
	pthread_t thread;
	int wake;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*job)(struct rig *r, void *arg);
	void *job_arg;
	bool job_done, quit;
	/* what the events saw; loop thread, or under rig_do() */
	bool answer_at_once; /* launch and cancel */
	int launch_status;
	struct http_call *waiting;
	struct launch_query query;
	uint8_t owner[32];
	uint32_t running;
	unsigned launches, cancels, gone, pins, paired;
	uint64_t steps, cpu_ns;
};

/* limits NULL: roomy ones. */
void rig_start(struct rig *r, const struct http_limits *limits);
void rig_restart(struct rig *r); /* keeps the state directory */
void rig_stop(struct rig *r);
/* Runs fn on the loop thread and waits for it. */
void rig_do(struct rig *r, void (*fn)(struct rig *r, void *arg), void *arg);
/* Polls until cond (run on the loop thread) holds. */
bool rig_until(struct rig *r, bool (*cond)(struct rig *r));

struct rig_cert {
	char *cert_pem, *key_pem;
	struct cert cert;
};

struct rig_cert_options {
	long version; /* 0: v1, 1: v2, 2: v3 */
	long serial;
	long from_s, to_s; /* relative to now; 0, 0: 20 years */
};

void rig_cert_make(struct rig_cert *c, const struct rig_cert_options *o);
void rig_cert_free(struct rig_cert *c);
void rig_pair(struct rig *r, const struct rig_cert *c, const char *name); /* stores it directly */

/* A connection; family 4 or 6. */
struct wire {
	int fd;
	bool tls;
	gnutls_session_t s;
	gnutls_certificate_credentials_t cred;
	int ca_names; /* that the server listed; -1: no certificate was asked for */
	uint8_t server_hash[32];
	unsigned server_chain;
};

struct wire_options {
	bool tls, v6, no_handshake;
	const struct rig_cert *cert;
	const char *priorities; /* NULL: NORMAL */
	const char *source;     /* address to connect from */
};

int wire_open(struct wire *w, const struct rig *r, const struct wire_options *o); /* 0, or a GnuTLS or errno code */
void wire_close(struct wire *w);
int wire_send(struct wire *w, const void *data, size_t len);
int wire_text(struct wire *w, const char *text);
ssize_t wire_recv(struct wire *w, void *buf, size_t cap);

struct answer {
	int http;   /* status line; 0: none came */
	int status; /* status_code of the root; 0: none */
	bool close; /* Connection: close */
	char *head, *body;
	size_t body_len;
};

int wire_answer(struct wire *w, struct answer *a); /* 0 or -1 */
void wire_get(struct wire *w, const char *path);
/* One request on a connection of its own. */
void rig_get(const struct rig *r, const struct wire_options *o, const char *path, struct answer *a);
void answer_free(struct answer *a);
/* The text of the first element with this name, in a static buffer; NULL: absent. */
const char *answer_text(const struct answer *a, const char *name);
bool answer_has(const struct answer *a, const char *text);
