// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Headers of an HEVC stream that we write around somebody else's slices. The judge is ffmpeg's reader of headers
 * (trace_headers), which says each syntax element by name; a model of a lossy client holds reference picture sets
 * against what it got. Whole streams are decoded in the conformance suite.
 */
#include "hevc_reading.h"

#define FRAMES 500u

static void parameter_sets_are_read_as_they_were_meant(void **state)
{
	static const struct {
		uint16_t w, h;
		uint32_t fps_mhz, kbps;
		enum colour_space space;
		uint8_t dpb, level;
		bool high_tier;
		uint8_t colour[3];
	} rows[] = {
		{1920, 1080, 60000, 10000, COLOUR_BT709, 6, 123, false, {1, 1, 1}},
		{1366, 768, 59940, 60000, COLOUR_BT601, 8, 150, true, {6, 6, 6}},
		{3840, 2160, 60000, 50000, COLOUR_BT2020, 6, 153, true, {9, 14, 9}},
	};

	(void)state;
	if (!decode_available())
		skip();
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct hevc_stream s =
			stream_of(rows[i / 2].w, rows[i / 2].h, rows[i / 2].fps_mhz, rows[i / 2].dpb, rows[i / 2].kbps);
		long wide = (s.width + 7) / 8 * 8, high = (s.height + 7) / 8 * 8;
		struct expected list[] = {
			{"general_profile_idc", 1, 0},
			{"general_tier_flag", rows[i / 2].high_tier, 0},
			{"general_level_idc", rows[i / 2].level, 0},
			{"general_profile_compatibility_flag[1]", 1, 0},
			{"general_progressive_source_flag", 1, 0},
			{"vps_max_dec_pic_buffering_minus1[0]", s.dpb - 1, 0},
			{"sps_max_dec_pic_buffering_minus1[0]", s.dpb - 1, 0},
			{"sps_max_num_reorder_pics[0]", 0, 0},
			{"pic_width_in_luma_samples", wide, 0},
			{"pic_height_in_luma_samples", high, 0},
			{"conformance_window_flag", wide != s.width || high != s.height, 0},
			{"log2_max_pic_order_cnt_lsb_minus4", 12, 0},
			{"log2_min_luma_coding_block_size_minus3", 0, 0},
			{"log2_diff_max_min_luma_coding_block_size", 3, 0},
			{"log2_diff_max_min_luma_transform_block_size", 3, 0},
			{"max_transform_hierarchy_depth_inter", 2, 0},
			{"max_transform_hierarchy_depth_intra", 1, 0},
			{"num_short_term_ref_pic_sets", 0, 0},
			{"long_term_ref_pics_present_flag", 1, 0},
			{"sps_temporal_mvp_enabled_flag", 0, 0},
			{"video_full_range_flag", i & 1, 0},
			{"colour_primaries", rows[i / 2].colour[0], 0},
			{"transfer_characteristics", rows[i / 2].colour[1], 0},
			{"matrix_coefficients", rows[i / 2].colour[2], 0},
			{"chroma_sample_loc_type_top_field", 1, 0},
			{"vui_num_units_in_tick", 1000, 0},
			{"vui_time_scale", s.fps_mhz, 0},
			{"vps_time_scale", s.fps_mhz, 0},
			{"init_qp_minus26", 0, 0},
			{"cu_qp_delta_enabled_flag", 1, 0},
			{"diff_cu_qp_delta_depth", 3, 0},
			{"tiles_enabled_flag", 0, 0},
			{"lists_modification_present_flag", 0, 0},
			{"slice_type", 2, 0},
			{"five_minus_max_num_merge_cand", 99, 0}, /* of an IDR there is none */
		};
		struct expectations e = {list, ARRAY_LEN(list)};
		struct made m = {.data = malloc(4096)};
		struct pic_refs r;
		struct pic_plan p;

		assert_non_null(m.data);
		s.space = rows[i / 2].space;
		s.full_range = i & 1;
		pic_refs_init(&r, s.dpb, true);
		pic_refs_plan(&r, true, 1, &p);
		put_sets(&m, &s);
		put_slice(&m, &s, &r, &p);
		read_headers(&m, compare, &e);
		for (size_t k = 0; k + 1 < e.n; k++)
			if (!list[k].found)
				fail_msg("%s is not there", list[k].name);
		assert_int_equal(list[e.n - 1].found, 0);
		free(m.data);
	}
}

