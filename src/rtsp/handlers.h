// SPDX-License-Identifier: GPL-3.0-or-later
/* What each request does to its handshake and what is answered. No sockets. Wire facts:
 * 1-session 6.2, 6.3, 6.8. */
#pragma once

#include "base/addr.h"
#include "base/buf.h"
#include "rtsp/handshake.h"
#include "rtsp/msg.h"

#define REPLY_MAX 4096u /* ceiling for the buffer of the answers */

/* Writes the whole answer. Runs the events of h, which may forget it: the caller holds it
 * (handshake_enter). */
void handle_request(struct rtsp_handshake *h, const struct rtsp_request *q, const union addr *peer, struct buf *reply);

/* An answer of its status alone. */
void handle_error(unsigned status, uint32_t cseq, struct buf *reply);
