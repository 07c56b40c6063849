// SPDX-License-Identifier: GPL-3.0-or-later
/* Each rule of the stand-in driver has a picture that breaks it: the call fails with the status of the API, the log
 * says why, and the right picture behind it passes. */
#include "rig.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define W 64u
#define H 48u

static const uint32_t all_packed = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_PICTURE |
				   VA_ENC_PACKED_HEADER_SLICE | VA_ENC_PACKED_HEADER_RAW_DATA;

static void put_misc(struct shot *s, VAEncMiscParameterType type, const void *p, size_t size)
{
	s->misc_type = type;
	s->misc_size = size;
	memcpy(s->misc, p, size);
}

#define MISC(type, ...) put_misc(s, VAEncMiscParameterType##type, &(__VA_ARGS__), sizeof(__VA_ARGS__))

/* name, picture it is (0: IDR, 1..: P), status, what the log says, how the right picture is spoilt */
// clang-format off
#define RULES(X)                                                                                                       \
	X(no_sequence, 0, INVALID_PARAMETER, "without sequence parameters", s->send_seq = false; s->send_packed[0] = false;) \
	X(no_picture, 0, INVALID_PARAMETER, "no picture parameters", s->send_pic = false;)                             \
	X(no_slice, 0, INVALID_PARAMETER, "no slice", s->n_slices = 0;)                                                \
	X(slice_before_picture, 1, INVALID_PARAMETER, "behind a slice", s->slice_first = true;)                        \
	X(sequence_size, 0, INVALID_BUFFER, "expected", s->seq_size = sizeof(s->seq) - 4;)                             \
	X(buffer_twice, 0, INVALID_BUFFER, "twice in a picture", s->twice = true;)                                     \
	X(buffer_mapped, 0, INVALID_BUFFER, "is mapped", s->mapped = true;)                                            \
	X(coded_buffer_none, 0, INVALID_BUFFER, "no coded buffer", s->pic.coded_buf = VA_INVALID_ID;)                  \
	X(coded_buffer_small, 0, NOT_ENOUGH_BUFFER, "the coded buffer has 64 bytes", s->coded_size = 64;)              \
	X(level, 0, INVALID_PARAMETER, "level_idc 33", s->seq.level_idc = 33; shot_headers(r, s);)                     \
	X(macroblocks, 0, INVALID_PARAMETER, "the context is 64x48", s->seq.picture_width_in_mbs++;)                   \
	X(chroma_format, 0, INVALID_PARAMETER, "chroma_format_idc", s->seq.seq_fields.bits.chroma_format_idc = 2;)     \
	X(fields, 0, INVALID_PARAMETER, "fields", s->seq.seq_fields.bits.frame_mbs_only_flag = 0;)                     \
	X(poc_type, 0, INVALID_PARAMETER, "pic_order_cnt_type", s->seq.seq_fields.bits.pic_order_cnt_type = 1;)        \
	X(b_pictures, 0, INVALID_PARAMETER, "ip_period", s->seq.ip_period = 3;)                                        \
	X(sequence_reserved, 0, INVALID_PARAMETER, "reserved bytes", s->seq.va_reserved[1] = 1;)                       \
	X(picture_reserved, 0, INVALID_PARAMETER, "reserved bytes", s->pic.va_reserved[0] = 1;)                        \
	X(idr_frame_num, 0, INVALID_PARAMETER, "frame_num 3", s->pic.frame_num = 3;)                                   \
	X(weighted, 1, INVALID_PARAMETER, "weighted_pred_flag", s->pic.pic_fields.bits.weighted_pred_flag = 1;)        \
	X(pps_changed_unsaid, 1, INVALID_PARAMETER, "pic_init_qp: 22 in the packed", s->pic.pic_init_qp = 30;)         \
	X(pps_unknown, 1, INVALID_PARAMETER, "never sent", s->pic.pic_parameter_set_id = 7;)                           \
	X(cropping, 0, INVALID_PARAMETER, "frame_cropping_flag", s->seq.frame_cropping_flag = 1;)                      \
	X(sps_level, 0, INVALID_PARAMETER, "level_idc: 40 in the packed header, 31", s->sps.level_idc = 40;)           \
	X(sps_refs, 0, INVALID_PARAMETER, "max_num_ref_frames", s->sps.max_refs = 2;)                                  \
	X(sps_profile, 0, INVALID_PARAMETER, "profile_idc 77", s->sps.profile_idc = 77;)                               \
	X(sps_timing, 0, INVALID_PARAMETER, "time_scale", s->sps.time_scale = 60;)                                     \
	X(sps_buffering, 0, INVALID_PARAMETER, "max_dec_frame_buffering", s->sps.dec_frame_buffering = 1;)             \
	X(sps_missing, 0, INVALID_PARAMETER, "packed sequence headers, the IDR picture has none", s->send_packed[0] = false;) \
	X(pps_missing, 0, INVALID_PARAMETER, "packed picture headers, the IDR picture has none", s->send_packed[1] = false;) \
	X(pps_entropy, 0, INVALID_PARAMETER, "entropy_coding_mode_flag", s->pps.cabac = !s->pps.cabac;)                \
	X(pps_before_sps, 0, INVALID_PARAMETER, "behind a picture header", s->pps_first = true;)                       \
	X(sps_as_pps, 0, INVALID_PARAMETER, "a packed header twice", s->packed_type[0] = VAEncPackedHeaderPicture;)    \
	X(sps_as_raw, 0, INVALID_PARAMETER, "the IDR picture has none", s->packed_type[0] = VAEncPackedHeaderRawData;) \
	X(packed_unknown, 0, INVALID_PARAMETER, "packed header of type 9", s->packed_type[0] = 9;)                     \
	X(packed_no_data, 0, INVALID_PARAMETER, "packed header parameters, then type", s->no_data = true;)             \
	X(packed_too_long, 0, INVALID_PARAMETER, "bits in", s->packed_bits[0] = 16;)                                   \
	X(packed_cut, 0, INVALID_PARAMETER, "SPS:", s->packed_bits[0] = -8;)                                           \
	X(packed_uneven, 0, INVALID_PARAMETER, "does not end inside a byte", s->packed_bits[0] = -1;)                  \
	X(packed_escape, 0, INVALID_PARAMETER, "a start code inside", s->raw_escaped = true;)                          \
	X(slice_bits_short, 1, INVALID_PARAMETER, "slice header", s->packed_bits[2] = -1;)                             \
	X(slice_bits_long, 1, INVALID_PARAMETER, "bits behind the header", s->packed_bits[2] = 1; s->header[0].qp_delta = s->slice[0].slice_qp_delta = 5;) \
	X(slice_unpacked, 1, INVALID_PARAMETER, "a slice without its packed header", s->send_packed[2] = false;)       \
	X(slice_type, 1, INVALID_PARAMETER, "slice_type", s->slice[0].slice_type = 1;)                                 \
	X(slice_start, 1, INVALID_PARAMETER, "first_mb_in_slice", s->slice[1].macroblock_address--;)                   \
	X(slice_overlap, 1, INVALID_PARAMETER, "the next macroblock", s->slice[1].macroblock_address--; s->header[1].first_mb--;) \
	X(slice_uncovered, 1, INVALID_PARAMETER, "slices cover", s->slice[1].num_macroblocks--;)                       \
	X(slice_beyond, 1, INVALID_PARAMETER, "the next macroblock", s->slice[1].num_macroblocks++;)                   \
	X(slice_frame_num, 1, INVALID_PARAMETER, "frame_num: 2 in the packed", s->header[0].frame_num = 2;)            \
	X(slice_poc, 1, INVALID_PARAMETER, "pic_order_cnt_lsb", s->header[0].poc_lsb += 2;)                            \
	X(slice_qp, 1, INVALID_PARAMETER, "slice_qp_delta", s->header[1].qp_delta = 3;)                                \
	X(slice_deblock, 1, INVALID_PARAMETER, "disable_deblocking_filter_idc", s->header[0].deblock = 2;)             \
	X(slice_marking, 2, INVALID_PARAMETER, "another picture than slice 0", s->header[1].adaptive = true;)          \
	X(macroblock_info, 1, INVALID_PARAMETER, "macroblock_info", s->slice[0].macroblock_info = 0;)                  \
	X(frame_num_repeated, 2, INVALID_PARAMETER, "frame_num repeated", s->pic.frame_num = 1; s->pic.CurrPic.frame_idx = 1; shot_headers(r, s);) \
	X(frame_num_gap, 2, INVALID_PARAMETER, "gaps are not allowed", s->pic.frame_num = 5; s->pic.CurrPic.frame_idx = 5; shot_headers(r, s);) \
	X(poc_of_picture, 2, INVALID_PARAMETER, "CurrPic: POC", s->pic.CurrPic.TopFieldOrderCnt += 2;)                 \
	X(current_frame_idx, 2, INVALID_PARAMETER, "CurrPic: frame_idx", s->pic.CurrPic.frame_idx = 9;)                \
	X(current_is_source, 1, INVALID_SURFACE, "is the surface that is encoded", s->pic.CurrPic.picture_id = r->input;) \
	X(current_is_reference, 2, INVALID_SURFACE, "is still a reference", s->pic.CurrPic.picture_id = s->pic.ReferenceFrames[0].picture_id;) \
	X(current_none, 1, INVALID_SURFACE, "CurrPic: no surface", s->pic.CurrPic.picture_id = 77;)                    \
	X(reference_none, 2, INVALID_SURFACE, "no surface", s->pic.ReferenceFrames[0].picture_id = 77;)                \
	X(reference_never_made, 2, INVALID_SURFACE, "nothing was reconstructed", s->pic.ReferenceFrames[0].picture_id = r->input;) \
	X(reference_twice, 2, INVALID_PARAMETER, "are the same surface", s->pic.ReferenceFrames[1] = s->pic.ReferenceFrames[0];) \
	X(reference_forgotten, 6, INVALID_PARAMETER, "the decoder has no picture", s->pic.ReferenceFrames[0].picture_id = s->pic.CurrPic.picture_id;) \
	X(reference_frame_idx, 2, INVALID_PARAMETER, "the decoder has", s->pic.ReferenceFrames[0].frame_idx += 1;)     \
	X(reference_poc, 2, INVALID_PARAMETER, "POC", s->pic.ReferenceFrames[0].TopFieldOrderCnt += 2;)                \
	X(reference_kind, 2, INVALID_PARAMETER, "short-term", s->pic.ReferenceFrames[0].flags = VA_PICTURE_H264_LONG_TERM_REFERENCE;) \
	X(idr_with_references, 0, INVALID_PARAMETER, "of an IDR picture", s->pic.ReferenceFrames[0] = s->pic.CurrPic;) \
	X(list_missing, 1, INVALID_PARAMETER, "is missing", s->slice[0].RefPicList0[0] = s->slice[0].RefPicList0[1];)  \
	X(list_order, 3, INVALID_PARAMETER, "RefPicList0[0]: surface", s->slice[0].RefPicList0[0] = r->ref[0].va.picture_id == s->slice[0].RefPicList0[0].picture_id ? r->ref[1].va : r->ref[3].va.picture_id == s->slice[0].RefPicList0[0].picture_id ? r->ref[2].va : r->ref[3].va;) \
	X(list_too_long, 2, INVALID_PARAMETER, "and the list has 1", s->slice[0].RefPicList0[1] = s->slice[0].RefPicList0[0];) \
	X(list_not_in_frames, 1, INVALID_PARAMETER, "not in ReferenceFrames", s->pic.ReferenceFrames[0] = s->pic.ReferenceFrames[1];) \
	X(list_of_i_slice, 0, INVALID_PARAMETER, "of an I slice", s->slice[0].RefPicList0[0] = s->pic.CurrPic;)        \
	X(list1, 1, INVALID_PARAMETER, "RefPicList1[0]", s->slice[0].RefPicList1[0] = s->slice[0].RefPicList0[0];)     \
	X(change_names_nothing, 2, INVALID_PARAMETER, "names no reference", s->header[0].change[0].value = 9;)         \
	X(mmco_names_nothing, 2, INVALID_PARAMETER, "mmco 1", for (unsigned n = 0; n < 2; n++) { s->header[n].adaptive = true; s->header[n].n_mmco = 1; s->header[n].mmco[0].op = 1; s->header[n].mmco[0].a = 12; }) \
	X(mmco_too_many, 5, INVALID_PARAMETER, "after marking", for (unsigned n = 0; n < 2; n++) s->header[n].adaptive = true;) \
	X(long_term_unsaid, 2, INVALID_PARAMETER, "marks it", s->pic.CurrPic.flags = VA_PICTURE_H264_LONG_TERM_REFERENCE; s->pic.CurrPic.frame_idx = 0;) \
	X(rate_with_cqp, 0, INVALID_PARAMETER, "with VA_RC_CQP", MISC(RateControl, (VAEncMiscParameterRateControl){.bits_per_second = 1000000, .target_percentage = 100});) \
	X(misc_unknown, 0, UNSUPPORTED_BUFFERTYPE, "misc parameter", s->misc_type = VAEncMiscParameterTypeROI; s->misc_size = 64;) \
	X(misc_small, 0, INVALID_BUFFER, "misc parameter frame rate", s->misc_type = VAEncMiscParameterTypeFrameRate; s->misc_size = 4;) \
	X(frame_rate, 0, INVALID_PARAMETER, "framerate", MISC(FrameRate, (VAEncMiscParameterFrameRate){0});)           \
	X(quality, 0, INVALID_PARAMETER, "quality_level", MISC(QualityLevel, (VAEncMiscParameterBufferQualityLevel){.quality_level = 9});) \
	X(max_frame_tiny, 0, INVALID_PARAMETER, "max_frame_size", uint32_t m[8] = {0, 10}; put_misc(s, VAEncMiscParameterTypeMaxFrameSize, m, sizeof(m));)

