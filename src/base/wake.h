// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * How a thread is woken: each thread owns one wake; producers write their data first and then poke. The owner
 * re-reads every carrier after a wake, so no wake-up is lost and none needs a lock. A poke costs a system call
 * only while the owner sleeps.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct wake {
	int fd; /* eventfd, readable while a poke is pending and the owner was asleep */
	atomic_int state;
};

int wake_init(struct wake *w);    /* -errno */
void wake_finish(struct wake *w); /* accepts a zeroed wake */

/* Any thread, any number of times; never blocks. */
void wake_poke(struct wake *w);

/* Owner. Sleeps until poked or until deadline_ns (clock_ns() time; NS_NEVER waits for ever).
 * Returns at once when a poke came since the last wait. */
void wake_wait(struct wake *w, uint64_t deadline_ns);

/* Owner that waits in its own poll() with wake.fd among others: wake_arm(), poll unless it returned false (a poke is
 * pending: do not sleep), then wake_disarm(). */
bool wake_arm(struct wake *w);
void wake_disarm(struct wake *w);
