// SPDX-License-Identifier: GPL-3.0-or-later
/* What a VA-API driver is told of a picture, and what is taken of its answers, without a driver. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "encode/vaapi_codec.h"
#include "encode/vaapi_quirks.h"

static struct vaapi_stream make(uint16_t width, uint16_t height, unsigned slices, uint32_t structure, uint8_t dpb)
{
	struct vaapi_stream v = {
		.codec = &vaapi_h264,
		.ours = true,
		.h264 =
			{
				.profile = H264_HIGH,
				.level = 42,
				.dpb = dpb,
				.width = width,
				.height = height,
				.fps_mhz = 60000,
				.space = COLOUR_BT709,
			},
	};

	pic_refs_init(&v.refs, dpb, true);
	for (unsigned i = 0; i < PIC_REFS_SURFACES_MAX; i++)
		v.surface[i] = 100 + i;
	v.wide = h264_mbs_wide(&v.h264);
	v.high = h264_mbs_high(&v.h264);
	v.width = v.wide * 16;
	v.height = v.high * 16;
	vaapi_cut(&v, slices, structure);
	return v;
}

static void slices_cover_the_picture_as_the_driver_allows(void **state)
{
	static const uint32_t structures[] = {
		0,
		VA_ENC_SLICE_STRUCTURE_ARBITRARY_MACROBLOCKS,
		VA_ENC_SLICE_STRUCTURE_ARBITRARY_ROWS,
		VA_ENC_SLICE_STRUCTURE_EQUAL_ROWS,
		VA_ENC_SLICE_STRUCTURE_EQUAL_MULTI_ROWS,
		VA_ENC_SLICE_STRUCTURE_POWER_OF_TWO_ROWS,
		VA_ENC_SLICE_STRUCTURE_POWER_OF_TWO_ROWS | VA_ENC_SLICE_STRUCTURE_MAX_SLICE_SIZE,
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(structures); k++)
		for (uint16_t height = 16; height <= 1088; height += 16)
			for (unsigned want = 1; want <= 8; want++) {
				struct vaapi_stream v = make(1920, height, want, structures[k], 8);
				uint32_t next = 0, first, mbs, usual = 0;

				assert_in_range(v.slices, 1, want);
				if (k < 3)
					assert_int_equal(v.slices, want < height / 16u ? want : height / 16u);
				for (unsigned n = 0; n < v.slices; n++) {
					vaapi_slice_blocks(&v, n, &first, &mbs);
					assert_int_equal(first, next);
					assert_true(mbs && mbs % 120 == 0);
					if (k >= 3 && n && n + 1 < v.slices)
						assert_int_equal(mbs, usual);
					if (k >= 3 && n + 1 == v.slices && n)
						assert_true(mbs <= usual);
					if (k >= 5 && v.slices > 1 && !n)
						assert_int_equal(mbs / 120 & (mbs / 120 - 1), 0);
					usual = n ? usual : mbs;
					next += mbs;
				}
				assert_int_equal(next, 120 * height / 16);
			}
}

static void parameters_name_the_references_of_the_plan(void **state)
{
	struct vaapi_stream v = make(1366, 768, 2, 0, 8);
	struct pic_plan p;

	(void)state;
	for (uint32_t f = 1; f <= 100; f++) {
		VAEncPictureParameterBufferH264 pic;
		VAEncSliceParameterBufferH264 s;
		unsigned held = 0, listed = 0;

		pic_refs_plan(&v.refs, f == 1 || f == 60, f, &p);
		vaapi_h264.picture(&v, &p, 7, &pic);
		assert_int_equal(pic.CurrPic.picture_id, 100 + p.surface);
		assert_int_equal(pic.CurrPic.flags, VA_PICTURE_H264_LONG_TERM_REFERENCE);
		assert_int_equal(pic.CurrPic.frame_idx, p.index);
		assert_int_equal(pic.frame_num, p.number);
		assert_int_equal(pic.pic_fields.bits.idr_pic_flag, p.idr);
		assert_int_equal(pic.coded_buf, 7);
		for (unsigned i = 0; i < REF_SLOTS; i++)
			held += v.refs.held[i].used && !p.idr;
		for (unsigned i = 0; i < ARRAY_LEN(pic.ReferenceFrames); i++) {
			const VAPictureH264 *r = &pic.ReferenceFrames[i];

			assert_int_not_equal(r->picture_id, pic.CurrPic.picture_id);
			assert_int_equal(r->picture_id == VA_INVALID_SURFACE, i >= held);
			assert_int_equal(!!(r->flags & VA_PICTURE_H264_INVALID), i >= held);
		}
		for (unsigned n = 0; n < v.slices; n++) {
			vaapi_h264.slice(&v, &p, n, &s);
			assert_int_equal(s.slice_type, p.idr ? 2 : 0);
			assert_int_equal(s.RefPicList0[1].picture_id, VA_INVALID_SURFACE);
			assert_int_equal(s.RefPicList1[0].picture_id, VA_INVALID_SURFACE);
			for (unsigned i = 0; i < held; i++)
				listed += !memcmp(&s.RefPicList0[0], &pic.ReferenceFrames[i], sizeof(VAPictureH264));
			if (!p.idr)
				assert_int_equal(s.RefPicList0[0].TopFieldOrderCnt, 2 * (int)p.number - 2);
		}
		assert_int_equal(listed, p.idr ? 0 : v.slices);
		pic_refs_encoded(&v.refs, &p, false);
	}
}

static void the_sequence_says_what_our_parameter_set_says(void **state)
{
	struct vaapi_stream v = make(1366, 768, 1, 0, 5);
	VAEncSequenceParameterBufferH264 s;
	uint8_t bytes[H264_HEADER_MAX];
	struct nal_walk walk;
	struct sps sps;
	struct nal n;

	(void)state;
	vaapi_h264.sequence(&v, 800000, &s);
	walk = nal_walk_init(bytes, h264_sps_write(bytes, &v.h264));
	assert_true(nal_walk_next(&walk, &n));
	assert_int_equal(sps_parse(&sps, &n), 0);
	assert_int_equal(s.level_idc, sps.level_idc);
	assert_int_equal(s.max_num_ref_frames, sps.max_num_ref_frames);
	assert_int_equal(s.seq_fields.bits.log2_max_frame_num_minus4 + 4, sps.log2_max_frame_num);
	assert_int_equal(s.seq_fields.bits.pic_order_cnt_type, sps.poc_type);
	assert_int_equal(s.picture_width_in_mbs * 16 - 2 * s.frame_crop_right_offset, sps.width);
	assert_int_equal(s.picture_height_in_mbs * 16 - 2 * s.frame_crop_bottom_offset, sps.height);
	assert_true(s.frame_cropping_flag);
	assert_int_equal(s.num_units_in_tick, sps.units_in_tick);
	assert_int_equal(s.time_scale, sps.time_scale);
	assert_int_equal(s.bits_per_second, 800000000);
}

/* A slice as a driver would write it: the header and some bytes of data. */
static size_t put_slice(uint8_t *out, const struct vaapi_stream *v, const struct pic_plan *p, uint32_t first_mb)
{
	uint8_t rbsp[256];
	struct bit_writer w = bit_writer_init(rbsp, sizeof(rbsp));

	h264_slice_header_put(&w, &v->h264, p, first_mb);
	for (unsigned i = 0; i < 20; i++)
		bit_put(&w, 8, 0x5a);
	bit_trailing(&w);
	return nal_write(out, h264_ref_idc(p), h264_slice_type(p), rbsp, bit_bytes(&w));
}