#define RULES_OF_RATE(X)                                                                                               \
	X(bits_per_second, 0, INVALID_PARAMETER, "bits_per_second", MISC(RateControl, (VAEncMiscParameterRateControl){.bits_per_second = 1, .target_percentage = 100});) \
	X(target_percentage, 0, INVALID_PARAMETER, "target_percentage", MISC(RateControl, (VAEncMiscParameterRateControl){.bits_per_second = 100000, .target_percentage = 101});) \
	X(quantisers, 0, INVALID_PARAMETER, "quantiser", MISC(RateControl, (VAEncMiscParameterRateControl){.bits_per_second = 100000, .min_qp = 40, .max_qp = 20});) \
	X(hrd, 0, INVALID_PARAMETER, "HRD: fullness", MISC(HRD, (VAEncMiscParameterHRD){.initial_buffer_fullness = 2, .buffer_size = 1});)
// clang-format on

#define FUNCTION(name, at, status, text, ...)                                                                          \
	static void spoil_##name(struct rig *r, struct shot *s)                                                        \
	{                                                                                                              \
		(void)r;                                                                                               \
		__VA_ARGS__                                                                                            \
	}
RULES(FUNCTION)
RULES_OF_RATE(FUNCTION)

struct one {
	const char *name;
	unsigned at;
	VAStatus status;
	const char *text;
	void (*spoil)(struct rig *r, struct shot *s);
};

