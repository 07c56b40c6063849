// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is offered to clients, with a registry of our own: hardware that has some formats of some codecs, and one
 * encoder in software for each codec.
 */
#include "stream_offer.h"

#include "../cmocka_all.h"
#include "../encode/fake_registry.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "config.h"
#include "encode/choice.h"
#include "http/server.h"
#include "rtsp/server.h"

/* ServerCodecModeSupport (1-session 2.5). */
enum {
	H264 = 0x1,
	H264_444 = 0x40000,
	HEVC = 0x100,
	HEVC_10 = 0x200,
	HEVC_444 = 0x80000,
	HEVC_444_10 = 0x100000,
	AV1 = 0x10000,
	AV1_10 = 0x20000,
	AV1_444 = 0x200000,
	AV1_444_10 = 0x400000,
};

#define SLOW_NS (20 * NS_PER_MS) /* of a picture of the trial: 11 million pixels a second */

static struct encoder_ops chip, soft264, soft265, softav1;
static const struct encoder_ops *const list[] = {&chip, &soft264, &soft265, &softav1, NULL};
static struct enc_caps chip_caps[CODECS], soft_caps[CODECS];
static bool chip_has[CODECS];
static unsigned broken; /* bits: formats in which the chip's pictures fail */
static bool slow_aom;
static struct config config;

static int probe_chip(enum codec codec, struct enc_caps *caps)
{
	*caps = chip_caps[codec];
	return chip_has[codec] ? 0 : -ENOTSUP;
}

static int soft(enum codec codec, enum codec own, struct enc_caps *caps)
{
	*caps = soft_caps[codec];
	return codec == own ? 0 : -ENOTSUP;
}

static int probe_264(enum codec codec, struct enc_caps *caps)
{
	return soft(codec, CODEC_H264, caps);
}

static int probe_265(enum codec codec, struct enc_caps *caps)
{
	return soft(codec, CODEC_HEVC, caps);
}

static int probe_av1(enum codec codec, struct enc_caps *caps)
{
	return soft(codec, CODEC_AV1, caps);
}

static int submit_chip(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	return broken >> picture_format_for(&e->params.video) & 1 ? -EIO : encoder_null.submit(e, pic, r);
}

static int submit_aom(struct encoder *e, const struct picture *pic, const struct enc_request *r)
{
	if (slow_aom)
		clock_sleep_until(clock_ns() + SLOW_NS);
	return encoder_null.submit(e, pic, r);
}

static void be(struct encoder_ops *ops, const char *name, int (*probe)(enum codec, struct enc_caps *))
{
	*ops = encoder_null;
	ops->name = name;
	ops->probe = probe;
	ops->only_by_name = false;
}

static int setup(void **state)
{
	struct enc_caps plain;

	(void)state;
	fake_registry = list;
	assert_int_equal(encoder_null.probe(CODEC_H264, &plain), 0);
	be(&chip, "chip", probe_chip);
	chip.hardware = true;
	chip.submit = submit_chip;
	be(&soft264, "soft264", probe_264);
	be(&soft265, "soft265", probe_265);
	be(&softav1, "softav1", probe_av1);
	softav1.submit = submit_aom;
	for (unsigned c = 0; c < CODECS; c++) {
		chip_caps[c] = soft_caps[c] = plain;
		soft_caps[c].yuv444 = true;
		soft_caps[c].max_depth = c == CODEC_H264 ? 8 : 10;
		chip_has[c] = false;
	}
	soft_caps[CODEC_HEVC].flags &= ~(uint32_t)ENC_RFI; /* as libx265 */
	broken = 0;
	slow_aom = false;
	config_defaults(&config);
	strcpy(config.encode.backend, "auto");
	encoder_choice_forget();
	return 0;
}

static uint32_t offered(void)
{
	stream_offer_measure(&config);
	return stream_codec_support(&config);
}

static void software_offers_what_clients_are_better_off_with(void **state)
{
	(void)state;
	config.encode.av1 = OFFER_OFF;
	assert_int_equal(offered(), H264 | H264_444);
	config.encode.hevc = OFFER_ON;
	assert_int_equal(offered(), H264 | H264_444 | HEVC | HEVC_10 | HEVC_444 | HEVC_444_10);
	config.encode.hevc = OFFER_OFF;
	config.encode.av1 = OFFER_ON;
	assert_int_equal(offered(), H264 | H264_444 | AV1 | AV1_10 | AV1_444 | AV1_444_10);
}