/* All that a driver may ask for, and the header of a B slice. */
static void tools_are_said(void **state)
{
	struct hevc_stream s = stream_of(1920, 1080, 60000, 6, 10000);
	struct expected list[] = {
		{"amp_enabled_flag", 1, 0},
		{"sample_adaptive_offset_enabled_flag", 1, 0},
		{"strong_intra_smoothing_enabled_flag", 1, 0},
		{"sign_data_hiding_enabled_flag", 1, 0},
		{"constrained_intra_pred_flag", 1, 0},
		{"transform_skip_enabled_flag", 1, 0},
		{"cu_qp_delta_enabled_flag", 0, 0},
		{"slice_sao_luma_flag", 1, 0},
		{"slice_sao_chroma_flag", 1, 0},
		{"slice_qp_delta", 0, 0},
		{"slice_loop_filter_across_slices_enabled_flag", 1, 0},
		{"num_ref_idx_active_override_flag", 0, 0},
		{"mvd_l1_zero_flag", 0, 0},
		{"five_minus_max_num_merge_cand", 0, 0},
		{"num_negative_pics", 1, 0},
		{"num_long_term_pics", 0, 0},
	};
	struct expectations e = {list, ARRAY_LEN(list)};
	struct made m = {.data = malloc(4096)};
	struct pic_refs r;
	struct pic_plan p;

	(void)state;
	assert_non_null(m.data);
	if (!decode_available())
		skip();
	s.tools = (struct hevc_tools){.min_cb = 4,
				      .ctb = 5,
				      .min_tb = 3,
				      .max_tb = 4,
				      .amp = true,
				      .sao = true,
				      .strong_intra = true,
				      .sign_hiding = true,
				      .constrained_intra = true,
				      .transform_skip = true,
				      .both_lists = true};
	pic_refs_init(&r, s.dpb, true);
	put_sets(&m, &s);
	for (uint32_t f = 1; f <= 2; f++) {
		pic_refs_plan(&r, f == 1, f, &p);
		put_slice(&m, &s, &r, &p);
		pic_refs_encoded(&r, &p, false);
	}
	read_headers(&m, compare, &e);
	for (size_t k = 0; k < e.n; k++)
		if (!list[k].found)
			fail_msg("%s is not there", list[k].name);
	free(m.data);
}

