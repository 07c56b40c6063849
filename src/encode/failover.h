// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is done about an encoder that fails within a stream: it is opened anew in place, because a driver that was reset
 * works again, or the next back end takes over, because a client should not be without pictures for longer than a
 * second. Which of the two follows from how long the failure took, how often it was mended before, and what is left to
 * try. Pure; time comes in as an argument. Encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FAILOVER_AFTER    300u          /* good frames that earn another opening in place */
#define FAILOVER_REOPENS  4u            /* openings in place that a back end gets while there is another */
#define FAILOVER_QUICK_NS 250000000ull  /* a failure that took longer has hung: there is no time for the same again */
#define FAILOVER_WAIT_NS  200000000ull  /* for units on their way, before opening in place */
#define FAILOVER_LAST_NS  2000000000ull /* the same where nothing else is left */

enum failover_step {
	FAILOVER_ENCODE, /* nothing is wrong */
	FAILOVER_WAIT,   /* for access units on their way: they lie in the encoder's memory; ask again */
	FAILOVER_REOPEN, /* close it and open the same again */
	FAILOVER_NEXT,   /* put it aside and open the back end `at` */
	FAILOVER_OVER,   /* nothing is left */
};

struct failover {
	unsigned at, backends; /* in use, or being opened */
	unsigned good_frames;  /* since it was opened */
	unsigned reopens;      /* of this back end in place */
	enum failover_step step;
	uint64_t wait_until_ns;
};

/* backends: at least 1; the first one is open. */
void failover_init(struct failover *f, unsigned backends);

/* A frame came out whole. */
static inline void failover_good(struct failover *f)
{
	f->good_frames++;
}

/* The frame that was handed over at begun_ns failed. */
void failover_failed(struct failover *f, uint64_t begun_ns, uint64_t now_ns);

/* What is to be done now. units_out: access units are not back yet. REOPEN and NEXT are answered by
 * failover_opened(). */
enum failover_step failover_next(struct failover *f, bool units_out, uint64_t now_ns);

/* The opening succeeded or not. */
void failover_opened(struct failover *f, bool open);
