// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * When the encode thread takes a picture: the limit of the negotiated frame rate, the repeat of a still picture, the
 * start without any. Pure; times are clock_ns().
 *
 * The limit is a grid, not a distance: a frame may be early or late by half an interval without changing the average,
 * so a jittery 60 Hz source passes a 60 fps limit whole, and a 120 Hz source gives every second frame.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PACE_FIRST_NS 40000000ull /* a source that is silent for so long after the start gets a black picture */

struct pace {
	uint64_t interval_ns, repeat_ns;
	uint64_t due_ns;  /* of the next new picture */
	uint64_t last_ns; /* newest picture taken or repeated */
};

/* repeat_mhz: a still picture is repeated at least this often; clamped to 1 .. fps_mhz. */
void pace_init(struct pace *p, uint32_t fps_mhz, uint32_t repeat_mhz);
void pace_begin(struct pace *p, uint64_t now_ns);

/* May a picture that has just arrived be taken? */
static inline bool pace_accepts(const struct pace *p, uint64_t now_ns)
{
	return now_ns + p->interval_ns / 2 >= p->due_ns;
}
/* When a picture that came too early is taken if no newer one comes. */
static inline uint64_t pace_due(const struct pace *p)
{
	return p->due_ns;
}
/* When the last picture is to be encoded again. */
static inline uint64_t pace_repeat_at(const struct pace *p)
{
	return p->last_ns + p->repeat_ns;
}

/* The earliest time for an extra frame of a still picture, for a client that waits for one. */
static inline uint64_t pace_extra_at(const struct pace *p)
{
	return p->last_ns + p->interval_ns;
}

void pace_took(struct pace *p, uint64_t now_ns);     /* a new picture */
void pace_repeated(struct pace *p, uint64_t now_ns); /* the old one again */