#define ENTRY(name, at, status, text, ...) {#name, at, VA_STATUS_ERROR_##status, text, spoil_##name},
static const struct one rules[] = {RULES(ENTRY)}, rate_rules[] = {RULES_OF_RATE(ENTRY)};

static struct rig_options options(uint32_t packed, uint32_t rc)
{
	return (struct rig_options){.width = W,
				    .height = H,
				    .slices = 2,
				    .packed = packed,
				    .rc = rc,
				    .cabac = true,
				    .deblock = true,
				    .profile = VAProfileH264High};
}

static unsigned break_each(const struct one *list, size_t n, uint32_t rc)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct rig_options o = options(all_packed, rc);
		static struct shot s;
		struct rig r;
		VAStatus got;

		assert_int_equal(rig_open(&r, &o), 0);
		for (unsigned k = 0; k < list[i].at; k++) {
			rig_shot(&r, &s, k == 0, 0);
			assert_int_equal(rig_send(&r, &s, NULL), VA_STATUS_SUCCESS);
		}
		rig_shot(&r, &s, list[i].at == 0, 0);
		list[i].spoil(&r, &s);
		got = rig_send(&r, &s, NULL);
		if (got != list[i].status || !strstr(rig_log(&r, "RULE"), list[i].text)) {
			print_message("# %s: status %#x, log \"%s\"\n", list[i].name, got, rig_log(&r, "RULE"));
			wrong++;
		}
		rig_shot(&r, &s, true, 0);
		if (list[i].at == 0)
			assert_int_equal(rig_send(&r, &s, NULL), VA_STATUS_SUCCESS);
		rig_close(&r);
	}
	return wrong;
}

