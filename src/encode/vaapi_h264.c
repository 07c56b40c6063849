// SPDX-License-Identifier: GPL-3.0-or-later
/* H.264 on VA-API: macroblocks, long-term references. */
#include <assert.h>
#include <va/va.h>

#include "base/str.h"
#include "encode/vaapi_codec.h"

#define PERIOD 65535u /* frames; every picture's type is said with it, but some drivers want a number */

enum { SLICE_P = 0, SLICE_I = 2 }; /* table 7-6 */

static_assert(sizeof(VAEncSequenceParameterBufferH264) <= VAAPI_PARAMETER_MAX &&
		      sizeof(VAEncPictureParameterBufferH264) <= VAAPI_PARAMETER_MAX &&
		      sizeof(VAEncSliceParameterBufferH264) <= VAAPI_PARAMETER_MAX &&
		      H264_HEADER_MAX <= VAAPI_HEADER_MAX,
	      "parameters and headers must fit");

static const struct vaapi_profile profiles[] = {
	{VAProfileH264High, "High", PICTURE_NV12},
	{VAProfileH264Main, "Main", PICTURE_NV12},
	{VAProfileH264ConstrainedBaseline, "Constrained Baseline", PICTURE_NV12},
	{VAProfileNone, NULL, PICTURE_NV12},
};

static enum h264_profile profile_of(VAProfile p)
{
	return p == VAProfileH264High ? H264_HIGH : p == VAProfileH264Main ? H264_MAIN : H264_BASELINE;
}

static void init(struct vaapi_stream *v, const struct vaapi_caps *c, const struct enc_params *p)
{
	const struct video_params *video = &p->video;

	v->h264 = (struct h264_stream){
		.profile = profile_of(c->profile),
		.level = h264_level(video->width, video->height, video->fps_mhz, p->dpb, p->kbps),
		.dpb = p->dpb,
		.width = video->width,
		.height = video->height,
		.fps_mhz = video->fps_mhz,
		.space = video->space,
		.full_range = video->full_range,
	};
	v->wide = h264_mbs_wide(&v->h264);
	v->high = h264_mbs_high(&v->h264);
	v->width = v->wide * 16;
	v->height = v->high * 16;
}

static void sequence(const struct vaapi_stream *v, uint32_t kbps, void *out)
{
	const struct h264_stream *h = &v->h264;
	VAEncSequenceParameterBufferH264 *s = out;

	*s = (VAEncSequenceParameterBufferH264){
		.level_idc = h->level,
		.intra_period = PERIOD,
		.intra_idr_period = PERIOD,
		.ip_period = 1,
		.bits_per_second = kbps * 1000,
		.max_num_ref_frames = h->dpb,
		.picture_width_in_mbs = (uint16_t)v->wide,
		.picture_height_in_mbs = (uint16_t)v->high,
		.seq_fields.bits =
			{
				.chroma_format_idc = 1,
				.frame_mbs_only_flag = 1,
				.direct_8x8_inference_flag = 1,
				.log2_max_frame_num_minus4 = H264_FRAME_NUM_BITS - 4,
				.pic_order_cnt_type = 2,
			},
		.frame_cropping_flag = v->width != h->width || v->height != h->height,
		.frame_crop_right_offset = (v->width - h->width) / 2,
		.frame_crop_bottom_offset = (v->height - h->height) / 2,
		.vui_parameters_present_flag = 1,
		.vui_fields.bits =
			{
				.timing_info_present_flag = 1,
				.bitstream_restriction_flag = 1,
				.log2_max_mv_length_horizontal = 15,
				.log2_max_mv_length_vertical = 15,
				.fixed_frame_rate_flag = 1,
				.motion_vectors_over_pic_boundaries_flag = 1,
			},
		.num_units_in_tick = 1000,
		.time_scale = 2 * h->fps_mhz,
	};
}

static VAPictureH264 no_picture(void)
{
	return (VAPictureH264){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID};
}

/* index: LongTermFrameIdx, of a long-term reference. */
/* Its order count is twice its number: type 2, output order is decoding order (8.2.1.3). */
static VAPictureH264 picture_of(VASurfaceID surface, bool long_term, unsigned index, uint32_t number)
{
	return (VAPictureH264){
		.picture_id = surface,
		.frame_idx = long_term ? index : (uint16_t)number,
		.flags = long_term ? VA_PICTURE_H264_LONG_TERM_REFERENCE : VA_PICTURE_H264_SHORT_TERM_REFERENCE,
		.TopFieldOrderCnt = (int32_t)(2 * number),
		.BottomFieldOrderCnt = (int32_t)(2 * number),
	};
}

