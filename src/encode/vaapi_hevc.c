// SPDX-License-Identifier: GPL-3.0-or-later
/* HEVC on VA-API: coding tree blocks, reference picture sets. */
#include <assert.h>
#include <va/va.h>

#include "base/str.h"
#include "encode/vaapi_codec.h"

#define PERIOD       65535u /* frames; every picture's type is said with it, but some drivers want a number */
#define MERGE_MAX    5u     /* candidates: encode/hevc_headers.c */
#define SURFACE_UNIT 16u    /* luma samples; surfaces are never of smaller units */

enum { CODING_I = 1, CODING_P = 2 }; /* coding_type; B with both lists the same counts as P */

static_assert(sizeof(VAEncSequenceParameterBufferHEVC) <= VAAPI_PARAMETER_MAX &&
		      sizeof(VAEncPictureParameterBufferHEVC) <= VAAPI_PARAMETER_MAX &&
		      sizeof(VAEncSliceParameterBufferHEVC) <= VAAPI_PARAMETER_MAX &&
		      HEVC_HEADER_MAX <= VAAPI_HEADER_MAX,
	      "parameters and headers must fit");

static const struct vaapi_profile profiles[] = {
	{VAProfileHEVCMain, "Main", PICTURE_NV12},
	{VAProfileHEVCMain10, "Main 10", PICTURE_P010},
	{VAProfileHEVCMain444, "Main 4:4:4", PICTURE_YUV444},
	{VAProfileHEVCMain444_10, "Main 4:4:4 10", PICTURE_YUV444P10},
	{VAProfileNone, NULL, PICTURE_NV12},
};

/* Block sizes of drivers that do not tell theirs: what all known ones take. */
static void guess_sizes(struct hevc_tools *t)
{
	t->min_cb = 4;
	t->ctb = 5;
	t->min_tb = 2;
	t->max_tb = 5;
	t->depth_inter = t->depth_intra = 2;
}

static void read_sizes(struct hevc_tools *t, uint32_t value)
{
	const VAConfigAttribValEncHEVCBlockSizes sizes = {.value = value};
	unsigned depth;

	guess_sizes(t);
	if (sizes.bits.log2_max_coding_tree_block_size_minus3 < 1) /* 8: there is no such stream */
		return;
	t->ctb = (uint8_t)(sizes.bits.log2_max_coding_tree_block_size_minus3 + 3);
	t->min_cb = (uint8_t)(sizes.bits.log2_min_luma_coding_block_size_minus3 + 3);
	if (t->min_cb > t->ctb)
		t->min_cb = t->ctb;
	t->max_tb = (uint8_t)(sizes.bits.log2_max_luma_transform_block_size_minus2 + 2);
	if (t->max_tb > t->ctb)
		t->max_tb = t->ctb;
	t->min_tb = (uint8_t)(sizes.bits.log2_min_luma_transform_block_size_minus2 + 2);
	if (t->min_tb >= t->min_cb)
		t->min_tb = (uint8_t)(t->min_cb - 1);
	if (t->min_tb > t->max_tb)
		t->min_tb = t->max_tb;
	depth = (unsigned)t->ctb - t->min_tb;
	t->depth_inter = (uint8_t)sizes.bits.max_max_transform_hierarchy_depth_inter;
	t->depth_intra = (uint8_t)sizes.bits.max_max_transform_hierarchy_depth_intra;
	if (t->depth_inter > depth)
		t->depth_inter = (uint8_t)depth;
	if (t->depth_intra > depth)
		t->depth_intra = (uint8_t)depth;
}

