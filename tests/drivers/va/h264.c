// SPDX-License-Identifier: GPL-3.0-or-later
/* An H.264 picture: headers, references and slices checked, then encoded from the list the header says. */
#include "h264.h"

#include <stdlib.h>
#include <string.h>

#define SLICES_MAX 256u

struct h264 {
	bool have_sps, have_pps[256];
	struct h264_sps sps;
	struct h264_pps pps[256];
	struct h264_dpb dpb;
	uint64_t serial;
	uint32_t last_idr_id;
	bool after_idr;
	struct h264_mb *mb;
	uint8_t *luma, *chroma; /* the source, padded */
	size_t room;            /* in macroblocks */
};

/* Of the picture at hand. */
struct job {
	struct context *c;
	struct h264 *x;
	const struct picture *p;
	const VAEncPictureParameterBufferH264 *pic;
	struct h264_dpb dpb;
	struct h264_pps pps;
	bool pps_sent;
	struct h264_header header[SLICES_MAX];
	const struct recon *ref[SLICES_MAX];
	struct surface *recon;
	int poc;
	struct out lead; /* what stands before the slices */
};

static VAStatus wrong(struct context *c, const char *why)
{
	return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s", why);
}

static VAStatus create(struct context *c)
{
	c->priv = calloc(1, sizeof(struct h264));
	return c->priv ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_ALLOCATION_FAILED;
}

static void destroy(struct context *c)
{
	struct h264 *x = c->priv;

	free(x->mb);
	free(x->luma);
	free(x->chroma);
	free(x);
}

static VABufferID coded_buf(const void *pic)
{
	return ((const VAEncPictureParameterBufferH264 *)pic)->coded_buf;
}

/* A packed header without start code and emulation prevention; checks both. *to has room for i->size. */
static const char *packed_open(const struct item *i, uint8_t *to, struct bits *b)
{
	const uint8_t *p = i->data;
	size_t bytes = (i->bit_length + 7u) / 8u, zeros = 0, len;

	while (zeros < bytes && !p[zeros])
		zeros++;
	if (zeros < 2 || zeros > 3 || zeros + 1 >= bytes || p[zeros] != 1)
		return "packed header: no start code at its beginning";
	p += zeros + 1;
	bytes -= zeros + 1;
	for (size_t k = 2; k < bytes; k++)
		if (i->has_emulation && !p[k - 2] && !p[k - 1] && p[k] < 3)
			return "packed header: has_emulation_bytes, and a start code inside";
	if (i->has_emulation) {
		len = unescape(to, p, bytes);
	} else {
		memcpy(to, p, bytes);
		len = bytes;
	}
	*b = (struct bits){.p = to, .n = i->bit_length - (zeros + 1) * 8 - (bytes - len) * 8};
	return NULL;
}

