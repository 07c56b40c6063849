// SPDX-License-Identifier: GPL-3.0-or-later
/* What the parts that check and encode an H.264 picture share: the stream's state and the picture at hand. */
#pragma once

#include "h264.h"

#define H264_SLICES_MAX 256u

/* Of a context. */
struct h264 {
	bool have_sps, have_pps[256];
	struct h264_sps sps;
	struct h264_pps pps[256];
	struct h264_dpb dpb;
	uint64_t serial;
	uint32_t last_idr_id;
	bool after_idr;
	struct h264_mb *mb;
	uint8_t *luma, *chroma; /* the source, padded */
	size_t room;            /* in macroblocks */
};

/* Of the picture at hand. */
struct job {
	struct context *c;
	struct h264 *x;
	const struct picture *p;
	const VAEncPictureParameterBufferH264 *pic;
	struct h264_dpb dpb;
	struct h264_pps pps;
	bool pps_sent;
	struct h264_header header[H264_SLICES_MAX];
	const struct recon *ref[H264_SLICES_MAX];
	struct surface *recon;
	int poc;
	struct out lead; /* what stands before the slices */
	unsigned order;  /* rank of the packed header taken last */
};

/* h264_heads.c: packed headers, parameters and slices are one picture; fills lead, pps, header. */
VAStatus h264_heads(struct job *j);
VAStatus h264_slices_fit(struct job *j);

/* h264_pic_refs.c: the pictures that are named are those the decoder has; fills ref, recon. */
VAStatus h264_reference_frames(struct job *j);
VAStatus h264_slice_refs(struct job *j, unsigned n);
VAStatus h264_current(struct job *j);
