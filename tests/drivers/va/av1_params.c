// SPDX-License-Identifier: GPL-3.0-or-later
/* Parameter buffers of AV1: by themselves (va_enc_av1.h), and against the headers that the application wrote. */
#include "av1.h"

#include <string.h>

static VAStatus bad(struct context *c, const char *what, long value)
{
	return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s: %ld", what, value);
}

static bool zeros(const void *p, size_t len)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < len; i++)
		if (b[i])
			return false;
	return true;
}

/* Fails the function if the field is not what it must be. */
#define MUST(name, ok, value)                                                                                          \
	do {                                                                                                           \
		if (!(ok))                                                                                             \
			return bad(c, name, (long)(value));                                                            \
	} while (0)

#define SAME(name, header, param)                                                                                      \
	do {                                                                                                           \
		if ((long)(header) != (long)(param))                                                                   \
			return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,                                           \
				    "%s: %ld in the packed header, %ld in the parameters", name, (long)(header),       \
				    (long)(param));                                                                    \
	} while (0)

unsigned av1_depth(const struct context *c)
{
	return c->config->rt_format == VA_RT_FORMAT_YUV420_10 ? 10 : 8;
}

VAStatus av1_check_seq(struct context *c, const VAEncSequenceParameterBufferAV1 *q)
{
	VAEncSequenceParameterBufferAV1 offered = {.seq_fields.value = q->seq_fields.value};

	MUST("seq_profile", !q->seq_profile, q->seq_profile);
	MUST("seq_level_idx", av1_level_known(q->seq_level_idx), q->seq_level_idx);
	MUST("seq_tier", q->seq_tier <= (q->seq_level_idx > 7), q->seq_tier);
	MUST("hierarchical_flag", q->hierarchical_flag <= 1, q->hierarchical_flag);
	MUST("ip_period", q->ip_period == 1, q->ip_period);
	MUST("bits_per_second", q->bits_per_second || c->config->rc == VA_RC_CQP, q->bits_per_second);
	MUST("bit_depth_minus8", q->seq_fields.bits.bit_depth_minus8 + 8u == av1_depth(c),
	     q->seq_fields.bits.bit_depth_minus8);
	MUST("subsampling", q->seq_fields.bits.subsampling_x && q->seq_fields.bits.subsampling_y,
	     q->seq_fields.bits.subsampling_x);
	MUST("order_hint_bits_minus_1",
	     q->order_hint_bits_minus_1 <= 7 && (q->seq_fields.bits.enable_order_hint || !q->order_hint_bits_minus_1),
	     q->order_hint_bits_minus_1);
	offered.seq_fields.bits.enable_order_hint = offered.seq_fields.bits.enable_cdef = 0;
	offered.seq_fields.bits.subsampling_x = offered.seq_fields.bits.subsampling_y = 0;
	offered.seq_fields.bits.bit_depth_minus8 = 0;
	MUST("seq_fields: tools that are not offered", !offered.seq_fields.value, offered.seq_fields.value);
	MUST("reserved bytes", zeros(q->va_reserved, sizeof(q->va_reserved)), 1);
	return VA_STATUS_SUCCESS;
}

static VAStatus check_tiles(struct context *c, const VAEncPictureParameterBufferAV1 *p)
{
	unsigned wide = 0, high = 0, least_wide = UINT16_MAX, least_high = UINT16_MAX;

	MUST("tile_cols", p->tile_cols >= 1 && p->tile_cols <= 63, p->tile_cols);
	MUST("tile_rows", p->tile_rows >= 1 && p->tile_rows <= 63, p->tile_rows);
	MUST("more tiles than offered", (unsigned)p->tile_cols * p->tile_rows <= c->d->q.slices,
	     (unsigned)p->tile_cols * p->tile_rows);
	for (unsigned i = 0; i < p->tile_cols; i++) {
		const unsigned n = p->width_in_sbs_minus_1[i] + 1u;

		wide += n;
		least_wide = n < least_wide ? n : least_wide;
	}
	for (unsigned i = 0; i < p->tile_rows; i++) {
		const unsigned n = p->height_in_sbs_minus_1[i] + 1u;

		high += n;
		least_high = n < least_high ? n : least_high;
	}
	MUST("tiles: superblocks in a row", wide == av1_sbs(p->frame_width_minus_1 + 1u), wide);
	MUST("tiles: superblocks in a column", high == av1_sbs(p->frame_height_minus_1 + 1u), high);
	/* As iHD has it, but for pictures that are smaller. */
	MUST("tiles narrower than two superblocks", p->tile_cols == 1 || least_wide >= 2, least_wide);
	MUST("tiles lower than two superblocks", p->tile_rows == 1 || least_high >= 2, least_high);
	MUST("context_update_tile_id", p->context_update_tile_id < p->tile_cols * p->tile_rows,
	     p->context_update_tile_id);
	return VA_STATUS_SUCCESS;
}

