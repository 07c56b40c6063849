// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The pack thread: access units in, batches of finished packets out. It gathers the slices of a frame and packs when the
 * last has come. It waits for a free batch when send is behind, never for anything upstream; what comes in meanwhile
 * is bounded by credit. A frame that cannot be packed is given up here, reported like a loss, its credit given back.
 */
#pragma once

#include <stdatomic.h>

#include "base/log.h"
#include "base/thread.h"
#include "media/au.h"
#include "media/feedback.h"
#include "media/link.h"
#include "media/params.h"
#include "media/stats.h"
#include "net/batch.h"
#include "net/packetizer.h"

struct pack {
	/* constant */
	struct video_params video;
	uint32_t ceiling_kbps;
	uint64_t patience_ns; /* how late against the ceiling's schedule a frame may be */
	struct wake *wake;    /* own */
	struct au_link *in;
	struct batch_pool *pool;
	struct ring *out;
	struct wake *out_wake;
	struct credit *credit;
	struct feedback *feedback;
	struct stream_stats *stats;
	struct log_hot *log;
	void (*failed)(void *ctx, int err); /* pack thread, wait-free: no frame can be packed any more */
	void *ctx;

	struct thread thread;
	/* pack thread */
	struct packetizer *packetizer;
	struct au *part[AU_RING_CAPACITY]; /* of the frame being gathered */
	struct packet_piece piece[AU_RING_CAPACITY];
	unsigned n_parts;
	bool skipping;     /* the rest of a frame that was given up */
	uint64_t clear_ns; /* when the line would be clear, at the ceiling, of all frames so far */
};

/* Everything constant and the packetizer are set; -errno. */
int pack_start(struct pack *p);
/* Asks to stop and joins; then releases every access unit it holds or finds, and their credit. */
void pack_stop(struct pack *p);
