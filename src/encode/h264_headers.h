// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The headers of an H.264 stream whose slices somebody else encodes: parameter sets and slice headers, so that what a
 * stream says of its references, its level and its colours is decided here and not by a driver. Progressive 4:2:0, 8
 * bit, one reference a picture. Pure. Clause numbers are those of ITU-T H.264.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/bitstream.h"
#include "encode/pic_refs.h"
#include "media/params.h"

#define H264_HEADER_MAX 160u /* bytes of any of them, start code and escapes included */
#define H264_INIT_QP    26u

#define H264_FRAME_NUM_BITS PIC_REFS_NUMBER_BITS

enum h264_profile { H264_BASELINE = 66, H264_MAIN = 77, H264_HIGH = 100 }; /* profile_idc; baseline: constrained */

struct h264_stream {
	enum h264_profile profile;
	uint8_t level; /* h264_level() */
	uint8_t dpb;   /* max_num_ref_frames */
	uint16_t width, height;
	uint32_t fps_mhz;
	enum colour_space space;
	bool full_range;
};

static inline bool h264_cabac(const struct h264_stream *s)
{
	return s->profile != H264_BASELINE;
}

static inline bool h264_transform_8x8(const struct h264_stream *s)
{
	return s->profile == H264_HIGH;
}

static inline unsigned h264_mbs_wide(const struct h264_stream *s)
{
	return (s->width + 15u) / 16;
}

static inline unsigned h264_mbs_high(const struct h264_stream *s)
{
	return (s->height + 15u) / 16;
}

/* The lowest level_idc of table A-1, from 3.0 on, that has room for it all; the highest when none has. */
uint8_t h264_level(unsigned width, unsigned height, uint32_t fps_mhz, unsigned dpb, uint32_t kbps);

/* Whole units with start code, escaped, at most H264_HEADER_MAX bytes; they return the bytes. */
size_t h264_sps_write(uint8_t *out, const struct h264_stream *s);
size_t h264_pps_write(uint8_t *out, const struct h264_stream *s);

/* The same of a slice up to its slice_data(); returns the bits. */
size_t h264_slice_header_write(uint8_t *out, const struct h264_stream *s, const struct pic_plan *p, uint32_t first_mb);
/* Its bits alone, neither unit header nor escapes. */
void h264_slice_header_put(struct bit_writer *w, const struct h264_stream *s, const struct pic_plan *p,
			   uint32_t first_mb);

/* Whether a unit that somebody else wrote is that slice: its header is ours up to what says nothing of references. */
bool h264_slice_header_is(const struct nal *n, const struct pic_plan *p, uint32_t first_mb);

static inline enum nal_type h264_slice_type(const struct pic_plan *p)
{
	return p->idr ? NAL_TYPE_IDR : NAL_TYPE_SLICE;
}

static inline uint8_t h264_ref_idc(const struct pic_plan *p)
{
	return p->idr ? 3 : 2;
}
