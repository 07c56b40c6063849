// SPDX-License-Identifier: GPL-3.0-or-later
/* Each rule of AV1 in the stand-in driver has a frame that breaks it: the call fails, the log says why, and the right
 * frame behind it passes. What all codecs share is in test_rules.c. */
#include "av1_rig.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#define W 256u
#define H 128u

/* name, frame it is (0: key, 1..: inter), status, what the log says, how the right frame is spoilt */
// clang-format off
#define RULES(X)                                                                                                       \
	X(no_sequence, 0, INVALID_PARAMETER, "without sequence parameters", s->send_seq = s->send_packed[0] = false;)  \
	X(sequence_of_inter, 1, INVALID_PARAMETER, "that is no key frame", s->send_seq = true;)                        \
	X(no_picture, 1, INVALID_PARAMETER, "no picture parameters", s->send_pic = false;)                             \
	X(profile, 0, INVALID_PARAMETER, "seq_profile", s->seq.seq_profile = 1;)                                       \
	X(level, 0, INVALID_PARAMETER, "seq_level_idx: 24", s->seq.seq_level_idx = 24;)                                \
	X(level_between, 0, INVALID_PARAMETER, "seq_level_idx: 2", s->seq.seq_level_idx = 2;)                          \
	X(tier, 0, INVALID_PARAMETER, "seq_tier", s->seq.seq_level_idx = 5; s->seq.seq_tier = 1;)                      \
	X(hierarchy, 0, INVALID_PARAMETER, "hierarchical_flag", s->seq.hierarchical_flag = 2;)                         \
	X(b_frames, 0, INVALID_PARAMETER, "ip_period", s->seq.ip_period = 2;)                                          \
	X(rate, 0, INVALID_PARAMETER, "bits_per_second", s->seq.bits_per_second = 0;)                                  \
	X(depth, 0, INVALID_PARAMETER, "bit_depth_minus8", s->seq.seq_fields.bits.bit_depth_minus8 = 2;)               \
	X(chroma, 0, INVALID_PARAMETER, "subsampling", s->seq.seq_fields.bits.subsampling_y = 0;)                      \
	X(hint_bits, 0, INVALID_PARAMETER, "order_hint_bits_minus_1", s->seq.order_hint_bits_minus_1 = 8;)             \
	X(large_blocks, 0, INVALID_PARAMETER, "tools that are not offered", s->seq.seq_fields.bits.use_128x128_superblock = 1;) \
	X(restoration, 0, INVALID_PARAMETER, "tools that are not offered", s->seq.seq_fields.bits.enable_restoration = 1;) \
	X(sequence_reserved, 0, INVALID_PARAMETER, "reserved bytes", s->seq.va_reserved[1] = 1;)                       \
	X(width, 1, INVALID_PARAMETER, "frame_width_minus_1", s->pic.frame_width_minus_1 -= 2;)                        \
	X(height, 1, INVALID_PARAMETER, "frame_height_minus_1", s->pic.frame_height_minus_1 += 2;)                     \
	X(frame_type, 1, INVALID_PARAMETER, "frame_type", s->pic.picture_flags.bits.frame_type = AV1_SWITCH;)          \
	X(superres, 1, INVALID_PARAMETER, "use_superres", s->pic.picture_flags.bits.use_superres = 1;)                 \
	X(ref_mvs, 1, INVALID_PARAMETER, "use_ref_frame_mvs", s->pic.picture_flags.bits.use_ref_frame_mvs = 1;)        \
	X(frame_obu, 1, INVALID_PARAMETER, "enable_frame_obu", s->pic.picture_flags.bits.enable_frame_obu = 1;)        \
	X(no_recon, 1, INVALID_PARAMETER, "disable_frame_recon", s->pic.picture_flags.bits.disable_frame_recon = 1;)   \
	X(intrabc, 1, INVALID_PARAMETER, "allow_intrabc", s->pic.picture_flags.bits.allow_intrabc = 1;)                \
	X(palette, 1, INVALID_PARAMETER, "palette_mode_enable", s->pic.picture_flags.bits.palette_mode_enable = 1;)    \
	X(flags_reserved, 1, INVALID_PARAMETER, "picture_flags: reserved", s->pic.picture_flags.bits.reserved = 1;)    \
	X(key_not_resilient, 0, INVALID_PARAMETER, "error_resilient_mode", s->pic.picture_flags.bits.error_resilient_mode = 0;) \
	X(key_refresh, 0, INVALID_PARAMETER, "refresh_frame_flags of a key frame", s->pic.refresh_frame_flags = 1;)    \
	X(key_primary, 0, INVALID_PARAMETER, "primary_ref_frame of a key frame", s->pic.primary_ref_frame = 0;)        \
	X(primary_beyond, 1, INVALID_PARAMETER, "primary_ref_frame: 8", s->pic.primary_ref_frame = 8;)                 \
	X(primary_other, 2, INVALID_PARAMETER, "primary_ref_frame: 2 in the packed header", s->pic.primary_ref_frame = 7;) \
	X(no_name, 1, INVALID_PARAMETER, "no name", s->pic.ref_frame_ctrl_l0.value = 0;)                               \
	X(key_name, 0, INVALID_PARAMETER, "ref_frame_ctrl_l0 of a key frame", s->pic.ref_frame_ctrl_l0.value = 1;)     \
	X(name_reserved, 1, INVALID_PARAMETER, "ref_frame_ctrl_l0: reserved", s->pic.ref_frame_ctrl_l0.fields.Reserved = 1;) \
	X(both_directions, 1, INVALID_PARAMETER, "one direction", s->pic.ref_frame_ctrl_l1.fields.search_idx0 = 5;)    \
	X(layers, 1, INVALID_PARAMETER, "hierarchical_level_plus1", s->pic.hierarchical_level_plus1 = 1;)              \
	X(temporal, 1, INVALID_PARAMETER, "temporal_id", s->pic.temporal_id = 1;)                                      \
	X(filter_level, 1, INVALID_PARAMETER, "filter_level", s->pic.filter_level[1] = 64;)                            \
	X(filter_there, 1, INVALID_PARAMETER, "the encoder has none", s->pic.filter_level[0] = 4; av1_shot_headers(r, s); s->header.level[0] = 4; places(r, s);) \
	X(filter_flags, 1, INVALID_PARAMETER, "loop_filter_flags", s->pic.loop_filter_flags.bits.mode_ref_delta_enabled = 1;) \
	X(denominator, 1, INVALID_PARAMETER, "superres_scale_denominator", s->pic.superres_scale_denominator = 9;)     \
	X(interpolation, 1, INVALID_PARAMETER, "interpolation_filter: 5", s->pic.interpolation_filter = 5;)            \
	X(lossless, 1, INVALID_PARAMETER, "base_qindex", s->pic.base_qindex = 0;)                                      \
	X(deltas, 1, INVALID_PARAMETER, "delta_q", s->pic.u_dc_delta_q = 1;)                                           \
	X(least_qindex, 1, INVALID_PARAMETER, "min_base_qindex", s->pic.min_base_qindex = 0;)                          \
	X(qindex_order, 1, INVALID_PARAMETER, "min_base_qindex", s->pic.max_base_qindex = 0;)                          \
	X(matrices, 1, INVALID_PARAMETER, "qmatrix_flags", s->pic.qmatrix_flags.bits.using_qmatrix = 1;)               \
	X(delta_q_present, 1, INVALID_PARAMETER, "delta_q_present", s->pic.mode_control_flags.bits.delta_q_present = 1;) \
	X(tx_mode, 1, INVALID_PARAMETER, "tx_mode is not offered", s->pic.mode_control_flags.bits.tx_mode = 2;)        \
	X(compound, 1, INVALID_PARAMETER, "reference_mode", s->pic.mode_control_flags.bits.reference_mode = 2;)        \
	X(skip_mode, 1, INVALID_PARAMETER, "skip_mode_present", s->pic.mode_control_flags.bits.skip_mode_present = 1;) \
	X(segments, 1, INVALID_PARAMETER, "segments", s->pic.segments.seg_flags.bits.segmentation_enabled = 1;)        \
	X(cdef, 1, INVALID_PARAMETER, "no such filter", s->pic.cdef_y_strengths[0] = 4;)                               \
	X(damping, 1, INVALID_PARAMETER, "cdef_damping_minus_3", s->pic.cdef_damping_minus_3 = 4;)                     \
	X(restoration_type, 1, INVALID_PARAMETER, "loop_restoration_flags", s->pic.loop_restoration_flags.bits.yframe_restoration_type = 1;) \
	X(global_motion, 1, INVALID_PARAMETER, "wm", s->pic.wm[0].wmtype = VAAV1EncTransformationTranslation;)         \
	X(no_tiles, 1, INVALID_PARAMETER, "tile_cols: 0", s->pic.tile_cols = 0;)                                       \
	X(tiles_wide, 1, INVALID_PARAMETER, "superblocks in a row", s->pic.width_in_sbs_minus_1[0]++;)                 \
	X(tiles_high, 1, INVALID_PARAMETER, "superblocks in a column", s->pic.height_in_sbs_minus_1[0]--;)             \
	X(tiles_narrow, 1, INVALID_PARAMETER, "narrower than two", s->pic.tile_cols = 4; for (unsigned i = 0; i < 4; i++) s->pic.width_in_sbs_minus_1[i] = 0;) \
	X(tiles_low, 1, INVALID_PARAMETER, "lower than two", s->pic.tile_rows = 2; s->pic.height_in_sbs_minus_1[0] = 0;) \
	X(tiles_other, 1, INVALID_PARAMETER, "tile columns: 2 in the packed header, 1", s->pic.tile_cols = 1; s->pic.width_in_sbs_minus_1[0] = 3; s->pic.context_update_tile_id = 0;) \
	X(tile_of_state, 1, INVALID_PARAMETER, "context_update_tile_id", s->pic.context_update_tile_id = 2;)           \
	X(group_header, 1, INVALID_PARAMETER, "tile_group_obu_hdr_info", s->pic.tile_group_obu_hdr_info.value = 0;)    \
	X(skipped_frames, 1, INVALID_PARAMETER, "number_skip_frames", s->pic.number_skip_frames = 1;)                  \
	X(picture_reserved, 1, INVALID_PARAMETER, "reserved bytes", s->pic.va_reserved[0] = 1;)                        \
	X(picture_reserved_byte, 1, INVALID_PARAMETER, "reserved bytes", s->pic.reserved8bits1 = 1;)                   \
	X(group_count, 1, INVALID_PARAMETER, "2 tile groups", s->n_groups = 2;)                                        \
	X(groups_told, 1, INVALID_PARAMETER, "num_tile_groups_minus1", s->pic.num_tile_groups_minus1 = 1;)             \
	X(group_part, 1, INVALID_PARAMETER, "tile group 0 to 0 of 2", s->group[0].tg_end = 0;)                         \
	X(group_start, 1, INVALID_PARAMETER, "tile group 1 to 1 of 2", s->group[0].tg_start = 1;)                      \
	X(group_reserved, 1, INVALID_PARAMETER, "tile group: reserved", s->group[0].va_reserved[0] = 1;)               \
	X(sequence_unpacked, 0, INVALID_PARAMETER, "without a sequence header", s->send_packed[0] = false;)            \
	X(header_unpacked, 1, INVALID_PARAMETER, "without its packed header", s->send_packed[1] = false;)              \
	X(header_first, 0, INVALID_PARAMETER, "behind a picture header", s->header_first = true;)                      \
	X(header_as_sequence, 1, INVALID_PARAMETER, "without sequence parameters", s->packed_type[1] = VAEncPackedHeaderSequence;) \
	X(sequence_cut, 0, INVALID_PARAMETER, "obu_size", s->packed_bits[0] = -8;)                                     \
	X(header_cut, 1, INVALID_PARAMETER, "obu_size", s->packed_bits[1] = -8;)                                       \
	X(header_long, 1, INVALID_PARAMETER, "obu_size", s->packed_bits[1] = 8;)                                       \
	X(header_size_bytes, 1, INVALID_PARAMETER, "not as many bytes", s->size_bytes = 2; av1_shot_headers(r, s);)    \
	X(sequence_level, 0, INVALID_PARAMETER, "seq_level_idx: 9 in the packed header, 8", s->sequence.level = 9;)    \
	X(sequence_tool, 0, INVALID_PARAMETER, "enable_filter_intra", s->sequence.filter_intra = true;)                \
	X(sequence_cdef, 0, INVALID_PARAMETER, "enable_cdef", s->sequence.cdef = false;)                               \
	X(sequence_depth, 0, INVALID_PARAMETER, "high_bitdepth", s->sequence.high_depth = true;)                       \
	X(sequence_grain, 0, INVALID_PARAMETER, "not offered", s->sequence.film_grain = true;)                         \
	X(sequence_timing, 0, INVALID_PARAMETER, "timing", s->sequence.timing = true;)                                 \
	X(sequence_screens, 0, INVALID_PARAMETER, "screens", s->sequence.screen = true;)                               \
	X(header_type, 1, INVALID_PARAMETER, "neither a key frame nor an inter", s->header.type = AV1_INTRA_ONLY;)     \
	X(header_hidden, 1, INVALID_PARAMETER, "that is shown", s->header.show = false;)                               \
	X(header_resilient, 1, INVALID_PARAMETER, "error resilient", s->header.error_resilient = true;)                \
	X(header_hint, 1, INVALID_PARAMETER, "order_hint: 9", s->header.order_hint = 9;)                               \
	X(header_refresh, 1, INVALID_PARAMETER, "refresh_frame_flags: 240", s->header.refresh = 0xf0;)                 \
	X(header_name, 2, INVALID_PARAMETER, "ref_frame_idx: 5", s->header.ref_idx[6] = 5;)                            \
	X(header_size, 1, INVALID_PARAMETER, "another size", s->header.other_size = true;)                             \
	X(header_motion, 1, INVALID_PARAMETER, "is_motion_mode_switchable", s->header.motion_switchable = true;)       \
	X(header_filter, 1, INVALID_PARAMETER, "interpolation_filter: 4", s->header.switchable = true; places(r, s);)  \
	X(header_end_update, 1, INVALID_PARAMETER, "disable_frame_end_update_cdf", s->header.no_end_update = true;)    \
	X(header_no_update, 1, INVALID_PARAMETER, "disable_cdf_update", s->header.no_cdf_update = true; places(r, s);) \
	X(header_qindex, 1, INVALID_PARAMETER, "base_q_idx: 61", s->header.qindex = 61;)                               \
	X(header_tile_bytes, 1, INVALID_PARAMETER, "sizes of tiles", s->header.tile_bytes = 3;)                        \
	X(header_tx_select, 1, INVALID_PARAMETER, "tx_mode: 2", s->header.tx_select = true;)                           \
	X(header_global, 1, INVALID_PARAMETER, "global motion", s->header.global = true;)                              \
	X(header_compound, 1, INVALID_PARAMETER, "reference_select", s->header.compound = true;)                       \
	X(place_qindex, 1, INVALID_PARAMETER, "bit_offset_qindex", s->pic.bit_offset_qindex++;)                        \
	X(place_filter, 1, INVALID_PARAMETER, "bit_offset_loopfilter", s->pic.bit_offset_loopfilter_params--;)         \
	X(place_cdef, 1, INVALID_PARAMETER, "bit_offset_cdef", s->pic.bit_offset_cdef_params++;)                       \
	X(place_cdef_size, 1, INVALID_PARAMETER, "size_in_bits_cdef", s->pic.size_in_bits_cdef_params = 0;)            \
	X(place_segmentation, 1, INVALID_PARAMETER, "bit_offset_segmentation", s->pic.bit_offset_segmentation = 9;)    \
	X(place_size, 1, INVALID_PARAMETER, "byte_offset_frame_hdr_obu_size", s->pic.byte_offset_frame_hdr_obu_size = 0;) \
	X(place_size_of_key, 0, INVALID_PARAMETER, "byte_offset_frame_hdr_obu_size", s->pic.byte_offset_frame_hdr_obu_size = 1;) \
	X(place_end, 1, INVALID_PARAMETER, "size_in_bits_frame_hdr_obu", s->pic.size_in_bits_frame_hdr_obu++;)         \
	X(slot_of_key, 0, INVALID_PARAMETER, "of a key frame", s->pic.reference_frames[0] = r->r->recon[1];)           \
	X(slot_none, 1, INVALID_SURFACE, "no surface", s->pic.reference_frames[1] = 77;)                               \
	X(slot_other, 2, INVALID_PARAMETER, "the decoder has", s->pic.reference_frames[0] = s->pic.reference_frames[3];) \
	X(slot_missing, 1, INVALID_PARAMETER, "not among reference_frames", s->pic.reference_frames[s->pic.ref_frame_idx[0]] = VA_INVALID_SURFACE;) \
	X(recon_none, 1, INVALID_SURFACE, "no surface", s->pic.reconstructed_frame = 77;)                              \
	X(recon_is_source, 1, INVALID_PARAMETER, "that is encoded", s->pic.reconstructed_frame = r->r->input;)         \
	X(recon_is_reference, 1, INVALID_SURFACE, "is still in slot", s->pic.reconstructed_frame = s->pic.reference_frames[2];) \
	X(recon_deep, 1, INVALID_SURFACE, "of format 0x100, config of 0x1", s->pic.reconstructed_frame = surface(r, VA_RT_FORMAT_YUV420_10);)

