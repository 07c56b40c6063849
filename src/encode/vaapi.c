// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Video on VA-API: the chip encodes blocks and holds the rate, all else is decided here. Which frame is kept and
 * referred to is ours (encode/pic_refs.h), and so are the headers (encode/h264_headers.h, hevc_headers.h,
 * av1_headers.h), where the driver takes packed ones; one that takes no slice headers keeps the frame before and cannot
 * answer a loss. A driver may write parameter sets of its own all the same, as radeonsi does: those are sent on then.
 * What differs between codecs is behind encode/vaapi_codec.h.
 *
 * One picture at a time: submit copies it up, where a GPU has not left it in a dma-buf, hands it over, waits until it
 * is encoded and gives it out. The wait has a limit, after which the chip hangs as far as we are concerned: -EIO, and
 * the worker opens everything anew.
 *
 * Rate: constant, with a buffer of one frame, and where the driver has it a ceiling for each frame, so that no frame is
 * much larger than its share of the line.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <va/va.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/str.h"
#include "encode/encoder.h"
#include "encode/vaapi_codec.h"
#include "encode/vaapi_device.h"
#include "encode/vaapi_probe.h"
#include "encode/vaapi_shared.h"
#include "encode/vaapi_upload.h"

#define LOG_MODULE "vaapi"
#include "base/log.h"

#define HANG_FRAMES   30u /* frame times that a picture may take */
#define HANG_LEAST_NS (300 * NS_PER_MS)
#define HANG_MOST_NS  (600 * NS_PER_MS) /* so that another encoder can take over within a second */
#define HANG_FIRST_NS (800 * NS_PER_MS) /* with the first, firmware may be loaded */
#define LOOK_NS       (200 * NS_PER_US)
#define FRAME_PCT     150u  /* of a frame's share: ceiling */
#define LEAST_BITS    8192u /* no ceiling is lower: a picture has headers */
#define BUFFERS_MAX   (18 + 3 * VIDEO_SLICES_MAX)
#define MISC_MAX      128u /* bytes of the largest we send, its header included */

struct vaapi {
	struct encoder e;
	struct vaapi_device device;
	struct vaapi_caps caps;
	VAConfigID config;
	VAContextID context;
	VASurfaceID input;
	VABufferID coded;
	struct vaapi_upload upload;
	struct vaapi_shared shared;
	VASurfaceID picture; /* being encoded: input, or shared */
	struct vaapi_stream stream;
	bool rate_is_new; /* to be told with the next picture */
	bool no_sync_buffer, no_sync_surface;
	uint32_t quality;
	uint8_t *joined; /* a picture that came in pieces */
	/* of the picture being handed over */
	VABufferID buffer[BUFFERS_MAX];
	unsigned n_buffers;
};

static struct vaapi *vaapi_from(struct encoder *e)
{
	return (struct vaapi *)e;
}

static bool worked(VAStatus s, const char *what)
{
	if (s != VA_STATUS_SUCCESS)
		log_err("%s: %s", what, vaErrorStr(s));
	return s == VA_STATUS_SUCCESS;
}

/* --- opening --- */

static void finish(struct vaapi *v)
{
	VADisplay dpy = v->device.dpy;

	if (dpy) {
		vaapi_upload_finish(&v->upload);
		if (v->coded != VA_INVALID_ID)
			vaDestroyBuffer(dpy, v->coded);
		if (v->context != VA_INVALID_ID)
			vaDestroyContext(dpy, v->context);
		/* What it failed with may be its target until then. */
		vaapi_shared_finish(&v->shared, dpy);
		if (v->input != VA_INVALID_ID)
			vaDestroySurfaces(dpy, &v->input, 1);
		for (unsigned i = 0; i < ARRAY_LEN(v->stream.surface); i++)
			if (v->stream.surface[i] != VA_INVALID_ID)
				vaDestroySurfaces(dpy, &v->stream.surface[i], 1);
		if (v->config != VA_INVALID_ID)
			vaDestroyConfig(dpy, v->config);
	}
	vaapi_device_close(&v->device);
	free(v->joined);
}

static bool create_config(struct vaapi *v)
{
	VAConfigAttrib a[] = {
		{VAConfigAttribRTFormat, v->caps.rt_format},
		{VAConfigAttribRateControl, v->caps.rate_control},
		{VAConfigAttribEncPackedHeaders, v->caps.packed},
	};

	return worked(vaCreateConfig(v->device.dpy, v->caps.profile, v->caps.entry, a,
				     (int)ARRAY_LEN(a) - !v->caps.packed, &v->config),
		      "configuration");
}

