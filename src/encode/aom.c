// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * AV1 on libaom, in its real-time mode.
 *
 * No delay anywhere: no lookahead, one temporal and one spatial layer, every picture comes out as one shown frame.
 * Threads work on tiles and on rows of superblocks of the one frame. The preset is the library's speed.
 *
 * Lost frames: encode/ref_slots.h decides which slot each frame refers to and replaces; the library is told frame by
 * frame. What the library demands for it, none of which it documents: the seven names are all different, or it gives
 * up inter prediction; a slot is only replaced if it is named; slot 0 is replaced whenever the library thinks its
 * golden frame due, whatever it was told, so it is never named. Only the first name is used for prediction, and there
 * are no order hints: nothing in a frame's header depends on slots that the client may not have.
 *
 * Speeds: 10 takes the first candidate for a block whose differences to it cancel out (libaom 3.6 holds a block for
 * equal where each of its parts is off by a constant and the constants add up to nothing), so that two-coloured squares
 * on its grid, a chess board or old games' tiles, now and then show the neighbour. 9 costs a seventh more time and was
 * not seen to do it. With samples of 10 bits speeds from 7 on lose 4 to 7 dB against 8 bits at the same rate (libaom
 * 3.6, moving texture; 6 does not, but costs five times the time).
 *
 * Output: one temporal unit per frame, low-overhead OBUs, temporal delimiter first, with the sequence header in front
 * of every key frame. It is copied once, from the library's memory, which dies at the next call.
 */
#include <aom/aom_encoder.h>
#include <aom/aomcx.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/wr.h"
#include "encode/encoder.h"
#include "encode/planar.h"
#include "encode/ref_slots.h"
#include "media/colour.h"

#define LOG_MODULE "aom"
#include "base/log.h"

#define SPEED_MIN        5
#define SPEED_MAX        10 /* of 3.6; later versions have more */
#define THREADS_MAX      8
#define SUPERBLOCK       64u
#define TILE_COLUMNS_MIN 4u /* superblocks */
#define TILE_ROWS_MIN    2u
#define FIRST_SLOT       1     /* 0 is the library's */
#define MAX_DIM          4096u /* what a processor can hope for */

/* Quantizers, 0 to 63; six to seven steps double the bytes. Finer ones than 8 (48 dB) show nothing more, and a still
 * picture that begins to move from there bursts the line: 2.0 of a frame's share against 0.6. */
#define FINEST      8
#define COARSEST    63
#define COARSER     8   /* for the frame after a loss */
#define STEER       3   /* towards the rate, each frame */
#define STEER_FLOOR 12  /* no finer than that for the rate's sake */
#define FRAME_PCT   120 /* of a frame's share, for what the library aims at */

struct av1 {
	struct encoder e;
	aom_codec_ctx_t lib;
	aom_codec_enc_cfg_t cfg;
	aom_image_t image;
	struct planar planar; /* of all formats but NV12 */
	struct ref_slots refs;
	size_t last_len; /* of the newest frame; 0: none yet */
};

static struct av1 *av1_from(struct encoder *e)
{
	return (struct av1 *)e;
}

static int probe(enum codec codec, struct enc_caps *caps)
{
	if (codec != CODEC_AV1)
		return -ENOTSUP;
	*caps = (struct enc_caps){
		.flags = ENC_RFI | ENC_RATE | ENC_KEEPS_OLD,
		.max_width = MAX_DIM,
		.max_height = MAX_DIM,
		.max_refs = REF_SLOTS,
		.max_slices = VIDEO_SLICES_MAX,
		.max_depth = aom_codec_get_caps(aom_codec_av1_cx()) & AOM_CODEC_CAP_HIGHBITDEPTH ? 10 : 8,
		.yuv444 = true,
	};
	return 0;
}

static const char *why(struct av1 *a)
{
	const char *detail = aom_codec_error_detail(&a->lib);

	return detail ? detail : aom_codec_error(&a->lib);
}

static int parse_speed(const char *preset, int *speed)
{
	int64_t n;

	if (str_to_i64(preset, strlen(preset), SPEED_MIN, SPEED_MAX, &n) < 0) {
		log_err("no preset '%s' (a speed from %d to %d)", preset, SPEED_MIN, SPEED_MAX);
		return -EINVAL;
	}
	*speed = (int)n;
	return 0;
}

