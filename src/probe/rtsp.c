// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/rtsp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "probe/http.h"
#include "probe/judge.h"
#include "probe/rtsp_msg.h"

#define LOG_MODULE "rtsp"
#include "base/log.h"

#define CONNECT_MS  10000u
#define READ_MS     15000u
#define CLOSE_MS    1000u /* how soon the host must close after its answer (S40) */
#define RETRIES     20u
#define SEGMENT     536u
#define REQUEST_MAX 8192u

struct talk {
	const struct rtsp_params *p;
	struct rtsp_result *r;
	struct sealer *sealer;
	uint32_t seq, host_seq[8];
	unsigned n_host_seq;
	char target[256], host[ADDR_TEXT], session[64];
	struct buf bytes; /* the last answer */
	struct rtsp_response answer;
};

static int connect_patiently(const union addr *to)
{
	for (unsigned i = 0;; i++) {
		int fd = tcp_connect(to, clock_ns() + CONNECT_MS * NS_PER_MS);

		if (fd != -ECONNREFUSED || i == RETRIES)
			return fd;
		clock_sleep_until(clock_ns() + 500 * NS_PER_MS);
	}
}

static int send_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len < SEGMENT ? len : SEGMENT, MSG_NOSIGNAL);

		if (n < 0) {
			int rc = errno == EAGAIN ? fd_wait(fd, POLLOUT, clock_ns() + READ_MS * NS_PER_MS) : -errno;

			if (rc)
				return rc;
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Until the host closes: only the end of the connection ends an answer (6.1). */
static int read_all(struct talk *t, int fd)
{
	uint64_t last = 0, now;
	char chunk[4096];

	buf_reset(&t->bytes);
	for (;;) {
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);
		int rc;

		if (n > 0) {
			buf_add(&t->bytes, chunk, (size_t)n);
			last = clock_ns();
			if (t->bytes.err)
				return -EFBIG;
			continue;
		}
		if (n == 0)
			break;
		rc = errno == EAGAIN ? fd_wait(fd, POLLIN, clock_ns() + READ_MS * NS_PER_MS) : -errno;
		if (rc == -ECONNRESET)
			judge_fault(t->p->judge, "1-session 6.1", "connection reset instead of closed");
		if (rc)
			return rc;
	}
	now = clock_ns();
	if (last && now - last > CLOSE_MS * NS_PER_MS)
		judge_fault(t->p->judge, "1-session 6.1", "closed %u ms after the answer",
			    (unsigned)((now - last) / NS_PER_MS));
	return t->bytes.len ? 0 : -ECONNRESET;
}

static int open_answer(struct talk *t, char **text, size_t *len)
{
	uint32_t seq;
	int rc;

	*text = (char *)t->bytes.data;
	*len = t->bytes.len;
	if (!t->p->sealed)
		return 0;
	rc = rtsp_unseal(t->sealer, 'H', t->bytes.data, t->bytes.len, &seq, text, len);
	if (rc) {
		judge_fault(t->p->judge, "1-session 6.4",
			    rc == -EPROTO ? "answer is not one sealed frame" : "sealed answer cannot be opened");
		return rc;
	}
	for (unsigned i = 0; i < t->n_host_seq; i++) {
		if (t->host_seq[i] == seq)
			judge_fault(t->p->judge, "1-session 6.4", "sequence %u used twice by the host", seq);
	}
	if (t->n_host_seq < ARRAY_LEN(t->host_seq))
		t->host_seq[t->n_host_seq++] = seq;
	return 0;
}

/* method, target and the headers (and body) after the common ones. */
static int transact(struct talk *t, const char *method, const char *target, const char *rest)
{
	uint8_t sealed[REQUEST_MAX + RTSP_SEAL_HEADER];
	char text[REQUEST_MAX], *answer;
	const char *cseq;
	int n, fd, rc;
	size_t len;

	n = snprintf(text, sizeof(text), "%s %s RTSP/1.0\r\nCSeq: %u\r\nX-GS-ClientVersion: 14\r\nHost: %s\r\n%s",
		     method, target, ++t->seq, t->host, rest);
	if (n < 0 || n >= (int)sizeof(text))
		return -EMSGSIZE;
	fd = connect_patiently(&t->p->host);
	if (fd < 0)
		return fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	rc = t->p->sealed ? rtsp_seal(t->sealer, t->seq, 'C', text, (size_t)n, sealed) : 0;
	if (!rc)
		rc = t->p->sealed ? send_all(fd, sealed, (size_t)n + RTSP_SEAL_HEADER)
				  : send_all(fd, (uint8_t *)text, (size_t)n);
	if (!rc)
		rc = read_all(t, fd);
	close(fd);
	if (!rc)
		rc = open_answer(t, &answer, &len);
	if (!rc)
		rc = rtsp_response_parse(&t->answer, answer, len, t->p->judge);
	if (rc) {
		log_errno(rc, "%s %s", method, target);
		return rc;
	}
	t->r->status = t->answer.status;
	snprintf(text, sizeof(text), "%u", t->seq);
	cseq = rtsp_response_header(&t->answer, "CSeq");
	if (!cseq || strcmp(cseq, text) != 0)
		judge_fault(t->p->judge, "1-session 6.1", "CSeq %s in the answer to %s", cseq ? cseq : "missing", text);
	log_dbg("%s %s: %d %s", method, target, t->answer.status, t->answer.reason);
	if (t->answer.status == 200)
		return 0;
	log_err("%s: %d %s", method, t->answer.status, t->answer.reason);
	return -EREMOTEIO;
}

