// SPDX-License-Identifier: GPL-3.0-or-later
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "rtsp/sdp.h"
#include "util.h"

static struct rtsp_offer offer;
static struct rtsp_announce a;
static char why[SDP_WHY_MAX];

static int parse(const struct buf *b, bool low_stereo)
{
	/* An exact copy, so that a read past the end is seen. */
	char *copy = malloc(b->len ? b->len : 1);
	int rc;

	if (b->len)
		memcpy(copy, b->data, b->len);
	memset(&a, 0xee, sizeof(a));
	rc = sdp_parse(copy, b->len, &offer, low_stereo, &a, why);
	free(copy);
	return rc;
}

/* The LAN fixture with one line changed. */
static int parse_with(const char *name, const char *value)
{
	struct buf body, edited;
	int rc;

	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	sdp_edit(&body, name, value, &edited);
	rc = parse(&edited, false);
	buf_finish(&body);
	buf_finish(&edited);
	return rc;
}

static int parse_yuv444_and_hdr(void)
{
	struct buf body, yuv444, both;
	int rc;

	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	sdp_edit(&body, "x-ss-video[0].chromaSamplingType", "1", &yuv444);
	sdp_edit(&yuv444, "x-nv-video[0].dynamicRangeMode", "1", &both);
	rc = parse(&both, false);
	buf_finish(&body);
	buf_finish(&yuv444);
	buf_finish(&both);
	return rc;
}

static int reset(void **state)
{
	(void)state;
	offer = offer_all();
	return 0;
}

static void s48_fixture_hevc_1080p60_stereo_lan(void **state)
{
	struct buf b;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &b);
	assert_int_equal(parse(&b, false), 0);
	buf_finish(&b);
	assert_int_equal(a.video.codec, CODEC_HEVC);
	assert_int_equal(a.video.width, 1920);
	assert_int_equal(a.video.height, 1080);
	assert_int_equal(a.video.fps_mhz, 60000);
	assert_int_equal(a.video.depth, 8);
	assert_false(a.video.yuv444);
	assert_false(a.video.hdr);
	assert_int_equal(a.video.space, COLOUR_BT709);
	assert_false(a.video.full_range);
	assert_int_equal(a.video.slices, 1);
	assert_false(a.video.single_ref);
	assert_true(a.video.rfi);
	assert_int_equal(a.video.configured_kbps, 20000);
	assert_int_equal(a.video.encoder_kbps, 14988);
	assert_int_equal(a.video.packet_size, 1392);
	assert_int_equal(a.video.fec_percent, 20);
	assert_int_equal(a.video.fec_min, 2);
	assert_false(a.video.encrypt);
	assert_true(a.video.qos);
	assert_int_equal(a.audio.channels, 2);
	assert_true(a.audio.high_quality);
	assert_int_equal(a.audio.packet_ms, 5);
	assert_true(a.audio.encrypt);
	assert_true(a.audio.qos);
	assert_true(a.control_v2);
	assert_true(a.session_id_v1);
	assert_true(a.fec_status);
}

static void s48_fixture_av1_hdr_4k120_71hq_encrypted(void **state)
{
	struct buf b;

	(void)state;
	vector_read("announce-av1-hdr-4k120-71hq-enc.txt", &b);
	assert_int_equal(parse(&b, false), 0);
	buf_finish(&b);
	assert_int_equal(a.video.codec, CODEC_AV1);
	assert_int_equal(a.video.width, 3840);
	assert_int_equal(a.video.height, 2160);
	assert_int_equal(a.video.fps_mhz, 120000);
	assert_int_equal(a.video.depth, 10);
	assert_true(a.video.hdr);
	assert_int_equal(a.video.space, COLOUR_BT2020);
	assert_false(a.video.full_range);
	assert_true(a.video.single_ref);
	assert_false(a.video.rfi);
	assert_int_equal(a.video.configured_kbps, 150000);
	assert_int_equal(a.video.encoder_kbps, 120000 - 8 * 256 - 500);
	assert_int_equal(a.video.packet_size, 1360);
	assert_true(a.video.encrypt);
	assert_int_equal(a.audio.channels, 8);
	assert_true(a.audio.high_quality);
	assert_int_equal(a.audio.packet_ms, 5);
	assert_true(a.audio.encrypt);
}