static VAStatus check_flags(struct context *c, const VAEncPictureParameterBufferAV1 *p)
{
	const bool key = p->picture_flags.bits.frame_type == AV1_KEY;

	MUST("frame_type", key || p->picture_flags.bits.frame_type == AV1_INTER, p->picture_flags.bits.frame_type);
	MUST("use_superres", !p->picture_flags.bits.use_superres, 1);
	MUST("use_ref_frame_mvs", !p->picture_flags.bits.use_ref_frame_mvs, 1);
	MUST("enable_frame_obu", !p->picture_flags.bits.enable_frame_obu, 1);
	MUST("disable_frame_recon", !p->picture_flags.bits.disable_frame_recon || !p->refresh_frame_flags, 1);
	MUST("allow_intrabc", !p->picture_flags.bits.allow_intrabc, 1);
	MUST("palette_mode_enable", !p->picture_flags.bits.palette_mode_enable, 1);
	MUST("reduced_tx_set", !p->picture_flags.bits.reduced_tx_set, 1);
	MUST("picture_flags: reserved", !p->picture_flags.bits.reserved, p->picture_flags.bits.reserved);
	MUST("error_resilient_mode of a key frame", !key || p->picture_flags.bits.error_resilient_mode, 0);
	MUST("refresh_frame_flags of a key frame", !key || p->refresh_frame_flags == 0xff, p->refresh_frame_flags);
	MUST("primary_ref_frame", p->primary_ref_frame <= AV1_PRIMARY_NONE, p->primary_ref_frame);
	MUST("primary_ref_frame of a key frame", !key || p->primary_ref_frame == AV1_PRIMARY_NONE,
	     p->primary_ref_frame);
	MUST("ref_frame_ctrl_l0: reserved", !p->ref_frame_ctrl_l0.fields.Reserved, p->ref_frame_ctrl_l0.value);
	MUST("ref_frame_ctrl_l0 of a key frame", !key || !p->ref_frame_ctrl_l0.value, p->ref_frame_ctrl_l0.value);
	MUST("ref_frame_ctrl_l0: no name", key || p->ref_frame_ctrl_l0.fields.search_idx0, p->ref_frame_ctrl_l0.value);
	MUST("ref_frame_ctrl_l1: one direction is offered", !p->ref_frame_ctrl_l1.value, p->ref_frame_ctrl_l1.value);
	MUST("num_tile_groups_minus1", !p->num_tile_groups_minus1, p->num_tile_groups_minus1);
	MUST("hierarchical_level_plus1", !p->hierarchical_level_plus1, p->hierarchical_level_plus1);
	MUST("temporal_id", !p->temporal_id, p->temporal_id);
	return VA_STATUS_SUCCESS;
}

