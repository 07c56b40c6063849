// SPDX-License-Identifier: GPL-3.0-or-later
#include "rig.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

#define must(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			fprintf(stderr, "%s:%d: %s failed\n", __FILE__, __LINE__, #x);                                 \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Events */

static void ev_serverinfo(void *ctx, const uint8_t *client, struct serverinfo *out)
{
	struct rig *r = ctx;

	out->codec_support = 0x30301;
	out->hevc = true;
	if (client && r->running && memcmp(client, r->owner, 32) == 0)
		out->current_app = r->running;
}

static bool ev_app(void *ctx, unsigned n, struct applist_entry *out)
{
	static const struct applist_entry apps[RIG_APPS] = {
		{881448767, "Desktop", false},
		{2147483647, "A & B <\"x\"> 'q'", true},
		{1, "Emoji \xf0\x9f\x8e\xae", false},
	};

	(void)ctx;
	if (n >= RIG_APPS)
		return false;
	*out = apps[n];
	return true;
}

static int ev_asset(void *ctx, uint32_t app_id, struct buf *out)
{
	(void)ctx;
	if (app_id != 881448767)
		return -ENOENT;
	buf_add(out, "\x89PNG\r\n\x1a\nrest", 12);
	return 0;
}

static void ev_launch(void *ctx, struct http_call *call, const struct launch_query *q)
{
	struct rig *r = ctx;

	r->launches++;
	r->query = *q;
	if (!r->answer_at_once) {
		r->waiting = call;
		return;
	}
	if (r->launch_status == 200) {
		memcpy(r->owner, q->client, 32);
		r->running = q->app_id ? q->app_id : r->running;
	}
	http_launch_done(call, r->launch_status, "no <luck>", q->corever >= 1);
}

static void ev_cancel(void *ctx, struct http_call *call, const uint8_t client[32])
{
	struct rig *r = ctx;

	r->cancels++;
	if (memcmp(client, r->owner, 32) == 0)
		r->running = 0;
	http_cancel_done(call, 200, NULL);
}

static void ev_gone(void *ctx, struct http_call *call)
{
	struct rig *r = ctx;

	r->gone++;
	if (r->waiting == call)
		r->waiting = NULL;
}

static void ev_pin(void *ctx, const union addr *peer)
{
	struct rig *r = ctx;

	(void)peer;
	r->pins++;
}

static void ev_paired(void *ctx, const uint8_t client[32], const char *name)
{
	struct rig *r = ctx;

	(void)client, (void)name;
	r->paired++;
}

static const struct http_events events = {
	.serverinfo = ev_serverinfo,
	.app = ev_app,
	.asset = ev_asset,
	.launch = ev_launch,
	.cancel = ev_cancel,
	.gone = ev_gone,
	.pin_wanted = ev_pin,
	.paired = ev_paired,
};

/* The thread */