/* False: it insists on what we do not write. */
static bool read_features(struct hevc_tools *t, uint32_t value)
{
	const VAConfigAttribValEncHEVCFeatures f = {.value = value};
	const uint32_t must = VA_FEATURE_REQUIRED;

	if (f.bits.separate_colour_planes == must || f.bits.scaling_lists == must || f.bits.pcm == must ||
	    f.bits.temporal_mvp == must || f.bits.dependent_slices == must || f.bits.weighted_prediction == must ||
	    f.bits.transquant_bypass == must)
		return false;
	t->amp = f.bits.amp != VA_FEATURE_NOT_SUPPORTED;
	t->sao = f.bits.sao != VA_FEATURE_NOT_SUPPORTED;
	t->strong_intra = f.bits.strong_intra_smoothing != VA_FEATURE_NOT_SUPPORTED;
	t->qp_delta = f.bits.cu_qp_delta != VA_FEATURE_NOT_SUPPORTED;
	t->sign_hiding = f.bits.sign_data_hiding == must;
	t->constrained_intra = f.bits.constrained_intra_pred == must;
	t->transform_skip = f.bits.transform_skip == must;
	return true;
}

bool vaapi_hevc_tools(uint32_t features, uint32_t sizes, struct hevc_tools *t)
{
	*t = (struct hevc_tools){.qp_delta = true};
	read_sizes(t, sizes == VA_ATTRIB_NOT_SUPPORTED ? 0 : sizes);
	return features == VA_ATTRIB_NOT_SUPPORTED || read_features(t, features);
}

static bool suits(VADisplay dpy, struct vaapi_caps *c)
{
	enum { FEATURES, SIZES, DIRECTION };
	VAConfigAttrib a[] = {
		[FEATURES] = {VAConfigAttribEncHEVCFeatures, 0},
		[SIZES] = {VAConfigAttribEncHEVCBlockSizes, 0},
		[DIRECTION] = {VAConfigAttribPredictionDirection, 0},
	};

	if (vaGetConfigAttributes(dpy, c->profile, c->entry, a, ARRAY_LEN(a)) != VA_STATUS_SUCCESS ||
	    !vaapi_hevc_tools(a[FEATURES].value, a[SIZES].value, &c->hevc))
		return false;
	c->hevc.both_lists = a[DIRECTION].value != VA_ATTRIB_NOT_SUPPORTED &&
			     a[DIRECTION].value & VA_PREDICTION_DIRECTION_BI_NOT_EMPTY;
	return true;
}

static unsigned align(unsigned v, unsigned to)
{
	return (v + to - 1) / to * to;
}

static void init(struct vaapi_stream *v, const struct vaapi_caps *c, const struct enc_params *p)
{
	const struct video_params *video = &p->video;
	struct hevc_stream *h = &v->hevc;

	*h = (struct hevc_stream){
		.tools = c->hevc,
		.dpb = (uint8_t)(v->refs.slots.n + 1),
		.width = video->width,
		.height = video->height,
		.fps_mhz = video->fps_mhz,
		.depth = video->depth > 8 ? 10 : 8,
		.yuv444 = video->yuv444,
		.space = video->space,
		.full_range = video->full_range,
		.pq = video->pq,
	};
	if (video->packet_size >= HEVC_LIGHT_FROM)
		h->light = video->light;
	hevc_level(h, p->kbps);
	v->wide = hevc_ctbs_wide(h);
	v->high = hevc_ctbs_high(h);
	v->width = align(hevc_coded_width(h), SURFACE_UNIT);
	v->height = align(hevc_coded_height(h), SURFACE_UNIT);
}

