// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The reference pictures of an encoder that writes its own slice headers. Pure; encode thread.
 *
 * Which frame is worth keeping, what a loss spoils and what an acknowledgement makes certain is decided by ref_slots.h.
 * Here it becomes what H.264, HEVC and AV1 can say: each header tells all that a decoder is to keep, so that one which
 * missed any frames replaces and keeps the same pictures as the encoder. In H.264 every frame is a long-term reference
 * in a place that its header names; a sliding window would depend on what arrived. HEVC lists the frames
 * (pic_plan.kept). A frame in several slots has one place. The decoder's buffer has one place more than there are
 * frames in it: HEVC counts the current picture, and H.264 puts in short-term gaps for what is missing (8.2.5.2). AV1
 * names the slots of ref_slots.h themselves.
 *
 * An encoder whose driver writes the slice headers keeps one short-term reference: the frame before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/ref_slots.h"

#define PIC_REFS_DPB_MAX      (REF_SLOTS + 1)
#define PIC_REFS_SURFACES_MAX (REF_SLOTS + 1)
#define PIC_REFS_NUMBER_BITS  16u /* frame numbers of the wire, from the IDR on */

/* A picture that a decoder which missed nothing holds. */
struct pic_held {
	bool used;
	uint8_t surface; /* where it is reconstructed, 0..pic_refs_surfaces() - 1 */
	uint32_t frame;
	uint32_t number; /* frames since the IDR */
};

struct pic_refs {
	struct ref_slots slots;
	bool long_term;
	bool unnumbered;                 /* the codec says what is kept without PIC_REFS_NUMBER_BITS: AV1 */
	uint32_t idr_frame;              /* 0: none yet */
	uint8_t idr_id;                  /* of the next */
	struct pic_held held[REF_SLOTS]; /* by place */
};

/* What the next picture is: what its slice headers and the driver are told. */
struct pic_plan {
	struct ref_plan slots;
	bool idr;
	bool long_term;
	uint8_t places; /* in use from this picture on */
	uint8_t index;  /* place that it gets */
	uint8_t kept;   /* bit per place: a client that missed what was invalidated has it, and it may be referred to */
	uint8_t ref;    /* held[] that it is predicted from; not in an IDR */
	uint8_t surface; /* free: it is reconstructed here */
	uint32_t frame;
	uint32_t number; /* frames since the IDR */
	uint8_t idr_id;  /* of an IDR: 0 or 1, not that of the one before */
};

/* dpb: of the decoder, 1..PIC_REFS_DPB_MAX. From 2 on, with long_term, lost frames can be answered. A codec without
 * numbers sets unnumbered then. */
void pic_refs_init(struct pic_refs *r, unsigned dpb, bool long_term);
unsigned pic_refs_surfaces(const struct pic_refs *r);

/* Frame numbers rise by one; the first must be an IDR. */
void pic_refs_plan(const struct pic_refs *r, bool idr, uint32_t frame, struct pic_plan *p);
/* The picture of that plan was encoded. marked: the client was asked to acknowledge it. */
void pic_refs_encoded(struct pic_refs *r, const struct pic_plan *p, bool marked);

/* Frame first and all after it, up to newest, are not referred to any more. -ENOENT: nothing older is left, or
 * where numbers are on the wire they began anew since (once in 65536 frames; libavcodec misjudges the output order of
 * H.264 there), or a client would take the next one for one of the past. */
int pic_refs_invalidate(struct pic_refs *r, uint32_t first, uint32_t newest);
void pic_refs_ack(struct pic_refs *r, uint32_t frame);
