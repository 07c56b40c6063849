// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One direction of a path through a network: what becomes of each packet. Pure: the time is told, chance comes from the
 * seed, so the same packets at the same times meet the same fate on every machine.
 *
 * A packet meets, in this order: outages, losses, the queue in front of the link (tail drop), the link's rate, the way
 * (delay, jitter, reordering, duplication). Each random decision has a generator of its own: switching one on does not
 * move the others.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_LOSSES  8
#define PATH_WINDOWS 16
#define PATH_STEPS   32
#define PATH_QUEUE   16384 /* packets a queue holds, whatever its bytes */
#define PATH_COPIES  2

enum path_loss_model {
	PATH_LOSS_RANDOM,  /* each packet with chance `rate` */
	PATH_LOSS_GILBERT, /* Gilbert-Elliott: two states, see enter and leave */
	PATH_LOSS_NTH,     /* every n-th */
	PATH_LOSS_BURST,   /* runs of exactly n, `rate` of all packets */
};

struct path_loss {
	enum path_loss_model model;
	uint32_t ports; /* bit i: port i meets this loss */
	double rate, enter, leave, bad, good;
	unsigned n;
	uint64_t from_ns, until_ns;
};

struct path_window {
	uint64_t from_ns, until_ns;
};

struct path_step {
	uint64_t at_ns, bps; /* bps 0: no limit */
};

struct path_params {
	struct path_loss loss[PATH_LOSSES];
	struct path_window outage[PATH_WINDOWS];
	struct path_step rate[PATH_STEPS]; /* in order of time; the first one counts from 0 on */
	unsigned losses, outages, steps;
	uint32_t queue_bytes; /* 0: no bound */
	uint32_t burst_bytes; /* depth of the token bucket; one packet always passes */
	uint64_t delay_ns, jitter_ns, reorder_ns;
	bool keep_order; /* jitter never lets a packet overtake */
	double reorder, duplicate;
};

enum path_fate { PATH_PASS, PATH_OUTAGE, PATH_LOST, PATH_QUEUE_FULL, PATH_FATES };

struct path_verdict {
	enum path_fate fate;
	bool reordered;
	unsigned copies;
	uint64_t at_ns[PATH_COPIES];
};

struct path;

struct path *path_create(const struct path_params *p, uint64_t seed); /* NULL: no memory */
void path_destroy(struct path *p);                                    /* accepts NULL */

/* now_ns must not fall; bytes as the link counts them. */
struct path_verdict path_packet(struct path *p, uint64_t now_ns, unsigned port, uint32_t bytes);

/* Most bytes that ever waited. */
uint64_t path_queue_high(const struct path *p);