/* Bytes of a frame at the rate asked for. */
static size_t frame_share(const struct encoder *e)
{
	return (size_t)((uint64_t)e->params.kbps * 125000 / e->params.video.fps_mhz);
}

/* The buffer is one frame: no frame is much larger than its share of the line. */
static void set_rate(aom_codec_enc_cfg_t *c, uint32_t kbps, uint32_t fps_mhz)
{
	unsigned frame_ms = (1000000 + fps_mhz - 1) / fps_mhz;

	c->rc_target_bitrate = kbps;
	c->rc_buf_sz = frame_ms;
	c->rc_buf_initial_sz = c->rc_buf_optimal_sz = frame_ms;
}

static void fill_config(aom_codec_enc_cfg_t *c, const struct enc_params *p, int threads)
{
	const struct video_params *v = &p->video;

	c->g_profile = v->yuv444; /* High, else Main */
	c->g_bit_depth = v->depth > 8 ? AOM_BITS_10 : AOM_BITS_8;
	c->g_input_bit_depth = v->depth > 8 ? 10 : 8;
	c->g_w = v->width;
	c->g_h = v->height;
	c->g_timebase = (struct aom_rational){1000, (int)v->fps_mhz};
	c->g_threads = (unsigned)threads;
	c->g_lag_in_frames = 0;
	c->g_error_resilient = 0;
	c->rc_end_usage = AOM_CBR;
	c->rc_dropframe_thresh = 0;
	c->rc_min_quantizer = FINEST;
	c->rc_max_quantizer = COARSEST;
	c->rc_undershoot_pct = 0;
	c->rc_overshoot_pct = 0;
	c->kf_mode = AOM_KF_DISABLED;
	set_rate(c, p->kbps, v->fps_mhz);
}

/* How many tiles the standard's uniform spacing makes of that many superblocks (AV1 5.9.15). */
static unsigned tiles_of(unsigned superblocks, unsigned log2)
{
	unsigned each = (superblocks + (1u << log2) - 1) >> log2;

	return (superblocks + each - 1) / each;
}

/* Columns first, as far as they stay wide enough to be worth it, then rows. */
static uint8_t choose_tiles(const struct enc_params *p, unsigned *log2_columns, unsigned *log2_rows)
{
	unsigned wide = (p->video.width + SUPERBLOCK - 1) / SUPERBLOCK;
	unsigned high = (p->video.height + SUPERBLOCK - 1) / SUPERBLOCK;
	unsigned want = 0;

	while (1u << want < p->slices)
		want++;
	*log2_columns = *log2_rows = 0;
	while (*log2_columns < want && wide >> (*log2_columns + 1) >= TILE_COLUMNS_MIN)
		++*log2_columns;
	while (*log2_columns + *log2_rows < want && high >> (*log2_rows + 1) >= TILE_ROWS_MIN)
		++*log2_rows;
	return (uint8_t)(tiles_of(wide, *log2_columns) * tiles_of(high, *log2_rows));
}

struct setting {
	int id, value;
};

static int apply(struct av1 *a, const struct setting *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (aom_codec_control(&a->lib, s[i].id, s[i].value) != AOM_CODEC_OK) {
			log_err("setting %d to %d: %s", s[i].id, s[i].value, why(a));
			return -EIO;
		}
	return 0;
}

