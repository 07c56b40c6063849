// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/h264_headers.h"

#include <assert.h>

#include "base/str.h"
#include "media/colour.h"

enum { SLICE_P = 0, SLICE_I = 2 };                          /* table 7-6 */
enum { MODIFY_LONG_TERM = 2, MODIFY_END };                  /* table 7-7 */
enum { MARK_END = 0, MARK_PLACES = 4, MARK_LONG_TERM = 6 }; /* table 7-9 */

uint8_t h264_level(unsigned width, unsigned height, uint32_t fps_mhz, unsigned dpb, uint32_t kbps)
{
	/* Table A-1: macroblocks a second, in a frame, in the DPB; kbit/s. */
	static const struct {
		uint8_t idc;
		uint32_t per_s, frame, dpb, kbps;
	} levels[] = {
		{30, 40500, 1620, 8100, 10000},        {31, 108000, 3600, 18000, 14000},
		{32, 216000, 5120, 20480, 20000},      {40, 245760, 8192, 32768, 20000},
		{41, 245760, 8192, 32768, 50000},      {42, 522240, 8704, 34816, 50000},
		{50, 589824, 22080, 110400, 135000},   {51, 983040, 36864, 184320, 240000},
		{52, 2073600, 36864, 184320, 240000},  {60, 4177920, 139264, 696320, 240000},
		{61, 8355840, 139264, 696320, 480000}, {62, 16711680, 139264, 696320, 800000},
	};
	uint32_t wide = (width + 15) / 16, high = (height + 15) / 16, mbs = wide * high;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		/* Nor may a side be longer than the root of eight frames (A.3.1). */
		uint32_t side = 8 * levels[i].frame;

		if (mbs <= levels[i].frame && (uint64_t)mbs * fps_mhz <= levels[i].per_s * 1000ull &&
		    mbs * dpb <= levels[i].dpb && kbps <= levels[i].kbps && wide * wide <= side && high * high <= side)
			return levels[i].idc;
	}
	return levels[ARRAY_LEN(levels) - 1].idc;
}

static void put_vui(struct bit_writer *w, const struct h264_stream *s)
{
	const struct colour_codes colour = colour_codes(s->space, false);

	bit_put(w, 1, 0); /* aspect ratio */
	bit_put(w, 1, 0); /* overscan */
	bit_put(w, 1, 1);
	bit_put(w, 3, 5); /* video format: unspecified */
	bit_put(w, 1, s->full_range);
	bit_put(w, 1, 1);
	bit_put(w, 8, colour.primaries);
	bit_put(w, 8, colour.transfer);
	bit_put(w, 8, colour.matrix);
	bit_put(w, 1, 1); /* chroma in the centre: encode/convert.h */
	bit_ue(w, 1);
	bit_ue(w, 1);
	bit_put(w, 1, 1); /* timing, in fields */
	bit_put32(w, 1000);
	bit_put32(w, 2 * s->fps_mhz);
	bit_put(w, 1, 1);
	bit_put(w, 2, 0); /* HRD */
	bit_put(w, 1, 0); /* picture structure */
	bit_put(w, 1, 1); /* restrictions */
	bit_put(w, 1, 1); /* vectors over boundaries */
	bit_ue(w, 0);
	bit_ue(w, 0);
	bit_ue(w, 15);
	bit_ue(w, 15);
	bit_ue(w, 0); /* no reordering */
	bit_ue(w, s->dpb);
}

size_t h264_sps_write(uint8_t *out, const struct h264_stream *s)
{
	unsigned wide = h264_mbs_wide(s), high = h264_mbs_high(s);
	bool crop = wide * 16 != s->width || high * 16 != s->height;
	uint8_t rbsp[H264_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));

	bit_put(&w, 8, s->profile);
	bit_put(&w, 8, s->profile == H264_BASELINE ? 0xc0 : s->profile == H264_MAIN ? 0x40 : 0);
	bit_put(&w, 8, s->level);
	bit_ue(&w, 0);
	if (s->profile == H264_HIGH) {
		bit_ue(&w, 1); /* 4:2:0 */
		bit_ue(&w, 0); /* 8 bit */
		bit_ue(&w, 0);
		bit_put(&w, 2, 0); /* neither bypass nor matrices */
	}
	bit_ue(&w, H264_FRAME_NUM_BITS - 4);
	bit_ue(&w, 2); /* output order is decoding order */
	bit_ue(&w, s->dpb);
	bit_put(&w, 1, 0); /* a gap is a loss */
	bit_ue(&w, wide - 1);
	bit_ue(&w, high - 1);
	bit_put(&w, 2, 3); /* frames only, direct 8x8 */
	bit_put(&w, 1, crop);
	if (crop) {
		bit_ue(&w, 0);
		bit_ue(&w, (wide * 16 - s->width) / 2);
		bit_ue(&w, 0);
		bit_ue(&w, (high * 16 - s->height) / 2);
	}
	bit_put(&w, 1, 1);
	put_vui(&w, s);
	bit_trailing(&w);
	assert(!w.err);
	return nal_write(out, 3, NAL_TYPE_SPS, rbsp, bit_bytes(&w));
}

