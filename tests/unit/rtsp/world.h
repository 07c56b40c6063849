// SPDX-License-Identifier: GPL-3.0-or-later
/* A server on loopback with clients in the same thread: real sockets, the loop driven by hand. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/loop.h"
#include "crypt/aes.h"
#include "rtsp/server.h"
#include "util.h"

struct world {
	struct loop *loop;
	struct rtsp *r;
	const char *host; /* where clients connect */
};

/* What one launch expects and what came of it. */
struct launch {
	struct rtsp_handshake *h;
	struct rtsp_handshake_params p;
	struct gcm *gcm;
	uint32_t seq; /* the client's counter */
	uint32_t cseq;
	char session[64];     /* as learned from SETUP */
	const char *source;   /* address the client binds, NULL: any */
	const char *url_host; /* for Host and target */

	uint32_t host_seq_max;
	unsigned announced, played, progressed;
	struct rtsp_announce announce;
	int announce_rc, play_rc;
	bool forget_in_announce, forget_in_play, forget_in_progress;
};

struct rtsp_limits limits_default(void);
void world_start(struct world *w, const char *bind, const char *host, const struct rtsp_limits *limits);
void world_stop(struct world *w);
void world_turn(struct world *w); /* lets the server do everything that is possible now */

/* key 0: plain; else every byte of the key. */
void launch_init(struct launch *l, uint8_t key, const char *peer);
void launch_expect(struct world *w, struct launch *l);
void launch_end(struct launch *l);

int client_connect(struct world *w, const char *source);
void client_send(int fd, const void *data, size_t len); /* all of it */
/* Until FIN; false when the connection was reset. Closes fd. */
bool client_finish(struct world *w, int fd, struct buf *answer);
/* A connection of its own; piece: bytes a segment, 0: all at once. */
bool exchange(struct world *w, const char *source, const void *data, size_t len, size_t piece, struct buf *answer);

/* The whole request as the stock client writes it, sealed when the launch is. body may be NULL. */
void request_write(struct launch *l, const char *method, const char *target, const struct buf *body, struct buf *out);
/* Opens the answer when the launch is sealed; it must be one exact frame with a fresh sequence
 * number. */
struct reply answer_read(struct launch *l, struct buf *answer);
/* The status, 0: closed without a word. The answer must be readable. headers may be NULL. */
unsigned ask(struct world *w, struct launch *l, const char *method, const char *target, const struct buf *body);

/* OPTIONS, DESCRIBE, three SETUP; ANNOUNCE of the LAN fixture; PLAY. Each must be answered with
 * 200. */
void ask_set_up(struct world *w, struct launch *l);
void ask_announce(struct world *w, struct launch *l);
void ask_play(struct world *w, struct launch *l);