static int set_up(struct av1 *a, int speed)
{
	const struct video_params *v = &a->e.params.video;
	const struct colour_codes colour = colour_codes(v->space, v->pq);
	unsigned log2_columns, log2_rows;

	a->e.params.slices = choose_tiles(&a->e.params, &log2_columns, &log2_rows);
	{
		const struct setting settings[] = {
			{AOME_SET_CPUUSED, speed},
			{AV1E_SET_SUPERBLOCK_SIZE, AOM_SUPERBLOCK_SIZE_64X64},
			{AV1E_SET_TILE_COLUMNS, (int)log2_columns},
			{AV1E_SET_TILE_ROWS, (int)log2_rows},
			{AV1E_SET_ROW_MT, 1},
			/* what only helps a lookahead, or costs more than it brings at these speeds */
			{AV1E_SET_ENABLE_TPL_MODEL, 0},
			{AV1E_SET_DELTAQ_MODE, 0},
			{AV1E_SET_ENABLE_OBMC, 0},
			{AV1E_SET_ENABLE_WARPED_MOTION, 0},
			{AV1E_SET_ENABLE_GLOBAL_MOTION, 0},
			{AV1E_SET_ENABLE_CFL_INTRA, 0},
			{AV1E_SET_ENABLE_SMOOTH_INTRA, 0},
			{AV1E_SET_ENABLE_ANGLE_DELTA, 0},
			{AV1E_SET_ENABLE_FILTER_INTRA, 0},
			{AV1E_SET_INTRA_DEFAULT_TX_ONLY, 1},
			{AV1E_SET_COEFF_COST_UPD_FREQ, 3},
			{AV1E_SET_MODE_COST_UPD_FREQ, 3},
			{AV1E_SET_MV_COST_UPD_FREQ, 3},
			{AV1E_SET_AQ_MODE, 3},
			{AV1E_SET_NOISE_SENSITIVITY, 0},
			/* nothing of a frame may depend on slots it is not predicted from */
			{AV1E_SET_ENABLE_ORDER_HINT, 0},
			{AV1E_SET_ENABLE_REF_FRAME_MVS, 0},
			{AV1E_SET_ERROR_RESILIENT_MODE, 0},
			/* a key frame has its share of the line like any other */
			{AOME_SET_MAX_INTRA_BITRATE_PCT, FRAME_PCT},
			{AV1E_SET_MAX_INTER_BITRATE_PCT, FRAME_PCT},
			{AV1E_SET_COLOR_PRIMARIES, colour.primaries},
			{AV1E_SET_TRANSFER_CHARACTERISTICS, colour.transfer},
			{AV1E_SET_MATRIX_COEFFICIENTS, colour.matrix},
			{AV1E_SET_COLOR_RANGE, v->full_range},
		};

		return apply(a, settings, ARRAY_LEN(settings));
	}
}

/* All but the planes, which each picture brings. */
static void describe_image(aom_image_t *image, const struct video_params *v)
{
	static const struct {
		aom_img_fmt_t fmt;
		int bps;
	} formats[PICTURE_FORMATS] = {
		[PICTURE_NV12] = {AOM_IMG_FMT_NV12, 12},
		[PICTURE_P010] = {AOM_IMG_FMT_I42016, 24},
		[PICTURE_YUV444] = {AOM_IMG_FMT_I444, 24},
		[PICTURE_YUV444P10] = {AOM_IMG_FMT_I44416, 48},
	};
	const enum picture_format format = picture_format_for(v);

	*image = (aom_image_t){
		.fmt = formats[format].fmt,
		.w = v->width,
		.h = v->height,
		.d_w = v->width,
		.d_h = v->height,
		.bit_depth = v->depth > 8 ? 10 : 8,
		.x_chroma_shift = !v->yuv444,
		.y_chroma_shift = !v->yuv444,
		.bps = formats[format].bps,
		.range = v->full_range ? AOM_CR_FULL_RANGE : AOM_CR_STUDIO_RANGE,
	};
}

static void close_lib(struct encoder *e)
{
	struct av1 *a = av1_from(e);

	aom_codec_destroy(&a->lib);
	aom_img_remove_metadata(&a->image);
	planar_finish(&a->planar);
}

/* Metadata units in front of each key frame, AV1 6.7.3 and 6.7.4. */
static bool describe_light(aom_image_t *image, const struct hdr_metadata *m)
{
	const uint16_t *const points[] = {m->red, m->green, m->blue, m->white};
	uint8_t display[24], light[4];
	struct wr w = wr_init(display, sizeof(display));

	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 2; k++) {
			uint32_t v = points[i][k] * 65536u / 50000; /* 0.16 */

			wr_be16(&w, (uint16_t)(v < UINT16_MAX ? v : UINT16_MAX));
		}
	wr_be32(&w, m->max_nits * 256u);                                    /* 24.8 */
	wr_be32(&w, (uint32_t)((uint64_t)m->min_nits * (1 << 14) / 10000)); /* 18.14 */
	put_be16(light, m->max_cll);
	put_be16(light + 2, m->max_fall);
	return aom_img_add_metadata(image, OBU_METADATA_TYPE_HDR_MDCV, display, sizeof(display), AOM_MIF_KEY_FRAME) ==
		       0 &&
	       ((!m->max_cll && !m->max_fall) ||
		aom_img_add_metadata(image, OBU_METADATA_TYPE_HDR_CLL, light, sizeof(light), AOM_MIF_KEY_FRAME) == 0);
}