static void each_rule_has_a_picture_that_breaks_it(void **state)
{
	(void)state;
	assert_int_equal(break_each(rules, sizeof(rules) / sizeof(*rules), VA_RC_CQP), 0);
	assert_int_equal(break_each(rate_rules, sizeof(rate_rules) / sizeof(*rate_rules), VA_RC_CBR), 0);
}

static void a_level_has_room_for_its_references(void **state)
{
	struct rig_options o = options(all_packed, VA_RC_CQP);
	static struct shot s;
	struct rig r;

	(void)state;
	o.width = 640;
	o.height = 480;
	assert_int_equal(rig_open(&r, &o), 0);
	rig_shot(&r, &s, true, 0);
	s.seq.level_idc = s.sps.level_idc = 21; /* 4752 macroblocks; four pictures have 4800 */
	assert_int_equal(rig_send(&r, &s, NULL), VA_STATUS_ERROR_INVALID_PARAMETER);
	assert_non_null(strstr(rig_log(&r, "RULE"), "has no room for 4 frames"));
	rig_close(&r);
}

static void right_pictures_break_no_rule(void **state)
{
	static const uint32_t sets[] = {0, 7, 0x17};
	static struct shot s;

	(void)state;
	for (unsigned k = 0; k < 3; k++)
		for (unsigned cabac = 0; cabac < 2; cabac++) {
			struct rig_options o = options(sets[k], cabac ? VA_RC_CBR : VA_RC_CQP);
			struct rig r;

			o.cabac = cabac;
			assert_int_equal(rig_open(&r, &o), 0);
			for (unsigned n = 0; n < 40; n++) {
				rig_shot(&r, &s, n % 25 == 0, n % 7 == 6 ? 2 : 0);
				s.send_sei = sets[k] & 0x10;
				if (n % 9 == 4 && sets[k])
					shot_long_term(&r, &s);
				if (rig_send(&r, &s, NULL) != VA_STATUS_SUCCESS)
					fail_msg("picture %u of set %#x: %s", n, sets[k], rig_log(&r, "RULE"));
			}
			assert_string_equal(rig_log(&r, "RULE"), "");
			vaDestroySurfaces(r.dpy, r.recon, RIG_REFS + 2); /* closing must not count what is gone */
			assert_int_equal(
				vaCreateSurfaces(r.dpy, VA_RT_FORMAT_YUV420, W, H, r.recon, RIG_REFS + 2, NULL, 0), 0);
			rig_close(&r);
		}
}

