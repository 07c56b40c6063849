// SPDX-License-Identifier: GPL-3.0-or-later
/* Parameter sets and slice headers, read and written (7.3.2.1, 7.3.2.2, 7.3.3). */
#include "h264.h"

#include <string.h>

static bool high(uint8_t profile)
{
	return profile >= 100 || profile == 44;
}

static bool trailing(struct bits *b)
{
	if (!bits_get(b, 1))
		return false;
	while (b->at < b->n)
		if (bits_get(b, 1))
			return false;
	return !b->err && b->n % 8 == 0;
}

static const char *vui_parse(struct h264_sps *s, struct bits *b)
{
	s->aspect = bits_get(b, 1);
	if (s->aspect) {
		s->aspect_idc = bits_get(b, 8);
		if (s->aspect_idc == 255) {
			s->sar_width = bits_get(b, 16);
			s->sar_height = bits_get(b, 16);
		}
	}
	if (bits_get(b, 1)) /* overscan_info_present_flag */
		bits_get(b, 1);
	if (bits_get(b, 1)) { /* video_signal_type_present_flag */
		bits_get(b, 4);
		if (bits_get(b, 1))
			bits_get(b, 24);
	}
	if (bits_get(b, 1)) { /* chroma_loc_info_present_flag */
		if (bits_ue(b) > 5 || bits_ue(b) > 5)
			return "SPS: chroma_sample_loc_type";
	}
	s->timing = bits_get(b, 1);
	if (s->timing) {
		s->units_in_tick = bits_get(b, 32);
		s->time_scale = bits_get(b, 32);
		s->fixed_rate = bits_get(b, 1);
		if (!s->units_in_tick || !s->time_scale)
			return "SPS: timing of nought";
	}
	for (unsigned k = 0, any = 0; k < 2; k++) { /* nal, vcl hrd_parameters */
		uint32_t n;

		if (bits_get(b, 1)) {
			any = 1;
			n = bits_ue(b);
			if (n > 31)
				return "SPS: cpb_cnt_minus1";
			bits_get(b, 8);
			for (uint32_t i = 0; i <= n; i++) {
				bits_ue(b);
				bits_ue(b);
				bits_get(b, 1);
			}
			bits_get(b, 20);
		}
		if (k == 1 && any)
			bits_get(b, 1); /* low_delay_hrd_flag */
	}
	bits_get(b, 1); /* pic_struct_present_flag */
	s->restriction = bits_get(b, 1);
	if (s->restriction) {
		s->motion_over = bits_get(b, 1);
		bits_ue(b);
		bits_ue(b);
		if (bits_ue(b) > 16 || bits_ue(b) > 16)
			return "SPS: log2_max_mv_length";
		s->reorder_frames = bits_ue(b);
		s->dec_frame_buffering = bits_ue(b);
		if (s->reorder_frames > s->dec_frame_buffering || s->dec_frame_buffering > 16)
			return "SPS: max_num_reorder_frames, max_dec_frame_buffering";
		if (s->dec_frame_buffering < s->max_refs)
			return "SPS: max_dec_frame_buffering below max_num_ref_frames";
	}
	return NULL;
}

