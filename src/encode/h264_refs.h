// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The reference pictures of an H.264 encoder that writes its own slice headers. Pure; encode thread.
 *
 * Which frame is worth keeping, what a loss spoils and what an acknowledgement makes certain is decided by ref_slots.h.
 * Here it becomes H.264: every frame is a long-term reference, whose place in the decoder's buffer its own slice header
 * names, so that a decoder that missed any frames replaces and keeps the same pictures as the encoder; a sliding
 * window would depend on what arrived. A frame in several slots has one place. What frames are missing makes a decoder
 * put in gaps, which are short-term (8.2.5.2): the buffer has one more place than there are frames in it, for them.
 *
 * An encoder whose driver writes the slice headers keeps one short-term reference: the frame before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "encode/ref_slots.h"

#define H264_REFS_DPB_MAX      (REF_SLOTS + 1)
#define H264_REFS_SURFACES_MAX (REF_SLOTS + 1)
#define H264_FRAME_NUM_BITS    16u

/* A picture that a decoder which missed nothing holds. */
struct h264_held {
	bool used;
	uint8_t surface; /* where it is reconstructed, 0..h264_refs_surfaces() - 1 */
	uint32_t frame;
	uint16_t frame_num;
	int32_t poc;
};

struct h264_refs {
	struct ref_slots slots;
	bool long_term;
	uint32_t idr_frame; /* 0: none yet */
	uint16_t idr_pic_id;
	struct h264_held held[REF_SLOTS]; /* by LongTermFrameIdx, where there are long-term references */
};

/* What the next picture is: what its slice headers and the driver are told. */
struct h264_plan {
	struct ref_plan slots;
	bool idr;
	bool long_term;
	uint8_t places;  /* MaxLongTermFrameIdx + 1 from this picture on */
	uint8_t index;   /* LongTermFrameIdx that it gets */
	uint8_t ref;     /* held[] that it is predicted from; not in an IDR */
	uint8_t surface; /* free: it is reconstructed here */
	uint32_t frame;
	uint16_t frame_num, idr_pic_id;
	int32_t poc; /* type 2: output order is decoding order */
};

/* dpb: max_num_ref_frames, 1..H264_REFS_DPB_MAX. From 2 on, with long_term, lost frames can be answered. */
void h264_refs_init(struct h264_refs *r, unsigned dpb, bool long_term);
unsigned h264_refs_surfaces(const struct h264_refs *r);

/* Frame numbers rise by one; the first must be an IDR. */
void h264_refs_plan(const struct h264_refs *r, bool idr, uint32_t frame, struct h264_plan *p);
/* The picture of that plan was encoded. marked: the client was asked to acknowledge it. */
void h264_refs_encoded(struct h264_refs *r, const struct h264_plan *p, bool marked);

/* Frame first and all after it, up to newest, are not referred to any more. -ENOENT: nothing older is left, or
 * frame_num began anew since (once in 65536 frames; libavcodec misjudges the output order there). */
int h264_refs_invalidate(struct h264_refs *r, uint32_t first, uint32_t newest);
void h264_refs_ack(struct h264_refs *r, uint32_t frame);
