// SPDX-License-Identifier: GPL-3.0-or-later
/* What a VA-API driver is told of an HEVC picture, and what is taken of its answers, without a driver. */
#include "../cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "encode/vaapi_codec.h"

static struct vaapi_stream make(uint16_t width, uint16_t height, unsigned slices, uint8_t dpb)
{
	const struct vaapi_caps caps = {
		.profile = VAProfileHEVCMain,
		.hevc = {.min_cb = 3,
			 .ctb = 6,
			 .min_tb = 2,
			 .max_tb = 5,
			 .depth_inter = 2,
			 .depth_intra = 2,
			 .amp = true,
			 .qp_delta = true},
	};
	const struct enc_params params = {
		.video = {.codec = CODEC_HEVC,
			  .width = width,
			  .height = height,
			  .fps_mhz = 60000,
			  .space = COLOUR_BT709},
		.dpb = dpb,
		.kbps = 10000,
	};
	struct vaapi_stream v = {.codec = &vaapi_hevc, .ours = true};

	pic_refs_init(&v.refs, dpb, true);
	for (unsigned i = 0; i < PIC_REFS_SURFACES_MAX; i++)
		v.surface[i] = 100 + i;
	vaapi_hevc.init(&v, &caps, &params);
	vaapi_cut(&v, slices, 0);
	return v;
}

static uint32_t sizes_of(unsigned ctb, unsigned min_cb, unsigned min_tb, unsigned max_tb, unsigned depth)
{
	return (VAConfigAttribValEncHEVCBlockSizes){.bits = {.log2_max_coding_tree_block_size_minus3 = ctb - 3,
							     .log2_min_coding_tree_block_size_minus3 = ctb - 3,
							     .log2_min_luma_coding_block_size_minus3 = min_cb - 3,
							     .log2_max_luma_transform_block_size_minus2 = max_tb - 2,
							     .log2_min_luma_transform_block_size_minus2 = min_tb - 2,
							     .max_max_transform_hierarchy_depth_inter = depth,
							     .max_max_transform_hierarchy_depth_intra = depth}}
		.value;
}

/* Whatever a driver answers, block sizes are such as a stream may have (H.265 7.4.3.2.1). */
static void attributes_become_tools(void **state)
{
	static const struct {
		unsigned ctb, min_cb, min_tb, max_tb, depth;
		struct hevc_tools want;
	} rows[] = {
		{6, 3, 2, 5, 3, {.ctb = 6, .min_cb = 3, .min_tb = 2, .max_tb = 5, .depth_inter = 3}},
		{5, 3, 2, 5, 2, {.ctb = 5, .min_cb = 3, .min_tb = 2, .max_tb = 5, .depth_inter = 2}},
		{5, 3, 3, 4, 1, {.ctb = 5, .min_cb = 3, .min_tb = 2, .max_tb = 4, .depth_inter = 1}},
		{4, 4, 3, 5, 3, {.ctb = 4, .min_cb = 4, .min_tb = 3, .max_tb = 4, .depth_inter = 1}},
		{4, 6, 5, 2, 0, {.ctb = 4, .min_cb = 4, .min_tb = 2, .max_tb = 2, .depth_inter = 0}},
		{3, 3, 2, 2, 0, {.ctb = 5, .min_cb = 4, .min_tb = 2, .max_tb = 5, .depth_inter = 2}},
	};
	VAConfigAttribValEncHEVCFeatures f = {.value = 0};
	struct hevc_tools t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t value = sizes_of(rows[i].ctb, rows[i].min_cb, rows[i].min_tb, rows[i].max_tb, rows[i].depth);

		assert_true(vaapi_hevc_tools(VA_ATTRIB_NOT_SUPPORTED, value, &t));
		assert_int_equal(t.ctb, rows[i].want.ctb);
		assert_int_equal(t.min_cb, rows[i].want.min_cb);
		assert_int_equal(t.min_tb, rows[i].want.min_tb);
		assert_int_equal(t.max_tb, rows[i].want.max_tb);
		assert_int_equal(t.depth_inter, rows[i].want.depth_inter);
		assert_int_equal(t.depth_intra, rows[i].want.depth_inter);
		assert_true(t.qp_delta && !t.amp && !t.sao);
	}
	assert_true(vaapi_hevc_tools(VA_ATTRIB_NOT_SUPPORTED, VA_ATTRIB_NOT_SUPPORTED, &t));
	assert_int_equal(t.ctb, 5);
	f.bits.amp = f.bits.strong_intra_smoothing = VA_FEATURE_SUPPORTED;
	f.bits.sao = f.bits.transform_skip = VA_FEATURE_REQUIRED;
	f.bits.sign_data_hiding = VA_FEATURE_SUPPORTED;
	assert_true(vaapi_hevc_tools(f.value, VA_ATTRIB_NOT_SUPPORTED, &t));
	assert_true(t.amp && t.sao && t.strong_intra && t.transform_skip);
	assert_false(t.sign_hiding || t.qp_delta || t.constrained_intra);
	f.bits.temporal_mvp = f.bits.pcm = f.bits.scaling_lists = VA_FEATURE_SUPPORTED;
	assert_true(vaapi_hevc_tools(f.value, VA_ATTRIB_NOT_SUPPORTED, &t));
	f.bits.pcm = VA_FEATURE_REQUIRED;
	assert_false(vaapi_hevc_tools(f.value, VA_ATTRIB_NOT_SUPPORTED, &t));
}

