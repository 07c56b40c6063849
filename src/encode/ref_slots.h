// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which frame lies in which reference slot of a codec that names its slots, as AV1 does: what the next frame refers to
 * and replaces, what a loss spoils, what an acknowledgement makes certain. Pure; encode thread.
 *
 * The newest frames are all kept, because a loss is usually heard of within a few of them. The slots left hold older
 * frames, further apart the older they are, so that a slow path or a long burst still finds one from before the loss.
 * A key frame fills every slot. The frame after a loss takes all slots that the loss spoiled: from then on a client
 * that dropped everything between holds the same pictures as the encoder.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define REF_SLOTS 7u /* what one frame of AV1 can name, of its eight */

struct ref_slot {
	uint32_t frame;
	bool valid; /* the client may have it */
	bool acked; /* the client has it */
	bool ltr;   /* marked: the client was asked to acknowledge it */
};

struct ref_slots {
	unsigned n; /* in use */
	struct ref_slot slot[REF_SLOTS];
};

struct ref_plan {
	bool key;
	uint8_t ref;              /* slot that the frame is predicted from; not for a key frame */
	uint8_t refresh;          /* bit per slot: it will hold the frame */
	uint8_t named[REF_SLOTS]; /* every slot once, the one referred to first */
};

/* n: 1..REF_SLOTS. Holds nothing: the first frame must be a key frame. */
void ref_slots_init(struct ref_slots *s, unsigned n);

/* What the next frame does. key: refers to nothing. only_acked: refers to acknowledged frames, if there is one. */
void ref_slots_plan(const struct ref_slots *s, bool key, bool only_acked, struct ref_plan *p);
/* The frame of that plan was encoded. */
void ref_slots_encoded(struct ref_slots *s, const struct ref_plan *p, uint32_t frame, bool ltr);

/* Frame first did not arrive: it and all later ones may depend on it. -ENOENT: nothing older is left, nothing was
 * changed. */
int ref_slots_invalidate(struct ref_slots *s, uint32_t first);
/* The client has the frame. False: it is in no slot, was not marked, or was lost after all. */
bool ref_slots_ack(struct ref_slots *s, uint32_t frame);

/* Slot with the newest frame that may be referred to; -1: none. */
int ref_slots_newest(const struct ref_slots *s, bool only_acked);
