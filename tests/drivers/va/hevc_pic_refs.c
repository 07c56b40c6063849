// SPDX-License-Identifier: GPL-3.0-or-later
/* References of an HEVC picture: what the parameters name is what the decoder has at that moment. */
#include "hevc_job.h"

#define RPS (VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE | VA_PICTURE_HEVC_RPS_ST_CURR_AFTER | VA_PICTURE_HEVC_RPS_LT_CURR)

static bool none(const VAPictureHEVC *v)
{
	return v->flags & VA_PICTURE_HEVC_INVALID || v->picture_id == VA_INVALID_SURFACE;
}

/* A picture of the parameters is the picture the decoder has: surface, order count, kind. */
static VAStatus same_ref(struct hevc_job *j, const char *where, unsigned n, const VAPictureHEVC *v,
			 const struct hevc_ref *r, bool with_rps)
{
	struct driver *d = j->c->d;
	const struct surface *s = surface_find(d, v->picture_id);

	if (!s)
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "%s[%u]: no surface %#x", where, n, v->picture_id);
	if (!s->recon.serial || s->recon.context != j->c->id)
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "%s[%u]: nothing was reconstructed in surface %#x",
			    where, n, v->picture_id);
	if (!r)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "%s[%u]: the decoder has no picture for surface %#x (POC %d)", where, n, v->picture_id,
			    v->pic_order_cnt);
	if (r->surface != v->picture_id)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "%s[%u]: surface %#x, the decoder has %#x there (POC %d)", where, n, v->picture_id,
			    r->surface, r->poc);
	if (s->recon.serial != r->serial)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: surface %#x was written again since", where,
			    n, v->picture_id);
	if (!!(v->flags & VA_PICTURE_HEVC_LONG_TERM_REFERENCE) != r->is_long)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: flags %#x, the decoder has it as %s-term",
			    where, n, v->flags, r->is_long ? "long" : "short");
	if (with_rps && (v->flags & RPS) != r->flag)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: flags %#x, %#x by the reference picture set",
			    where, n, v->flags, r->flag);
	if (v->flags & (VA_PICTURE_HEVC_FIELD_PIC | VA_PICTURE_HEVC_BOTTOM_FIELD))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: a field", where, n);
	if (v->pic_order_cnt != r->poc)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u]: POC %d, the decoder has %d", where, n,
			    v->pic_order_cnt, r->poc);
	return VA_STATUS_SUCCESS;
}

static const VAPictureHEVC *in_frames(const struct hevc_job *j, VASurfaceID id)
{
	for (unsigned n = 0; n < 15; n++)
		if (!none(&j->pic->reference_frames[n]) && j->pic->reference_frames[n].picture_id == id)
			return &j->pic->reference_frames[n];
	return NULL;
}

VAStatus hevc_reference_frames(struct hevc_job *j)
{
	VAStatus status = VA_STATUS_SUCCESS;

	for (unsigned n = 0; n < 15 && status == VA_STATUS_SUCCESS; n++) {
		const VAPictureHEVC *v = &j->pic->reference_frames[n];
		const struct hevc_ref *r = NULL;

		if (none(v)) {
			if (v->picture_id != VA_INVALID_SURFACE || !(v->flags & VA_PICTURE_HEVC_INVALID))
				return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
					    "reference_frames[%u]: invalid, but surface %#x with flags %#x", n,
					    v->picture_id, v->flags);
			continue;
		}
		if (j->pic->pic_fields.bits.idr_pic_flag)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "reference_frames of an IDR picture");
		if (in_frames(j, v->picture_id) != v)
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "reference_frames[%u] is a surface that was named before", n);
		for (unsigned k = 0; k < REFS_MAX; k++)
			if (j->dpb.ref[k].used && j->dpb.ref[k].surface == v->picture_id)
				r = &j->dpb.ref[k];
		status = same_ref(j, "reference_frames", n, v, r, true);
	}
	/* What is referred to must be there; what is only kept may be. */
	for (unsigned k = 0; k < REFS_MAX && status == VA_STATUS_SUCCESS; k++)
		if (j->dpb.ref[k].used && j->dpb.ref[k].flag && !in_frames(j, j->dpb.ref[k].surface))
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "reference_frames: POC %d, which the reference picture set uses, is missing",
				    j->dpb.ref[k].poc);
	return status;
}

