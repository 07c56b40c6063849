// SPDX-License-Identifier: GPL-3.0-or-later
/* Headers and slices of an HEVC picture: the packed ones against the parameters, and the slices against the picture. */
#include "hevc_job.h"

#include <stdlib.h>
#include <string.h>

static VAStatus wrong(struct context *c, const char *why)
{
	return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s", why);
}

static VAStatus take_vps(struct hevc_job *j, struct bits *b)
{
	struct hevc_vps vps;
	const char *why = j->p->seq ? hevc_vps_parse(&vps, b) : "a packed VPS without sequence parameters";
	VAStatus status = why ? wrong(j->c, why) : hevc_same_vps(j->c, j->p->seq, &vps);

	if (status == VA_STATUS_SUCCESS) {
		j->x->vps = vps;
		j->vps_sent = true;
	}
	return status;
}

static VAStatus take_sps(struct hevc_job *j, struct bits *b)
{
	struct hevc_sps sps;
	const char *why = j->p->seq ? hevc_sps_parse(&sps, b) : "a packed SPS without sequence parameters";
	VAStatus status;

	if (!why && !j->vps_sent)
		why = "a packed SPS without a VPS before it";
	status = why ? wrong(j->c, why) : hevc_same_sps(j->c, j->p->seq, &sps, &j->x->vps);
	if (status == VA_STATUS_SUCCESS) {
		j->x->sps = sps;
		j->sps_sent = true;
	}
	return status;
}

static VAStatus take_pps(struct hevc_job *j, struct bits *b)
{
	const char *why = hevc_pps_parse(&j->pps, b);
	VAStatus status;

	if (!why && j->pps.sps_id != j->x->sps.id)
		why = "PPS: pps_seq_parameter_set_id is another SPS";
	status = why ? wrong(j->c, why) : hevc_same_pps(j->c, j->pic, &j->pps);
	if (status == VA_STATUS_SUCCESS) {
		j->x->pps[j->pps.id] = j->pps;
		j->x->have_pps[j->pps.id] = true;
		j->pps_sent = true;
	}
	return status;
}

/* Checks a packed header that stands before the slices and appends it to the lead as the stream has it. */
static VAStatus lead_one(void *of, const struct item *i)
{
	static const uint8_t rank_of[64] = {
		[HEVC_AUD] = 1, [HEVC_VPS] = 2, [HEVC_SPS] = 3, [HEVC_PPS] = 4, [HEVC_SEI] = 5};
	struct hevc_job *j = of;
	struct context *c = j->c;
	uint8_t *rbsp = malloc(i->size);
	VAStatus status = VA_STATUS_SUCCESS;
	const bool lax = c->d->q.lax;
	const char *why;
	struct bits b;
	unsigned type;

	if (!rbsp)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	why = packed_open(i, rbsp, &b);
	if (!why && (b.n % 8 || b.n < 24))
		why = "packed header: a whole NAL unit does not end inside a byte";
	if (!why && (rbsp[0] & 0x81 || rbsp[1] != 1))
		why = "packed header: NAL header of a layer or sub-layer";
	type = why ? 0 : rbsp[0] >> 1;
	if (why)
		status = wrong(c, why);
	else if (i->type == VAEncPackedHeaderSequence && type == HEVC_VPS)
		status = take_vps(j, &b);
	else if (i->type == VAEncPackedHeaderSequence && type == HEVC_SPS)
		status = take_sps(j, &b);
	else if ((i->type == VAEncPackedHeaderPicture || lax) && type == HEVC_PPS)
		status = take_pps(j, &b);
	else if (i->type != VAEncPackedHeaderRawData || (type != HEVC_AUD && type != HEVC_SEI))
		status = rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			      "packed header of type %u holds nal_unit_type %u", i->type, type);
	if (status == VA_STATUS_SUCCESS && rank_of[type] < j->order)
		status = wrong(c, "packed headers: the order is access unit delimiter, VPS, SPS, PPS, SEI");
	j->order = rank_of[type];
	if (status == VA_STATUS_SUCCESS)
		nal_append(&j->lead, rbsp, b.n / 8);
	free(rbsp);
	return status;
}

static void lead_own(struct hevc_job *j, struct out *o)
{
	nal_append(&j->lead, o->p, o->n / 8);
	j->lead.err |= o->err;
	out_free(o);
}