static int open_lib(struct encoder *e)
{
	struct av1 *a = av1_from(e);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int rc, speed = 0;

	rc = parse_speed(e->params.preset, &speed);
	if (rc < 0)
		return rc;
	if (aom_codec_enc_config_default(aom_codec_av1_cx(), &a->cfg, AOM_USAGE_REALTIME) != AOM_CODEC_OK)
		return -EIO;
	fill_config(&a->cfg, &e->params, cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (int)cores);
	if (picture_format_for(&e->params.video) != PICTURE_NV12) {
		rc = planar_init(&a->planar, &e->params.video);
		if (rc < 0)
			return rc;
	}
	if (aom_codec_enc_init(&a->lib, aom_codec_av1_cx(), &a->cfg,
			       e->params.video.depth > 8 ? AOM_CODEC_USE_HIGHBITDEPTH : 0) != AOM_CODEC_OK) {
		log_err("the library refused %ux%u: %s", a->cfg.g_w, a->cfg.g_h, why(a));
		planar_finish(&a->planar);
		return -EIO;
	}
	rc = set_up(a, speed);
	describe_image(&a->image, &e->params.video);
	if (rc == 0 && e->params.video.pq && e->params.video.light.max_nits &&
	    !describe_light(&a->image, &e->params.video.light))
		rc = -ENOMEM;
	if (rc < 0) {
		close_lib(e);
		return rc;
	}
	/* Every decoder has all the slots, so using them costs nothing. */
	e->params.dpb = e->params.dpb > 1 ? REF_SLOTS : 1;
	ref_slots_init(&a->refs, e->params.dpb);
	return 0;
}

static bool tell_references(struct av1 *a, const struct ref_plan *p)
{
	aom_svc_ref_frame_config_t c = {.reference = {1}};

	for (unsigned i = 0; i < REF_SLOTS; i++) {
		c.ref_idx[i] = FIRST_SLOT + p->named[i];
		c.refresh[FIRST_SLOT + i] = p->refresh >> i & 1;
	}
	return aom_codec_control(&a->lib, AV1E_SET_SVC_REF_FRAME_CONFIG, &c) == AOM_CODEC_OK;
}

/*
 * Bounds for the quantizer of the next frame, where the library's rate control is too slow:
 * The frame after a loss refers to an older one than those before, so the quantizer that fitted them would make it two
 * or three times as large. It gets a coarser one; the frames that follow take it back.
 * Frames far below their share, as after the start or when the rate was raised: the library would take seconds to use
 * the rate, one small step a frame. The largest quantizer comes down with them, but not so far that a still picture
 * that begins to move bursts the line.
 */
static bool bound_quantizer(struct av1 *a, const struct enc_request *r)
{
	unsigned finest = FINEST, coarsest = COARSEST;
	int last = 0;

	if (a->last_len && aom_codec_control(&a->lib, AOME_GET_LAST_QUANTIZER_64, &last) != AOM_CODEC_OK)
		return false;
	if (r->after_rfi)
		finest = (unsigned)last + COARSER < COARSEST ? (unsigned)last + COARSER : COARSEST;
	else if (a->last_len && a->last_len < frame_share(&a->e) / 2 && last > STEER_FLOOR)
		coarsest = last - STEER > STEER_FLOOR ? (unsigned)(last - STEER) : STEER_FLOOR;
	if (a->cfg.rc_min_quantizer == finest && a->cfg.rc_max_quantizer == coarsest)
		return true;
	a->cfg.rc_min_quantizer = finest;
	a->cfg.rc_max_quantizer = coarsest;
	return aom_codec_enc_config_set(&a->lib, &a->cfg) == AOM_CODEC_OK;
}

