// SPDX-License-Identifier: GPL-3.0-or-later
/* What a VA-API driver is told of an AV1 frame, and what is taken of its answers, without a driver. */
#include "../cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "encode/vaapi_codec.h"

static struct vaapi_stream make(uint16_t width, uint16_t height, uint8_t tiles, uint8_t dpb)
{
	const struct vaapi_caps caps = {
		.profile = VAProfileAV1Profile0,
		.max_slices = 32,
		.av1 = {.size_bytes = 4, .tile_bytes = 4, .tx_select = true, .cdef = true},
	};
	const struct enc_params params = {
		.video = {.codec = CODEC_AV1,
			  .width = width,
			  .height = height,
			  .depth = 8,
			  .fps_mhz = 60000,
			  .space = COLOUR_BT709},
		.dpb = dpb,
		.slices = tiles,
		.kbps = 10000,
	};
	struct vaapi_stream v = {.codec = &vaapi_av1, .ours = true};

	pic_refs_init(&v.refs, dpb, true);
	for (unsigned i = 0; i < PIC_REFS_SURFACES_MAX; i++)
		v.surface[i] = 100 + i;
	vaapi_av1.init(&v, &caps, &params);
	vaapi_cut(&v, tiles, 0);
	return v;
}

static void attributes_become_tools(void **state)
{
	const VAConfigAttribValEncAV1Ext2 intel = {.bits = {.tile_size_bytes_minus1 = 3,
							    .obu_size_bytes_minus1 = 3,
							    .tx_mode_support = 4,
							    .max_tile_num_minus1 = 511}};
	VAConfigAttribValEncAV1Ext2 e = intel;
	VAConfigAttribValEncAV1 f = {.value = 0};
	struct av1_tools t;
	uint32_t tiles;

	(void)state;
	assert_true(vaapi_av1_tools(VA_ATTRIB_NOT_SUPPORTED, e.value, &t, &tiles));
	assert_true(t.size_bytes == 4 && t.tile_bytes == 4 && t.tx_select && tiles == 512);
	e.bits.obu_size_bytes_minus1 = 1;
	e.bits.tx_mode_support = 3;
	assert_true(vaapi_av1_tools(0, e.value, &t, &tiles));
	assert_true(t.size_bytes == 2 && !t.tx_select);
	e.bits.tx_mode_support = 1;
	assert_false(vaapi_av1_tools(0, e.value, &t, &tiles));
	assert_false(vaapi_av1_tools(0, VA_ATTRIB_NOT_SUPPORTED, &t, &tiles));
	f.bits.support_palette_mode = f.bits.support_filter_intra = VA_FEATURE_SUPPORTED;
	f.bits.support_cdef_channel_strength = VA_FEATURE_REQUIRED;
	assert_true(vaapi_av1_tools(f.value, intel.value, &t, &tiles));
}

/* Of each that we do not write. */
static void a_driver_that_insists_is_not_used(void **state)
{
	const VAConfigAttribValEncAV1Ext2 e = {.bits = {.tx_mode_support = 2}};
	struct av1_tools t;
	uint32_t tiles;

	(void)state;
#define INSISTS(field)                                                                                                 \
	do {                                                                                                           \
		VAConfigAttribValEncAV1 f = {.value = 0};                                                              \
                                                                                                                       \
		f.bits.field = VA_FEATURE_SUPPORTED;                                                                   \
		assert_true(vaapi_av1_tools(f.value, e.value, &t, &tiles));                                            \
		f.bits.field = VA_FEATURE_REQUIRED;                                                                    \
		assert_false(vaapi_av1_tools(f.value, e.value, &t, &tiles));                                           \
	} while (0)
	INSISTS(support_128x128_superblock);
	INSISTS(support_filter_intra);
	INSISTS(support_intra_edge_filter);
	INSISTS(support_interintra_compound);
	INSISTS(support_masked_compound);
	INSISTS(support_warped_motion);
	INSISTS(support_palette_mode);
	INSISTS(support_dual_filter);
	INSISTS(support_jnt_comp);
	INSISTS(support_ref_frame_mvs);
	INSISTS(support_superres);
	INSISTS(support_restoration);
	INSISTS(support_allow_intrabc);
#undef INSISTS
}

