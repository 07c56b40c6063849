// SPDX-License-Identifier: GPL-3.0-or-later
/* A window over the newest counters of one sender: the same one twice is a nonce used twice. What is too old to be
 * remembered passes. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLAY_WINDOW 256u

struct replay {
	bool started;
	uint64_t newest, seen[REPLAY_WINDOW / 64];
};

static inline bool replay_seen(struct replay *r, uint64_t counter)
{
	uint64_t bit = 1ull << (counter % 64), *word = &r->seen[counter / 64 % (REPLAY_WINDOW / 64)];
	uint64_t ahead = counter - r->newest;

	if (r->started && (ahead == 0 || ahead >> 63)) {
		bool seen = r->newest - counter < REPLAY_WINDOW && (*word & bit);

		if (r->newest - counter < REPLAY_WINDOW)
			*word |= bit;
		return seen;
	}
	if (!r->started || ahead >= REPLAY_WINDOW) {
		memset(r->seen, 0, sizeof(r->seen));
	} else {
		for (uint64_t c = r->newest + 1; c != counter; c++)
			r->seen[c / 64 % (REPLAY_WINDOW / 64)] &= ~(1ull << (c % 64));
	}
	r->started = true;
	r->newest = counter;
	*word |= bit;
	return false;
}