/* Those that the driver writes itself. */
static void own_sets(struct hevc_job *j)
{
	struct hevc *x = j->x;
	struct out o = {0};

	if (!j->sps_sent) {
		hevc_sps_of(&x->sps, j->p->seq, j->c->d->q.refs & 0xffff);
		x->sps.window[1] = (x->sps.width - j->c->width) / hevc_sub(&x->sps);
		x->sps.window[3] = (x->sps.height - j->c->height) / hevc_sub(&x->sps);
		x->sps.cropped = x->sps.window[1] || x->sps.window[3];
		hevc_vps_of(&x->vps, &x->sps);
		hevc_vps_write(&o, &x->vps);
		lead_own(j, &o);
		hevc_sps_write(&o, &x->sps);
		lead_own(j, &o);
	}
	if (!j->pps_sent) {
		hevc_pps_of(&j->pps, j->pic);
		if (j->c->d->q.no_own_pps) {
			/* The application's, which says no more than the parameters do. */
			j->pps.slice_chroma = j->pps.deblock_control = j->pps.deblock_override = false;
		} else {
			hevc_pps_write(&o, &j->pps);
			lead_own(j, &o);
		}
		x->pps[j->pps.id] = j->pps;
		x->have_pps[j->pps.id] = true;
	}
}

VAStatus hevc_heads(struct hevc_job *j)
{
	struct context *c = j->c;
	struct hevc *x = j->x;
	const VAEncSequenceParameterBufferHEVC *q = j->p->seq;
	const bool idr = j->pic->pic_fields.bits.idr_pic_flag;
	VAStatus status = VA_STATUS_SUCCESS;

	if (j->pic->slice_pic_parameter_set_id >= HEVC_PPS_MAX)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice_pic_parameter_set_id %u",
			    j->pic->slice_pic_parameter_set_id);
	if (idr && !q)
		return wrong(c, "an IDR picture without sequence parameters");
	if (!idr && q)
		return wrong(c, "sequence parameters of a picture that is no IDR");
	if (!idr && !x->have_sps)
		return wrong(c, "no sequence parameters yet");
	if (q)
		status = hevc_check_seq(c, q);
	if (status != VA_STATUS_SUCCESS)
		return status;
	if (q && q->bits_per_second && !c->rate.bits_per_second)
		c->rate.bits_per_second = q->bits_per_second;
	for (unsigned i = 0; i < j->p->n_packed; i++) {
		status = packed_each(c, j->p->packed[i], lead_one, j);
		if (status != VA_STATUS_SUCCESS)
			return status;
	}
	if (idr && c->config->packed & VA_ENC_PACKED_HEADER_SEQUENCE && !(j->vps_sent && j->sps_sent))
		return wrong(c, "the config has packed sequence headers, the IDR picture lacks one");
	if (idr && c->config->packed & VA_ENC_PACKED_HEADER_PICTURE && !j->pps_sent)
		return wrong(c, "the config has packed picture headers, the IDR picture has none");
	if (idr)
		own_sets(j);
	x->have_sps = true;
	if (!idr && !j->pps_sent) {
		if (!x->have_pps[j->pic->slice_pic_parameter_set_id])
			return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "PPS %u was never sent",
				    j->pic->slice_pic_parameter_set_id);
		j->pps = x->pps[j->pic->slice_pic_parameter_set_id];
		status = hevc_same_pps(c, j->pic, &j->pps);
	}
	return status == VA_STATUS_SUCCESS ? hevc_check_pic(c, j->pic, &x->sps) : status;
}

