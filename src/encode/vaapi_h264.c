// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/vaapi_h264.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

#define PERIOD 65535u /* frames; every picture's type is said with it, but some drivers want a number */

enum { SLICE_P = 0, SLICE_I = 2 }; /* table 7-6 */

void vaapi_h264_cut(struct vaapi_h264 *v, unsigned want, uint32_t slice_structure)
{
	const uint32_t any = VA_ENC_SLICE_STRUCTURE_ARBITRARY_MACROBLOCKS | VA_ENC_SLICE_STRUCTURE_ARBITRARY_ROWS;
	unsigned high = h264_mbs_high(&v->stream);

	v->slices = want < high ? want : high;
	v->rows = 0;
	if (!slice_structure || slice_structure & any || v->slices == 1)
		return;
	v->rows = (high + v->slices - 1) / v->slices;
	if (slice_structure == VA_ENC_SLICE_STRUCTURE_POWER_OF_TWO_ROWS)
		while (v->rows & (v->rows - 1))
			v->rows++;
	v->slices = (high + v->rows - 1) / v->rows;
}

void vaapi_h264_slice(const struct vaapi_h264 *v, unsigned n, uint32_t *first_mb, uint32_t *mbs)
{
	unsigned wide = h264_mbs_wide(&v->stream), high = h264_mbs_high(&v->stream);
	unsigned from = v->rows ? n * v->rows : n * high / v->slices;
	unsigned to = v->rows ? (n + 1) * v->rows : (n + 1) * high / v->slices;

	if (to > high)
		to = high;
	*first_mb = from * wide;
	*mbs = (to - from) * wide;
}