static bool create_surface(struct vaapi *v, unsigned width, unsigned height, VASurfaceID *id)
{
	VASurfaceAttrib fourcc = {
		.type = VASurfaceAttribPixelFormat,
		.flags = VA_SURFACE_ATTRIB_SETTABLE,
		.value = {.type = VAGenericValueTypeInteger, .value.i = (int)v->caps.fourcc},
	};

	return worked(vaCreateSurfaces(v->device.dpy, v->caps.rt_format, width, height, id, 1, &fourcc, 1), "surface");
}

static bool create_all(struct vaapi *v)
{
	const unsigned width = v->stream.width, height = v->stream.height, n = pic_refs_surfaces(&v->stream.refs);
	/* Where the driver writes the headers, it knows only from here what is to be cut off. */
	const unsigned shown_width = v->stream.ours ? width : v->e.params.video.width;
	const unsigned shown_height = v->stream.ours ? height : v->e.params.video.height;
	VASurfaceID targets[PIC_REFS_SURFACES_MAX + 1];

	if (!create_config(v) || !create_surface(v, width, height, &v->input))
		return false;
	targets[n] = v->input;
	for (unsigned i = 0; i < n; i++) {
		if (!create_surface(v, width, height, &v->stream.surface[i]))
			return false;
		targets[i] = v->stream.surface[i];
	}
	if (!worked(vaCreateContext(v->device.dpy, v->config, (int)shown_width, (int)shown_height, VA_PROGRESSIVE,
				    targets, (int)n + 1, &v->context),
		    "context"))
		return false;
	if (!worked(vaCreateBuffer(v->device.dpy, v->context, VAEncCodedBufferType, (unsigned)v->e.slab.cap, 1, NULL,
				   &v->coded),
		    "buffer for the stream"))
		return false;
	return vaapi_upload_init(&v->upload, v->device.dpy, v->input, v->caps.fourcc, width, height) == 0;
}

/* A number is the driver's quality level; other encoders' words mean its default. That of AV1 is libaom's word. */
static uint32_t quality_of(enum codec codec, const char *preset, uint32_t levels)
{
	return codec == CODEC_AV1 ? 0 : least((uint32_t)strtoul(preset, NULL, 10), levels);
}

/* Those that are only written with references of ours: a driver that was told to expect them would wait for them. */
static uint32_t headers_of_pictures(const struct vaapi_codec *c)
{
	return (c->slice_header ? VA_ENC_PACKED_HEADER_SLICE : 0u) |
	       (c->picture_header ? VA_ENC_PACKED_HEADER_PICTURE : 0u);
}

static int open_vaapi(struct encoder *e)
{
	struct vaapi *v = vaapi_from(e);
	const struct video_params *p = &e->params.video;
	struct vaapi_stream *s = &v->stream;
	int rc = vaapi_find_for(p->codec, picture_format_for(p), &v->caps, &e->caps);

	if (rc < 0)
		return rc;
	if (p->width > e->caps.max_width || p->height > e->caps.max_height)
		return -ENOTSUP;
	v->config = v->context = v->coded = v->input = VA_INVALID_ID;
	for (unsigned i = 0; i < ARRAY_LEN(v->stream.surface); i++)
		v->stream.surface[i] = VA_INVALID_ID;
	v->rate_is_new = true;
	v->no_sync_buffer = v->no_sync_surface = v->caps.quirks->quirks & VAAPI_POLL;
	v->quality = quality_of(p->codec, e->params.preset, v->caps.quality_levels);

	s->codec = vaapi_codec_find(p->codec);
	s->ours = vaapi_writes_references(&v->caps);
	if (!s->ours) {
		e->params.dpb = 1;
		v->caps.packed &= ~headers_of_pictures(s->codec);
	}
	e->params.slices = (uint8_t)least(e->params.slices, e->caps.max_slices);
	pic_refs_init(&s->refs, e->params.dpb, s->ours);
	s->codec->init(s, &v->caps, &e->params);
	if (!s->high) {
		log_err("%ux%u needs more tiles than the driver makes", p->width, p->height);
		return -ENOTSUP;
	}
	vaapi_cut(s, e->params.slices, v->caps.slice_structure);
	e->params.slices = (uint8_t)(s->tiles ? s->tiles : s->slices);

	rc = vaapi_device_open(&v->device, v->caps.path);
	if (rc < 0) {
		log_errno(rc, "%s", v->caps.path);
		return -EIO;
	}
	/* No unit is larger than the slab's; like there, only what is used costs memory. */
	v->joined = malloc(e->slab.cap);
	if (!v->joined || !create_all(v)) {
		rc = v->joined ? -EIO : -ENOMEM;
		finish(v);
		return rc;
	}
	return 0;
}