static void what_hardware_lacks_comes_from_software(void **state)
{
	(void)state;
	chip_has[CODEC_H264] = chip_has[CODEC_HEVC] = chip_has[CODEC_AV1] = true;
	chip_caps[CODEC_HEVC].max_depth = 10;
	config.encode.hevc = OFFER_ON;
	config.encode.av1 = OFFER_ON;
	assert_int_equal(offered(), H264 | H264_444 | HEVC | HEVC_10 | HEVC_444 | HEVC_444_10 | AV1 | AV1_10 | AV1_444 |
					    AV1_444_10);
	/* 4:4:4 without an answer to losses is for those who ask for it. */
	config.encode.hevc = OFFER_AUTO;
	config.encode.av1 = OFFER_OFF;
	assert_int_equal(offered() & ~(uint32_t)(HEVC | HEVC_10), H264 | H264_444);
}

static void formats_of_hardware_are_offered_when_it_has_made_pictures_of_them(void **state)
{
	(void)state;
	chip_has[CODEC_HEVC] = true;
	chip_caps[CODEC_HEVC].max_depth = 10;
	chip_caps[CODEC_HEVC].yuv444 = true;
	soft_caps[CODEC_HEVC] = (struct enc_caps){0}; /* no software has any */
	config.encode.hevc = OFFER_ON;
	config.encode.av1 = OFFER_OFF;
	assert_int_equal(offered(), H264 | H264_444 | HEVC | HEVC_10 | HEVC_444 | HEVC_444_10);
	encoder_choice_forget();
	broken = 1u << PICTURE_P010 | 1u << PICTURE_YUV444P10;
	assert_int_equal(offered(), H264 | H264_444 | HEVC | HEVC_444);
	/* A name is believed for what it was given for, no further. */
	encoder_choice_forget();
	strcpy(config.encode.backend, "chip");
	assert_int_equal(offered(), HEVC | HEVC_444);
	/* Nothing is left of a codec whose usual stream fails. */
	encoder_choice_forget();
	strcpy(config.encode.backend, "auto");
	broken = 1u << PICTURE_NV12;
	assert_int_equal(offered(), H264 | H264_444);
}

/* Each encoder shows for itself what it carries: the chip anything, software next to nothing. */
static void each_encoder_is_measured_for_itself(void **state)
{
	struct launch_query q = {.width = 1920, .height = 1080, .fps = 60, .hdr = true};
	struct rtsp_offer offer;

	(void)state;
	chip_has[CODEC_AV1] = true;
	slow_aom = true;
	config.encode.hevc = OFFER_OFF;
	config.encode.av1 = OFFER_AUTO;
	/* Trials in a debug build may find the chip itself slow, which is not the point: at least the software's
	 * formats are not there. */
	assert_int_equal(offered() & (AV1_10 | AV1_444 | AV1_444_10), 0);
	stream_offer_fill(&offer, &config, &q);
	assert_int_equal(offer.depth10 >> CODEC_AV1 & 1, 0);
	assert_int_equal(offer.yuv444 >> CODEC_AV1 & 1, 0);
	config.encode.av1 = OFFER_ON;
	assert_int_equal(offered() & (AV1 | AV1_10 | AV1_444 | AV1_444_10), AV1 | AV1_10 | AV1_444 | AV1_444_10);
	stream_offer_fill(&offer, &config, &q);
	assert_true(offer.av1);
	assert_int_equal(offer.depth10, 1u << CODEC_AV1);
	assert_int_equal(offer.yuv444, 1u << CODEC_AV1 | 1u << CODEC_H264);
	assert_int_equal(offer.yuv444_depth10, 1u << CODEC_AV1);
}

static void it_says_who_serves_what(void **state)
{
	(void)state;
	chip_has[CODEC_H264] = chip_has[CODEC_HEVC] = true;
	chip_caps[CODEC_HEVC].max_depth = 10;
	config.encode.hevc = OFFER_ON;
	config.encode.av1 = OFFER_OFF;
	soft_caps[CODEC_H264].max_depth = 10; /* as libx264: no client can be told of it */
	offered();
	assert_string_equal(stream_offer_encoder(&config, CODEC_H264, PICTURE_NV12), "chip");
	assert_string_equal(stream_offer_encoder(&config, CODEC_H264, PICTURE_YUV444), "soft264");
	assert_null(stream_offer_encoder(&config, CODEC_H264, PICTURE_P010));
	assert_string_equal(stream_offer_encoder(&config, CODEC_HEVC, PICTURE_P010), "chip");
	assert_string_equal(stream_offer_encoder(&config, CODEC_HEVC, PICTURE_YUV444), "soft265");
	assert_null(stream_offer_encoder(&config, CODEC_AV1, PICTURE_NV12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(software_offers_what_clients_are_better_off_with, setup),
		cmocka_unit_test_setup(what_hardware_lacks_comes_from_software, setup),
		cmocka_unit_test_setup(formats_of_hardware_are_offered_when_it_has_made_pictures_of_them, setup),
		cmocka_unit_test_setup(each_encoder_is_measured_for_itself, setup),
		cmocka_unit_test_setup(it_says_who_serves_what, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