static void s48_fixture_h264_720p30_51_remote_plain(void **state)
{
	struct buf b;

	(void)state;
	vector_read("announce-h264-720p30-51-remote-noenc.txt", &b);
	assert_int_equal(parse(&b, false), 0);
	buf_finish(&b);
	assert_int_equal(a.video.codec, CODEC_H264);
	assert_int_equal(a.video.width, 1280);
	assert_int_equal(a.video.height, 720);
	assert_int_equal(a.video.fps_mhz, 30000);
	assert_int_equal(a.video.slices, 4);
	assert_int_equal(a.video.packet_size, 1024);
	assert_int_equal(a.video.configured_kbps, 4000);
	assert_int_equal(a.video.encoder_kbps, 3200 - 576 - 262);
	assert_false(a.video.encrypt);
	assert_false(a.video.qos);
	assert_int_equal(a.audio.channels, 6);
	assert_false(a.audio.high_quality);
	assert_int_equal(a.audio.packet_ms, 10);
	assert_false(a.audio.encrypt);
	assert_false(a.audio.qos);
	assert_false(a.control_v2);
}

static void s48_required_lines_alone_give_the_documented_defaults(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	buf_str(&b, "a=x-nv-video[0].clientViewportWd:1281\na=x-nv-video[0].clientViewportHt:721\n"
		    "a=x-nv-video[0].maxFPS:60\na=x-nv-video[0].packetSize:1024\n"
		    "a=x-nv-audio.surround.numChannels:2\na=x-nv-audio.surround.channelMask:3");
	assert_int_equal(parse(&b, false), 0);
	buf_finish(&b);
	assert_int_equal(a.video.codec, CODEC_H264);
	assert_int_equal(a.video.width, 1280); /* even */
	assert_int_equal(a.video.height, 720);
	assert_int_equal(a.video.depth, 8);
	assert_false(a.video.yuv444);
	assert_int_equal(a.video.space, COLOUR_BT601);
	assert_false(a.video.full_range);
	assert_int_equal(a.video.slices, 1);
	assert_true(a.video.single_ref);
	assert_false(a.video.rfi);
	assert_int_equal(a.video.configured_kbps, 10000);
	assert_int_equal(a.video.fec_percent, 20);
	assert_int_equal(a.video.fec_min, 0);
	assert_true(a.video.qos);
	assert_true(a.audio.qos);
	assert_int_equal(a.audio.packet_ms, 5);
	assert_false(a.audio.encrypt);
	assert_false(a.control_v2);
	assert_false(a.session_id_v1);
	assert_false(a.fec_status);
}

static void s48_line_ends_spaces_and_unknown_lines_change_nothing(void **state)
{
	struct rtsp_announce want;
	struct buf body, b;
	char *p;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	assert_int_equal(parse(&body, false), 0);
	want = a;

	buf_init(&b, 1 << 16);
	buf_str(&b, "a=\na=:\na=x-new.thing:whatever : it is\nb=1\n\n\xff\xfe\n");
	for (p = (char *)body.data; *p; p++) /* LF only, no space before it */
		if (*p != '\r' && !(p[0] == ' ' && p[1] == '\r'))
			buf_add(&b, p, 1);
	assert_int_equal(parse(&b, false), 0);
	assert_memory_equal(&a, &want, sizeof(a));

	buf_reset(&b);
	for (p = (char *)body.data; *p; p++) { /* more space */
		buf_add(&b, p, 1);
		if (*p == ':')
			buf_str(&b, " \t ");
	}
	assert_int_equal(parse(&b, false), 0);
	assert_memory_equal(&a, &want, sizeof(a));
	buf_finish(&b);
	buf_finish(&body);
}

