// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Where the chunks of a capture belong in the time of its graph. A cycle that a busy machine missed is sound that never
 * comes; its place must be held by silence, else everything after it would be early and the grid would slip by as much.
 *
 * Positions are read while the graph runs, so a chunk may be told the position of the next one; the one after it then
 * is told the same again. Only what two chunks in a row agree on is a gap. Data thread of the source; pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Longer than this the graph was not late: it stood still or is another one. */
#define TIMELINE_GAP_MAX 2400u

struct timeline {
	bool anchored;
	uint64_t next; /* where the next chunk should begin */
	int64_t off;   /* by how much the last one was told to be later; not yet believed */
};

/* A chunk of so many frames, whose cycle is said to have begun at position (any value): the frames of silence that
 * belong before it. */
static inline unsigned timeline_chunk(struct timeline *t, uint64_t position, unsigned frames)
{
	int64_t off = t->anchored ? (int64_t)(position - t->next) : 0;
	int64_t rounding = frames / 4; /* of another sample rate, or none at all */
	unsigned gap = 0;

	if ((off <= rounding && off >= -rounding) || off > TIMELINE_GAP_MAX || (off < 0 && t->off < 0) ||
	    !t->anchored) {
		t->anchored = true;
		t->next = position;
		off = 0;
	} else if (off > 0 && t->off > 0) {
		gap = (unsigned)(off < t->off ? off : t->off);
		t->next += gap;
		off -= gap;
	}
	t->off = off;
	t->next += frames;
	return gap;
}