static VAPictureH264 held(const struct vaapi_stream *v, unsigned i)
{
	const struct pic_held *h = &v->refs.held[i];

	return picture_of(v->surface[h->surface], v->refs.long_term, i, h->number);
}

static void picture(const struct vaapi_stream *v, const struct pic_plan *p, VABufferID coded, void *out)
{
	VAEncPictureParameterBufferH264 *b = out;
	unsigned n = 0;

	*b = (VAEncPictureParameterBufferH264){
		.CurrPic = picture_of(v->surface[p->surface], p->long_term, p->index, p->number),
		.coded_buf = coded,
		.frame_num = (uint16_t)p->number,
		.pic_init_qp = H264_INIT_QP,
		.pic_fields.bits =
			{
				.idr_pic_flag = p->idr,
				.reference_pic_flag = 1,
				.entropy_coding_mode_flag = h264_cabac(&v->h264),
				.transform_8x8_mode_flag = h264_transform_8x8(&v->h264),
				.deblocking_filter_control_present_flag = 1,
			},
	};
	for (unsigned i = 0; i < REF_SLOTS && !p->idr; i++)
		if (v->refs.held[i].used)
			b->ReferenceFrames[n++] = held(v, i);
	while (n < ARRAY_LEN(b->ReferenceFrames))
		b->ReferenceFrames[n++] = no_picture();
}

static void slice(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, void *out)
{
	VAEncSliceParameterBufferH264 *s = out;

	*s = (VAEncSliceParameterBufferH264){
		.macroblock_info = VA_INVALID_ID,
		.slice_type = p->idr ? SLICE_I : SLICE_P,
		.idr_pic_id = p->idr_id,
	};
	vaapi_slice_blocks(v, n, &s->macroblock_address, &s->num_macroblocks);
	for (unsigned i = 0; i < ARRAY_LEN(s->RefPicList0); i++)
		s->RefPicList0[i] = s->RefPicList1[i] = no_picture();
	if (!p->idr)
		s->RefPicList0[0] = held(v, p->ref);
}

static size_t set(const struct vaapi_stream *v, unsigned i, uint8_t *out, uint32_t *packed)
{
	*packed = i ? VA_ENC_PACKED_HEADER_PICTURE : VA_ENC_PACKED_HEADER_SEQUENCE;
	return i ? h264_pps_write(out, &v->h264) : h264_sps_write(out, &v->h264);
}

static size_t slice_header(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, uint8_t *out)
{
	uint32_t first, count;

	vaapi_slice_blocks(v, n, &first, &count);
	return h264_slice_header_write(out, &v->h264, p, first);
}

static enum vaapi_unit unit(const struct nal *n)
{
	switch (n->type) {
	case NAL_TYPE_SPS:
	case NAL_TYPE_PPS:
		return VAAPI_SET;
	case NAL_TYPE_SLICE:
		return VAAPI_SLICE;
	case NAL_TYPE_IDR:
		return VAAPI_KEY_SLICE;
	default:
		return VAAPI_OTHER;
	}
}

static unsigned set_of(const struct nal *n)
{
	return n->type == NAL_TYPE_PPS;
}

static bool slice_is(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, const struct nal *unit)
{
	uint32_t first, count;

	vaapi_slice_blocks(v, n, &first, &count);
	return h264_slice_header_is(unit, p, first);
}

const struct vaapi_codec vaapi_h264 = {
	.codec = CODEC_H264,
	.profiles = profiles,
	.packed = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE | VA_ENC_PACKED_HEADER_SLICE,
	.sequence_size = sizeof(VAEncSequenceParameterBufferH264),
	.picture_size = sizeof(VAEncPictureParameterBufferH264),
	.slice_size = sizeof(VAEncSliceParameterBufferH264),
	.n_sets = 2,
	.init = init,
	.sequence = sequence,
	.picture = picture,
	.slice = slice,
	.set = set,
	.slice_header = slice_header,
	.unit = unit,
	.set_of = set_of,
	.slice_is = slice_is,
};
