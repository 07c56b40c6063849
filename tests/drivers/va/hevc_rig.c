// SPDX-License-Identifier: GPL-3.0-or-later
#include "hevc_rig.h"

#include <string.h>

/* The n-th newest, -1 if there is none. */
static int newest(const struct hevc_rig *h, unsigned n)
{
	int best = -1;

	for (unsigned seen = 0; seen <= n; seen++) {
		int next = -1;

		for (unsigned i = 0; i < RIG_REFS; i++)
			if (h->ref[i].used && (best < 0 || h->ref[i].poc < h->ref[best].poc) &&
			    (next < 0 || h->ref[i].poc > h->ref[next].poc))
				next = (int)i;
		if (next < 0)
			return -1;
		best = next;
	}
	return best;
}

static unsigned kept(const struct hevc_rig *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RIG_REFS; i++)
		n += h->ref[i].used;
	return n;
}

void hevc_rig_long_term(struct hevc_rig *h)
{
	if (kept(h))
		h->ref[newest(h, kept(h) - 1)].is_long = true;
}

static VASurfaceID free_surface(const struct hevc_rig *h)
{
	for (unsigned k = 0; k < RIG_REFS + 2; k++) {
		bool taken = false;

		for (unsigned i = 0; i < RIG_REFS; i++)
			taken |= h->ref[i].used && h->ref[i].surface == h->r->recon[k];
		if (!taken)
			return h->r->recon[k];
	}
	return VA_INVALID_SURFACE;
}

static VAPictureHEVC no_picture(void)
{
	return (VAPictureHEVC){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_HEVC_INVALID};
}

static VAPictureHEVC picture_of(const struct hevc_rig_ref *ref, bool used)
{
	VAPictureHEVC v = {.picture_id = ref->surface, .pic_order_cnt = ref->poc};

	v.flags = ref->is_long ? VA_PICTURE_HEVC_LONG_TERM_REFERENCE : 0;
	if (used)
		v.flags |= ref->is_long ? VA_PICTURE_HEVC_RPS_LT_CURR : VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE;
	return v;
}

static void set_sequence(const struct rig *r, VAEncSequenceParameterBufferHEVC *q)
{
	const struct hevc_format *f = hevc_format_of(r->profile);

	*q = (VAEncSequenceParameterBufferHEVC){.general_level_idc = 93,
						.ip_period = 1,
						.bits_per_second = r->rc == VA_RC_CQP ? 0 : r->bits_per_second,
						.pic_width_in_luma_samples = (uint16_t)((r->width + 15) & ~15u),
						.pic_height_in_luma_samples = (uint16_t)((r->height + 15) & ~15u),
						.log2_min_luma_coding_block_size_minus3 = 1,
						.log2_diff_max_min_luma_coding_block_size = 1,
						.log2_diff_max_min_transform_block_size = 3,
						.max_transform_hierarchy_depth_inter = 2,
						.max_transform_hierarchy_depth_intra = 1};
	q->general_profile_idc = (uint8_t)f->profile_idc;
	q->seq_fields.bits.chroma_format_idc = f->chroma_format & 3;
	q->seq_fields.bits.bit_depth_luma_minus8 = (f->depth - 8) & 7;
	q->seq_fields.bits.bit_depth_chroma_minus8 = (f->depth - 8) & 7;
	q->seq_fields.bits.amp_enabled_flag = 1;
	q->seq_fields.bits.strong_intra_smoothing_enabled_flag = 1;
	q->vui_parameters_present_flag = 1;
	q->vui_fields.bits.vui_timing_info_present_flag = 1;
	q->vui_fields.bits.bitstream_restriction_flag = 1;
	q->vui_num_units_in_tick = 1;
	q->vui_time_scale = 60;
}

static void set_picture(const struct hevc_rig *h, struct hevc_shot *s, int of)
{
	VAEncPictureParameterBufferHEVC *p = &s->pic;
	unsigned n = 0;

	*p = (VAEncPictureParameterBufferHEVC){
		.decoded_curr_pic = {.picture_id = free_surface(h), .pic_order_cnt = h->poc},
		.coded_buf = h->r->coded,
		.collocated_ref_pic_index = 0xff,
		.pic_init_qp = 24,
		.nal_unit_type = s->idr ? HEVC_IDR_W_RADL : HEVC_TRAIL_R};
	for (unsigned i = 0; i < RIG_REFS; i++)
		if (h->ref[i].used && !s->idr)
			p->reference_frames[n++] = picture_of(&h->ref[i], (int)i == of);
	while (n < 15)
		p->reference_frames[n++] = no_picture();
	p->pic_fields.bits.idr_pic_flag = s->idr;
	p->pic_fields.bits.coding_type = s->idr ? 1 : h->both_lists ? 3 : 2;
	p->pic_fields.bits.reference_pic_flag = 1;
	p->pic_fields.bits.cu_qp_delta_enabled_flag = 1;
	p->pic_fields.bits.pps_loop_filter_across_slices_enabled_flag = 1;
}