static size_t put_bytes(uint8_t *out, const char *bytes, size_t len)
{
	memcpy(out, bytes, len);
	return len;
}

static void only_parameter_sets_and_slices_are_taken(void **state)
{
	struct vaapi_stream v = make(320, 192, 2, 0, 8);
	uint8_t in[1024], out[1024];
	struct pic_plan p;
	size_t len = 0, first, got;
	struct nal_walk walk;
	struct nal n;

	(void)state;
	pic_refs_plan(&v.refs, true, 1, &p);
	len += put_bytes(in, "\0\0\0\1\x09\x10", 6);
	len += h264_sps_write(in + len, &v.h264);
	len += h264_pps_write(in + len, &v.h264);
	len += put_bytes(in + len, "\0\0\0\1\x06\5\1\2\x80", 9);
	len += put_slice(in + len, &v, &p, 0);
	first = len;
	len += put_slice(in + len, &v, &p, 120);
	len += put_bytes(in + len, "\0\0\0\1\x0c\xff\xff\x80", 8);

	assert_int_equal(vaapi_take(&v, &p, in, first, out, sizeof(out), &got), -EPROTO); /* half a picture */
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
	walk = nal_walk_init(out, got);
	for (unsigned i = 0; i < 4; i++) {
		static const uint8_t types[] = {NAL_TYPE_SPS, NAL_TYPE_PPS, NAL_TYPE_IDR, NAL_TYPE_IDR};

		assert_true(nal_walk_next(&walk, &n));
		assert_int_equal(n.type, types[i]);
		assert_int_equal(n.payload - n.start, i < 2 ? 4 : 3);
	}
	assert_false(nal_walk_next(&walk, &n));
	assert_int_equal(vaapi_take(&v, &p, in, len, out, got, &got), 0);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, got - 1, &got), -ENOSPC);
}

