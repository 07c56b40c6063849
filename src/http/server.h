// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * HTTP and HTTPS of the GameStream session side: serverinfo, pairing, applist, appasset, launch, resume, cancel,
 * unpair, on libmicrohttpd inside the main loop. What needs the rest of the daemon goes up through http_events.
 * Main thread. Wire facts: 1-session 1 to 5.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/loop.h"

struct http;
struct http_call; /* one request that waits for its answer */
struct clients;   /* http/clients.h */
struct identity;  /* http/identity.h: host certificate, key, unique id */

struct http_limits {
	uint32_t max_connections; /* per listener */
	uint32_t max_connections_per_ip;
	uint32_t timeout_s;     /* idle connection */
	uint32_t pin_timeout_s; /* how long a pairing waits for its PIN (120) */
	uint32_t max_pairings;  /* waiting at once (4) */
};

struct http_params {
	const char *bind;
	uint16_t port_http, port_https, port_rtsp;
	const char *host_name;
	struct identity *identity;
	struct clients *clients;
	struct http_limits limits;
};

/* Everything of /launch and /resume that we use, parsed and range-checked (1-session 5.1). */
struct launch_query {
	bool resume;
	uint32_t app_id;        /* 0: not given (resume only) */
	uint16_t width, height; /* 0: not given */
	uint32_t fps;
	uint8_t rikey[16];
	int32_t rikeyid;
	uint32_t surround_info; /* channelMask << 16 | channels */
	uint32_t gcmap;
	bool local_audio, sops, hdr;
	uint32_t corever;   /* >= 1: sealed RTSP */
	union addr peer;    /* who asked */
	union addr local;   /* the address on which the request arrived: goes into sessionUrl0 */
	uint8_t client[32]; /* SHA-256 of the client's certificate */
	char client_name[64];
};

struct serverinfo {
	uint32_t codec_support; /* ServerCodecModeSupport */
	bool hevc;              /* MaxLumaPixelsHEVC */
	uint32_t current_app;   /* of the asking client's own session; 0: none */
};

struct applist_entry {
	uint32_t id;
	const char *title;
	bool hdr;
};

struct http_events {
	/* client: certificate hash, NULL over plain HTTP. Must answer at once. */
	void (*serverinfo)(void *ctx, const uint8_t *client, struct serverinfo *out);
	/* The n-th app; false past the end. */
	bool (*app)(void *ctx, unsigned n, struct applist_entry *out);
	/* Box art as PNG or JPEG; -ENOENT. */
	int (*asset)(void *ctx, uint32_t app_id, struct buf *out);
	/* Answer now or later, exactly once, with http_launch_done(); a waiting call may be given up by its client:
	 * then gone is called and the call must not be answered. */
	void (*launch)(void *ctx, struct http_call *call, const struct launch_query *q);
	void (*cancel)(void *ctx, struct http_call *call, const uint8_t client[32]); /* http_cancel_done() */
	void (*gone)(void *ctx, struct http_call *call);
	/* A client waits for its PIN; for the terminal and notifications. name: from the query, may be generic. */
	void (*pin_wanted)(void *ctx, const union addr *peer);
	void (*paired)(void *ctx, const uint8_t client[32], const char *name);
};

int http_create(struct http **out, struct loop *loop, const struct http_params *p, const struct http_events *ev,
		void *ctx); /* -errno */
/* Answers what waits with 503, after gone() for each launch and cancel among it; accepts NULL. */
void http_destroy(struct http *h);

/* The ports in use, which tells those that were asked for as 0. */
uint16_t http_port(const struct http *h, bool tls);

/* status 200: session_url and gamesession/resume 1; else an error document with the text. */
void http_launch_done(struct http_call *call, int status, const char *message, bool sealed);
void http_cancel_done(struct http_call *call, int status, const char *message);

/* Gives the PIN to the client that waits for one; name labels it ("" keeps the default). -EBUSY: several wait, and the
 * PIN of one must not reach another; -ENOENT: none waits; -EINVAL: not 4 to 8 digits. */
int http_pair_pin(struct http *h, const char *pin, const char *name);
/* How many clients wait for a PIN. */
unsigned http_pairings_waiting(const struct http *h);
