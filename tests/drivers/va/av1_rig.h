// SPDX-License-Identifier: GPL-3.0-or-later
/* The encoder's side of AV1 on VA-API, in a rig whose profile is AV1: right frames, any part of which a test may
 * spoil. */
#pragma once

#include "av1.h"
#include "rig.h"

struct av1_rig {
	struct rig *r;
	VASurfaceID slot[RIG_REFS]; /* of the decoder's first slots */
	unsigned number[RIG_REFS];  /* of the frame in each */
	unsigned frame, log2_cols, log2_rows;
};

/* One frame as it is sent. */
struct av1_shot {
	bool key, send_seq, send_pic, send_packed[2]; /* sequence, frame header */
	VAEncSequenceParameterBufferAV1 seq;
	VAEncPictureParameterBufferAV1 pic;
	VAEncTileGroupBufferAV1 group[2];
	unsigned n_groups;
	struct av1_sequence sequence;
	struct av1_header header;
	uint32_t packed_type[2], size_bytes; /* as announced; of obu_size */
	int packed_bits[2];                  /* added to bit_length */
	bool header_first;
};

/* A right frame: key, or one that refers to slot ref and replaces the oldest. */
void av1_rig_shot(struct av1_rig *a, struct av1_shot *s, bool key, unsigned ref);
/* The slot with the n-th newest frame. */
unsigned av1_rig_newest(const struct av1_rig *a, unsigned n);
/* Headers anew from the parameters, and the places of them in the parameters. */
void av1_shot_headers(struct av1_rig *a, struct av1_shot *s);
/* Sends it. On success *out (if given) has the coded frame appended, a delimiter in front, and the slots are moved
 * on. */
VAStatus av1_rig_send(struct av1_rig *a, struct av1_shot *s, struct out *out);
