// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * H.264 on libx264, the embedded default.
 *
 * No delay anywhere: no B frames, no lookahead, sliced threads (frame threads would hold a frame back). Rate: constant,
 * with a buffer of one frame, so that no frame is much larger than its share of the line. A time stamp is the frame
 * number; time does not enter rate control.
 *
 * Output: libx264 calls nalu() from its slice threads, in any order, and its memory dies at the next frame. Each unit
 * is escaped straight from there into our own access unit, in order: a slice that comes early is parked and written by
 * whichever thread finishes the one before it. That costs no lock, no copy, and leaves each slice complete in memory
 * as soon as it can be. What is parked stays where it is though its thread goes on to the next slice: the library's
 * buffer of four bytes a pixel is several times what macroblocks can take, so it never moves.
 *
 * Early units: threads share a frame in bands that all finish together, so nothing could leave before the end. When
 * units are asked for, each band is cut into slices again, which come one after the other: those of the first band can
 * leave while it is still being worked on, with the other bands behind at the end. Costs about 0.6 % of the bits.
 *
 * Lost frames: with a DPB larger than one, x264_encoder_invalidate_reference() makes the next P frame refer to frames
 * that the client has. Library rules: no B frames, no periodic intra refresh, the DPB is i_dpb_size while motion search
 * keeps to one reference; when nothing valid is left an IDR comes out unasked, so the type is read from the output.
 * The library's frame_num is four or five bits wide; encode/bitstream.h says why that is too narrow. The writer widens
 * it, and a loss across a wrap of the wide one, once in 4096 or 8192 frames, is answered with an IDR.
 */
#include "encode/x264.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

#include "encode/bitstream.h"
#include "encode/planar.h"
#include "media/colour.h"

#define LOG_MODULE "x264"
#include "base/log.h"

#define CUTS_MAX 4u /* slices of a band: more of them save little time */

/* What x264_nal_encode() may write beyond 1.5 x the payload, as x264.h demands; it may read as far beyond the end. */
#define NAL_SLACK (5 + 64)

/* One frame's way from slice threads into its access unit. */
struct assembly {
	/* encode thread, while no slice thread runs */
	const struct enc_request *req;
	/* slice threads */
	x264_nal_t parked[VIDEO_SLICES_MAX];
	atomic_uint n_parked; /* entries handed out */
	atomic_uint ready;    /* bit per entry: filled, not written yet */
	atomic_uint work;     /* announced and not yet looked at; whoever raises it from 0 is the writer */
	/* writer; the encode thread before and after */
	uint8_t *wide;        /* the unit being written, with its wider frame_num */
	struct au_slot *unit; /* being filled; there is one until the last was given out */
	unsigned units;       /* given out */
	uint32_t next_mb;
	size_t len;    /* of the unit */
	size_t before; /* of the units given out */
	bool key, overflow;
};

struct avc {
	struct encoder e;
	x264_t *lib;
	x264_param_t param;
	uint32_t frame_no, idr_frame; /* being encoded; the last IDR before it */
	uint32_t mbs;                 /* of a picture */
	unsigned frame_num_bits;      /* as the library writes it */
	int cut_mbs;                  /* of each slice where bands are cut, 0: they cannot be */
	struct planar planar;         /* of all formats but NV12 */
	struct assembly asm_;
};

static struct avc *avc_from(struct encoder *e)
{
	return (struct avc *)e;
}

__attribute__((format(printf, 3, 0))) static void on_log(void *ctx, int level, const char *fmt, va_list ap)
{
	char line[240];

	(void)ctx;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	if (level <= X264_LOG_ERROR)
		log_err("%s", line);
	else if (level == X264_LOG_WARNING)
		log_warn("%s", line);
	else
		log_dbg("%s", line);
}

/* Colour description of H.264 annex E. */
static void describe_colour(x264_param_t *x, const struct video_params *v)
{
	const struct colour_codes c = colour_codes(v->space, v->pq);

	x->vui.i_colorprim = c.primaries;
	x->vui.i_transfer = c.transfer;
	x->vui.i_colmatrix = c.matrix;
	x->vui.b_fullrange = v->full_range;
	x->vui.i_chroma_loc = v->yuv444 ? 0 : 1; /* centre: encode/convert.h */
}

