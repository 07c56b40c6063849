// SPDX-License-Identifier: GPL-3.0-or-later
/* References of an H.264 picture: what the parameters name is what the decoder has at that moment. */
#include "h264_job.h"

static VAStatus wrong(struct context *c, const char *why)
{
	return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s", why);
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

VAStatus h264_reference_frames(struct job *j)
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

VAStatus h264_slice_refs(struct job *j, unsigned n)
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

VAStatus h264_current(struct job *j)
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