static VAStatus list_fits(struct hevc_job *j, const char *where, unsigned which, unsigned n_refs,
			  const VAPictureHEVC *given)
{
	const struct hevc_ref *list[16];
	VAStatus status = VA_STATUS_SUCCESS;

	if (n_refs > (which ? j->c->d->q.refs >> 16 || j->c->d->q.both_lists : j->c->d->q.refs & 0xffff))
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%u entries of list %u, %u offered", n_refs,
			    which, j->c->d->q.refs);
	if (n_refs)
		status = hevc_dpb_list(j->c, &j->dpb, which, n_refs, list);
	for (unsigned i = 0; i < 15 && status == VA_STATUS_SUCCESS; i++) {
		if (i >= n_refs && !none(&given[i]))
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u], and the list has %u", where, i,
				    n_refs);
		if (i >= n_refs)
			continue;
		if (none(&given[i]))
			return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s[%u] is missing", where, i);
		status = same_ref(j, where, i, &given[i], list[i], false);
	}
	return status;
}

VAStatus hevc_slice_refs(struct hevc_job *j, unsigned n)
{
	const VAEncSliceParameterBufferHEVC *s = j->p->slice[n].param;
	const struct hevc_header *h = &j->header[n];
	VAStatus status = list_fits(j, "ref_pic_list0", 0, h->type == HEVC_I ? 0 : h->l0, s->ref_pic_list0);

	if (status == VA_STATUS_SUCCESS)
		status = list_fits(j, "ref_pic_list1", 1, h->type == HEVC_B ? h->l1 : 0, s->ref_pic_list1);
	if (status == VA_STATUS_SUCCESS && h->type == HEVC_B &&
	    s->ref_pic_list1[0].picture_id != s->ref_pic_list0[0].picture_id)
		return rule(j->c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "ref_pic_list1[0] is not ref_pic_list0[0]: only that is offered");
	j->ref[n] = NULL;
	if (status == VA_STATUS_SUCCESS && h->type != HEVC_I)
		j->ref[n] = &surface_find(j->c->d, s->ref_pic_list0[0].picture_id)->recon;
	return status;
}

VAStatus hevc_current(struct hevc_job *j)
{
	const VAPictureHEVC *v = &j->pic->decoded_curr_pic;
	struct driver *d = j->c->d;
	struct surface *s = surface_find(d, v->picture_id);

	if (!s || none(v))
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "decoded_curr_pic: no surface %#x", v->picture_id);
	if (s == j->c->target)
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "decoded_curr_pic is the surface that is encoded");
	if (s->rt_format != j->c->config->rt_format || !surface_covers(s, j->c))
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "decoded_curr_pic: surface %ux%u of format %#x",
			    s->width, s->height, s->rt_format);
	for (unsigned i = 0; i < REFS_MAX; i++)
		if (j->dpb.ref[i].used && j->dpb.ref[i].surface == v->picture_id)
			return rule(d, VA_STATUS_ERROR_INVALID_SURFACE,
				    "decoded_curr_pic: surface %#x is still a reference (POC %d)", v->picture_id,
				    j->dpb.ref[i].poc);
	if (in_frames(j, v->picture_id))
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "decoded_curr_pic is in reference_frames");
	if (v->flags)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "decoded_curr_pic: flags %#x", v->flags);
	if (v->pic_order_cnt != j->poc)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "decoded_curr_pic: POC %d, the decoder has %d",
			    v->pic_order_cnt, j->poc);
	j->recon = s;
	s->recon.serial = 0;
	return planes_prepare(&s->recon.planes, j->x->sps.width, j->x->sps.height, j->x->sps.depth_luma,
			      hevc_sub(&j->x->sps) == 1)
		       ? VA_STATUS_SUCCESS
		       : VA_STATUS_ERROR_ALLOCATION_FAILED;
}