static VAStatus check_quality(struct context *c, const VAEncPictureParameterBufferAV1 *p)
{
	const bool cqp = c->config->rc == VA_RC_CQP;

	MUST("filter_level",
	     p->filter_level[0] <= 63 && p->filter_level[1] <= 63 && p->filter_level_u <= 63 && p->filter_level_v <= 63,
	     p->filter_level[0]);
	MUST("loop_filter_flags", !p->loop_filter_flags.value, p->loop_filter_flags.value);
	MUST("superres_scale_denominator", !p->superres_scale_denominator, p->superres_scale_denominator);
	MUST("interpolation_filter", p->interpolation_filter <= 4, p->interpolation_filter);
	MUST("ref_deltas", zeros(p->ref_deltas, sizeof(p->ref_deltas)), p->ref_deltas[0]);
	MUST("mode_deltas", zeros(p->mode_deltas, sizeof(p->mode_deltas)), p->mode_deltas[0]);
	MUST("base_qindex", p->base_qindex, 0);
	MUST("delta_q",
	     !p->y_dc_delta_q && !p->u_dc_delta_q && !p->u_ac_delta_q && !p->v_dc_delta_q && !p->v_ac_delta_q, 1);
	MUST("min_base_qindex", cqp || (p->min_base_qindex && p->min_base_qindex <= p->max_base_qindex),
	     p->min_base_qindex);
	MUST("qmatrix_flags", !p->qmatrix_flags.value, p->qmatrix_flags.value);
	MUST("delta_q_present", !p->mode_control_flags.bits.delta_q_present, 1);
	MUST("delta_lf_present", !p->mode_control_flags.bits.delta_lf_present, 1);
	MUST("tx_mode is not offered", p->mode_control_flags.bits.tx_mode == (c->d->q.tx_select ? 2u : 1u),
	     p->mode_control_flags.bits.tx_mode);
	MUST("reference_mode", !p->mode_control_flags.bits.reference_mode, p->mode_control_flags.bits.reference_mode);
	MUST("skip_mode_present", !p->mode_control_flags.bits.skip_mode_present, 1);
	MUST("mode_control_flags", !(p->mode_control_flags.value & ~0x180u), p->mode_control_flags.value);
	MUST("segments", zeros(&p->segments, sizeof(p->segments)) && !p->seg_id_block_size, 1);
	MUST("cdef_damping_minus_3", p->cdef_damping_minus_3 <= 3, p->cdef_damping_minus_3);
	MUST("cdef: the encoder has no such filter",
	     !p->cdef_bits && zeros(p->cdef_y_strengths, 8) && zeros(p->cdef_uv_strengths, 8), p->cdef_bits);
	MUST("loop_restoration_flags", !p->loop_restoration_flags.value, p->loop_restoration_flags.value);
	MUST("wm", zeros(p->wm, sizeof(p->wm)), 1);
	return VA_STATUS_SUCCESS;
}

VAStatus av1_check_pic(struct context *c, const VAEncPictureParameterBufferAV1 *p, const struct av1_sequence *s)
{
	VAStatus status;

	MUST("frame_width_minus_1", p->frame_width_minus_1 + 1u == s->width, p->frame_width_minus_1);
	MUST("frame_height_minus_1", p->frame_height_minus_1 + 1u == s->height, p->frame_height_minus_1);
	MUST("frame_width_minus_1: beyond the context",
	     p->frame_width_minus_1 < c->width && p->frame_height_minus_1 < c->height, p->frame_width_minus_1);
	status = check_flags(c, p);
	if (status == VA_STATUS_SUCCESS)
		status = check_quality(c, p);
	if (status == VA_STATUS_SUCCESS)
		status = check_tiles(c, p);
	if (status != VA_STATUS_SUCCESS)
		return status;
	MUST("tile_group_obu_hdr_info", p->tile_group_obu_hdr_info.value == 2, p->tile_group_obu_hdr_info.value);
	MUST("number_skip_frames", !p->number_skip_frames && !p->skip_frames_reduced_size, p->number_skip_frames);
	MUST("reserved bytes",
	     !p->reserved8bits1 && !p->reserved16bits1 && !p->reserved16bits2 && !p->reserved16bits3 &&
		     zeros(p->va_reserved, sizeof(p->va_reserved)),
	     1);
	return VA_STATUS_SUCCESS;
}

VAStatus av1_check_room(struct context *c, const VAEncSequenceParameterBufferAV1 *q,
			const VAEncPictureParameterBufferAV1 *p)
{
	const struct av1_load load = {
		.width = p->frame_width_minus_1 + 1u,
		.height = p->frame_height_minus_1 + 1u,
		.fps_num = c->rate.fps_num,
		.fps_den = c->rate.fps_num ? c->rate.fps_den : 1,
		.columns = p->tile_cols,
		.rows = p->tile_rows,
	};
	const char *lacks = av1_level_lacks(q->seq_level_idx, &load);

	return lacks ? rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "seq_level_idx %u has no room for the %s",
			    q->seq_level_idx, lacks)
		     : VA_STATUS_SUCCESS;
}