static void sizes_are_those_of_superblocks(void **state)
{
	struct vaapi_stream v = make(1366, 770, 4, 8);
	VAEncSequenceParameterBufferAV1 s;
	VAEncPictureParameterBufferAV1 b;
	VAEncTileGroupBufferAV1 t;
	struct pic_plan p;

	(void)state;
	assert_int_equal(v.width, 1408);
	assert_int_equal(v.height, 832);
	assert_int_equal(v.slices, 1);
	assert_int_equal(v.tiles, 4);
	vaapi_av1.sequence(&v, 20000, &s);
	assert_int_equal(s.bits_per_second, 20000000);
	assert_int_equal(s.seq_level_idx, v.av1.stream.level);
	assert_int_equal(s.order_hint_bits_minus_1, 7);
	assert_true(s.seq_fields.bits.enable_order_hint && s.seq_fields.bits.subsampling_x);
	pic_refs_plan(&v.refs, true, 1, &p);
	vaapi_av1.picture(&v, &p, 7, &b);
	assert_int_equal(b.frame_width_minus_1, 1365);
	assert_int_equal(b.frame_height_minus_1, 769);
	assert_int_equal(b.tile_cols, 4);
	assert_int_equal(b.tile_rows, 1);
	assert_int_equal(b.width_in_sbs_minus_1[0], 5);
	assert_int_equal(b.width_in_sbs_minus_1[3], 3); /* 22 in all */
	assert_int_equal(b.height_in_sbs_minus_1[0], 12);
	vaapi_av1.slice(&v, &p, 0, &t);
	assert_int_equal(t.tg_start, 0);
	assert_int_equal(t.tg_end, 3);
	/* One that needs more tiles than there are is told so. */
	v = make(8192, 8192, 1, 8);
	assert_int_equal(v.tiles, 8);
	{
		const struct vaapi_caps few = {.max_slices = 7, .av1 = {.size_bytes = 4, .tile_bytes = 4}};
		const struct enc_params params = {.video = {.width = 8192, .height = 8192, .fps_mhz = 30000},
						  .slices = 1};
		struct vaapi_stream none = {.codec = &vaapi_av1};

		vaapi_av1.init(&none, &few, &params);
		assert_int_equal(none.high, 0);
	}
}

static void parameters_name_the_slots_of_the_plan(void **state)
{
	struct vaapi_stream v = make(320, 192, 1, 8);

	(void)state;
	for (uint32_t f = 1; f <= 40; f++) {
		VAEncPictureParameterBufferAV1 b;
		uint8_t header[AV1_HEADER_MAX];
		struct pic_plan p;
		unsigned sequence_bytes = f == 1 ? (unsigned)av1_sequence_write(header, &v.av1.stream) : 0;

		if (f == 30)
			assert_int_equal(pic_refs_invalidate(&v.refs, 27, 29), 0);
		pic_refs_plan(&v.refs, f == 1, f, &p);
		vaapi_av1.picture(&v, &p, 7, &b);
		assert_int_equal(b.coded_buf, 7);
		assert_int_equal(b.order_hint, f - 1);
		assert_int_equal(b.reconstructed_frame, v.surface[p.surface]);
		assert_int_equal(b.picture_flags.bits.frame_type, f == 1 ? 0 : 1);
		assert_int_equal(b.byte_offset_frame_hdr_obu_size, sequence_bytes + 1);
		assert_int_equal(b.reference_frames[7], VA_INVALID_SURFACE);
		if (f == 1) {
			assert_int_equal(b.refresh_frame_flags, 0xff);
			assert_int_equal(b.primary_ref_frame, 7);
			assert_int_equal(b.reference_frames[0], VA_INVALID_SURFACE);
		} else {
			const struct pic_held *h = &v.refs.held[p.ref];

			assert_int_equal(b.refresh_frame_flags, p.slots.refresh);
			assert_int_equal(b.primary_ref_frame, p.slots.ref);
			for (unsigned i = 0; i < 7; i++)
				assert_int_equal(b.ref_frame_idx[i], p.slots.ref);
			assert_int_equal(b.reference_frames[p.slots.ref], v.surface[h->surface]);
			assert_int_equal(h->frame, f == 30 ? 26 : f - 1);
			for (unsigned i = 0; i < 7; i++) /* nor is it written over */
				assert_int_not_equal(b.reference_frames[i], b.reconstructed_frame);
		}
		pic_refs_encoded(&v.refs, &p, false);
	}
}

