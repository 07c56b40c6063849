// SPDX-License-Identifier: GPL-3.0-or-later
#include "world.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include <cmocka.h>

#include "base/rd.h"
#include "base/wr.h"

#define TURNS_MAX 20000 /* of 10 ms: only a hang gets there */

struct rtsp_limits limits_default(void)
{
	return (struct rtsp_limits){
		.max_connections = 32,
		.max_connections_per_ip = 16,
		.max_message = 65536,
		.read_timeout_ms = 600000,
	};
}

void world_start(struct world *w, const char *bind, const char *host, const struct rtsp_limits *limits)
{
	*w = (struct world){.host = host, .loop = loop_create()};
	assert_non_null(w->loop);
	assert_int_equal(rtsp_create(&w->r, w->loop, bind, 0, limits), 0);
	assert_int_not_equal(rtsp_port(w->r), 0);
}

void world_stop(struct world *w)
{
	rtsp_destroy(w->r);
	loop_destroy(w->loop);
}

void world_turn(struct world *w)
{
	for (int i = 0; i < 4; i++)
		assert_int_equal(loop_step(w->loop, 0), 0);
}

static int on_announce(void *ctx, const struct rtsp_announce *a)
{
	struct launch *l = ctx;

	l->announced++;
	l->announce = *a;
	if (l->forget_in_announce) {
		rtsp_forget(l->h);
		l->h = NULL;
	}
	return l->announce_rc;
}

static int on_play(void *ctx)
{
	struct launch *l = ctx;

	l->played++;
	if (l->forget_in_play) {
		rtsp_forget(l->h);
		l->h = NULL;
	}
	return l->play_rc;
}

static void on_progress(void *ctx, const union addr *peer)
{
	struct launch *l = ctx;

	assert_true(addr_same_host(peer, &l->p.peer) || l->p.sealed);
	l->progressed++;
	if (l->forget_in_progress) {
		rtsp_forget(l->h);
		l->h = NULL;
	}
}

void launch_init(struct launch *l, uint8_t key, const char *peer)
{
	*l = (struct launch){.url_host = "127.0.0.1"};
	l->p.offer = offer_all();
	l->p.sealed = key;
	memset(l->p.key, key, sizeof(l->p.key));
	strcpy(l->p.ping_payload, "0123456789ABCDEF");
	l->p.connect_data = 1949424234;
	assert_int_equal(addr_parse(&l->p.peer, peer, 0), 0);
	if (key) {
		l->gcm = gcm_create(l->p.key, GCM_IV_LEN);
		assert_non_null(l->gcm);
	}
}

void launch_expect(struct world *w, struct launch *l)
{
	const struct rtsp_events ev = {on_announce, on_play, on_progress};

	assert_int_equal(rtsp_expect(w->r, &l->p, &ev, l, &l->h), 0);
}

void launch_end(struct launch *l)
{
	rtsp_forget(l->h);
	gcm_destroy(l->gcm);
	*l = (struct launch){0};
}

