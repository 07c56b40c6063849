// SPDX-License-Identifier: GPL-3.0-or-later
/* Headers and slices of an H.264 picture: the packed ones against the parameters, and the slices against the
 * picture. */
#include "h264_job.h"

#include <stdlib.h>
#include <string.h>

static VAStatus wrong(struct context *c, const char *why)
{
	return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s", why);
}

/* Checks a packed header that stands before the slices and appends it to the lead as the stream has it. */
static VAStatus lead_one(void *of, const struct item *i)
{
	struct job *j = of;
	static const uint8_t rank_of[16] = {[9] = 1, [7] = 2, [8] = 3, [6] = 4};
	struct context *c = j->c;
	struct h264 *x = j->x;
	uint8_t *rbsp = malloc(i->size);
	const char *why = NULL;
	VAStatus status = VA_STATUS_SUCCESS;
	struct h264_sps sps;
	struct bits b;
	unsigned type, rank;
	uint32_t kind;

	if (!rbsp)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	why = packed_open(i, rbsp, &b);
	type = why ? 0 : rbsp[0] & 31;
	kind = c->d->q.lax && type == 8 ? VAEncPackedHeaderPicture : i->type;
	rank = type < 16 ? rank_of[type] : 0;
	if (!why && b.n % 8)
		why = "packed header: a whole NAL unit does not end inside a byte";
	if (!why && kind == VAEncPackedHeaderSequence && type == 7) {
		if (!j->p->seq)
			why = "a packed SPS without sequence parameters";
		else
			why = h264_sps_parse(&sps, &b);
		if (!why)
			status = h264_same_sps(c, j->p->seq, &sps);
		if (!why && status == VA_STATUS_SUCCESS)
			x->sps = sps;
	} else if (!why && kind == VAEncPackedHeaderPicture && type == 8) {
		why = h264_pps_parse(&j->pps, &b);
		if (!why)
			status = h264_same_pps(c, j->pic, &j->pps);
		if (!why && status == VA_STATUS_SUCCESS) {
			x->pps[j->pps.id] = j->pps;
			x->have_pps[j->pps.id] = true;
			j->pps_sent = true;
		}
	} else if (!why && i->type == VAEncPackedHeaderRawData && (type == 6 || type == 9)) {
		if (b.n < 16 || !(rbsp[b.n / 8 - 1]))
			why = "packed raw data: it does not end with trailing bits";
	} else if (!why) {
		status = rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			      "packed header of type %u holds nal_unit_type %u", i->type, type);
	}
	if (!why && status == VA_STATUS_SUCCESS && rank < j->order)
		why = "packed headers: the order is access unit delimiter, SPS, PPS, SEI";
	j->order = rank;
	if (!why && status == VA_STATUS_SUCCESS)
		nal_append(&j->lead, rbsp, b.n / 8);
	free(rbsp);
	return why ? wrong(c, why) : status;
}

VAStatus h264_heads(struct job *j)
{
	struct context *c = j->c;
	struct h264 *x = j->x;
	const VAEncSequenceParameterBufferH264 *q = j->p->seq;
	const bool idr = j->pic->pic_fields.bits.idr_pic_flag;
	const uint32_t packed = c->config->packed;
	bool sps = false, pps = false;
	VAStatus status;

	if (idr && !q)
		return wrong(c, "an IDR picture without sequence parameters");
	if (!idr && !x->have_sps)
		return wrong(c, "no sequence parameters yet");
	if (q) {
		status = h264_check_seq(c, q);
		if (status != VA_STATUS_SUCCESS)
			return status;
		if (q->bits_per_second && !c->rate.bits_per_second)
			c->rate.bits_per_second = q->bits_per_second;
	}
	for (unsigned i = 0; i < j->p->n_packed; i++) {
		sps |= j->p->packed[i]->type == VAEncPackedHeaderSequence;
		pps |= j->p->packed[i]->type == VAEncPackedHeaderPicture;
	}
	if (idr && packed & VA_ENC_PACKED_HEADER_SEQUENCE && !sps)
		return wrong(c, "the config has packed sequence headers, the IDR picture has none");
	if (idr && packed & VA_ENC_PACKED_HEADER_PICTURE && !pps && !c->d->q.lax)
		return wrong(c, "the config has packed picture headers, the IDR picture has none");
	for (unsigned i = 0; i < j->p->n_packed; i++) {
		status = packed_each(c, j->p->packed[i], lead_one, j);
		if (status != VA_STATUS_SUCCESS)
			return status;
	}
	pps |= j->pps_sent;
	if (q && !sps && idr) {
		struct out o = {0};

		h264_sps_of(&x->sps, c->config->profile, q);
		h264_sps_write(&o, &x->sps);
		nal_append(&j->lead, o.p, o.n / 8);
		out_free(&o);
	}
	x->have_sps = true;
	if (!pps && idr) {
		struct out o = {0};

		h264_pps_of(&j->pps, j->pic);
		h264_pps_write(&o, &j->pps);
		if (!c->d->q.no_own_pps)
			nal_append(&j->lead, o.p, o.n / 8);
		out_free(&o);
		x->pps[j->pps.id] = j->pps;
		x->have_pps[j->pps.id] = true;
	} else if (!pps) {
		if (!x->have_pps[j->pic->pic_parameter_set_id])
			return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "PPS %u was never sent",
				    j->pic->pic_parameter_set_id);
		j->pps = x->pps[j->pic->pic_parameter_set_id];
		status = h264_same_pps(c, j->pic, &j->pps);
		if (status != VA_STATUS_SUCCESS)
			return status;
	}
	return h264_check_pic(c, j->pic, &x->sps);
}