/* Checks a packed header that stands before the slices and appends it to the lead as the stream has it. */
static VAStatus lead_one(struct job *j, const struct item *i, unsigned *order)
{
	static const uint8_t rank_of[16] = {[9] = 1, [7] = 2, [8] = 3, [6] = 4};
	struct context *c = j->c;
	struct h264 *x = j->x;
	uint8_t *rbsp = malloc(i->size);
	const char *why = NULL;
	VAStatus status = VA_STATUS_SUCCESS;
	struct h264_sps sps;
	struct bits b;
	unsigned type, rank;

	if (!rbsp)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	why = packed_open(i, rbsp, &b);
	type = why ? 0 : rbsp[0] & 31;
	rank = type < 16 ? rank_of[type] : 0;
	if (!why && b.n % 8)
		why = "packed header: a whole NAL unit does not end inside a byte";
	if (!why && i->type == VAEncPackedHeaderSequence && type == 7) {
		if (!j->p->seq)
			why = "a packed SPS without sequence parameters";
		else
			why = h264_sps_parse(&sps, &b);
		if (!why)
			status = h264_same_sps(c, j->p->seq, &sps);
		if (!why && status == VA_STATUS_SUCCESS)
			x->sps = sps;
	} else if (!why && i->type == VAEncPackedHeaderPicture && type == 8) {
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
	if (!why && status == VA_STATUS_SUCCESS && rank < *order)
		why = "packed headers: the order is access unit delimiter, SPS, PPS, SEI";
	*order = rank;
	if (!why && status == VA_STATUS_SUCCESS)
		nal_append(&j->lead, rbsp, b.n / 8);
	free(rbsp);
	return why ? wrong(c, why) : status;
}

/* One unit each, as the API says; "lax" takes several in one, which libavcodec sends. */
static VAStatus lead_take(struct job *j, const struct item *i, unsigned *order)
{
	const uint8_t *p = i->data;
	const size_t bytes = i->bit_length / 8u;
	VAStatus status = VA_STATUS_SUCCESS;

	if (!j->c->d->q.lax || !i->has_emulation || i->bit_length % 8)
		return lead_one(j, i, order);
	for (size_t at = 0, next; at < bytes && status == VA_STATUS_SUCCESS; at = next) {
		struct item part = *i;

		for (next = at + 4; next < bytes; next++)
			if (next + 4 <= bytes && !p[next] && !p[next + 1] &&
			    (p[next + 2] == 1 || (!p[next + 2] && p[next + 3] == 1)))
				break;
		part.data = p + at;
		part.bit_length = (uint32_t)(next - at) * 8;
		part.size = next - at;
		if (at + 4 < bytes && i->type != VAEncPackedHeaderRawData)
			part.type =
				(p[at + 2] == 1 ? p[at + 3] : p[at + 4]) % 32 == 8 ? VAEncPackedHeaderPicture : i->type;
		status = lead_one(j, &part, order);
	}
	return status;
}

static VAStatus heads(struct job *j)
{
	struct context *c = j->c;
	struct h264 *x = j->x;
	const VAEncSequenceParameterBufferH264 *q = j->p->seq;
	const bool idr = j->pic->pic_fields.bits.idr_pic_flag;
	const uint32_t packed = c->config->packed;
	bool sps = false, pps = false;
	unsigned order = 0;
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
		status = lead_take(j, j->p->packed[i], &order);
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
static VAStatus slices_fit(struct job *j)
{
	const uint32_t total = j->x->sps.width_mbs * j->x->sps.height_mbs;
	uint32_t at = 0;

	if (j->p->n_slices > SLICES_MAX)
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

/* A picture of the parameters is the picture the decoder has: surface, numbers, kind. */
static VAStatus same_ref(struct job *j, const char *where, unsigned n, const VAPictureH264 *v, const struct h264_ref *r)
{
	struct driver *d = j->c->d;
	const struct surface *s = surface_find(d, v->picture_id);
	const uint32_t kind = VA_PICTURE_H264_SHORT_TERM_REFERENCE | VA_PICTURE_H264_LONG_TERM_REFERENCE;

	if (!s)
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "%s[%u]: no surface %#x", where, n, v->picture_id);
	if (!s->recon.serial || s->recon.context != j->c->id)
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "%s[%u]: nothing was reconstructed in surface %#x",
			    where, n, v->picture_id);
	if (!r)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "%s[%u]: the decoder has no picture for surface %#x (frame_idx %u)", where, n,
			    v->picture_id, v->frame_idx);
	if (r->surface != v->picture_id)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "%s[%u]: surface %#x, the decoder has %#x there (frame_num %u)", where, n, v->picture_id,
			    r->surface, r->frame_num);
	if (s->recon.serial != r->serial)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: surface %#x was written again since", where,
			    n, v->picture_id);
	if ((v->flags & kind) !=
	    (r->is_long ? VA_PICTURE_H264_LONG_TERM_REFERENCE : VA_PICTURE_H264_SHORT_TERM_REFERENCE))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: flags %#x, the decoder has it as %s-term",
			    where, n, v->flags, r->is_long ? "long" : "short");
	if (v->frame_idx != (r->is_long ? r->long_idx : r->frame_num))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: frame_idx %u, the decoder has %u", where, n,
			    v->frame_idx, r->is_long ? r->long_idx : r->frame_num);
	if (v->TopFieldOrderCnt != r->poc || v->BottomFieldOrderCnt != r->poc)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: POC %d, %d, the decoder has %d", where, n,
			    v->TopFieldOrderCnt, v->BottomFieldOrderCnt, r->poc);
	return VA_STATUS_SUCCESS;
}