const char *h264_sps_parse(struct h264_sps *s, struct bits *b)
{
	const char *why = NULL;

	*s = (struct h264_sps){.chroma_format = 1};
	if (bits_get(b, 1) || !bits_get(b, 2) || bits_get(b, 5) != 7)
		return "SPS: NAL header";
	s->profile_idc = (uint8_t)bits_get(b, 8);
	s->constraints = (uint8_t)bits_get(b, 8);
	s->level_idc = (uint8_t)bits_get(b, 8);
	s->id = bits_ue(b);
	if (high(s->profile_idc)) {
		s->chroma_format = bits_ue(b);
		if (s->chroma_format == 3)
			return "SPS: 4:4:4";
		s->depth_luma = bits_ue(b);
		s->depth_chroma = bits_ue(b);
		bits_get(b, 1);
		s->scaling = bits_get(b, 1);
		if (s->scaling)
			return "SPS: scaling lists";
	}
	s->log2_frame_num = bits_ue(b) + 4;
	s->poc_type = bits_ue(b);
	if (s->log2_frame_num > 16 || s->poc_type == 1 || s->poc_type > 2)
		return "SPS: log2_max_frame_num or pic_order_cnt_type (1 is not known to this driver)";
	s->log2_poc_lsb = s->poc_type == 0 ? bits_ue(b) + 4 : 4;
	s->max_refs = bits_ue(b);
	s->gaps = bits_get(b, 1);
	s->width_mbs = bits_ue(b) + 1;
	s->height_mbs = bits_ue(b) + 1;
	s->frame_mbs_only = bits_get(b, 1);
	if (!s->frame_mbs_only)
		return "SPS: fields";
	s->direct_8x8 = bits_get(b, 1);
	s->cropped = bits_get(b, 1);
	for (unsigned i = 0; s->cropped && i < 4; i++)
		s->crop[i] = bits_ue(b);
	if (s->id > 31 || s->log2_poc_lsb > 16 || s->max_refs > REFS_MAX)
		return "SPS: id, log2_max_pic_order_cnt_lsb or max_num_ref_frames";
	if ((s->crop[0] + s->crop[1]) * 2 >= s->width_mbs * 16 || (s->crop[2] + s->crop[3]) * 2 >= s->height_mbs * 16)
		return "SPS: nothing is left after cropping";
	s->vui = bits_get(b, 1);
	if (s->vui)
		why = vui_parse(s, b);
	if (why)
		return why;
	return trailing(b) ? NULL : "SPS: it does not end with its trailing bits";
}

const char *h264_pps_parse(struct h264_pps *p, struct bits *b)
{
	*p = (struct h264_pps){0};
	if (bits_get(b, 1) || !bits_get(b, 2) || bits_get(b, 5) != 8)
		return "PPS: NAL header";
	p->id = bits_ue(b);
	p->sps_id = bits_ue(b);
	p->cabac = bits_get(b, 1);
	p->pic_order = bits_get(b, 1);
	p->slice_groups = bits_ue(b) + 1;
	if (p->slice_groups != 1)
		return "PPS: slice groups";
	p->l0 = bits_ue(b) + 1;
	p->l1 = bits_ue(b) + 1;
	p->weighted = bits_get(b, 1);
	p->bipred_idc = bits_get(b, 2);
	p->init_qp = bits_se(b) + 26;
	bits_se(b);
	p->chroma_offset[0] = p->chroma_offset[1] = bits_se(b);
	p->deblock_control = bits_get(b, 1);
	p->constrained_intra = bits_get(b, 1);
	p->redundant = bits_get(b, 1);
	if (p->id > 255 || p->sps_id > 31 || p->l0 > 32 || p->l1 > 32 || p->init_qp < 0 || p->init_qp > 51 ||
	    p->chroma_offset[0] < -12 || p->chroma_offset[0] > 12)
		return "PPS: a value out of range";
	for (size_t last = b->n; last > b->at; last--) /* more_rbsp_data() */
		if (b->p[(last - 1) / 8] >> (7 - (last - 1) % 8) & 1) {
			if (last - 1 == b->at)
				return trailing(b) ? NULL : "PPS: it does not end with its trailing bits";
			break;
		}
	p->transform_8x8 = bits_get(b, 1);
	p->scaling = bits_get(b, 1);
	if (p->scaling)
		return "PPS: scaling lists";
	p->chroma_offset[1] = bits_se(b);
	if (p->chroma_offset[1] < -12 || p->chroma_offset[1] > 12)
		return "PPS: second_chroma_qp_index_offset";
	return trailing(b) ? NULL : "PPS: it does not end with its trailing bits";
}

static const char *changes_parse(struct h264_header *h, struct bits *b)
{
	h->list_changed = bits_get(b, 1);
	while (h->list_changed) {
		uint32_t op = bits_ue(b);

		if (op == 3)
			return h->n_change ? NULL : "slice header: list modification without any";
		if (op > 3 || b->err || h->n_change == H264_OPS_MAX)
			return "slice header: modification_of_pic_nums_idc";
		h->change[h->n_change].op = op;
		h->change[h->n_change++].value = bits_ue(b);
	}
	return NULL;
}