void hevc_rig_shot(struct hevc_rig *h, struct hevc_shot *s, bool idr, unsigned ref)
{
	const struct rig *r = h->r;
	unsigned wide, rows, row = 0;
	int of;

	*s = (struct hevc_shot){.idr = idr, .send_seq = idr, .send_pic = true, .packed_type = {1, 1, 2, 3}};
	if (idr) {
		h->poc = 0;
		memset(h->ref, 0, sizeof(h->ref));
	}
	s->send_packed[0] = s->send_packed[1] = idr && r->packed & VA_ENC_PACKED_HEADER_SEQUENCE;
	s->send_packed[2] = idr && r->packed & VA_ENC_PACKED_HEADER_PICTURE;
	s->send_packed[3] = r->packed & VA_ENC_PACKED_HEADER_SLICE;
	set_sequence(r, &s->seq);
	of = newest(h, ref);
	if (of < 0)
		of = newest(h, 0);
	set_picture(h, s, of);
	s->n_slices = r->slices;
	wide = (s->seq.pic_width_in_luma_samples + 31u) / 32;
	rows = (s->seq.pic_height_in_luma_samples + 31u) / 32;
	for (unsigned n = 0; n < s->n_slices; n++) {
		VAEncSliceParameterBufferHEVC *v = &s->slice[n];
		unsigned end = rows * (n + 1) / s->n_slices;

		*v = (VAEncSliceParameterBufferHEVC){.slice_segment_address = row * wide,
						     .num_ctu_in_slice = (end - row) * wide,
						     .slice_type = idr             ? HEVC_I
								   : h->both_lists ? HEVC_B
										   : HEVC_P,
						     .max_num_merge_cand = 5};
		v->slice_fields.bits.last_slice_of_pic_flag = n + 1 == s->n_slices;
		v->slice_fields.bits.slice_loop_filter_across_slices_enabled_flag = n % 2 == 0;
		v->slice_fields.bits.slice_deblocking_filter_disabled_flag = !r->deblock;
		if (!r->deblock)
			v->slice_fields.bits.slice_loop_filter_across_slices_enabled_flag = 0;
		for (unsigned i = 0; i < 15; i++)
			v->ref_pic_list0[i] = v->ref_pic_list1[i] = no_picture();
		if (!idr && of >= 0)
			v->ref_pic_list0[0] = picture_of(&h->ref[of], true);
		if (!idr && of >= 0 && h->both_lists)
			v->ref_pic_list1[0] = v->ref_pic_list0[0];
		row = end;
	}
	hevc_shot_headers(s);
	s->sps.cropped = r->width % 16 || r->height % 16;
	s->sps.window[1] = (s->sps.width - r->width) / hevc_sub(&s->sps);
	s->sps.window[3] = (s->sps.height - r->height) / hevc_sub(&s->sps);
}

void hevc_shot_headers(struct hevc_shot *s)
{
	hevc_sps_of(&s->sps, &s->seq, RIG_REFS);
	hevc_vps_of(&s->vps, &s->sps);
	hevc_pps_of(&s->pps, &s->pic);
	for (unsigned n = 0; n < s->n_slices; n++)
		hevc_header_of(&s->header[n], &s->pic, &s->slice[n], &s->sps, &s->pps);
}

/* What a decoder keeps with this picture, one fewer than it has room for. */
static void move_on(struct hevc_rig *h, const struct hevc_shot *s)
{
	if (kept(h) == RIG_REFS) {
		unsigned back = RIG_REFS - 1;

		/* A long-term picture stays for a while. */
		if (s->keep_long && h->ref[newest(h, back)].is_long)
			back--;
		h->ref[newest(h, back)].used = false;
	}
	for (unsigned i = 0; i < RIG_REFS; i++)
		if (!h->ref[i].used) {
			h->ref[i] = (struct hevc_rig_ref){
				.surface = s->pic.decoded_curr_pic.picture_id, .poc = h->poc, .used = true};
			break;
		}
	h->poc++;
}

static void add_packed(struct hevc_rig *h, struct hevc_shot *s, struct batch *b, unsigned kind, struct out *rbsp)
{
	VAEncPackedHeaderParameterBuffer p = {.type = s->packed_type[kind], .has_emulation_bytes = 1};
	struct out o = {0};

	if (s->send_packed[kind]) {
		nal_append(&o, rbsp->p, rbsp->n / 8);
		p.bit_length = (uint32_t)((int)o.n + s->packed_bits[kind]);
		out_reserve(&o, 64);
		batch_add(h->r, b, VAEncPackedHeaderParameterBufferType, sizeof(p), &p);
		batch_add(h->r, b, VAEncPackedHeaderDataBufferType, (unsigned)(o.n + 15) / 8, o.p);
	}
	out_free(&o);
	out_free(rbsp);
}

VAStatus hevc_rig_send(struct hevc_rig *h, struct hevc_shot *s, struct out *out)
{
	struct batch b = {.status = VA_STATUS_SUCCESS};
	struct out set = {0};
	VAStatus status;

	if (s->send_seq)
		batch_add(h->r, &b, VAEncSequenceParameterBufferType, sizeof(s->seq), &s->seq);
	if (s->send_pic)
		batch_add(h->r, &b, VAEncPictureParameterBufferType, sizeof(s->pic), &s->pic);
	for (unsigned i = 0; i < 2; i++) {
		if (i == s->sps_first)
			hevc_vps_write(&set, &s->vps);
		else
			hevc_sps_write(&set, &s->sps);
		add_packed(h, s, &b, i ^ s->sps_first, &set);
	}
	hevc_pps_write(&set, &s->pps);
	add_packed(h, s, &b, 2, &set);
	for (unsigned n = 0; n < s->n_slices; n++) {
		hevc_header_write(&set, &s->header[n], &s->sps, &s->pps);
		add_packed(h, s, &b, 3, &set);
		batch_add(h->r, &b, VAEncSliceParameterBufferType, sizeof(s->slice[n]), &s->slice[n]);
	}
	status = batch_run(h->r, &b, s->pic.coded_buf, out);
	if (status == VA_STATUS_SUCCESS)
		move_on(h, s);
	return status;
}
