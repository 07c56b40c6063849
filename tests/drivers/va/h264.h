// SPDX-License-Identifier: GPL-3.0-or-later
/* H.264: syntax structures, the decoder's picture buffer as a decoder would keep it, and the small encoder. */
#pragma once

#include "bits.h"
#include "cabac.h"
#include "driver.h"

#include <va/va_enc_h264.h>

struct h264_sps {
	uint8_t profile_idc, constraints, level_idc;
	uint32_t id, chroma_format, depth_luma, depth_chroma, max_refs, width_mbs, height_mbs;
	uint32_t log2_frame_num, poc_type, log2_poc_lsb, crop[4]; /* left, right, top, bottom */
	bool scaling, gaps, frame_mbs_only, direct_8x8, cropped;
	bool vui, aspect, timing, fixed_rate, restriction, motion_over;
	uint32_t aspect_idc, sar_width, sar_height, units_in_tick, time_scale;
	uint32_t reorder_frames, dec_frame_buffering;
};

struct h264_pps {
	uint32_t id, sps_id, slice_groups, l0, l1, bipred_idc;
	int32_t init_qp, chroma_offset[2];
	bool cabac, pic_order, weighted, deblock_control, constrained_intra, redundant, transform_8x8, scaling;
};

#define H264_OPS_MAX 40u

struct h264_header {
	uint8_t nal_type, ref_idc;
	uint32_t first_mb, type, pps_id, frame_num, idr_id, poc_lsb;
	int32_t delta_poc_bottom;
	bool override, list_changed, no_output, long_term, adaptive;
	uint32_t n_refs; /* of list 0, what the picture's parameters say included */
	unsigned n_change, n_mmco;
	struct {
		uint32_t op, value;
	} change[H264_OPS_MAX];
	struct {
		uint32_t op, a, b;
	} mmco[H264_OPS_MAX];
	uint32_t cabac_init, deblock;
	int32_t qp_delta, alpha, beta; /* offsets, not halved */
};

/* All return what is wrong, or NULL. rbsp begins with the NAL header. */
const char *h264_sps_parse(struct h264_sps *s, struct bits *b);
const char *h264_pps_parse(struct h264_pps *p, struct bits *b);
const char *h264_header_parse(struct h264_header *h, struct bits *b, const struct h264_sps *s,
			      const struct h264_pps *p);
/* Header byte included; parameter sets with their trailing bits. */
void h264_sps_write(struct out *o, const struct h264_sps *s);
void h264_pps_write(struct out *o, const struct h264_pps *p);
void h264_header_write(struct out *o, const struct h264_header *h, const struct h264_sps *s, const struct h264_pps *p);

/* h264_params.c: parameter buffers and syntax, each against the other; rule() is called for what differs. */
VAStatus h264_check_seq(struct context *c, const VAEncSequenceParameterBufferH264 *q);
VAStatus h264_check_pic(struct context *c, const VAEncPictureParameterBufferH264 *p, const struct h264_sps *s);
VAStatus h264_same_sps(struct context *c, const VAEncSequenceParameterBufferH264 *q, const struct h264_sps *s);
VAStatus h264_same_pps(struct context *c, const VAEncPictureParameterBufferH264 *p, const struct h264_pps *s);
VAStatus h264_same_header(struct context *c, const VAEncPictureParameterBufferH264 *p,
			  const VAEncSliceParameterBufferH264 *s, const struct h264_sps *sps,
			  const struct h264_pps *pps, const struct h264_header *h);
void h264_sps_of(struct h264_sps *s, VAProfile profile, const VAEncSequenceParameterBufferH264 *q);
void h264_pps_of(struct h264_pps *s, const VAEncPictureParameterBufferH264 *p);
void h264_header_of(struct h264_header *h, const VAEncPictureParameterBufferH264 *p,
		    const VAEncSliceParameterBufferH264 *s, const struct h264_sps *sps, const struct h264_pps *pps);

/* h264_dpb.c */
struct h264_ref {
	bool used, is_long, missing; /* missing: a gap in frame_num */
	VASurfaceID surface;
	uint64_t serial;
	uint32_t frame_num, long_idx;
	int32_t pic_num;
	int poc;
};