size_t h264_pps_write(uint8_t *out, const struct h264_stream *s)
{
	uint8_t rbsp[H264_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));

	bit_ue(&w, 0);
	bit_ue(&w, 0);
	bit_put(&w, 1, h264_cabac(s));
	bit_put(&w, 1, 0); /* nothing of fields */
	bit_ue(&w, 0);     /* one slice group */
	bit_ue(&w, 0);     /* one reference in either list */
	bit_ue(&w, 0);
	bit_put(&w, 3, 0); /* no weights */
	bit_se(&w, (int32_t)H264_INIT_QP - 26);
	bit_se(&w, 0);
	bit_se(&w, 0);
	bit_put(&w, 1, 1); /* slices say how they are deblocked */
	bit_put(&w, 2, 0);
	if (h264_transform_8x8(s)) {
		bit_put(&w, 2, 2); /* 8x8, no matrices */
		bit_se(&w, 0);
	}
	bit_trailing(&w);
	assert(!w.err);
	return nal_write(out, 3, NAL_TYPE_PPS, rbsp, bit_bytes(&w));
}

/* 7.3.3.1: always said, for what a decoder's own list begins with depends on what it missed. */
static void put_list_modification(struct bit_writer *w, const struct pic_plan *p)
{
	bit_put(w, 1, p->long_term);
	if (!p->long_term)
		return;
	bit_ue(w, MODIFY_LONG_TERM);
	bit_ue(w, p->ref);
	bit_ue(w, MODIFY_END);
}

/* 7.3.3.3. The number of places is said with each picture: the one that said it first may be lost. */
static void put_marking(struct bit_writer *w, const struct pic_plan *p)
{
	if (p->idr) {
		bit_put(w, 1, 0);
		bit_put(w, 1, p->long_term);
		return;
	}
	bit_put(w, 1, p->long_term);
	if (!p->long_term)
		return;
	bit_ue(w, MARK_PLACES);
	bit_ue(w, p->places);
	bit_ue(w, MARK_LONG_TERM);
	bit_ue(w, p->index);
	bit_ue(w, MARK_END);
}

/* Up to dec_ref_pic_marking(). */
static void put_references(struct bit_writer *w, const struct pic_plan *p, uint32_t first_mb, unsigned type)
{
	bit_ue(w, first_mb);
	bit_ue(w, type);
	bit_ue(w, 0);
	bit_put(w, H264_FRAME_NUM_BITS, (uint16_t)p->number);
	if (p->idr) {
		bit_ue(w, p->idr_id);
	} else {
		bit_put(w, 1, 0); /* one reference, as the parameter set says */
		put_list_modification(w, p);
	}
	put_marking(w, p);
}

void h264_slice_header_put(struct bit_writer *w, const struct h264_stream *s, const struct pic_plan *p,
			   uint32_t first_mb)
{
	put_references(w, p, first_mb, p->idr ? SLICE_I : SLICE_P);
	if (!p->idr && h264_cabac(s))
		bit_ue(w, 0);
	bit_se(w, 0); /* quantizer: whoever encodes says it with the macroblocks */
	bit_ue(w, 0); /* deblocked, standard strength */
	bit_se(w, 0);
	bit_se(w, 0);
}

size_t h264_slice_header_write(uint8_t *out, const struct h264_stream *s, const struct pic_plan *p, uint32_t first_mb)
{
	uint8_t rbsp[H264_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));
	unsigned pad;

	h264_slice_header_put(&w, s, p, first_mb);
	pad = w.n ? 8 - w.n : 0;
	bit_put(&w, pad, 0);
	assert(!w.err);
	return nal_write(out, h264_ref_idc(p), h264_slice_type(p), rbsp, bit_bytes(&w)) * 8 - pad;
}

bool h264_slice_header_is(const struct nal *n, const struct pic_plan *p, uint32_t first_mb)
{
	const struct sps sps = {.log2_max_frame_num = H264_FRAME_NUM_BITS};
	uint8_t want[H264_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(want, sizeof(want));
	struct slice_start start;
	size_t bits;

	/* The type may also say that the picture's other slices have the same. */
	if (n->type != h264_slice_type(p) || slice_start_parse(&start, n, &sps) < 0 ||
	    start.type % 5 != (p->idr ? SLICE_I : SLICE_P))
		return false;
	put_references(&w, p, first_mb, start.type);
	bits = bit_pad(&w);
	assert(!w.err);
	return nal_begins_with(n, 1, want, bits);
}
