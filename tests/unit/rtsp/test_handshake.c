// SPDX-License-Identifier: GPL-3.0-or-later
/* Whole handshakes over loopback: what is answered, in which order, and to whom. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

static struct world w;

static int start(void **state)
{
	struct rtsp_limits limits = limits_default();

	(void)state;
	world_start(&w, "127.0.0.1", "127.0.0.1", &limits);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	world_stop(&w);
	return 0;
}

static void begin(struct launch *l, uint8_t key)
{
	launch_init(l, key, "127.0.0.1");
	launch_expect(&w, l);
}

static void check_played(const struct launch *l)
{
	assert_int_equal(l->announced, 1);
	assert_int_equal(l->played, 1);
	assert_int_equal(l->progressed, 7);
	assert_int_equal(l->announce.video.width, 1920);
}

static void s46_seven_messages_plain_and_sealed(void **state)
{
	(void)state;
	for (uint8_t key = 0; key < 2; key++) {
		struct launch l;

		begin(&l, key);
		l.seq = 300; /* the counter is the client process's, and IV bytes differ from wire bytes */
		ask_set_up(&w, &l);
		assert_int_equal(l.announced, 0);
		ask_announce(&w, &l);
		assert_int_equal(l.played, 0);
		ask_play(&w, &l);
		check_played(&l);
		assert_int_equal(l.host_seq_max, key ? 7 : 0);
		launch_end(&l);
	}
}

static struct reply get(struct launch *l, const char *method, const char *target, struct buf *answer)
{
	struct buf request;

	request_write(l, method, target, NULL, &request);
	assert_true(exchange(&w, NULL, request.data, request.len, 0, answer));
	buf_finish(&request);
	return answer_read(l, answer);
}

static void s45_setup_tells_ports_payload_and_connect_data(void **state)
{
	static const struct {
		const char *target, *transport;
		bool control;
	} t[] = {
		{"streamid=audio/0/0", "server_port=48000", false},
		{"streamid=video/0/0", "server_port=47998", false},
		{"streamid=control/13/0", "server_port=47999", true},
		{"streamid=control/1/0", "server_port=47999", true},
		{"streamid=audio", "server_port=48000", false},
		{"rtsp://127.0.0.1:48010/streamid=video/0/0", "server_port=47998", false},
	};
	struct launch l;

	(void)state;
	begin(&l, 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct buf answer;
		struct reply r = get(&l, "SETUP", t[i].target, &answer);

		assert_int_equal(r.status, 200);
		assert_string_equal(reply_header(&r, "Transport"), t[i].transport);
		assert_string_equal(reply_header(&r, "X-SS-Ping-Payload"), t[i].control ? "" : "0123456789ABCDEF");
		assert_string_equal(reply_header(&r, "X-SS-Connect-Data"), t[i].control ? "1949424234" : "");
		assert_int_equal(strcspn(reply_header(&r, "Session"), ";"), 16);
		assert_non_null(strstr(reply_header(&r, "Session"), ";timeout = 90"));
		buf_finish(&answer);
	}
	launch_end(&l);
}

