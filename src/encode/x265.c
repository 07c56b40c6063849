// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * HEVC on libx265.
 *
 * No delay anywhere: no B frames, no lookahead, one frame at a time in one slice (with more of either the library holds
 * a frame back); its threads work on rows of blocks. Each frame refers to the one before it, and the library can be
 * told of no loss: that is answered with an IDR.
 *
 * Rate: constant, with a buffer of one frame, of which the library uses some 70 %; encode/rate.h makes up for that. A
 * new rate does not reach it: x265_encoder_reconfig() answers 0 and changes no frame (3.5, without delay). So it is
 * opened anew, and the next frame is an IDR, if the rate differs enough to be worth that and one of the two, old or
 * new, limits what there is to see: an easy picture uses neither.
 *
 * A build of the library encodes one depth; it finds the builds for others by itself, as packages have them.
 *
 * Output: the units of a frame lie in the library's memory until its next call and are copied once. An IDR begins VPS,
 * SPS, PPS, with HDR its metadata, slice (2-media 1.5).
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <x265.h>

#include "encode/encoder.h"
#include "encode/hevc_headers.h"
#include "encode/planar.h"
#include "media/colour.h"

#define LOG_MODULE "x265"
#include "base/log.h"

#define WORTH 8u /* a new rate is worth an IDR if it is another by more than this part */

struct hevc {
	struct encoder e;
	const x265_api *api;
	x265_encoder *lib;
	x265_param *param;
	x265_picture *in;
	struct planar planar;
	uint32_t kbps_next; /* to be opened anew with; 0: no */
	size_t last_len;    /* of the frame before */
};

static struct hevc *hevc_from(struct encoder *e)
{
	return (struct hevc *)e;
}

static int probe(enum codec codec, struct enc_caps *caps)
{
	const bool deep = x265_api_get(10);

	if (codec != CODEC_HEVC || !x265_api_get(8))
		return -ENOTSUP;
	*caps = (struct enc_caps){
		.flags = ENC_RATE | ENC_RATE_KEY,
		.max_width = 8192, /* level 6.2 */
		.max_height = 8192,
		.max_refs = 1,
		.max_slices = 1,
		.max_depth = deep ? 10 : 8,
		.yuv444 = true,
	};
	return 0;
}

static void set_rate(x265_param *x, uint32_t kbps)
{
	uint64_t frame_kbit = (uint64_t)kbps * x->fpsDenom / x->fpsNum;

	x->rc.bitrate = x->rc.vbvMaxBitrate = (int)kbps;
	x->rc.vbvBufferSize = frame_kbit ? (int)frame_kbit : 1;
}

static void describe_colour(x265_param *x, const struct video_params *v)
{
	const struct colour_codes c = colour_codes(v->space, v->pq);

	x->vui.bEnableVideoSignalTypePresentFlag = 1;
	x->vui.bEnableVideoFullRangeFlag = v->full_range;
	x->vui.bEnableColorDescriptionPresentFlag = 1;
	x->vui.colorPrimaries = c.primaries;
	x->vui.transferCharacteristics = c.transfer;
	x->vui.matrixCoeffs = c.matrix;
	x->vui.bEnableChromaLocInfoPresentFlag = !v->yuv444;
	x->vui.chromaSampleLocTypeTopField = x->vui.chromaSampleLocTypeBottomField = 1; /* centre: encode/convert.h */
}

/* In front of each IDR, of 46 bytes: with packets of any usual size the slice begins in shard 0 all the same (2-media
 * 1.5). With smaller ones HDR_MODE alone says it. */
static int describe_light(struct hevc *h, const struct hdr_metadata *m)
{
	char display[120], light[16];

	/* Words of the library: units of 1/50000 and of 1/10000 cd/m2. */
	snprintf(display, sizeof(display), "G(%u,%u)B(%u,%u)R(%u,%u)WP(%u,%u)L(%u,%u)", m->green[0], m->green[1],
		 m->blue[0], m->blue[1], m->red[0], m->red[1], m->white[0], m->white[1], m->max_nits * 10000u,
		 m->min_nits);
	snprintf(light, sizeof(light), "%u,%u", m->max_cll, m->max_fall);
	if (h->api->param_parse(h->param, "master-display", display) ||
	    ((m->max_cll || m->max_fall) && h->api->param_parse(h->param, "max-cll", light)) ||
	    h->api->param_parse(h->param, "hdr10", "1")) {
		log_err("the library refuses HDR metadata");
		return -EIO;
	}
	h->param->bEmitCLL = m->max_cll || m->max_fall; /* else it says 0 */
	return 0;
}

static int fill_param(struct hevc *h)
{
	const struct enc_params *p = &h->e.params;
	const struct video_params *v = &p->video;
	x265_param *x = h->param;

	if (h->api->param_default_preset(x, p->preset, "zerolatency") < 0) {
		log_err("no preset '%s' (try ultrafast, superfast, veryfast)", p->preset);
		return -EINVAL;
	}
	x->logLevel = X265_LOG_ERROR;
	x->internalCsp = v->yuv444 ? X265_CSP_I444 : X265_CSP_I420;
	x->sourceWidth = v->width;
	x->sourceHeight = v->height;
	x->fpsNum = v->fps_mhz;
	x->fpsDenom = 1000;
	describe_colour(x, v);

	x->frameNumThreads = 1;
	x->maxSlices = 1;
	x->bframes = 0;
	x->lookaheadDepth = 0;
	x->keyframeMax = -1;
	x->scenecutThreshold = 0;
	x->bOpenGOP = 0;
	x->bIntraRefresh = 0;
	x->maxNumReferences = 1;

	x->rc.rateControlMode = X265_RC_ABR;
	x->rc.cuTree = 0;
	set_rate(x, p->kbps);

	x->bAnnexB = 1;
	x->bRepeatHeaders = 1;
	x->bEnableAccessUnitDelimiters = 0;
	x->bEmitInfoSEI = 0;
	x->bEmitHRDSEI = 0;
	return v->pq && v->light.max_nits && v->packet_size >= HEVC_LIGHT_FROM ? describe_light(h, &v->light) : 0;
}