static bool none(const VAPictureH264 *v)
{
	return v->flags & VA_PICTURE_H264_INVALID || v->picture_id == VA_INVALID_SURFACE;
}

static VAStatus reference_frames(struct job *j)
{
	VAStatus status = VA_STATUS_SUCCESS;

	for (unsigned n = 0; n < 16 && status == VA_STATUS_SUCCESS; n++) {
		const VAPictureH264 *v = &j->pic->ReferenceFrames[n];
		const struct h264_ref *r = NULL;

		if (none(v)) {
			if (v->picture_id != VA_INVALID_SURFACE)
				return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
					    "ReferenceFrames[%u]: invalid, but surface %#x", n, v->picture_id);
			continue;
		}
		if (j->pic->pic_fields.bits.idr_pic_flag)
			return wrong(j->c, "ReferenceFrames of an IDR picture");
		for (unsigned k = 0; k < n; k++)
			if (!none(&j->pic->ReferenceFrames[k]) &&
			    j->pic->ReferenceFrames[k].picture_id == v->picture_id)
				return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
					    "ReferenceFrames[%u] and [%u] are the same surface", k, n);
		for (unsigned k = 0; k < REFS_MAX; k++)
			if (j->dpb.ref[k].used && j->dpb.ref[k].surface == v->picture_id)
				r = &j->dpb.ref[k];
		status = same_ref(j, "ReferenceFrames", n, v, r);
	}
	return status;
}

static bool in_frames(const struct job *j, VASurfaceID id)
{
	for (unsigned n = 0; n < 16; n++)
		if (!none(&j->pic->ReferenceFrames[n]) && j->pic->ReferenceFrames[n].picture_id == id)
			return true;
	return false;
}

static VAStatus slice_refs(struct job *j, unsigned n)
{
	const VAEncSliceParameterBufferH264 *s = j->p->slice[n].param;
	struct h264_header *h = &j->header[n];
	const struct h264_ref *list[32];
	VAStatus status = VA_STATUS_SUCCESS;

	if (h->type % 5 == 2) {
		j->ref[n] = NULL;
		for (unsigned i = 0; i < 32; i++)
			if (!none(&s->RefPicList0[i]))
				return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "RefPicList0[%u] of an I slice",
					    i);
		return VA_STATUS_SUCCESS;
	}
	if (h->n_refs > (j->c->d->q.refs & 0xffff))
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%u entries of list 0, %u offered", h->n_refs,
			    j->c->d->q.refs);
	if (!j->p->slice[n].packed)
		status = h264_dpb_order(j->c, &j->dpb, &j->x->sps, h, s->RefPicList0);
	if (status == VA_STATUS_SUCCESS)
		status = h264_dpb_list(j->c, &j->dpb, &j->x->sps, h, list);
	for (unsigned i = 0; i < 32 && status == VA_STATUS_SUCCESS; i++) {
		const VAPictureH264 *v = &s->RefPicList0[i];

		if (i >= h->n_refs) {
			if (!none(v))
				return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
					    "RefPicList0[%u], and the list has %u", i, h->n_refs);
			continue;
		}
		if (none(v) && !list[i] && i)
			continue; /* fewer references than entries: nothing to predict from there */
		if (none(v))
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "RefPicList0[%u] is missing", i);
		if (list[i] && list[i]->missing)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "RefPicList0[%u] is a gap in frame_num",
				    i);
		status = same_ref(j, "RefPicList0", i, v, list[i]);
		if (status == VA_STATUS_SUCCESS && !in_frames(j, v->picture_id))
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "RefPicList0[%u] is not in ReferenceFrames", i);
	}
	for (unsigned i = 0; i < 32; i++)
		if (!none(&s->RefPicList1[i]))
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "RefPicList1[%u] of a P slice", i);
	if (status == VA_STATUS_SUCCESS)
		j->ref[n] = &surface_find(j->c->d, s->RefPicList0[0].picture_id)->recon;
	return status;
}

