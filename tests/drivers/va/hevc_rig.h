// SPDX-License-Identifier: GPL-3.0-or-later
/* The encoder's side of HEVC on VA-API, in a rig whose profile is HEVC: right pictures, any part of which a test may
 * spoil. */
#pragma once

#include "hevc.h"
#include "rig.h"

struct hevc_rig_ref {
	VASurfaceID surface;
	int poc;
	bool used, is_long;
};

struct hevc_rig {
	struct rig *r;
	struct hevc_rig_ref ref[RIG_REFS];
	int poc;
	bool both_lists;
};

/* One picture as it is sent. */
struct hevc_shot {
	bool idr, send_seq, send_pic, send_packed[4]; /* VPS, SPS, PPS, slice headers */
	VAEncSequenceParameterBufferHEVC seq;
	VAEncPictureParameterBufferHEVC pic;
	VAEncSliceParameterBufferHEVC slice[RIG_SLICES];
	unsigned n_slices;
	struct hevc_vps vps;
	struct hevc_sps sps;
	struct hevc_pps pps;
	struct hevc_header header[RIG_SLICES];
	uint32_t packed_type[4]; /* as announced */
	int packed_bits[4];      /* added to bit_length */
	bool sps_first, keep_long;
};

/* A right picture: IDR, or P (B with both lists) that refers to the ref-th newest kept one. */
void hevc_rig_shot(struct hevc_rig *h, struct hevc_shot *s, bool idr, unsigned ref);
/* Headers anew from the parameters. */
void hevc_shot_headers(struct hevc_shot *s);
/* Sends it. On success *out (if given) has the coded picture appended, and the references are moved on. */
VAStatus hevc_rig_send(struct hevc_rig *h, struct hevc_shot *s, struct out *out);
/* From the next picture on the oldest kept one is long-term. */
void hevc_rig_long_term(struct hevc_rig *h);