static void configs_are_what_is_offered(void **state)
{
	struct rig_options o = options(all_packed, VA_RC_CQP);
	VAConfigAttrib a[2] = {{VAConfigAttribRateControl, VA_RC_ICQ}, {VAConfigAttribRateControl, VA_RC_CQP}};
	VAConfigID id;
	struct rig r;

	(void)state;
	assert_int_equal(rig_open(&r, &o), 0);
	assert_int_equal(vaCreateConfig(r.dpy, VAProfileVP9Profile0, VAEntrypointEncSlice, a, 0, &id),
			 VA_STATUS_ERROR_UNSUPPORTED_PROFILE);
	assert_int_equal(vaCreateConfig(r.dpy, VAProfileH264High, VAEntrypointEncSliceLP, a, 0, &id),
			 VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT);
	assert_int_equal(vaCreateConfig(r.dpy, VAProfileH264High, VAEntrypointEncSlice, a, 1, &id),
			 VA_STATUS_ERROR_ATTR_NOT_SUPPORTED);
	a[0].value = VA_RC_CQP;
	assert_int_equal(vaCreateConfig(r.dpy, VAProfileH264High, VAEntrypointEncSlice, a, 2, &id),
			 VA_STATUS_ERROR_INVALID_PARAMETER);
	a[0] = (VAConfigAttrib){VAConfigAttribRTFormat, VA_RT_FORMAT_YUV444};
	assert_int_equal(vaCreateConfig(r.dpy, VAProfileH264High, VAEntrypointEncSlice, a, 1, &id),
			 VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT);
	rig_close(&r);
}

static void objects_are_known_only_while_they_live(void **state)
{
	struct rig_options o = options(all_packed, VA_RC_CQP);
	VABufferID b;
	struct rig r;
	void *p;

	(void)state;
	assert_int_equal(rig_open(&r, &o), 0);
	assert_int_equal(vaCreateBuffer(r.dpy, r.context, VAEncMiscParameterBufferType, 64, 1, NULL, &b), 0);
	assert_int_equal(vaDestroyBuffer(r.dpy, b), 0);
	assert_int_equal(vaDestroyBuffer(r.dpy, b), VA_STATUS_ERROR_INVALID_BUFFER);
	assert_int_equal(vaMapBuffer(r.dpy, b, &p), VA_STATUS_ERROR_INVALID_BUFFER);
	assert_int_equal(vaMapBuffer(r.dpy, r.coded, &p), VA_STATUS_ERROR_INVALID_BUFFER); /* nothing coded yet */
	assert_int_equal(vaBeginPicture(r.dpy, r.context, 5), VA_STATUS_ERROR_INVALID_SURFACE);
	assert_int_equal(vaEndPicture(r.dpy, r.context), VA_STATUS_ERROR_OPERATION_FAILED);
	assert_int_equal(vaBeginPicture(r.dpy, r.context, r.input), 0);
	assert_int_equal(vaBeginPicture(r.dpy, r.context, r.input), VA_STATUS_ERROR_OPERATION_FAILED);
	assert_int_equal(vaDestroySurfaces(r.dpy, &r.input, 1), VA_STATUS_ERROR_SURFACE_BUSY);
	assert_int_equal(vaEndPicture(r.dpy, r.context), VA_STATUS_ERROR_INVALID_PARAMETER);
	assert_int_equal(vaDestroyConfig(r.dpy, r.config), VA_STATUS_ERROR_INVALID_CONFIG); /* the context needs it */
	rig_close(&r);
}

