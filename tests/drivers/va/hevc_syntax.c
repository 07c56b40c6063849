// SPDX-License-Identifier: GPL-3.0-or-later
/* Parameter sets of HEVC (7.3.2, annex E), read and written. What the encoder does not have is refused when read. */
#include "hevc.h"

#include <string.h>

#define REFUSE(cond, why)                                                                                              \
	do {                                                                                                           \
		if (cond)                                                                                              \
			return why;                                                                                    \
	} while (0)

static uint32_t get32(struct bits *b)
{
	uint32_t high = bits_get(b, 16);

	return high << 16 | bits_get(b, 16);
}

static void put32(struct out *o, uint32_t v)
{
	out_put(o, 16, v >> 16);
	out_put(o, 16, v & 0xffff);
}

/* rbsp_trailing_bits() or byte_alignment(): the last thing in the unit. */
const char *hevc_trailing(struct bits *b)
{
	bool one = bits_get(b, 1);

	while (one && b->at % 8)
		if (bits_get(b, 1))
			return "trailing bits: not zero";
	return b->err || !one || b->at != b->n ? "trailing bits: not a one and zeros up to the end" : NULL;
}

static void header_write(struct out *o, unsigned type)
{
	out_put(o, 16, type << 9 | 1);
}

/* 7.3.3, one layer */
static const char *ptl_parse(struct hevc_ptl *p, struct bits *b)
{
	uint32_t rest[2];

	REFUSE(bits_get(b, 2), "general_profile_space");
	p->tier = bits_get(b, 1);
	p->profile_idc = bits_get(b, 5);
	p->compatible = get32(b);
	p->progressive = bits_get(b, 1);
	p->interlaced = bits_get(b, 1);
	bits_get(b, 1);
	p->frame_only = bits_get(b, 1);
	p->range = bits_get(b, 9);
	rest[0] = bits_get(b, 13);
	rest[1] = bits_get(b, 22);
	REFUSE(rest[0] || rest[1], "profile: reserved bits");
	REFUSE(p->range && p->profile_idc < HEVC_RANGE && !(p->compatible >> (31 - HEVC_RANGE) & 1),
	       "profile: flags of format range extensions");
	p->level_idc = bits_get(b, 8);
	REFUSE(p->profile_idc < 32 && !(p->compatible >> (31 - p->profile_idc) & 1),
	       "general_profile_compatibility_flag of the profile itself is 0");
	return NULL;
}

static void ptl_write(struct out *o, const struct hevc_ptl *p)
{
	out_put(o, 2, 0);
	out_put(o, 1, p->tier);
	out_put(o, 5, p->profile_idc);
	put32(o, p->compatible);
	out_put(o, 1, p->progressive);
	out_put(o, 1, p->interlaced);
	out_put(o, 1, 1);
	out_put(o, 1, p->frame_only);
	out_put(o, 9, p->range);
	out_put(o, 13, 0);
	out_put(o, 22, 0);
	out_put(o, 8, p->level_idc);
}

const char *hevc_vps_parse(struct hevc_vps *v, struct bits *b)
{
	const char *why;

	*v = (struct hevc_vps){0};
	bits_get(b, 16);
	v->id = bits_get(b, 4);
	REFUSE(bits_get(b, 2) != 3, "VPS: base layer flags");
	REFUSE(bits_get(b, 6) || bits_get(b, 3), "VPS: more than one layer");
	REFUSE(!bits_get(b, 1), "VPS: vps_temporal_id_nesting_flag is 0 with one sub-layer");
	REFUSE(bits_get(b, 16) != 0xffff, "VPS: vps_reserved_0xffff_16bits");
	why = ptl_parse(&v->ptl, b);
	if (why)
		return why;
	bits_get(b, 1);
	v->dec_pic_buffering = bits_ue(b) + 1;
	v->reorder = bits_ue(b);
	v->latency_plus1 = bits_ue(b);
	REFUSE(bits_get(b, 6) || bits_ue(b), "VPS: layer sets");
	v->timing = bits_get(b, 1);
	if (v->timing) {
		v->units_in_tick = get32(b);
		v->time_scale = get32(b);
		if (bits_get(b, 1))
			bits_ue(b);
		REFUSE(bits_ue(b), "VPS: HRD parameters are not offered");
	}
	REFUSE(bits_get(b, 1), "VPS: extension");
	return hevc_trailing(b);
}