static void sizes_are_those_of_blocks(void **state)
{
	struct vaapi_stream v = make(1366, 770, 3, 8);
	VAEncSequenceParameterBufferHEVC s;
	uint32_t first, count, next = 0;

	(void)state;
	vaapi_hevc.sequence(&v, 20000, &s);
	assert_int_equal(s.pic_width_in_luma_samples, 1368);
	assert_int_equal(s.pic_height_in_luma_samples, 776);
	assert_int_equal(v.width, 1376); /* surfaces */
	assert_int_equal(v.height, 784);
	assert_int_equal(v.wide, 22);
	assert_int_equal(v.high, 13);
	assert_int_equal(s.general_level_idc, v.hevc.level);
	assert_int_equal(s.log2_min_luma_coding_block_size_minus3, 0);
	assert_int_equal(s.log2_diff_max_min_luma_coding_block_size, 3);
	assert_int_equal(s.log2_diff_max_min_transform_block_size, 3);
	assert_int_equal(s.seq_fields.bits.amp_enabled_flag, 1);
	assert_int_equal(s.seq_fields.bits.sample_adaptive_offset_enabled_flag, 0);
	assert_int_equal(s.bits_per_second, 20000000);
	for (unsigned n = 0; n < v.slices; n++) {
		vaapi_slice_blocks(&v, n, &first, &count);
		assert_int_equal(first, next);
		next += count;
	}
	assert_int_equal(next, 22 * 13);
}

/* Kept frames are named once, the one referred to by its flag; old ones are long-term. */
static void parameters_name_the_references_of_the_plan(void **state)
{
	struct vaapi_stream v = make(1366, 768, 2, 8);
	unsigned long_terms = 0;

	(void)state;
	for (uint32_t f = 1; f <= 300; f++) {
		VAEncPictureParameterBufferHEVC pic;
		VAEncSliceParameterBufferHEVC s;
		struct pic_plan p;
		unsigned used = 0, listed = 0;

		if (f == 200)
			assert_int_equal(pic_refs_invalidate(&v.refs, 195, 199), 0);
		pic_refs_plan(&v.refs, f == 1, f, &p);
		vaapi_hevc.picture(&v, &p, 7, &pic);
		assert_int_equal(pic.decoded_curr_pic.picture_id, 100 + p.surface);
		assert_int_equal(pic.decoded_curr_pic.pic_order_cnt, f - 1);
		assert_int_equal(pic.decoded_curr_pic.flags, 0);
		assert_int_equal(pic.coded_buf, 7);
		assert_int_equal(pic.collocated_ref_pic_index, 0xff);
		assert_int_equal(pic.nal_unit_type, f == 1 ? 19 : 1);
		for (unsigned i = 0; i < ARRAY_LEN(pic.reference_frames); i++) {
			const VAPictureHEVC *r = &pic.reference_frames[i];

			if (r->flags & VA_PICTURE_HEVC_INVALID) {
				assert_int_equal(r->picture_id, VA_INVALID_SURFACE);
				continue;
			}
			listed++;
			assert_int_not_equal(r->picture_id, pic.decoded_curr_pic.picture_id);
			assert_true(r->pic_order_cnt < (int)f - 1);
			assert_true(f < 200 || r->pic_order_cnt < 194 || r->pic_order_cnt >= 199); /* lost */
			assert_int_equal(!!(r->flags & VA_PICTURE_HEVC_LONG_TERM_REFERENCE),
					 (int)f - 1 - r->pic_order_cnt > (int)HEVC_SHORT_TERM_AGE);
			long_terms += !!(r->flags & VA_PICTURE_HEVC_LONG_TERM_REFERENCE);
			used += !!(r->flags & (VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE | VA_PICTURE_HEVC_RPS_LT_CURR));
		}
		assert_int_equal(used, f > 1);
		assert_int_equal(listed, __builtin_popcount(p.kept));
		for (unsigned n = 0; n < v.slices; n++) {
			vaapi_hevc.slice(&v, &p, n, &s);
			assert_int_equal(s.slice_type, f == 1 ? HEVC_SLICE_I : HEVC_SLICE_P);
			assert_int_equal(s.slice_fields.bits.last_slice_of_pic_flag, n + 1 == v.slices);
			assert_int_equal(s.ref_pic_list0[1].picture_id, VA_INVALID_SURFACE);
			assert_int_equal(s.ref_pic_list1[0].picture_id, VA_INVALID_SURFACE);
			if (f > 1)
				assert_int_equal(s.ref_pic_list0[0].pic_order_cnt, f == 200 ? 193 : (int)f - 2);
		}
		v.hevc.tools.both_lists = true;
		vaapi_hevc.slice(&v, &p, 0, &s);
		assert_int_equal(s.slice_type, f == 1 ? HEVC_SLICE_I : HEVC_SLICE_B);
		assert_int_equal(s.ref_pic_list1[0].picture_id, s.ref_pic_list0[0].picture_id);
		v.hevc.tools.both_lists = false;
		pic_refs_encoded(&v.refs, &p, f == 10);
		if (f == 12)
			pic_refs_ack(&v.refs, 10);
	}
	assert_true(long_terms > 100);
}