void vaapi_h264_seq(const struct vaapi_h264 *v, uint32_t kbps, VAEncSequenceParameterBufferH264 *s)
{
	const struct h264_stream *h = &v->stream;
	unsigned wide = h264_mbs_wide(h), high = h264_mbs_high(h);

	*s = (VAEncSequenceParameterBufferH264){
		.level_idc = h->level,
		.intra_period = PERIOD,
		.intra_idr_period = PERIOD,
		.ip_period = 1,
		.bits_per_second = kbps * 1000,
		.max_num_ref_frames = h->dpb,
		.picture_width_in_mbs = (uint16_t)wide,
		.picture_height_in_mbs = (uint16_t)high,
		.seq_fields.bits =
			{
				.chroma_format_idc = 1,
				.frame_mbs_only_flag = 1,
				.direct_8x8_inference_flag = 1,
				.log2_max_frame_num_minus4 = H264_FRAME_NUM_BITS - 4,
				.pic_order_cnt_type = 2,
			},
		.frame_cropping_flag = wide * 16 != h->width || high * 16 != h->height,
		.frame_crop_right_offset = (wide * 16 - h->width) / 2,
		.frame_crop_bottom_offset = (high * 16 - h->height) / 2,
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
static VAPictureH264 picture(VASurfaceID surface, bool long_term, unsigned index, uint16_t frame_num, int32_t poc)
{
	return (VAPictureH264){
		.picture_id = surface,
		.frame_idx = long_term ? index : frame_num,
		.flags = long_term ? VA_PICTURE_H264_LONG_TERM_REFERENCE : VA_PICTURE_H264_SHORT_TERM_REFERENCE,
		.TopFieldOrderCnt = poc,
		.BottomFieldOrderCnt = poc,
	};
}

static VAPictureH264 held(const struct vaapi_h264 *v, unsigned i)
{
	const struct h264_held *h = &v->refs.held[i];

	return picture(v->surface[h->surface], v->refs.long_term, i, h->frame_num, h->poc);
}

void vaapi_h264_pic(const struct vaapi_h264 *v, const struct h264_plan *p, VABufferID coded,
		    VAEncPictureParameterBufferH264 *b)
{
	unsigned n = 0;

	*b = (VAEncPictureParameterBufferH264){
		.CurrPic = picture(v->surface[p->surface], p->long_term, p->index, p->frame_num, p->poc),
		.coded_buf = coded,
		.frame_num = p->frame_num,
		.pic_init_qp = H264_INIT_QP,
		.pic_fields.bits =
			{
				.idr_pic_flag = p->idr,
				.reference_pic_flag = 1,
				.entropy_coding_mode_flag = h264_cabac(&v->stream),
				.transform_8x8_mode_flag = h264_transform_8x8(&v->stream),
				.deblocking_filter_control_present_flag = 1,
			},
	};
	for (unsigned i = 0; i < REF_SLOTS && !p->idr; i++)
		if (v->refs.held[i].used)
			b->ReferenceFrames[n++] = held(v, i);
	while (n < ARRAY_LEN(b->ReferenceFrames))
		b->ReferenceFrames[n++] = no_picture();
}

void vaapi_h264_slice_param(const struct vaapi_h264 *v, const struct h264_plan *p, unsigned n,
			    VAEncSliceParameterBufferH264 *s)
{
	*s = (VAEncSliceParameterBufferH264){
		.macroblock_info = VA_INVALID_ID,
		.slice_type = p->idr ? SLICE_I : SLICE_P,
		.idr_pic_id = p->idr_pic_id,
	};
	vaapi_h264_slice(v, n, &s->macroblock_address, &s->num_macroblocks);
	for (unsigned i = 0; i < ARRAY_LEN(s->RefPicList0); i++)
		s->RefPicList0[i] = s->RefPicList1[i] = no_picture();
	if (!p->idr)
		s->RefPicList0[0] = held(v, p->ref);
}

struct sink {
	uint8_t *out;
	size_t cap, len;
	bool full;
};

static void put(struct sink *s, const uint8_t *data, size_t len)
{
	if (s->cap - s->len < len) {
		s->full = true;
		return;
	}
	memcpy(s->out + s->len, data, len);
	s->len += len;
}

/* Four-byte start codes where Annex B asks for them: parameter sets and the first unit. */
static void put_unit(struct sink *s, const struct nal *n)
{
	static const uint8_t code[] = {0, 0, 0, 1};
	unsigned skip = s->len && n->type != NAL_TYPE_SPS && n->type != NAL_TYPE_PPS;

	put(s, code + skip, sizeof(code) - skip);
	put(s, n->payload, n->len);
}

static void put_own_sets(const struct vaapi_h264 *v, struct sink *s)
{
	uint8_t set[H264_HEADER_MAX];

	put(s, set, h264_sps_write(set, &v->stream));
	put(s, set, h264_pps_write(set, &v->stream));
}

int vaapi_h264_take(const struct vaapi_h264 *v, const struct h264_plan *p, bool ours, const uint8_t *in, size_t in_len,
		    uint8_t *out, size_t cap, size_t *len)
{
	struct nal_walk walk = nal_walk_init(in, in_len);
	struct sink s = {.out = out, .cap = cap};
	unsigned slices = 0, sets = 0;
	uint32_t first_mb, mbs;
	struct nal n;

	while (nal_walk_next(&walk, &n)) {
		switch (n.type) {
		case NAL_TYPE_SPS:
		case NAL_TYPE_PPS:
			if (slices)
				return -EPROTO;
			sets++;
			put_unit(&s, &n);
			break;
		case NAL_TYPE_SLICE:
		case NAL_TYPE_IDR:
			if (n.type != h264_slice_type(p) || slices == v->slices)
				return -EPROTO;
			if (ours) {
				vaapi_h264_slice(v, slices, &first_mb, &mbs);
				if (!h264_slice_header_is(&n, p, first_mb))
					return -EBADMSG;
			}
			if (!slices && p->idr && !sets)
				put_own_sets(v, &s);
			put_unit(&s, &n);
			slices++;
			break;
		}
	}
	if (!slices)
		return -EPROTO;
	*len = s.len;
	return s.full ? -ENOSPC : 0;
}
