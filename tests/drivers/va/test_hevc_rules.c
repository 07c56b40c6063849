// SPDX-License-Identifier: GPL-3.0-or-later
/* Each rule of HEVC in the stand-in driver has a picture that breaks it: the call fails, the log says why, and the
 * right picture behind it passes. What all codecs share is in test_rules.c. */
#include "hevc_rig.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define W 64u
#define H 64u

/* name, picture it is (0: IDR, 1..: P), status, what the log says, how the right picture is spoilt */
// clang-format off
#define RULES(X)                                                                                                       \
	X(no_sequence, 0, INVALID_PARAMETER, "without sequence parameters", s->send_seq = s->send_packed[0] = s->send_packed[1] = false;) \
	X(sequence_of_p, 1, INVALID_PARAMETER, "of a picture that is no IDR", s->send_seq = true;)                     \
	X(profile, 0, INVALID_PARAMETER, "general_profile_idc 2, the config is of 1", s->seq.general_profile_idc = 2;)                     \
	X(level, 0, INVALID_PARAMETER, "general_level_idc 92", s->seq.general_level_idc = 92;)                         \
	X(tier, 0, INVALID_PARAMETER, "general_tier_flag", s->seq.general_tier_flag = 1;)                              \
	X(size, 0, INVALID_PARAMETER, "the context is 64x64", s->seq.pic_width_in_luma_samples = 80;)                  \
	X(coding_blocks, 0, INVALID_PARAMETER, "16 are offered", s->seq.log2_min_luma_coding_block_size_minus3 = 0;)   \
	X(tree_blocks, 0, INVALID_PARAMETER, "coding tree blocks of 64", s->seq.log2_diff_max_min_luma_coding_block_size = 2;) \
	X(transforms, 0, INVALID_PARAMETER, "transform blocks", s->seq.log2_diff_max_min_transform_block_size = 1;)    \
	X(hierarchy, 0, INVALID_PARAMETER, "max_transform_hierarchy_depth", s->seq.max_transform_hierarchy_depth_intra = 3;) \
	X(chroma, 0, INVALID_PARAMETER, "chroma_format_idc", s->seq.seq_fields.bits.chroma_format_idc = 2;)            \
	X(depth, 0, INVALID_PARAMETER, "bit depth", s->seq.seq_fields.bits.bit_depth_luma_minus8 = 2;)                 \
	X(sao, 0, INVALID_PARAMETER, "seq_fields", s->seq.seq_fields.bits.sample_adaptive_offset_enabled_flag = 1;)    \
	X(b_pictures, 0, INVALID_PARAMETER, "ip_period", s->seq.ip_period = 2;)                                        \
	X(timing, 0, INVALID_PARAMETER, "timing of nought", s->seq.vui_time_scale = 0;)                                \
	X(sequence_reserved, 0, INVALID_PARAMETER, "reserved bytes", s->seq.va_reserved[1] = 1;)                       \
	X(picture_reserved, 1, INVALID_PARAMETER, "reserved bytes", s->pic.va_reserved[0] = 1;)                        \
	X(slice_reserved, 1, INVALID_PARAMETER, "reserved bytes", s->slice[1].va_reserved[0] = 1;)                     \
	X(nal_type, 1, INVALID_PARAMETER, "nal_unit_type 0", s->pic.nal_unit_type = 0;)                                \
	X(nal_type_idr, 0, INVALID_PARAMETER, "of an IDR picture", s->pic.nal_unit_type = 21;)                         \
	X(coding_type, 1, INVALID_PARAMETER, "coding_type", s->pic.pic_fields.bits.coding_type = 1;)                   \
	X(no_reference, 1, INVALID_PARAMETER, "is no reference", s->pic.pic_fields.bits.reference_pic_flag = 0;)       \
	X(collocated, 1, INVALID_PARAMETER, "collocated_ref_pic_index", s->pic.collocated_ref_pic_index = 0;)          \
	X(tiles, 1, INVALID_PARAMETER, "tiles", s->pic.num_tile_columns_minus1 = 1;)                                   \
	X(hiding, 0, INVALID_PARAMETER, "pic_fields", s->pic.pic_fields.bits.sign_data_hiding_enabled_flag = 1; hevc_shot_headers(s); s->pps.sign_hiding = true;) \
	X(vps_missing, 0, INVALID_PARAMETER, "without a VPS", s->send_packed[0] = false;)                              \
	X(sps_missing, 0, INVALID_PARAMETER, "IDR picture lacks one", s->send_packed[1] = false; s->send_packed[2] = false;) \
	X(pps_missing, 0, INVALID_PARAMETER, "the IDR picture has none", s->send_packed[2] = false;)                   \
	X(sps_first, 0, INVALID_PARAMETER, "without a VPS", s->sps_first = true;)                                      \
	X(pps_as_sequence, 0, INVALID_PARAMETER, "a packed header twice", s->packed_type[2] = VAEncPackedHeaderSequence;) \
	X(sps_as_picture, 0, INVALID_PARAMETER, "a packed header twice", s->packed_type[1] = VAEncPackedHeaderPicture;) \
	X(vps_cut, 0, INVALID_PARAMETER, "VPS: ", s->packed_bits[0] = -160;)                                           \
	X(sps_long, 0, INVALID_PARAMETER, "trailing bits", s->packed_bits[1] = 8;)                                     \
	X(vps_level, 0, INVALID_PARAMETER, "VPS general_level_idc: 120", s->vps.ptl.level_idc = 120;)                  \
	X(sps_level, 0, INVALID_PARAMETER, "general_level_idc: 120", s->sps.ptl.level_idc = 120;)                      \
	X(sps_vps, 0, INVALID_PARAMETER, "SPS and VPS differ", s->sps.vps_id = 1;)                                     \
	X(sps_compatible, 0, INVALID_PARAMETER, "profile_compatibility", s->sps.ptl.compatible = 0;)                   \
	X(sps_amp, 0, INVALID_PARAMETER, "amp_enabled_flag", s->sps.amp = false;)                                      \
	X(sps_blocks, 0, INVALID_PARAMETER, "log2_diff_max_min_transform", s->sps.log2_max_tb = 4;)                    \
	X(sps_timing, 0, INVALID_PARAMETER, "vui_time_scale", s->sps.time_scale = 50;)                                 \
	X(pps_qp, 0, INVALID_PARAMETER, "pic_init_qp: 30 in the packed header, 24", s->pps.init_qp = 30;)              \
	X(pps_sps, 0, INVALID_PARAMETER, "another SPS", s->pps.sps_id = 3;)                                            \
	X(pps_unknown, 1, INVALID_PARAMETER, "never sent", s->pic.slice_pic_parameter_set_id = 9;)                     \
	X(pps_beyond, 0, INVALID_PARAMETER, "slice_pic_parameter_set_id 64", s->pic.slice_pic_parameter_set_id = 64;)  \
	X(pps_changed_unsaid, 1, INVALID_PARAMETER, "cu_qp_delta_enabled_flag", s->pic.pic_fields.bits.cu_qp_delta_enabled_flag = 0;) \
	X(slice_type, 1, INVALID_PARAMETER, "I and P are offered", s->slice[0].slice_type = HEVC_B;)                   \
	X(slice_i_in_p, 1, INVALID_PARAMETER, "in a picture of coding_type 2", s->slice[0].slice_type = HEVC_I;)       \
	X(slice_last, 1, INVALID_PARAMETER, "last_slice_of_pic_flag", s->slice[0].slice_fields.bits.last_slice_of_pic_flag = 1;) \
	X(slice_start, 1, INVALID_PARAMETER, "slice_segment_address: 2 in the packed header, 1", s->slice[1].slice_segment_address = 1;) \
	X(slice_overlap, 1, INVALID_PARAMETER, "the next coding tree block", s->slice[1].slice_segment_address = s->header[1].address = 1;) \
	X(slice_uncovered, 1, INVALID_PARAMETER, "slices cover", s->slice[1].num_ctu_in_slice--;)                      \
	X(slice_tmvp, 1, INVALID_PARAMETER, "slice_fields", s->slice[0].slice_fields.bits.slice_temporal_mvp_enabled_flag = 1;) \
	X(slice_merge, 1, INVALID_PARAMETER, "MaxNumMergeCand", s->header[1].merge_cands = 3;)                         \
	X(slice_qp, 1, INVALID_PARAMETER, "slice_qp_delta", s->header[1].qp_delta = 3;)                                \
	X(slice_first, 1, INVALID_PARAMETER, "slice_segment_address", s->header[1].first = true;)                      \
	X(slice_refs, 1, INVALID_PARAMETER, "num_ref_idx_l0_active_minus1", s->slice[0].num_ref_idx_l0_active_minus1 = 1;) \
	X(slice_other_picture, 2, INVALID_PARAMETER, "another picture than slice 0", s->header[1].poc_lsb++;)          \
	X(slice_other_set, 3, INVALID_PARAMETER, "another picture than slice 0", s->header[1].n_rps--;)                \
	X(slice_cut, 1, INVALID_PARAMETER, "byte_alignment", s->packed_bits[3] = -8;)                                  \
	X(slice_not_aligned, 1, INVALID_PARAMETER, "byte_alignment", s->packed_bits[3] = -1;)                          \
	X(slice_unpacked, 1, INVALID_PARAMETER, "a slice without its packed header", s->send_packed[3] = false;)       \
	X(poc_of_picture, 2, INVALID_PARAMETER, "decoded_curr_pic: POC", s->pic.decoded_curr_pic.pic_order_cnt++;)     \
	X(poc_again, 2, INVALID_PARAMETER, "POC 1 again", for (unsigned n = 0; n < 2; n++) s->header[n].poc_lsb = 1;)  \
	X(current_flags, 1, INVALID_PARAMETER, "decoded_curr_pic: flags", s->pic.decoded_curr_pic.flags = VA_PICTURE_HEVC_LONG_TERM_REFERENCE;) \
	X(current_is_source, 1, INVALID_SURFACE, "is the surface that is encoded", s->pic.decoded_curr_pic.picture_id = r->r->input;) \
	X(current_is_reference, 2, INVALID_SURFACE, "is still a reference", s->pic.decoded_curr_pic.picture_id = s->pic.reference_frames[0].picture_id;) \
	X(reference_none, 2, INVALID_SURFACE, "no surface", s->pic.reference_frames[0].picture_id = 77;)               \
	X(reference_never_made, 2, INVALID_SURFACE, "nothing was reconstructed", s->pic.reference_frames[0].picture_id = r->r->input;) \
	X(reference_twice, 2, INVALID_PARAMETER, "was named before", s->pic.reference_frames[2] = s->pic.reference_frames[0];) \
	X(reference_poc, 2, INVALID_PARAMETER, "POC", s->pic.reference_frames[0].pic_order_cnt++;)                     \
	X(reference_kind, 2, INVALID_PARAMETER, "short-term", s->pic.reference_frames[0].flags |= VA_PICTURE_HEVC_LONG_TERM_REFERENCE;) \
	X(reference_flag, 2, INVALID_PARAMETER, "by the reference picture set", s->pic.reference_frames[0].flags ^= VA_PICTURE_HEVC_RPS_ST_CURR_BEFORE;) \
	X(reference_missing, 1, INVALID_PARAMETER, "is missing", s->pic.reference_frames[0] = s->pic.reference_frames[5];) \
	X(reference_half, 1, INVALID_PARAMETER, "invalid, but surface", s->pic.reference_frames[3].picture_id = r->r->input;) \
	X(idr_with_references, 0, INVALID_PARAMETER, "of an IDR picture", s->pic.reference_frames[0] = s->pic.decoded_curr_pic;) \
	X(set_names_nothing, 2, INVALID_PARAMETER, "the decoder has no picture of POC", for (unsigned n = 0; n < 2; n++) s->header[n].rps[1].delta = -7;) \
	X(set_forgets, 3, INVALID_PARAMETER, "the decoder has no picture for surface", for (unsigned n = 0; n < 2; n++) s->header[n].n_rps = 1;) \
	X(set_uses_nothing, 2, INVALID_PARAMETER, "nothing for this picture to refer to", for (unsigned n = 0; n < 2; n++) s->header[n].rps[0].used = false; for (unsigned i = 0; i < 2; i++) s->pic.reference_frames[i].flags = 0;) \
	X(list_missing, 1, INVALID_PARAMETER, "is missing", s->slice[1].ref_pic_list0[0] = s->slice[1].ref_pic_list0[1];) \
	X(list_other, 3, INVALID_PARAMETER, "ref_pic_list0[0]: surface", s->slice[0].ref_pic_list0[0].picture_id = other(s);) \
	X(list_too_long, 2, INVALID_PARAMETER, "and the list has 1", s->slice[0].ref_pic_list0[1] = s->slice[0].ref_pic_list0[0];) \
	X(list_of_i_slice, 0, INVALID_PARAMETER, "and the list has 0", s->slice[0].ref_pic_list0[0] = s->pic.decoded_curr_pic;) \
	X(list1, 1, INVALID_PARAMETER, "ref_pic_list1[0]", s->slice[0].ref_pic_list1[0] = s->slice[0].ref_pic_list0[0];)