VAStatus av1_same_sequence(struct context *c, const VAEncSequenceParameterBufferAV1 *q, const struct av1_sequence *s)
{
	SAME("seq_profile", s->profile, q->seq_profile);
	SAME("seq_level_idx", s->level, q->seq_level_idx);
	SAME("seq_tier", s->tier, q->seq_tier);
	SAME("use_128x128_superblock", s->sb128, q->seq_fields.bits.use_128x128_superblock);
	SAME("enable_filter_intra", s->filter_intra, q->seq_fields.bits.enable_filter_intra);
	SAME("enable_intra_edge_filter", s->intra_edge, q->seq_fields.bits.enable_intra_edge_filter);
	SAME("enable_interintra_compound", s->interintra, q->seq_fields.bits.enable_interintra_compound);
	SAME("enable_masked_compound", s->masked, q->seq_fields.bits.enable_masked_compound);
	SAME("enable_warped_motion", s->warped, q->seq_fields.bits.enable_warped_motion);
	SAME("enable_dual_filter", s->dual_filter, q->seq_fields.bits.enable_dual_filter);
	SAME("enable_order_hint", s->order_hint, q->seq_fields.bits.enable_order_hint);
	SAME("enable_jnt_comp", s->jnt_comp, q->seq_fields.bits.enable_jnt_comp);
	SAME("enable_ref_frame_mvs", s->ref_frame_mvs, q->seq_fields.bits.enable_ref_frame_mvs);
	SAME("enable_superres", s->superres, q->seq_fields.bits.enable_superres);
	SAME("enable_cdef", s->cdef, q->seq_fields.bits.enable_cdef);
	SAME("enable_restoration", s->restoration, q->seq_fields.bits.enable_restoration);
	SAME("high_bitdepth", s->high_depth, q->seq_fields.bits.bit_depth_minus8 != 0);
	SAME("order_hint_bits_minus_1", s->order_hint ? s->order_hint_bits - 1 : 0, q->order_hint_bits_minus_1);
	if (s->separate_uv || s->film_grain)
		return bad(c, "sequence header: tools that are not offered", 1);
	return VA_STATUS_SUCCESS;
}

VAStatus av1_same_header(struct context *c, const VAEncPictureParameterBufferAV1 *p, const struct av1_header *h)
{
	SAME("frame_type", h->type, p->picture_flags.bits.frame_type);
	SAME("error_resilient_mode", h->error_resilient, p->picture_flags.bits.error_resilient_mode);
	SAME("disable_cdf_update", h->no_cdf_update, p->picture_flags.bits.disable_cdf_update);
	SAME("disable_frame_end_update_cdf", h->no_end_update && !h->no_cdf_update,
	     p->picture_flags.bits.disable_frame_end_update_cdf);
	SAME("order_hint", h->order_hint, p->order_hint);
	SAME("primary_ref_frame", h->primary, p->primary_ref_frame);
	SAME("refresh_frame_flags", h->refresh, p->refresh_frame_flags);
	if (h->type != AV1_KEY) {
		for (unsigned i = 0; i < AV1_NAMES; i++)
			SAME("ref_frame_idx", h->ref_idx[i], p->ref_frame_idx[i]);
		SAME("allow_high_precision_mv", h->hp_mv, p->picture_flags.bits.allow_high_precision_mv);
		SAME("interpolation_filter", h->switchable ? 4 : h->filter, p->interpolation_filter);
		if (h->motion_switchable)
			return bad(c, "is_motion_mode_switchable is not offered", 1);
	}
	SAME("base_q_idx", h->qindex, p->base_qindex);
	SAME("loop_filter_level[0]", h->level[0], p->filter_level[0]);
	SAME("loop_filter_level[1]", h->level[1], p->filter_level[1]);
	SAME("loop_filter_sharpness", h->sharpness, p->loop_filter_flags.bits.sharpness_level);
	SAME("cdef_damping_minus_3", h->damping, p->cdef_damping_minus_3);
	SAME("cdef_bits", h->cdef_bits, p->cdef_bits);
	SAME("cdef_y_strengths", h->cdef_y[0], p->cdef_y_strengths[0]);
	SAME("cdef_uv_strengths", h->cdef_uv[0], p->cdef_uv_strengths[0]);
	SAME("tx_mode", h->tx_select ? 2 : 1, p->mode_control_flags.bits.tx_mode);
	SAME("reduced_tx_set", h->reduced_tx, p->picture_flags.bits.reduced_tx_set);
	SAME("tile columns", h->cols, p->tile_cols);
	SAME("tile rows", h->rows, p->tile_rows);
	for (unsigned i = 0; i + 1 < h->cols; i++)
		SAME("width_in_sbs_minus_1", h->each_wide - 1, p->width_in_sbs_minus_1[i]);
	for (unsigned i = 0; i + 1 < h->rows; i++)
		SAME("height_in_sbs_minus_1", h->each_high - 1, p->height_in_sbs_minus_1[i]);
	SAME("context_update_tile_id", h->context_tile, p->context_update_tile_id);
	if (h->level[0] || h->level[1])
		return bad(c, "loop filter: the encoder has none", h->level[0]);
	return VA_STATUS_SUCCESS;
}

