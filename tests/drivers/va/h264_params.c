// SPDX-License-Identifier: GPL-3.0-or-later
/* H.264 parameter buffers: each value in its range, and the same as the packed header says. */
#include "h264.h"

#include <string.h>

#define NEED(cond, ...)                                                                                                \
	do {                                                                                                           \
		if (!(cond))                                                                                           \
			return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, __VA_ARGS__);                             \
	} while (0)

#define SAME(name, packed, param)                                                                                      \
	do {                                                                                                           \
		long in_header_ = (long)(packed), in_buffer_ = (long)(param);                                          \
		if (in_header_ != in_buffer_)                                                                          \
			return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,                                           \
				    "%s: %ld in the packed header, %ld in the parameters", name, in_header_,           \
				    in_buffer_);                                                                       \
	} while (0)

static bool level_known(unsigned level)
{
	static const uint8_t levels[] = {9, 10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62};

	return memchr(levels, (int)level, sizeof(levels));
}

/* MaxDpbMbs of table A-1. */
static uint32_t level_dpb(unsigned level)
{
	static const struct {
		uint8_t level;
		uint32_t mbs;
	} of[] = {{10, 396},   {11, 900},   {13, 2376},  {20, 2376},   {21, 4752},   {22, 8100},  {31, 18000},
		  {32, 20480}, {41, 32768}, {42, 34816}, {50, 110400}, {52, 184320}, {62, 696320}};

	if (level == 30)
		return 8100;
	if (level == 12)
		return 2376;
	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		if (level <= of[i].level)
			return of[i].mbs;
	return 0;
}

VAStatus h264_check_seq(struct context *c, const VAEncSequenceParameterBufferH264 *q)
{
	const uint32_t w = c->width, h = c->height;

	NEED(q->seq_parameter_set_id <= 31, "seq_parameter_set_id %u", q->seq_parameter_set_id);
	NEED(level_known(q->level_idc), "level_idc %u", q->level_idc);
	NEED(q->picture_width_in_mbs == (w + 15) / 16 && q->picture_height_in_mbs == (h + 15) / 16,
	     "%ux%u macroblocks, the context is %ux%u", q->picture_width_in_mbs, q->picture_height_in_mbs, w, h);
	NEED(q->seq_fields.bits.chroma_format_idc == 1, "chroma_format_idc %u", q->seq_fields.bits.chroma_format_idc);
	NEED(q->seq_fields.bits.frame_mbs_only_flag && !q->seq_fields.bits.mb_adaptive_frame_field_flag, "fields");
	NEED(!q->seq_fields.bits.seq_scaling_matrix_present_flag, "scaling lists are not offered");
	NEED(q->seq_fields.bits.log2_max_frame_num_minus4 <= 12, "log2_max_frame_num_minus4 %u",
	     q->seq_fields.bits.log2_max_frame_num_minus4);
	NEED(q->seq_fields.bits.pic_order_cnt_type == 0 || q->seq_fields.bits.pic_order_cnt_type == 2,
	     "pic_order_cnt_type %u", q->seq_fields.bits.pic_order_cnt_type);
	NEED(q->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 <= 12, "log2_max_pic_order_cnt_lsb_minus4 %u",
	     q->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4);
	NEED(!q->bit_depth_luma_minus8 && !q->bit_depth_chroma_minus8, "bit depth");
	NEED(q->max_num_ref_frames <= REFS_MAX, "max_num_ref_frames %u", q->max_num_ref_frames);
	NEED(q->max_num_ref_frames * q->picture_width_in_mbs * q->picture_height_in_mbs <= level_dpb(q->level_idc),
	     "level_idc %u has no room for %u frames of %ux%u macroblocks", q->level_idc, q->max_num_ref_frames,
	     q->picture_width_in_mbs, q->picture_height_in_mbs);
	NEED(q->ip_period <= 1, "ip_period %u: no B pictures are offered", q->ip_period);
	NEED(!q->intra_idr_period || !q->intra_period || q->intra_idr_period % q->intra_period == 0,
	     "intra_idr_period %u is no multiple of intra_period %u", q->intra_idr_period, q->intra_period);
	NEED(c->config->rc == VA_RC_CQP || q->bits_per_second || c->rate.bits_per_second, "bits_per_second is nought");
	if (q->frame_cropping_flag)
		NEED((q->frame_crop_left_offset + q->frame_crop_right_offset) * 2 < q->picture_width_in_mbs * 16u &&
			     (q->frame_crop_top_offset + q->frame_crop_bottom_offset) * 2 <
				     q->picture_height_in_mbs * 16u,
		     "nothing is left after cropping");
	if (q->vui_parameters_present_flag && q->vui_fields.bits.timing_info_present_flag)
		NEED(q->num_units_in_tick && q->time_scale, "timing of nought");
	NEED(!q->vui_fields.bits.reserved, "vui_fields: reserved bits");
	for (unsigned i = 0; i < VA_PADDING_LOW; i++)
		NEED(!q->va_reserved[i], "sequence parameters: reserved bytes");
	return VA_STATUS_SUCCESS;
}