/* The config's RT format, the parameters and the sequence header say the same; one profile has both depths. */
static void the_depth_is_that_of_the_picture(void **state)
{
	(void)state;
	for (uint8_t depth = 8; depth <= 10; depth += 2) {
		struct vaapi_stream v = make(320, 192, 1, 8);
		VAEncSequenceParameterBufferAV1 q;
		bool there = false;

		v.av1.stream.depth = depth;
		vaapi_av1.sequence(&v, 5000, &q);
		assert_int_equal(q.seq_profile, 0);
		assert_int_equal(q.seq_fields.bits.bit_depth_minus8, depth - 8);
		for (const struct vaapi_profile *p = vaapi_av1.profiles; p->profile != VAProfileNone; p++)
			there |= p->profile == VAProfileAV1Profile0 &&
				 p->format == (depth > 8 ? PICTURE_P010 : PICTURE_NV12);
		assert_true(there);
	}
}

/* Slots are named by themselves: no number of 16 bits is on the wire. */
static void numbers_that_begin_anew_are_no_loss(void **state)
{
	struct vaapi_stream v = make(320, 192, 1, 8);
	struct pic_plan p;

	(void)state;
	for (uint32_t f = 1; f <= 65538; f++) {
		pic_refs_plan(&v.refs, f == 1, f, &p);
		pic_refs_encoded(&v.refs, &p, false);
	}
	assert_int_equal(pic_refs_invalidate(&v.refs, 65536, 65538), 0);
	pic_refs_plan(&v.refs, false, 65539, &p);
	assert_int_equal(v.refs.held[p.ref].frame, 65535);
	assert_int_equal(pic_refs_invalidate(&v.refs, 1, 65538), -ENOENT);
}

/* --- what drivers write --- */

static size_t put_bytes(uint8_t *out, const char *bytes, size_t len)
{
	memcpy(out, bytes, len);
	return len;
}

static size_t put_frame(uint8_t *out, const struct vaapi_stream *v, const struct pic_plan *p)
{
	size_t len = vaapi_av1.picture_header(v, p, out);

	return len + put_bytes(out + len, "\x22\x04\x11\x22\x33\x44", 6);
}

static void a_temporal_unit_is_made_of_what_a_driver_writes(void **state)
{
	static const uint8_t types[] = {AV1_OBU_DELIMITER, AV1_OBU_SEQUENCE, AV1_OBU_FRAME_HEADER, AV1_OBU_TILE_GROUP};
	uint8_t in[1024], out[1024];
	size_t got, len;

	(void)state;
	for (unsigned own = 0; own < 2; own++)
		for (unsigned key = 0; key < 2; key++) {
			struct vaapi_stream v = make(320, 192, 1, 8);
			struct av1_walk walk;
			struct av1_unit u;
			struct pic_plan p;
			uint32_t packed;

			pic_refs_plan(&v.refs, true, 1, &p);
			len = own ? vaapi_av1.set(&v, 0, in, &packed) : put_bytes(in, "\x12\x00", 2);
			len += put_bytes(in + len, "\x2a\x03\x04\x01\x80", 5); /* metadata of its own */
			len += put_frame(in + len, &v, &p);
			len += put_bytes(in + len, "\x7a\x02\xff\x80", 4); /* padding */
			assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
			if (!key) {
				pic_refs_encoded(&v.refs, &p, false);
				pic_refs_plan(&v.refs, false, 2, &p);
				len = put_frame(in, &v, &p);
				assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
			}
			walk = av1_walk_init(out, got);
			for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
				if (!key && types[i] == AV1_OBU_SEQUENCE)
					continue;
				assert_int_equal(av1_walk_next(&walk, &u), 0);
				assert_int_equal(u.type, types[i]);
			}
			assert_int_equal(av1_walk_next(&walk, &u), 1);
			assert_int_equal(vaapi_take(&v, &p, in, len, out, got - 1, &got), -ENOSPC);
		}
}