static uint16_t server_port(struct talk *t)
{
	const char *v = rtsp_response_header(&t->answer, "Transport"), *p = v ? strstr(v, "server_port=") : NULL;
	long n = p ? strtol(p + strlen("server_port="), NULL, 10) : 0;

	if (n <= 0 || n > UINT16_MAX) {
		judge_fault(t->p->judge, "1-session 6.3", "SETUP answer without server_port");
		return 0;
	}
	return (uint16_t)n;
}

static void read_ping(struct talk *t, char out[RTSP_PING + 1])
{
	const char *v = rtsp_response_header(&t->answer, "X-SS-Ping-Payload");

	out[0] = 0;
	if (!v || strlen(v) != RTSP_PING)
		judge_fault(t->p->judge, "1-session 6.3", "X-SS-Ping-Payload is not 16 characters");
	else
		memcpy(out, v, RTSP_PING + 1);
}

static int setup(struct talk *t, const char *target, uint16_t *port)
{
	char rest[256];
	int rc;

	snprintf(rest, sizeof(rest),
		 "%s%s%sTransport: unicast;X-GS-ClientPort=50000-50001\r\n"
		 "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n",
		 t->session[0] ? "Session: " : "", t->session, t->session[0] ? "\r\n" : "");
	rc = transact(t, "SETUP", target, rest);
	if (rc)
		return rc;
	*port = server_port(t);
	return *port ? 0 : -EPROTO;
}

static int describe(struct talk *t)
{
	int rc = transact(t, "DESCRIBE", t->target,
			  "Accept: application/sdp\r\nIf-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n");
	struct buf body;

	if (rc)
		return rc;
	buf_init(&body, RTSP_RESPONSE_MAX);
	buf_add(&body, t->answer.body, t->answer.body_len);
	sdp_offer_parse(&t->r->offer, buf_cstr(&body), t->p->judge);
	buf_finish(&body);
	return t->p->described(t->p->ctx, &t->r->offer, &t->r->announce);
}

static int setup_audio(struct talk *t)
{
	int rc = setup(t, "streamid=audio/0/0", &t->r->audio_port);
	const char *v = rc ? NULL : rtsp_response_header(&t->answer, "Session");
	size_t n = v ? strcspn(v, ";") : 0;

	if (rc)
		return rc;
	if (!n || n >= sizeof(t->session)) {
		judge_fault(t->p->judge, "1-session 6.3", "SETUP audio without a Session");
		return -EPROTO;
	}
	memcpy(t->session, v, n);
	t->session[n] = 0;
	read_ping(t, t->r->audio_ping);
	return t->p->audio_ready(t->p->ctx, t->r->audio_port, t->r->audio_ping);
}

static int setup_control(struct talk *t)
{
	int rc = setup(t, "streamid=control/13/0", &t->r->control_port);
	const char *v = rc ? NULL : rtsp_response_header(&t->answer, "X-SS-Connect-Data");
	int64_t n = 0;

	if (rc)
		return rc;
	if (!v || str_to_i64(v, strlen(v), 0, UINT32_MAX, &n) || (v[0] == '0' && v[1]))
		judge_fault(t->p->judge, "1-session 6.3", "X-SS-Connect-Data %s is not a decimal number", v ? v : "");
	t->r->connect_data = v ? (uint32_t)strtoul(v, NULL, 0) : 0;
	return 0;
}

static int announce(struct talk *t)
{
	struct buf body, rest;
	int rc;

	t->r->announce.video_port = t->r->video_port;
	buf_init(&body, REQUEST_MAX);
	buf_init(&rest, REQUEST_MAX);
	sdp_announce_write(&body, &t->r->announce);
	buf_fmt(&rest, "Session: %s\r\nContent-type: application/sdp\r\nContent-length: %zu\r\n\r\n%s", t->session,
		body.len, buf_cstr(&body));
	rc = body.err || rest.err ? -EMSGSIZE : transact(t, "ANNOUNCE", "streamid=control/13/0", buf_cstr(&rest));
	buf_finish(&body);
	buf_finish(&rest);
	return rc;
}

static int play(struct talk *t)
{
	char rest[96];

	snprintf(rest, sizeof(rest), "Session: %s\r\n\r\n", t->session);
	return transact(t, "PLAY", "/", rest);
}

int rtsp_run(const struct rtsp_params *p, struct rtsp_result *r)
{
	struct talk t = {.p = p, .r = r};
	int rc = 0;

	*r = (struct rtsp_result){0};
	buf_init(&t.bytes, RTSP_RESPONSE_MAX);
	t.sealer = sealer_create(p->key, SEAL_IV);
	if (!t.sealer)
		return -ENOMEM;
	/* Low-quality stereo is asked for by an address that says nothing (1-session 6.7). */
	if (p->audio_hq) {
		str_copy(t.target, sizeof(t.target), p->url);
		addr_host(&p->host, true, t.host);
	} else {
		snprintf(t.target, sizeof(t.target), "rtsp://0.0.0.0:%u", addr_port(&p->host));
		strcpy(t.host, "0.0.0.0");
	}
	rc = transact(&t, "OPTIONS", t.target, "\r\n");
	if (!rc)
		rc = describe(&t);
	if (!rc)
		rc = setup_audio(&t);
	if (!rc)
		rc = setup(&t, "streamid=video/0/0", &r->video_port);
	if (!rc) {
		read_ping(&t, r->video_ping);
		rc = setup_control(&t);
	}
	if (!rc)
		rc = announce(&t);
	if (!rc)
		rc = play(&t);
	sealer_destroy(t.sealer);
	buf_finish(&t.bytes);
	return rc;
}