/* The same of a config of ten bits. */
#define DEEP_RULES(X)                                                                                                  \
	X(deep_depth, 0, INVALID_PARAMETER, "bit_depth_minus8: 0", s->seq.seq_fields.bits.bit_depth_minus8 = 0;)       \
	X(deep_depth_between, 0, INVALID_PARAMETER, "bit_depth_minus8: 1", s->seq.seq_fields.bits.bit_depth_minus8 = 1;) \
	X(deep_depth_beyond, 0, INVALID_PARAMETER, "bit_depth_minus8: 4", s->seq.seq_fields.bits.bit_depth_minus8 = 4;) \
	X(deep_sequence, 0, INVALID_PARAMETER, "high_bitdepth: 0", s->sequence.high_depth = false;)                    \
	X(deep_tool, 0, INVALID_PARAMETER, "tools that are not offered", s->seq.seq_fields.bits.enable_superres = 1;)  \
	X(deep_recon, 1, INVALID_SURFACE, "of format 0x1, config of 0x100", s->pic.reconstructed_frame = surface(r, VA_RT_FORMAT_YUV420);) \
	X(deep_recon_is_reference, 1, INVALID_SURFACE, "is still in slot", s->pic.reconstructed_frame = s->pic.reference_frames[2];)
// clang-format on