static void levels_are_the_lowest_that_fit(void **state)
{
	static const struct {
		uint16_t w, h;
		uint32_t fps_mhz, kbps;
		uint8_t dpb, level;
		bool high;
	} rows[] = {
		{640, 360, 30000, 3000, 6, 90, false},
		{1280, 720, 30000, 9000, 6, 93, false},
		{1280, 720, 60000, 9000, 6, 120, false},
		{1280, 720, 60000, 20000, 6, 120, true},
		{1920, 1080, 60000, 30000, 6, 123, true},
		{1920, 1080, 60000, 10000, 8, 150, false}, /* for its buffer */
		{1920, 1080, 120000, 10000, 6, 150, false},
		{3840, 2160, 60000, 40000, 6, 153, false},
		{3840, 2160, 120000, 40000, 6, 156, false},
		{3840, 2160, 60000, 200000, 6, 156, true},
		{7680, 4320, 60000, 100000, 6, 183, false},
		{8192, 8192, 500000, 800000, 8, 186, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hevc_stream s = stream_of(rows[i].w, rows[i].h, rows[i].fps_mhz, rows[i].dpb, rows[i].kbps);

		assert_int_equal(s.level, rows[i].level);
		assert_int_equal(s.high_tier, rows[i].high);
	}
}

/* --- reference picture sets --- */

struct entry {
	uint32_t number;
	bool used, is_long;
};

struct set {
	uint32_t number;
	unsigned n;
	struct entry entry[16];
};

/* What was read of each picture but the IDR. */
struct reader {
	struct set set[FRAMES];
	unsigned n;
	uint32_t at, cycle, lsb;
};

static struct entry *last_entry(struct reader *r)
{
	struct set *s = &r->set[r->n - 1];

	assert_true(s->n > 0);
	return &s->entry[s->n - 1];
}

/* As 7.4.8 and 8.3.2 have it; numbers are order counts. */
static void read_set(void *ctx, const char *name, long value)
{
	struct reader *r = ctx;
	struct set *s = r->n ? &r->set[r->n - 1] : NULL;

	if (strcmp(name, "slice_pic_order_cnt_lsb") == 0) {
		assert_true(r->n < FRAMES);
		s = &r->set[r->n++];
		*s = (struct set){.number = (uint32_t)value};
		r->at = s->number;
		r->cycle = 0;
	} else if (strncmp(name, "delta_poc_s0_minus1[", 20) == 0) {
		assert_true(s && s->n < 16);
		r->at -= (uint32_t)value + 1;
		s->entry[s->n++] = (struct entry){.number = r->at};
	} else if (strncmp(name, "poc_lsb_lt[", 11) == 0) {
		assert_true(s && s->n < 16);
		s->entry[s->n++] = (struct entry){.number = (uint32_t)value, .is_long = true};
	} else if (strncmp(name, "used_by_curr_pic_s0_flag[", 25) == 0 ||
		   strncmp(name, "used_by_curr_pic_lt_flag[", 25) == 0) {
		last_entry(r)->used = value;
	} else if (strncmp(name, "delta_poc_msb_cycle_lt[", 23) == 0) {
		r->cycle += (uint32_t)value;
		last_entry(r)->number += (s->number & ~0xffffu) - (r->cycle << 16);
	} else if (strcmp(name, "num_positive_pics") == 0 || strcmp(name, "short_term_ref_pic_set_sps_flag") == 0) {
		assert_int_equal(value, 0);
	}
}

static void m47_a_client_that_missed_any_frames_has_all_that_a_set_lists(void **state)
{
	unsigned long_terms = 0, recovered = 0;

	(void)state;
	if (!decode_available())
		skip();
	for (unsigned seed = 1; seed <= 4; seed++) {
		const struct hevc_stream s = stream_of(1280, 720, 60000, 8, 10000);
		struct made m = {.data = malloc(FRAMES * (HEVC_HEADER_MAX + 8))};
		static struct reader read;
		bool delivered[FRAMES + 1] = {false}, has[FRAMES] = {false};
		uint32_t first = 0, answer = 0, ref[FRAMES + 1] = {0};
		struct pic_refs r;

		assert_non_null(m.data);
		srand(seed);
		read = (struct reader){0};
		pic_refs_init(&r, 8, true);
		for (uint32_t f = 1; f <= FRAMES; f++) {
			bool recovers = first && f >= answer;
			struct pic_plan p;

			if (recovers) {
				assert_int_equal(pic_refs_invalidate(&r, first, f - 1), 0);
				first = 0;
				recovered++;
			}
			pic_refs_plan(&r, f == 1, f, &p);
			if (f == 1)
				put_sets(&m, &s);
			put_slice(&m, &s, &r, &p);
			ref[f] = f == 1 ? 0 : r.held[p.ref].frame;
			pic_refs_encoded(&r, &p, f == 20);
			if (f == 22)
				pic_refs_ack(&r, 20);
			if (!first && f > 30 && rand() % 9 == 0) {
				first = f + 1;
				answer = f + 2 + (uint32_t)rand() % 20;
			}
			delivered[f] = !first || f < first;
		}
		read_headers(&m, read_set, &read);
		assert_int_equal(read.n, FRAMES - 1);
		has[0] = true;
		for (uint32_t f = 2; f <= FRAMES; f++) {
			const struct set *set = &read.set[f - 2];
			unsigned used = 0;

			assert_int_equal(set->number, f - 1);
			assert_true(set->n <= 7);
			for (unsigned i = 0; i < set->n; i++) {
				const struct entry *e = &set->entry[i];

				assert_true(e->number < set->number);
				assert_int_equal(e->is_long, set->number - e->number > HEVC_SHORT_TERM_AGE);
				long_terms += e->is_long;
				used += e->used;
				if (e->used)
					assert_int_equal(e->number + 1, ref[f]);
				if (delivered[f])
					assert_true(has[e->number]);
			}
			assert_int_equal(used, 1);
			if (!delivered[f])
				continue;
			/* What is not listed is gone. */
			for (uint32_t n = 0; n < f - 1; n++) {
				bool listed = false;

				for (unsigned i = 0; i < set->n; i++)
					listed |= set->entry[i].number == n;
				has[n] = has[n] && listed;
			}
			has[f - 1] = true;
		}
		assert_true(has[19]); /* acknowledged, and never anything after it */
		free(m.data);
	}
	assert_true(long_terms > 100);
	assert_true(recovered > 40);
}

/* The order count has begun anew twice between a long-term picture and the current one. */
static void long_term_pictures_are_named_across_the_wrap(void **state)
{
	const struct hevc_stream s = stream_of(1280, 720, 60000, 8, 10000);
	struct made m = {.data = malloc(4096)};
	struct pic_refs r = {.long_term = true, .idr_frame = 1};
	struct pic_plan idr = {.idr = true, .frame = 1}, p = {.number = 140000, .kept = 7, .ref = 2, .frame = 140001};
	static struct reader read;

	(void)state;
	assert_non_null(m.data);
	if (!decode_available())
		skip();
	r.held[0] = (struct pic_held){.used = true, .number = 139999};
	r.held[1] = (struct pic_held){.used = true, .number = 70000};
	r.held[2] = (struct pic_held){.used = true, .number = 5};
	put_sets(&m, &s);
	put_slice(&m, &s, &r, &idr); /* a stream begins with one */
	put_slice(&m, &s, &r, &p);
	read = (struct reader){0};
	read_headers(&m, read_set, &read);
	assert_int_equal(read.n, 1);
	assert_int_equal(read.set[0].n, 3);
	/* The reader knows the order count's low bits only. */
	assert_int_equal(read.set[0].number, 140000 & 0xffff);
	assert_int_equal(read.set[0].entry[0].number, 139999 & 0xffff);
	assert_int_equal(read.set[0].entry[1].number + (140000u & ~0xffffu), 70000);
	assert_int_equal(read.set[0].entry[2].number + (140000u & ~0xffffu), 5);
	assert_true(read.set[0].entry[2].used && read.set[0].entry[2].is_long);
	free(m.data);
}

/* The slice with one bit more behind those up to at; false where that makes start codes of it. */
static bool with_zero_bit(const uint8_t *in, size_t len, unsigned at, uint8_t *out)
{
	memset(out, 0, len + 1);
	for (size_t i = 0; i < 8 * len; i++)
		if (in[i / 8] >> (7 - i % 8) & 1)
			out[(i + (i >= at)) / 8] |= (uint8_t)(0x80 >> (i + (i >= at)) % 8);
	for (size_t i = 5; i + 2 <= len; i++)
		if (!in[i - 1] && !in[i] && in[i + 1] <= 3)
			return false;
	for (size_t i = 5; i + 2 <= len + 1; i++)
		if (!out[i - 1] && !out[i] && out[i + 1] <= 3)
			return false;
	return true;
}

static void a_slice_that_somebody_else_wrote_is_compared(void **state)
{
	struct hevc_stream s = stream_of(1920, 1080, 60000, 8, 10000);
	unsigned segmented = 0;
	struct pic_refs r;

	(void)state;
	pic_refs_init(&r, 8, true);
	for (uint32_t f = 1; f <= 300; f++) {
		uint8_t out[HEVC_HEADER_MAX + 8], shifted[HEVC_HEADER_MAX + 9];
		struct pic_plan p;
		struct nal_walk walk;
		struct nal n, other_n;
		size_t len;

		pic_refs_plan(&r, f == 1 || f == 200, f, &p);
		memset(out, 0xff, sizeof(out));
		len = hevc_slice_header_write(out, &s, &r, &p, f % 400);
		assert_true(len < 60);
		assert_int_equal(out[len], 0xff);
		walk = nal_walk_init(out, len);
		assert_true(nal_walk_next(&walk, &n));
		assert_int_equal(hevc_nal_type(&n), p.idr ? 19 : 1);
		assert_true(hevc_slice_header_is(&n, &s, &r, &p, f % 400));
		assert_false(hevc_slice_header_is(&n, &s, &r, &p, f % 400 + 1));
		/* A parameter set that allows dependent segments: one bit in front of the address says that this is
		 * none. */
		if (with_zero_bit(out, len, 8 * 6 + (p.idr ? 3 : 2), shifted)) {
			walk = nal_walk_init(shifted, len + 1);
			assert_true(nal_walk_next(&walk, &other_n));
			assert_true(hevc_slice_header_is(&other_n, &s, &r, &p, f % 400));
			assert_false(hevc_slice_header_is(&other_n, &s, &r, &p, f % 400 + 1));
			segmented++;
		}
		if (!p.idr) {
			struct pic_plan other = p;

			other.number++;
			assert_false(hevc_slice_header_is(&n, &s, &r, &other, f % 400));
			other = p;
			other.kept = 0;
			assert_false(hevc_slice_header_is(&n, &s, &r, &other, f % 400));
			s.tools.both_lists = true;
			assert_false(hevc_slice_header_is(&n, &s, &r, &p, f % 400));
			s.tools.both_lists = false;
		}
		n.len = 2;
		assert_false(hevc_slice_header_is(&n, &s, &r, &p, f % 400));
		n.len = 1;
		assert_false(hevc_slice_header_is(&n, &s, &r, &p, f % 400));
		pic_refs_encoded(&r, &p, false);
	}
	assert_true(segmented > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameter_sets_are_read_as_they_were_meant),
		cmocka_unit_test(tools_are_said),
		cmocka_unit_test(levels_are_the_lowest_that_fit),
		cmocka_unit_test(m47_a_client_that_missed_any_frames_has_all_that_a_set_lists),
		cmocka_unit_test(long_term_pictures_are_named_across_the_wrap),
		cmocka_unit_test(a_slice_that_somebody_else_wrote_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
