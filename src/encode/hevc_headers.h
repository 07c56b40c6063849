// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The headers of an HEVC stream whose slices somebody else encodes: parameter sets and slice segment headers with their
 * reference picture sets, so that what a stream says of its references, its level and its colours is decided here and
 * not by a driver. Main, Main 10, Main 4:4:4 and Main 4:4:4 10, one reference a picture, output order is decoding
 * order. Pure. Clause numbers are those of ITU-T H.265.
 *
 * A reference picture set lists what a decoder is to keep from then on, and only frames that a client can have: frames
 * not long ago as short-term pictures, older ones (they are acknowledged ones) as long-term pictures with all of their
 * order count.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/bitstream.h"
#include "encode/pic_refs.h"
#include "media/params.h"

#define HEVC_HEADER_MAX     160u /* bytes of any of them, start code and escapes included */
#define HEVC_INIT_QP        26u
#define HEVC_SHORT_TERM_AGE 128u /* frames; what is older is long-term */
#define HEVC_LIGHT_FROM     512u /* packet size; in smaller ones HDR_MODE alone has it: the slice is in shard 0 */

enum hevc_nal { /* table 7-1 */
		HEVC_NAL_TRAIL_R = 1,
		HEVC_NAL_IDR_W_RADL = 19,
		HEVC_NAL_IDR_N_LP = 20,
		HEVC_NAL_VPS = 32,
		HEVC_NAL_SPS = 33,
		HEVC_NAL_PPS = 34,
		HEVC_NAL_SEI = 39, /* in front of slices */
};
enum hevc_slice_type { HEVC_SLICE_B, HEVC_SLICE_P, HEVC_SLICE_I }; /* table 7-7 */

/* What the one who encodes slices works with, said in the parameter sets. Sizes are logarithms. */
struct hevc_tools {
	uint8_t min_cb, ctb, min_tb, max_tb; /* 3..6, 4..6, 2..5, 2..5 */
	uint8_t depth_inter, depth_intra;    /* of transform trees */
	bool amp, sao, strong_intra, sign_hiding, constrained_intra, transform_skip;
	bool qp_delta;   /* quantisers change within a picture */
	bool both_lists; /* there are no P slices: B, with the one reference in both lists */
};

struct hevc_stream {
	struct hevc_tools tools;
	uint8_t level; /* general_level_idc and tier: hevc_level() */
	bool high_tier;
	uint8_t dpb; /* frames that a decoder holds, the current one included: 2.. */
	uint16_t width, height;
	uint32_t fps_mhz;
	uint8_t depth; /* 8 or 10 */
	bool yuv444;
	enum colour_space space;
	bool full_range, pq;
	struct hdr_metadata light; /* with pq; said when it is known */
};

/* general_profile_idc */
static inline uint8_t hevc_profile(const struct hevc_stream *s)
{
	return s->yuv444 ? 4 : s->depth > 8 ? 2 : 1;
}

/* Luma samples, of whole smallest coding blocks. */
static inline unsigned hevc_coded_width(const struct hevc_stream *s)
{
	return (s->width + (1u << s->tools.min_cb) - 1) >> s->tools.min_cb << s->tools.min_cb;
}

static inline unsigned hevc_coded_height(const struct hevc_stream *s)
{
	return (s->height + (1u << s->tools.min_cb) - 1) >> s->tools.min_cb << s->tools.min_cb;
}

static inline unsigned hevc_ctbs_wide(const struct hevc_stream *s)
{
	return (s->width + (1u << s->tools.ctb) - 1) >> s->tools.ctb;
}

static inline unsigned hevc_ctbs_high(const struct hevc_stream *s)
{
	return (s->height + (1u << s->tools.ctb) - 1) >> s->tools.ctb;
}

static inline enum hevc_slice_type hevc_slice_type(const struct hevc_stream *s, const struct pic_plan *p)
{
	return p->idr ? HEVC_SLICE_I : s->tools.both_lists ? HEVC_SLICE_B : HEVC_SLICE_P;
}

static inline enum hevc_nal hevc_slice_nal(const struct pic_plan *p)
{
	return p->idr ? HEVC_NAL_IDR_W_RADL : HEVC_NAL_TRAIL_R;
}

/* nal_unit_type of a unit of two bytes at least; else 63, which is unspecified. */
static inline uint8_t hevc_nal_type(const struct nal *n)
{
	return n->len < 2 ? 63 : n->payload[0] >> 1 & 63;
}

/* The lowest general_level_idc of tables A.8 and A.9, from 3.0 on, that has room for it all, in the high tier where its
 * main tier has too low a rate; the highest when none has. Of s: size, fps_mhz, dpb, depth, yuv444, tools. Fills level,
 * high_tier. */
void hevc_level(struct hevc_stream *s, uint32_t kbps);

/* Frames that decoders hold, the current one included: of level 5.1, of larger pictures of level 6. */
unsigned hevc_dpb_most(uint32_t width, uint32_t height);

/* Whether a frame so many frames back is a long-term picture. */
static inline bool hevc_is_long_term(const struct pic_plan *p, const struct pic_held *h)
{
	return p->number - h->number > HEVC_SHORT_TERM_AGE;
}

/* Whole units with start code, escaped, at most HEVC_HEADER_MAX bytes; they return the bytes. */
size_t hevc_vps_write(uint8_t *out, const struct hevc_stream *s);
size_t hevc_sps_write(uint8_t *out, const struct hevc_stream *s);
size_t hevc_pps_write(uint8_t *out, const struct hevc_stream *s);
/* The display that an HDR picture was made for, and its light (D.2.28, D.2.35); 0: nothing is known. */
size_t hevc_light_write(uint8_t *out, const struct hevc_stream *s);

/* The same of a slice up to its slice_segment_data(), byte_alignment() included; address: its first coding tree block.
 * r: the references that the plan was made from. */
size_t hevc_slice_header_write(uint8_t *out, const struct hevc_stream *s, const struct pic_refs *r,
			       const struct pic_plan *p, uint32_t address);

/* Whether a unit that somebody else wrote is that slice: its header is ours up to what says nothing of references. */
bool hevc_slice_header_is(const struct nal *n, const struct hevc_stream *s, const struct pic_refs *r,
			  const struct pic_plan *p, uint32_t address);