static VAStatus current(struct job *j)
{
	const VAPictureH264 *v = &j->pic->CurrPic;
	const struct h264_header *h = &j->header[0];
	struct driver *d = j->c->d;
	struct surface *s = surface_find(d, v->picture_id);
	const unsigned w = j->x->sps.width_mbs * 16, ht = j->x->sps.height_mbs * 16;

	if (!s || none(v))
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "CurrPic: no surface %#x", v->picture_id);
	if (s == j->c->target)
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "CurrPic is the surface that is encoded");
	if (s->rt_format != j->c->config->rt_format || !surface_covers(s, j->c))
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "CurrPic: surface %ux%u of format %#x", s->width,
			    s->height, s->rt_format);
	for (unsigned i = 0; i < REFS_MAX; i++)
		if (j->dpb.ref[i].used && j->dpb.ref[i].surface == v->picture_id)
			return rule(d, VA_STATUS_ERROR_INVALID_SURFACE,
				    "CurrPic: surface %#x is still a reference (frame_num %u)", v->picture_id,
				    j->dpb.ref[i].frame_num);
	if (in_frames(j, v->picture_id))
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "CurrPic is in ReferenceFrames");
	if (v->flags & (VA_PICTURE_H264_TOP_FIELD | VA_PICTURE_H264_BOTTOM_FIELD))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "CurrPic: flags %#x", v->flags);
	if (v->TopFieldOrderCnt != j->poc || v->BottomFieldOrderCnt != j->poc)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "CurrPic: POC %d, %d, the decoder has %d",
			    v->TopFieldOrderCnt, v->BottomFieldOrderCnt, j->poc);
	if (!(v->flags & VA_PICTURE_H264_LONG_TERM_REFERENCE) && v->frame_idx != h->frame_num)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "CurrPic: frame_idx %u, frame_num %u", v->frame_idx,
			    h->frame_num);
	if (v->flags & VA_PICTURE_H264_LONG_TERM_REFERENCE && !j->p->slice[0].packed && h->nal_type != 5)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "CurrPic: long-term without a packed slice header to say so");
	j->recon = s;
	return recon_prepare(s, w, ht) ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_ALLOCATION_FAILED;
}

static VAStatus prepare(struct job *j)
{
	struct h264 *x = j->x;
	const size_t mbs = (size_t)x->sps.width_mbs * x->sps.height_mbs;

	if (x->room != mbs) {
		free(x->mb);
		free(x->luma);
		free(x->chroma);
		x->mb = calloc(mbs, sizeof(*x->mb));
		x->luma = malloc(mbs * 256);
		x->chroma = malloc(mbs * 128);
		x->room = mbs;
	}
	if (!x->mb || !x->luma || !x->chroma)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	surface_read(j->c->target, x->luma, x->chroma, x->sps.width_mbs * 16, x->sps.height_mbs * 16);
	return VA_STATUS_SUCCESS;
}

