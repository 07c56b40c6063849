// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Two countings of frames. The encoder's pictures rise by one with each that is encoded. The wire's numbers are what
 * clients see and name; one that was given to a frame of which no packet left is given back and used again, because
 * to a client a gap is a loss (2-media 1.2 and test 25). Pure; encode thread.
 */
#pragma once

#include <stdint.h>

#define NUMBERING_PAST 8u /* times of giving back that are remembered; older numbers are beyond any DPB */

struct numbering {
	uint32_t picture; /* newest encoded, 0: none */
	uint32_t back;    /* numbers given back so far: picture - back is the newest wire number */
	struct {
		uint32_t wire, back; /* from this wire number on */
	} past[NUMBERING_PAST];
	unsigned n_past;
};

/* The wire number that the next picture will have. */
static inline uint32_t numbering_next(const struct numbering *n)
{
	return n->picture + 1 - n->back;
}

/* A picture was encoded. */
static inline void numbering_encoded(struct numbering *n)
{
	n->picture++;
}

/* No frame from this wire number on has left, nor will: the next picture has it. */
void numbering_give_back(struct numbering *n, uint32_t wire);

/* The picture that a client means; untrusted number. UINT32_MAX: none that was ever sent. */
uint32_t numbering_picture(const struct numbering *n, uint32_t wire);
