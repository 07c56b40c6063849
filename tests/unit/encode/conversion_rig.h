// SPDX-License-Identifier: GPL-3.0-or-later
/* A GPU that does as it is told, in place of conversion_gpu.c, and a conversion on it. */
#pragma once

#include "worker_rig.h"

#include "encode/conversion.h"

#define W    64u
#define H    48u
#define DONE 0x5a    /* what the GPU paints */
#define NODE 0x12345 /* of the encoder */
#define KEPT 0x77    /* what it brings back of a picture that stayed with it */

struct rig_gpu {
	atomic_int open_rc, run_rc, share_rc, fetch_rc; /* what it is to say */
	atomic_int fetch_ms;                            /* how long that takes */
	atomic_int holds;                               /* it answers nobody who wants to share */
	atomic_int fails_from;                          /* run_rc from that run on; 0: always */
	atomic_bool busy;                               /* it did not come back from its last run */
	atomic_bool close_hangs;                        /* while that is so */
	uint64_t node;
	atomic_int opens, closes, runs, shares, fetches; /* what it was asked for */
	atomic_int sharing;                              /* pictures stay */
	bool ahead;                                      /* several at once: submit and receive in place of run */
	bool late;                                       /* those in flight are not ready */
	int receive_rc;                                  /* what it is to say of those in flight */
	int pending, received;                           /* pictures; each is one lighter than the last */
	unsigned refused_one, refused_all;               /* times that the source was told: this, or every dma-buf */
};

extern struct rig_gpu gpu;
extern const struct picture_share gpu_share; /* where pictures are that stay */
extern struct picture dst;
extern struct conversion conversion;

int rig_setup(void **state);
int rig_teardown(void **state);
struct frame rig_frame(bool mapped); /* white */
int rig_run(bool mapped);            /* converts it into dst, black before in its first line */
void rig_assert_by_cpu(void);