static VAStatus header_of(struct job *j, unsigned n)
{
	const VAEncSliceParameterBufferH264 *s = j->p->slice[n].param;
	const struct item *i = j->p->slice[n].packed;
	struct h264_header *h = &j->header[n];
	const char *why;
	uint8_t *rbsp;
	struct bits b;

	if (s->slice_type % 5 != 0 && s->slice_type % 5 != 2)
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "slice_type %u: P and I are offered",
			    s->slice_type);
	if (!i) {
		h264_header_of(h, j->pic, s, &j->x->sps, &j->pps);
		return VA_STATUS_SUCCESS;
	}
	rbsp = malloc(i->size);
	if (!rbsp)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	why = packed_open(i, rbsp, &b);
	if (!why)
		why = h264_header_parse(h, &b, &j->x->sps, &j->pps);
	if (why && j->c->d->q.lax && j->pps.cabac && !b.err && b.n % 8 == 0 && b.n - b.at < 8)
		why = NULL; /* cabac_alignment_one_bit, which is slice_data() */
	free(rbsp);
	return why ? wrong(j->c, why) : h264_same_header(j->c, j->pic, s, &j->x->sps, &j->pps, h);
}

/* Every macroblock once; all headers of a picture of one picture. */
VAStatus h264_slices_fit(struct job *j)
{
	const uint32_t total = j->x->sps.width_mbs * j->x->sps.height_mbs;
	uint32_t at = 0;

	if (j->p->n_slices > H264_SLICES_MAX)
		return wrong(j->c, "more slices than this driver has room for");
	for (unsigned n = 0; n < j->p->n_slices; n++) {
		const VAEncSliceParameterBufferH264 *s = j->p->slice[n].param;
		VAStatus status = header_of(j, n);
		const struct h264_header *h = &j->header[n], *f = &j->header[0];

		if (status != VA_STATUS_SUCCESS)
			return status;
		if (s->macroblock_address != at || !s->num_macroblocks || s->num_macroblocks > total - at)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "slice %u covers %u+%u, the next macroblock is %u of %u", n, s->macroblock_address,
				    s->num_macroblocks, at, total);
		at += s->num_macroblocks;
		if (s->macroblock_info != VA_INVALID_ID)
			return wrong(j->c, "macroblock_info is not offered");
		if (s->pic_parameter_set_id != j->pic->pic_parameter_set_id)
			return wrong(j->c, "slice and picture name different PPS");
		if (h->frame_num != f->frame_num || h->nal_type != f->nal_type || h->ref_idc != f->ref_idc ||
		    h->poc_lsb != f->poc_lsb || h->idr_id != f->idr_id || h->adaptive != f->adaptive ||
		    h->n_mmco != f->n_mmco || memcmp(h->mmco, f->mmco, sizeof(h->mmco)) != 0 ||
		    h->long_term != f->long_term)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "slice %u is of another picture than slice 0", n);
	}
	if (at != total)
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "slices cover %u of %u macroblocks", at, total);
	if (j->header[0].nal_type == 5) {
		if (j->x->after_idr && j->x->last_idr_id == j->header[0].idr_id)
			return wrong(j->c, "two IDR pictures in a row with the same idr_pic_id");
		j->x->last_idr_id = j->header[0].idr_id;
	}
	return VA_STATUS_SUCCESS;
}