static void slice_code(struct job *j, struct h264_frame *f, unsigned n, int qp, struct out *o)
{
	const struct h264_slice_info *s = &f->slice[n];
	const struct h264_coder_ops *ops = j->pps.cabac ? &h264_cabac : &h264_cavlc;
	struct h264_levels levels;
	struct out rbsp = {0};
	struct h264_coder e = {.f = f, .slice = n, .o = &rbsp, .qp = j->pps.init_qp + s->h->qp_delta};
	uint8_t *head;
	struct bits b;

	if (j->p->slice[n].packed) {
		head = malloc(j->p->slice[n].packed->size);
		if (!head || packed_open(j->p->slice[n].packed, head, &b))
			o->err = true;
		else
			out_copy(&rbsp, head, b.n);
		free(head);
	} else {
		h264_header_write(&rbsp, s->h, &j->x->sps, &j->pps);
	}
	ops->begin(&e);
	for (unsigned k = s->first; k < s->end; k++) {
		struct h264_mb *m = &f->mb[k];
		int delta;

		h264_mb_code(f, n, k, qp, e.qp, &levels);
		delta = m->kind == H264_SKIP ? 0 : qp - e.qp;
		/* mb_qp_delta is -26 to 25 and wraps at 52 */
		delta = delta > 25 ? delta - 52 : delta < -26 ? delta + 52 : delta;
		m->qp_changed = delta != 0;
		ops->mb(&e, k, &levels, delta, k + 1 == s->end);
		e.qp = m->qp;
	}
	ops->end(&e);
	o->err |= rbsp.err;
	nal_append(o, rbsp.p, rbsp.n / 8);
	out_free(&rbsp);
}

static VAStatus picture_code(struct job *j, struct out *o, int *qp_out)
{
	struct h264 *x = j->x;
	struct h264_frame f = {.pps = &j->pps,
			       .width_mbs = x->sps.width_mbs,
			       .height_mbs = x->sps.height_mbs,
			       .stride = x->sps.width_mbs * 16,
			       .src_luma = x->luma,
			       .src_chroma = x->chroma,
			       .to = &j->recon->recon,
			       .mb = x->mb,
			       .n_slices = j->p->n_slices};
	const bool intra = !j->ref[0];
	int qp, next;

	for (unsigned n = 0; n < f.n_slices; n++) {
		const VAEncSliceParameterBufferH264 *s = j->p->slice[n].param;

		f.slice[n] = (struct h264_slice_info){.h = &j->header[n],
						      .ref = j->ref[n],
						      .first = s->macroblock_address,
						      .end = s->macroblock_address + s->num_macroblocks};
	}
	next = rate_begin(j->c, intra, j->pps.init_qp + j->header[0].qp_delta);
	for (unsigned pass = 0;; pass++) {
		qp = next;
		o->n = 0;
		for (size_t i = 0; i < x->room; i++)
			x->mb[i].slice = UINT16_MAX;
		out_copy(o, j->lead.p, j->lead.n);
		for (unsigned n = 0; n < f.n_slices; n++)
			slice_code(j, &f, n, qp, o);
		if (o->err)
			return VA_STATUS_ERROR_ALLOCATION_FAILED;
		if (!rate_again(j->c, o->n, qp, &next, pass))
			break;
	}
	rate_end(j->c, intra, o->n, qp);
	h264_deblock(&f);
	*qp_out = qp;
	return VA_STATUS_SUCCESS;
}

static void recon_keep(const struct job *j)
{
	FILE *f = j->c->d->q.recon_path ? fopen(j->c->d->q.recon_path, "ae") : NULL;
	const struct recon *r = &j->recon->recon;
	const struct h264_sps *s = &j->x->sps;
	const unsigned w = s->width_mbs * 16 - (s->crop[0] + s->crop[1]) * 2,
		       h = s->height_mbs * 16 - (s->crop[2] + s->crop[3]) * 2;

	if (!f)
		return;
	for (unsigned y = 0; y < h; y++)
		fwrite(r->luma + (size_t)y * r->width, 1, w, f);
	for (unsigned y = 0; y < h / 2; y++)
		fwrite(r->chroma + (size_t)y * r->width, 1, w, f);
	fclose(f);
}

