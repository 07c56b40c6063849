// SPDX-License-Identifier: GPL-3.0-or-later
#include "rtsp/handlers.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "rtsp/describe.h"
#include "rtsp/sdp.h"

#define LOG_MODULE "rtsp"
#include "base/log.h"

#define SESSION_TIMEOUT_S 90 /* what other hosts say; no client counts */

void handle_error(unsigned status, uint32_t cseq, struct buf *reply)
{
	rtsp_reply_begin(reply, status, cseq);
	rtsp_reply_end(reply, NULL);
}

static unsigned options(struct rtsp_handshake *h, const struct rtsp_request *q, struct buf *reply)
{
	(void)h;
	handle_error(200, q->cseq, reply);
	return 200;
}

static unsigned describe(struct rtsp_handshake *h, const struct rtsp_request *q, struct buf *reply)
{
	struct buf body;

	buf_init(&body, DESCRIBE_MAX);
	describe_write(&body, &h->p.offer);
	if (body.err) {
		buf_finish(&body);
		return 500;
	}
	rtsp_reply_begin(reply, 200, q->cseq);
	rtsp_reply_header(reply, "Content-type", "application/sdp");
	rtsp_reply_end(reply, &body);
	buf_finish(&body);
	return 200;
}

/* "streamid=audio/0/0", older "streamid=video": the word after '='. */
static struct rtsp_text stream_of(struct rtsp_text target)
{
	static const char key[] = "streamid=";
	const char *p = memmem(target.p, target.len, key, sizeof(key) - 1);

	if (!p)
		return (struct rtsp_text){0};
	p += sizeof(key) - 1;
	return rtsp_text_until((struct rtsp_text){.p = p, .len = (size_t)(target.p + target.len - p)}, '/');
}

static unsigned setup(struct rtsp_handshake *h, const struct rtsp_request *q, struct buf *reply)
{
	struct rtsp_text stream = stream_of(q->target);
	bool control = rtsp_text_equal(stream, "control");
	uint16_t port;

	if (control)
		port = h->p.offer.control_port;
	else if (rtsp_text_equal(stream, "video"))
		port = h->p.offer.video_port;
	else if (rtsp_text_equal(stream, "audio"))
		port = h->p.offer.audio_port;
	else
		return 404;
	rtsp_reply_begin(reply, 200, q->cseq);
	rtsp_reply_header(reply, "Session", "%s;timeout = %d", h->session_id, SESSION_TIMEOUT_S);
	rtsp_reply_header(reply, "Transport", "server_port=%u", port);
	if (control) /* decimal: the client reads a leading 0 as octal and cuts bare hex */
		rtsp_reply_header(reply, "X-SS-Connect-Data", "%u", h->p.connect_data);
	else
		rtsp_reply_header(reply, "X-SS-Ping-Payload", "%s", h->p.ping_payload);
	rtsp_reply_end(reply, NULL);
	if (h->state == HANDSHAKE_NEW)
		h->state = HANDSHAKE_SET_UP;
	return 200;
}

static unsigned announce_status(int err)
{
	switch (err) {
	case 0:
		return 200;
	case -EINVAL:
	case -ENOTSUP:
		return 400;
	case -EACCES:
		return 403;
	default:
		return 500;
	}
}

static void log_announce(const struct rtsp_announce *a, const char *who)
{
	const struct video_params *v = &a->video;

	log_info("%s: %s %ux%u at %u.%03u fps, %u of %u kbit/s, packets of %u, %u slices%s%s%s%s; "
		 "audio %u channels%s, %u ms%s; control v%d",
		 who, codec_name(v->codec), v->width, v->height, v->fps_mhz / 1000, v->fps_mhz % 1000, v->encoder_kbps,
		 v->configured_kbps, v->packet_size, v->slices, v->hdr ? ", HDR" : "", v->yuv444 ? ", 4:4:4" : "",
		 v->rfi ? ", RFI" : "", v->encrypt ? ", encrypted" : "", a->audio.channels,
		 a->audio.high_quality ? " high quality" : "", a->audio.packet_ms,
		 a->audio.encrypt ? ", encrypted" : "", a->control_v2 ? 2 : 1);
}