static void s45_setup_of_another_stream_is_404(void **state)
{
	static const char *const t[] = {"streamid=mic/0/0", "streamid=", "streamid=audiox", "/", "audio"};
	struct launch l;

	(void)state;
	begin(&l, 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(ask(&w, &l, "SETUP", t[i], NULL), 404);
	assert_int_equal(l.progressed, 0);
	launch_end(&l);
}

static void session_ids_are_random(void **state)
{
	struct launch a, b;

	(void)state;
	begin(&a, 1);
	begin(&b, 2);
	ask_set_up(&w, &a);
	ask_set_up(&w, &b);
	assert_string_not_equal(a.session, b.session);
	launch_end(&a);
	launch_end(&b);
}

static void s44_describe_has_its_body(void **state)
{
	struct buf answer;
	struct launch l;
	struct reply r;
	char len[16];

	(void)state;
	begin(&l, 1);
	r = get(&l, "DESCRIBE", "rtspenc://0.0.0.0:48010", &answer);
	assert_int_equal(r.status, 200);
	snprintf(len, sizeof(len), "%zu", r.body_len);
	assert_string_equal(reply_header(&r, "Content-length"), len);
	assert_non_null(strstr(r.body, "a=fmtp:97 surround-params=85301245673\n"));
	buf_finish(&answer);
	launch_end(&l);
}

static void s42_every_error_can_be_read_plain_and_sealed(void **state)
{
	static const struct {
		const char *method, *target;
		unsigned want;
	} t[] = {
		{"FROBNICATE", "/", 501},
		{"GET_PARAMETER", "/", 501},
		{"PLAY", "/", 455},
		{"ANNOUNCE", "streamid=control/13/0", 400},
		{"SETUP", "streamid=x", 404},
		{"TEARDOWN", "/", 200},
		{"OPTIONS", "rtsp://0.0.0.0:48010", 200},
	};

	(void)state;
	for (uint8_t key = 0; key < 2; key++) {
		struct launch l;

		begin(&l, key);
		for (size_t i = 0; i < ARRAY_LEN(t); i++)
			assert_int_equal(ask(&w, &l, t[i].method, t[i].target, NULL), t[i].want);
		assert_int_equal(l.announced + l.played, 0);
		launch_end(&l);
	}
}

static void order_is_kept(void **state)
{
	struct launch l;
	struct buf body;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	begin(&l, 0);
	assert_int_equal(ask(&w, &l, "ANNOUNCE", "streamid=control/13/0", &body), 455);
	ask_set_up(&w, &l);
	assert_int_equal(ask(&w, &l, "PLAY", "/", NULL), 455);
	assert_int_equal(l.announced + l.played, 0);
	assert_int_equal(ask(&w, &l, "ANNOUNCE", "streamid=control/13/0", &body), 200);
	assert_int_equal(ask(&w, &l, "PLAY", "/", NULL), 200);
	launch_end(&l);
	buf_finish(&body);
}

static void repeats_are_answered_and_change_nothing(void **state)
{
	struct buf body, other;
	struct launch l;

	(void)state;
	begin(&l, 0);
	ask_set_up(&w, &l);
	ask_announce(&w, &l);
	ask_announce(&w, &l);
	ask_play(&w, &l);
	ask_play(&w, &l);
	ask_announce(&w, &l);
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	sdp_edit(&body, "x-nv-video[0].maxFPS", "30", &other);
	assert_int_equal(ask(&w, &l, "ANNOUNCE", "streamid=control/13/0", &other), 455);
	assert_int_equal(ask(&w, &l, "TEARDOWN", "/", NULL), 200);
	assert_int_equal(l.announced, 1);
	assert_int_equal(l.played, 1);
	assert_int_equal(l.announce.video.fps_mhz, 60000);
	buf_finish(&body);
	buf_finish(&other);
	launch_end(&l);
}

static void s43_host_0000_asks_for_normal_stereo(void **state)
{
	static const struct {
		const char *host;
		bool high;
	} t[] = {{"0.0.0.0", false}, {"0.0.0.0:48010", false}, {"127.0.0.1", true},
		 {"10.0.0.0", true}, {"0.0.0.01", true},       {"[::1]", true}};

	(void)state;
	for (uint8_t key = 0; key < 2; key++) {
		for (size_t i = 0; i < ARRAY_LEN(t); i++) {
			struct launch l;

			begin(&l, key);
			l.url_host = t[i].host;
			ask_set_up(&w, &l);
			ask_announce(&w, &l);
			assert_int_equal(l.announce.audio.high_quality, t[i].high);
			assert_int_equal(l.announce.video.encoder_kbps, t[i].high ? 14988 : 15308);
			launch_end(&l);
		}
	}
}

static void s43_target_0000_alone_is_enough(void **state)
{
	struct launch l;

	(void)state;
	begin(&l, 0);
	assert_int_equal(ask(&w, &l, "OPTIONS", "rtsp://0.0.0.0:48010", NULL), 200);
	ask_set_up(&w, &l);
	ask_announce(&w, &l);
	assert_false(l.announce.audio.high_quality);
	launch_end(&l);
}

static void refusals_of_announce_reach_the_client(void **state)
{
	static const struct {
		int rc;
		unsigned status;
	} t[] = {{-ENOTSUP, 400}, {-EACCES, 403}, {-EIO, 500}, {-ENOMEM, 500}};
	struct buf body;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct launch l;

		begin(&l, (uint8_t)(i % 2));
		ask_set_up(&w, &l);
		l.announce_rc = t[i].rc;
		assert_int_equal(ask(&w, &l, "ANNOUNCE", "streamid=control/13/0", &body), t[i].status);
		assert_int_equal(ask(&w, &l, "PLAY", "/", NULL), 455);
		l.announce_rc = 0;
		assert_int_equal(ask(&w, &l, "ANNOUNCE", "streamid=control/13/0", &body), 200);
		l.play_rc = -EIO;
		assert_int_equal(ask(&w, &l, "PLAY", "/", NULL), 500);
		assert_int_equal(l.announced, 2);
		launch_end(&l);
	}
	buf_finish(&body);
}