static const struct {
	int csp;
	const char *profile;
} formats[PICTURE_FORMATS] = {
	[PICTURE_NV12] = {X264_CSP_NV12, "high"},
	[PICTURE_P010] = {X264_CSP_I420 | X264_CSP_HIGH_DEPTH, "high10"},
	[PICTURE_YUV444] = {X264_CSP_I444, "high444"},
	[PICTURE_YUV444P10] = {X264_CSP_I444 | X264_CSP_HIGH_DEPTH, "high444"},
};

static void set_rate(x264_param_t *x, uint32_t kbps)
{
	uint64_t frame_kbit = (uint64_t)kbps * x->i_fps_den / x->i_fps_num;

	x->rc.i_bitrate = x->rc.i_vbv_max_bitrate = (int)kbps;
	x->rc.i_vbv_buffer_size = frame_kbit ? (int)frame_kbit : 1;
}

int x264_backend_params(x264_param_t *x, const struct enc_params *p)
{
	const struct video_params *v = &p->video;
	const enum picture_format format = picture_format_for(v);

	if (x264_param_default_preset(x, p->preset, "zerolatency") < 0) {
		log_err("no preset '%s' (try ultrafast, superfast, veryfast)", p->preset);
		return -EINVAL;
	}
	x->i_csp = formats[format].csp;
	x->i_bitdepth = picture_is_10bit(format) ? 10 : 8;
	x->i_width = v->width;
	x->i_height = v->height;
	x->i_fps_num = v->fps_mhz;
	x->i_fps_den = 1000;
	/* By count, not by time: variable frame rate input would cost a frame of delay. The VUI then claims a fixed
	 * rate; clients take their timing from the packets. */
	x->b_vfr_input = 0;
	describe_colour(x, v);

	x->i_threads = x->i_slice_count = p->slices;
	x->b_sliced_threads = p->slices > 1;
	x->i_keyint_max = X264_KEYINT_MAX_INFINITE;
	x->i_scenecut_threshold = 0;
	x->i_bframe = 0;
	x->b_intra_refresh = 0;
	x->i_frame_reference = 1;
	x->i_dpb_size = p->dpb;

	x->rc.i_rc_method = X264_RC_ABR;
	x->i_nal_hrd = X264_NAL_HRD_NONE;
	x->rc.b_filler = 0;
	set_rate(x, p->kbps);

	/* Every IDR must begin SPS, PPS, slice within the first packet (2-media 1.5): nothing else goes in front. */
	x->b_annexb = 1;
	x->b_repeat_headers = 1;
	x->b_aud = 0;
	x->b_pic_struct = 0;
	return x264_param_apply_profile(x, formats[format].profile) < 0 ? -EINVAL : 0;
}

static void no_log(void *ctx, int level, const char *fmt, va_list ap)
{
	(void)ctx, (void)level, (void)fmt, (void)ap;
}

/* What the library was built for, which depends on who packaged it: it opens or it does not. */
static struct {
	bool depth10, yuv444;
} library;
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static bool opens(enum picture_format format)
{
	const struct enc_params p = {
		.video =
			{
				.width = 64,
				.height = 64,
				.fps_mhz = 60000,
				.depth = picture_is_10bit(format) ? 10 : 8,
				.yuv444 = picture_is_444(format),
				.space = COLOUR_BT709,
			},
		.slices = 1,
		.dpb = 1,
		.kbps = 1000,
		.preset = "ultrafast",
	};
	x264_param_t param;
	x264_t *lib;

	if (x264_backend_params(&param, &p) < 0)
		return false;
	param.pf_log = no_log;
	lib = x264_encoder_open(&param);
	if (lib)
		x264_encoder_close(lib);
	return lib;
}

static void ask_library(void)
{
	library.yuv444 = opens(PICTURE_YUV444);
	library.depth10 = opens(PICTURE_P010) && (!library.yuv444 || opens(PICTURE_YUV444P10));
}