static VAStatus import(struct rig *r, unsigned format, VADRMPRIMESurfaceDescriptor *x, VASurfaceID *id)
{
	VASurfaceAttrib a[3] = {
		{VASurfaceAttribPixelFormat,
		 VA_SURFACE_ATTRIB_SETTABLE,
		 {VAGenericValueTypeInteger, {.i = (int)x->fourcc}}},
		{VASurfaceAttribMemoryType,
		 VA_SURFACE_ATTRIB_SETTABLE,
		 {VAGenericValueTypeInteger, {.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2}}},
		{VASurfaceAttribExternalBufferDescriptor,
		 VA_SURFACE_ATTRIB_SETTABLE,
		 {VAGenericValueTypePointer, {.p = x}}},
	};

	return vaCreateSurfaces(r->dpy, format, W, H, id, 1, a, 3);
}

static void memory_is_shared_by_export_and_import(void **state)
{
	struct rig_options o = options(all_packed, VA_RC_CQP);
	uint16_t picture[W * H * 3 / 2];
	const uint16_t *const planes[] = {picture, picture + W * H, picture + W * H * 5 / 4};
	VADRMPRIMESurfaceDescriptor x, bad;
	VASurfaceID id, none;
	VAImage image;
	struct rig r;
	uint8_t *p;

	(void)state;
	assert_int_equal(rig_open(&r, &o), 0);
	for (unsigned i = 0; i < sizeof(picture) / sizeof(*picture); i++)
		picture[i] = (uint8_t)(i * 7);
	assert_int_equal(vaExportSurfaceHandle(r.dpy, r.input, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
					       VA_EXPORT_SURFACE_READ_WRITE | VA_EXPORT_SURFACE_COMPOSED_LAYERS, &x),
			 0);
	assert_int_equal(import(&r, VA_RT_FORMAT_YUV420, &x, &id), 0);
	bad = x;
	bad.layers[0].pitch[0] = W / 2;
	assert_int_equal(import(&r, VA_RT_FORMAT_YUV420, &bad, &none), VA_STATUS_ERROR_INVALID_PARAMETER);
	bad = x;
	bad.layers[0].offset[1] = x.objects[0].size;
	assert_int_equal(import(&r, VA_RT_FORMAT_YUV420, &bad, &none), VA_STATUS_ERROR_INVALID_PARAMETER);
	bad = x;
	bad.objects[0].drm_format_modifier = 1;
	assert_int_equal(import(&r, VA_RT_FORMAT_YUV420, &bad, &none), VA_STATUS_ERROR_INVALID_PARAMETER);
	close(x.objects[0].fd);
	assert_int_equal(rig_put(&r, planes), 0);
	assert_int_equal(vaDeriveImage(r.dpy, id, &image), 0);
	assert_int_equal(vaDestroySurfaces(r.dpy, &id, 1), VA_STATUS_ERROR_SURFACE_BUSY);
	assert_int_equal(vaMapBuffer(r.dpy, image.buf, (void **)&p), 0);
	for (unsigned y = 0; y < H; y++)
		for (unsigned k = 0; k < W; k++)
			assert_int_equal(p[image.offsets[0] + y * image.pitches[0] + k], picture[y * W + k]);
	vaUnmapBuffer(r.dpy, image.buf);
	vaDestroyImage(r.dpy, image.image_id);
	assert_int_equal(vaDestroySurfaces(r.dpy, &id, 1), 0);
	rig_close(&r);
}

/* Surfaces of every format leave and come back, their planes as one picture or each for itself. */
static void each_format_is_exported_and_imported(void **state)
{
	static const struct {
		uint32_t rt_format, fourcc, layers;
		const char *fault;
	} rows[] = {
		{VA_RT_FORMAT_YUV420, VA_FOURCC_NV12, 2, ""},     {VA_RT_FORMAT_YUV420_10, VA_FOURCC_P010, 2, ""},
		{VA_RT_FORMAT_YUV444, VA_FOURCC_XYUV, 1, ""},     {VA_RT_FORMAT_YUV444, VA_FOURCC_AYUV, 1, "ayuv"},
		{VA_RT_FORMAT_YUV444, VA_FOURCC_444P, 3, "444p"}, {VA_RT_FORMAT_YUV444_10, VA_FOURCC_Y410, 1, ""},
	};

	(void)state;
	for (unsigned i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		const bool separate = i & 1;
		struct rig_options o = options(all_packed, VA_RC_CQP);
		VADRMPRIMESurfaceDescriptor x;
		VASurfaceID id, back;
		struct rig r;

		setenv("MOONRILL_VA_FAULT", rows[i / 2].fault, 1);
		assert_int_equal(rig_open(&r, &o), 0);
		unsetenv("MOONRILL_VA_FAULT");
		assert_int_equal(vaCreateSurfaces(r.dpy, rows[i / 2].rt_format, W, H, &id, 1, NULL, 0), 0);
		assert_int_equal(vaExportSurfaceHandle(r.dpy, id, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
						       VA_EXPORT_SURFACE_READ_WRITE |
							       (separate ? VA_EXPORT_SURFACE_SEPARATE_LAYERS
									 : VA_EXPORT_SURFACE_COMPOSED_LAYERS),
						       &x),
				 0);
		assert_int_equal(x.fourcc, rows[i / 2].fourcc);
		assert_int_equal(x.num_layers, separate ? rows[i / 2].layers : 1);
		assert_int_equal(x.layers[0].num_planes, separate ? 1 : rows[i / 2].layers);
		assert_int_equal(import(&r, rows[i / 2].rt_format, &x, &back), 0);
		vaDestroySurfaces(r.dpy, &back, 1);
		x.layers[x.num_layers - 1].pitch[x.layers[x.num_layers - 1].num_planes - 1] = W / 2;
		assert_int_equal(import(&r, rows[i / 2].rt_format, &x, &back), VA_STATUS_ERROR_INVALID_PARAMETER);
		close(x.objects[0].fd);
		vaDestroySurfaces(r.dpy, &id, 1);
		rig_close(&r);
	}
}

