// SPDX-License-Identifier: GPL-3.0-or-later
/* What a client can read of an RTSP answer, what DESCRIBE means to it, and what ANNOUNCE says. */
#include "probe/rtsp_msg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "probe/judge.h"
#include "probe/sdp.h"

static void s42_answers_that_clients_read_and_those_they_do_not(void **state)
{
	static const struct {
		const char *text;
		int rc;
		unsigned faults; /* 0: none; else at least one */
	} cases[] = {
		{"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 0, 0},
		{"RTSP/1.0 400 BAD REQUEST\r\nCSeq: 0\r\n\r\n", 0, 0},
		{"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\na=x:1\n", 0, 0},
		{"RTSP/1.0 400 BAD\r\n\r\n", -EPROTO, 1},
		{"RTSP/2.0 200 OK\r\nCSeq: 1\r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 200\r\nCSeq: 1\r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 200 \r\nCSeq: 1\r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 20x OK\r\nCSeq: 1\r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 200 OK\r\nCSeq:1\r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 200 OK\r\nCSeq:1234\r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 200 OK\r\nCSeq:\r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 200 OK\r\nCSeq: \r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 200 OK\r\nno colon\r\n\r\n", -EPROTO, 1},
		{"RTSP/1.0 200 OK\r\nCSeq:  1\r\n\r\n", 0, 1},
		{"RTSP/1.0 200 OK\r\nC Seq: 1\r\n\r\n", 0, 1},
		{"RTSP/1.0 200 OK\nCSeq: 1\n\n", 0, 1},
		{"RTSP/1.0 200 OK\r\nCSeq: 1\r\n", 0, 1},
		{"", -EPROTO, 1},
		{"RTSP/1.0 200 OK", -EPROTO, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rtsp_response r;
		struct judge j;

		judge_init(&j);
		assert_int_equal(rtsp_response_parse(&r, cases[i].text, strlen(cases[i].text), &j), cases[i].rc);
		assert_int_equal(judge_total(&j) > 0, cases[i].faults);
		judge_finish(&j);
	}
}

static void headers_are_case_sensitive_and_the_last_wins(void **state)
{
	static const char text[] =
		"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: A;timeout = 90\r\nsession: x\r\nCSeq: 4\r\n\r\nbody";
	struct rtsp_response r;

	(void)state;
	assert_int_equal(rtsp_response_parse(&r, text, strlen(text), NULL), 0);
	assert_string_equal(rtsp_response_header(&r, "CSeq"), "4");
	assert_string_equal(rtsp_response_header(&r, "Session"), "A;timeout = 90");
	assert_null(rtsp_response_header(&r, "SESSION"));
	assert_int_equal(r.body_len, 4);
}

static void nul_in_the_body_is_refused(void **state)
{
	static const char text[] = "RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\na\0b";
	struct rtsp_response r;

	(void)state;
	assert_int_equal(rtsp_response_parse(&r, text, sizeof(text) - 1, NULL), -EPROTO);
}

static const char good_offer[] = "a=x-ss-general.featureFlags:3\na=x-ss-general.encryptionSupported:7\n"
				 "a=x-ss-general.encryptionRequested:1\na=x-nv-video[0].refPicInvalidation:1\n"
				 "a=fmtp:97 surround-params=21101\na=fmtp:97 surround-params=21101\n"
				 "a=fmtp:97 surround-params=642012453\na=fmtp:97 surround-params=660012345\n"
				 "a=fmtp:97 surround-params=85301245673\na=fmtp:97 surround-params=88001234567\n";

static void s44_an_offer_is_read_as_clients_do(void **state)
{
	struct sdp_offer o;
	struct judge j;

	(void)state;
	judge_init(&j);
	sdp_offer_parse(&o, good_offer, &j);
	assert_int_equal(judge_total(&j), 0);
	assert_int_equal(o.features, 3);
	assert_int_equal(o.enc_supported, 7);
	assert_int_equal(o.enc_requested, 1);
	assert_true(o.rfi);
	assert_false(o.hevc || o.av1);
	judge_finish(&j);
}

static void s57_normal_surround_decodes_to_the_identity(void **state)
{
	struct sdp_offer o;

	(void)state;
	sdp_offer_parse(&o, good_offer, NULL);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(o.normal[1].mapping[i], i);
		assert_int_equal(o.high[1].mapping[i], i);
		if (i < 6) {
			assert_int_equal(o.normal[0].mapping[i], i);
			assert_int_equal(o.high[0].mapping[i], i);
		}
	}
	assert_int_equal(o.normal[1].streams, 5);
	assert_int_equal(o.normal[1].coupled, 3);
}

static void offers_that_mislead_clients_are_faults(void **state)
{
	static const char *const swaps[][2] = {
		{"85301245673", "85301245367"}, /* the rotation that stops at index 5 */
		{"642012453", "642012345"},
		{"660012345", "66001234"},
		{"encryptionRequested:1", "encryptionRequested:8"},
		{"a=fmtp:97 surround-params=88001234567\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(swaps); i++) {
		const char *at = strstr(good_offer, swaps[i][0]);
		struct sdp_offer o;
		struct judge j;
		struct buf b;

		judge_init(&j);
		buf_init(&b, 4096);
		buf_add(&b, good_offer, (size_t)(at - good_offer));
		buf_str(&b, swaps[i][1]);
		buf_str(&b, at + strlen(swaps[i][0]));
		sdp_offer_parse(&o, buf_cstr(&b), &j);
		assert_true(judge_total(&j) > 0);
		buf_finish(&b);
		judge_finish(&j);
	}
}

static void assert_fixture(const char *name, const struct sdp_announce *a)
{
	struct buf want, got;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", getenv("TEST_VECTORS"), name);
	buf_init(&want, 8192);
	buf_init(&got, 8192);
	assert_int_equal(fs_read(path, &want), 0);
	sdp_announce_write(&got, a);
	assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	assert_int_equal(got.len, want.len);
	buf_finish(&want);
	buf_finish(&got);
}

static void s48_announce_equals_what_the_real_generator_writes(void **state)
{
	struct sdp_announce hevc = {.address = "192.168.1.10",
				    .local = true,
				    .enc_enabled = 5,
				    .audio_encrypted = true,
				    .width = 1920,
				    .height = 1080,
				    .fps = 60,
				    .packet_size = 1392,
				    .bitrate_kbps = 20000,
				    .slices = 1,
				    .codec = CODEC_HEVC,
				    .channels = 2,
				    .channel_mask = 3,
				    .packet_ms = 5,
				    .csc = 2,
				    .video_port = 47998};
	struct sdp_announce av1 = {.address = "192.168.1.10",
				   .local = true,
				   .enc_enabled = 7,
				   .audio_encrypted = true,
				   .width = 3840,
				   .height = 2160,
				   .fps = 120,
				   .packet_size = 1360,
				   .bitrate_kbps = 150000,
				   .slices = 1,
				   .codec = CODEC_AV1,
				   .hdr = true,
				   .single_reference = true,
				   .channels = 8,
				   .channel_mask = 0x63f,
				   .audio_hq = true,
				   .packet_ms = 5,
				   .csc = 4,
				   .video_port = 47998};
	struct sdp_announce h264 = {.address = "192.168.1.10",
				    .width = 1280,
				    .height = 720,
				    .fps = 30,
				    .packet_size = 1024,
				    .bitrate_kbps = 4000,
				    .slices = 4,
				    .codec = CODEC_H264,
				    .single_reference = true,
				    .channels = 6,
				    .channel_mask = 0x3f,
				    .packet_ms = 10,
				    .csc = 4,
				    .video_port = 47998};

	(void)state;
	assert_fixture("announce-hevc-1080p60-stereo-lan.txt", &hevc);
	assert_fixture("announce-av1-hdr-4k120-71hq-enc.txt", &av1);
	assert_fixture("announce-h264-720p30-51-remote-noenc.txt", &h264);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s42_answers_that_clients_read_and_those_they_do_not),
		cmocka_unit_test(headers_are_case_sensitive_and_the_last_wins),
		cmocka_unit_test(nul_in_the_body_is_refused),
		cmocka_unit_test(s44_an_offer_is_read_as_clients_do),
		cmocka_unit_test(s57_normal_surround_decodes_to_the_identity),
		cmocka_unit_test(offers_that_mislead_clients_are_faults),
		cmocka_unit_test(s48_announce_equals_what_the_real_generator_writes),
	};

	return cmocka_run_group_tests_name("probe_rtsp", tests, NULL, NULL);
}
