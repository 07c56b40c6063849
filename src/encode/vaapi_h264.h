// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a VA-API driver is told of an H.264 picture, and what is taken of what it answers. Pure: the structures of
 * va_enc_h264.h and bytes; encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <va/va.h>

#include "encode/h264_headers.h"

/* Surfaces of the reconstructions, by h264_plan.surface and h264_held.surface. */
struct vaapi_h264 {
	struct h264_stream stream;
	struct h264_refs refs;
	VASurfaceID surface[H264_REFS_SURFACES_MAX];
	unsigned slices, rows; /* rows of macroblocks in each but the last; 0: spread evenly */
};

/* Cuts the picture as slice_structure (VA_ENC_SLICE_STRUCTURE_x, 0: anything) allows: at most want slices. */
void vaapi_h264_cut(struct vaapi_h264 *v, unsigned want, uint32_t slice_structure);
/* First macroblock and count of slice n. */
void vaapi_h264_slice(const struct vaapi_h264 *v, unsigned n, uint32_t *first_mb, uint32_t *mbs);

void vaapi_h264_seq(const struct vaapi_h264 *v, uint32_t kbps, VAEncSequenceParameterBufferH264 *s);
void vaapi_h264_pic(const struct vaapi_h264 *v, const struct h264_plan *p, VABufferID coded,
		    VAEncPictureParameterBufferH264 *b);
void vaapi_h264_slice_param(const struct vaapi_h264 *v, const struct h264_plan *p, unsigned n,
			    VAEncSliceParameterBufferH264 *s);

/*
 * What the wire carries of what the driver wrote: parameter sets, ours when it wrote none in front of an IDR, and
 * slices; no delimiters, no filler, no SEI, which would push the slice out of the first packet (2-media 1.5). Writes to
 * out. -ENOSPC: it does not fit. -EPROTO: this is not the picture of the plan. -EBADMSG: with ours, the slices do not
 * begin with the headers that the driver was given.
 */
int vaapi_h264_take(const struct vaapi_h264 *v, const struct h264_plan *p, bool ours, const uint8_t *in, size_t in_len,
		    uint8_t *out, size_t cap, size_t *len);
