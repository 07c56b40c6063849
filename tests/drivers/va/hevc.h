// SPDX-License-Identifier: GPL-3.0-or-later
/* HEVC: syntax structures, the decoder's picture buffer as reference picture sets make it, and the small encoder.
 * Clause numbers are those of ITU-T H.265. */
#pragma once

#include "bits.h"
#include "cabac.h"
#include "driver.h"

#include <va/va_enc_hevc.h>

#define HEVC_SLICES_MAX 256u
#define HEVC_RPS_MAX    16u
#define HEVC_PPS_MAX    64u
#define HEVC_CU         16u /* the encoder's only size */

enum { HEVC_TRAIL_R = 1, HEVC_IDR_W_RADL = 19, HEVC_IDR_N_LP = 20, HEVC_VPS = 32, HEVC_SPS, HEVC_PPS, HEVC_AUD };
enum { HEVC_SEI = 39 };
enum { HEVC_RANGE = 4 };         /* general_profile_idc of format range extensions */
enum { HEVC_B, HEVC_P, HEVC_I }; /* slice_type */

/* Of the profile and level, the same in both sets. */
struct hevc_ptl {
	uint32_t profile_idc, compatible, level_idc;
	uint32_t range; /* of format range extensions: the nine flags from general_max_12bit_constraint_flag on */
	bool tier, progressive, interlaced, frame_only;
};

struct hevc_vps {
	uint32_t id, dec_pic_buffering, reorder, latency_plus1;
	struct hevc_ptl ptl;
	bool timing;
	uint32_t units_in_tick, time_scale;
};

struct hevc_sps {
	uint32_t vps_id, id, chroma_format, width, height, window[4], depth_luma, depth_chroma; /* window: l, r, t, b */
	uint32_t log2_poc_lsb, dec_pic_buffering, reorder, latency_plus1;
	uint32_t log2_min_cb, log2_ctb, log2_min_tb, log2_max_tb, depth_inter, depth_intra;
	struct hevc_ptl ptl;
	bool cropped, scaling, amp, sao, pcm, long_term, tmvp, strong_intra;
	bool vui, aspect, signal, full_range, colour, chroma_loc, timing, restriction;
	uint32_t aspect_idc, sar_width, sar_height, video_format, primaries, transfer, matrix, loc[2];
	uint32_t units_in_tick, time_scale, min_segmentation, max_bytes, max_bits, mv_wide, mv_high;
	bool neutral_chroma, field_seq, tiles_fixed, mv_over, restricted_lists;
};

struct hevc_pps {
	uint32_t id, sps_id, l0, l1, qp_delta_depth, merge_level;
	int32_t init_qp, cb_offset, cr_offset, beta, tc; /* offsets, not halved */
	bool dependent, output, sign_hiding, cabac_init, constrained_intra, transform_skip, qp_delta, slice_chroma;
	bool weighted, bipred, bypass, tiles, sync, across_slices, deblock_control, deblock_override, deblock_off;
	bool scaling, lists, extension;
};

/* One picture of a reference picture set. */
struct hevc_rps_entry {
	int32_t delta; /* of the POC, short-term */
	uint32_t lsb, msb_cycle;
	bool is_long, used, msb;
};

struct hevc_header {
	uint8_t nal_type;
	bool first, no_output, override, mvd_l1_zero, cabac_init, deblock_override, deblock_off, across_slices;
	uint32_t pps_id, address, type, poc_lsb, l0, l1, merge_cands;
	struct hevc_rps_entry rps[HEVC_RPS_MAX];
	unsigned n_rps;
	int32_t qp_delta, cb_offset, cr_offset, beta, tc;
};

static inline bool hevc_idr(const struct hevc_header *h)
{
	return h->nal_type == HEVC_IDR_W_RADL || h->nal_type == HEVC_IDR_N_LP;
}

/* Luma samples that go with one of chroma, in either direction. */
static inline unsigned hevc_sub(const struct hevc_sps *s)
{
	return s->chroma_format == 3 ? 1 : 2;
}

static inline unsigned hevc_ctbs_wide(const struct hevc_sps *s)
{
	return (s->width + (1u << s->log2_ctb) - 1) >> s->log2_ctb;
}

static inline unsigned hevc_ctbs(const struct hevc_sps *s)
{
	return hevc_ctbs_wide(s) * ((s->height + (1u << s->log2_ctb) - 1) >> s->log2_ctb);
}

/* hevc_syntax.c, hevc_slice.c: all return what is wrong, or NULL. rbsp begins with the two bytes of the NAL header. */
const char *hevc_vps_parse(struct hevc_vps *v, struct bits *b);
const char *hevc_sps_parse(struct hevc_sps *s, struct bits *b);
const char *hevc_pps_parse(struct hevc_pps *p, struct bits *b);
const char *hevc_header_parse(struct hevc_header *h, struct bits *b, const struct hevc_sps *s,
			      const struct hevc_pps *p);
/* NAL header included; with their trailing or alignment bits. */
void hevc_vps_write(struct out *o, const struct hevc_vps *v);
void hevc_sps_write(struct out *o, const struct hevc_sps *s);
void hevc_pps_write(struct out *o, const struct hevc_pps *p);
void hevc_header_write(struct out *o, const struct hevc_header *h, const struct hevc_sps *s, const struct hevc_pps *p);
const char *hevc_trailing(struct bits *b);

