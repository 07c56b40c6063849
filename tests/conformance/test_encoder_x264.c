// SPDX-License-Identifier: GPL-3.0-or-later
/* What x264 alone must do beyond the rules for every encoder: its bitstream's small print, its rate, its pictures. */
#include "encoder_rig.h"

static void m22_x264_puts_no_sei_in_front_even_for_the_smallest_packet(void **state)
{
	struct enc_params p = defaults();
	struct rig *r;

	(void)state;
	require_x264();
	for (unsigned full = 0; full < 2; full++) {
		p.video.full_range = full;
		p.video.width = 1366;
		p.video.height = 770;
		r = rig_open(encoder_find("x264", CODEC_H264, NULL), &p);
		assert_int_equal(submit(r, true, false), 0);
		for (struct nal_walk w = walk(r, 0);;) {
			struct nal n;

			if (!nal_walk_next(&w, &n))
				break;
			assert_true(n.type != NAL_TYPE_SEI && n.type != NAL_TYPE_AUD && n.type != NAL_TYPE_FILLER);
			if (n.type == NAL_TYPE_IDR)
				assert_true(n.payload - r->stream < VIDEO_PACKET_SIZE_MIN - 16 - 8);
		}
		rig_close(r);
	}
}

static void x264_describes_colour_range_and_timing(void **state)
{
	static const struct {
		enum colour_space space;
		uint8_t primaries, transfer, matrix;
	} rows[] = {{COLOUR_BT601, 6, 6, 6}, {COLOUR_BT709, 1, 1, 1}, {COLOUR_BT2020, 9, 14, 9}};

	(void)state;
	require_x264();
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		struct enc_params p = defaults();
		struct rig *r;
		struct sps s;

		p.video.space = rows[i / 2].space;
		p.video.full_range = i & 1;
		p.video.fps_mhz = 59940;
		r = rig_open(encoder_find("x264", CODEC_H264, NULL), &p);
		assert_int_equal(submit(r, true, false), 0);
		s = first_sps(r);
		assert_true(s.vui && s.timing);
		assert_int_equal(s.full_range, i & 1);
		assert_int_equal(s.primaries, rows[i / 2].primaries);
		assert_int_equal(s.transfer, rows[i / 2].transfer);
		assert_int_equal(s.matrix, rows[i / 2].matrix);
		assert_int_equal(s.chroma_loc, 1);
		assert_true((uint64_t)s.time_scale * 1000 == 2ull * 59940 * s.units_in_tick);
		assert_int_equal(s.profile_idc, 100);
		rig_close(r);
	}
}

static void x264_loss_across_the_wrap_of_frame_num_gives_an_idr(void **state)
{
	struct enc_params p = defaults();
	struct rig *r;

	(void)state;
	require_x264();
	p.video.width = p.video.height = 64;
	r = rig_open(encoder_find("x264", CODEC_H264, NULL), &p);
	/* Frame 4097 is the one whose number begins anew. */
	for (unsigned i = 0; i < 4098; i++)
		assert_int_equal(submit(r, i == 0, false), 0);
	assert_int_equal(encoder_invalidate_refs(r->e, 4097, 4097), -ENOENT);
	assert_int_equal(encoder_invalidate_refs(r->e, 4096, 4098), -ENOENT);
	assert_int_equal(encoder_invalidate_refs(r->e, 4098, 4098), 0);
	rig_close(r);
}

/* Losses upon losses, the later ones while gaps of earlier ones still count in the decoder's DPB. The client drops all
 * from a loss to the recovery frame; every picture that it shows is the one that was encoded. */
static void losses_stay_exact(uint8_t dpb, unsigned seed, unsigned delay)
{
	const unsigned total = 240;
	bool delivered[240] = {false};
	struct enc_params p = defaults();
	struct decoded full, lossy;
	unsigned waiting = 0, answer = 0, shown = 0, recovered = 0;
	uint8_t *cut;
	size_t cut_len = 0;
	struct rig *r;

	srand(seed);
	p.dpb = dpb;
	p.slices = 2;
	r = rig_open(encoder_find("x264", CODEC_H264, NULL), &p);
	for (unsigned i = 1; i <= total; i++) {
		bool answers = answer == i;
		bool rfi = answers && encoder_invalidate_refs(r->e, waiting, i - 1) == 0;

		moving_draw(&r->pic, i);
		assert_int_equal(submit(r, i == 1 || (answers && !rfi), rfi), 0);
		if (answers) {
			waiting = 0;
			recovered += rfi;
		}
		/* The first and the last ones arrive, and recovery frames. */
		if (!waiting && !answers && i > 3 && i < total - 20 && rand() % 6 == 0) {
			waiting = i;
			answer = i + 1 + (unsigned)rand() % delay;
		}
		delivered[i - 1] = !waiting;
	}
	cut = malloc(r->len);
	assert_non_null(cut);
	for (unsigned i = 0; i < total; i++)
		if (delivered[i]) {
			memcpy(cut + cut_len, r->stream + r->unit[i].at, r->unit[i].len);
			cut_len += r->unit[i].len;
			shown++;
		}
	assert_true(recovered > 10);
	assert_true(decode(&full, CODEC_H264, r->stream, r->len, W, H));
	assert_true(decode(&lossy, CODEC_H264, cut, cut_len, W, H));
	assert_int_equal(full.count, total);
	assert_int_equal(lossy.count, shown);
	for (unsigned i = 0, k = 0; i < total; i++)
		if (delivered[i])
			assert_memory_equal(full.frames + i * full.frame_size, lossy.frames + k++ * lossy.frame_size,
					    full.frame_size);
	decoded_finish(&full);
	decoded_finish(&lossy);
	free(cut);
	rig_close(r);
}

