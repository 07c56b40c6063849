// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Access units in, paced packets out: one thread cuts frames into shards, adds parity, encrypts, and paces the packets
 * onto the wire. One per stream, owned by the pipeline (main thread).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "media/feedback.h"
#include "media/link.h"
#include "media/params.h"
#include "media/stats.h"
#include "media/tune.h"

struct video_tx;

struct video_tx_params {
	struct video_params video;
	struct session_keys keys;
	uint32_t iv_generation;  /* upper half of the video IV counter: never the same twice in one daemon and key */
	const struct tune *tune; /* pacing ceiling and parity; may change at any time, outlives the tx */
	bool fixed_blocks;       /* a frame sent in parts says its number of blocks from the first: EARLY_FIXED */
	struct wake *tx_wake;    /* of the tx thread; the same as in->wake */
	struct au_link *in;
	struct credit *credit;
	struct feedback *feedback; /* frames that had to be dropped are reported here */
	struct stream_stats *stats;
};

struct video_tx_events {
	/* Tx thread; wait-free. The socket is unusable for good (-errno), told once for each socket; or no frame can be
	 * packed any more (-EOVERFLOW: this generation's IVs are used up; -EIO: cipher), told for each frame. */
	void (*failed)(void *ctx, int err);
};

/* fd: connected UDP socket; stays the caller's and must outlive the tx. -ENOMEM, -errno. */
int video_tx_start(struct video_tx **out, const struct video_tx_params *p, int fd, const struct video_tx_events *ev,
		   void *ctx);
/* Main. The peer moved: send through this socket from the next packet on. On return the old one is not used any
 * more. */
void video_tx_set_fd(struct video_tx *tx, int fd);
/* Main. Joins the thread; gives every access unit and all credit back: what the encoder still pushes into the link
 * after this is its owner's to take out. Accepts NULL. */
void video_tx_stop(struct video_tx *tx);