void hevc_vps_write(struct out *o, const struct hevc_vps *v)
{
	header_write(o, HEVC_VPS);
	out_put(o, 4, v->id);
	out_put(o, 2, 3);
	out_put(o, 9, 0);
	out_put(o, 1, 1);
	out_put(o, 16, 0xffff);
	ptl_write(o, &v->ptl);
	out_put(o, 1, 1);
	out_ue(o, v->dec_pic_buffering - 1);
	out_ue(o, v->reorder);
	out_ue(o, v->latency_plus1);
	out_put(o, 6, 0);
	out_ue(o, 0);
	out_put(o, 1, v->timing);
	if (v->timing) {
		put32(o, v->units_in_tick);
		put32(o, v->time_scale);
		out_put(o, 1, 0);
		out_ue(o, 0);
	}
	out_put(o, 1, 0);
	out_trailing(o);
}

static const char *vui_parse(struct hevc_sps *s, struct bits *b)
{
	s->aspect = bits_get(b, 1);
	if (s->aspect) {
		s->aspect_idc = bits_get(b, 8);
		if (s->aspect_idc == 255) {
			s->sar_width = bits_get(b, 16);
			s->sar_height = bits_get(b, 16);
		}
	}
	if (bits_get(b, 1))
		bits_get(b, 1);
	s->signal = bits_get(b, 1);
	if (s->signal) {
		s->video_format = bits_get(b, 3);
		s->full_range = bits_get(b, 1);
		s->colour = bits_get(b, 1);
		if (s->colour) {
			s->primaries = bits_get(b, 8);
			s->transfer = bits_get(b, 8);
			s->matrix = bits_get(b, 8);
		}
	}
	s->chroma_loc = bits_get(b, 1);
	if (s->chroma_loc) {
		s->loc[0] = bits_ue(b);
		s->loc[1] = bits_ue(b);
	}
	s->neutral_chroma = bits_get(b, 1);
	s->field_seq = bits_get(b, 1);
	REFUSE(bits_get(b, 1), "VUI: frame_field_info_present_flag is not offered");
	REFUSE(bits_get(b, 1), "VUI: default display window is not offered");
	s->timing = bits_get(b, 1);
	if (s->timing) {
		s->units_in_tick = get32(b);
		s->time_scale = get32(b);
		if (bits_get(b, 1))
			bits_ue(b);
		REFUSE(bits_get(b, 1), "VUI: HRD parameters are not offered");
	}
	s->restriction = bits_get(b, 1);
	if (s->restriction) {
		s->tiles_fixed = bits_get(b, 1);
		s->mv_over = bits_get(b, 1);
		s->restricted_lists = bits_get(b, 1);
		s->min_segmentation = bits_ue(b);
		s->max_bytes = bits_ue(b);
		s->max_bits = bits_ue(b);
		s->mv_wide = bits_ue(b);
		s->mv_high = bits_ue(b);
		REFUSE(s->min_segmentation > 4095 || s->max_bytes > 16 || s->max_bits > 16 || s->mv_wide > 16 ||
			       s->mv_high > 15,
		       "VUI: bitstream restriction out of range");
	}
	return NULL;
}