static void sequence(const struct vaapi_stream *v, uint32_t kbps, void *out)
{
	const struct hevc_stream *h = &v->hevc;
	const struct hevc_tools *t = &h->tools;
	VAEncSequenceParameterBufferHEVC *s = out;

	*s = (VAEncSequenceParameterBufferHEVC){
		.general_profile_idc = hevc_profile(h),
		.general_level_idc = h->level,
		.general_tier_flag = h->high_tier,
		.intra_period = PERIOD,
		.intra_idr_period = PERIOD,
		.ip_period = 1,
		.bits_per_second = kbps * 1000,
		.pic_width_in_luma_samples = (uint16_t)hevc_coded_width(h),
		.pic_height_in_luma_samples = (uint16_t)hevc_coded_height(h),
		.seq_fields.bits =
			{
				.chroma_format_idc = h->yuv444 ? 3 : 1,
				.bit_depth_luma_minus8 = h->depth - 8u,
				.bit_depth_chroma_minus8 = h->depth - 8u,
				.strong_intra_smoothing_enabled_flag = t->strong_intra,
				.amp_enabled_flag = t->amp,
				.sample_adaptive_offset_enabled_flag = t->sao,
				.low_delay_seq = 1,
			},
		.log2_min_luma_coding_block_size_minus3 = (uint8_t)(t->min_cb - 3),
		.log2_diff_max_min_luma_coding_block_size = (uint8_t)(t->ctb - t->min_cb),
		.log2_min_transform_block_size_minus2 = (uint8_t)(t->min_tb - 2),
		.log2_diff_max_min_transform_block_size = (uint8_t)(t->max_tb - t->min_tb),
		.max_transform_hierarchy_depth_inter = t->depth_inter,
		.max_transform_hierarchy_depth_intra = t->depth_intra,
		.vui_parameters_present_flag = 1,
		.vui_fields.bits =
			{
				.vui_timing_info_present_flag = 1,
				.bitstream_restriction_flag = 1,
				.motion_vectors_over_pic_boundaries_flag = 1,
				.restricted_ref_pic_lists_flag = 1,
				.log2_max_mv_length_horizontal = 15,
				.log2_max_mv_length_vertical = 15,
			},
		.vui_num_units_in_tick = 1000,
		.vui_time_scale = h->fps_mhz,
	};
}

static VAPictureHEVC no_picture(void)
{
	return (VAPictureHEVC){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_HEVC_INVALID};
}

static VAPictureHEVC held(const struct vaapi_stream *v, const struct pic_plan *p, unsigned i)
{
	const struct pic_held *h = &v->refs.held[i];
	bool long_term = hevc_is_long_term(p, h);
	VAPictureHEVC picture = {.picture_id = v->surface[h->surface], .pic_order_cnt = (int32_t)h->number};

	if (long_term)
		picture.flags = VA_PICTURE_HEVC_LONG_TERM_REFERENCE;
	if (i == p->ref)
		picture.flags |= long_term ? VA_PICTURE_HEVC_RPS_LT_CURR : VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE;
	return picture;
}

static void picture(const struct vaapi_stream *v, const struct pic_plan *p, VABufferID coded, void *out)
{
	const struct hevc_tools *t = &v->hevc.tools;
	VAEncPictureParameterBufferHEVC *b = out;
	unsigned n = 0;

	*b = (VAEncPictureParameterBufferHEVC){
		.decoded_curr_pic = {.picture_id = v->surface[p->surface], .pic_order_cnt = (int32_t)p->number},
		.coded_buf = coded,
		.collocated_ref_pic_index = 0xff,
		.pic_init_qp = HEVC_INIT_QP,
		.diff_cu_qp_delta_depth = t->qp_delta ? (uint8_t)(t->ctb - t->min_cb) : 0,
		.nal_unit_type = (uint8_t)hevc_slice_nal(p),
		.pic_fields.bits =
			{
				.idr_pic_flag = p->idr,
				.coding_type = p->idr ? CODING_I : CODING_P,
				.reference_pic_flag = 1,
				.sign_data_hiding_enabled_flag = t->sign_hiding,
				.constrained_intra_pred_flag = t->constrained_intra,
				.transform_skip_enabled_flag = t->transform_skip,
				.cu_qp_delta_enabled_flag = t->qp_delta,
				.pps_loop_filter_across_slices_enabled_flag = 1,
			},
	};
	for (unsigned i = 0; i < REF_SLOTS && !p->idr; i++)
		if (p->kept >> i & 1)
			b->reference_frames[n++] = held(v, p, i);
	while (n < ARRAY_LEN(b->reference_frames))
		b->reference_frames[n++] = no_picture();
}

