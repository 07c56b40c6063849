// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The send thread: batches in, paced trains out (net/pacer.h). Every batch that comes in is given back, and every frame's
 * credit with it, whatever the network says. A frame that is still not out at its deadline, or that the network
 * refuses, is dropped whole and reported as lost: later frames refer to it, so the encoder must know.
 */
#pragma once

#include <stdatomic.h>

#include "base/log.h"
#include "base/ring.h"
#include "base/thread.h"
#include "base/wake.h"
#include "media/feedback.h"
#include "media/link.h"
#include "media/stats.h"
#include "net/batch.h"
#include "net/pacer.h"
#include "net/udp_train.h"

struct send {
	/* constant */
	uint16_t packet_len;
	uint32_t ceiling_kbps;
	struct batch_pool *pool;
	struct credit *credit;
	struct feedback *feedback;
	struct stream_stats *stats;
	struct log_hot *log;
	void (*failed)(void *ctx, int err); /* send thread, wait-free */
	void *ctx;

	struct thread thread;
	struct wake wake;
	struct ring in;
	/* main asks for another socket: generation << 32 | fd; the send thread answers with the same word */
	_Atomic uint64_t fd_wanted, fd_taken;
	struct wake fd_answer; /* main's */
	/* send thread */
	int fd;
	struct udp_train train;
	struct pacer pacer;
	struct pkt_batch *cur;
	unsigned next;        /* packet of cur to send next */
	bool dropping;        /* cur's frame was given up: its batches are only given back */
	bool dead;            /* the socket is gone for good; another may come */
	uint64_t first_ns;    /* first packet of cur's frame left */
};

/* Takes ring and wakes. -ENOMEM, -errno. */
int send_init(struct send *s);
void send_finish(struct send *s); /* accepts a zeroed one */

/* Everything constant is set; fd: connected socket. -errno. */
int send_start(struct send *s, int fd);
/* Main. On return the old socket is not used any more. */
void send_set_fd(struct send *s, int fd);
/* Main, after pack was stopped. Gives every batch and its credit back. */
void send_stop(struct send *s);
