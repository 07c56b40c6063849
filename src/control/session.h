// SPDX-License-Identifier: GPL-3.0-or-later
/* What the files of this folder share: the daemon's control stream, its sessions, its peers. */
#pragma once

#include <enet/enet.h>
#include <stdatomic.h>

#include "base/ring.h"
#include "base/thread.h"
#include "base/wake.h"
#include "control/control.h"
#include "control/dispatch.h"
#include "control/envelope.h"
#include "control/out.h"
#include "control/relay.h"

#define PEERS_MAX         128 /* ENet's slots: live, connecting, leaving */
#define LINGER_NS         (2 * NS_PER_S)
#define DESTROY_LINGER_NS (1 * NS_PER_S)

enum session_event { SESSION_CONNECTED = 1, SESSION_STARTED = 2, SESSION_DISCONNECTED = 4 };

struct control_session {
	struct control *control; /* constant */
	/* main thread */
	struct control_session *next;
	const struct control_events *ev;
	void *ctx;
	/* control thread between add and removal */
	bool registered;
	uint32_t connect_data;
	bool match_by_ip;
	union addr match_addr;
	struct envelope envelope;
	struct dispatch dispatch;
	struct control_out *out;
	int live;           /* the peer that proved the key, or -1 */
	bool started, over; /* the events were told */
	/* control thread writes before the bit is set, main reads after */
	atomic_uint events;
	union addr peer;
	int err;
	/* removal: main writes code before the command, control sets removed last */
	uint32_t code;
	atomic_bool removed;
};

/*
 * What an ENet peer is to us, beside ENet's own state: NONE while it connects or after we dropped it; CANDIDATE
 * connected with the right data, key not proven; LIVE the client of its session; FAREWELL told to leave,
 * acknowledgements outstanding, no session any more.
 */
enum link_role { LINK_NONE, LINK_CANDIDATE, LINK_LIVE, LINK_FAREWELL };

struct link {
	enum link_role role;
	struct control_session *session;
	uint64_t since_ns;  /* the role began */
	uint64_t heard_ns;  /* last message that opened */
	uint64_t acked_ns;  /* last acknowledgement seen */
	uint32_t received;  /* bytes that ENet counts of the peer: anything that comes is a sign */
	uint64_t sign_ns;   /* the last such */
	uint32_t acked;     /* ENet's time of it */
	bool silent;        /* nothing is heard, the stream pauses */
	uint64_t silent_ns; /* since when */
};

struct control {
	/* constant */
	uint64_t silence_ns;
	uint64_t pause_ns; /* NS_NEVER: streams go on in the dark */
	uint16_t port;
	struct thread thread;
	/* main thread */
	struct loop_fd *loop_fd;
	struct log_hot *log;
	struct control_session *list;
	unsigned n_list;
	struct wake ack; /* poked when a removal is done */
	/* main -> control: sessions, the first time to add, the second to remove */
	struct ring commands;
	struct wake wake;
	/* control -> main: readable when a session has events */
	int event_fd;
	/* control thread */
	ENetHost *host;
	struct relay relay;
	struct control_session *sessions[CONTROL_SESSIONS_MAX]; /* oldest first */
	unsigned n_sessions;
	struct link links[PEERS_MAX]; /* by index of ENet's peer */
};

/* worker.c: the thread's body; arg is the control. */
void control_run(void *arg);