static VASurfaceID surface(struct av1_rig *r, unsigned rt_format)
{
	VASurfaceID id = VA_INVALID_SURFACE;

	vaCreateSurfaces(r->r->dpy, rt_format, W, H, &id, 1, NULL, 0);
	return id;
}

/* The header was spoilt so that what follows lies elsewhere: the parameters follow, for the rule behind to be met. */
static void places(struct av1_rig *r, struct av1_shot *s)
{
	struct out o = {0};

	(void)r;
	av1_header_write(&o, &s->header, &s->sequence, s->size_bytes);
	out_free(&o);
	s->pic.bit_offset_qindex = s->header.at.qindex;
	s->pic.bit_offset_loopfilter_params = s->header.at.loop_filter;
	s->pic.bit_offset_cdef_params = s->header.at.cdef;
	s->pic.size_in_bits_frame_hdr_obu = s->header.at.end;
}

#define FUNCTION(name, at, status, text, ...)                                                                          \
	static void spoil_##name(struct av1_rig *r, struct av1_shot *s)                                                \
	{                                                                                                              \
		(void)r;                                                                                               \
		__VA_ARGS__                                                                                            \
	}
RULES(FUNCTION)
DEEP_RULES(FUNCTION)

#define ENTRY(name, at, status, text, ...)      {#name, at, VA_STATUS_ERROR_##status, text, spoil_##name, false},
#define DEEP_ENTRY(name, at, status, text, ...) {#name, at, VA_STATUS_ERROR_##status, text, spoil_##name, true},
static const struct {
	const char *name;
	unsigned at;
	VAStatus status;
	const char *text;
	void (*spoil)(struct av1_rig *r, struct av1_shot *s);
	bool deep;
} rules[] = {RULES(ENTRY) DEEP_RULES(DEEP_ENTRY)};