static void close_lib(struct encoder *e)
{
	struct hevc *h = hevc_from(e);

	if (h->lib)
		h->api->encoder_close(h->lib);
	h->api->picture_free(h->in);
	h->api->param_free(h->param);
	planar_finish(&h->planar);
}

static int open_lib(struct encoder *e)
{
	const struct video_params *v = &e->params.video;
	struct hevc *h = hevc_from(e);
	int rc = -ENOMEM;

	h->api = x265_api_get(v->depth);
	if (!h->api)
		return -ENOTSUP;
	h->param = h->api->param_alloc();
	h->in = h->api->picture_alloc();
	if (!h->param || !h->in)
		goto fail;
	rc = fill_param(h);
	if (rc == 0)
		rc = planar_init(&h->planar, v);
	if (rc < 0)
		goto fail;
	h->lib = h->api->encoder_open(h->param);
	rc = h->lib ? 0 : -EIO;
	if (rc < 0)
		goto fail;
	h->api->picture_init(h->param, h->in);
	h->in->bitDepth = v->depth;
	h->in->colorSpace = h->param->internalCsp;
	return 0;
fail:
	close_lib(e);
	return rc;
}

static bool is_idr(uint32_t type)
{
	return type == NAL_UNIT_CODED_SLICE_IDR_W_RADL || type == NAL_UNIT_CODED_SLICE_IDR_N_LP;
}

/* The frame's units behind each other; 0: they do not fit. */
static size_t copy_units(const struct encoder *e, struct au_slot *to, const x265_nal *nals, uint32_t n, bool *key)
{
	size_t len = 0;

	*key = false;
	for (uint32_t i = 0; i < n; i++) {
		if (nals[i].sizeBytes > e->slab.cap - len)
			return 0;
		memcpy(to->data + len, nals[i].payload, nals[i].sizeBytes);
		len += nals[i].sizeBytes;
		*key |= is_idr(nals[i].type);
	}
	return len;
}

static int open_anew(struct hevc *h)
{
	h->api->encoder_close(h->lib);
	set_rate(h->param, h->kbps_next);
	h->lib = h->api->encoder_open(h->param);
	if (!h->lib)
		return -EIO;
	h->e.params.kbps = h->kbps_next;
	h->kbps_next = 0;
	return 0;
}

/* Whether the lower of the two rates leaves the last frame little room. */
static bool limits(const struct hevc *h)
{
	const struct enc_params *p = &h->e.params;
	uint32_t kbps = h->kbps_next < p->kbps ? h->kbps_next : p->kbps;

	return h->last_len * 2 > (uint64_t)kbps * 125 * 1000 / p->video.fps_mhz;
}

static int submit(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	struct hevc *h = hevc_from(e);
	struct au_slot *slot = au_slab_take(&e->slab);
	x265_nal *nals = NULL;
	uint32_t n = 0;
	size_t len = 0;
	bool key = false;
	int rc = 0;

	if (!slot)
		return -EAGAIN;
	if (!h->lib)
		rc = -EIO;
	else if (h->kbps_next && limits(h))
		rc = open_anew(h);
	if (rc < 0) {
		log_err("frame %u: the library cannot be opened anew", r->frame_no);
		au_release(&slot->au);
		return rc;
	}
	planar_take(&h->planar, pic);
	for (unsigned i = 0; i < 3; i++) {
		h->in->planes[i] = (void *)(uintptr_t)h->planar.plane[i]; /* only read */
		h->in->stride[i] = (int)h->planar.stride[i];
	}
	h->in->pts = r->frame_no;
	h->in->sliceType = r->idr ? X265_TYPE_IDR : X265_TYPE_AUTO;
	rc = h->api->encoder_encode(h->lib, &nals, &n, h->in, NULL);
	if (rc == 1)
		len = copy_units(e, slot, nals, n, &key);
	if (!len || (r->idr && !key)) {
		log_err("frame %u: %s", r->frame_no,
			rc == 1 && !len ? "larger than any packet train can carry" : "the library failed");
		au_release(&slot->au);
		return -EIO;
	}
	slot->au.first = slot->au.last = true;
	slot->au.len = h->last_len = len;
	encoder_give(e, &slot->au, r, key);
	return 0;
}

static int set_bitrate(struct encoder *e, uint32_t kbps)
{
	uint32_t now = e->params.kbps, off = kbps > now ? kbps - now : now - kbps;

	hevc_from(e)->kbps_next = off > now / WORTH ? kbps : 0;
	return 0;
}

const struct encoder_ops encoder_x265 = {
	.name = "x265",
	.help = "HEVC in software on libx265",
	.size = sizeof(struct hevc),
	.probe = probe,
	.open = open_lib,
	.submit = submit,
	.set_bitrate = set_bitrate,
	.close = close_lib,
};
