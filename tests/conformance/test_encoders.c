// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What every encoder of the registry must do, through the front that the worker uses. Rules of the wire: 2-media 1.5
 * and 5.5. Cases that look into pictures decode with the ffmpeg program.
 */
#include "encoder_rig.h"

/* Runs fn for every encoder that works here. */
static void for_each(void (*fn)(const struct encoder_ops *ops))
{
	const struct encoder_ops *ops;

	for (unsigned i = 0; (ops = encoder_at(i)); i++)
		if (rig_wants(ops))
			fn(ops);
}

/* Only those whose bitstream is this one. */
static void for_each_of(enum codec codec, void (*fn)(const struct encoder_ops *ops))
{
	const struct encoder_ops *ops;
	enum codec only = codec;
	struct enc_caps caps;

	rig_codec(&only);
	for (unsigned i = 0; only == codec && (ops = encoder_at(i)); i++)
		if (rig_wants(ops) && ops->probe(codec, &caps) == 0)
			fn(ops);
}

/* --- framing --- */

static void key_frame_layout(const struct encoder_ops *ops)
{
	for (uint8_t slices = 1; slices <= 4; slices += 3) {
		struct enc_params p = defaults();
		struct rig *r;
		unsigned idr_at[2] = {0, 5};

		p.slices = slices;
		r = rig_open(ops, &p);
		encode_frames(r, 5);
		assert_int_equal(submit(r, true, false), 0);
		encode_frames(r, 2);
		for (unsigned k = 0; k < 2; k++) {
			struct nal_walk w = walk(r, idr_at[k]);
			struct nal n;

			assert_true(r->unit[idr_at[k]].key);
			assert_true(nal_walk_next(&w, &n) && n.type == NAL_TYPE_SPS);
			/* Begins with a start code. */
			assert_ptr_equal(n.start, r->stream + r->unit[idr_at[k]].at);
			assert_true(nal_walk_next(&w, &n) && n.type == NAL_TYPE_PPS);
			do
				assert_true(nal_walk_next(&w, &n));
			while (n.type == NAL_TYPE_SEI);
			assert_int_equal(n.type, NAL_TYPE_IDR);
			/* Within the first shard of the smallest packets in use: 1024 - 16 - 8. */
			assert_true(n.payload - (r->stream + r->unit[idr_at[k]].at) < 1000);
		}
		rig_close(r);
	}
}

static void hevc_key_frame_layout(const struct encoder_ops *ops)
{
	static const uint8_t sets[] = {32, 33, 34}; /* VPS, SPS, PPS */
	struct enc_params p = defaults();
	unsigned idr_at[2] = {0, 5};
	struct rig *r;

	p.video.codec = CODEC_HEVC;
	p.slices = 4;
	r = rig_open(ops, &p);
	encode_frames(r, 5);
	assert_int_equal(submit(r, true, false), 0);
	encode_frames(r, 2);
	for (unsigned k = 0; k < 2; k++) {
		const uint8_t *begin = r->stream + r->unit[idr_at[k]].at;
		struct nal_walk w = walk(r, idr_at[k]);
		struct nal n;

		assert_true(r->unit[idr_at[k]].key);
		for (unsigned i = 0; i < ARRAY_LEN(sets); i++) {
			assert_true(nal_walk_next(&w, &n));
			assert_int_equal(hevc_type(&n), sets[i]);
			assert_true(i || n.start == begin);
		}
		do
			assert_true(nal_walk_next(&w, &n));
		while (hevc_type(&n) == 39);
		assert_in_range(hevc_type(&n), 19, 20);
		assert_true(n.payload - begin < 1000);
	}
	rig_close(r);
}

static void m21_idr_begins_with_parameter_sets_and_its_slice_in_shard_0(void **state)
{
	(void)state;
	for_each_of(CODEC_H264, key_frame_layout);
	for_each_of(CODEC_HEVC, hevc_key_frame_layout);
}

