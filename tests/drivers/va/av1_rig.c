// SPDX-License-Identifier: GPL-3.0-or-later
#include "av1_rig.h"

#include <string.h>

#define SIZE_BYTES 4u

unsigned av1_rig_newest(const struct av1_rig *a, unsigned n)
{
	unsigned order[RIG_REFS];

	for (unsigned i = 0; i < RIG_REFS; i++) {
		unsigned at = i;

		for (; at && a->number[order[at - 1]] < a->number[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	return order[n];
}

static VASurfaceID free_surface(const struct av1_rig *a)
{
	for (unsigned k = 0; k < RIG_REFS + 2; k++) {
		bool taken = false;

		for (unsigned i = 0; i < RIG_REFS; i++)
			taken |= a->slot[i] == a->r->recon[k];
		if (!taken)
			return a->r->recon[k];
	}
	return VA_INVALID_SURFACE;
}

static void set_sequence(const struct rig *r, VAEncSequenceParameterBufferAV1 *q)
{
	*q = (VAEncSequenceParameterBufferAV1){
		.seq_level_idx = 8,
		.ip_period = 1,
		.bits_per_second = r->rc == VA_RC_CQP ? 0 : r->bits_per_second,
		.order_hint_bits_minus_1 = 6,
	};
	q->seq_fields.bits.enable_order_hint = 1;
	q->seq_fields.bits.enable_cdef = 1;
	q->seq_fields.bits.bit_depth_minus8 = r->deep ? 2 : 0;
	q->seq_fields.bits.subsampling_x = q->seq_fields.bits.subsampling_y = 1;
}

static void set_tiles(const struct av1_rig *a, VAEncPictureParameterBufferAV1 *p)
{
	const struct av1_sequence s = {.width = a->r->width, .height = a->r->height};
	struct av1_header h = {.log2_cols = a->log2_cols, .log2_rows = a->log2_rows};

	av1_tiles_fill(&h, &s);
	p->tile_cols = (uint8_t)h.cols;
	p->tile_rows = (uint8_t)h.rows;
	for (unsigned i = 0; i < h.cols; i++)
		p->width_in_sbs_minus_1[i] =
			(uint16_t)((i + 1 < h.cols ? h.each_wide : av1_sbs(s.width) - (h.cols - 1) * h.each_wide) - 1);
	for (unsigned i = 0; i < h.rows; i++)
		p->height_in_sbs_minus_1[i] =
			(uint16_t)((i + 1 < h.rows ? h.each_high : av1_sbs(s.height) - (h.rows - 1) * h.each_high) - 1);
	p->context_update_tile_id = (uint16_t)(h.cols * h.rows - 1);
}

static void set_picture(const struct av1_rig *a, struct av1_shot *s, unsigned ref)
{
	VAEncPictureParameterBufferAV1 *p = &s->pic;

	*p = (VAEncPictureParameterBufferAV1){
		.frame_width_minus_1 = (uint16_t)(a->r->width - 1),
		.frame_height_minus_1 = (uint16_t)(a->r->height - 1),
		.reconstructed_frame = free_surface(a),
		.coded_buf = a->r->coded,
		.primary_ref_frame = s->key ? AV1_PRIMARY_NONE : 2,
		.order_hint = (uint8_t)(a->frame & 127),
		.refresh_frame_flags = s->key ? 0xff : (uint8_t)(1u << av1_rig_newest(a, RIG_REFS - 1)),
		.base_qindex = 60,
		.min_base_qindex = 1,
		.max_base_qindex = 255,
	};
	p->picture_flags.bits.frame_type = s->key ? AV1_KEY : AV1_INTER;
	p->picture_flags.bits.error_resilient_mode = s->key;
	p->mode_control_flags.bits.tx_mode = 1;
	p->tile_group_obu_hdr_info.bits.obu_has_size_field = 1;
	for (unsigned i = 0; i < AV1_SLOTS; i++)
		p->reference_frames[i] = s->key || i >= RIG_REFS ? VA_INVALID_SURFACE : a->slot[i];
	if (!s->key) {
		memset(p->ref_frame_idx, (int)ref, sizeof(p->ref_frame_idx));
		p->ref_frame_ctrl_l0.fields.search_idx0 = 1;
	}
	set_tiles(a, p);
}

void av1_rig_shot(struct av1_rig *a, struct av1_shot *s, bool key, unsigned ref)
{
	const struct rig *r = a->r;

	*s = (struct av1_shot){
		.key = key, .send_seq = key, .send_pic = true, .packed_type = {1, 2}, .size_bytes = SIZE_BYTES};
	s->send_packed[0] = key && r->packed & VA_ENC_PACKED_HEADER_SEQUENCE;
	s->send_packed[1] = r->packed & VA_ENC_PACKED_HEADER_PICTURE;
	if (key)
		a->frame = 0;
	set_sequence(r, &s->seq);
	set_picture(a, s, ref);
	s->n_groups = 1;
	s->group[0].tg_end = (uint8_t)(s->pic.tile_cols * s->pic.tile_rows - 1);
	av1_shot_headers(a, s);
}

void av1_shot_headers(struct av1_rig *a, struct av1_shot *s)
{
	struct out o = {0};
	size_t lead;

	av1_sequence_of(&s->sequence, &s->seq, &s->pic);
	av1_header_of(&s->header, &s->pic, &s->sequence);
	if (a->r->rc == VA_RC_CQP || !s->send_packed[1])
		return;
	av1_sequence_write(&o, &s->sequence, 1);
	lead = s->send_packed[0] ? o.n / 8 : 0;
	av1_header_write(&o, &s->header, &s->sequence, s->size_bytes);
	out_free(&o);
	s->pic.bit_offset_qindex = s->header.at.qindex;
	s->pic.bit_offset_loopfilter_params = s->header.at.loop_filter;
	s->pic.bit_offset_cdef_params = s->header.at.cdef;
	s->pic.size_in_bits_cdef_params = s->header.at.cdef_bits;
	s->pic.byte_offset_frame_hdr_obu_size = (uint32_t)lead + 1;
	s->pic.size_in_bits_frame_hdr_obu = s->header.at.end;
}

static void add_packed(struct av1_rig *a, struct av1_shot *s, struct batch *b, unsigned kind)
{
	VAEncPackedHeaderParameterBuffer p = {.type = s->packed_type[kind], .has_emulation_bytes = 1};
	struct out o = {0};

	if (!s->send_packed[kind])
		return;
	if (kind)
		av1_header_write(&o, &s->header, &s->sequence, s->size_bytes);
	else
		av1_sequence_write(&o, &s->sequence, 1);
	p.bit_length = (uint32_t)((int)o.n + s->packed_bits[kind]);
	out_reserve(&o, 64);
	batch_add(a->r, b, VAEncPackedHeaderParameterBufferType, sizeof(p), &p);
	batch_add(a->r, b, VAEncPackedHeaderDataBufferType, (unsigned)(o.n + 15) / 8, o.p);
	out_free(&o);
}

VAStatus av1_rig_send(struct av1_rig *a, struct av1_shot *s, struct out *out)
{
	const size_t before = out ? out->n : 0;
	struct batch b = {.status = VA_STATUS_SUCCESS};
	VAStatus status;

	if (out && !(s->key && !s->send_packed[0])) /* else the driver writes it */
		out_put(out, 16, 0x1200);
	if (s->send_seq)
		batch_add(a->r, &b, VAEncSequenceParameterBufferType, sizeof(s->seq), &s->seq);
	if (s->send_pic)
		batch_add(a->r, &b, VAEncPictureParameterBufferType, sizeof(s->pic), &s->pic);
	add_packed(a, s, &b, s->header_first);
	add_packed(a, s, &b, !s->header_first);
	for (unsigned n = 0; n < s->n_groups; n++)
		batch_add(a->r, &b, VAEncSliceParameterBufferType, sizeof(s->group[n]), &s->group[n]);
	status = batch_run(a->r, &b, s->pic.coded_buf, out);
	if (status != VA_STATUS_SUCCESS) {
		if (out)
			out->n = before;
		return status;
	}
	for (unsigned i = 0; i < RIG_REFS; i++)
		if (s->pic.refresh_frame_flags >> i & 1) {
			a->slot[i] = s->pic.reconstructed_frame;
			a->number[i] = a->frame;
		}
	a->frame++;
	return status;
}