static void take_planes(struct av1 *a, const struct picture *pic)
{
	if (pic->format == PICTURE_NV12) {
		a->image.planes[AOM_PLANE_Y] = pic->luma;
		a->image.planes[AOM_PLANE_U] = pic->chroma;
		a->image.stride[AOM_PLANE_Y] = a->image.stride[AOM_PLANE_U] = (int)pic->stride;
		return;
	}
	planar_take(&a->planar, pic);
	for (unsigned i = 0; i < 3; i++) {
		a->image.planes[i] = (uint8_t *)a->planar.plane[i]; /* only read */
		a->image.stride[i] = (int)a->planar.stride[i];
	}
}

/* The one unit that the picture became, NULL when it did not. */
static const aom_codec_cx_pkt_t *encode(struct av1 *a, const struct picture *pic, const struct enc_request *r)
{
	const aom_codec_cx_pkt_t *pkt, *unit = NULL;
	aom_codec_iter_t iter = NULL;

	take_planes(a, pic);
	if (aom_codec_encode(&a->lib, &a->image, r->frame_no, 1, r->idr ? AOM_EFLAG_FORCE_KF : 0) != AOM_CODEC_OK) {
		log_err("frame %u: %s", r->frame_no, why(a));
		return NULL;
	}
	while ((pkt = aom_codec_get_cx_data(&a->lib, &iter)))
		if (pkt->kind == AOM_CODEC_CX_FRAME_PKT) {
			if (unit)
				return NULL;
			unit = pkt;
		}
	return unit;
}

static int submit(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	struct av1 *a = av1_from(e);
	const aom_codec_cx_pkt_t *unit;
	struct au_slot *slot;
	struct ref_plan plan;
	struct au *au;

	slot = au_slab_take(&e->slab);
	if (!slot)
		return -EAGAIN;
	au = &slot->au;
	ref_slots_plan(&a->refs, r->idr, false, &plan);
	unit = tell_references(a, &plan) && bound_quantizer(a, r) ? encode(a, pic, r) : NULL;
	if (unit && r->idr && !(unit->data.frame.flags & AOM_FRAME_IS_KEY))
		unit = NULL;
	if (!unit || unit->data.frame.sz > e->slab.cap) {
		log_err("frame %u: %s", r->frame_no,
			unit ? "larger than any packet train can carry" : "the library failed");
		au_release(au);
		return -EIO;
	}
	memcpy(slot->data, unit->data.frame.buf, unit->data.frame.sz);
	plan.key = unit->data.frame.flags & AOM_FRAME_IS_KEY;
	ref_slots_encoded(&a->refs, &plan, r->frame_no, r->ltr);
	a->last_len = unit->data.frame.sz;

	au->first = au->last = true;
	au->len = unit->data.frame.sz;
	encoder_give(e, au, r, plan.key);
	return 0;
}

static int invalidate_refs(struct encoder *e, uint32_t first, uint32_t last)
{
	(void)last; /* everything after the first lost frame may depend on it */
	return ref_slots_invalidate(&av1_from(e)->refs, first);
}

static void acked(struct encoder *e, uint32_t frame_no)
{
	ref_slots_ack(&av1_from(e)->refs, frame_no);
}

static int set_bitrate(struct encoder *e, uint32_t kbps)
{
	struct av1 *a = av1_from(e);

	set_rate(&a->cfg, kbps, e->params.video.fps_mhz);
	if (aom_codec_enc_config_set(&a->lib, &a->cfg) != AOM_CODEC_OK) {
		log_err("%u kbit/s: %s", kbps, why(a));
		return -EIO;
	}
	e->params.kbps = kbps;
	return 0;
}

const struct encoder_ops encoder_aom = {
	.name = "aom",
	.help = "AV1 in software on libaom",
	.size = sizeof(struct av1),
	.probe = probe,
	.open = open_lib,
	.submit = submit,
	.invalidate_refs = invalidate_refs,
	.acked = acked,
	.set_bitrate = set_bitrate,
	.close = close_lib,
};