static void vui_write(struct out *o, const struct hevc_sps *s)
{
	out_put(o, 1, s->aspect);
	if (s->aspect) {
		out_put(o, 8, s->aspect_idc);
		if (s->aspect_idc == 255) {
			out_put(o, 16, s->sar_width);
			out_put(o, 16, s->sar_height);
		}
	}
	out_put(o, 1, 0);
	out_put(o, 1, s->signal);
	if (s->signal) {
		out_put(o, 3, s->video_format);
		out_put(o, 1, s->full_range);
		out_put(o, 1, s->colour);
		if (s->colour) {
			out_put(o, 8, s->primaries);
			out_put(o, 8, s->transfer);
			out_put(o, 8, s->matrix);
		}
	}
	out_put(o, 1, s->chroma_loc);
	if (s->chroma_loc) {
		out_ue(o, s->loc[0]);
		out_ue(o, s->loc[1]);
	}
	out_put(o, 1, s->neutral_chroma);
	out_put(o, 1, s->field_seq);
	out_put(o, 2, 0);
	out_put(o, 1, s->timing);
	if (s->timing) {
		put32(o, s->units_in_tick);
		put32(o, s->time_scale);
		out_put(o, 2, 0);
	}
	out_put(o, 1, s->restriction);
	if (s->restriction) {
		out_put(o, 1, s->tiles_fixed);
		out_put(o, 1, s->mv_over);
		out_put(o, 1, s->restricted_lists);
		out_ue(o, s->min_segmentation);
		out_ue(o, s->max_bytes);
		out_ue(o, s->max_bits);
		out_ue(o, s->mv_wide);
		out_ue(o, s->mv_high);
	}
}

/* What follows the sizes of pictures and blocks. */
static const char *tools_parse(struct hevc_sps *s, struct bits *b)
{
	const char *why = NULL;

	s->scaling = bits_get(b, 1);
	REFUSE(s->scaling, "SPS: scaling lists are not offered");
	s->amp = bits_get(b, 1);
	s->sao = bits_get(b, 1);
	s->pcm = bits_get(b, 1);
	REFUSE(s->pcm, "SPS: PCM is not offered");
	REFUSE(bits_ue(b), "SPS: reference picture sets are only taken in slice headers");
	s->long_term = bits_get(b, 1);
	REFUSE(s->long_term && bits_ue(b), "SPS: long-term pictures are only taken in slice headers");
	s->tmvp = bits_get(b, 1);
	s->strong_intra = bits_get(b, 1);
	s->vui = bits_get(b, 1);
	if (s->vui)
		why = vui_parse(s, b);
	if (why)
		return why;
	REFUSE(bits_get(b, 1), "SPS: extension");
	return hevc_trailing(b);
}