static struct rig_options options(uint32_t packed, uint32_t rc)
{
	return (struct rig_options){
		.width = W, .height = H, .slices = 1, .packed = packed, .rc = rc, .profile = VAProfileAV1Profile0};
}

static void each_rule_has_a_frame_that_breaks_it(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		struct rig_options o = options(3, VA_RC_CBR);
		static struct av1_shot s;
		struct rig r;
		struct av1_rig a = {.r = &r, .log2_cols = 1};
		VAStatus got;

		o.deep = rules[i].deep;
		assert_int_equal(rig_open(&r, &o), 0);
		for (unsigned k = 0; k < rules[i].at; k++) {
			av1_rig_shot(&a, &s, k == 0, av1_rig_newest(&a, 0));
			if (av1_rig_send(&a, &s, NULL) != VA_STATUS_SUCCESS)
				fail_msg("before %s: %s", rules[i].name, rig_log(&r, "RULE"));
		}
		av1_rig_shot(&a, &s, rules[i].at == 0, av1_rig_newest(&a, 0));
		rules[i].spoil(&a, &s);
		got = av1_rig_send(&a, &s, NULL);
		if (got != rules[i].status || !strstr(rig_log(&r, "RULE"), rules[i].text)) {
			print_message("# %s: status %#x, log \"%s\"\n", rules[i].name, got, rig_log(&r, "RULE"));
			wrong++;
		}
		av1_rig_shot(&a, &s, true, 0);
		if (av1_rig_send(&a, &s, NULL) != VA_STATUS_SUCCESS)
			fail_msg("after %s", rules[i].name);
		rig_close(&r);
	}
	assert_int_equal(wrong, 0);
}