// clang-format on

/* A kept picture that is not the one referred to. */
static VASurfaceID other(const struct hevc_shot *s)
{
	for (unsigned i = 0; i < 15; i++)
		if (s->pic.reference_frames[i].picture_id != s->slice[0].ref_pic_list0[0].picture_id)
			return s->pic.reference_frames[i].picture_id;
	return VA_INVALID_SURFACE;
}

#define FUNCTION(name, at, status, text, ...)                                                                          \
	static void spoil_##name(struct hevc_rig *r, struct hevc_shot *s)                                              \
	{                                                                                                              \
		(void)r;                                                                                               \
		__VA_ARGS__                                                                                            \
	}
RULES(FUNCTION)

#define ENTRY(name, at, status, text, ...) {#name, at, VA_STATUS_ERROR_##status, text, spoil_##name},
static const struct {
	const char *name;
	unsigned at;
	VAStatus status;
	const char *text;
	void (*spoil)(struct hevc_rig *r, struct hevc_shot *s);
} rules[] = {RULES(ENTRY)};

static struct rig_options options(uint32_t packed, uint32_t rc)
{
	return (struct rig_options){.width = W,
				    .height = H,
				    .slices = 2,
				    .packed = packed,
				    .rc = rc,
				    .deblock = true,
				    .profile = VAProfileHEVCMain};
}