static void a_driver_without_parameter_sets_gets_ours_in_front(void **state)
{
	struct vaapi_stream v = make(320, 192, 1, 0, 8);
	uint8_t in[1024], out[1024];
	struct nal_walk walk;
	struct pic_plan p;
	struct sps sps;
	struct nal n;
	size_t got;

	(void)state;
	pic_refs_plan(&v.refs, true, 1, &p);
	assert_int_equal(vaapi_take(&v, &p, in, put_slice(in, &v, &p, 0), out, sizeof(out), &got), 0);
	walk = nal_walk_init(out, got);
	assert_true(nal_walk_next(&walk, &n) && n.type == NAL_TYPE_SPS);
	assert_int_equal(sps_parse(&sps, &n), 0);
	assert_int_equal(sps.width, 320);
	assert_true(nal_walk_next(&walk, &n) && n.type == NAL_TYPE_PPS);
	assert_true(nal_walk_next(&walk, &n) && n.type == NAL_TYPE_IDR);
	pic_refs_encoded(&v.refs, &p, false);
	pic_refs_plan(&v.refs, false, 2, &p);
	assert_int_equal(vaapi_take(&v, &p, in, put_slice(in, &v, &p, 0), out, sizeof(out), &got), 0);
	walk = nal_walk_init(out, got);
	assert_true(nal_walk_next(&walk, &n) && n.type == NAL_TYPE_SLICE && n.payload - n.start == 4);
	assert_false(nal_walk_next(&walk, &n));
}

/* Of the sets, those in a mask; what comes out has both, and those of the driver, which differ in nothing else, are
 * its. */
static void only_the_sets_that_a_driver_leaves_out_are_ours(void **state)
{
	struct vaapi_stream v = make(320, 192, 1, 0, 8), theirs = v;
	struct pic_plan p;

	(void)state;
	theirs.h264.level = 52;
	theirs.h264.profile = H264_MAIN;
	pic_refs_plan(&v.refs, true, 1, &p);
	for (unsigned has = 0; has < 4; has++) {
		uint8_t in[1024], out[1024], want[1024];
		size_t len = 0, got, sets = 0;

		if (has & 1)
			len += h264_sps_write(in, &theirs.h264);
		if (has & 2)
			len += h264_pps_write(in + len, &theirs.h264);
		len += put_slice(in + len, &v, &p, 0);
		assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
		sets += h264_sps_write(want, has & 1 ? &theirs.h264 : &v.h264);
		sets += h264_pps_write(want + sets, has & 2 ? &theirs.h264 : &v.h264);
		assert_true(got > sets);
		assert_memory_equal(out, want, sets);
		assert_int_equal(out[sets + 3] & 31, NAL_TYPE_IDR);
	}
}

static void a_driver_that_writes_something_else_is_found_out(void **state)
{
	struct vaapi_stream v = make(320, 192, 1, 0, 8);
	struct pic_plan p, other;
	uint8_t in[1024], out[1024];
	size_t got, len;

	(void)state;
	pic_refs_plan(&v.refs, true, 1, &p);
	pic_refs_encoded(&v.refs, &p, false);
	pic_refs_plan(&v.refs, false, 2, &p);
	other = p;
	other.long_term = false;
	len = put_slice(in, &v, &other, 0);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EBADMSG);
	v.ours = false;
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
	other.idr = true;
	len = put_slice(in, &v, &other, 0);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EPROTO);
	assert_int_equal(vaapi_take(&v, &p, in, 0, out, sizeof(out), &got), -EPROTO);
	v.ours = true;
	len = put_slice(in, &v, &p, 0);
	len += put_slice(in + len, &v, &p, 120);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EPROTO);
}

static void drivers_are_known_by_their_vendor(void **state)
{
	(void)state;
	assert_string_equal(vaapi_quirks_find("Intel iHD driver for Intel(R) Gen Graphics - 23.1.1 ()")->driver, "iHD");
	assert_int_equal(vaapi_quirks_find("Intel i965 driver for Intel(R) Skylake - 2.4.1")->quirks, VAAPI_POLL);
	assert_string_equal(vaapi_quirks_find("Mesa Gallium driver 24.2.8 for AMD Radeon Graphics")->driver,
			    "radeonsi");
	assert_int_equal(vaapi_quirks_find("Mesa Gallium driver 22.3.6 for NV137")->quirks, VAAPI_NO_ENCODER);
	assert_int_equal(vaapi_quirks_find("VA-API NVDEC driver [direct backend]")->quirks, VAAPI_NO_ENCODER);
	assert_int_equal(vaapi_quirks_find("somebody's")->quirks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_cover_the_picture_as_the_driver_allows),
		cmocka_unit_test(parameters_name_the_references_of_the_plan),
		cmocka_unit_test(the_sequence_says_what_our_parameter_set_says),
		cmocka_unit_test(only_parameter_sets_and_slices_are_taken),
		cmocka_unit_test(a_driver_without_parameter_sets_gets_ours_in_front),
		cmocka_unit_test(only_the_sets_that_a_driver_leaves_out_are_ours),
		cmocka_unit_test(a_driver_that_writes_something_else_is_found_out),
		cmocka_unit_test(drivers_are_known_by_their_vendor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