static const char *marking_parse(struct h264_header *h, struct bits *b)
{
	if (h->nal_type == 5) {
		h->no_output = bits_get(b, 1);
		h->long_term = bits_get(b, 1);
		return NULL;
	}
	h->adaptive = bits_get(b, 1);
	while (h->adaptive) {
		uint32_t op = bits_ue(b);

		if (op == 0)
			return NULL;
		if (op > 6 || op == 5 || b->err || h->n_mmco == H264_OPS_MAX)
			return "slice header: memory_management_control_operation";
		h->mmco[h->n_mmco].op = op;
		h->mmco[h->n_mmco].a = bits_ue(b);
		h->mmco[h->n_mmco++].b = op == 3 ? bits_ue(b) : 0;
	}
	return NULL;
}

const char *h264_header_parse(struct h264_header *h, struct bits *b, const struct h264_sps *s, const struct h264_pps *p)
{
	const char *why = NULL;

	*h = (struct h264_header){0};
	if (bits_get(b, 1))
		return "slice header: forbidden_zero_bit";
	h->ref_idc = (uint8_t)bits_get(b, 2);
	h->nal_type = (uint8_t)bits_get(b, 5);
	if ((h->nal_type != 1 && h->nal_type != 5) || (h->nal_type == 5 && !h->ref_idc))
		return "slice header: NAL header";
	h->first_mb = bits_ue(b);
	h->type = bits_ue(b);
	h->pps_id = bits_ue(b);
	if (h->type > 9 || (h->type % 5 != 0 && h->type % 5 != 2))
		return "slice header: slice_type is neither P nor I";
	if (h->nal_type == 5 && h->type % 5 != 2)
		return "slice header: IDR slice that is not I";
	h->frame_num = bits_get(b, s->log2_frame_num);
	if (h->nal_type == 5)
		h->idr_id = bits_ue(b);
	if (s->poc_type == 0) {
		h->poc_lsb = bits_get(b, s->log2_poc_lsb);
		if (p->pic_order)
			h->delta_poc_bottom = bits_se(b);
	}
	if (p->redundant && bits_ue(b))
		return "slice header: redundant picture";
	if (h->type % 5 == 0) {
		h->override = bits_get(b, 1);
		h->n_refs = h->override ? bits_ue(b) + 1 : p->l0;
		if (h->n_refs > 32)
			return "slice header: num_ref_idx_l0_active_minus1";
		why = changes_parse(h, b);
		if (!why && p->weighted)
			why = "slice header: weighted prediction";
	}
	if (!why && h->ref_idc)
		why = marking_parse(h, b);
	if (why)
		return why;
	if (p->cabac && h->type % 5 == 0)
		h->cabac_init = bits_ue(b);
	h->qp_delta = bits_se(b);
	if (p->deblock_control) {
		h->deblock = bits_ue(b);
		if (h->deblock != 1) {
			h->alpha = bits_se(b) * 2;
			h->beta = bits_se(b) * 2;
		}
	}
	if (h->cabac_init > 2 || h->deblock > 2 || h->alpha < -12 || h->alpha > 12 || h->beta < -12 || h->beta > 12 ||
	    p->init_qp + h->qp_delta < 0 || p->init_qp + h->qp_delta > 51)
		return "slice header: cabac_init_idc, slice_qp_delta or deblocking out of range";
	if (b->err)
		return "slice header: bit_length ends before the header does";
	return b->at == b->n ? NULL : "slice header: bits behind the header";
}

static void vui_write(struct out *o, const struct h264_sps *s)
{
	out_put(o, 1, s->aspect);
	if (s->aspect) {
		out_put(o, 8, s->aspect_idc);
		if (s->aspect_idc == 255)
			out_put(o, 16, s->sar_width), out_put(o, 16, s->sar_height);
	}
	out_put(o, 3, 0);
	out_put(o, 1, s->timing);
	if (s->timing) {
		out_put(o, 32, s->units_in_tick);
		out_put(o, 32, s->time_scale);
		out_put(o, 1, s->fixed_rate);
	}
	out_put(o, 3, 0);
	out_put(o, 1, s->restriction);
	if (!s->restriction)
		return;
	out_put(o, 1, s->motion_over);
	out_ue(o, 0);
	out_ue(o, 0);
	out_ue(o, 15);
	out_ue(o, 15);
	out_ue(o, s->reorder_frames);
	out_ue(o, s->dec_frame_buffering);
}