static int probe(enum codec codec, struct enc_caps *caps)
{
	if (codec != CODEC_H264)
		return -ENOTSUP;
	pthread_once(&library_once, ask_library);
	*caps = (struct enc_caps){
		.flags = ENC_RFI | ENC_RATE | ENC_SLICES,
		.max_width = 4096,  /* level 5.2 */
		.max_height = 4096, /* tall screens count by macroblocks */
		.max_refs = ENCODER_DPB_MAX,
		.max_slices = VIDEO_SLICES_MAX,
		.max_depth = library.depth10 ? 10 : 8,
		.yuv444 = library.yuv444,
	};
	return 0;
}

/* Writer. The unit's payload with its wider frame_num; 0: it does not look as expected. */
static size_t widen(struct avc *a, const x264_nal_t *nal)
{
	uint8_t *out = a->asm_.wide;
	size_t len = (size_t)nal->i_payload;

	switch (nal->i_type) {
	case NAL_SPS:
		return sps_widen_frame_num(out, nal->p_payload, len, &a->frame_num_bits);
	case NAL_SLICE_IDR:
		return slice_widen_frame_num(out, nal->p_payload, len, a->frame_num_bits, 0);
	case NAL_SLICE:
		return slice_widen_frame_num(out, nal->p_payload, len, a->frame_num_bits, a->frame_no - a->idr_frame);
	default:
		memcpy(out, nal->p_payload, len);
		return len;
	}
}

/* Writer. Escapes one unit behind what is there; a unit that does not fit is noted, never cut. */
static void write_nal(struct avc *a, const x264_nal_t *from)
{
	struct assembly *s = &a->asm_;
	size_t need = ((size_t)from->i_payload + 2) * 3 / 2 + NAL_SLACK;
	x264_nal_t nal = *from;

	if (s->overflow || a->e.slab.cap - s->len < need) {
		s->overflow = true;
		return;
	}
	nal.i_payload = (int)widen(a, from);
	nal.p_payload = s->wide;
	if (!nal.i_payload) {
		log_err("frame %u: unexpected header in a unit of type %d", a->frame_no, from->i_type);
		s->overflow = true;
		return;
	}
	/* Four-byte start codes where Annex B asks for them: parameter sets and the first unit. */
	nal.b_long_startcode = nal.i_type == NAL_SPS || nal.i_type == NAL_PPS || s->before + s->len == 0;
	x264_nal_encode(a->lib, s->unit->data + s->len, &nal);
	s->len += (size_t)nal.i_payload;
}

/* Writer, or the encode thread for the last unit. next: what is filled after it, NULL with the last. */
static void give_out(struct avc *a, struct au_slot *next)
{
	struct assembly *s = &a->asm_;
	struct au *au = &s->unit->au;

	au->first = !s->units;
	au->last = !next;
	au->len = s->len;
	s->before += s->len;
	if (next) {
		size_t projected = s->before * a->mbs / s->next_mb;

		au->expected = projected > s->req->expected ? projected : s->req->expected;
	}
	s->unit = next;
	s->units++;
	s->len = 0;
	encoder_give(&a->e, au, s->req, s->key);
}

/* Writer. Gives out what was written if it is enough to be of use and not the end. */
static void offer(struct avc *a)
{
	struct assembly *s = &a->asm_;
	struct au_slot *next;

	if (!s->req->unit_bytes || s->len < s->req->unit_bytes || s->units + 1u >= s->req->units)
		return;
	if (s->overflow || !s->next_mb || s->next_mb == a->mbs)
		return;
	next = au_slab_take(&a->e.slab);
	if (next)
		give_out(a, next);
}

/* Writer. Writes every parked slice whose turn it is. */
static void write_parked(struct avc *a)
{
	struct assembly *s = &a->asm_;
	unsigned ready = atomic_load_explicit(&s->ready, memory_order_acquire);
	unsigned todo = ready;

	while (todo) {
		unsigned i = (unsigned)__builtin_ctz(todo);
		const x264_nal_t *nal = &s->parked[i];

		todo &= todo - 1;
		if ((uint32_t)nal->i_first_mb != s->next_mb)
			continue;
		if (!s->next_mb)
			s->key = nal->i_type == NAL_SLICE_IDR;
		write_nal(a, nal);
		s->next_mb = (uint32_t)nal->i_last_mb + 1;
		ready &= ~(1u << i);
		atomic_fetch_and_explicit(&s->ready, ~(1u << i), memory_order_relaxed);
		todo = ready; /* a later entry may hold an earlier slice */
	}
	offer(a);
}