static void right_frames_break_no_rule(void **state)
{
	static const uint32_t sets[] = {0, 1, 3};
	static struct av1_shot s;

	(void)state;
	for (unsigned k = 0; k < 12; k++) {
		struct rig_options o = options(sets[k % 6 / 2], k % 2 ? VA_RC_CBR : VA_RC_CQP);
		struct rig r;
		struct av1_rig a = {.r = &r, .log2_cols = k % 2};

		o.deep = k >= 6;
		assert_int_equal(rig_open(&r, &o), 0);
		for (unsigned n = 0; n < 40; n++) {
			av1_rig_shot(&a, &s, n % 25 == 0, av1_rig_newest(&a, n % 7 == 6 ? 2 : 0));
			if (av1_rig_send(&a, &s, NULL) != VA_STATUS_SUCCESS)
				fail_msg("frame %u of set %#x: %s", n, o.packed, rig_log(&r, "RULE"));
		}
		assert_string_equal(rig_log(&r, "RULE"), "");
		rig_close(&r);
	}
}

/* A slot that was not named may lose its picture, and is then not named again. */
static void a_slot_whose_picture_was_written_over_is_not_named(void **state)
{
	struct rig_options o = options(3, VA_RC_CBR);
	static struct av1_shot s;
	VASurfaceID lost;
	struct rig r;
	struct av1_rig a = {.r = &r};

	(void)state;
	assert_int_equal(rig_open(&r, &o), 0);
	for (unsigned n = 0; n < 5; n++) {
		av1_rig_shot(&a, &s, n == 0, av1_rig_newest(&a, 0));
		assert_int_equal(av1_rig_send(&a, &s, NULL), VA_STATUS_SUCCESS);
	}
	av1_rig_shot(&a, &s, false, av1_rig_newest(&a, 0));
	lost = s.pic.reference_frames[av1_rig_newest(&a, 2)];
	s.pic.reference_frames[av1_rig_newest(&a, 2)] = VA_INVALID_SURFACE;
	s.pic.reconstructed_frame = lost;
	assert_int_equal(av1_rig_send(&a, &s, NULL), VA_STATUS_SUCCESS);
	av1_rig_shot(&a, &s, false, av1_rig_newest(&a, 0));
	assert_int_equal(av1_rig_send(&a, &s, NULL), VA_STATUS_ERROR_INVALID_SURFACE);
	assert_non_null(strstr(rig_log(&r, "RULE"), "was overwritten"));
	rig_close(&r);
}