const char *hevc_sps_parse(struct hevc_sps *s, struct bits *b)
{
	const char *why;

	*s = (struct hevc_sps){0};
	bits_get(b, 16);
	s->vps_id = bits_get(b, 4);
	REFUSE(bits_get(b, 3), "SPS: more than one sub-layer");
	REFUSE(!bits_get(b, 1), "SPS: sps_temporal_id_nesting_flag is 0 with one sub-layer");
	why = ptl_parse(&s->ptl, b);
	if (why)
		return why;
	s->id = bits_ue(b);
	REFUSE(s->id > 15, "SPS: id");
	s->chroma_format = bits_ue(b);
	REFUSE(s->chroma_format != 1 && s->chroma_format != 3, "SPS: chroma_format_idc");
	REFUSE(s->chroma_format == 3 && bits_get(b, 1), "SPS: separate_colour_plane_flag");
	s->width = bits_ue(b);
	s->height = bits_ue(b);
	s->cropped = bits_get(b, 1);
	for (unsigned i = 0; s->cropped && i < 4; i++)
		s->window[i] = bits_ue(b);
	REFUSE(s->width > PICTURE_SIZE_MAX || s->height > PICTURE_SIZE_MAX || s->window[0] > s->width ||
		       s->window[1] > s->width || s->window[2] > s->height || s->window[3] > s->height,
	       "SPS: picture size");
	REFUSE(hevc_sub(s) * (s->window[0] + s->window[1]) >= s->width ||
		       hevc_sub(s) * (s->window[2] + s->window[3]) >= s->height,
	       "SPS: nothing is left in the conformance window");
	s->depth_luma = bits_ue(b) + 8;
	s->depth_chroma = bits_ue(b) + 8;
	REFUSE((s->depth_luma != 8 && s->depth_luma != 10) || s->depth_chroma != s->depth_luma, "SPS: bit depth");
	s->log2_poc_lsb = bits_ue(b) + 4;
	REFUSE(s->log2_poc_lsb > 16, "SPS: log2_max_pic_order_cnt_lsb_minus4");
	bits_get(b, 1);
	s->dec_pic_buffering = bits_ue(b) + 1;
	s->reorder = bits_ue(b);
	s->latency_plus1 = bits_ue(b);
	REFUSE(s->dec_pic_buffering < 1 || s->dec_pic_buffering > 16 || s->reorder >= s->dec_pic_buffering,
	       "SPS: sps_max_dec_pic_buffering");
	s->log2_min_cb = bits_ue(b) + 3;
	s->log2_ctb = s->log2_min_cb + bits_ue(b);
	s->log2_min_tb = bits_ue(b) + 2;
	s->log2_max_tb = s->log2_min_tb + bits_ue(b);
	s->depth_inter = bits_ue(b);
	s->depth_intra = bits_ue(b);
	REFUSE(s->log2_ctb < 4 || s->log2_ctb > 6 || s->log2_min_tb >= s->log2_min_cb || s->log2_max_tb > 5 ||
		       s->log2_max_tb > s->log2_ctb || s->depth_inter > s->log2_ctb - s->log2_min_tb ||
		       s->depth_intra > s->log2_ctb - s->log2_min_tb,
	       "SPS: block sizes");
	REFUSE(s->width % (1u << s->log2_min_cb) || s->height % (1u << s->log2_min_cb),
	       "SPS: the picture is not of whole coding blocks");
	return tools_parse(s, b);
}

void hevc_sps_write(struct out *o, const struct hevc_sps *s)
{
	header_write(o, HEVC_SPS);
	out_put(o, 4, s->vps_id);
	out_put(o, 3, 0);
	out_put(o, 1, 1);
	ptl_write(o, &s->ptl);
	out_ue(o, s->id);
	out_ue(o, s->chroma_format);
	if (s->chroma_format == 3)
		out_put(o, 1, 0);
	out_ue(o, s->width);
	out_ue(o, s->height);
	out_put(o, 1, s->cropped);
	for (unsigned i = 0; s->cropped && i < 4; i++)
		out_ue(o, s->window[i]);
	out_ue(o, s->depth_luma - 8);
	out_ue(o, s->depth_chroma - 8);
	out_ue(o, s->log2_poc_lsb - 4);
	out_put(o, 1, 1);
	out_ue(o, s->dec_pic_buffering - 1);
	out_ue(o, s->reorder);
	out_ue(o, s->latency_plus1);
	out_ue(o, s->log2_min_cb - 3);
	out_ue(o, s->log2_ctb - s->log2_min_cb);
	out_ue(o, s->log2_min_tb - 2);
	out_ue(o, s->log2_max_tb - s->log2_min_tb);
	out_ue(o, s->depth_inter);
	out_ue(o, s->depth_intra);
	out_put(o, 1, 0);
	out_put(o, 1, s->amp);
	out_put(o, 1, s->sao);
	out_put(o, 1, 0);
	out_ue(o, 0);
	out_put(o, 1, s->long_term);
	if (s->long_term)
		out_ue(o, 0);
	out_put(o, 1, s->tmvp);
	out_put(o, 1, s->strong_intra);
	out_put(o, 1, s->vui);
	if (s->vui)
		vui_write(o, s);
	out_put(o, 1, 0);
	out_trailing(o);
}

