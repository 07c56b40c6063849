// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The handshakes a server expects, and how a request finds its own. Main thread. Wire facts:
 * 1-session 6.1, 6.4.
 *
 * A handshake lives until rtsp_forget(). What runs an event holds it with enter/leave, so that it
 * may be forgotten inside: then it answers nothing new and its memory goes with the last leave.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "crypt/aes.h"
#include "rtsp/msg.h"
#include "rtsp/seal.h"
#include "rtsp/server.h"

#define SESSION_ID_LEN 16

enum handshake_state { HANDSHAKE_NEW, HANDSHAKE_SET_UP, HANDSHAKE_ANNOUNCED, HANDSHAKE_PLAYING };

struct rtsp_handshake {
	struct rtsp *server;
	struct rtsp_handshake *next; /* newest first */
	struct rtsp_handshake_params p;
	struct rtsp_events ev;
	void *ctx;

	enum handshake_state state;
	char session_id[SESSION_ID_LEN + 1];
	bool low_stereo;      /* a request named 0.0.0.0 as its host */
	struct buf announced; /* the body that was accepted: the same once more is no second ANNOUNCE */

	struct gcm *gcm;   /* sealed only */
	uint32_t host_seq; /* last one used */

	unsigned held;
	bool forgotten;
};

struct handshake_list {
	struct rtsp_handshake *first;
};

/* -EINVAL: ping payload is not 16 characters. -EBUSY: another plain one of that address is pending.
 * -EEXIST: the key is in use, its counters would repeat. -ENOMEM. */
int handshake_add(struct handshake_list *l, const struct rtsp_handshake_params *p, const struct rtsp_events *ev,
		  void *ctx, struct rtsp_handshake **out);
/* Takes it out of the list; freed now or with the last leave. */
void handshake_remove(struct handshake_list *l, struct rtsp_handshake *h);

void handshake_enter(struct rtsp_handshake *h);
void handshake_leave(struct rtsp_handshake *h);

bool handshake_pending(const struct rtsp_handshake *h); /* has not reached PLAY */

/* The plain handshake of that address which is pending, or NULL. */
struct rtsp_handshake *handshake_plain_pending(const struct handshake_list *l, const union addr *peer);

/* The plain handshake that a request from peer belongs to: the Session id decides where the request
 * has one, else the pending one of the address, else the newest. NULL: none. Never a sealed one. */
struct rtsp_handshake *handshake_find_plain(const struct handshake_list *l, const union addr *peer,
					    const struct rtsp_request *q);

/* Whether that address has a plain handshake, pending or not. */
bool handshake_plain_any(const struct handshake_list *l, const union addr *peer);

/* Whether that address has a sealed handshake: it is owed no plain word then. */
bool handshake_has_sealed(const struct handshake_list *l, const union addr *peer);

/* The handshake whose key opens the frame, with the message in out (frame->len bytes); NULL: none
 * does. */
struct rtsp_handshake *handshake_open(const struct handshake_list *l, const struct seal_frame *frame, void *out);

/* Seals an answer with the next number of the host's counter. -EOVERFLOW after 2^32 - 1 answers,
 * -ENOSPC, -EIO. */
int handshake_seal(struct rtsp_handshake *h, const struct buf *answer, struct buf *out);
