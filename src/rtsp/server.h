// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * RTSP: one request per TCP connection, plain or sealed. A launch registers the handshake it
 * expects; the server finds the handshake of a request by the key that authenticates it (sealed),
 * by the Session id, or by source address (plain: one pending handshake per address). Main thread.
 * Wire facts: 1-session 6.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/loop.h"
#include "media/params.h"

struct rtsp;
struct rtsp_handshake;

struct rtsp_limits {
	uint32_t max_connections; /* for the listener */
	uint32_t max_connections_per_ip;
	uint32_t max_message;     /* bytes of one request */
	uint32_t read_timeout_ms; /* from accept to the complete request */
};

enum rtsp_encryption { RTSP_ENC_CONTROL_V2 = 1, RTSP_ENC_VIDEO = 2, RTSP_ENC_AUDIO = 4 };

/* What DESCRIBE offers; exactly what works. */
struct rtsp_offer {
	bool hevc, av1; /* H.264 needs no line */
	bool rfi;
	uint32_t feature_flags; /* x-ss-general.featureFlags: 1 pen and touch, 2 pad touch */
	uint32_t enc_supported; /* enum rtsp_encryption */
	uint32_t enc_requested; /* subset of enc_supported */
	uint32_t enc_mandatory; /* ANNOUNCE without these bits: 403 */
	/* bits 1 << enum codec, of what is offered above; ANNOUNCE asking for more: 400 */
	uint8_t yuv444, depth10, yuv444_depth10;
	uint16_t video_port, control_port, audio_port;
	uint8_t fec_percent; /* config */
};

/* The parsed and clamped ANNOUNCE. */
struct rtsp_announce {
	struct video_params video;
	struct audio_params audio;
	bool control_v2;
	bool session_id_v1; /* the client uses ping payload and connect data */
	bool fec_status;    /* the client sends 0x5502 */
};

struct rtsp_events {
	/* ANNOUNCE was accepted by the parser. 0, or -ENOTSUP (400), -EACCES (403), other -errno
	 * (500): the client may try again then. After 0 not called again: a repeated ANNOUNCE is
	 * answered here. */
	int (*announce)(void *ctx, const struct rtsp_announce *a);
	/* PLAY: 0 or -errno (500). After 0 not called again. */
	int (*play)(void *ctx);
	/* A request of this handshake was answered with 200; for the state timer. May be NULL. */
	void (*progress)(void *ctx, const union addr *peer);
};

struct rtsp_handshake_params {
	struct rtsp_offer offer;
	bool sealed; /* rtspenc:// was given out: plain requests are refused */
	uint8_t key[16];
	union addr peer;       /* address the launch came from */
	char ping_payload[17]; /* 16 characters */
	uint32_t connect_data;
};

/* bind: numeric address or "" for all. -errno. */
int rtsp_create(struct rtsp **out, struct loop *loop, const char *bind, uint16_t port,
		const struct rtsp_limits *limits);
/* Every handshake is forgotten. Not inside an event. Accepts NULL. */
void rtsp_destroy(struct rtsp *r);
uint16_t rtsp_port(const struct rtsp *r); /* the one that is bound, when 0 was asked for */

/*
 * ev is copied. -EINVAL: the ping payload is not 16 characters. -EBUSY: rtsp_plain_pending().
 * -EEXIST: another live handshake has this key, answers would repeat its nonces. -ENOMEM.
 */
int rtsp_expect(struct rtsp *r, const struct rtsp_handshake_params *p, const struct rtsp_events *ev, void *ctx,
		struct rtsp_handshake **out);
/* No event comes after return; open connections of the handshake are closed. Fine inside an event:
 * the request that runs it is still answered, so that the client learns a 500. Accepts NULL. */
void rtsp_forget(struct rtsp_handshake *h);
/* Whether a plain handshake of this address has not reached PLAY: a second launch from there has to
 * wait. */
bool rtsp_plain_pending(const struct rtsp *r, const union addr *peer);