static void mandatory_encryption_is_403(void **state)
{
	struct buf body;
	struct launch l;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	launch_init(&l, 0, "127.0.0.1");
	l.p.offer.enc_mandatory = 2;
	launch_expect(&w, &l);
	ask_set_up(&w, &l);
	assert_int_equal(ask(&w, &l, "ANNOUNCE", "streamid=control/13/0", &body), 403);
	assert_int_equal(l.announced, 0);
	launch_end(&l);
	buf_finish(&body);
}

static void s49_a_missing_size_is_400_and_the_handshake_goes_on(void **state)
{
	struct buf body, bad;
	struct launch l;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	sdp_edit(&body, "x-nv-video[0].clientViewportWd", NULL, &bad);
	begin(&l, 1);
	ask_set_up(&w, &l);
	assert_int_equal(ask(&w, &l, "ANNOUNCE", "streamid=control/13/0", &bad), 400);
	assert_int_equal(l.announced, 0);
	ask_announce(&w, &l);
	ask_play(&w, &l);
	launch_end(&l);
	buf_finish(&body);
	buf_finish(&bad);
}

/* One request of each in turn. */
static void run_interleaved(struct launch *a, struct launch *b)
{
	ask_set_up(&w, a);
	ask_set_up(&w, b);
	ask_announce(&w, a);
	ask_announce(&w, b);
	ask_play(&w, b);
	ask_play(&w, a);
	check_played(a);
	check_played(b);
}

static void two_from_one_address_sealed_and_sealed(void **state)
{
	struct launch a, b;

	(void)state;
	begin(&a, 1);
	begin(&b, 2);
	run_interleaved(&a, &b);
	launch_end(&a);
	launch_end(&b);
}

static void two_from_one_address_plain_and_sealed_in_either_order(void **state)
{
	(void)state;
	for (uint8_t first = 0; first < 2; first++) {
		struct launch a, b;

		begin(&a, first);
		begin(&b, !first);
		run_interleaved(&a, &b);
		launch_end(&a);
		launch_end(&b);
	}
}

static void two_from_one_address_plain_and_plain(void **state)
{
	struct rtsp_events none = {0};
	struct rtsp_handshake *h;
	struct launch a, b;
	union addr from;

	(void)state;
	begin(&a, 0);
	assert_true(rtsp_plain_pending(w.r, &a.p.peer));
	assert_int_equal(rtsp_expect(w.r, &a.p, &none, NULL, &h), -EBUSY);
	ask_set_up(&w, &a);
	ask_announce(&w, &a);
	assert_true(rtsp_plain_pending(w.r, &a.p.peer));
	ask_play(&w, &a);
	assert_false(rtsp_plain_pending(w.r, &a.p.peer));

	begin(&b, 0);
	assert_true(rtsp_plain_pending(w.r, &b.p.peer));
	ask_set_up(&w, &b); /* OPTIONS, DESCRIBE and the first SETUP carry no Session */
	assert_string_not_equal(a.session, b.session);
	ask_play(&w, &a); /* the first one still answers to its Session */
	assert_int_equal(ask(&w, &a, "TEARDOWN", "/", NULL), 200);
	ask_announce(&w, &b);
	ask_play(&w, &b);
	assert_int_equal(a.announced, 1);
	assert_int_equal(a.played, 1);
	check_played(&b);
	launch_end(&a);
	launch_end(&b);
	assert_true(addr_parse(&from, "127.0.0.1", 0) == 0 && !rtsp_plain_pending(w.r, &from));
}

static void a_session_of_another_address_is_not_found(void **state)
{
	struct launch l;

	(void)state;
	begin(&l, 0);
	ask_set_up(&w, &l);
	l.source = "127.0.0.2";
	assert_int_equal(ask(&w, &l, "PLAY", "/", NULL), 454);
	l.source = NULL;
	strcpy(l.session, "0000000000000000");
	assert_int_equal(ask(&w, &l, "PLAY", "/", NULL), 454);
	launch_end(&l);
	begin(&l, 1);
	ask_set_up(&w, &l);
	strcpy(l.session, "0000000000000000");
	assert_int_equal(ask(&w, &l, "PLAY", "/", NULL), 454);
	launch_end(&l);
}