void h264_sps_write(struct out *o, const struct h264_sps *s)
{
	out_put(o, 8, 3 << 5 | 7);
	out_put(o, 8, s->profile_idc);
	out_put(o, 8, s->constraints);
	out_put(o, 8, s->level_idc);
	out_ue(o, s->id);
	if (high(s->profile_idc)) {
		out_ue(o, s->chroma_format);
		out_ue(o, 0);
		out_ue(o, 0);
		out_put(o, 2, 0);
	}
	out_ue(o, s->log2_frame_num - 4);
	out_ue(o, s->poc_type);
	if (s->poc_type == 0)
		out_ue(o, s->log2_poc_lsb - 4);
	out_ue(o, s->max_refs);
	out_put(o, 1, s->gaps);
	out_ue(o, s->width_mbs - 1);
	out_ue(o, s->height_mbs - 1);
	out_put(o, 1, 1);
	out_put(o, 1, s->direct_8x8);
	out_put(o, 1, s->cropped);
	for (unsigned i = 0; s->cropped && i < 4; i++)
		out_ue(o, s->crop[i]);
	out_put(o, 1, s->vui);
	if (s->vui)
		vui_write(o, s);
	out_trailing(o);
}

void h264_pps_write(struct out *o, const struct h264_pps *p)
{
	out_put(o, 8, 3 << 5 | 8);
	out_ue(o, p->id);
	out_ue(o, p->sps_id);
	out_put(o, 1, p->cabac);
	out_put(o, 1, p->pic_order);
	out_ue(o, 0);
	out_ue(o, p->l0 - 1);
	out_ue(o, p->l1 - 1);
	out_put(o, 1, p->weighted);
	out_put(o, 2, p->bipred_idc);
	out_se(o, p->init_qp - 26);
	out_se(o, 0);
	out_se(o, p->chroma_offset[0]);
	out_put(o, 1, p->deblock_control);
	out_put(o, 1, p->constrained_intra);
	out_put(o, 1, p->redundant);
	if (p->transform_8x8 || p->chroma_offset[1] != p->chroma_offset[0]) {
		out_put(o, 1, p->transform_8x8);
		out_put(o, 1, 0);
		out_se(o, p->chroma_offset[1]);
	}
	out_trailing(o);
}

void h264_header_write(struct out *o, const struct h264_header *h, const struct h264_sps *s, const struct h264_pps *p)
{
	out_put(o, 8, (uint32_t)h->ref_idc << 5 | h->nal_type);
	out_ue(o, h->first_mb);
	out_ue(o, h->type);
	out_ue(o, h->pps_id);
	out_put(o, s->log2_frame_num, h->frame_num);
	if (h->nal_type == 5)
		out_ue(o, h->idr_id);
	if (s->poc_type == 0) {
		out_put(o, s->log2_poc_lsb, h->poc_lsb);
		if (p->pic_order)
			out_se(o, h->delta_poc_bottom);
	}
	if (h->type % 5 == 0) {
		out_put(o, 1, h->override);
		if (h->override)
			out_ue(o, h->n_refs - 1);
		out_put(o, 1, h->list_changed);
		for (unsigned i = 0; h->list_changed && i < h->n_change; i++) {
			out_ue(o, h->change[i].op);
			out_ue(o, h->change[i].value);
		}
		if (h->list_changed)
			out_ue(o, 3);
	}
	if (h->ref_idc && h->nal_type == 5)
		out_put(o, 2, h->long_term);
	else if (h->ref_idc)
		out_put(o, 1, h->adaptive);
	for (unsigned i = 0; h->adaptive && i < h->n_mmco; i++) {
		out_ue(o, h->mmco[i].op);
		out_ue(o, h->mmco[i].a);
		if (h->mmco[i].op == 3)
			out_ue(o, h->mmco[i].b);
	}
	if (h->adaptive)
		out_ue(o, 0);
	if (p->cabac && h->type % 5 == 0)
		out_ue(o, h->cabac_init);
	out_se(o, h->qp_delta);
	if (p->deblock_control) {
		out_ue(o, h->deblock);
		if (h->deblock != 1)
			out_se(o, h->alpha / 2), out_se(o, h->beta / 2);
	}
}