static unsigned announce(struct rtsp_handshake *h, const struct rtsp_request *q, const char *who)
{
	struct rtsp_announce a;
	char why[SDP_WHY_MAX];
	int err = sdp_parse(q->body.p, q->body.len, &h->p.offer, h->low_stereo, &a, why);

	if (err) {
		log_warn("%s: ANNOUNCE refused: %s", who, why);
		return announce_status(err);
	}
	if (h->state >= HANDSHAKE_ANNOUNCED) /* a client that asks twice gets one stream and the same answer */
		return q->body.len == h->announced.len && memcmp(q->body.p, h->announced.data, q->body.len) == 0 ? 200
														 : 455;
	if (h->state < HANDSHAKE_SET_UP)
		return 455;
	buf_reset(&h->announced);
	buf_add(&h->announced, q->body.p, q->body.len);
	if (h->announced.err)
		return 500;
	log_announce(&a, who);
	err = h->ev.announce(h->ctx, &a);
	if (err) {
		log_errno(err, "%s: no stream", who);
		return announce_status(err);
	}
	h->state = HANDSHAKE_ANNOUNCED;
	return 200;
}

static unsigned play(struct rtsp_handshake *h, const char *who)
{
	int err;

	if (h->state == HANDSHAKE_PLAYING)
		return 200;
	if (h->state != HANDSHAKE_ANNOUNCED)
		return 455;
	err = h->ev.play(h->ctx);
	if (err) {
		log_errno(err, "%s: PLAY failed", who);
		return 500;
	}
	h->state = HANDSHAKE_PLAYING;
	return 200;
}

/* The word for "no fast line": the stock client names this host when it wants normal-quality
 * stereo. */
static bool names_any_host(struct rtsp_text host)
{
	static const char any[] = "0.0.0.0";
	size_t n = sizeof(any) - 1;

	return host.len >= n && memcmp(host.p, any, n) == 0 && (host.len == n || host.p[n] == ':' || host.p[n] == '/');
}

static struct rtsp_text target_host(struct rtsp_text target)
{
	const char *p = memmem(target.p, target.len, "://", 3);

	if (!p)
		return (struct rtsp_text){0};
	p += 3;
	return (struct rtsp_text){.p = p, .len = (size_t)(target.p + target.len - p)};
}

static bool other_session(const struct rtsp_handshake *h, const struct rtsp_request *q)
{
	struct rtsp_text id = rtsp_request_session(q);

	return id.len && !rtsp_text_equal(id, h->session_id);
}

static unsigned run(struct rtsp_handshake *h, const struct rtsp_request *q, const char *who, struct buf *reply)
{
	if (other_session(h, q))
		return 454;
	if (rtsp_text_equal(q->method, "OPTIONS") || rtsp_text_equal(q->method, "TEARDOWN"))
		return options(h, q, reply); /* a session ends with its control stream */
	if (rtsp_text_equal(q->method, "DESCRIBE"))
		return describe(h, q, reply);
	if (rtsp_text_equal(q->method, "SETUP"))
		return setup(h, q, reply);
	if (rtsp_text_equal(q->method, "ANNOUNCE"))
		return announce(h, q, who);
	if (rtsp_text_equal(q->method, "PLAY"))
		return play(h, who);
	return 501;
}

void handle_request(struct rtsp_handshake *h, const struct rtsp_request *q, const union addr *peer, struct buf *reply)
{
	char who[ADDR_TEXT];
	unsigned status;

	addr_host(peer, false, who);
	if (names_any_host(rtsp_request_header(q, "Host")) || names_any_host(target_host(q->target)))
		h->low_stereo = true;
	status = run(h, q, who, reply);
	if (!reply->len)
		handle_error(status, q->cseq, reply);
	log_dbg("%s: %.*s %.*s: %u", who, (int)q->method.len, q->method.p, (int)q->target.len, q->target.p, status);
	if (status == 200 && !h->forgotten && h->ev.progress)
		h->ev.progress(h->ctx, peer);
}