/* --- what a picture is handed over with --- */

static bool add(struct vaapi *v, VABufferType type, const void *data, size_t size)
{
	if (v->n_buffers == BUFFERS_MAX)
		return false;
	if (!worked(vaCreateBuffer(v->device.dpy, v->context, type, (unsigned)size, 1, (void *)(uintptr_t)data,
				   &v->buffer[v->n_buffers]),
		    "parameters"))
		return false;
	v->n_buffers++;
	return true;
}

static bool add_misc(struct vaapi *v, VAEncMiscParameterType type, const void *data, size_t size)
{
	_Alignas(VAEncMiscParameterBuffer) uint8_t bytes[MISC_MAX];
	VAEncMiscParameterBuffer head = {.type = type};

	_Static_assert(sizeof(VAEncMiscParameterRateControl) + sizeof(head) <= MISC_MAX, "misc parameters must fit");
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), data, size);
	return add(v, VAEncMiscParameterBufferType, bytes, sizeof(head) + size);
}

static bool add_packed(struct vaapi *v, uint32_t type, const uint8_t *data, size_t bits)
{
	const VAEncPackedHeaderParameterBuffer p = {
		.type = type,
		.bit_length = (uint32_t)bits,
		.has_emulation_bytes = 1,
	};

	return add(v, VAEncPackedHeaderParameterBufferType, &p, sizeof(p)) &&
	       add(v, VAEncPackedHeaderDataBufferType, data, (bits + 7) / 8);
}

/* Frames a second as VA-API writes them: two 16-bit numbers. The lower one may be left out, but iHD's AV1 refuses
 * that. */
static uint32_t frame_rate(uint32_t fps_mhz)
{
	if (fps_mhz % 1000 && fps_mhz <= UINT16_MAX)
		return 1000u << 16 | fps_mhz;
	return 1u << 16 | (fps_mhz + 500) / 1000;
}

static bool add_rate(struct vaapi *v)
{
	const struct enc_params *p = &v->e.params;
	uint32_t frame_bits = (uint32_t)((uint64_t)p->kbps * 1000 * 1000 / p->video.fps_mhz);
	const VAEncMiscParameterFrameRate rate = {.framerate = frame_rate(p->video.fps_mhz)};
	const VAEncMiscParameterHRD hrd = {.initial_buffer_fullness = frame_bits, .buffer_size = frame_bits};
	uint32_t most = frame_bits / 100 * FRAME_PCT;
	const VAEncMiscParameterBufferMaxFrameSize ceiling = {.max_frame_size = most > LEAST_BITS ? most : LEAST_BITS};
	VAEncMiscParameterRateControl rc = {
		.bits_per_second = p->kbps * 1000,
		.target_percentage = 100,
		.window_size = 1000000 / p->video.fps_mhz + 1,
	};

	rc.rc_flags.bits.disable_frame_skip = 1;
	rc.rc_flags.bits.disable_bit_stuffing = 1;
	return add_misc(v, VAEncMiscParameterTypeRateControl, &rc, sizeof(rc)) &&
	       add_misc(v, VAEncMiscParameterTypeFrameRate, &rate, sizeof(rate)) &&
	       add_misc(v, VAEncMiscParameterTypeHRD, &hrd, sizeof(hrd)) &&
	       (!v->caps.frame_size || add_misc(v, VAEncMiscParameterTypeMaxFrameSize, &ceiling, sizeof(ceiling)));
}

static bool add_sequence(struct vaapi *v)
{
	const VAEncMiscParameterBufferQualityLevel quality = {.quality_level = v->quality};
	const struct vaapi_codec *c = v->stream.codec;
	_Alignas(max_align_t) uint8_t seq[VAAPI_PARAMETER_MAX];

	c->sequence(&v->stream, v->e.params.kbps, seq);
	return add(v, VAEncSequenceParameterBufferType, seq, c->sequence_size) &&
	       (!v->quality || add_misc(v, VAEncMiscParameterTypeQualityLevel, &quality, sizeof(quality)));
}

/* As which type of packed header a set goes that the driver takes under that flag. */
static uint32_t packed_type(uint32_t flag)
{
	return flag == VA_ENC_PACKED_HEADER_SEQUENCE ? VAEncPackedHeaderSequence : VAEncPackedHeaderPicture;
}

