// SPDX-License-Identifier: GPL-3.0-or-later
/* What an encoder is opened with. What follows a failure: test_worker_failover.c. */
#include "encode/engine.h"

#include "../cmocka_all.h"

#include <errno.h>

#include "encode/pic_refs.h"

static int probe(enum codec codec, struct enc_caps *caps)
{
	(void)codec;
	*caps = (struct enc_caps){
		.flags = ENC_RFI,
		.max_width = VIDEO_DIM_MAX,
		.max_height = VIDEO_DIM_MAX,
		.max_refs = ENCODER_DPB_MAX,
		.max_slices = VIDEO_SLICES_MAX,
		.max_depth = 8,
	};
	return 0;
}

static int open_any(struct encoder *e)
{
	(void)e;
	return 0;
}

static void close_any(struct encoder *e)
{
	(void)e;
}

static const struct encoder_ops any = {
	.name = "any",
	.size = sizeof(struct encoder),
	.probe = probe,
	.open = open_any,
	.close = close_any,
};

static unsigned dpb_of(const struct video_params *v)
{
	static const struct encoder_events ev = {0};
	const struct engine_params p = {
		.video = *v,
		.choice = {.at = {{&any, ""}}, .n = 1, .named = true},
	};
	struct engine g;
	unsigned dpb;

	assert_int_equal(engine_start(&g, &p, 1000, &ev, NULL), 0);
	dpb = g.encoder->params.dpb;
	engine_finish(&g);
	return dpb;
}

static void it_keeps_what_decoders_of_the_codec_hold(void **state)
{
	static const struct {
		enum codec codec;
		uint16_t width, height;
		unsigned dpb;
	} rows[] = {
		/* H.264 table A-1, level 5.1. */
		{CODEC_H264, 1280, 720, 16},
		{CODEC_H264, 1920, 1080, 16},
		{CODEC_H264, 2560, 1440, 12},
		{CODEC_H264, 3840, 2160, 5},
		{CODEC_H264, 7680, 4320, 1},
		/* HEVC A.4.2, level 5.1, and 6 for what is larger. */
		{CODEC_HEVC, 1920, 1080, 16},
		{CODEC_HEVC, 2560, 1440, 12},
		{CODEC_HEVC, 3200, 1800, 8},
		{CODEC_HEVC, 3840, 2160, 6},
		{CODEC_HEVC, 5120, 2880, 12},
		{CODEC_HEVC, 7680, 4320, 6},
		/* Its slots are of any size. */
		{CODEC_AV1, 1280, 720, PIC_REFS_DPB_MAX},
		{CODEC_AV1, 3840, 2160, PIC_REFS_DPB_MAX},
		{CODEC_AV1, 7680, 4320, PIC_REFS_DPB_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct video_params v = {
			.codec = rows[i].codec,
			.width = rows[i].width,
			.height = rows[i].height,
			.fps_mhz = 60000,
			.depth = 8,
			.slices = 1,
			.rfi = true,
			.encoder_kbps = 20000,
		};

		assert_int_equal(dpb_of(&v), rows[i].dpb);
		/* Not for clients that report no losses, or hold one frame. */
		v.single_ref = true;
		assert_int_equal(dpb_of(&v), 1);
		v.single_ref = v.rfi = false;
		assert_int_equal(dpb_of(&v), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_keeps_what_decoders_of_the_codec_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