static VAStatus slice_params(struct hevc_job *j, unsigned n)
{
	const VAEncSliceParameterBufferHEVC *s = j->p->slice[n].param;
	const unsigned inter = j->c->d->q.both_lists ? HEVC_B : HEVC_P;
	struct driver *d = j->c->d;

	if (s->slice_type != HEVC_I && s->slice_type != inter)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice_type %u: I and %s are offered", s->slice_type,
			    inter == HEVC_B ? "B" : "P");
	if ((s->slice_type == HEVC_I) != (j->pic->pic_fields.bits.coding_type == 1))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice_type %u in a picture of coding_type %u",
			    s->slice_type, j->pic->pic_fields.bits.coding_type);
	if (s->slice_fields.bits.last_slice_of_pic_flag != (n + 1 == j->p->n_slices))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice %u: last_slice_of_pic_flag %u", n,
			    s->slice_fields.bits.last_slice_of_pic_flag);
	if (s->slice_fields.bits.dependent_slice_segment_flag || s->slice_fields.bits.colour_plane_id ||
	    s->slice_fields.bits.slice_temporal_mvp_enabled_flag || s->slice_fields.bits.slice_sao_luma_flag ||
	    s->slice_fields.bits.slice_sao_chroma_flag)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice_fields %#x: something that is not offered",
			    s->slice_fields.value);
	if (s->slice_type != HEVC_I && (s->max_num_merge_cand < 1 || s->max_num_merge_cand > 5))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "max_num_merge_cand %u", s->max_num_merge_cand);
	if (s->num_ref_idx_l0_active_minus1 > 14 || s->num_ref_idx_l1_active_minus1 > 14 ||
	    (!s->slice_fields.bits.num_ref_idx_active_override_flag && s->slice_type != HEVC_I &&
	     s->num_ref_idx_l0_active_minus1 != j->pic->num_ref_idx_l0_default_active_minus1))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "num_ref_idx_l0_active_minus1 %u",
			    s->num_ref_idx_l0_active_minus1);
	if (s->slice_pic_parameter_set_id != j->pic->slice_pic_parameter_set_id)
		return wrong(j->c, "slice and picture name different PPS");
	if (s->slice_beta_offset_div2 < -6 || s->slice_beta_offset_div2 > 6 || s->slice_tc_offset_div2 < -6 ||
	    s->slice_tc_offset_div2 > 6)
		return wrong(j->c, "slice: deblocking offsets");
	if (j->pps.init_qp + s->slice_qp_delta < 0 || j->pps.init_qp + s->slice_qp_delta > 51)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice_qp_delta %d", s->slice_qp_delta);
	for (size_t i = 0; i < sizeof(s->va_reserved) / sizeof(*s->va_reserved); i++)
		if (s->va_reserved[i])
			return wrong(j->c, "slice parameters: reserved bytes");
	return VA_STATUS_SUCCESS;
}

static VAStatus header_of(struct hevc_job *j, unsigned n)
{
	const VAEncSliceParameterBufferHEVC *s = j->p->slice[n].param;
	const struct item *i = j->p->slice[n].packed;
	struct hevc_header *h = &j->header[n];
	const char *why;
	uint8_t *rbsp;
	struct bits b;

	if (!i) {
		hevc_header_of(h, j->pic, s, &j->x->sps, &j->pps);
		return VA_STATUS_SUCCESS;
	}
	rbsp = malloc(i->size);
	if (!rbsp)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	why = packed_open(i, rbsp, &b);
	if (!why)
		why = hevc_header_parse(h, &b, &j->x->sps, &j->pps);
	free(rbsp);
	return why ? wrong(j->c, why) : hevc_same_header(j->c, j->pic, s, &j->x->sps, &j->pps, h);
}

/* Every coding tree block once; all headers of one picture. */
VAStatus hevc_slices_fit(struct hevc_job *j)
{
	const uint32_t total = hevc_ctbs(&j->x->sps);
	uint32_t at = 0;

	if (j->p->n_slices > HEVC_SLICES_MAX)
		return wrong(j->c, "more slices than this driver has room for");
	for (unsigned n = 0; n < j->p->n_slices; n++) {
		const VAEncSliceParameterBufferHEVC *s = j->p->slice[n].param;
		const struct hevc_header *h = &j->header[n], *f = &j->header[0];
		VAStatus status = slice_params(j, n);

		if (status == VA_STATUS_SUCCESS)
			status = header_of(j, n);
		if (status != VA_STATUS_SUCCESS)
			return status;
		if (s->slice_segment_address != at || !s->num_ctu_in_slice || s->num_ctu_in_slice > total - at)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "slice %u covers %u+%u, the next coding tree block is %u of %u", n,
				    s->slice_segment_address, s->num_ctu_in_slice, at, total);
		at += s->num_ctu_in_slice;
		if (h->first != (n == 0))
			return wrong(j->c, "first_slice_segment_in_pic_flag");
		if (h->nal_type != f->nal_type || h->poc_lsb != f->poc_lsb || h->no_output != f->no_output ||
		    h->n_rps != f->n_rps || memcmp(h->rps, f->rps, sizeof(h->rps)) != 0)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "slice %u is of another picture than slice 0", n);
	}
	if (at != total)
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "slices cover %u of %u coding tree blocks", at,
			    total);
	return VA_STATUS_SUCCESS;
}