static void each_rule_has_a_picture_that_breaks_it(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct rig_options o = options(7, VA_RC_CQP);
		static struct hevc_shot s;
		struct rig r;
		struct hevc_rig h = {.r = &r};
		VAStatus got;

		assert_int_equal(rig_open(&r, &o), 0);
		for (unsigned k = 0; k < rules[i].at; k++) {
			hevc_rig_shot(&h, &s, k == 0, 0);
			assert_int_equal(hevc_rig_send(&h, &s, NULL), VA_STATUS_SUCCESS);
		}
		hevc_rig_shot(&h, &s, rules[i].at == 0, 0);
		rules[i].spoil(&h, &s);
		got = hevc_rig_send(&h, &s, NULL);
		if (got != rules[i].status || !strstr(rig_log(&r, "RULE"), rules[i].text)) {
			print_message("# %s: status %#x, log \"%s\"\n", rules[i].name, got, rig_log(&r, "RULE"));
			wrong++;
		}
		hevc_rig_shot(&h, &s, true, 0);
		if (hevc_rig_send(&h, &s, NULL) != VA_STATUS_SUCCESS)
			fail_msg("after %s", rules[i].name);
		rig_close(&r);
	}
	assert_int_equal(wrong, 0);
}

/* What a stream says of its profile is the profile of the config. */
// clang-format off
#define FORMAT_RULES(X)                                                                                                \
	X(idc, Main10, "general_profile_idc 1", s->seq.general_profile_idc = 1;)                                       \
	X(idc_444, Main444, "general_profile_idc 2", s->seq.general_profile_idc = 2;)                                  \
	X(depth, Main10, "bit depth 8, 10", s->seq.seq_fields.bits.bit_depth_luma_minus8 = 0;)                         \
	X(depth_chroma, Main10, "bit depth 10, 8", s->seq.seq_fields.bits.bit_depth_chroma_minus8 = 0;)                \
	X(depth_444, Main444, "bit depth 10, 10", s->seq.seq_fields.bits.bit_depth_luma_minus8 = 2; s->seq.seq_fields.bits.bit_depth_chroma_minus8 = 2;) \
	X(chroma, Main444, "chroma_format_idc 1", s->seq.seq_fields.bits.chroma_format_idc = 1;)                       \
	X(chroma_10, Main10, "chroma_format_idc 3", s->seq.seq_fields.bits.chroma_format_idc = 3;)                     \
	X(planes, Main444, "chroma_format_idc 3", s->seq.seq_fields.bits.separate_colour_plane_flag = 1;)              \
	X(sps_depth, Main10, "SPS: bit depth", s->sps.depth_luma = 8;)                                                 \
	X(sps_depths, Main10, "bit_depth_luma_minus8: 0", s->sps.depth_luma = s->sps.depth_chroma = 8;)                \
	X(sps_chroma, Main444, "chroma_format_idc: 1 in the packed header", s->sps.chroma_format = 1;)                 \
	X(sps_idc, Main10, "general_profile_idc: 1", s->sps.ptl.profile_idc = 1; s->sps.ptl.compatible = 3u << 29;)    \
	X(vps_range, Main444, "SPS and VPS differ", s->vps.ptl.range = 0x181;)                                         \
	X(sps_range, Main444, "flags 0x181, the profile's are 0x1c1", s->sps.ptl.range = s->vps.ptl.range = 0x181;)    \
	X(sps_range_10, Main444_10, "flags 0x1c1", s->sps.ptl.range = s->vps.ptl.range = 0x1c1;)                       \
	X(range_of_main, Main10, "flags of format range extensions", s->vps.ptl.range = 0x181;)                        \
	X(surface, Main10, "of format", s->pic.decoded_curr_pic.picture_id = plain_surface(r);)
