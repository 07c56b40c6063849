// SPDX-License-Identifier: GPL-3.0-or-later
/* HEVC parameter buffers: each value in its range, and the same as the packed header says. */
#include "hevc.h"

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

static bool zeros(const uint32_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*p); i++)
		if (p[i])
			return false;
	return true;
}

/* Of tables A.2 and A.3: what a stream says of its profile. */
const struct hevc_format *hevc_format_of(VAProfile profile)
{
	static const struct hevc_format of[] = {
		{VAProfileHEVCMain, 1, 1, 8, 3u << 29, 0},
		{VAProfileHEVCMain10, 2, 1, 10, 1u << 29, 0},
		{VAProfileHEVCMain444, HEVC_RANGE, 3, 8, 1u << 27, 0x1c1},
		{VAProfileHEVCMain444_10, HEVC_RANGE, 3, 10, 1u << 27, 0x181},
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		if (of[i].profile == profile)
			return &of[i];
	return NULL;
}

/* MaxLumaPs of table A.8 by general_level_idc, 0: no such level. */
static uint32_t level_luma(unsigned idc)
{
	static const struct {
		uint8_t idc;
		uint32_t luma;
	} of[] = {{30, 36864},     {60, 122880},    {63, 245760},   {90, 552960},   {93, 983040},
		  {120, 2228224},  {123, 2228224},  {150, 8912896}, {153, 8912896}, {156, 8912896},
		  {180, 35651584}, {183, 35651584}, {186, 35651584}};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		if (of[i].idc == idc)
			return of[i].luma;
	return 0;
}

/* A.4.2: MaxDpbSize. */
static unsigned level_dpb(unsigned idc, uint32_t luma)
{
	const uint32_t most = level_luma(idc);

	return luma <= most / 4 ? 16 : luma <= most / 2 ? 12 : luma <= most / 4 * 3 ? 8 : luma <= most ? 6 : 0;
}

VAStatus hevc_check_seq(struct context *c, const VAEncSequenceParameterBufferHEVC *q)
{
	const unsigned min_cb = q->log2_min_luma_coding_block_size_minus3 + 3u,
		       ctb = min_cb + q->log2_diff_max_min_luma_coding_block_size,
		       min_tb = q->log2_min_transform_block_size_minus2 + 2u,
		       max_tb = min_tb + q->log2_diff_max_min_transform_block_size;
	const uint32_t luma = (uint32_t)q->pic_width_in_luma_samples * q->pic_height_in_luma_samples;
	const struct hevc_format *f = hevc_format_of(c->config->profile);

	NEED(q->general_profile_idc == f->profile_idc, "general_profile_idc %u, the config is of %u",
	     q->general_profile_idc, f->profile_idc);
	NEED(level_luma(q->general_level_idc), "general_level_idc %u", q->general_level_idc);
	NEED(level_dpb(q->general_level_idc, luma), "general_level_idc %u has no room for %ux%u", q->general_level_idc,
	     q->pic_width_in_luma_samples, q->pic_height_in_luma_samples);
	NEED(!q->general_tier_flag || (q->general_tier_flag == 1 && q->general_level_idc >= 120),
	     "general_tier_flag %u below level 4", q->general_tier_flag);
	NEED(min_cb == 4, "coding blocks from %u on, 16 are offered", 1u << min_cb);
	NEED(ctb == 4 || (ctb == 5 && !c->d->q.small_blocks), "coding tree blocks of %u, 16%s offered", 1u << ctb,
	     c->d->q.small_blocks ? " is" : " and 32 are");
	NEED(min_tb >= 2 && min_tb < 4 && max_tb >= 4 && max_tb <= 5 && max_tb <= ctb,
	     "transform blocks of %u to %u, 4 to 32 are offered", 1u << min_tb, 1u << max_tb);
	NEED(q->max_transform_hierarchy_depth_inter <= ctb - min_tb &&
		     q->max_transform_hierarchy_depth_intra <= ctb - min_tb &&
		     q->max_transform_hierarchy_depth_inter <= 2 && q->max_transform_hierarchy_depth_intra <= 2,
	     "max_transform_hierarchy_depth %u, %u", q->max_transform_hierarchy_depth_inter,
	     q->max_transform_hierarchy_depth_intra);
	NEED(q->pic_width_in_luma_samples == ((c->width + 15) & ~15u) &&
		     q->pic_height_in_luma_samples == ((c->height + 15) & ~15u),
	     "%ux%u samples, the context is %ux%u", q->pic_width_in_luma_samples, q->pic_height_in_luma_samples,
	     c->width, c->height);
	NEED(q->seq_fields.bits.chroma_format_idc == f->chroma_format && !q->seq_fields.bits.separate_colour_plane_flag,
	     "chroma_format_idc %u", q->seq_fields.bits.chroma_format_idc);
	NEED(q->seq_fields.bits.bit_depth_luma_minus8 + 8u == f->depth &&
		     q->seq_fields.bits.bit_depth_chroma_minus8 + 8u == f->depth,
	     "bit depth %u, %u, the config is of %u", q->seq_fields.bits.bit_depth_luma_minus8 + 8u,
	     q->seq_fields.bits.bit_depth_chroma_minus8 + 8u, f->depth);
	NEED(!q->seq_fields.bits.scaling_list_enabled_flag && !q->seq_fields.bits.sample_adaptive_offset_enabled_flag &&
		     !q->seq_fields.bits.pcm_enabled_flag && !q->seq_fields.bits.sps_temporal_mvp_enabled_flag,
	     "seq_fields %#x: scaling lists, SAO, PCM and temporal motion vectors are not offered",
	     q->seq_fields.value);
	NEED(!q->seq_fields.bits.reserved_bits, "seq_fields: reserved bits");
	NEED(q->ip_period <= 1, "ip_period %u: no B pictures are offered", q->ip_period);
	NEED(!q->intra_idr_period || !q->intra_period || q->intra_idr_period % q->intra_period == 0,
	     "intra_idr_period %u is no multiple of intra_period %u", q->intra_idr_period, q->intra_period);
	NEED(c->config->rc == VA_RC_CQP || q->bits_per_second || c->rate.bits_per_second, "bits_per_second is nought");
	if (q->vui_parameters_present_flag && q->vui_fields.bits.vui_timing_info_present_flag)
		NEED(q->vui_num_units_in_tick && q->vui_time_scale, "timing of nought");
	NEED(q->min_spatial_segmentation_idc <= 4095 && q->max_bytes_per_pic_denom <= 16 &&
		     q->max_bits_per_min_cu_denom <= 16,
	     "bitstream restriction out of range");
	NEED(!q->scc_fields.value && zeros(q->va_reserved, sizeof(q->va_reserved)),
	     "sequence parameters: reserved bytes");
	return VA_STATUS_SUCCESS;
}

VAStatus hevc_check_pic(struct context *c, const VAEncPictureParameterBufferHEVC *p, const struct hevc_sps *s)
{
	const bool idr = p->pic_fields.bits.idr_pic_flag;
	const unsigned inter = c->d->q.both_lists ? 3 : 2;

	NEED(p->pic_init_qp <= 51, "pic_init_qp %u", p->pic_init_qp);
	NEED(p->diff_cu_qp_delta_depth <= s->log2_ctb - s->log2_min_cb, "diff_cu_qp_delta_depth %u",
	     p->diff_cu_qp_delta_depth);
	NEED(c->config->rc == VA_RC_CQP || p->pic_fields.bits.cu_qp_delta_enabled_flag,
	     "a rate is to be held without cu_qp_delta_enabled_flag");
	NEED(p->pps_cb_qp_offset >= -12 && p->pps_cb_qp_offset <= 12 && p->pps_cr_qp_offset >= -12 &&
		     p->pps_cr_qp_offset <= 12,
	     "chroma offsets %d, %d", p->pps_cb_qp_offset, p->pps_cr_qp_offset);
	NEED(!p->num_tile_columns_minus1 && !p->num_tile_rows_minus1 && !p->pic_fields.bits.tiles_enabled_flag,
	     "tiles are not offered");
	NEED(!p->log2_parallel_merge_level_minus2, "log2_parallel_merge_level_minus2 %u",
	     p->log2_parallel_merge_level_minus2);
	NEED(p->num_ref_idx_l0_default_active_minus1 <= 14 && p->num_ref_idx_l1_default_active_minus1 <= 14,
	     "num_ref_idx_default_active_minus1 %u, %u", p->num_ref_idx_l0_default_active_minus1,
	     p->num_ref_idx_l1_default_active_minus1);
	NEED(p->collocated_ref_pic_index == 0xff, "collocated_ref_pic_index %u without temporal motion vectors",
	     p->collocated_ref_pic_index);
	NEED(p->last_picture <= 3, "last_picture %u", p->last_picture);
	if (idr)
		NEED(p->nal_unit_type == HEVC_IDR_W_RADL || p->nal_unit_type == HEVC_IDR_N_LP,
		     "nal_unit_type %u of an IDR picture", p->nal_unit_type);
	else
		NEED(p->nal_unit_type == HEVC_TRAIL_R, "nal_unit_type %u", p->nal_unit_type);
	/* B with both lists the same may be called P. */
	NEED(p->pic_fields.bits.coding_type == (idr ? 1 : inter) || (!idr && p->pic_fields.bits.coding_type == 2),
	     "coding_type %u", p->pic_fields.bits.coding_type);
	NEED(p->pic_fields.bits.reference_pic_flag, "a picture that is no reference");
	NEED(!p->pic_fields.bits.sign_data_hiding_enabled_flag && !p->pic_fields.bits.constrained_intra_pred_flag &&
		     !p->pic_fields.bits.transform_skip_enabled_flag && !p->pic_fields.bits.weighted_pred_flag &&
		     !p->pic_fields.bits.weighted_bipred_flag && !p->pic_fields.bits.transquant_bypass_enabled_flag &&
		     !p->pic_fields.bits.entropy_coding_sync_enabled_flag &&
		     !p->pic_fields.bits.dependent_slice_segments_enabled_flag &&
		     !p->pic_fields.bits.scaling_list_data_present_flag,
	     "pic_fields %#x: something that is not offered", p->pic_fields.value);
	NEED(!p->pic_fields.bits.reserved && !p->va_byte_reserved && !p->scc_fields.value &&
		     zeros(p->va_reserved, sizeof(p->va_reserved)),
	     "picture parameters: reserved bytes");
	return VA_STATUS_SUCCESS;
}

VAStatus hevc_same_vps(struct context *c, const VAEncSequenceParameterBufferHEVC *q, const struct hevc_vps *v)
{
	SAME("VPS general_profile_idc", v->ptl.profile_idc, q->general_profile_idc);
	SAME("VPS general_tier_flag", v->ptl.tier, q->general_tier_flag);
	SAME("VPS general_level_idc", v->ptl.level_idc, q->general_level_idc);
	if (v->timing && !c->d->q.lax) {
		SAME("VPS num_units_in_tick", v->units_in_tick, q->vui_num_units_in_tick);
		SAME("VPS time_scale", v->time_scale, q->vui_time_scale);
	}
	return VA_STATUS_SUCCESS;
}

static VAStatus same_vui(struct context *c, const VAEncSequenceParameterBufferHEVC *q, const struct hevc_sps *s)
{
	SAME("aspect_ratio_info_present_flag", s->aspect, q->vui_fields.bits.aspect_ratio_info_present_flag);
	if (s->aspect)
		SAME("aspect_ratio_idc", s->aspect_idc, q->aspect_ratio_idc);
	SAME("neutral_chroma_indication_flag", s->neutral_chroma, q->vui_fields.bits.neutral_chroma_indication_flag);
	SAME("field_seq_flag", s->field_seq, q->vui_fields.bits.field_seq_flag);
	SAME("vui_timing_info_present_flag", s->timing, q->vui_fields.bits.vui_timing_info_present_flag);
	if (s->timing) {
		SAME("vui_num_units_in_tick", s->units_in_tick, q->vui_num_units_in_tick);
		SAME("vui_time_scale", s->time_scale, q->vui_time_scale);
	}
	SAME("bitstream_restriction_flag", s->restriction, q->vui_fields.bits.bitstream_restriction_flag);
	if (s->restriction) {
		SAME("motion_vectors_over_pic_boundaries_flag", s->mv_over,
		     q->vui_fields.bits.motion_vectors_over_pic_boundaries_flag);
		SAME("restricted_ref_pic_lists_flag", s->restricted_lists,
		     q->vui_fields.bits.restricted_ref_pic_lists_flag);
		SAME("log2_max_mv_length_horizontal", s->mv_wide, q->vui_fields.bits.log2_max_mv_length_horizontal);
		SAME("log2_max_mv_length_vertical", s->mv_high, q->vui_fields.bits.log2_max_mv_length_vertical);
		SAME("min_spatial_segmentation_idc", s->min_segmentation, q->min_spatial_segmentation_idc);
		SAME("max_bytes_per_pic_denom", s->max_bytes, q->max_bytes_per_pic_denom);
		SAME("max_bits_per_min_cu_denom", s->max_bits, q->max_bits_per_min_cu_denom);
	}
	return VA_STATUS_SUCCESS;
}

VAStatus hevc_same_sps(struct context *c, const VAEncSequenceParameterBufferHEVC *q, const struct hevc_sps *s,
		       const struct hevc_vps *v)
{
	SAME("general_profile_idc", s->ptl.profile_idc, q->general_profile_idc);
	SAME("general_tier_flag", s->ptl.tier, q->general_tier_flag);
	NEED(s->ptl.range == hevc_format_of(c->config->profile)->range,
	     "general_profile: flags %#x, the profile's are %#x", s->ptl.range,
	     hevc_format_of(c->config->profile)->range);
	SAME("general_level_idc", s->ptl.level_idc, q->general_level_idc);
	SAME("chroma_format_idc", s->chroma_format, q->seq_fields.bits.chroma_format_idc);
	SAME("bit_depth_luma_minus8", s->depth_luma - 8, q->seq_fields.bits.bit_depth_luma_minus8);
	SAME("bit_depth_chroma_minus8", s->depth_chroma - 8, q->seq_fields.bits.bit_depth_chroma_minus8);
	SAME("pic_width_in_luma_samples", s->width, q->pic_width_in_luma_samples);
	SAME("pic_height_in_luma_samples", s->height, q->pic_height_in_luma_samples);
	SAME("log2_min_luma_coding_block_size_minus3", s->log2_min_cb - 3, q->log2_min_luma_coding_block_size_minus3);
	SAME("log2_diff_max_min_luma_coding_block_size", s->log2_ctb - s->log2_min_cb,
	     q->log2_diff_max_min_luma_coding_block_size);
	SAME("log2_min_transform_block_size_minus2", s->log2_min_tb - 2, q->log2_min_transform_block_size_minus2);
	SAME("log2_diff_max_min_transform_block_size", s->log2_max_tb - s->log2_min_tb,
	     q->log2_diff_max_min_transform_block_size);
	SAME("max_transform_hierarchy_depth_inter", s->depth_inter, q->max_transform_hierarchy_depth_inter);
	SAME("max_transform_hierarchy_depth_intra", s->depth_intra, q->max_transform_hierarchy_depth_intra);
	SAME("amp_enabled_flag", s->amp, q->seq_fields.bits.amp_enabled_flag);
	SAME("sample_adaptive_offset_enabled_flag", s->sao, q->seq_fields.bits.sample_adaptive_offset_enabled_flag);
	SAME("sps_temporal_mvp_enabled_flag", s->tmvp, q->seq_fields.bits.sps_temporal_mvp_enabled_flag);
	SAME("strong_intra_smoothing_enabled_flag", s->strong_intra,
	     q->seq_fields.bits.strong_intra_smoothing_enabled_flag);
	if (!c->d->q.lax)
		SAME("vui_parameters_present_flag", s->vui, q->vui_parameters_present_flag);
	NEED(s->dec_pic_buffering <= level_dpb(s->ptl.level_idc, s->width * s->height),
	     "level %u has no room for sps_max_dec_pic_buffering of %u pictures of %ux%u", s->ptl.level_idc,
	     s->dec_pic_buffering, s->width, s->height);
	NEED(s->width - hevc_sub(s) * (s->window[0] + s->window[1]) <= c->width &&
		     s->height - hevc_sub(s) * (s->window[2] + s->window[3]) <= c->height,
	     "the conformance window is larger than the context");
	if (v)
		NEED(s->vps_id == v->id && s->dec_pic_buffering <= v->dec_pic_buffering && s->reorder <= v->reorder &&
			     s->ptl.compatible == v->ptl.compatible && s->ptl.frame_only == v->ptl.frame_only &&
			     s->ptl.range == v->ptl.range,
		     "SPS and VPS differ");
	return s->vui && !c->d->q.lax ? same_vui(c, q, s) : VA_STATUS_SUCCESS;
}

VAStatus hevc_same_pps(struct context *c, const VAEncPictureParameterBufferHEVC *p, const struct hevc_pps *s)
{
	SAME("pps_pic_parameter_set_id", s->id, p->slice_pic_parameter_set_id);
	SAME("dependent_slice_segments_enabled_flag", s->dependent,
	     p->pic_fields.bits.dependent_slice_segments_enabled_flag);
	SAME("sign_data_hiding_enabled_flag", s->sign_hiding, p->pic_fields.bits.sign_data_hiding_enabled_flag);
	SAME("num_ref_idx_l0_default_active_minus1", s->l0 - 1, p->num_ref_idx_l0_default_active_minus1);
	SAME("num_ref_idx_l1_default_active_minus1", s->l1 - 1, p->num_ref_idx_l1_default_active_minus1);
	SAME("pic_init_qp", s->init_qp, p->pic_init_qp);
	SAME("constrained_intra_pred_flag", s->constrained_intra, p->pic_fields.bits.constrained_intra_pred_flag);
	SAME("transform_skip_enabled_flag", s->transform_skip, p->pic_fields.bits.transform_skip_enabled_flag);
	SAME("cu_qp_delta_enabled_flag", s->qp_delta, p->pic_fields.bits.cu_qp_delta_enabled_flag);
	SAME("diff_cu_qp_delta_depth", s->qp_delta_depth, p->diff_cu_qp_delta_depth);
	SAME("pps_cb_qp_offset", s->cb_offset, p->pps_cb_qp_offset);
	SAME("pps_cr_qp_offset", s->cr_offset, p->pps_cr_qp_offset);
	SAME("weighted_pred_flag", s->weighted, p->pic_fields.bits.weighted_pred_flag);
	SAME("weighted_bipred_flag", s->bipred, p->pic_fields.bits.weighted_bipred_flag);
	SAME("transquant_bypass_enabled_flag", s->bypass, p->pic_fields.bits.transquant_bypass_enabled_flag);
	SAME("pps_loop_filter_across_slices_enabled_flag", s->across_slices,
	     p->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag);
	SAME("log2_parallel_merge_level_minus2", s->merge_level - 2, p->log2_parallel_merge_level_minus2);
	return VA_STATUS_SUCCESS;
}

VAStatus hevc_same_header(struct context *c, const VAEncPictureParameterBufferHEVC *p,
			  const VAEncSliceParameterBufferHEVC *s, const struct hevc_sps *sps,
			  const struct hevc_pps *pps, const struct hevc_header *h)
{
	(void)sps;
	SAME("nal_unit_type", h->nal_type, p->nal_unit_type);
	SAME("slice_segment_address", h->address, s->slice_segment_address);
	SAME("slice_type", h->type, s->slice_type);
	SAME("slice_pic_parameter_set_id", h->pps_id, s->slice_pic_parameter_set_id);
	SAME("no_output_of_prior_pics_flag", h->no_output, p->pic_fields.bits.no_output_of_prior_pics_flag);
	if (h->type != HEVC_I) {
		SAME("num_ref_idx_active_override_flag", h->override,
		     s->slice_fields.bits.num_ref_idx_active_override_flag);
		SAME("num_ref_idx_l0_active_minus1", h->l0 - 1, s->num_ref_idx_l0_active_minus1);
		if (h->type == HEVC_B) {
			SAME("num_ref_idx_l1_active_minus1", h->l1 - 1, s->num_ref_idx_l1_active_minus1);
			SAME("mvd_l1_zero_flag", h->mvd_l1_zero, s->slice_fields.bits.mvd_l1_zero_flag);
		}
		if (pps->cabac_init)
			SAME("cabac_init_flag", h->cabac_init, s->slice_fields.bits.cabac_init_flag);
		SAME("MaxNumMergeCand", h->merge_cands, s->max_num_merge_cand);
	}
	SAME("slice_qp_delta", h->qp_delta, s->slice_qp_delta);
	SAME("slice_cb_qp_offset", h->cb_offset, s->slice_cb_qp_offset);
	SAME("slice_cr_qp_offset", h->cr_offset, s->slice_cr_qp_offset);
	SAME("slice_deblocking_filter_disabled_flag", h->deblock_off,
	     s->slice_fields.bits.slice_deblocking_filter_disabled_flag);
	if (!h->deblock_off) {
		SAME("slice_beta_offset_div2", h->beta / 2, s->slice_beta_offset_div2);
		SAME("slice_tc_offset_div2", h->tc / 2, s->slice_tc_offset_div2);
		SAME("slice_loop_filter_across_slices_enabled_flag", h->across_slices,
		     s->slice_fields.bits.slice_loop_filter_across_slices_enabled_flag);
	}
	return VA_STATUS_SUCCESS;
}

/* The profile that parameters are of: checked ones. */
static const struct hevc_format *format_by(const VAEncSequenceParameterBufferHEVC *q)
{
	const bool deep = q->seq_fields.bits.bit_depth_luma_minus8;

	if (q->seq_fields.bits.chroma_format_idc == 3)
		return hevc_format_of(deep ? VAProfileHEVCMain444_10 : VAProfileHEVCMain444);
	return hevc_format_of(deep ? VAProfileHEVCMain10 : VAProfileHEVCMain);
}

void hevc_sps_of(struct hevc_sps *s, const VAEncSequenceParameterBufferHEVC *q, unsigned refs)
{
	const struct hevc_format *f = format_by(q);
	const unsigned most =
		level_dpb(q->general_level_idc, (uint32_t)q->pic_width_in_luma_samples * q->pic_height_in_luma_samples);

	*s = (struct hevc_sps){
		.chroma_format = f->chroma_format,
		.width = q->pic_width_in_luma_samples,
		.height = q->pic_height_in_luma_samples,
		.depth_luma = f->depth,
		.depth_chroma = f->depth,
		.log2_poc_lsb = 16,
		.dec_pic_buffering = refs + 1 < most ? refs + 1 : most,
		.log2_min_cb = q->log2_min_luma_coding_block_size_minus3 + 3u,
		.log2_min_tb = q->log2_min_transform_block_size_minus2 + 2u,
		.depth_inter = q->max_transform_hierarchy_depth_inter,
		.depth_intra = q->max_transform_hierarchy_depth_intra,
		.ptl = {.profile_idc = f->profile_idc,
			.compatible = f->compatible,
			.range = f->range,
			.level_idc = q->general_level_idc,
			.tier = q->general_tier_flag,
			.progressive = true,
			.frame_only = true},
		.amp = q->seq_fields.bits.amp_enabled_flag,
		.long_term = true,
		.strong_intra = q->seq_fields.bits.strong_intra_smoothing_enabled_flag,
		.vui = q->vui_parameters_present_flag,
		.aspect = q->vui_fields.bits.aspect_ratio_info_present_flag,
		.aspect_idc = q->aspect_ratio_idc,
		.sar_width = q->sar_width,
		.sar_height = q->sar_height,
		.timing = q->vui_fields.bits.vui_timing_info_present_flag,
		.units_in_tick = q->vui_num_units_in_tick,
		.time_scale = q->vui_time_scale,
		.restriction = q->vui_fields.bits.bitstream_restriction_flag,
		.mv_over = q->vui_fields.bits.motion_vectors_over_pic_boundaries_flag,
		.restricted_lists = q->vui_fields.bits.restricted_ref_pic_lists_flag,
		.min_segmentation = q->min_spatial_segmentation_idc,
		.max_bytes = q->max_bytes_per_pic_denom,
		.max_bits = q->max_bits_per_min_cu_denom,
		.mv_wide = q->vui_fields.bits.log2_max_mv_length_horizontal,
		.mv_high = q->vui_fields.bits.log2_max_mv_length_vertical,
	};
	s->log2_ctb = s->log2_min_cb + q->log2_diff_max_min_luma_coding_block_size;
	s->log2_max_tb = s->log2_min_tb + q->log2_diff_max_min_transform_block_size;
}

void hevc_vps_of(struct hevc_vps *v, const struct hevc_sps *s)
{
	*v = (struct hevc_vps){.ptl = s->ptl, .dec_pic_buffering = s->dec_pic_buffering};
}

void hevc_pps_of(struct hevc_pps *s, const VAEncPictureParameterBufferHEVC *p)
{
	*s = (struct hevc_pps){
		.id = p->slice_pic_parameter_set_id,
		.l0 = p->num_ref_idx_l0_default_active_minus1 + 1u,
		.l1 = p->num_ref_idx_l1_default_active_minus1 + 1u,
		.qp_delta_depth = p->diff_cu_qp_delta_depth,
		.merge_level = p->log2_parallel_merge_level_minus2 + 2u,
		.init_qp = p->pic_init_qp,
		.cb_offset = p->pps_cb_qp_offset,
		.cr_offset = p->pps_cr_qp_offset,
		.qp_delta = p->pic_fields.bits.cu_qp_delta_enabled_flag,
		.across_slices = p->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag,
		.slice_chroma = true,
		.deblock_control = true,
		.deblock_override = true,
	};
}

/* Each picture of reference_frames is kept; what carries a flag is for this one. */
static void references_of(struct hevc_header *h, const VAEncPictureParameterBufferHEVC *p)
{
	const int poc = p->decoded_curr_pic.pic_order_cnt;

	for (unsigned is_long = 0; is_long < 2; is_long++) {
		unsigned from = h->n_rps;

		for (unsigned i = 0; i < 15 && h->n_rps < HEVC_RPS_MAX; i++) {
			const VAPictureHEVC *v = &p->reference_frames[i];
			struct hevc_rps_entry e = {.is_long = is_long, .delta = v->pic_order_cnt - poc};
			unsigned at = h->n_rps;

			if (v->flags & VA_PICTURE_HEVC_INVALID || v->picture_id == VA_INVALID_SURFACE ||
			    !!(v->flags & VA_PICTURE_HEVC_LONG_TERM_REFERENCE) != is_long)
				continue;
			e.used = v->flags & (VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE | VA_PICTURE_HEVC_RPS_LT_CURR);
			e.lsb = (uint32_t)v->pic_order_cnt & 0xffff;
			e.msb = is_long;
			e.msb_cycle = ((uint32_t)(poc & ~0xffff) - (uint32_t)(v->pic_order_cnt & ~0xffff)) >> 16;
			for (; at > from && h->rps[at - 1].delta < e.delta; at--)
				h->rps[at] = h->rps[at - 1];
			h->rps[at] = e;
			h->n_rps++;
		}
	}
}

void hevc_header_of(struct hevc_header *h, const VAEncPictureParameterBufferHEVC *p,
		    const VAEncSliceParameterBufferHEVC *s, const struct hevc_sps *sps, const struct hevc_pps *pps)
{
	*h = (struct hevc_header){
		.nal_type = p->nal_unit_type,
		.first = s->slice_segment_address == 0,
		.no_output = p->pic_fields.bits.no_output_of_prior_pics_flag,
		.pps_id = s->slice_pic_parameter_set_id,
		.address = s->slice_segment_address,
		.type = s->slice_type,
		.poc_lsb = (uint32_t)p->decoded_curr_pic.pic_order_cnt & ((1u << sps->log2_poc_lsb) - 1),
		.override = s->slice_fields.bits.num_ref_idx_active_override_flag,
		.l0 = s->num_ref_idx_l0_active_minus1 + 1u,
		.l1 = s->slice_type == HEVC_B ? s->num_ref_idx_l1_active_minus1 + 1u : 0,
		.mvd_l1_zero = s->slice_fields.bits.mvd_l1_zero_flag,
		.cabac_init = pps->cabac_init && s->slice_fields.bits.cabac_init_flag,
		.merge_cands = s->max_num_merge_cand,
		.qp_delta = s->slice_qp_delta,
		.cb_offset = s->slice_cb_qp_offset,
		.cr_offset = s->slice_cr_qp_offset,
		.deblock_off = s->slice_fields.bits.slice_deblocking_filter_disabled_flag,
		.across_slices = s->slice_fields.bits.slice_loop_filter_across_slices_enabled_flag,
		.beta = 2 * s->slice_beta_offset_div2,
		.tc = 2 * s->slice_tc_offset_div2,
	};
	h->deblock_override = pps->deblock_override &&
			      (h->deblock_off != pps->deblock_off || h->beta != pps->beta || h->tc != pps->tc);
	if (!hevc_idr(h))
		references_of(h, p);
}