/* hevc_params.c: parameter buffers and syntax, each against the other; rule() is called for what differs. */
VAStatus hevc_check_seq(struct context *c, const VAEncSequenceParameterBufferHEVC *q);
VAStatus hevc_check_pic(struct context *c, const VAEncPictureParameterBufferHEVC *p, const struct hevc_sps *s);
VAStatus hevc_same_vps(struct context *c, const VAEncSequenceParameterBufferHEVC *q, const struct hevc_vps *v);
VAStatus hevc_same_sps(struct context *c, const VAEncSequenceParameterBufferHEVC *q, const struct hevc_sps *s,
		       const struct hevc_vps *v);
VAStatus hevc_same_pps(struct context *c, const VAEncPictureParameterBufferHEVC *p, const struct hevc_pps *s);
VAStatus hevc_same_header(struct context *c, const VAEncPictureParameterBufferHEVC *p,
			  const VAEncSliceParameterBufferHEVC *s, const struct hevc_sps *sps,
			  const struct hevc_pps *pps, const struct hevc_header *h);
/* The headers of a driver that writes them itself. refs: how many pictures the decoder is to keep. */
void hevc_sps_of(struct hevc_sps *s, const VAEncSequenceParameterBufferHEVC *q, unsigned refs);
void hevc_vps_of(struct hevc_vps *v, const struct hevc_sps *s);
void hevc_pps_of(struct hevc_pps *s, const VAEncPictureParameterBufferHEVC *p);
void hevc_header_of(struct hevc_header *h, const VAEncPictureParameterBufferHEVC *p,
		    const VAEncSliceParameterBufferHEVC *s, const struct hevc_sps *sps, const struct hevc_pps *pps);

/* hevc_dpb.c */
struct hevc_ref {
	bool used, is_long;
	VASurfaceID surface;
	uint64_t serial;
	int poc;
	uint32_t flag; /* VA_PICTURE_HEVC_RPS_x for the picture at hand, 0: kept for later ones */
};

struct hevc_dpb {
	struct hevc_ref ref[REFS_MAX];
	int prev_poc; /* of the last picture of temporal layer 0 */
};

/* POC of a picture about to be decoded, and its reference picture set applied (8.3.1, 8.3.2). */
VAStatus hevc_dpb_begin(struct context *c, struct hevc_dpb *d, const struct hevc_sps *s, const struct hevc_header *h,
			int *poc);
/* List 0 or 1 as a decoder builds it (8.3.4). */
VAStatus hevc_dpb_list(struct context *c, const struct hevc_dpb *d, unsigned which, unsigned n,
		       const struct hevc_ref *list[16]);
void hevc_dpb_end(struct hevc_dpb *d, const struct hevc_ref *now);

/* What a profile is made of. */
struct hevc_format {
	VAProfile profile;
	uint32_t profile_idc, chroma_format, depth;
	uint32_t compatible, range;
};

const struct hevc_format *hevc_format_of(VAProfile profile);

/* Coding units: 16x16, one transform block a plane. */
enum hevc_kind { HEVC_SKIP, HEVC_MERGE, HEVC_INTRA };

struct hevc_cu {
	uint8_t kind, qp;
	bool cbf[3];
	uint16_t slice;
	uint64_t ref;
};

struct hevc_levels {
	int16_t luma[256], chroma[2][256]; /* raster order */
};

struct hevc_slice_info {
	const struct hevc_header *h;
	const struct recon *ref;
	unsigned first, end; /* coding tree blocks */
};

struct hevc_frame {
	const struct hevc_sps *sps;
	const struct hevc_pps *pps;
	unsigned wide, high; /* in coding units */
	const struct planes *src;
	struct planes *to;
	struct hevc_cu *cu;
	struct hevc_slice_info slice[HEVC_SLICES_MAX];
	unsigned n_slices;
};

/* hevc_cu.c: predicts, transforms, quantises and reconstructs the unit at column x, row y. */
void hevc_cu_code(struct hevc_frame *f, unsigned slice, unsigned x, unsigned y, int qp, struct hevc_levels *l);
/* QpC, without QpBdOffset (8.6.1). */
int hevc_chroma_qp(const struct hevc_sps *s, int qp, int offset);

/* hevc_cabac.c: slice n of the frame with quantiser qp, appended to rbsp, which holds the slice header. */
void hevc_slice_code(struct hevc_frame *f, unsigned n, int qp, struct out *rbsp);

/* The unit at that place if slice n has coded it already, or NULL. */
static inline const struct hevc_cu *hevc_near(const struct hevc_frame *f, int x, int y, unsigned n)
{
	const struct hevc_cu *u;

	if (x < 0 || y < 0 || x >= (int)f->wide || y >= (int)f->high)
		return NULL;
	u = &f->cu[(unsigned)y * f->wide + (unsigned)x];
	return u->slice == n ? u : NULL;
}

/* hevc_deblock.c: the whole picture (8.7.2). */
void hevc_deblock(struct hevc_frame *f);