// clang-format on

static VASurfaceID plain_surface(struct hevc_rig *r)
{
	VASurfaceID id = VA_INVALID_SURFACE;

	vaCreateSurfaces(r->r->dpy, VA_RT_FORMAT_YUV420, W, H, &id, 1, NULL, 0);
	return id;
}

#define FORMAT_FUNCTION(name, profile, text, ...)                                                                      \
	static void spoil_format_##name(struct hevc_rig *r, struct hevc_shot *s)                                       \
	{                                                                                                              \
		(void)r;                                                                                               \
		__VA_ARGS__                                                                                            \
	}
FORMAT_RULES(FORMAT_FUNCTION)

#define FORMAT_ENTRY(name, profile, text, ...) {#name, VAProfileHEVC##profile, text, spoil_format_##name},

static void each_format_is_what_its_profile_says(void **state)
{
	static const struct {
		const char *name;
		VAProfile profile;
		const char *text;
		void (*spoil)(struct hevc_rig *r, struct hevc_shot *s);
	} table[] = {FORMAT_RULES(FORMAT_ENTRY)};
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct rig_options o = options(7, VA_RC_CQP);
		static struct hevc_shot s;
		struct rig r;
		struct hevc_rig h = {.r = &r};

		o.profile = table[i].profile;
		assert_int_equal(rig_open(&r, &o), 0);
		hevc_rig_shot(&h, &s, true, 0);
		table[i].spoil(&h, &s);
		if (hevc_rig_send(&h, &s, NULL) == VA_STATUS_SUCCESS || !strstr(rig_log(&r, "RULE"), table[i].text)) {
			print_message("# %s: log \"%s\"\n", table[i].name, rig_log(&r, "RULE"));
			wrong++;
		}
		hevc_rig_shot(&h, &s, true, 0);
		if (hevc_rig_send(&h, &s, NULL) != VA_STATUS_SUCCESS)
			fail_msg("after %s: %s", table[i].name, rig_log(&r, "RULE"));
		rig_close(&r);
	}
	assert_int_equal(wrong, 0);
}

