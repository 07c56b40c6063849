// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/encoder.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "encode/picture.h"
#include "media/link.h"

#define LOG_MODULE "encode"
#include "base/log.h"

/* Frames in flight are bounded by credit; one more is being written. The ring to pack has room for all of them. */
#define UNITS ((CREDIT_FRAMES + 2) * ENCODER_UNITS_MAX)

static_assert(UNITS <= SLOTS_MAX, "units must fit the return mask");
static_assert((CREDIT_FRAMES + 1) * ENCODER_UNITS_MAX <= AU_RING_CAPACITY,
	      "units of all frames in flight must fit the ring to pack");

const char *encoder_lacks(const struct enc_caps *caps, const struct video_params *v)
{
	if (v->width > caps->max_width || v->height > caps->max_height)
		return "picture too large";
	if (v->yuv444 && !caps->yuv444)
		return "4:4:4";
	return enc_caps_have(caps, v->depth, v->yuv444) ? NULL : "bit depth";
}

int encoder_open(struct encoder **out, const struct encoder_ops *ops, const struct enc_params *p,
		 const struct encoder_events *ev, void *ctx)
{
	struct encoder *e;
	struct enc_caps caps = {0};
	const char *reason;
	int rc;

	*out = NULL;
	assert(p->slices >= 1 && p->slices <= VIDEO_SLICES_MAX && p->dpb >= 1 && p->kbps);
	rc = ops->probe(p->video.codec, &caps);
	if (rc < 0)
		return rc;
	reason = encoder_lacks(&caps, &p->video);
	if (reason) {
		log_warn("%s cannot encode %ux%u %u bit: %s", ops->name, p->video.width, p->video.height,
			 p->video.depth, reason);
		return -ENOTSUP;
	}

	e = calloc(1, ops->size);
	if (!e)
		return -ENOMEM;
	e->ops = ops;
	e->ev = ev;
	e->ctx = ctx;
	e->caps = caps;
	e->params = *p;
	if (e->params.slices > caps.max_slices)
		e->params.slices = caps.max_slices;
	if (e->params.dpb > caps.max_refs)
		e->params.dpb = caps.max_refs;

	rc = au_slab_init(&e->slab, UNITS, au_slab_unit_bytes(&p->video));
	if (rc < 0)
		goto fail;
	rc = ops->open(e);
	if (rc < 0)
		goto fail;
	*out = e;
	return 0;
fail:
	au_slab_finish(&e->slab);
	free(e);
	return rc;
}

uint64_t encoder_drm(const struct encoder_ops *ops, enum codec codec)
{
	struct encoder_details d = {0};
	struct stat st;

	if (!ops->describe)
		return 0;
	ops->describe(codec, &d);
	return *d.device && stat(d.device, &st) == 0 && S_ISCHR(st.st_mode) ? st.st_rdev : 0;
}

int encoder_submit(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	int rc;

	assert(pic->format == picture_format_for(&e->params.video));
	assert(pic->width == e->params.video.width && pic->height == e->params.video.height);
	assert(!e->newest || r->frame_no == e->newest + 1);
	assert(!(r->idr && r->after_rfi));
	assert(!pic->share || e->caps.flags & ENC_SHARED);
	assert(!r->unit_bytes || (r->units >= 1 && r->units <= ENCODER_UNITS_MAX));
	rc = e->ops->submit(e, pic, r);
	if (rc == 0)
		e->newest = r->frame_no;
	return rc;
}

void encoder_give(struct encoder *e, struct au *au, const struct enc_request *r, bool key)
{
	au->key = key;
	au->after_rfi = r->after_rfi && !key;
	au->ltr = r->ltr;
	au->repeat = r->repeat;
	au->frame_no = r->frame_no;
	au->pts_ns = r->pts_ns;
	au->t = r->t;
	au->t.encoded = clock_ns();
	e->ev->au(e->ctx, au);
}

int encoder_invalidate_refs(struct encoder *e, uint32_t first, uint32_t last)
{
	if (!(e->caps.flags & ENC_RFI))
		return -ENOTSUP;
	if (first > last || first == 0 || last > e->newest)
		return -ENOENT;
	return e->ops->invalidate_refs(e, first, last);
}

void encoder_acked(struct encoder *e, uint32_t frame_no)
{
	if (e->ops->acked && frame_no <= e->newest)
		e->ops->acked(e, frame_no);
}

int encoder_set_bitrate(struct encoder *e, uint32_t kbps)
{
	if (!(e->caps.flags & ENC_RATE))
		return -ENOTSUP;
	assert(kbps);
	return e->ops->set_bitrate(e, kbps);
}

unsigned encoder_units_out(struct encoder *e)
{
	return au_slab_out(&e->slab);
}

void encoder_close(struct encoder *e)
{
	if (!e)
		return;
	e->ops->close(e);
	au_slab_finish(&e->slab);
	free(e);
}
