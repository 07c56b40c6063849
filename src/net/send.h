// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The second half of the tx thread: queued batches leave as paced trains (net/pacer.h), one at most per step. Every
 * batch is given back, and every frame's credit with it, whatever the network says. A frame that is still not out at
 * its deadline, or that the network refuses, is dropped whole and closes the gate (net/gate.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/feedback.h"
#include "media/link.h"
#include "media/stats.h"
#include "media/tune.h"
#include "net/batch.h"
#include "net/gate.h"
#include "net/pacer.h"
#include "net/udp_train.h"

struct send {
	/* constant */
	uint16_t packet_len;
	const struct tune *tune;
	struct batch_pool *pool;
	struct credit *credit;
	struct gate *gate;
	struct stream_stats *stats;

	int fd;
	struct udp_train train;
	struct pacer pacer;
	unsigned next;     /* packet of the front batch to send next */
	bool dropping;     /* the front's frame was given up: its batches are only given back */
	bool dead;         /* the socket is gone for good; another may come */
	uint64_t first_ns; /* when the first packet of the front's frame left */
	uint64_t due_ns;   /* when the train that is waited for may leave; 0: none is */
};

/* What the thread has to do next. */
struct send_step {
	enum {
		SEND_IDLE,    /* nothing queued */
		SEND_DONE,    /* did something: ask again */
		SEND_WAIT,    /* nothing before at_ns */
		SEND_BLOCKED, /* nothing before the socket is writable, or at_ns */
		SEND_DEAD,    /* as SEND_DONE, and err says why no packet can leave any more; told once */
	} what;
	uint64_t at_ns;
	int err;
};

struct send_step send_step(struct send *s);

/* From the next packet on. */
void send_set_fd(struct send *s, int fd);

/* After the tx thread has ended: gives every batch and its credit back. */
void send_finish(struct send *s);