static void light_follows_the_sequence_header(void **state)
{
	struct vaapi_stream v = make(320, 192, 1, 8);
	uint8_t in[1024], out[1024];
	struct av1_walk walk;
	struct av1_unit u;
	struct pic_plan p;
	size_t got;

	(void)state;
	v.av1.stream.pq = true;
	v.av1.light = (struct hdr_metadata){.max_nits = 1000, .max_cll = 900};
	pic_refs_plan(&v.refs, true, 1, &p);
	assert_int_equal(vaapi_take(&v, &p, in, put_frame(in, &v, &p), out, sizeof(out), &got), 0);
	walk = av1_walk_init(out, got);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(av1_walk_next(&walk, &u), 0);
		assert_int_equal(u.type == AV1_OBU_METADATA, i >= 2);
	}
}

/* As one for RDNA 3 does. */
static void a_driver_that_makes_larger_pictures_is_found_out(void **state)
{
	static const uint16_t size[][2] = {{320, 182}, {320, 180}, {384, 180}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct vaapi_stream v = make(320, 180, 1, 8);
		struct av1_stream its = v.av1.stream;
		uint8_t in[1024], out[1024];
		struct pic_plan p;
		size_t got, len;

		pic_refs_plan(&v.refs, true, 1, &p);
		its.width = size[i][0];
		its.height = size[i][1];
		len = av1_sequence_write(in, &its);
		len += put_frame(in + len, &v, &p);
		assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), i == 1 ? 0 : -EPROTO);
	}
}

static void a_driver_that_writes_something_else_is_found_out(void **state)
{
	struct vaapi_stream v = make(320, 192, 1, 8);
	uint8_t in[1024], out[1024];
	struct pic_plan p, other;
	size_t got, len;

	(void)state;
	pic_refs_plan(&v.refs, true, 1, &p);
	len = put_frame(in, &v, &p);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
	pic_refs_encoded(&v.refs, &p, false);
	for (uint32_t f = 2; f <= 4; f++) {
		pic_refs_plan(&v.refs, false, f, &p);
		if (f < 4)
			pic_refs_encoded(&v.refs, &p, false);
	}
	other = p;
	other.slots.ref ^= 1;
	len = put_frame(in, &v, &other);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EBADMSG);
	v.ours = false;
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), 0);
	v.ours = true;
	other = p;
	other.idr = true;
	len = put_frame(in, &v, &other);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EPROTO);
	assert_int_equal(vaapi_take(&v, &p, in, 0, out, sizeof(out), &got), -EPROTO);
	len = put_frame(in, &v, &p);
	assert_int_equal(vaapi_take(&v, &p, in, len - 1, out, sizeof(out), &got), -EPROTO);
	assert_int_equal(vaapi_take(&v, &p, in, len - 6, out, sizeof(out), &got), -EPROTO); /* no tiles */
	assert_int_equal(vaapi_take(&v, &p, in + len - 6, 6, out, sizeof(out), &got), -EPROTO);
	len += put_frame(in + len, &v, &p);
	assert_int_equal(vaapi_take(&v, &p, in, len, out, sizeof(out), &got), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_become_tools),
		cmocka_unit_test(a_driver_that_insists_is_not_used),
		cmocka_unit_test(sizes_are_those_of_superblocks),
		cmocka_unit_test(parameters_name_the_slots_of_the_plan),
		cmocka_unit_test(the_depth_is_that_of_the_picture),
		cmocka_unit_test(numbers_that_begin_anew_are_no_loss),
		cmocka_unit_test(a_temporal_unit_is_made_of_what_a_driver_writes),
		cmocka_unit_test(light_follows_the_sequence_header),
		cmocka_unit_test(a_driver_that_makes_larger_pictures_is_found_out),
		cmocka_unit_test(a_driver_that_writes_something_else_is_found_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