static void what_is_offered_is_told(void **state)
{
	VAConfigAttrib a[] = {
		{VAConfigAttribEncAV1, 0}, {VAConfigAttribEncAV1Ext2, 0}, {VAConfigAttribEncPackedHeaders, 0}};
	static const char *const faults[] = {"", "no-attr-av1,slices:3", "tx-select,size-bytes:2"};

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct rig_options o = options(3, VA_RC_CQP);
		VAConfigAttribValEncAV1Ext2 e;
		struct rig r;

		setenv("MOONRILL_VA_FAULT", faults[k], 1);
		assert_int_equal(rig_open(&r, &o), 0);
		assert_int_equal(vaGetConfigAttributes(r.dpy, VAProfileAV1Profile0, VAEntrypointEncSlice, a, 3), 0);
		assert_int_equal(a[0].value == VA_ATTRIB_NOT_SUPPORTED, k == 1);
		e.value = a[1].value;
		assert_int_equal(e.bits.obu_size_bytes_minus1, k == 2 ? 1 : 3);
		assert_int_equal(e.bits.tile_size_bytes_minus1, k == 2 ? 1 : 3);
		assert_int_equal(e.bits.tx_mode_support, k == 2 ? 4 : 2);
		assert_int_equal(e.bits.max_tile_num_minus1, k == 1 ? 2 : 255);
		assert_int_equal(a[2].value, VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE);
		assert_int_equal(vaGetConfigAttributes(r.dpy, VAProfileH264High, VAEntrypointEncSlice, a, 2), 0);
		assert_int_equal(a[1].value, VA_ATTRIB_NOT_SUPPORTED);
		rig_close(&r);
		unsetenv("MOONRILL_VA_FAULT");
	}
}

