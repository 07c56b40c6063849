// SPDX-License-Identifier: GPL-3.0-or-later
/* What the parts that check and encode an HEVC picture share: the stream's state and the picture at hand. */
#pragma once

#include "hevc.h"

/* Of a context. */
struct hevc {
	bool have_vps, have_sps, have_pps[HEVC_PPS_MAX];
	struct hevc_vps vps;
	struct hevc_sps sps;
	struct hevc_pps pps[HEVC_PPS_MAX];
	struct hevc_dpb dpb;
	uint64_t serial;
	struct hevc_cu *cu;
	struct planes source; /* padded */
	size_t room;          /* in coding units */
};

/* Of the picture at hand. */
struct hevc_job {
	struct context *c;
	struct hevc *x;
	const struct picture *p;
	const VAEncPictureParameterBufferHEVC *pic;
	struct hevc_dpb dpb;
	struct hevc_pps pps;
	bool vps_sent, sps_sent, pps_sent;
	struct hevc_header header[HEVC_SLICES_MAX];
	const struct recon *ref[HEVC_SLICES_MAX];
	struct surface *recon;
	int poc;
	struct out lead; /* what stands before the slices */
	unsigned order;  /* rank of the packed header taken last */
};

/* hevc_heads.c: packed headers, parameters and slices are one picture; fills lead, pps, header. */
VAStatus hevc_heads(struct hevc_job *j);
VAStatus hevc_slices_fit(struct hevc_job *j);

/* hevc_pic_refs.c: the pictures that are named are those the decoder has; fills ref, recon. */
VAStatus hevc_reference_frames(struct hevc_job *j);
VAStatus hevc_slice_refs(struct hevc_job *j, unsigned n);
VAStatus hevc_current(struct hevc_job *j);