static void s49_a_missing_required_line_is_refused(void **state)
{
	static const char *const t[] = {
		"x-nv-video[0].clientViewportWd", "x-nv-video[0].clientViewportHt",  "x-nv-video[0].maxFPS",
		"x-nv-video[0].packetSize",       "x-nv-audio.surround.numChannels", "x-nv-audio.surround.channelMask",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(parse_with(t[i], NULL), -EINVAL);
		assert_non_null(strstr(why, t[i]));
	}
}

static void s49_what_is_not_offered_is_refused(void **state)
{
	(void)state;
	offer.hevc = false;
	assert_int_equal(parse_with("x-nv-vqos[0].bitStreamFormat", "1"), -ENOTSUP);
	assert_int_equal(parse_with("x-nv-vqos[0].bitStreamFormat", "0"), 0);
	offer = offer_all();
	offer.av1 = false;
	assert_int_equal(parse_with("x-nv-vqos[0].bitStreamFormat", "2"), -ENOTSUP);
	offer = offer_all();
	assert_int_equal(parse_with("x-nv-vqos[0].bitStreamFormat", "2"), 0);
	assert_int_equal(parse_with("x-ss-video[0].chromaSamplingType", "1"), 0);
	assert_true(a.video.yuv444);
	/* Of each codec by itself: the body is of HEVC. */
	offer.yuv444 = (uint8_t) ~(1u << CODEC_HEVC);
	assert_int_equal(parse_with("x-ss-video[0].chromaSamplingType", "1"), -ENOTSUP);
	offer.yuv444 = 1u << CODEC_HEVC;
	assert_int_equal(parse_with("x-ss-video[0].chromaSamplingType", "1"), 0);
	offer.depth10 = (uint8_t) ~(1u << CODEC_HEVC);
	assert_int_equal(parse_with("x-nv-video[0].dynamicRangeMode", "1"), -ENOTSUP);
	offer.depth10 = 1u << CODEC_HEVC;
	assert_int_equal(parse_with("x-nv-video[0].dynamicRangeMode", "1"), 0);
	assert_int_equal(a.video.depth, 10);
	/* Both together are a format of their own. */
	assert_int_equal(parse_yuv444_and_hdr(), 0);
	offer.yuv444_depth10 = (uint8_t) ~(1u << CODEC_HEVC);
	assert_int_equal(parse_yuv444_and_hdr(), -ENOTSUP);
}

static void encryption_is_what_the_client_says_within_the_offer(void **state)
{
	(void)state;
	/* 167 has the older bit for audio: it counts even where the newer line says no. */
	assert_int_equal(parse_with("x-ss-general.encryptionEnabled", "0"), 0);
	assert_true(a.audio.encrypt);
	assert_false(a.control_v2);
	assert_int_equal(parse_with("x-nv-general.featureFlags", "135"), 0);
	assert_true(a.audio.encrypt); /* 5 has it too */
	assert_int_equal(parse_with("x-ss-general.encryptionEnabled", "2"), 0);
	assert_true(a.video.encrypt);
	offer.enc_supported = 5;
	assert_int_equal(parse_with("x-ss-general.encryptionEnabled", "2"), -ENOTSUP);
	assert_int_equal(parse_with("x-ss-general.encryptionEnabled", "8"), -ENOTSUP);
	offer = offer_all();
	offer.enc_mandatory = 7;
	assert_int_equal(parse_with("x-ss-general.encryptionEnabled", "7"), 0);
	assert_int_equal(parse_with("x-ss-general.encryptionEnabled", "3"), 0); /* audio by 167 */
	assert_int_equal(parse_with("x-ss-general.encryptionEnabled", "5"), -EACCES);
	assert_int_equal(parse_with("x-ss-general.encryptionEnabled", NULL), -EACCES);
}

