// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One connection: reads one request, answers it, says FIN and then reads on until the client has
 * closed too, so that no unread byte turns the close into a reset. Main thread. Also the state it
 * shares with the listener.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/loop.h"
#include "rtsp/handshake.h"
#include "rtsp/msg.h"
#include "rtsp/server.h"

enum conn_state { CONN_READING, CONN_WRITING, CONN_DRAINING };

struct conn {
	struct rtsp *server;
	struct conn *next;
	struct rtsp_handshake *h; /* whose request was answered here; NULL before and when it was forgotten */
	union addr peer;
	int fd;
	struct loop_fd *watch;
	enum conn_state state;
	uint64_t deadline_ns;

	struct buf in, out;
	struct rtsp_request request;
	size_t sent, drained;
};

struct rtsp {
	struct loop *loop;
	struct rtsp_limits limits;
	struct handshake_list handshakes;

	int fd;
	struct loop_fd *watch;
	uint16_t port;
	uint64_t accept_at_ns; /* accepting pauses until then, NS_NEVER: it does not */

	struct conn *conns; /* oldest first */
	uint32_t n_conns;
	struct loop_timer *timer; /* the earliest deadline */
	uint64_t timer_at_ns;

	struct buf plain, reply; /* scratch: an opened request, an answer before it is sealed */
};

/* Takes fd. -errno: fd is closed. */
int conn_open(struct rtsp *r, int fd, const union addr *peer);
void conn_close(struct conn *c);

/* Server side: the timer fires at at_ns or earlier. */
void rtsp_wake_at(struct rtsp *r, uint64_t at_ns);