static void flags_and_slices(const struct encoder_ops *ops)
{
	for (uint8_t slices = 1; slices <= 8; slices++) {
		struct enc_params p = defaults();
		struct rig *r;
		struct sps sps;

		p.slices = slices;
		p.video.height = 512; /* x264 wants four rows of macroblocks a thread */
		r = rig_open(ops, &p);
		assert_int_equal(r->e->params.slices, slices);
		for (unsigned i = 0; i < 12; i++) {
			moving_draw(&r->pic, i);
			assert_int_equal(submit(r, i == 0 || i == 7, false), 0);
		}
		sps = first_sps(r);
		for (unsigned i = 0; i < r->n; i++) {
			struct nal_walk w = walk(r, i);
			struct nal n;
			unsigned found = 0;
			uint32_t next = 0;

			assert_int_equal(r->unit[i].frame_no, i + 1);
			assert_int_equal(r->unit[i].key, i == 0 || i == 7);
			while (nal_walk_next(&w, &n)) {
				struct slice_start h;

				if (!is_slice(&n))
					continue;
				assert_int_equal(n.type == NAL_TYPE_IDR, r->unit[i].key);
				assert_int_equal(slice_start_parse(&h, &n, &sps), 0);
				assert_int_equal(h.type % 5, r->unit[i].key ? 2 : 0);
				assert_true(found ? h.first_mb > next : h.first_mb == 0);
				next = h.first_mb;
				found++;
			}
			assert_int_equal(found, slices);
		}
		rig_close(r);
	}
}

static void hevc_flags_and_slices(const struct encoder_ops *ops)
{
	struct enc_caps caps;

	assert_int_equal(ops->probe(CODEC_HEVC, &caps), 0);
	for (uint8_t slices = 1; slices <= 8 && slices <= caps.max_slices; slices++) {
		struct enc_params p = defaults();
		struct rig *r;

		p.video.codec = CODEC_HEVC;
		p.slices = slices;
		p.video.height = 512;
		r = rig_open(ops, &p);
		assert_int_equal(r->e->params.slices, slices);
		for (unsigned i = 0; i < 12; i++) {
			moving_draw(&r->pic, i);
			assert_int_equal(submit(r, i == 0 || i == 7, false), 0);
		}
		for (unsigned i = 0; i < r->n; i++) {
			struct nal_walk w = walk(r, i);
			unsigned found = 0;
			struct nal n;

			assert_int_equal(r->unit[i].frame_no, i + 1);
			assert_int_equal(r->unit[i].key, i == 0 || i == 7);
			while (nal_walk_next(&w, &n)) {
				if (hevc_type(&n) > 31)
					continue;
				assert_int_equal(hevc_type(&n) >= 16, r->unit[i].key);
				assert_int_equal(n.payload[2] >> 7, found == 0); /* first_slice_segment_in_pic_flag */
				found++;
			}
			assert_int_equal(found, slices);
		}
		rig_close(r);
	}
}

static void m46_type_flags_match_the_bitstream_and_slices_are_in_order(void **state)
{
	(void)state;
	for_each_of(CODEC_H264, flags_and_slices);
	for_each_of(CODEC_HEVC, hevc_flags_and_slices);
}

/* --- what the parameter sets say --- */

static void sps_is_honest(const struct encoder_ops *ops)
{
	static const struct {
		uint16_t w, h;
		uint32_t fps_mhz;
		uint8_t dpb;
	} rows[] = {
		{1280, 720, 60000, 1},  {1280, 720, 60000, 8},    {1920, 1080, 60000, 8},
		{1920, 1080, 30000, 4}, {640, 360, 30000, 1},     {1366, 768, 59940, 5},
		{1280, 720, 60000, 16}, {1920, 1080, 120000, 16}, {2560, 1440, 60000, 12},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct enc_params p = defaults();
		uint32_t mbs = (rows[i].w + 15u) / 16 * ((rows[i].h + 15u) / 16);
		/* H.264 table A-1: level, macroblocks a second, in a frame, in the DPB. */
		static const uint32_t level[][4] = {
			{31, 108000, 3600, 18000},    {32, 216000, 5120, 20480},   {40, 245760, 8192, 32768},
			{42, 522240, 8704, 34816},    {50, 589824, 22080, 110400}, {51, 983040, 36864, 184320},
			{52, 2073600, 36864, 184320},
		};
		uint32_t needed = 0;
		struct rig *r;
		struct sps s;
		uint8_t dpb, most; /* as really used; as the encoder can */

		p.video.width = rows[i].w;
		p.video.height = rows[i].h;
		p.video.fps_mhz = rows[i].fps_mhz;
		p.dpb = rows[i].dpb;
		r = rig_open(ops, &p);
		assert_int_equal(submit(r, true, false), 0);
		s = first_sps(r);
		assert_int_equal(s.width, rows[i].w);
		assert_int_equal(s.height, rows[i].h);
		dpb = r->e->params.dpb;
		most = r->e->caps.max_refs;
		assert_int_equal(dpb, rows[i].dpb < most ? rows[i].dpb : most);
		assert_int_equal(s.max_num_ref_frames, dpb);
		assert_true(s.bitstream_restriction);
		assert_int_equal(s.num_reorder_frames, 0);
		assert_int_equal(s.max_dec_frame_buffering, dpb);
		for (size_t l = 0; l < ARRAY_LEN(level) && !needed; l++)
			if ((uint64_t)mbs * rows[i].fps_mhz <= level[l][1] * 1000ull && mbs <= level[l][2] &&
			    mbs * dpb <= level[l][3])
				needed = level[l][0];
		assert_true(s.level_idc >= needed || needed == 31);
		/* Not simply the highest: decoders refuse what they cannot hold. */
		if (strcmp(ops->name, "null") != 0)
			assert_true(s.level_idc <= needed);
		rig_close(r);
	}
}