static void on_wake(void *ctx, uint32_t ev)
{
	struct rig *r = ctx;
	uint64_t n;

	(void)ev;
	must(read(r->wake, &n, sizeof(n)) == sizeof(n));
	pthread_mutex_lock(&r->lock);
	if (r->job) {
		r->job(r, r->job_arg);
		r->job = NULL;
		r->job_done = true;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
}

static void *run(void *arg)
{
	struct rig *r = arg;

	while (!r->quit) {
		must(loop_step(r->loop, -1) == 0);
		r->steps++;
		r->cpu_ns = clock_thread_cpu_ns();
	}
	return NULL;
}

void rig_do(struct rig *r, void (*fn)(struct rig *r, void *arg), void *arg)
{
	uint64_t one = 1;

	pthread_mutex_lock(&r->lock);
	r->job = fn;
	r->job_arg = arg;
	r->job_done = false;
	must(write(r->wake, &one, sizeof(one)) == sizeof(one));
	while (!r->job_done)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

struct condition {
	bool (*cond)(struct rig *r);
	bool holds;
};

static void check(struct rig *r, void *arg)
{
	struct condition *c = arg;

	c->holds = c->cond(r);
}

bool rig_until(struct rig *r, bool (*cond)(struct rig *r))
{
	struct condition c = {cond, false};

	for (unsigned i = 0; i < 3000; i++) {
		rig_do(r, check, &c);
		if (c.holds)
			return true;
		usleep(10000);
	}
	return false;
}

static void quit_job(struct rig *r, void *arg)
{
	(void)arg;
	r->quit = true;
}

static const struct http_limits roomy = {
	.max_connections = 64,
	.max_connections_per_ip = 48,
	.timeout_s = 20,
	.pin_timeout_s = 120,
	.max_pairings = 4,
};

static void begin(struct rig *r, const struct http_limits *limits)
{
	struct http_params p = {
		.bind = "",
		.port_rtsp = 48010,
		.host_name = "rig & co",
		.limits = limits ? *limits : roomy,
	};

	log_set_level(LOG_LEVEL_ERR);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	r->quit = false;
	r->answer_at_once = true;
	r->launch_status = 200;
	must(identity_load(&r->identity, r->dir) == 0);
	must(clients_load(&r->clients, r->dir) == 0);
	p.identity = r->identity;
	p.clients = r->clients;
	must(r->loop = loop_create());
	must((r->wake = eventfd(0, EFD_CLOEXEC)) >= 0);
	must(loop_fd_add(r->loop, r->wake, EPOLLIN, on_wake, r));
	must(http_create(&r->http, r->loop, &p, &events, r) == 0);
	r->port = http_port(r->http, false);
	r->tls_port = http_port(r->http, true);
	must(pthread_create(&r->thread, NULL, run, r) == 0);
}

static void finish(struct rig *r)
{
	rig_do(r, quit_job, NULL);
	pthread_join(r->thread, NULL);
	http_destroy(r->http);
	loop_destroy(r->loop);
	clients_destroy(r->clients);
	identity_destroy(r->identity);
	close(r->wake);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
}

/* Making a key takes long under sanitizers: one for the whole program. */
static void seed_identity(const char *dir)
{
	static char template[64];
	char command[256];
	struct identity *id;

	if (!*template) {
		strcpy(template, "/tmp/moonrill-http-id-XXXXXX");
		must(mkdtemp(template));
		must(identity_load(&id, template) == 0);
		identity_destroy(id);
	}
	snprintf(command, sizeof(command), "cp -p %s/host.pem %s/uniqueid %s/", template, template, dir);
	must(system(command) == 0);
}

void rig_start(struct rig *r, const struct http_limits *limits)
{
	*r = (struct rig){0};
	strcpy(r->dir, "/tmp/moonrill-http-XXXXXX");
	must(mkdtemp(r->dir));
	seed_identity(r->dir);
	begin(r, limits);
}

void rig_restart(struct rig *r)
{
	finish(r);
	begin(r, NULL);
}

void rig_stop(struct rig *r)
{
	char command[128];

	finish(r);
	snprintf(command, sizeof(command), "rm -rf %s", r->dir);
	must(system(command) == 0);
}

/* Certificates */

static char *bio_take(BIO *b)
{
	char *data, *out;
	long n = BIO_get_mem_data(b, &data);

	must(out = strndup(data, (size_t)n));
	BIO_free(b);
	return out;
}

void rig_cert_make(struct rig_cert *c, const struct rig_cert_options *o)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *x = X509_new();
	BIO *cert = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
	long to = o->from_s || o->to_s ? o->to_s : 20l * 365 * 86400;

	must(key && x && cert && secret);
	X509_set_version(x, o->version);
	ASN1_INTEGER_set(X509_get_serialNumber(x), o->serial);
	X509_gmtime_adj(X509_getm_notBefore(x), o->from_s);
	X509_gmtime_adj(X509_getm_notAfter(x), to);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"NVIDIA GameStream Client", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	must(X509_sign(x, key, EVP_sha256()) > 0);
	must(PEM_write_bio_X509(cert, x) == 1);
	must(PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1);
	c->cert_pem = bio_take(cert);
	c->key_pem = bio_take(secret);
	must(cert_from_pem(&c->cert, c->cert_pem, strlen(c->cert_pem)) == 0);
	X509_free(x);
	EVP_PKEY_free(key);
}

void rig_cert_free(struct rig_cert *c)
{
	free(c->cert_pem);
	free(c->key_pem);
}

struct pair_job {
	const struct rig_cert *cert;
	const char *name;
};

static void pair_job(struct rig *r, void *arg)
{
	const struct pair_job *j = arg;

	must(clients_add(r->clients, &j->cert->cert, j->name) == 0);
}

void rig_pair(struct rig *r, const struct rig_cert *c, const char *name)
{
	struct pair_job j = {c, name};

	rig_do(r, pair_job, &j);
}

/* Clients */

static int on_cert_request(gnutls_session_t s, const gnutls_datum_t *req_ca_dn, int n,
			   const gnutls_pk_algorithm_t *algos, int n_algos, gnutls_pcert_st **pcert, unsigned *n_pcert,
			   gnutls_privkey_t *key)
{
	struct wire *w = gnutls_session_get_ptr(s);

	(void)req_ca_dn, (void)algos, (void)n_algos, (void)pcert, (void)n_pcert, (void)key;
	w->ca_names = n;
	*n_pcert = 0;
	return 0;
}

static int handshake(struct wire *w, const struct wire_options *o)
{
	const gnutls_datum_t *chain;
	int err;

	gnutls_init(&w->s, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
	gnutls_session_set_ptr(w->s, w);
	gnutls_certificate_allocate_credentials(&w->cred);
	if (o->cert) {
		gnutls_datum_t cert = {(unsigned char *)o->cert->cert_pem, (unsigned)strlen(o->cert->cert_pem)};
		gnutls_datum_t key = {(unsigned char *)o->cert->key_pem, (unsigned)strlen(o->cert->key_pem)};

		must(gnutls_certificate_set_x509_key_mem(w->cred, &cert, &key, GNUTLS_X509_FMT_PEM) == 0);
	} else {
		gnutls_certificate_set_retrieve_function2(w->cred, on_cert_request);
	}
	gnutls_credentials_set(w->s, GNUTLS_CRD_CERTIFICATE, w->cred);
	must(gnutls_priority_set_direct(w->s, o->priorities ? o->priorities : "NORMAL", NULL) == 0);
	gnutls_transport_set_int(w->s, w->fd);
	if (o->no_handshake)
		return 0;
	do
		err = gnutls_handshake(w->s);
	while (err < 0 && !gnutls_error_is_fatal(err) && err != GNUTLS_E_AGAIN);
	if (err < 0)
		return err;
	chain = gnutls_certificate_get_peers(w->s, &w->server_chain);
	if (chain)
		cert_hash(w->server_hash, chain[0].data, chain[0].size);
	return 0;
}

int wire_open(struct wire *w, const struct rig *r, const struct wire_options *o)
{
	struct timeval patience = {.tv_sec = 30};
	union addr to, from;

	*w = (struct wire){.tls = o->tls, .ca_names = -1};
	must(addr_parse(&to, o->v6 ? "::1" : "127.0.0.1", o->tls ? r->tls_port : r->port) == 0);
	w->fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return -errno;
	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (o->source) {
		must(addr_parse(&from, o->source, 0) == 0);
		must(bind(w->fd, &from.sa, addr_len(&from)) == 0);
	}
	if (connect(w->fd, &to.sa, addr_len(&to)) < 0)
		return -errno;
	return o->tls ? handshake(w, o) : 0;
}

void wire_close(struct wire *w)
{
	if (w->s)
		gnutls_deinit(w->s);
	if (w->cred)
		gnutls_certificate_free_credentials(w->cred);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->s = NULL;
	w->cred = NULL;
}

int wire_send(struct wire *w, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = w->tls ? gnutls_record_send(w->s, p, len) : send(w->fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int wire_text(struct wire *w, const char *text)
{
	return wire_send(w, text, strlen(text));
}

ssize_t wire_recv(struct wire *w, void *buf, size_t cap)
{
	ssize_t n;

	if (!w->tls)
		return recv(w->fd, buf, cap, 0);
	do
		n = gnutls_record_recv(w->s, buf, cap);
	while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_REHANDSHAKE);
	return n;
}

int wire_answer(struct wire *w, struct answer *a)
{
	char *end = NULL, *p;
	size_t want = SIZE_MAX;
	struct buf b;

	*a = (struct answer){0};
	buf_init(&b, 1u << 24);
	while (!end || b.len < want) {
		char chunk[4096];
		ssize_t n = wire_recv(w, chunk, sizeof(chunk));

		if (n <= 0)
			break;
		buf_add(&b, chunk, (size_t)n);
		if (end || !(end = strstr(buf_cstr(&b), "\r\n\r\n")))
			continue;
		p = strstr(buf_cstr(&b), "Content-Length: ");
		if (p && p < end)
			want = (size_t)(end + 4 - buf_cstr(&b)) + strtoul(p + 16, NULL, 10);
	}
	end = b.len ? strstr(buf_cstr(&b), "\r\n\r\n") : NULL;
	if (!end) {
		buf_finish(&b);
		return -1;
	}
	must(sscanf(buf_cstr(&b), "HTTP/1.%*d %d", &a->http) == 1);
	must(a->head = strndup(buf_cstr(&b), (size_t)(end - buf_cstr(&b))));
	a->body_len = b.len - (size_t)(end + 4 - buf_cstr(&b));
	must(a->body = malloc(a->body_len + 1));
	memcpy(a->body, end + 4, a->body_len);
	a->body[a->body_len] = 0;
	a->close = strstr(a->head, "Connection: close") || strstr(a->head, "Connection: Close");
	p = strstr(a->body, "status_code=\"");
	if (p)
		a->status = atoi(p + 13);
	buf_finish(&b);
	return 0;
}

void wire_get(struct wire *w, const char *path)
{
	size_t n = strlen(path) + 128;
	char *text = malloc(n);

	must(text);
	snprintf(text, n, "GET %s HTTP/1.1\r\nHost: rig\r\n\r\n", path);
	wire_send(w, text, strlen(text));
	free(text);
}

void rig_get(const struct rig *r, const struct wire_options *o, const char *path, struct answer *a)
{
	struct wire w;

	*a = (struct answer){0};
	if (wire_open(&w, r, o) == 0) {
		wire_get(&w, path);
		wire_answer(&w, a);
	}
	wire_close(&w);
}

void answer_free(struct answer *a)
{
	free(a->head);
	free(a->body);
	*a = (struct answer){0};
}

const char *answer_text(const struct answer *a, const char *name)
{
	static char out[8192];
	char open[64], close[64];
	const char *p, *e;

	if (!a->body)
		return NULL;
	snprintf(open, sizeof(open), "<%s>", name);
	snprintf(close, sizeof(close), "</%s>", name);
	p = strstr(a->body, open);
	e = p ? strstr(p, close) : NULL;
	if (!e)
		return NULL;
	p += strlen(open);
	snprintf(out, sizeof(out), "%.*s", (int)(e - p), p);
	return out;
}

bool answer_has(const struct answer *a, const char *text)
{
	return a->body && strstr(a->body, text);
}