VAStatus h264_check_pic(struct context *c, const VAEncPictureParameterBufferH264 *p, const struct h264_sps *s)
{
	NEED(p->seq_parameter_set_id == s->id, "seq_parameter_set_id %u, the sequence has %u", p->seq_parameter_set_id,
	     s->id);
	NEED(p->frame_num < 1u << s->log2_frame_num, "frame_num %u in %u bits", p->frame_num, s->log2_frame_num);
	NEED(p->pic_init_qp <= 51, "pic_init_qp %u", p->pic_init_qp);
	NEED(p->num_ref_idx_l0_active_minus1 <= 31 && !p->num_ref_idx_l1_active_minus1,
	     "num_ref_idx_active_minus1 %u, %u", p->num_ref_idx_l0_active_minus1, p->num_ref_idx_l1_active_minus1);
	NEED(p->chroma_qp_index_offset >= -12 && p->chroma_qp_index_offset <= 12 &&
		     p->second_chroma_qp_index_offset >= -12 && p->second_chroma_qp_index_offset <= 12,
	     "chroma_qp_index_offset %d, %d", p->chroma_qp_index_offset, p->second_chroma_qp_index_offset);
	NEED(!p->pic_fields.bits.weighted_pred_flag && !p->pic_fields.bits.weighted_bipred_idc,
	     "weighted prediction is not offered");
	NEED(!p->pic_fields.bits.redundant_pic_cnt_present_flag && !p->pic_fields.bits.pic_scaling_matrix_present_flag,
	     "redundant pictures and scaling lists are not offered");
	NEED(!p->pic_fields.bits.idr_pic_flag || p->pic_fields.bits.reference_pic_flag,
	     "an IDR picture that is no reference");
	NEED(!p->pic_fields.bits.idr_pic_flag || !p->frame_num, "frame_num %u of an IDR picture", p->frame_num);
	NEED(p->last_picture <= 3, "last_picture %u", p->last_picture);
	NEED(!p->pic_fields.bits.entropy_coding_mode_flag || c->config->profile != VAProfileH264ConstrainedBaseline,
	     "CABAC in Constrained Baseline");
	NEED(!p->pic_fields.bits.transform_8x8_mode_flag || c->config->profile == VAProfileH264High,
	     "8x8 transform below High");
	for (unsigned i = 0; i < VA_PADDING_LOW; i++)
		NEED(!p->va_reserved[i], "picture parameters: reserved bytes");
	return VA_STATUS_SUCCESS;
}

static bool profile_fits(VAProfile profile, const struct h264_sps *s)
{
	if (profile == VAProfileH264High)
		return s->profile_idc == 100;
	if (profile == VAProfileH264Main)
		return s->profile_idc == 77;
	return s->profile_idc == 66 && s->constraints & 0x40;
}