const char *hevc_pps_parse(struct hevc_pps *p, struct bits *b)
{
	*p = (struct hevc_pps){0};
	bits_get(b, 16);
	p->id = bits_ue(b);
	p->sps_id = bits_ue(b);
	REFUSE(p->id >= HEVC_PPS_MAX || p->sps_id > 15, "PPS: id");
	p->dependent = bits_get(b, 1);
	p->output = bits_get(b, 1);
	REFUSE(bits_get(b, 3), "PPS: num_extra_slice_header_bits");
	p->sign_hiding = bits_get(b, 1);
	p->cabac_init = bits_get(b, 1);
	p->l0 = bits_ue(b) + 1;
	p->l1 = bits_ue(b) + 1;
	REFUSE(p->l0 > 15 || p->l1 > 15, "PPS: num_ref_idx_default_active_minus1");
	p->init_qp = bits_se(b) + 26;
	REFUSE(p->init_qp < 0 || p->init_qp > 51, "PPS: init_qp_minus26");
	p->constrained_intra = bits_get(b, 1);
	p->transform_skip = bits_get(b, 1);
	p->qp_delta = bits_get(b, 1);
	p->qp_delta_depth = p->qp_delta ? bits_ue(b) : 0;
	p->cb_offset = bits_se(b);
	p->cr_offset = bits_se(b);
	REFUSE(p->cb_offset < -12 || p->cb_offset > 12 || p->cr_offset < -12 || p->cr_offset > 12,
	       "PPS: chroma offsets");
	p->slice_chroma = bits_get(b, 1);
	p->weighted = bits_get(b, 1);
	p->bipred = bits_get(b, 1);
	p->bypass = bits_get(b, 1);
	p->tiles = bits_get(b, 1);
	p->sync = bits_get(b, 1);
	REFUSE(p->tiles || p->sync, "PPS: tiles and wavefronts are not offered");
	p->across_slices = bits_get(b, 1);
	p->deblock_control = bits_get(b, 1);
	if (p->deblock_control) {
		p->deblock_override = bits_get(b, 1);
		p->deblock_off = bits_get(b, 1);
		if (!p->deblock_off) {
			p->beta = 2 * bits_se(b);
			p->tc = 2 * bits_se(b);
		}
		REFUSE(p->beta < -12 || p->beta > 12 || p->tc < -12 || p->tc > 12, "PPS: deblocking offsets");
	}
	p->scaling = bits_get(b, 1);
	REFUSE(p->scaling, "PPS: scaling lists are not offered");
	p->lists = bits_get(b, 1);
	p->merge_level = bits_ue(b) + 2;
	p->extension = bits_get(b, 1);
	REFUSE(bits_get(b, 1), "PPS: extension");
	return hevc_trailing(b);
}

void hevc_pps_write(struct out *o, const struct hevc_pps *p)
{
	header_write(o, HEVC_PPS);
	out_ue(o, p->id);
	out_ue(o, p->sps_id);
	out_put(o, 1, p->dependent);
	out_put(o, 1, p->output);
	out_put(o, 3, 0);
	out_put(o, 1, p->sign_hiding);
	out_put(o, 1, p->cabac_init);
	out_ue(o, p->l0 - 1);
	out_ue(o, p->l1 - 1);
	out_se(o, p->init_qp - 26);
	out_put(o, 1, p->constrained_intra);
	out_put(o, 1, p->transform_skip);
	out_put(o, 1, p->qp_delta);
	if (p->qp_delta)
		out_ue(o, p->qp_delta_depth);
	out_se(o, p->cb_offset);
	out_se(o, p->cr_offset);
	out_put(o, 1, p->slice_chroma);
	out_put(o, 1, p->weighted);
	out_put(o, 1, p->bipred);
	out_put(o, 1, p->bypass);
	out_put(o, 2, 0);
	out_put(o, 1, p->across_slices);
	out_put(o, 1, p->deblock_control);
	if (p->deblock_control) {
		out_put(o, 1, p->deblock_override);
		out_put(o, 1, p->deblock_off);
		if (!p->deblock_off) {
			out_se(o, p->beta / 2);
			out_se(o, p->tc / 2);
		}
	}
	out_put(o, 1, 0);
	out_put(o, 1, p->lists);
	out_ue(o, p->merge_level - 2);
	out_put(o, 1, p->extension);
	out_put(o, 1, 0);
	out_trailing(o);
}