int client_connect(struct world *w, const char *source)
{
	union addr to, from;
	int one = 1, fd;

	assert_int_equal(addr_parse(&to, w->host, rtsp_port(w->r)), 0);
	fd = socket(to.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (source) {
		assert_int_equal(addr_parse(&from, source, 0), 0);
		assert_int_equal(bind(fd, &from.sa, addr_len(&from)), 0);
	}
	assert_int_equal(connect(fd, &to.sa, addr_len(&to)), 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

void client_send(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

bool client_finish(struct world *w, int fd, struct buf *answer)
{
	buf_init(answer, 1 << 20);
	for (int i = 0; i < TURNS_MAX; i++) {
		uint8_t chunk[4096];
		ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

		if (n > 0) {
			buf_add(answer, chunk, (size_t)n);
		} else if (n == 0 || errno != EAGAIN) {
			close(fd);
			world_turn(w);
			return n == 0;
		} else {
			assert_int_equal(loop_step(w->loop, 10), 0);
		}
	}
	fail_msg("no end of the connection");
	return false;
}

bool exchange(struct world *w, const char *source, const void *data, size_t len, size_t piece, struct buf *answer)
{
	const uint8_t *p = data;
	int fd = client_connect(w, source);

	for (size_t n; len; p += n, len -= n) {
		n = piece && piece < len ? piece : len;
		client_send(fd, p, n);
		world_turn(w);
	}
	return client_finish(w, fd, answer);
}

static void seal_request(struct launch *l, const struct buf *text, struct buf *out)
{
	uint8_t iv[GCM_IV_LEN] = {0};
	uint8_t *p = buf_take(out, 24 + text->len);
	uint32_t seq = ++l->seq;

	/* Written out here, not with the host's own code. */
	assert_non_null(p);
	put_be32(p, 0x80000000u | (uint32_t)text->len);
	put_be32(p + 4, seq);
	iv[0] = (uint8_t)seq;
	iv[1] = (uint8_t)(seq >> 8);
	iv[10] = 'C';
	iv[11] = 'R';
	assert_int_equal(gcm_seal(l->gcm, iv, text->data, text->len, p + 24, p + 8), 0);
}

void request_write(struct launch *l, const char *method, const char *target, const struct buf *body, struct buf *out)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_init(out, 1 << 20);
	buf_fmt(&text, "%s %s RTSP/1.0\r\nCSeq: %u\r\nX-GS-ClientVersion: 14\r\nHost: %s\r\n", method, target,
		++l->cseq, l->url_host);
	if (*l->session)
		buf_fmt(&text, "Session: %s\r\n", l->session);
	if (body)
		buf_fmt(&text, "Content-type: application/sdp\r\nContent-length: %zu\r\n", body->len);
	buf_str(&text, "\r\n");
	if (body)
		buf_add(&text, body->data, body->len);
	if (l->p.sealed)
		seal_request(l, &text, out);
	else
		buf_add(out, text.data, text.len);
	assert_false(text.err || out->err);
	buf_finish(&text);
}

static uint32_t be32(const uint8_t *p)
{
	struct rd r = rd_init(p, 4);

	return rd_be32(&r);
}

static void open_answer(struct launch *l, struct buf *answer)
{
	uint8_t iv[GCM_IV_LEN] = {0};
	uint32_t seq;

	assert_true(answer->len > 24);
	seq = be32(answer->data + 4);
	assert_int_equal(be32(answer->data), 0x80000000u | (answer->len - 24));
	assert_true(seq > l->host_seq_max); /* never twice under one key */
	l->host_seq_max = seq;
	iv[0] = (uint8_t)seq;
	iv[1] = (uint8_t)(seq >> 8);
	iv[10] = 'H';
	iv[11] = 'R';
	assert_int_equal(gcm_open(l->gcm, iv, answer->data + 24, answer->len - 24, answer->data + 8, answer->data + 24),
			 0);
	buf_consume(answer, 24);
}

struct reply answer_read(struct launch *l, struct buf *answer)
{
	struct reply r;

	if (l->p.sealed)
		open_answer(l, answer);
	r = reply_read(answer);
	assert_true(r.ok);
	return r;
}

unsigned ask(struct world *w, struct launch *l, const char *method, const char *target, const struct buf *body)
{
	struct buf request, answer;
	unsigned status = 0;

	request_write(l, method, target, body, &request);
	assert_true(exchange(w, l->source, request.data, request.len, 0, &answer));
	if (answer.len) {
		struct reply r = answer_read(l, &answer);
		char want[16];

		status = r.status;
		snprintf(want, sizeof(want), "%u", l->cseq);
		assert_string_equal(reply_header(&r, "CSeq"), want);
		/* what the client keeps: the text before the first ';' */
		if (*reply_header(&r, "Session"))
			snprintf(l->session, sizeof(l->session), "%.*s", (int)strcspn(reply_header(&r, "Session"), ";"),
				 reply_header(&r, "Session"));
	}
	buf_finish(&request);
	buf_finish(&answer);
	return status;
}

void ask_set_up(struct world *w, struct launch *l)
{
	char url[300];

	snprintf(url, sizeof(url), "%s://%s:48010", l->p.sealed ? "rtspenc" : "rtsp", l->url_host);
	assert_int_equal(ask(w, l, "OPTIONS", url, NULL), 200);
	assert_int_equal(ask(w, l, "DESCRIBE", url, NULL), 200);
	assert_int_equal(ask(w, l, "SETUP", "streamid=audio/0/0", NULL), 200);
	assert_int_equal(ask(w, l, "SETUP", "streamid=video/0/0", NULL), 200);
	assert_int_equal(ask(w, l, "SETUP", "streamid=control/13/0", NULL), 200);
}

void ask_announce(struct world *w, struct launch *l)
{
	struct buf body;

	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	assert_int_equal(ask(w, l, "ANNOUNCE", "streamid=control/13/0", &body), 200);
	buf_finish(&body);
}

void ask_play(struct world *w, struct launch *l)
{
	assert_int_equal(ask(w, l, "PLAY", "/", NULL), 200);
}