VAStatus h264_same_sps(struct context *c, const VAEncSequenceParameterBufferH264 *q, const struct h264_sps *s)
{
	NEED(profile_fits(c->config->profile, s), "profile_idc %u with flags %#x in the packed SPS, VAProfile %d",
	     s->profile_idc, s->constraints, c->config->profile);
	NEED(!(s->constraints & 3), "SPS: reserved_zero_2bits");
	SAME("seq_parameter_set_id", s->id, q->seq_parameter_set_id);
	SAME("level_idc", s->level_idc, q->level_idc);
	SAME("chroma_format_idc", s->chroma_format, q->seq_fields.bits.chroma_format_idc);
	SAME("bit_depth_luma_minus8", s->depth_luma, q->bit_depth_luma_minus8);
	SAME("bit_depth_chroma_minus8", s->depth_chroma, q->bit_depth_chroma_minus8);
	SAME("log2_max_frame_num_minus4", s->log2_frame_num - 4, q->seq_fields.bits.log2_max_frame_num_minus4);
	SAME("pic_order_cnt_type", s->poc_type, q->seq_fields.bits.pic_order_cnt_type);
	if (s->poc_type == 0)
		SAME("log2_max_pic_order_cnt_lsb_minus4", s->log2_poc_lsb - 4,
		     q->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4);
	SAME("max_num_ref_frames", s->max_refs, q->max_num_ref_frames);
	SAME("pic_width_in_mbs", s->width_mbs, q->picture_width_in_mbs);
	SAME("pic_height_in_map_units", s->height_mbs, q->picture_height_in_mbs);
	SAME("direct_8x8_inference_flag", s->direct_8x8, q->seq_fields.bits.direct_8x8_inference_flag);
	SAME("frame_cropping_flag", s->cropped, q->frame_cropping_flag);
	if (s->cropped) {
		SAME("frame_crop_left_offset", s->crop[0], q->frame_crop_left_offset);
		SAME("frame_crop_right_offset", s->crop[1], q->frame_crop_right_offset);
		SAME("frame_crop_top_offset", s->crop[2], q->frame_crop_top_offset);
		SAME("frame_crop_bottom_offset", s->crop[3], q->frame_crop_bottom_offset);
	}
	NEED(s->width_mbs * 16 - (s->crop[0] + s->crop[1]) * 2 <= c->width &&
		     s->height_mbs * 16 - (s->crop[2] + s->crop[3]) * 2 <= c->height,
	     "the cropped picture is %ux%u, the context %ux%u", s->width_mbs * 16 - (s->crop[0] + s->crop[1]) * 2,
	     s->height_mbs * 16 - (s->crop[2] + s->crop[3]) * 2, c->width, c->height);
	SAME("vui_parameters_present_flag", s->vui, q->vui_parameters_present_flag);
	if (s->vui) {
		SAME("aspect_ratio_info_present_flag", s->aspect, q->vui_fields.bits.aspect_ratio_info_present_flag);
		if (s->aspect)
			SAME("aspect_ratio_idc", s->aspect_idc, q->aspect_ratio_idc);
		SAME("timing_info_present_flag", s->timing, q->vui_fields.bits.timing_info_present_flag);
		if (s->timing) {
			SAME("num_units_in_tick", s->units_in_tick, q->num_units_in_tick);
			SAME("time_scale", s->time_scale, q->time_scale);
			if (!c->d->q.lax)
				SAME("fixed_frame_rate_flag", s->fixed_rate, q->vui_fields.bits.fixed_frame_rate_flag);
		}
		SAME("bitstream_restriction_flag", s->restriction, q->vui_fields.bits.bitstream_restriction_flag);
	}
	return VA_STATUS_SUCCESS;
}

