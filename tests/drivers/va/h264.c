// SPDX-License-Identifier: GPL-3.0-or-later
/* An H.264 picture: checked, then encoded from the lists that its headers say. */
#include "h264_job.h"

#include <stdlib.h>
#include <string.h>

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

static VAStatus finish(struct job *j, const struct out *o, int qp, struct buffer *coded)
{
	struct h264 *x = j->x;
	struct recon *r = &j->recon->recon;
	const struct h264_sps *s = &x->sps;
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
	recon_keep(j->c->d, r, s->width_mbs * 16 - (s->crop[0] + s->crop[1]) * 2,
		   s->height_mbs * 16 - (s->crop[2] + s->crop[3]) * 2);
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
	status = h264_heads(j);
	if (status == VA_STATUS_SUCCESS)
		status = h264_slices_fit(j);
	if (status == VA_STATUS_SUCCESS)
		status = h264_dpb_begin(c, &j->dpb, &j->x->sps, &j->header[0], &j->poc);
	if (status == VA_STATUS_SUCCESS)
		status = h264_reference_frames(j);
	for (unsigned n = 0; n < p->n_slices && status == VA_STATUS_SUCCESS; n++)
		status = h264_slice_refs(j, n);
	if (status == VA_STATUS_SUCCESS)
		status = h264_current(j);
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
	.slice_elements_max = H264_SLICES_MAX,
	.sequence_headers = 1,
	.create = create,
	.destroy = destroy,
	.encode = encode,
	.coded_buf = coded_buf,
};