static void faults_strike_once(void **state)
{
	struct rig_options o = options(all_packed, VA_RC_CQP);
	unsigned failed = 0, hung = 0;
	static struct shot s;
	char faults[64];

	(void)state;
	/* The count is the process's: three pictures from here. */
	for (unsigned kind = 0; kind < 2; kind++) {
		struct rig r;
		unsigned now;

		assert_int_equal(rig_open(&r, &o), 0);
		rig_shot(&r, &s, true, 0);
		assert_int_equal(rig_send(&r, &s, NULL), 0);
		rig_close(&r);
		setenv("MOONRILL_VA_FAULT", "", 1);
		assert_int_equal(rig_open(&r, &o), 0);
		s.n_slices = 0;
		rig_send(&r, &s, NULL);
		now = (unsigned)strtoul(rig_log(&r, "RULE") + 5, NULL, 10);
		rig_close(&r);
		snprintf(faults, sizeof(faults), kind ? "hang:%u,hang-ms:5,segments:3" : "error:%u", now + 2);
		setenv("MOONRILL_VA_FAULT", faults, 1);
		for (unsigned round = 0; round < 2; round++) {
			assert_int_equal(rig_open(&r, &o), 0);
			for (unsigned n = 0; n < 3; n++) {
				VAStatus status;

				rig_shot(&r, &s, n == 0, 0);
				status = rig_send(&r, &s, NULL);
				failed += status == VA_STATUS_ERROR_OPERATION_FAILED;
				hung += status == VA_STATUS_ERROR_HW_BUSY;
				if (status != VA_STATUS_SUCCESS)
					break;
			}
			rig_close(&r);
		}
		unsetenv("MOONRILL_VA_FAULT");
	}
	assert_int_equal(failed, 1);
	assert_int_equal(hung, 1);
}

static VAStatus open_with(struct rig *r, const char *faults, uint32_t packed)
{
	struct rig_options o = options(packed, VA_RC_CQP);
	VAStatus status;

	setenv("MOONRILL_VA_FAULT", faults, 1);
	status = (VAStatus)rig_open(r, &o);
	unsetenv("MOONRILL_VA_FAULT");
	return status;
}

