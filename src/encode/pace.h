// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * When the encode thread takes a picture: the limit of the negotiated frame rate, the repeat of a still picture, the
 * start without any, the few frames left for a client that is not heard. Pure; times are clock_ns().
 *
 * The limit is a grid, not a distance: a frame may be early or late by half an interval without changing the average,
 * so a jittery 60 Hz source passes a 60 fps limit whole, and a 120 Hz source gives every second frame.
 *
 * A path that goes quiet may be dead, and each frame sent into it brings the last one that the client has acknowledged
 * nearer to the end of the DPB. From PACE_QUIET_FRAMES without a sign of life on, the last PACE_SPREAD that fit in
 * before that are spread over the time until the stream pauses. Signs come more often than that: each fourth frame is
 * acknowledged; and a gap that the DPB has room for, as a radio makes one, changes nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PACE_QUIET_FRAMES 5u
#define PACE_SPREAD       4u
#define PACE_QUIET_MIN_NS 40000000ull /* less is what a radio takes now and then */
#define PACE_QUIET_MAX_NS 100000000ull

#define PACE_FIRST_NS 40000000ull /* a source that is silent for so long after the start gets a black picture */

struct pace {
	uint64_t interval_ns, repeat_ns, quiet_ns;
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

/* What is known of a client that acknowledges. */
struct pace_life {
	uint64_t heard_ns; /* its last sign, or when it was given cause for one; 0: not watched */
	uint64_t dark_ns;  /* if none comes until then, the stream pauses; NS_NEVER: not so */
	uint32_t room;     /* frames that keep what it acknowledged in the DPB; UINT32_MAX: nothing to keep */
};

/* Whether it has been quiet for so long that frames are counted. */
bool pace_quiet(const struct pace *p, const struct pace_life *l, uint64_t now_ns);
/* The earliest time for the next frame, new or repeated, as far as quiet is concerned; NS_NEVER: the next sign. */
uint64_t pace_quiet_at(const struct pace *p, const struct pace_life *l, uint64_t now_ns);

void pace_took(struct pace *p, uint64_t now_ns);     /* a new picture */
void pace_repeated(struct pace *p, uint64_t now_ns); /* the old one again */