static bool add_sets(struct vaapi *v)
{
	uint8_t set[VAAPI_HEADER_MAX];

	for (unsigned i = 0; i < v->stream.codec->n_sets; i++) {
		uint32_t flag;
		size_t len = v->stream.codec->set(&v->stream, i, set, &flag);

		if (v->caps.packed & flag && !add_packed(v, packed_type(flag), set, len * 8))
			return false;
	}
	return true;
}

static bool add_slices(struct vaapi *v, const struct pic_plan *p)
{
	const struct vaapi_codec *c = v->stream.codec;
	_Alignas(max_align_t) uint8_t slice[VAAPI_PARAMETER_MAX];
	uint8_t header[VAAPI_HEADER_MAX];

	for (unsigned n = 0; n < v->stream.slices; n++) {
		c->slice(&v->stream, p, n, slice);
		if (v->stream.ours && c->slice_header &&
		    !add_packed(v, VAEncPackedHeaderSlice, header, c->slice_header(&v->stream, p, n, header)))
			return false;
		if (!add(v, VAEncSliceParameterBufferType, slice, c->slice_size))
			return false;
	}
	return true;
}

static bool add_picture(struct vaapi *v, const struct pic_plan *p)
{
	const struct vaapi_codec *c = v->stream.codec;
	_Alignas(max_align_t) uint8_t pic[VAAPI_PARAMETER_MAX];
	uint8_t header[VAAPI_HEADER_MAX];

	c->picture(&v->stream, p, v->coded, pic);
	return add(v, VAEncPictureParameterBufferType, pic, c->picture_size) &&
	       (!v->stream.ours || !c->picture_header ||
		add_packed(v, VAEncPackedHeaderPicture, header, c->picture_header(&v->stream, p, header) * 8));
}

static bool add_all(struct vaapi *v, const struct pic_plan *p)
{
	return (!p->idr || add_sequence(v)) && (!(p->idr || v->rate_is_new) || add_rate(v)) &&
	       (!p->idr || add_sets(v)) && add_picture(v, p) && add_slices(v, p);
}

static bool hand_over(struct vaapi *v, const struct pic_plan *p)
{
	VADisplay dpy = v->device.dpy;
	bool ok = worked(vaBeginPicture(dpy, v->context, v->picture), "picture");

	v->n_buffers = 0;
	ok = ok && add_all(v, p) &&
	     worked(vaRenderPicture(dpy, v->context, v->buffer, (int)v->n_buffers), "parameters of a picture") &&
	     worked(vaEndPicture(dpy, v->context), "encoding");
	for (unsigned i = 0; i < v->n_buffers; i++)
		vaDestroyBuffer(dpy, v->buffer[i]);
	return ok;
}

/* --- what comes of it --- */

static uint64_t patience_ns(const struct vaapi *v)
{
	uint64_t ns = HANG_FRAMES * 1000ull * NS_PER_S / v->e.params.video.fps_mhz;

	if (!v->stream.refs.idr_frame)
		return HANG_FIRST_NS;
	if (ns > HANG_MOST_NS)
		return HANG_MOST_NS;
	return ns < HANG_LEAST_NS ? HANG_LEAST_NS : ns;
}

/* For drivers that cannot be told a limit. */
static VAStatus look_until(struct vaapi *v, uint64_t limit_ns)
{
	VASurfaceStatus state = VASurfaceRendering;
	uint64_t now = clock_ns(), end = now + limit_ns;
	VAStatus s;

	for (;; now = clock_ns()) {
		s = vaQuerySurfaceStatus(v->device.dpy, v->picture, &state);
		if (s != VA_STATUS_SUCCESS || !(state & VASurfaceRendering))
			return s;
		if (now >= end)
			return VA_STATUS_ERROR_TIMEDOUT;
		clock_sleep_until(now + LOOK_NS);
	}
}

static bool wait_for(struct vaapi *v)
{
	uint64_t limit_ns = patience_ns(v);
	VAStatus s = VA_STATUS_ERROR_UNIMPLEMENTED;

	if (!v->no_sync_buffer) {
		s = vaSyncBuffer(v->device.dpy, v->coded, limit_ns);
		v->no_sync_buffer = s == VA_STATUS_ERROR_UNIMPLEMENTED;
	}
	if (s == VA_STATUS_ERROR_UNIMPLEMENTED && !v->no_sync_surface) {
		s = vaSyncSurface2(v->device.dpy, v->picture, limit_ns);
		v->no_sync_surface = s == VA_STATUS_ERROR_UNIMPLEMENTED;
	}
	if (s == VA_STATUS_ERROR_UNIMPLEMENTED)
		s = look_until(v, limit_ns);
	if (s == VA_STATUS_ERROR_TIMEDOUT)
		log_err("the encoder hangs");
	return s == VA_STATUS_ERROR_TIMEDOUT ? false : worked(s, "waiting for a picture");
}