static VAStatus finish(struct job *j, const struct out *o, int qp, struct buffer *coded)
{
	struct h264 *x = j->x;
	struct recon *r = &j->recon->recon;
	const struct h264_ref now = {.surface = j->recon->id, .serial = x->serial + 1, .poc = j->poc};
	const size_t size = (size_t)coded->size * coded->num_elements, len = o->n / 8;
	uint32_t long_idx = UINT32_MAX;
	VAStatus status = h264_dpb_end(j->c, &j->dpb, &x->sps, &j->header[0], &now);

	if (status != VA_STATUS_SUCCESS)
		return status;
	for (unsigned i = 0; i < REFS_MAX; i++)
		if (j->dpb.ref[i].used && j->dpb.ref[i].serial == now.serial && j->dpb.ref[i].is_long)
			long_idx = j->dpb.ref[i].long_idx;
	if ((long_idx != UINT32_MAX) != !!(j->pic->CurrPic.flags & VA_PICTURE_H264_LONG_TERM_REFERENCE) ||
	    (long_idx != UINT32_MAX && j->pic->CurrPic.frame_idx != long_idx))
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "CurrPic: flags %#x, frame_idx %u; the slice header marks it %s (%d)",
			    j->pic->CurrPic.flags, j->pic->CurrPic.frame_idx,
			    long_idx != UINT32_MAX ? "long-term" : "otherwise", (int)long_idx);
	if (len > size)
		return rule(j->c->d, VA_STATUS_ERROR_NOT_ENOUGH_BUFFER,
			    "the coded buffer has %zu bytes, the picture %zu", size, len);
	memcpy(coded->data, o->p, len);
	coded->coded_len = len;
	coded->coded_status = (uint32_t)qp & VA_CODED_BUF_STATUS_PICTURE_AVE_QP_MASK;
	x->dpb = j->dpb;
	r->serial = ++x->serial;
	r->poc = j->poc;
	r->context = j->c->id;
	x->after_idr = j->header[0].nal_type == 5;
	recon_show(j->recon);
	recon_keep(j);
	return VA_STATUS_SUCCESS;
}

static VAStatus encode(struct context *c, const struct picture *p, struct buffer **coded)
{
	struct job *j = calloc(1, sizeof(*j));
	struct out o = {0};
	int qp = 0;
	VAStatus status;

	if (!j)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	*j = (struct job){.c = c, .x = c->priv, .p = p, .pic = p->pic};
	j->dpb = j->x->dpb;
	status = heads(j);
	if (status == VA_STATUS_SUCCESS)
		status = slices_fit(j);
	if (status == VA_STATUS_SUCCESS)
		status = h264_dpb_begin(c, &j->dpb, &j->x->sps, &j->header[0], &j->poc);
	if (status == VA_STATUS_SUCCESS)
		status = reference_frames(j);
	for (unsigned n = 0; n < p->n_slices && status == VA_STATUS_SUCCESS; n++)
		status = slice_refs(j, n);
	if (status == VA_STATUS_SUCCESS)
		status = current(j);
	if (status == VA_STATUS_SUCCESS)
		status = prepare(j);
	if (status == VA_STATUS_SUCCESS)
		status = picture_code(j, &o, &qp);
	if (status == VA_STATUS_SUCCESS)
		status = finish(j, &o, qp, *coded);
	out_free(&o);
	out_free(&j->lead);
	free(j);
	return status;
}

const struct codec_ops codec_h264 = {
	.name = "H.264",
	.set = SET_H264,
	.seq_size = sizeof(VAEncSequenceParameterBufferH264),
	.pic_size = sizeof(VAEncPictureParameterBufferH264),
	.slice_size = sizeof(VAEncSliceParameterBufferH264),
	.slice_elements_max = SLICES_MAX,
	.create = create,
	.destroy = destroy,
	.encode = encode,
	.coded_buf = coded_buf,
};