/* A slice as a driver would write it: the header and some bytes of data. */
static size_t put_slice(uint8_t *out, const struct vaapi_stream *v, const struct pic_plan *p, unsigned n)
{
	size_t len = vaapi_hevc.slice_header(v, p, n, out) / 8;

	memset(out + len, 0x5a, 20);
	out[len + 20] = 0x80;
	return len + 21;
}

static size_t put_bytes(uint8_t *out, const char *bytes, size_t len)
{
	memcpy(out, bytes, len);
	return len;
}

static void only_parameter_sets_and_slices_are_taken(void **state)
{
	static const uint8_t types[] = {32, 33, 34, 19, 19};
	struct vaapi_stream v = make(320, 192, 2, 8);
	uint8_t in[1024], out[1024];
	struct pic_plan p;
	size_t len = 0, got;

	(void)state;
	for (unsigned own = 0; own < 2; own++) {
		struct nal_walk walk;
		uint32_t packed;
		struct nal n;

		pic_refs_plan(&v.refs, true, 1, &p);
		len = put_bytes(in, "\0\0\0\1\x46\1\x10", 7); /* access unit delimiter */
		for (unsigned i = 0; i < 3 && !own; i++)
			len += vaapi_hevc.set(&v, i, in + len, &packed);
		len += put_bytes(in + len, "\0\0\0\1\x4e\1\5\1\2\x80", 10); /* SEI */
		len += put_slice(in + len, &v, &p, 0);
		len += put_slice(in + len, &v, &p, 1);
		len += put_bytes(in + len, "\0\0\0\1\x4c\1\xff\x80", 8); /* filler */
		assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
		walk = nal_walk_init(out, got);
		for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
			assert_true(nal_walk_next(&walk, &n));
			assert_int_equal(hevc_nal_type(&n), types[i]);
			assert_int_equal(n.payload - n.start, i < 3 ? 4 : 3);
		}
		assert_false(nal_walk_next(&walk, &n));
		assert_int_equal(vaapi_take(&v, &p, in, len, out, got - 1, &got), -ENOSPC);
	}
}

/* Each that is missing in its place, and none twice, wherever the driver has the others. */
static void only_the_sets_that_a_driver_leaves_out_are_ours(void **state)
{
	static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {2, 1, 0}};
	struct vaapi_stream v = make(320, 192, 1, 8);
	struct pic_plan p;

	(void)state;
	pic_refs_plan(&v.refs, true, 1, &p);
	for (unsigned k = 0; k < 8 * ARRAY_LEN(orders); k++) {
		uint8_t in[1024], out[1024];
		unsigned seen[3] = {0}, last = 0;
		struct nal_walk walk;
		size_t len = 0, got;
		uint32_t packed;
		struct nal n;

		for (unsigned i = 0; i < 3; i++)
			if (k % 8 >> orders[k / 8][i] & 1)
				len += vaapi_hevc.set(&v, orders[k / 8][i], in + len, &packed);
		len += put_slice(in + len, &v, &p, 0);
		assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
		walk = nal_walk_init(out, got);
		for (unsigned i = 0; i < 3; i++) {
			assert_true(nal_walk_next(&walk, &n));
			assert_in_range(hevc_nal_type(&n), HEVC_NAL_VPS, HEVC_NAL_PPS);
			seen[hevc_nal_type(&n) - HEVC_NAL_VPS]++;
			if (k < 8) /* theirs are in order */
				assert_true(hevc_nal_type(&n) > last);
			last = hevc_nal_type(&n);
		}
		assert_true(seen[0] == 1 && seen[1] == 1 && seen[2] == 1);
		assert_true(nal_walk_next(&walk, &n));
		assert_int_equal(hevc_nal_type(&n), HEVC_NAL_IDR_W_RADL);
		assert_false(nal_walk_next(&walk, &n));
	}
}

