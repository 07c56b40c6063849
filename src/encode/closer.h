// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Closing what a driver may never come back from: encoders on hardware, GPUs that hang. Each is closed on a thread of
 * its own, which is joined when it ends. One that does not end is abandoned with all that it holds, counted and said; a
 * kind of which that is known is not opened again, because its driver may hold the next caller as well. Encoders in
 * software are closed at once.
 *
 * Any thread, but for those on a hot path: there is a lock, held for moments.
 */
#pragma once

#include "encode/encoder.h"

#define CLOSER_PATIENCE_NS 2000000000ull /* what takes longer hangs */
#define CLOSER_MEND_NS                                                                                                 \
	500000000ull /* a stream that can go on otherwise has no more time, nor has the end of the program */
#define CLOSER_GRACE_NS 50000000ull /* for main to wait, so that what follows usually finds the hardware free */

/* Takes e, whose access units are back; accepts NULL. 0: it is closed; -ETIMEDOUT: not within wait_ns, it goes on by
 * itself. */
int closer_close(struct encoder *e, uint64_t wait_ns);
/* The same of anything. kind: its address says what else is like it; name: for people. Without a thread for it close is
 * called here. */
int closer_run(const void *kind, const char *name, void (*close)(void *what), void *what, uint64_t wait_ns);

/* Whether one of that kind hangs; of encoders that is their ops. wait: those that are being closed get their time
 * first. */
bool closer_hangs(const void *kind, bool wait);
/* How many hang. */
unsigned closer_hung(void);

/* Joins those that ended and says which hang since the last look; false: there is nothing to look for again. */
bool closer_look(void);
/* The end of the program: gives them some time. False: some are not closed, and the handlers of exit() may wait for
 * them. */
bool closer_finish(void);