VAStatus h264_same_pps(struct context *c, const VAEncPictureParameterBufferH264 *p, const struct h264_pps *s)
{
	SAME("pic_parameter_set_id", s->id, p->pic_parameter_set_id);
	SAME("seq_parameter_set_id", s->sps_id, p->seq_parameter_set_id);
	SAME("entropy_coding_mode_flag", s->cabac, p->pic_fields.bits.entropy_coding_mode_flag);
	SAME("pic_order_present_flag", s->pic_order, p->pic_fields.bits.pic_order_present_flag);
	SAME("num_ref_idx_l0_default_active_minus1", s->l0 - 1, p->num_ref_idx_l0_active_minus1);
	SAME("weighted_pred_flag", s->weighted, p->pic_fields.bits.weighted_pred_flag);
	SAME("weighted_bipred_idc", s->bipred_idc, p->pic_fields.bits.weighted_bipred_idc);
	SAME("pic_init_qp", s->init_qp, p->pic_init_qp);
	SAME("chroma_qp_index_offset", s->chroma_offset[0], p->chroma_qp_index_offset);
	SAME("deblocking_filter_control_present_flag", s->deblock_control,
	     p->pic_fields.bits.deblocking_filter_control_present_flag);
	SAME("constrained_intra_pred_flag", s->constrained_intra, p->pic_fields.bits.constrained_intra_pred_flag);
	SAME("redundant_pic_cnt_present_flag", s->redundant, p->pic_fields.bits.redundant_pic_cnt_present_flag);
	SAME("transform_8x8_mode_flag", s->transform_8x8, p->pic_fields.bits.transform_8x8_mode_flag);
	SAME("second_chroma_qp_index_offset", s->chroma_offset[1], p->second_chroma_qp_index_offset);
	return VA_STATUS_SUCCESS;
}

VAStatus h264_same_header(struct context *c, const VAEncPictureParameterBufferH264 *p,
			  const VAEncSliceParameterBufferH264 *s, const struct h264_sps *sps,
			  const struct h264_pps *pps, const struct h264_header *h)
{
	SAME("idr_pic_flag", h->nal_type == 5, p->pic_fields.bits.idr_pic_flag);
	SAME("reference_pic_flag", h->ref_idc != 0, p->pic_fields.bits.reference_pic_flag != 0);
	SAME("first_mb_in_slice", h->first_mb, s->macroblock_address);
	SAME("slice_type", h->type % 5, s->slice_type % 5);
	SAME("pic_parameter_set_id", h->pps_id, s->pic_parameter_set_id);
	SAME("frame_num", h->frame_num, p->frame_num);
	if (h->nal_type == 5)
		SAME("idr_pic_id", h->idr_id, s->idr_pic_id);
	if (sps->poc_type == 0)
		SAME("pic_order_cnt_lsb", h->poc_lsb, s->pic_order_cnt_lsb);
	if (h->type % 5 == 0) {
		SAME("num_ref_idx_active_override_flag", h->override, s->num_ref_idx_active_override_flag);
		SAME("num_ref_idx_l0_active_minus1", h->n_refs - 1,
		     s->num_ref_idx_active_override_flag ? s->num_ref_idx_l0_active_minus1
							 : p->num_ref_idx_l0_active_minus1);
		if (pps->cabac)
			SAME("cabac_init_idc", h->cabac_init, s->cabac_init_idc);
	}
	SAME("slice_qp_delta", h->qp_delta, s->slice_qp_delta);
	SAME("disable_deblocking_filter_idc", h->deblock, pps->deblock_control ? s->disable_deblocking_filter_idc : 0);
	if (pps->deblock_control && h->deblock != 1) {
		SAME("slice_alpha_c0_offset_div2", h->alpha / 2, s->slice_alpha_c0_offset_div2);
		SAME("slice_beta_offset_div2", h->beta / 2, s->slice_beta_offset_div2);
	}
	return VA_STATUS_SUCCESS;
}