/* What is known of an HDR picture's light stands between parameter sets and slices of each IDR, whoever wrote the sets;
 * a driver's own does not. */
static void light_is_put_in_front_of_an_idr(void **state)
{
	static const uint8_t types[] = {32, 33, 34, 39, 19, 19};
	struct vaapi_stream v = make(320, 192, 2, 8);
	uint8_t in[1024], out[1024], sei[VAAPI_HEADER_MAX];
	struct pic_plan p;
	struct nal_walk walk;
	size_t len, got;
	struct nal n;

	(void)state;
	v.hevc.depth = 10;
	v.hevc.pq = true;
	v.hevc.light = (struct hdr_metadata){.max_nits = 1000, .max_cll = 500};
	for (unsigned own = 0; own < 2; own++) {
		uint32_t packed;

		len = 0;
		pic_refs_plan(&v.refs, true, 1, &p);
		for (unsigned i = 0; i < 3 && !own; i++)
			len += vaapi_hevc.set(&v, i, in + len, &packed);
		len += put_bytes(in + len, "\0\0\0\1\x4e\1\5\1\2\x80", 10);
		len += put_slice(in + len, &v, &p, 0);
		len += put_slice(in + len, &v, &p, 1);
		assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
		walk = nal_walk_init(out, got);
		for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
			assert_true(nal_walk_next(&walk, &n));
			assert_int_equal(hevc_nal_type(&n), types[i]);
			if (types[i] != 39)
				continue;
			assert_int_equal(n.len + 4, vaapi_hevc.before_key(&v, sei));
			assert_memory_equal(n.payload, sei + 4, n.len);
		}
		assert_false(nal_walk_next(&walk, &n));
	}
	pic_refs_encoded(&v.refs, &p, false);
	pic_refs_plan(&v.refs, false, 2, &p);
	len = put_slice(in, &v, &p, 0);
	len += put_slice(in + len, &v, &p, 1);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
	walk = nal_walk_init(out, got);
	assert_true(nal_walk_next(&walk, &n));
	assert_int_equal(hevc_nal_type(&n), 1);
}

static void parameters_say_depth_and_chroma(void **state)
{
	struct vaapi_stream v = make(1366, 770, 1, 8);
	VAEncSequenceParameterBufferHEVC s;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		v.hevc.depth = i & 1 ? 10 : 8;
		v.hevc.yuv444 = i & 2;
		vaapi_hevc.sequence(&v, 20000, &s);
		assert_int_equal(s.general_profile_idc, i & 2 ? 4 : i + 1);
		assert_int_equal(s.seq_fields.bits.chroma_format_idc, i & 2 ? 3 : 1);
		assert_int_equal(s.seq_fields.bits.bit_depth_luma_minus8, i & 1 ? 2 : 0);
		assert_int_equal(s.seq_fields.bits.bit_depth_chroma_minus8, i & 1 ? 2 : 0);
	}
}

static void a_driver_that_writes_something_else_is_found_out(void **state)
{
	struct vaapi_stream v = make(320, 192, 1, 8);
	uint8_t in[1024], out[1024];
	struct pic_plan p, other;
	size_t got, len;

	(void)state;
	for (uint32_t f = 1; f <= 3; f++) {
		pic_refs_plan(&v.refs, f == 1, f, &p);
		if (f < 3)
			pic_refs_encoded(&v.refs, &p, false);
	}
	other = p;
	other.kept &= (uint8_t)(1u << p.ref); /* forgets one */
	len = put_slice(in, &v, &other, 0);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EBADMSG);
	v.ours = false;
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
	v.ours = true;
	other = p;
	other.idr = true;
	len = put_slice(in, &v, &other, 0);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EPROTO);
	assert_int_equal(vaapi_take(&v, &p, in, 0, out, sizeof(out), &got), -EPROTO);
	assert_int_equal(vaapi_take(&v, &p, in, 5, out, sizeof(out), &got), -EPROTO); /* half a header */
	len = put_slice(in, &v, &p, 0);
	len += put_slice(in + len, &v, &p, 0);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_become_tools),
		cmocka_unit_test(sizes_are_those_of_blocks),
		cmocka_unit_test(parameters_name_the_references_of_the_plan),
		cmocka_unit_test(only_parameter_sets_and_slices_are_taken),
		cmocka_unit_test(only_the_sets_that_a_driver_leaves_out_are_ours),
		cmocka_unit_test(light_is_put_in_front_of_an_idr),
		cmocka_unit_test(parameters_say_depth_and_chroma),
		cmocka_unit_test(a_driver_that_writes_something_else_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
