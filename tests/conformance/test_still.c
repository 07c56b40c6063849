// SPDX-License-Identifier: GPL-3.0-or-later
/* What encode/refine.h counts on: under its rate an encoder makes a still picture better with each repeat. */
#include "encoder_rig.h"

#define MOVING 40u
#define STILL  30u /* half a second */

static double psnr(const struct rig *r, const struct decoded *d, unsigned frame)
{
	return luma_psnr(r->pic.luma, r->pic.stride, d->frames + frame * d->frame_size, W, W, H);
}

static void gets_sharp(const char *name, enum codec codec)
{
	const struct encoder_ops *ops = encoder_find(name, codec, NULL);
	struct enc_params p;
	struct decoded d;
	struct rig *r;
	double begin, end;

	if (!ops || !decode_available())
		skip();
	p = defaults_for(ops);
	r = rig_open(ops, &p);
	encode_frames(r, MOVING);
	for (unsigned i = 0; i < STILL; i++)
		assert_int_equal(submit(r, false, false), 0);
	assert_true(decode(&d, codec, r->stream, r->len, W, H));
	assert_int_equal(d.count, MOVING + STILL);
	begin = psnr(r, &d, MOVING - 1);
	end = psnr(r, &d, MOVING + STILL - 1);
	print_message(
		"# %s: %.1f dB when motion ends, %.1f dB half a second later, %.0f bytes a frame before, %.0f after\n",
		name, begin, end, mean(r, MOVING / 2, MOVING), mean(r, MOVING, MOVING + STILL));
	assert_true(end >= begin + 3);
	/* Within the rate all the same. */
	assert_true(mean(r, MOVING, MOVING + STILL) <= p.kbps * 125.0 * 1000 / p.video.fps_mhz * 1.05);
	decoded_finish(&d);
	rig_close(r);
}

static void with_x264(void **state)
{
	(void)state;
	gets_sharp("x264", CODEC_H264);
}

static void with_aom(void **state)
{
	(void)state;
	gets_sharp("aom", CODEC_AV1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_x264),
		cmocka_unit_test(with_aom),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