/* A driver that is said to lack a format knows neither its profile nor its surfaces; a surface is of the fourcc that
 * its format has. */
static void formats_are_offered_as_the_environment_says(void **state)
{
	static const struct {
		const char *formats;
		VAProfile profile;
		unsigned rt;
		bool there;
	} rows[] = {
		{"main10", VAProfileHEVCMain10, VA_RT_FORMAT_YUV420_10, true},
		{"main10", VAProfileHEVCMain444, VA_RT_FORMAT_YUV444, false},
		{"main444", VAProfileHEVCMain444, VA_RT_FORMAT_YUV444, true},
		{"main444", VAProfileHEVCMain444_10, VA_RT_FORMAT_YUV444_10, false},
		{"main444-10", VAProfileHEVCMain444, VA_RT_FORMAT_YUV444, false},
		{"main444-10", VAProfileHEVCMain444_10, VA_RT_FORMAT_YUV444_10, true},
		{"", VAProfileHEVCMain10, VA_RT_FORMAT_YUV420_10, false},
	};
	VASurfaceAttrib wrong = {.type = VASurfaceAttribPixelFormat,
				 .flags = VA_SURFACE_ATTRIB_SETTABLE,
				 .value = {.type = VAGenericValueTypeInteger, .value.i = VA_FOURCC_444P}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct rig_options o = options(7, VA_RC_CQP);
		VASurfaceID id;
		struct rig r;
		VAStatus got;

		setenv("MOONRILL_VA_FORMATS", rows[i].formats, 1);
		assert_int_equal(rig_open(&r, &o), 0);
		got = vaCreateSurfaces(r.dpy, rows[i].rt, W, H, &id, 1, NULL, 0);
		assert_int_equal(got, rows[i].there ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT);
		if (rows[i].there)
			vaDestroySurfaces(r.dpy, &id, 1);
		assert_int_equal(vaCreateSurfaces(r.dpy, rows[i].rt, W, H, &id, 1, &wrong, 1),
				 VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT);
		rig_close(&r);
		o.profile = rows[i].profile;
		got = (VAStatus)rig_open(&r, &o);
		assert_int_equal(got, rows[i].there ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_UNSUPPORTED_PROFILE);
		if (rows[i].there) {
			rig_close(&r);
		} else {
			vaTerminate(r.dpy);
			r.dpy = NULL;
			rig_close(&r);
		}
		unsetenv("MOONRILL_VA_FORMATS");
	}
}

