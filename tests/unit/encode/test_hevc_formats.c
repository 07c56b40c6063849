// SPDX-License-Identifier: GPL-3.0-or-later
/* What headers of HEVC say of ten bits, whole chroma and HDR. The judge is ffmpeg's reader of headers. */
#include "hevc_reading.h"

static void profiles_depth_chroma_and_light_are_said(void **state)
{
	const struct hdr_metadata light = {
		.red = {35400, 14600},
		.green = {8500, 39850},
		.blue = {6550, 2300},
		.white = {15635, 16450},
		.max_nits = 1000,
		.min_nits = 50,
		.max_cll = 900,
		.max_fall = 300,
	};

	(void)state;
	if (!decode_available())
		skip();
	for (unsigned i = 0; i < 4; i++) {
		const bool deep = i & 1, whole = i & 2;
		struct hevc_stream s = stream_of(1366, 766, 60000, 6, 10000);
		struct expected list[32];
		struct expectations e = {list, 0};
		struct made m = {.data = malloc(4096)};
		uint8_t sei[HEVC_HEADER_MAX];
		struct pic_refs r;
		struct pic_plan p;

		assert_non_null(m.data);
		s.depth = deep ? 10 : 8;
		s.yuv444 = whole;
		s.space = COLOUR_BT2020;
		s.pq = deep;
		s.light = light;
		expect(&e, "general_profile_idc", whole ? 4 : deep ? 2 : 1);
		expect(&e, "general_profile_compatibility_flag[1]", i == 0);
		expect(&e, "general_profile_compatibility_flag[2]", !whole);
		expect(&e, "general_profile_compatibility_flag[4]", whole);
		expect(&e, "chroma_format_idc", whole ? 3 : 1);
		expect(&e, "bit_depth_luma_minus8", deep ? 2 : 0);
		expect(&e, "bit_depth_chroma_minus8", deep ? 2 : 0);
		expect(&e, "conf_win_right_offset", whole ? 2 : 1);
		expect(&e, "conf_win_bottom_offset", whole ? 2 : 1);
		expect(&e, "transfer_characteristics", deep ? 16 : 14);
		expect(&e, "chroma_loc_info_present_flag", !whole);
		expect(&e, "slice_type", 2);
		if (whole) {
			expect(&e, "separate_colour_plane_flag", 0);
			expect(&e, "general_max_12bit_constraint_flag", 1);
			expect(&e, "general_max_10bit_constraint_flag", 1);
			expect(&e, "general_max_8bit_constraint_flag", !deep);
			expect(&e, "general_max_422chroma_constraint_flag", 0);
			expect(&e, "general_max_420chroma_constraint_flag", 0);
			expect(&e, "general_lower_bit_rate_constraint_flag", 1);
		}
		if (deep) {
			expect(&e, "display_primaries_x[0]", 8500);
			expect(&e, "display_primaries_y[1]", 2300);
			expect(&e, "display_primaries_x[2]", 35400);
			expect(&e, "white_point_y", 16450);
			expect(&e, "max_display_mastering_luminance", 10000000);
			expect(&e, "min_display_mastering_luminance", 50);
			expect(&e, "max_content_light_level", 900);
			expect(&e, "max_pic_average_light_level", 300);
		}
		pic_refs_init(&r, s.dpb, true);
		pic_refs_plan(&r, true, 1, &p);
		put_sets(&m, &s);
		put(&m, sei, hevc_light_write(sei, &s));
		put_slice(&m, &s, &r, &p);
		read_headers(&m, compare, &e);
		for (size_t k = 0; k < e.n; k++)
			if (!list[k].found)
				fail_msg("%s is not there", list[k].name);
		s.light.max_nits = 0;
		assert_int_equal(hevc_light_write(sei, &s), 0);
		free(m.data);
	}
}

/* Whole chroma has room for twice the rate at a level, with ten bits for two and a half times. */
static void levels_of_whole_chroma_have_more_room(void **state)
{
	static const struct {
		uint8_t depth;
		uint32_t kbps;
		uint8_t level;
		bool high;
	} rows[] = {
		{8, 40000, 123, false},  {8, 40001, 123, true},  {8, 100001, 150, true},
		{10, 50000, 123, false}, {10, 50001, 123, true}, {10, 125001, 150, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hevc_stream s = stream_of(1920, 1080, 60000, 6, 1000);

		s.depth = rows[i].depth;
		s.yuv444 = true;
		hevc_level(&s, rows[i].kbps);
		assert_int_equal(s.level, rows[i].level);
		assert_int_equal(s.high_tier, rows[i].high);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profiles_depth_chroma_and_light_are_said),
		cmocka_unit_test(levels_of_whole_chroma_have_more_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