VAStatus av1_same_places(struct context *c, const VAEncPictureParameterBufferAV1 *p, const struct av1_header *h,
			 size_t lead)
{
	if (c->config->rc == VA_RC_CQP) {
		MUST("bit_offset_qindex without rate control", !p->bit_offset_qindex, p->bit_offset_qindex);
		return VA_STATUS_SUCCESS;
	}
	SAME("bit_offset_qindex", h->at.qindex, p->bit_offset_qindex);
	SAME("bit_offset_loopfilter_params", h->at.loop_filter, p->bit_offset_loopfilter_params);
	SAME("bit_offset_cdef_params", h->at.cdef, p->bit_offset_cdef_params);
	SAME("size_in_bits_cdef_params", h->at.cdef_bits, p->size_in_bits_cdef_params);
	SAME("bit_offset_segmentation", 0, p->bit_offset_segmentation);
	SAME("byte_offset_frame_hdr_obu_size", lead + 1, p->byte_offset_frame_hdr_obu_size);
	SAME("size_in_bits_frame_hdr_obu", h->at.end, p->size_in_bits_frame_hdr_obu);
	return VA_STATUS_SUCCESS;
}

static unsigned bits_for(unsigned v)
{
	return 32 - (unsigned)__builtin_clz(v | 1);
}

void av1_sequence_of(struct av1_sequence *s, const VAEncSequenceParameterBufferAV1 *q,
		     const VAEncPictureParameterBufferAV1 *p)
{
	*s = (struct av1_sequence){
		.level = q->seq_level_idx,
		.tier = q->seq_tier,
		.width_bits = bits_for(p->frame_width_minus_1),
		.height_bits = bits_for(p->frame_height_minus_1),
		.width = p->frame_width_minus_1 + 1u,
		.height = p->frame_height_minus_1 + 1u,
		.order_hint = q->seq_fields.bits.enable_order_hint,
		.order_hint_bits = q->seq_fields.bits.enable_order_hint ? q->order_hint_bits_minus_1 + 1u : 0,
		.cdef = q->seq_fields.bits.enable_cdef,
		.high_depth = q->seq_fields.bits.bit_depth_minus8 != 0,
	};
}

void av1_header_of(struct av1_header *h, const VAEncPictureParameterBufferAV1 *p, const struct av1_sequence *s)
{
	*h = (struct av1_header){
		.type = p->picture_flags.bits.frame_type,
		.show = true,
		.error_resilient = p->picture_flags.bits.error_resilient_mode,
		.no_cdf_update = p->picture_flags.bits.disable_cdf_update,
		.no_end_update =
			p->picture_flags.bits.disable_frame_end_update_cdf || p->picture_flags.bits.disable_cdf_update,
		.order_hint = p->order_hint,
		.primary = p->primary_ref_frame,
		.refresh = p->refresh_frame_flags,
		.hp_mv = p->picture_flags.bits.allow_high_precision_mv,
		.switchable = p->interpolation_filter == 4,
		.filter = p->interpolation_filter & 3,
		.qindex = p->base_qindex,
		.damping = p->cdef_damping_minus_3,
		.uniform = true,
		.context_tile = p->context_update_tile_id,
		.tx_select = p->mode_control_flags.bits.tx_mode == 2,
		.tile_bytes = 4,
	};
	for (unsigned i = 0; i < AV1_NAMES; i++)
		h->ref_idx[i] = p->ref_frame_idx[i] & 7;
	for (h->log2_cols = 0;
	     p->tile_cols > 1 && av1_sbs(s->width) > (p->width_in_sbs_minus_1[0] + 1u) << h->log2_cols;)
		h->log2_cols++;
	for (h->log2_rows = 0;
	     p->tile_rows > 1 && av1_sbs(s->height) > (p->height_in_sbs_minus_1[0] + 1u) << h->log2_rows;)
		h->log2_rows++;
	av1_tiles_fill(h, s);
}
