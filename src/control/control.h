// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The control stream: one ENet host and one thread for the daemon. Sessions register what they
 * expect; a peer is matched by its connect data. Everything but the events is called on the main
 * thread; events arrive on the main thread too (through a ring and the loop). Wire facts:
 * 2-media 5.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/loop.h"
#include "media/feedback.h"
#include "media/params.h"
#include "media/stats.h"

struct control;
struct control_session;
struct input;

/* Codes of TERMINATION, 2-media 5.4. The second is the nearest the client has to "our pipeline
 * failed". */
#define CONTROL_TERM_GRACEFUL 0x80030023u
#define CONTROL_TERM_ERROR    0x800e9403u

struct control_params {
	const char *bind; /* numeric address or "" */
	uint16_t port;
	uint32_t silence_ms; /* a connected peer that says nothing for so long is gone (10 000) */
};

/* Per session; main thread. After disconnected no further event comes. */
struct control_events {
	void (*connected)(void *ctx, const union addr *peer);
	void (*started)(void *ctx); /* START_B arrived: the client's threads run */
	void (*disconnected)(void *ctx,
			     int err); /* 0: the client left; -ETIMEDOUT: it vanished; -EPROTO */
};

struct control_session_params {
	struct session_keys keys;
	bool v2; /* SS_ENC_CONTROL_V2 negotiated, else the 16-byte IV form */
	uint32_t connect_data;
	bool match_by_ip;	   /* client without ML_FF_SESSION_ID_V1: connect data is 0 */
	union addr peer;	   /* for match_by_ip */
	struct feedback *feedback; /* outlive the session's removal */
	struct stream_stats *stats;
	struct input
		*input; /* stays the caller's; used on the control thread until remove returns */
};

int control_create(struct control **out, struct loop *loop, const struct control_params *p);
void control_destroy(struct control *c); /* all sessions removed; accepts NULL */

int control_session_add(struct control *c, const struct control_session_params *p,
			const struct control_events *ev, void *ctx, struct control_session **out);
/* Sends TERMINATION with code (0: none), flushes, disconnects; on return no event and no access to
 * feedback, stats or input happens any more (the ENet farewell itself goes on in the background).
 * Accepts NULL. */
void control_session_remove(struct control_session *s, uint32_t code);
/* HDR_MODE; enabled with metadata of zeroes when the source has none. */
void control_session_hdr(struct control_session *s, bool enabled);