/* libx264's slice threads, several at once; parameter sets come from the encode thread before any slice. */
static void nalu(x264_t *lib, x264_nal_t *nal, void *opaque)
{
	struct avc *a = opaque;
	struct assembly *s = &a->asm_;
	unsigned i, seen = 1;

	(void)lib;
	if (nal->i_type == NAL_SPS || nal->i_type == NAL_PPS) {
		write_nal(a, nal);
		return;
	}
	if (nal->i_type != NAL_SLICE && nal->i_type != NAL_SLICE_IDR)
		return; /* the library's name and version, as SEI: 200 bytes that would push the slice out of shard 0 */

	i = atomic_fetch_add_explicit(&s->n_parked, 1, memory_order_relaxed);
	assert(i < VIDEO_SLICES_MAX);
	s->parked[i] = *nal;
	atomic_fetch_or_explicit(&s->ready, 1u << i, memory_order_release);
	/* One writer at a time, nobody waits: who finds work announced already leaves his slice to the writer. */
	if (atomic_fetch_add_explicit(&s->work, 1, memory_order_acq_rel) != 0)
		return;
	do {
		write_parked(a);
		seen = atomic_fetch_sub_explicit(&s->work, seen, memory_order_acq_rel) - seen;
	} while (seen);
}

/* Macroblocks of a slice where every band is cut into as many whole rows each as there may be slices; 0: none. */
static int cut_for(unsigned threads, unsigned mb_width, unsigned mb_height)
{
	unsigned cuts = VIDEO_SLICES_MAX / threads < CUTS_MAX ? VIDEO_SLICES_MAX / threads : CUTS_MAX;
	unsigned band = (mb_height + threads - 1) / threads;

	return cuts < 2 ? 0 : (int)((band + cuts - 1) / cuts * mb_width);
}

static int open_lib(struct encoder *e)
{
	struct avc *a = avc_from(e);
	unsigned mb_width, mb_height;
	int rc = x264_backend_params(&a->param, &e->params);

	if (rc < 0)
		return rc;
	a->param.pf_log = on_log;
	a->param.i_log_level = X264_LOG_WARNING;
	a->param.nalu_process = nalu;
	/* No unit is larger than the slab's; like there, only what is used costs memory. */
	a->asm_.wide = malloc(e->slab.cap + NAL_SLACK);
	if (!a->asm_.wide)
		return -ENOMEM;
	if (picture_format_for(&e->params.video) != PICTURE_NV12)
		rc = planar_init(&a->planar, &e->params.video);
	if (rc == 0) {
		a->lib = x264_encoder_open(&a->param);
		rc = a->lib ? 0 : -EIO;
	}
	if (rc < 0) {
		planar_finish(&a->planar);
		free(a->asm_.wide);
		return rc;
	}
	x264_encoder_parameters(a->lib, &a->param);
	e->params.slices = (uint8_t)(a->param.b_sliced_threads ? a->param.i_threads
				     : a->param.i_slice_count  ? a->param.i_slice_count
							       : 1);
	e->params.dpb = (uint8_t)a->param.i_dpb_size;
	mb_width = (unsigned)(a->param.i_width + 15) / 16;
	mb_height = (unsigned)(a->param.i_height + 15) / 16;
	a->mbs = mb_width * mb_height;
	a->cut_mbs = cut_for(e->params.slices, mb_width, mb_height);
	return 0;
}

/* From the next frame on; nothing happens when it is so already. */
static int cut_bands(struct avc *a, bool cut)
{
	int mbs = cut ? a->cut_mbs : 0;

	if (a->param.i_slice_max_mbs == mbs)
		return 0;
	a->param.i_slice_max_mbs = mbs;
	return x264_encoder_reconfig(a->lib, &a->param) < 0 ? -EIO : 0;
}