struct h264_dpb {
	struct h264_ref ref[REFS_MAX];
	uint32_t prev_ref_frame_num, prev_frame_num, frame_num_offset;
	int prev_poc_msb, prev_poc_lsb;
	bool prev_was_ref, started;
};

/* frame_num and POC of a picture about to be decoded; fills gaps. */
VAStatus h264_dpb_begin(struct context *c, struct h264_dpb *d, const struct h264_sps *s, const struct h264_header *h,
			int *poc);
/* List 0 of a P slice as a decoder builds it: h->n_refs entries, NULL where there is none. */
VAStatus h264_dpb_list(struct context *c, struct h264_dpb *d, const struct h264_sps *s, const struct h264_header *h,
		       const struct h264_ref *list[32]);
/* Modifications that make `want` of the initial list; for a driver that writes the header itself. */
VAStatus h264_dpb_order(struct context *c, struct h264_dpb *d, const struct h264_sps *s, struct h264_header *h,
			const VAPictureH264 *want);
/* Marking after the picture (8.2.5). */
VAStatus h264_dpb_end(struct context *c, struct h264_dpb *d, const struct h264_sps *s, const struct h264_header *h,
		      const struct h264_ref *now);

/* Macroblocks. */
enum h264_kind { H264_SKIP, H264_INTER, H264_INTRA };

struct h264_mb {
	uint8_t kind, cbp_luma, cbp_chroma, qp;
	uint16_t slice;
	uint8_t luma[16], chroma[2][4]; /* coefficients per 4x4 block, raster order; without DC where that is apart */
	bool dc[3];                     /* luma DC of an intra block, chroma DC have coefficients */
	bool qp_changed;
	uint64_t ref;
};

/* Levels in zigzag order; blocks in raster order. */
struct h264_levels {
	int16_t dc[16], luma[16][16], chroma_dc[2][4], chroma[2][4][16];
};

struct h264_slice_info {
	const struct h264_header *h;
	const struct recon *ref;
	unsigned first, end; /* macroblocks */
};

struct h264_frame {
	const struct h264_pps *pps;
	unsigned width_mbs, height_mbs, stride;
	const uint8_t *src_luma, *src_chroma;
	struct recon *to;
	struct h264_mb *mb;
	struct h264_slice_info slice[256];
	unsigned n_slices;
};

/* h264_mb.c: predicts, quantises and reconstructs macroblock n with quantiser qp; last_qp is what a block without
 * coefficients has. */
void h264_mb_code(struct h264_frame *f, unsigned slice, unsigned n, int qp, int last_qp, struct h264_levels *l);
int h264_chroma_qp(int qp, int offset);
extern const uint8_t h264_block_order[16]; /* raster index of the n-th block of 6.4.3 */

/* Entropy coders, one slice: begin, each macroblock, end (with trailing bits). */
struct h264_coder {
	struct h264_frame *f;
	unsigned slice;
	struct out *o;
	int qp; /* running */
	unsigned skip_run;
	bool last_delta;
	struct cabac cabac;
};

struct h264_coder_ops {
	void (*begin)(struct h264_coder *e);
	void (*mb)(struct h264_coder *e, unsigned n, const struct h264_levels *l, int qp_delta, bool last);
	void (*end)(struct h264_coder *e);
};

extern const struct h264_coder_ops h264_cavlc, h264_cabac;

/* The neighbour of the same slice, or NULL. */
static inline const struct h264_mb *h264_left(const struct h264_frame *f, unsigned n)
{
	return n % f->width_mbs && f->mb[n - 1].slice == f->mb[n].slice ? &f->mb[n - 1] : NULL;
}

static inline const struct h264_mb *h264_above(const struct h264_frame *f, unsigned n)
{
	return n >= f->width_mbs && f->mb[n - f->width_mbs].slice == f->mb[n].slice ? &f->mb[n - f->width_mbs] : NULL;
}

/* h264_deblock.c: the whole picture (8.7). */
void h264_deblock(struct h264_frame *f);