static void right_pictures_break_no_rule(void **state)
{
	static const uint32_t sets[] = {0, 3, 7};
	static struct hevc_shot s;

	(void)state;
	for (unsigned k = 0; k < 6; k++) {
		struct rig_options o = options(sets[k / 2], k % 2 ? VA_RC_CBR : VA_RC_CQP);
		struct rig r;
		struct hevc_rig h = {.r = &r};

		assert_int_equal(rig_open(&r, &o), 0);
		for (unsigned n = 0; n < 40; n++) {
			if (n % 9 == 4)
				hevc_rig_long_term(&h);
			hevc_rig_shot(&h, &s, n % 25 == 0, n % 7 == 6 ? 2 : 0);
			if (hevc_rig_send(&h, &s, NULL) != VA_STATUS_SUCCESS)
				fail_msg("picture %u of set %#x: %s", n, sets[k / 2], rig_log(&r, "RULE"));
		}
		assert_string_equal(rig_log(&r, "RULE"), "");
		rig_close(&r);
	}
}

static void a_decoder_has_room_for_what_is_kept(void **state)
{
	struct rig_options o = options(7, VA_RC_CQP);
	static struct hevc_shot s;
	struct rig r;
	struct hevc_rig h = {.r = &r};

	(void)state;
	assert_int_equal(rig_open(&r, &o), 0);
	for (unsigned n = 0; n < 3; n++) {
		hevc_rig_shot(&h, &s, n == 0, 0);
		s.vps.dec_pic_buffering = s.sps.dec_pic_buffering = 2;
		assert_int_equal(hevc_rig_send(&h, &s, NULL),
				 n < 2 ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_INVALID_PARAMETER);
	}
	assert_non_null(strstr(rig_log(&r, "RULE"), "2 pictures and this one in a buffer of 2"));
	hevc_rig_shot(&h, &s, true, 0);
	s.seq.general_level_idc = s.sps.ptl.level_idc = s.vps.ptl.level_idc = 30; /* 36864 samples: 16 of 64x64 */
	s.vps.dec_pic_buffering = s.sps.dec_pic_buffering = 16;
	assert_int_equal(hevc_rig_send(&h, &s, NULL), VA_STATUS_SUCCESS);
	rig_close(&r);
}

static void what_is_offered_is_told(void **state)
{
	VAConfigAttrib a[] = {{VAConfigAttribEncHEVCBlockSizes, 0},
			      {VAConfigAttribEncHEVCFeatures, 0},
			      {VAConfigAttribPredictionDirection, 0}};
	static const char *const faults[] = {"", "no-attr-hevc,both-lists"};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct rig_options o = options(7, VA_RC_CQP);
		struct rig r;

		setenv("MOONRILL_VA_FAULT", faults[k], 1);
		assert_int_equal(rig_open(&r, &o), 0);
		assert_int_equal(vaGetConfigAttributes(r.dpy, VAProfileHEVCMain, VAEntrypointEncSlice, a, 3), 0);
		assert_int_equal(a[0].value == VA_ATTRIB_NOT_SUPPORTED, k);
		assert_int_equal(a[1].value == VA_ATTRIB_NOT_SUPPORTED, k);
		assert_int_equal(!!(a[2].value & VA_PREDICTION_DIRECTION_BI_NOT_EMPTY), k);
		assert_int_equal(vaGetConfigAttributes(r.dpy, VAProfileH264High, VAEntrypointEncSlice, a, 2), 0);
		assert_int_equal(a[0].value, VA_ATTRIB_NOT_SUPPORTED);
		rig_close(&r);
		unsetenv("MOONRILL_VA_FAULT");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_a_picture_that_breaks_it),
		cmocka_unit_test(each_format_is_what_its_profile_says),
		cmocka_unit_test(formats_are_offered_as_the_environment_says),
		cmocka_unit_test(right_pictures_break_no_rule),
		cmocka_unit_test(a_decoder_has_room_for_what_is_kept),
		cmocka_unit_test(what_is_offered_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