static void slice(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, void *out)
{
	const struct hevc_tools *t = &v->hevc.tools;
	VAEncSliceParameterBufferHEVC *s = out;

	*s = (VAEncSliceParameterBufferHEVC){
		.slice_type = (uint8_t)hevc_slice_type(&v->hevc, p),
		.max_num_merge_cand = MERGE_MAX,
		.slice_fields.bits =
			{
				.last_slice_of_pic_flag = n + 1 == v->slices,
				.slice_sao_luma_flag = t->sao,
				.slice_sao_chroma_flag = t->sao,
				.slice_loop_filter_across_slices_enabled_flag = 1,
			},
	};
	vaapi_slice_blocks(v, n, &s->slice_segment_address, &s->num_ctu_in_slice);
	for (unsigned i = 0; i < ARRAY_LEN(s->ref_pic_list0); i++)
		s->ref_pic_list0[i] = s->ref_pic_list1[i] = no_picture();
	if (p->idr)
		return;
	s->ref_pic_list0[0] = held(v, p, p->ref);
	if (t->both_lists)
		s->ref_pic_list1[0] = s->ref_pic_list0[0];
}

static size_t set(const struct vaapi_stream *v, unsigned i, uint8_t *out, uint32_t *packed)
{
	*packed = i < 2 ? VA_ENC_PACKED_HEADER_SEQUENCE : VA_ENC_PACKED_HEADER_PICTURE;
	return i == 0   ? hevc_vps_write(out, &v->hevc)
	       : i == 1 ? hevc_sps_write(out, &v->hevc)
			: hevc_pps_write(out, &v->hevc);
}

static size_t slice_header(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, uint8_t *out)
{
	uint32_t first, count;

	vaapi_slice_blocks(v, n, &first, &count);
	return hevc_slice_header_write(out, &v->hevc, &v->refs, p, first) * 8;
}

static size_t before_key(const struct vaapi_stream *v, uint8_t *out)
{
	return hevc_light_write(out, &v->hevc);
}

/* Random access pictures that are no IDR, and those that are left out for sub-layers, are not asked for. */
static enum vaapi_unit unit(const struct nal *n)
{
	switch (hevc_nal_type(n)) {
	case HEVC_NAL_VPS:
	case HEVC_NAL_SPS:
	case HEVC_NAL_PPS:
		return VAAPI_SET;
	case HEVC_NAL_TRAIL_R:
		return VAAPI_SLICE;
	case HEVC_NAL_IDR_W_RADL:
	case HEVC_NAL_IDR_N_LP:
		return VAAPI_KEY_SLICE;
	default:
		return VAAPI_OTHER;
	}
}

static unsigned set_of(const struct nal *n)
{
	return hevc_nal_type(n) - HEVC_NAL_VPS; /* SPS and PPS follow */
}

static bool slice_is(const struct vaapi_stream *v, const struct pic_plan *p, unsigned n, const struct nal *unit)
{
	uint32_t first, count;

	vaapi_slice_blocks(v, n, &first, &count);
	return hevc_slice_header_is(unit, &v->hevc, &v->refs, p, first);
}

const struct vaapi_codec vaapi_hevc = {
	.codec = CODEC_HEVC,
	.profiles = profiles,
	.packed = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE | VA_ENC_PACKED_HEADER_SLICE,
	.sequence_size = sizeof(VAEncSequenceParameterBufferHEVC),
	.picture_size = sizeof(VAEncPictureParameterBufferHEVC),
	.slice_size = sizeof(VAEncSliceParameterBufferHEVC),
	.n_sets = 3,
	.suits = suits,
	.init = init,
	.sequence = sequence,
	.picture = picture,
	.slice = slice,
	.set = set,
	.before_key = before_key,
	.slice_header = slice_header,
	.unit = unit,
	.set_of = set_of,
	.slice_is = slice_is,
};