/* The frame will not be finished. What is out of it already must be followed by its end. */
static int fail(struct avc *a)
{
	struct assembly *s = &a->asm_;

	log_err("frame %u: %s", a->frame_no,
		s->overflow ? "larger than any packet train can carry" : "the library failed");
	s->len = 0;
	if (s->units) {
		s->unit->au.broken = true;
		give_out(a, NULL);
	} else {
		au_release(&s->unit->au);
	}
	return -EIO;
}

static void describe_image(struct avc *a, x264_image_t *img, const struct picture *pic)
{
	img->i_csp = formats[pic->format].csp;
	if (pic->format == PICTURE_NV12) {
		img->i_plane = 2;
		img->plane[0] = pic->luma;
		img->plane[1] = pic->chroma;
		img->i_stride[0] = img->i_stride[1] = (int)pic->stride;
		return;
	}
	planar_take(&a->planar, pic);
	img->i_plane = 3;
	for (unsigned i = 0; i < 3; i++) {
		img->plane[i] = (uint8_t *)a->planar.plane[i]; /* only read */
		img->i_stride[i] = (int)a->planar.stride[i];
	}
}

static int submit(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	struct avc *a = avc_from(e);
	struct assembly *s = &a->asm_;
	x264_picture_t in, out;
	x264_nal_t *nals;
	int n_nals, rc;

	s->unit = au_slab_take(&e->slab);
	if (!s->unit)
		return -EAGAIN;
	s->req = r;
	s->units = 0;
	s->len = s->before = 0;
	s->next_mb = 0;
	s->key = s->overflow = false;
	a->frame_no = r->frame_no;
	atomic_store_explicit(&s->n_parked, 0, memory_order_relaxed);
	if (cut_bands(a, r->unit_bytes) < 0)
		return fail(a);

	x264_picture_init(&in);
	describe_image(a, &in.img, pic);
	in.i_pts = r->frame_no;
	in.i_type = r->idr ? X264_TYPE_IDR : X264_TYPE_AUTO;
	in.opaque = a;

	rc = x264_encoder_encode(a->lib, &nals, &n_nals, &in, &out);
	if (rc <= 0 || s->overflow || s->next_mb != a->mbs)
		return fail(a);
	if (s->key)
		a->idr_frame = r->frame_no;
	give_out(a, NULL);
	return 0;
}

static int invalidate_refs(struct encoder *e, uint32_t first, uint32_t last)
{
	struct avc *a = avc_from(e);
	uint32_t oldest = e->newest > e->params.dpb ? e->newest - e->params.dpb + 1 : 1;
	unsigned bits = a->frame_num_bits + FRAME_NUM_WIDER;

	(void)last; /* everything after the first lost frame may depend on it */
	if (first <= oldest || first <= a->idr_frame)
		return -ENOENT;
	/* Whether a number in first..newest begins a new round of frame_num. */
	if ((first - 1 - a->idr_frame) >> bits != (e->newest - a->idr_frame) >> bits)
		return -ENOENT;
	/* Frame by frame: the library ignores numbers before its last IDR, and one call would be lost with them. */
	for (uint32_t n = first; n <= e->newest; n++)
		if (x264_encoder_invalidate_reference(a->lib, n) < 0)
			return -ENOENT;
	return 0;
}

static int set_bitrate(struct encoder *e, uint32_t kbps)
{
	struct avc *a = avc_from(e);

	set_rate(&a->param, kbps);
	if (x264_encoder_reconfig(a->lib, &a->param) < 0)
		return -EIO;
	e->params.kbps = kbps;
	return 0;
}

static void close_lib(struct encoder *e)
{
	struct avc *a = avc_from(e);

	x264_encoder_close(a->lib);
	planar_finish(&a->planar);
	free(a->asm_.wide);
}

const struct encoder_ops encoder_x264 = {
	.name = "x264",
	.help = "H.264 in software on libx264",
	.size = sizeof(struct avc),
	.probe = probe,
	.open = open_lib,
	.submit = submit,
	.invalidate_refs = invalidate_refs,
	.set_bitrate = set_bitrate,
	.close = close_lib,
};