static void s50_odd_values_are_refused_or_clamped(void **state)
{
	static const struct {
		const char *name, *value;
		int want;
	} t[] = {
		{"x-nv-video[0].packetSize", "0", -EINVAL},
		{"x-nv-video[0].packetSize", "15", -EINVAL},
		{"x-nv-video[0].packetSize", "112", -EINVAL},
		{"x-nv-video[0].packetSize", "128", 0},
		{"x-nv-video[0].packetSize", "1400", -EINVAL},
		{"x-nv-video[0].packetSize", "2048", 0},
		{"x-nv-video[0].packetSize", "2064", -EINVAL},
		{"x-nv-video[0].packetSize", "65536", -EINVAL},
		{"x-nv-video[0].packetSize", "-1392", -EINVAL},
		{"x-nv-video[0].packetSize", "1392x", -EINVAL},
		{"x-nv-video[0].packetSize", "", -EINVAL},
		{"x-nv-video[0].clientViewportWd", "0", -EINVAL},
		{"x-nv-video[0].clientViewportWd", "63", -EINVAL},
		{"x-nv-video[0].clientViewportWd", "8193", -EINVAL},
		{"x-nv-video[0].clientViewportWd", "99999999999999999999", -EINVAL},
		{"x-nv-video[0].clientViewportHt", "-720", -EINVAL},
		{"x-nv-video[0].maxFPS", "0", -EINVAL},
		{"x-nv-video[0].maxFPS", "-60", -EINVAL},
		{"x-nv-video[0].maxFPS", "500001", -EINVAL},
		{"x-nv-vqos[0].bitStreamFormat", "3", -EINVAL},
		{"x-nv-vqos[0].bitStreamFormat", "-1", -EINVAL},
		{"x-nv-video[0].dynamicRangeMode", "2", -EINVAL},
		{"x-ss-video[0].chromaSamplingType", "2", -EINVAL},
		{"x-nv-video[0].encoderCscMode", "6", -EINVAL},
		{"x-nv-audio.surround.numChannels", "0", -EINVAL},
		{"x-nv-audio.surround.numChannels", "4", -EINVAL},
		{"x-nv-audio.surround.numChannels", "7", -EINVAL},
		{"x-nv-audio.surround.numChannels", "255", -EINVAL},
		{"x-nv-general.useReliableUdp", "1", -EINVAL},
		{"x-nv-general.useReliableUdp", NULL, 0},
		{"x-nv-video[0].maxNumReferenceFrames", "-1", -EINVAL},
		{"x-ss-general.encryptionEnabled", "-1", -EINVAL},
		{"x-ml-general.featureFlags", "what", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		print_message("# %s:%s\n", t[i].name, t[i].value ? t[i].value : "(none)");
		assert_int_equal(parse_with(t[i].name, t[i].value), t[i].want);
	}
}

static void s50_rates_and_counts_are_clamped(void **state)
{
	(void)state;
	assert_int_equal(parse_with("x-ml-video.configuredBitrateKbps", "2147483648"), 0);
	assert_int_equal(a.video.configured_kbps, VIDEO_KBPS_MAX);
	assert_int_equal(parse_with("x-ml-video.configuredBitrateKbps", "99999999999999999999"), 0);
	assert_int_equal(a.video.configured_kbps, VIDEO_KBPS_MAX);
	assert_int_equal(parse_with("x-ml-video.configuredBitrateKbps", "1"), 0);
	assert_int_equal(a.video.configured_kbps, VIDEO_KBPS_MIN);
	assert_int_equal(a.video.encoder_kbps, VIDEO_KBPS_MIN);
	assert_int_equal(parse_with("x-nv-video[0].videoEncoderSlicesPerFrame", "255"), 0);
	assert_int_equal(a.video.slices, VIDEO_SLICES_MAX);
	assert_int_equal(parse_with("x-nv-video[0].videoEncoderSlicesPerFrame", "0"), 0);
	assert_int_equal(a.video.slices, 1);
	assert_int_equal(parse_with("x-nv-vqos[0].fec.minRequiredFecPackets", "100000"), 0);
	assert_int_equal(a.video.fec_min, 255);
	assert_int_equal(parse_with("x-nv-vqos[0].fec.enable", "0"), 0);
	assert_int_equal(a.video.fec_percent, 0);
	assert_int_equal(a.video.fec_min, 0);
	assert_int_equal(parse_with("x-nv-aqos.packetDuration", "7"), 0);
	assert_int_equal(a.audio.packet_ms, 5);
	assert_int_equal(parse_with("x-nv-aqos.packetDuration", "60"), 0);
	assert_int_equal(a.audio.packet_ms, 10);
}

static void an_older_clients_rate_is_already_reduced(void **state)
{
	struct buf body, no_wish;

	(void)state;
	for (int zero = 0; zero < 2; zero++) {
		assert_int_equal(parse_with("x-ml-video.configuredBitrateKbps", zero ? "0" : NULL), 0);
		assert_int_equal(a.video.configured_kbps, 20000);
		assert_int_equal(a.video.encoder_kbps, 16000);
	}
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	sdp_edit(&body, "x-ml-video.configuredBitrateKbps", NULL, &no_wish);
	buf_finish(&body);
	sdp_edit(&no_wish, "x-nv-vqos[0].bw.maximumBitrateKbps", "0", &body);
	assert_int_equal(parse(&body, false), 0);
	assert_int_equal(a.video.configured_kbps, 10000);
	buf_finish(&body);
	buf_finish(&no_wish);
}

static void s51_encoder_rate_follows_the_formula(void **state)
{
	static const struct {
		uint32_t configured;
		uint8_t fec;
		unsigned channels;
		bool hq;
		uint32_t want;
	} t[] = {
		{20000, 20, 2, true, 14988},   {20000, 20, 2, false, 15308},
		{20000, 0, 2, true, 18988},    {20000, 80, 2, true, 3140}, /* 4000 - 512, less its tenth rounded down */
		{20000, 81, 2, true, 18988},   {500, 20, 8, true, 288},
		{800000, 20, 8, true, 637452}, {200, 20, 2, true, VIDEO_KBPS_MIN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(sdp_encoder_kbps(t[i].configured, t[i].fec, t[i].channels, t[i].hq), t[i].want);
}

static void s52_packet_size_with_video_encryption_is_taken_as_it_is(void **state)
{
	struct buf body, edited;

	(void)state;
	vector_read("announce-av1-hdr-4k120-71hq-enc.txt", &body);
	sdp_edit(&body, "x-nv-video[0].packetSize", "1152", &edited); /* 1184 less the 32 of the prefix */
	assert_int_equal(parse(&edited, false), 0);
	assert_true(a.video.encrypt);
	assert_int_equal(a.video.packet_size, 1152);
	buf_finish(&edited);
	buf_finish(&body);
}

static void refresh_rate_counts_within_one_percent(void **state)
{
	static const struct {
		const char *fps, *refresh;
		uint32_t want;
	} t[] = {
		{"60", "5994", 59940},    {"60", "6000", 60000}, {"60", "6060", 60600},    {"60", "6061", 60000},
		{"60", "5940", 59400},    {"60", "5939", 60000}, {"60", "14400", 60000},   {"60", "0", 60000},
		{"60", "-1", 60000},      {"30", "2997", 29970}, {"120", "11988", 119880}, {"59940", "0", 59940},
		{"60000", "5994", 59940}, {"5", "0", 10000},     {"501", "0", 500000},     {"500000", "0", 500000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct buf body, one, two;

		vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
		sdp_edit(&body, "x-nv-video[0].maxFPS", t[i].fps, &one);
		sdp_edit(&one, "x-nv-video[0].clientRefreshRateX100", t[i].refresh, &two);
		assert_int_equal(parse(&two, false), 0);
		assert_int_equal(a.video.fps_mhz, t[i].want);
		buf_finish(&body);
		buf_finish(&one);
		buf_finish(&two);
	}
}

static void rfi_needs_both_sides(void **state)
{
	(void)state;
	for (int offered = 0; offered < 2; offered++) {
		offer.rfi = offered;
		assert_int_equal(parse_with("x-nv-video[0].maxNumReferenceFrames", "0"), 0);
		assert_int_equal(a.video.rfi, offered);
		assert_false(a.video.single_ref);
		assert_int_equal(parse_with("x-nv-video[0].maxNumReferenceFrames", "1"), 0);
		assert_false(a.video.rfi);
		assert_true(a.video.single_ref);
		assert_int_equal(parse_with("x-nv-video[0].maxNumReferenceFrames", "4"), 0);
		assert_false(a.video.rfi);
		assert_false(a.video.single_ref);
	}
}

static void s43_low_stereo_is_told_by_the_host_and_surround_by_its_line(void **state)
{
	struct buf b;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &b);
	assert_int_equal(parse(&b, true), 0);
	assert_false(a.audio.high_quality);
	assert_int_equal(a.video.encoder_kbps, 15308);
	buf_finish(&b);
	vector_read("announce-av1-hdr-4k120-71hq-enc.txt", &b);
	assert_int_equal(parse(&b, true), 0);
	assert_true(a.audio.high_quality);
	buf_finish(&b);
}

static void high_quality_surround_is_always_5_ms(void **state)
{
	struct buf body, edited;

	(void)state;
	vector_read("announce-av1-hdr-4k120-71hq-enc.txt", &body);
	sdp_edit(&body, "x-nv-aqos.packetDuration", "10", &edited);
	assert_int_equal(parse(&edited, false), 0);
	assert_int_equal(a.audio.packet_ms, 5);
	buf_finish(&edited);
	buf_finish(&body);
	assert_int_equal(parse_with("x-nv-aqos.packetDuration", "10"), 0);
	assert_int_equal(a.audio.packet_ms, 10);
}

static void colour_mode_is_space_and_range(void **state)
{
	(void)state;
	for (int csc = 0; csc < 6; csc++) {
		char value[2] = {(char)('0' + csc), 0};

		assert_int_equal(parse_with("x-nv-video[0].encoderCscMode", value), 0);
		assert_int_equal(a.video.space, csc / 2);
		assert_int_equal(a.video.full_range, csc % 2);
	}
}

static void nothing_at_all_is_refused(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_int_equal(parse(&b, false), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(s48_fixture_hevc_1080p60_stereo_lan, reset),
		cmocka_unit_test_setup(s48_fixture_av1_hdr_4k120_71hq_encrypted, reset),
		cmocka_unit_test_setup(s48_fixture_h264_720p30_51_remote_plain, reset),
		cmocka_unit_test_setup(s48_required_lines_alone_give_the_documented_defaults, reset),
		cmocka_unit_test_setup(s48_line_ends_spaces_and_unknown_lines_change_nothing, reset),
		cmocka_unit_test_setup(s49_a_missing_required_line_is_refused, reset),
		cmocka_unit_test_setup(s49_what_is_not_offered_is_refused, reset),
		cmocka_unit_test_setup(encryption_is_what_the_client_says_within_the_offer, reset),
		cmocka_unit_test_setup(s50_odd_values_are_refused_or_clamped, reset),
		cmocka_unit_test_setup(s50_rates_and_counts_are_clamped, reset),
		cmocka_unit_test_setup(an_older_clients_rate_is_already_reduced, reset),
		cmocka_unit_test_setup(s51_encoder_rate_follows_the_formula, reset),
		cmocka_unit_test_setup(s52_packet_size_with_video_encryption_is_taken_as_it_is, reset),
		cmocka_unit_test_setup(refresh_rate_counts_within_one_percent, reset),
		cmocka_unit_test_setup(rfi_needs_both_sides, reset),
		cmocka_unit_test_setup(s43_low_stereo_is_told_by_the_host_and_surround_by_its_line, reset),
		cmocka_unit_test_setup(high_quality_surround_is_always_5_ms, reset),
		cmocka_unit_test_setup(colour_mode_is_space_and_range, reset),
		cmocka_unit_test_setup(nothing_at_all_is_refused, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