static void m47_x264_stays_exact_through_losses_upon_losses(void **state)
{
	(void)state;
	require_x264();
	if (!decode_available())
		skip();
	for (unsigned seed = 1; seed <= 3; seed++) {
		losses_stay_exact(8, seed, 4);
		losses_stay_exact(12, seed, 9);
		losses_stay_exact(16, seed, 4);
		losses_stay_exact(16, seed, 14);
	}
}

static void x264_never_cuts_a_frame_that_does_not_fit(void **state)
{
	struct enc_params p = defaults();
	struct rig *r;

	(void)state;
	require_x264();
	p.kbps = 20000;
	p.slices = 2;
	r = rig_open(encoder_find("x264", CODEC_H264, NULL), &p);
	encode_frames(r, 3);
	r->e->slab.cap = 4096;
	moving_draw(&r->pic, 3);
	assert_int_equal(submit(r, false, false), -EIO);
	assert_int_equal(r->n, 3);
	assert_int_equal(encoder_units_out(r->e), 0);
	r->e->slab.cap = au_slab_unit_bytes(&p.video);
	rig_close(r);
}

static void x264_meets_the_rate_within_two_percent(void **state)
{
	const uint32_t target = 4000;
	struct enc_params p = defaults();
	struct rate rate;
	struct rig *r;
	size_t start, largest = 0;

	(void)state;
	require_x264();
	for (uint8_t slices = 1; slices <= 2; slices++) {
		double kbps;

		rate_init(&rate, target, 60000);
		p.video.width = 640;
		p.video.height = 352;
		p.slices = slices;
		p.kbps = rate_ask(&rate);
		r = rig_open(encoder_find("x264", CODEC_H264, NULL), &p);
		start = largest = 0;
		for (unsigned i = 0; i < 660; i++) {
			moving_draw(&r->pic, i);
			assert_int_equal(submit(r, i == 0, false), 0);
			if (rate_frame(&rate, r->unit[i].len))
				assert_int_equal(encoder_set_bitrate(r->e, rate_ask(&rate)), 0);
			if (i == 59)
				start = r->len; /* ten seconds after the first one */
			if (r->unit[i].len > largest)
				largest = r->unit[i].len;
		}
		kbps = (double)(r->len - start) * 8 / 1000 / 10;
		print_message("# %u slices: %.0f of %u kbit/s, largest frame %.2f of its share\n", slices, kbps, target,
			      largest * 8.0 * 60 / 1000 / target);
		assert_true(kbps > target * 0.98 && kbps < target * 1.02);
		assert_true(largest * 8.0 * 60 / 1000 < target * 1.35);
		rig_close(r);
	}
}

static void x264_still_picture_gets_better_with_every_repeat(void **state)
{
	struct enc_params p = defaults();
	double first, moving, last;
	struct decoded d;
	struct rig *r;

	(void)state;
	require_x264();
	if (!decode_available())
		skip();
	r = rig_open(encoder_find("x264", CODEC_H264, NULL), &p);
	encode_frames(r, 30);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(submit(r, false, false), 0);
	assert_true(decode(&d, CODEC_H264, r->stream, r->len, W, H));
	assert_int_equal(d.count, 50);
	moving = luma_psnr(r->pic.luma, r->pic.stride, d.frames + 29 * d.frame_size, W, W, H);
	last = luma_psnr(r->pic.luma, r->pic.stride, d.frames + 49 * d.frame_size, W, W, H);
	moving_draw(&r->pic, 0);
	first = luma_psnr(r->pic.luma, r->pic.stride, d.frames, W, W, H);
	print_message("# key frame %.1f dB, moving %.1f dB, still after 20 repeats %.1f dB\n", first, moving, last);
	assert_true(first > 20 && moving > 25 && last > moving + 2);
	decoded_finish(&d);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m22_x264_puts_no_sei_in_front_even_for_the_smallest_packet),
		cmocka_unit_test(x264_describes_colour_range_and_timing),
		cmocka_unit_test(x264_loss_across_the_wrap_of_frame_num_gives_an_idr),
		cmocka_unit_test(m47_x264_stays_exact_through_losses_upon_losses),
		cmocka_unit_test(x264_never_cuts_a_frame_that_does_not_fit),
		cmocka_unit_test(x264_meets_the_rate_within_two_percent),
		cmocka_unit_test(x264_still_picture_gets_better_with_every_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