/* The picture's bytes in one piece; NULL when they are no good. */
static const uint8_t *bytes_of(struct vaapi *v, const VACodedBufferSegment *first, size_t *len)
{
	const uint32_t bad = VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK | VA_CODED_BUF_STATUS_BAD_BITSTREAM;

	*len = 0;
	for (const VACodedBufferSegment *s = first; s; s = s->next) {
		if (s->status & bad) {
			log_err("the driver says that what it wrote is broken (%08x)", s->status);
			return NULL;
		}
		if (s == first && !s->next) {
			*len = s->size;
			return s->buf;
		}
		if (v->e.slab.cap - *len < s->size)
			return NULL;
		memcpy(v->joined + *len, s->buf, s->size);
		*len += s->size;
	}
	return v->joined;
}

static int take(struct vaapi *v, const struct pic_plan *p, struct au_slot *slot)
{
	VACodedBufferSegment *segment = NULL;
	const uint8_t *bytes;
	size_t len;
	int rc = -EIO;

	if (!worked(vaMapBuffer(v->device.dpy, v->coded, (void **)&segment), "the stream"))
		return -EIO;
	bytes = bytes_of(v, segment, &len);
	if (bytes)
		rc = vaapi_take(&v->stream, p, bytes, len, slot->data, v->e.slab.cap, &slot->au.len);
	vaUnmapBuffer(v->device.dpy, v->coded);
	switch (rc) {
	case -EBADMSG:
		log_err("frame %u: the driver does not write the headers that it is given; they are left to it "
			"from now on, and losses are answered with key frames",
			p->frame);
		vaapi_distrust(v->stream.codec->codec);
		return -EIO;
	case -EPROTO:
		log_err("frame %u: what the driver wrote is not the picture asked for", p->frame);
		return -EIO;
	case -ENOSPC:
		log_err("frame %u: larger than any packet train can carry", p->frame);
		return -EIO;
	default:
		return rc;
	}
}

/* The picture as a surface. */
static int bring(struct vaapi *v, const struct picture *pic, uint32_t frame_no)
{
	int rc;

	if (pic->share)
		return vaapi_shared_get(&v->shared, v->device.dpy, pic, v->stream.width, v->stream.height, &v->picture);
	v->picture = v->input;
	rc = vaapi_upload(&v->upload, v->input, pic);
	if (rc < 0)
		log_err("frame %u: the picture cannot be copied to the device", frame_no);
	return rc;
}

static int submit(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	struct vaapi *v = vaapi_from(e);
	struct au_slot *slot = au_slab_take(&e->slab);
	struct pic_plan plan;
	struct au *au;
	int rc;

	if (!slot)
		return -EAGAIN;
	au = &slot->au;
	pic_refs_plan(&v->stream.refs, r->idr, r->frame_no, &plan);
	rc = bring(v, pic, r->frame_no);
	if (rc == 0)
		rc = hand_over(v, &plan) && wait_for(v) ? take(v, &plan, slot) : -EIO;
	if (rc < 0) {
		au_release(au);
		return rc;
	}
	pic_refs_encoded(&v->stream.refs, &plan, r->ltr);
	v->rate_is_new = false;

	au->first = au->last = true;
	encoder_give(e, au, r, plan.idr);
	return 0;
}

/* --- the rest --- */

static int invalidate_refs(struct encoder *e, uint32_t first, uint32_t last)
{
	(void)last; /* everything after the first lost frame may depend on it */
	return pic_refs_invalidate(&vaapi_from(e)->stream.refs, first, e->newest);
}

static void acked(struct encoder *e, uint32_t frame_no)
{
	pic_refs_ack(&vaapi_from(e)->stream.refs, frame_no);
}

static int set_bitrate(struct encoder *e, uint32_t kbps)
{
	vaapi_from(e)->rate_is_new = true;
	e->params.kbps = kbps;
	return 0;
}

static void close_vaapi(struct encoder *e)
{
	finish(vaapi_from(e));
}

const struct encoder_ops encoder_vaapi = {
	.name = "vaapi",
	.help = "H.264, HEVC and AV1 in hardware on VA-API",
	.size = sizeof(struct vaapi),
	.hardware = true,
	.probe = vaapi_probe,
	.describe = vaapi_describe,
	.open = open_vaapi,
	.submit = submit,
	.invalidate_refs = invalidate_refs,
	.acked = acked,
	.set_bitrate = set_bitrate,
	.close = close_vaapi,
};
