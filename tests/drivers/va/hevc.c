// SPDX-License-Identifier: GPL-3.0-or-later
/* An HEVC picture: checked, then encoded from the reference picture set that its headers say. */
#include "hevc_job.h"

#include <stdlib.h>
#include <string.h>

static VAStatus create(struct context *c)
{
	c->priv = calloc(1, sizeof(struct hevc));
	return c->priv ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_ALLOCATION_FAILED;
}

static void destroy(struct context *c)
{
	struct hevc *x = c->priv;

	free(x->cu);
	planes_free(&x->source);
	free(x);
}

static VABufferID coded_buf(const void *pic)
{
	return ((const VAEncPictureParameterBufferHEVC *)pic)->coded_buf;
}

static VAStatus prepare(struct hevc_job *j)
{
	struct hevc *x = j->x;
	const size_t units = (size_t)x->sps.width / HEVC_CU * (x->sps.height / HEVC_CU);

	if (x->room != units) {
		free(x->cu);
		x->cu = calloc(units, sizeof(*x->cu));
		x->room = units;
	}
	if (!x->cu ||
	    !planes_prepare(&x->source, x->sps.width, x->sps.height, x->sps.depth_luma, hevc_sub(&x->sps) == 1))
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	planes_read(&x->source, j->c->target);
	return VA_STATUS_SUCCESS;
}

static void slice_code(struct hevc_job *j, struct hevc_frame *f, unsigned n, int qp, struct out *o)
{
	const struct item *packed = j->p->slice[n].packed;
	uint8_t *head = packed ? malloc(packed->size) : NULL;
	struct out rbsp = {0};
	struct bits b;

	if (!packed)
		hevc_header_write(&rbsp, &j->header[n], &j->x->sps, &j->pps);
	else if (head && !packed_open(packed, head, &b))
		out_copy(&rbsp, head, b.n);
	else
		o->err = true;
	free(head);
	hevc_slice_code(f, n, qp, &rbsp);
	o->err |= rbsp.err;
	nal_append(o, rbsp.p, rbsp.n / 8);
	out_free(&rbsp);
}

static VAStatus picture_code(struct hevc_job *j, struct out *o, int *qp_out)
{
	struct hevc *x = j->x;
	struct hevc_frame f = {.sps = &x->sps,
			       .pps = &j->pps,
			       .wide = x->sps.width / HEVC_CU,
			       .high = x->sps.height / HEVC_CU,
			       .src = &x->source,
			       .to = &j->recon->recon.planes,
			       .cu = x->cu,
			       .n_slices = j->p->n_slices};
	const bool intra = !j->ref[0];
	int qp, next;

	for (unsigned n = 0; n < f.n_slices; n++) {
		const VAEncSliceParameterBufferHEVC *s = j->p->slice[n].param;

		f.slice[n] = (struct hevc_slice_info){.h = &j->header[n],
						      .ref = j->ref[n],
						      .first = s->slice_segment_address,
						      .end = s->slice_segment_address + s->num_ctu_in_slice};
	}
	next = rate_begin(j->c, intra, j->pps.init_qp + j->header[0].qp_delta);
	for (unsigned pass = 0;; pass++) {
		qp = next;
		o->n = 0;
		for (size_t i = 0; i < x->room; i++)
			x->cu[i].slice = UINT16_MAX;
		out_copy(o, j->lead.p, j->lead.n);
		for (unsigned n = 0; n < f.n_slices; n++)
			slice_code(j, &f, n, qp, o);
		if (o->err || j->lead.err)
			return VA_STATUS_ERROR_ALLOCATION_FAILED;
		if (!rate_again(j->c, o->n, qp, &next, pass))
			break;
	}
	rate_end(j->c, intra, o->n, qp);
	hevc_deblock(&f);
	*qp_out = qp;
	return VA_STATUS_SUCCESS;
}

static VAStatus finish(struct hevc_job *j, const struct out *o, int qp, struct buffer *coded)
{
	struct hevc *x = j->x;
	struct recon *r = &j->recon->recon;
	const struct hevc_sps *s = &x->sps;
	const unsigned sub = hevc_sub(s);
	const struct hevc_ref now = {.surface = j->recon->id, .serial = x->serial + 1, .poc = j->poc};
	const size_t size = (size_t)coded->size * coded->num_elements, len = o->n / 8;

	if (len > size)
		return rule(j->c->d, VA_STATUS_ERROR_NOT_ENOUGH_BUFFER,
			    "the coded buffer has %zu bytes, the picture %zu", size, len);
	memcpy(coded->data, o->p, len);
	coded->coded_len = len;
	coded->coded_status = (uint32_t)qp & VA_CODED_BUF_STATUS_PICTURE_AVE_QP_MASK;
	hevc_dpb_end(&j->dpb, &now);
	x->dpb = j->dpb;
	r->serial = ++x->serial;
	r->poc = j->poc;
	r->context = j->c->id;
	planes_show(&r->planes, j->recon);
	planes_keep(&r->planes, j->c->d, s->width - sub * (s->window[0] + s->window[1]),
		    s->height - sub * (s->window[2] + s->window[3]));
	return VA_STATUS_SUCCESS;
}

static VAStatus encode(struct context *c, const struct picture *p, struct buffer **coded)
{
	struct hevc_job *j = calloc(1, sizeof(*j));
	struct out o = {0};
	int qp = 0;
	VAStatus status;

	if (!j)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	*j = (struct hevc_job){.c = c, .x = c->priv, .p = p, .pic = p->pic};
	j->dpb = j->x->dpb;
	status = hevc_heads(j);
	if (status == VA_STATUS_SUCCESS)
		status = hevc_slices_fit(j);
	if (status == VA_STATUS_SUCCESS)
		status = hevc_dpb_begin(c, &j->dpb, &j->x->sps, &j->header[0], &j->poc);
	if (status == VA_STATUS_SUCCESS)
		status = hevc_reference_frames(j);
	for (unsigned n = 0; n < p->n_slices && status == VA_STATUS_SUCCESS; n++)
		status = hevc_slice_refs(j, n);
	if (status == VA_STATUS_SUCCESS)
		status = hevc_current(j);
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

const struct codec_ops codec_hevc = {
	.name = "HEVC",
	.set = SET_HEVC,
	.seq_size = sizeof(VAEncSequenceParameterBufferHEVC),
	.pic_size = sizeof(VAEncPictureParameterBufferHEVC),
	.slice_size = sizeof(VAEncSliceParameterBufferHEVC),
	.slice_elements_max = HEVC_SLICES_MAX,
	.sequence_headers = 2,
	.create = create,
	.destroy = destroy,
	.encode = encode,
	.coded_buf = coded_buf,
};
