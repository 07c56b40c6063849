// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The two real threads of a stream between a fake encoder and the client's model, for the tests of the sending thread.
 * Most cases send through a pair of UNIX datagram sockets: it loses nothing and pushes back, and a train arrives there
 * as one datagram that is cut here.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/thread.h"
#include "client.h"
#include "media/au.h"
#include "net/video_tx.h"

#define RIG_FRAMES_MAX 400u

struct rig {
	struct video_tx *tx;
	struct video_tx_params params;
	struct wake tx_wake, encode_wake, arrived;
	struct au_link link;
	struct credit credit;
	struct feedback feedback;
	struct stream_stats stats;
	struct tune tune;
	atomic_int failed;
	atomic_uint aus_out;
	uint32_t frame_no; /* of the last pushed */
	uint32_t epoch;
	unsigned partly; /* frames of which the sender said that part of them left */
	unsigned pushed;
	size_t len[RIG_FRAMES_MAX];
	/* wire */
	int pair[2];
	size_t packet_len;
	/* receiver thread */
	struct thread receiver;
	struct client client;
	atomic_uint delivered, same; /* of these as pushed */
	unsigned longest_run;        /* packets in one datagram of the pair */
};

/* Nothing runs yet: what is in params may be changed. */
void rig_init(struct rig *r, unsigned packet_size, bool encrypt, uint32_t ceiling_kbps);
void rig_start(struct rig *r); /* sends to the pair */
void rig_start_to(struct rig *r, int fd);
void rig_receive(struct rig *r); /* from the pair */
/* All of these. */
void rig_begin(struct rig *r, unsigned packet_size, bool encrypt, uint32_t ceiling_kbps);
void rig_stop_receiving(struct rig *r);
void rig_finish(struct rig *r); /* nothing may have been kept back, whatever happened */
/* As rig_finish; the client must have lost so many frames and have nothing else to complain about. */
void rig_finish_lost(struct rig *r, unsigned lost);

/* A unit of a frame, bytes from to to of it; the number is the caller's. Without bytes and not the first: broken
 * off. */
void rig_push_unit(struct rig *r, uint32_t frame_no, size_t from, size_t to, bool first, bool last);
/* As the encode thread does: a frame only when credit allows, and numbers that were not used are used again. Takes the
 * number and the credit of one with len bytes. */
void rig_next_frame(struct rig *r, size_t len);
void rig_push_frame(struct rig *r, size_t len, unsigned units);
/* The sender has given numbers back. */
void rig_expect_unsent(struct rig *r, uint32_t from, bool partly);

void rig_wait_delivered(struct rig *r, unsigned n); /* or until the sender failed */
void rig_wait_credit(struct rig *r);                /* until all of it is back */
void rig_settle(struct rig *r, unsigned delivered); /* both */

/* Nobody received until now, so that frames were dropped. Somebody does: the stream goes on with frames of len bytes,
 * and at most the one that was cut off in the middle is missing. Ends with rig_finish. */
void rig_recovers(struct rig *r, size_t len, unsigned units);