static void sps_has_honest_level_dpb_and_no_reordering(void **state)
{
	(void)state;
	for_each_of(CODEC_H264, sps_is_honest);
}

/* --- recovery --- */

/* Loses frames lost.., the encoder hears of it delay frames later; the client drops until the recovery frame. */
static void rfi_recovers(const struct encoder_ops *ops, uint8_t slices, unsigned n_lost, unsigned delay)
{
	const unsigned total = 40, lost = 17, answer = lost + n_lost + delay;
	struct enc_params p = defaults_for(ops);
	struct decoded full, lossy;
	uint8_t *cut;
	size_t cut_len = 0;
	struct rig *r;

	p.slices = slices;
	r = rig_open(ops, &p);
	encode_frames(r, answer - 1);
	assert_int_equal(encoder_invalidate_refs(r->e, lost, lost + n_lost - 1), 0);
	moving_draw(&r->pic, r->e->newest);
	assert_int_equal(submit(r, false, true), 0);
	encode_frames(r, total - answer);

	assert_true(r->unit[answer - 1].after_rfi);
	assert_false(r->unit[answer - 1].key);
	for (unsigned i = 0; i < total; i++)
		assert_int_equal(r->unit[i].after_rfi, i == answer - 1);

	cut = malloc(r->len);
	assert_non_null(cut);
	for (unsigned i = 0; i < total; i++) {
		if (i + 1 >= lost && i + 1 < answer)
			continue;
		memcpy(cut + cut_len, r->stream + r->unit[i].at, r->unit[i].len);
		cut_len += r->unit[i].len;
	}
	assert_true(decode(&full, p.video.codec, r->stream, r->len, W, H));
	assert_true(decode(&lossy, p.video.codec, cut, cut_len, W, H));
	assert_int_equal(full.count, total);
	for (unsigned back = 1; back <= total - answer + 1; back++)
		assert_memory_equal(full.frames + (full.count - back) * full.frame_size,
				    lossy.frames + (lossy.count - back) * lossy.frame_size, full.frame_size);
	decoded_finish(&full);
	decoded_finish(&lossy);
	free(cut);
	rig_close(r);
}

static void rfi_cases(const struct encoder_ops *ops)
{
	if (!rig_invalidates(ops))
		return;
	rfi_recovers(ops, 1, 1, 0);
	rfi_recovers(ops, 1, 1, 3);
	rfi_recovers(ops, 1, 2, 5);
	rfi_recovers(ops, 2, 1, 6);
	rfi_recovers(ops, 3, 3, 2);
}

static void m47_recovery_frame_is_bit_exact_without_the_lost_frames(void **state)
{
	(void)state;
	if (!decode_available())
		skip();
	for_each(rfi_cases);
}