/* One profile for both depths; a driver that is said to lack ten bits has the other, and no such config. The picture
 * that is encoded is of the config's depth. */
static void ten_bits_are_offered_as_the_environment_says(void **state)
{
	VAConfigAttrib a = {VAConfigAttribRTFormat, 0};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct rig_options o = options(3, VA_RC_CQP);
		VAConfigAttrib deep = {VAConfigAttribRTFormat, VA_RT_FORMAT_YUV420_10};
		VASurfaceID plain = VA_INVALID_SURFACE;
		VAConfigID config;
		struct rig r;

		setenv("MOONRILL_VA_FORMATS", k ? "none" : "main10", 1);
		o.deep = !k;
		assert_int_equal(rig_open(&r, &o), 0);
		assert_int_equal(vaGetConfigAttributes(r.dpy, VAProfileAV1Profile0, VAEntrypointEncSlice, &a, 1), 0);
		assert_int_equal(a.value, VA_RT_FORMAT_YUV420 | (k ? 0 : VA_RT_FORMAT_YUV420_10));
		assert_int_equal(vaCreateConfig(r.dpy, VAProfileAV1Profile0, VAEntrypointEncSlice, &deep, 1, &config),
				 k ? VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT : VA_STATUS_SUCCESS);
		if (!k) {
			vaDestroyConfig(r.dpy, config);
			assert_int_equal(vaCreateSurfaces(r.dpy, VA_RT_FORMAT_YUV420, W, H, &plain, 1, NULL, 0), 0);
			assert_int_equal(vaBeginPicture(r.dpy, r.context, plain), VA_STATUS_ERROR_INVALID_SURFACE);
			vaDestroySurfaces(r.dpy, &plain, 1);
		}
		rig_close(&r);
		unsetenv("MOONRILL_VA_FORMATS");
	}
}

