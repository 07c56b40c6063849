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
#include "input/input.h"
#include "media/feedback.h"
#include "media/params.h"
#include "media/stats.h"

struct control;
struct control_session;

/* Codes of TERMINATION, 2-media 5.4. The second is the nearest the client has to "our pipeline
 * failed". */
#define CONTROL_TERM_GRACEFUL 0x80030023u
#define CONTROL_TERM_ERROR    0x800e9403u

struct control_params {
	const char *bind;    /* numeric address or "" */
	uint16_t port;       /* 0: the system chooses */
	uint32_t silence_ms; /* a connected peer that says nothing for so long is gone (10 000) */
	uint32_t pause_ms;   /* of one that says nothing for so long the stream pauses (300); 0: never */
};

/* Per session; main thread; each at most once. After disconnected no further event comes and no client of this session
 * is let in any more. */
struct control_events {
	/* The first message that its key opens: a bare ENet connection proves nothing. */
	void (*connected)(void *ctx, const union addr *peer);
	void (*started)(void *ctx);               /* START_B arrived: the client's threads run */
	void (*disconnected)(void *ctx, int err); /* 0: the client left; -ETIMEDOUT: it vanished */
};

#define CONTROL_SESSIONS_MAX 32

/*
 * What is to be told to one client: the back channel of its input, merged to the newest per pad. Made before the
 * session and its input, given back after both. Posting is wait-free, any thread.
 */
struct control_out;

struct control_out *control_out_create(struct control *c); /* NULL: no memory */
void control_out_destroy(struct control_out *o);           /* accepts NULL */
const struct input_back *control_out_back(struct control_out *o);

struct tuning;

struct control_session_params {
	struct session_keys keys;
	bool v2;                   /* SS_ENC_CONTROL_V2 negotiated, else the 16-byte IV form */
	uint32_t connect_data;     /* not 0 unless match_by_ip */
	bool match_by_ip;          /* client without ML_FF_SESSION_ID_V1: connect data is 0 */
	union addr peer;           /* for match_by_ip */
	struct feedback *feedback; /* outlive the session's removal */
	struct stream_stats *stats;
	struct tuning *tuning;   /* may be NULL; stays the caller's; used on the control thread until remove returns */
	struct input *input;     /* may be NULL; stays the caller's; used on the control thread until remove returns */
	struct control_out *out; /* stays the caller's */
};

/* Makes the thread and binds the port; bind "" is every address of both families. -errno. */
int control_create(struct control **out, struct loop *loop, const struct control_params *p);
/* All sessions are removed; farewells under way get a bounded time (1 s). Accepts NULL. */
void control_destroy(struct control *c);
/* The bound port, also when params.port was 0. */
uint16_t control_port(const struct control *c);

/* The client may connect from now on. -EINVAL, -ENOMEM, -ENOSPC (CONTROL_SESSIONS_MAX). */
int control_session_add(struct control *c, const struct control_session_params *p, const struct control_events *ev,
			void *ctx, struct control_session **out);
/* Sends TERMINATION with code (0: none), flushes, disconnects; on return no event and no access to feedback, stats,
 * input or out happens any more, and held input was released (the ENet farewell itself goes on in the background).
 * Waits for one pass of the control thread, which itself waits for nobody. May be called inside an event. Accepts
 * NULL. */
void control_session_remove(struct control_session *s, uint32_t code);
/* HDR_MODE, once before the client connects or as soon as it has; told again to one that connects anew. m: NULL where
 * it is off. */
void control_session_hdr(struct control_session *s, const struct hdr_metadata *m);