void h264_sps_of(struct h264_sps *s, VAProfile profile, const VAEncSequenceParameterBufferH264 *q)
{
	*s = (struct h264_sps){
		.profile_idc = profile == VAProfileH264High   ? 100
			       : profile == VAProfileH264Main ? 77
							      : 66,
		.constraints = profile == VAProfileH264ConstrainedBaseline ? 0xc0 : 0,
		.level_idc = q->level_idc,
		.id = q->seq_parameter_set_id,
		.chroma_format = 1,
		.max_refs = q->max_num_ref_frames,
		.width_mbs = q->picture_width_in_mbs,
		.height_mbs = q->picture_height_in_mbs,
		.log2_frame_num = q->seq_fields.bits.log2_max_frame_num_minus4 + 4u,
		.poc_type = q->seq_fields.bits.pic_order_cnt_type,
		.log2_poc_lsb = q->seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4u,
		.crop = {q->frame_crop_left_offset, q->frame_crop_right_offset, q->frame_crop_top_offset,
			 q->frame_crop_bottom_offset},
		.frame_mbs_only = true,
		.direct_8x8 = q->seq_fields.bits.direct_8x8_inference_flag,
		.cropped = q->frame_cropping_flag,
		.vui = q->vui_parameters_present_flag,
		.aspect = q->vui_fields.bits.aspect_ratio_info_present_flag,
		.aspect_idc = q->aspect_ratio_idc,
		.sar_width = q->sar_width,
		.sar_height = q->sar_height,
		.timing = q->vui_fields.bits.timing_info_present_flag,
		.units_in_tick = q->num_units_in_tick,
		.time_scale = q->time_scale,
		.fixed_rate = q->vui_fields.bits.fixed_frame_rate_flag,
		.restriction = q->vui_fields.bits.bitstream_restriction_flag,
		.motion_over = q->vui_fields.bits.motion_vectors_over_pic_boundaries_flag,
		.dec_frame_buffering = q->max_num_ref_frames,
	};
	if (!s->cropped)
		memset(s->crop, 0, sizeof(s->crop));
}

void h264_pps_of(struct h264_pps *s, const VAEncPictureParameterBufferH264 *p)
{
	*s = (struct h264_pps){
		.id = p->pic_parameter_set_id,
		.sps_id = p->seq_parameter_set_id,
		.slice_groups = 1,
		.l0 = p->num_ref_idx_l0_active_minus1 + 1u,
		.l1 = p->num_ref_idx_l1_active_minus1 + 1u,
		.init_qp = p->pic_init_qp,
		.chroma_offset = {p->chroma_qp_index_offset, p->second_chroma_qp_index_offset},
		.cabac = p->pic_fields.bits.entropy_coding_mode_flag,
		.pic_order = p->pic_fields.bits.pic_order_present_flag,
		.deblock_control = p->pic_fields.bits.deblocking_filter_control_present_flag,
		.constrained_intra = p->pic_fields.bits.constrained_intra_pred_flag,
		.transform_8x8 = p->pic_fields.bits.transform_8x8_mode_flag,
	};
}

void h264_header_of(struct h264_header *h, const VAEncPictureParameterBufferH264 *p,
		    const VAEncSliceParameterBufferH264 *s, const struct h264_sps *sps, const struct h264_pps *pps)
{
	*h = (struct h264_header){
		.nal_type = p->pic_fields.bits.idr_pic_flag ? 5 : 1,
		.ref_idc = (uint8_t)p->pic_fields.bits.reference_pic_flag,
		.first_mb = s->macroblock_address,
		.type = s->slice_type,
		.pps_id = s->pic_parameter_set_id,
		.frame_num = p->frame_num,
		.idr_id = s->idr_pic_id,
		.poc_lsb = sps->poc_type == 0 ? s->pic_order_cnt_lsb : 0u,
		.delta_poc_bottom = s->delta_pic_order_cnt_bottom,
		.override = s->num_ref_idx_active_override_flag,
		.long_term = p->pic_fields.bits.idr_pic_flag && p->CurrPic.flags & VA_PICTURE_H264_LONG_TERM_REFERENCE,
		.cabac_init = s->cabac_init_idc,
		.qp_delta = s->slice_qp_delta,
		.deblock = pps->deblock_control ? s->disable_deblocking_filter_idc : 0u,
	};
	if (h->type % 5 == 0)
		h->n_refs = s->num_ref_idx_active_override_flag ? s->num_ref_idx_l0_active_minus1 + 1u : pps->l0;
	if (pps->deblock_control && h->deblock != 1) {
		h->alpha = s->slice_alpha_c0_offset_div2 * 2;
		h->beta = s->slice_beta_offset_div2 * 2;
	}
}