static void a_sequence_has_a_level_with_room_for_it(void **state)
{
	struct rig_options o = options(0, VA_RC_CBR);
	static struct av1_shot s;
	struct rig r;
	struct av1_rig a = {.r = &r};

	(void)state;
	o.width = 640;
	o.height = 480;
	assert_int_equal(rig_open(&r, &o), 0);
	av1_rig_shot(&a, &s, true, 0);
	s.seq.seq_level_idx = 0;
	assert_int_equal(av1_rig_send(&a, &s, NULL), VA_STATUS_ERROR_INVALID_PARAMETER);
	assert_non_null(strstr(rig_log(&r, "RULE"), "seq_level_idx 0 has no room for the picture"));
	av1_rig_shot(&a, &s, true, 0);
	assert_int_equal(av1_rig_send(&a, &s, NULL), VA_STATUS_SUCCESS);
	rig_close(&r);
}

/* Annex A.3. */
static void levels_have_room(void **state)
{
	static const struct {
		unsigned idx;
		struct av1_load load;
		const char *lacks;
	} rows[] = {
		{0, {640, 230, 30, 1, 1, 1}, NULL},
		{0, {640, 232, 1, 1, 1, 1}, "picture"},
		{0, {2050, 64, 1, 1, 1, 1}, "picture"},
		{0, {64, 1154, 1, 1, 1, 1}, "picture"},
		{0, {640, 230, 31, 1, 1, 1}, "picture rate"},
		{0, {640, 230, 60, 2, 1, 1}, NULL},
		{0, {1920, 1080, 60, 1, 1, 1}, "picture"},
		{8, {1920, 1080, 30, 1, 1, 1}, NULL},
		{8, {1920, 1080, 60, 1, 1, 1}, "picture rate"},
		{9, {1920, 1080, 60, 1, 8, 4}, NULL},
		{9, {1920, 1080, 60, 1, 9, 1}, "tiles"},
		{9, {1920, 1080, 60, 1, 8, 5}, "tiles"},
		{13, {3840, 2160, 60, 1, 8, 1}, NULL},
		{12, {3840, 2160, 60, 1, 8, 1}, "picture rate"},
		{AV1_LEVEL_ANY, {16384, 16384, 500, 1, 64, 1}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *lacks = av1_level_lacks(rows[i].idx, &rows[i].load);

		assert_int_equal(!lacks, !rows[i].lacks);
		if (lacks)
			assert_string_equal(lacks, rows[i].lacks);
	}
	for (unsigned idx = 0; idx < 32; idx++)
		assert_int_equal(av1_level_known(idx), 0x800ff333u >> idx & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_a_frame_that_breaks_it),
		cmocka_unit_test(right_frames_break_no_rule),
		cmocka_unit_test(a_slot_whose_picture_was_written_over_is_not_named),
		cmocka_unit_test(what_is_offered_is_told),
		cmocka_unit_test(a_sequence_has_a_level_with_room_for_it),
		cmocka_unit_test(levels_have_room),
		cmocka_unit_test(ten_bits_are_offered_as_the_environment_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