static void nothing_left(const struct encoder_ops *ops)
{
	struct enc_params p = defaults_for(ops);
	struct rig *r;
	bool all;

	if (!rig_invalidates(ops))
		return;
	p.dpb = 4;
	r = rig_open(ops, &p);
	encode_frames(r, 20);
	assert_int_equal(encoder_invalidate_refs(r->e, 0, 20), -ENOENT);
	assert_int_equal(encoder_invalidate_refs(r->e, 19, 18), -ENOENT);
	assert_int_equal(encoder_invalidate_refs(r->e, 19, 21), -ENOENT);
	assert_int_equal(encoder_invalidate_refs(r->e, 1, 20), -ENOENT);
	all = !(r->e->caps.flags & ENC_KEEPS_OLD);
	if (all) /* kept: 17..20 */
		assert_int_equal(encoder_invalidate_refs(r->e, 17, 20), -ENOENT);
	assert_int_equal(encoder_invalidate_refs(r->e, 18, 18), 0);
	/* The last valid one goes too: whatever comes out says what it is. */
	(void)encoder_invalidate_refs(r->e, 18, 20);
	moving_draw(&r->pic, 20);
	assert_int_equal(submit(r, false, true), 0);
	if (all)
		assert_int_equal(encoder_invalidate_refs(r->e, 18, 21), -ENOENT);
	encode_frames(r, 1);
	for (unsigned i = 20; i < 22; i++) {
		bool idr = key_by_stream(r, i);

		assert_int_equal(r->unit[i].key, idr);
		assert_false(r->unit[i].key && r->unit[i].after_rfi);
	}
	rig_close(r);
}

static void m48_ranges_beyond_the_dpb_are_refused_and_silent_idrs_are_told(void **state)
{
	(void)state;
	for_each(nothing_left);
}

/* --- ownership and refusal --- */

static void pool_is_bounded(const struct encoder_ops *ops)
{
	struct enc_params p = defaults_for(ops);
	struct rig *r = rig_open(ops, &p);
	unsigned n = 0;
	int rc;

	r->keep = true;
	moving_draw(&r->pic, 0);
	while ((rc = submit(r, n == 0, false)) == 0)
		n++;
	assert_int_equal(rc, -EAGAIN);
	assert_in_range(n, 2, KEPT_MAX);
	assert_int_equal(encoder_units_out(r->e), n);
	assert_int_equal(r->n, n); /* nothing came out of the refused one */
	au_release(r->kept[0]);
	assert_int_equal(encoder_units_out(r->e), n - 1);
	r->n_kept = 1;
	r->kept[0] = NULL;
	{
		struct au *rest[KEPT_MAX];

		memcpy(rest, r->kept, sizeof(rest));
		assert_int_equal(submit(r, false, false), 0);
		assert_int_equal(r->unit[n].frame_no, n + 1);
		au_release(r->kept[1]);
		for (unsigned i = 2; i < n; i++)
			au_release(rest[i]);
		au_release(rest[1]);
	}
	assert_int_equal(encoder_units_out(r->e), 0);
	rig_close(r);
}

static void units_come_from_a_bounded_pool_and_go_back(void **state)
{
	(void)state;
	for_each(pool_is_bounded);
}

static void passes_what_it_was_told(const struct encoder_ops *ops)
{
	struct enc_params p = defaults_for(ops);
	struct rig *r = rig_open(ops, &p);
	struct enc_request q = {.frame_no = 1, .pts_ns = 12345, .idr = true, .repeat = true};

	assert_int_equal(encoder_submit(r->e, &r->pic, &q), 0);
	assert_int_equal(r->unit[0].pts_ns, 12345);
	assert_true(r->unit[0].repeat);
	rig_close(r);
}

static void m24_time_and_repeat_flag_travel_with_the_frame(void **state)
{
	(void)state;
	for_each(passes_what_it_was_told);
}

static void follows(const struct encoder_ops *ops)
{
	struct enc_params p = defaults_for(ops);
	double before, low, again, share = 3000 * 1000.0 / 8 / 60;
	struct rig *r;

	p.kbps = 3000;
	r = rig_open(ops, &p);
	if (!(r->e->caps.flags & ENC_RATE)) {
		assert_int_equal(encoder_set_bitrate(r->e, 1000), -ENOTSUP);
		rig_close(r);
		return;
	}
	encode_frames(r, 120);
	assert_int_equal(encoder_set_bitrate(r->e, 1000), 0);
	encode_frames(r, 60);
	assert_int_equal(encoder_set_bitrate(r->e, 3000), 0);
	encode_frames(r, 120);
	before = mean(r, 60, 120), low = mean(r, 130, 180), again = mean(r, 240, 300);
	print_message("# %s: bytes a frame %.0f, %.0f, %.0f\n", ops->name, before, low, again);
	assert_true(before < share * 1.3 && low < share / 3 * 1.3 && again < share * 1.3);
	/* "null" skips everything: there is nothing to be less of. */
	if (before > share / 10)
		assert_true(low < before * 0.55 && again > before * 0.8);
	/* A new rate is no reason for a key frame, where the library can do without. */
	for (unsigned i = 1; i < r->n; i++)
		assert_int_equal(r->unit[i].key, r->e->caps.flags & ENC_RATE_KEY && (i == 120 || i == 180));
	rig_close(r);
}