static void s53_an_address_without_a_launch_is_refused_and_changes_nothing(void **state)
{
	struct launch l, stranger;
	unsigned progressed;

	(void)state;
	begin(&l, 0);
	ask_set_up(&w, &l);
	progressed = l.progressed;
	launch_init(&stranger, 0, "127.0.0.2");
	stranger.source = "127.0.0.2";
	assert_int_equal(ask(&w, &stranger, "OPTIONS", "rtsp://127.0.0.1:48010", NULL), 454);
	assert_int_equal(ask(&w, &stranger, "SETUP", "streamid=audio/0/0", NULL), 454);
	strcpy(stranger.session, l.session);
	assert_int_equal(ask(&w, &stranger, "PLAY", "/", NULL), 454);
	assert_int_equal(l.progressed, progressed);
	ask_announce(&w, &l);
	ask_play(&w, &l);
	launch_end(&l);
	launch_end(&stranger);
}

static void s53_a_sealed_request_finds_its_launch_from_any_address(void **state)
{
	struct launch l;

	(void)state;
	begin(&l, 1);
	l.source = "127.0.0.2";
	ask_set_up(&w, &l);
	launch_end(&l);
}

static void a_key_in_use_is_refused(void **state)
{
	struct rtsp_events none = {0};
	struct rtsp_handshake *h;
	struct launch l;

	(void)state;
	begin(&l, 1);
	assert_int_equal(rtsp_expect(w.r, &l.p, &none, NULL, &h), -EEXIST);
	l.p.ping_payload[15] = 0;
	l.p.key[0]++;
	assert_int_equal(rtsp_expect(w.r, &l.p, &none, NULL, &h), -EINVAL);
	launch_end(&l);
}

static void forgotten_inside_an_event_the_request_is_still_answered(void **state)
{
	struct buf body;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	for (uint8_t key = 0; key < 2; key++) {
		struct launch l;

		begin(&l, key);
		ask_set_up(&w, &l);
		l.forget_in_announce = true;
		l.announce_rc = -EIO;
		assert_int_equal(ask(&w, &l, "ANNOUNCE", "streamid=control/13/0", &body), 500);
		assert_int_equal(ask(&w, &l, "PLAY", "/", NULL), key ? 0 : 454);
		assert_int_equal(l.progressed, 5);
		launch_end(&l);

		begin(&l, key);
		ask_set_up(&w, &l);
		ask_announce(&w, &l);
		l.forget_in_play = true; /* with 0: no progress comes after */
		ask_play(&w, &l);
		assert_int_equal(l.progressed, 6);
		launch_end(&l);

		begin(&l, key);
		l.forget_in_progress = true;
		assert_int_equal(ask(&w, &l, "OPTIONS", "/", NULL), 200);
		assert_int_equal(l.progressed, 1);
		launch_end(&l);
	}
	buf_finish(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(s46_seven_messages_plain_and_sealed, start, stop),
		cmocka_unit_test_setup_teardown(s45_setup_tells_ports_payload_and_connect_data, start, stop),
		cmocka_unit_test_setup_teardown(s45_setup_of_another_stream_is_404, start, stop),
		cmocka_unit_test_setup_teardown(session_ids_are_random, start, stop),
		cmocka_unit_test_setup_teardown(s44_describe_has_its_body, start, stop),
		cmocka_unit_test_setup_teardown(s42_every_error_can_be_read_plain_and_sealed, start, stop),
		cmocka_unit_test_setup_teardown(order_is_kept, start, stop),
		cmocka_unit_test_setup_teardown(repeats_are_answered_and_change_nothing, start, stop),
		cmocka_unit_test_setup_teardown(s43_host_0000_asks_for_normal_stereo, start, stop),
		cmocka_unit_test_setup_teardown(s43_target_0000_alone_is_enough, start, stop),
		cmocka_unit_test_setup_teardown(refusals_of_announce_reach_the_client, start, stop),
		cmocka_unit_test_setup_teardown(mandatory_encryption_is_403, start, stop),
		cmocka_unit_test_setup_teardown(s49_a_missing_size_is_400_and_the_handshake_goes_on, start, stop),
		cmocka_unit_test_setup_teardown(two_from_one_address_sealed_and_sealed, start, stop),
		cmocka_unit_test_setup_teardown(two_from_one_address_plain_and_sealed_in_either_order, start, stop),
		cmocka_unit_test_setup_teardown(two_from_one_address_plain_and_plain, start, stop),
		cmocka_unit_test_setup_teardown(a_session_of_another_address_is_not_found, start, stop),
		cmocka_unit_test_setup_teardown(s53_an_address_without_a_launch_is_refused_and_changes_nothing, start,
						stop),
		cmocka_unit_test_setup_teardown(s53_a_sealed_request_finds_its_launch_from_any_address, start, stop),
		cmocka_unit_test_setup_teardown(a_key_in_use_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(forgotten_inside_an_event_the_request_is_still_answered, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