static void what_is_switched_off_is_off(void **state)
{
	VAConfigAttrib a[] = {{VAConfigAttribRateControl, 0},
			      {VAConfigAttribMaxFrameSize, 0},
			      {VAConfigAttribEncMaxRefFrames, 0},
			      {VAConfigAttribEncMaxSlices, 0},
			      {VAConfigAttribEncQualityRange, 0}};
	VADRMPRIMESurfaceDescriptor x;
	VAEntrypoint points[4];
	static struct shot s;
	VAImage image;
	struct rig r;
	int n = 0;

	(void)state;
	assert_int_equal(open_with(&r, "slices:1", all_packed), 0);
	rig_shot(&r, &s, true, 0);
	assert_int_equal(rig_send(&r, &s, NULL), VA_STATUS_ERROR_INVALID_PARAMETER);
	assert_non_null(strstr(rig_log(&r, "RULE"), "2 slices, at most 1"));
	rig_close(&r);
	assert_int_equal(open_with(&r, "no-packed-headers", all_packed), VA_STATUS_ERROR_ATTR_NOT_SUPPORTED);
	vaTerminate(r.dpy);
	r.dpy = NULL;
	rig_close(&r);
	assert_int_equal(open_with(&r, "low-power-only", 0), VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT);
	assert_int_equal(vaQueryConfigEntrypoints(r.dpy, VAProfileH264High, points, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(points[0], VAEntrypointEncSliceLP);
	vaTerminate(r.dpy);
	r.dpy = NULL;
	rig_close(&r);
	assert_int_equal(open_with(&r, "no-context", 0), VA_STATUS_ERROR_HW_BUSY);
	vaTerminate(r.dpy);
	r.dpy = NULL;
	rig_close(&r);
	assert_int_equal(open_with(&r, "no-derive,no-prime,no-sync-buffer", all_packed), 0);
	assert_int_equal(vaDeriveImage(r.dpy, r.input, &image), VA_STATUS_ERROR_OPERATION_FAILED);
	assert_int_equal(vaExportSurfaceHandle(r.dpy, r.input, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
					       VA_EXPORT_SURFACE_READ_ONLY | VA_EXPORT_SURFACE_SEPARATE_LAYERS, &x),
			 VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE);
	assert_int_equal(vaSyncBuffer(r.dpy, r.coded, 0), VA_STATUS_ERROR_UNIMPLEMENTED);
	assert_int_equal(vaSyncSurface2(r.dpy, r.input, 0), VA_STATUS_ERROR_UNIMPLEMENTED);
	rig_close(&r);
	assert_int_equal(
		open_with(&r, "no-attr-rc,no-attr-frame-size,no-attr-refs,no-attr-slices,no-attr-quality", all_packed),
		VA_STATUS_ERROR_ATTR_NOT_SUPPORTED); /* the rig asks for a rate control */
	assert_int_equal(vaGetConfigAttributes(r.dpy, VAProfileH264High, VAEntrypointEncSlice, a, 5), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(a[i].value, VA_ATTRIB_NOT_SUPPORTED);
	vaTerminate(r.dpy);
	r.dpy = NULL;
	rig_close(&r);
}

static void images_of_their_own_go_in_and_out(void **state)
{
	struct rig_options o = options(all_packed, VA_RC_CQP);
	VAImageFormat nv12 = {.fourcc = VA_FOURCC_NV12}, rgb = {.fourcc = VA_FOURCC_BGRX};
	VAImage in, out, no;
	struct rig r;
	uint8_t *p;

	(void)state;
	assert_int_equal(rig_open(&r, &o), 0);
	assert_int_equal(vaCreateImage(r.dpy, &rgb, W, H, &no), VA_STATUS_ERROR_INVALID_IMAGE_FORMAT);
	assert_int_equal(vaCreateImage(r.dpy, &nv12, W, H, &in), 0);
	assert_int_equal(vaCreateImage(r.dpy, &nv12, W, H, &out), 0);
	assert_int_equal(vaMapBuffer(r.dpy, in.buf, (void **)&p), 0);
	for (unsigned i = 0; i < in.data_size; i++)
		p[i] = (uint8_t)(i * 11 + 3);
	assert_int_equal(vaPutImage(r.dpy, r.input, in.image_id, 0, 0, W, H, 0, 0, W, H),
			 VA_STATUS_ERROR_INVALID_IMAGE); /* mapped */
	vaUnmapBuffer(r.dpy, in.buf);
	assert_int_equal(vaPutImage(r.dpy, r.input, in.image_id, 0, 0, W, H, 0, 0, W, H), 0);
	assert_int_equal(vaPutImage(r.dpy, r.input, in.image_id, 0, 0, W, H, 2, 0, W, H),
			 VA_STATUS_ERROR_INVALID_PARAMETER);
	assert_int_equal(vaPutImage(r.dpy, r.input, in.image_id, 0, 0, W, H, 0, 0, W / 2, H),
			 VA_STATUS_ERROR_INVALID_PARAMETER);
	assert_int_equal(vaGetImage(r.dpy, r.input, 0, 0, W, H, out.image_id), 0);
	assert_int_equal(vaMapBuffer(r.dpy, out.buf, (void **)&p), 0);
	for (unsigned i = 0; i < out.data_size; i++)
		assert_int_equal(p[i], (uint8_t)(i * 11 + 3));
	vaUnmapBuffer(r.dpy, out.buf);
	vaDestroyImage(r.dpy, in.image_id);
	vaDestroyImage(r.dpy, out.image_id);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_a_picture_that_breaks_it),
		cmocka_unit_test(a_level_has_room_for_its_references),
		cmocka_unit_test(right_pictures_break_no_rule),
		cmocka_unit_test(configs_are_what_is_offered),
		cmocka_unit_test(objects_are_known_only_while_they_live),
		cmocka_unit_test(memory_is_shared_by_export_and_import),
		cmocka_unit_test(each_format_is_exported_and_imported),
		cmocka_unit_test(faults_strike_once),
		cmocka_unit_test(what_is_switched_off_is_off),
		cmocka_unit_test(images_of_their_own_go_in_and_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