/* One that a new rate costs a key frame takes it when there is something to gain: not in an easy picture. */
static void takes_its_time(const struct encoder_ops *ops)
{
	struct enc_params p = defaults_for(ops);
	struct enc_caps caps = {0};
	struct rig *r;

	ops->probe(p.video.codec, &caps);
	if (!(caps.flags & ENC_RATE_KEY))
		return;
	r = rig_open(ops, &p);
	for (unsigned i = 0; i < 10; i++) { /* the same, grey */
		if (i == 5)
			assert_int_equal(encoder_set_bitrate(r->e, p.kbps / 2), 0);
		assert_int_equal(submit(r, i == 0, false), 0);
		assert_int_equal(r->unit[i].key, i == 0);
	}
	encode_frames(r, 10);
	assert_int_equal(r->e->params.kbps, p.kbps / 2);
	for (unsigned i = 10, keys = 0; i < 20; i++) {
		keys += r->unit[i].key;
		assert_int_equal(i < 19 || keys, 1);
	}
	rig_close(r);
}

static void a_rate_that_limits_nothing_costs_no_key_frame(void **state)
{
	(void)state;
	for_each(takes_its_time);
}

static void new_rates_are_followed_without_a_key_frame(void **state)
{
	(void)state;
	for_each(follows);
}

static void refuses(const struct encoder_ops *ops)
{
	struct enc_params p = defaults_for(ops);
	struct enc_caps caps;
	struct encoder *e = NULL;

	for (p.video.codec = CODEC_H264; p.video.codec <= CODEC_AV1; p.video.codec++)
		if (ops->probe(p.video.codec, &caps) < 0)
			assert_int_equal(encoder_open(&e, ops, &p, &events, NULL), -ENOTSUP);
	p = defaults_for(ops);
	assert_int_equal(ops->probe(p.video.codec, &caps), 0);
	p.video.depth = caps.max_depth + 2;
	assert_int_equal(encoder_open(&e, ops, &p, &events, NULL), -ENOTSUP);
	p = defaults_for(ops);
	p.video.yuv444 = true;
	if (!caps.yuv444)
		assert_int_equal(encoder_open(&e, ops, &p, &events, NULL), -ENOTSUP);
	assert_null(e);
}

static void what_it_cannot_do_is_refused_at_open(void **state)
{
	struct enc_params p = defaults();
	struct encoder *e = NULL;

	(void)state;
	for_each(refuses);
	assert_null(encoder_find("nonsense", CODEC_H264, NULL));
	assert_null(encoder_find("auto", CODEC_H264, NULL)); /* a choice, no encoder */
	assert_null(encoder_find("x264", CODEC_HEVC, NULL));
	assert_null(encoder_find("x264", CODEC_AV1, NULL));
	require_x264();
	p.video.codec = CODEC_H264;
	p.preset = "warp";
	assert_int_equal(encoder_open(&e, encoder_find("x264", CODEC_H264, NULL), &p, &events, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m21_idr_begins_with_parameter_sets_and_its_slice_in_shard_0),
		cmocka_unit_test(m46_type_flags_match_the_bitstream_and_slices_are_in_order),
		cmocka_unit_test(sps_has_honest_level_dpb_and_no_reordering),
		cmocka_unit_test(m47_recovery_frame_is_bit_exact_without_the_lost_frames),
		cmocka_unit_test(m48_ranges_beyond_the_dpb_are_refused_and_silent_idrs_are_told),
		cmocka_unit_test(units_come_from_a_bounded_pool_and_go_back),
		cmocka_unit_test(m24_time_and_repeat_flag_travel_with_the_frame),
		cmocka_unit_test(new_rates_are_followed_without_a_key_frame),
		cmocka_unit_test(a_rate_that_limits_nothing_costs_no_key_frame),
		cmocka_unit_test(what_it_cannot_do_is_refused_at_open),
	};

	rig_environment();
	return rig_verdict(cmocka_run_group_tests(tests, NULL, NULL));
}
