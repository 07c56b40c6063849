// SPDX-License-Identifier: GPL-3.0-or-later
/* Connections: pieces, ends, limits, deadlines, and bytes that are no request. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/wr.h"
#include "world.h"

static struct world w;
static struct launch plain, sealed;

static void start_with(const struct rtsp_limits *limits)
{
	world_start(&w, "127.0.0.1", "127.0.0.1", limits);
	launch_init(&plain, 0, "127.0.0.1");
	launch_init(&sealed, 1, "127.0.0.2");
	sealed.source = "127.0.0.2";
	launch_expect(&w, &plain);
	launch_expect(&w, &sealed);
}

static int start(void **state)
{
	struct rtsp_limits limits = limits_default();

	(void)state;
	start_with(&limits);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	launch_end(&plain);
	launch_end(&sealed);
	world_stop(&w);
	return 0;
}

static void both_still_work(void)
{
	ask_set_up(&w, &plain);
	ask_set_up(&w, &sealed);
}

static void s40_fin_follows_the_answer_while_the_client_waits(void **state)
{
	struct buf request, answer;
	int fd;

	(void)state;
	request_write(&plain, "OPTIONS", "/", NULL, &request);
	fd = client_connect(&w, NULL);
	client_send(fd, request.data, request.len);
	world_turn(&w);
	assert_true(client_finish(&w, fd, &answer)); /* the end comes with this side still open */
	assert_int_equal(answer_read(&plain, &answer).status, 200);
	buf_finish(&request);
	buf_finish(&answer);
}

static void s40_bytes_behind_the_request_cause_no_reset(void **state)
{
	struct buf request, answer;
	char *more = calloc(1, 100000);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct launch *l = i ? &sealed : &plain;
		int fd = client_connect(&w, l->source);

		request_write(l, "OPTIONS", "/", NULL, &request);
		buf_add(&request, more, 3000);
		client_send(fd, request.data, request.len);
		world_turn(&w);
		client_send(fd, more, 100000);
		assert_true(client_finish(&w, fd, &answer));
		assert_int_equal(answer_read(l, &answer).status, 200);
		buf_finish(&request);
		buf_finish(&answer);
	}
	free(more);
}

static void s40_an_error_found_early_is_still_readable(void **state)
{
	struct buf answer;
	char *junk = malloc(200000);
	int fd = client_connect(&w, NULL);

	(void)state;
	memset(junk, 'A', 200000);
	client_send(fd, junk, 200000);
	assert_true(client_finish(&w, fd, &answer));
	assert_int_equal(answer_read(&plain, &answer).status, 413);
	buf_finish(&answer);
	free(junk);
	both_still_work();
}

static void s41_announce_split_at_every_offset(void **state)
{
	struct buf body, request, answer;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	for (int i = 0; i < 2; i++) {
		struct launch *l = i ? &sealed : &plain;
		size_t len;

		ask_set_up(&w, l);
		request_write(l, "ANNOUNCE", "streamid=control/13/0", &body, &request);
		len = request.len;
		for (size_t cut = 1; cut < len; cut += i ? 7 : 1) {
			int fd = client_connect(&w, l->source);

			client_send(fd, request.data, cut);
			world_turn(&w);
			client_send(fd, request.data + cut, len - cut);
			assert_true(client_finish(&w, fd, &answer));
			assert_int_equal(answer_read(l, &answer).status, 200);
			buf_finish(&answer);
		}
		assert_int_equal(l->announced, 1);
		buf_finish(&request);
	}
	buf_finish(&body);
}

static void s41_one_byte_segments(void **state)
{
	struct buf body, request, answer;

	(void)state;
	vector_read("announce-hevc-1080p60-stereo-lan.txt", &body);
	for (int i = 0; i < 2; i++) {
		struct launch *l = i ? &sealed : &plain;

		ask_set_up(&w, l);
		request_write(l, "ANNOUNCE", "streamid=control/13/0", &body, &request);
		assert_true(exchange(&w, l->source, request.data, request.len, 1, &answer));
		assert_int_equal(answer_read(l, &answer).status, 200);
		assert_int_equal(l->announced, 1);
		buf_finish(&request);
		buf_finish(&answer);
	}
	buf_finish(&body);
}

static void s39_connect_and_close_consumes_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		int fd = client_connect(&w, i % 2 ? "127.0.0.2" : NULL);

		if (i % 4 > 1)
			client_send(fd, "OPT", 3);
		world_turn(&w);
		close(fd);
		world_turn(&w);
	}
	assert_int_equal(plain.progressed + sealed.progressed, 0);
	assert_true(rtsp_plain_pending(w.r, &plain.p.peer));
	both_still_work();
}

static void check_closed_without_a_word(const char *source, const void *data, size_t len)
{
	struct buf answer;

	assert_true(exchange(&w, source, data, len, 0, &answer));
	assert_int_equal(answer.len, 0);
	buf_finish(&answer);
}

static void s47_bad_sealed_requests_are_closed_and_the_session_is_intact(void **state)
{
	static const uint8_t too_long[] = {0x80, 1, 0, 1, 0, 0, 0, 1};
	static const uint8_t empty[24] = {0x80};
	struct buf request;

	(void)state;
	request_write(&sealed, "OPTIONS", "/", NULL, &request);
	request.data[8] ^= 1; /* tag */
	check_closed_without_a_word("127.0.0.2", request.data, request.len);
	request.data[8] ^= 1;
	request.data[7] ^= 1; /* sequence */
	check_closed_without_a_word("127.0.0.2", request.data, request.len);
	request.data[7] ^= 1;
	request.data[0] ^= 0x80; /* bit 31 */
	check_closed_without_a_word("127.0.0.2", request.data, request.len);
	check_closed_without_a_word("127.0.0.2", too_long, sizeof(too_long));
	check_closed_without_a_word("127.0.0.2", empty, sizeof(empty));
	assert_int_equal(sealed.progressed, 0);
	both_still_work();
	buf_finish(&request);
}

static void s47_a_plain_request_never_reaches_a_sealed_launch(void **state)
{
	static const char options[] = "OPTIONS / RTSP/1.0\r\nCSeq: 1\r\n\r\n";
	static const char garbage[] = "NONSENSE\r\n\r\n";

	(void)state;
	ask_set_up(&w, &sealed);
	check_closed_without_a_word("127.0.0.2", options, strlen(options));
	check_closed_without_a_word("127.0.0.2", garbage, strlen(garbage));
	sealed.p.sealed = false; /* its Session id in plain text */
	assert_int_equal(ask(&w, &sealed, "PLAY", "/", NULL), 0);
	sealed.p.sealed = true;
	assert_int_equal(sealed.progressed, 5);
	both_still_work();
}

static void s47_what_is_sealed_but_no_request_gets_a_sealed_400(void **state)
{
	static const char *const t[] = {"OPTIONS / RTSP/1.0\r\nCSeq: 1\r\n", "x", "GET / HTTP/1.1\r\n\r\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		uint8_t frame[256], iv[GCM_IV_LEN];
		size_t n = strlen(t[i]);
		struct buf answer;

		put_be32(frame, 0x80000000u | (uint32_t)n);
		put_be32(frame + 4, ++sealed.seq);
		iv_message(iv, sealed.seq, 'C', IV_RTSP);
		assert_int_equal(gcm_seal(sealed.gcm, iv, t[i], n, frame + 24, frame + 8), 0);
		assert_true(exchange(&w, NULL, frame, 24 + n, 0, &answer));
		assert_int_equal(answer_read(&sealed, &answer).status, 400);
		buf_finish(&answer);
	}
	both_still_work();
}

static void what_is_neither_is_closed(void **state)
{
	static const char *const t[] = {"\r\n", "\x16\x03\x01", " OPTIONS", "\x7f"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		check_closed_without_a_word(NULL, t[i], strlen(t[i]));
	both_still_work();
}

static void s54_idle_connections_keep_nobody_out(void **state)
{
	int idle[100], told = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		static const char *const from[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"};

		idle[i] = client_connect(&w, from[i % 4]);
		if (i >= 50)
			client_send(idle[i], "O", 1); /* some have begun a request */
		world_turn(&w);
	}
	both_still_work();
	ask_announce(&w, &plain);
	ask_play(&w, &plain);
	for (int i = 0; i < 100; i++) {
		char c;

		told += recv(idle[i], &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
		close(idle[i]);
	}
	assert_in_range(told, 1, 32); /* as many as the total allows are still there */
	world_turn(&w);
}

static void s54_the_flood_of_one_address_costs_only_its_own(void **state)
{
	int mine, flood[60], left = 0;
	struct buf request, answer;

	(void)state;
	request_write(&sealed, "OPTIONS", "/", NULL, &request);
	mine = client_connect(&w, "127.0.0.2");
	client_send(mine, request.data, request.len - 1); /* oldest of all, half a request */
	world_turn(&w);
	for (int i = 0; i < 60; i++) {
		flood[i] = client_connect(&w, "127.0.0.3");
		world_turn(&w);
	}
	for (int i = 0; i < 60; i++) {
		char c;

		left += recv(flood[i], &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
		if (i < 44)
			assert_int_equal(left, 0); /* the oldest went */
	}
	assert_int_equal(left, 16);
	client_send(mine, request.data + request.len - 1, 1);
	assert_true(client_finish(&w, mine, &answer));
	assert_int_equal(answer_read(&sealed, &answer).status, 200);
	for (int i = 0; i < 60; i++)
		close(flood[i]);
	buf_finish(&request);
	buf_finish(&answer);
	world_turn(&w);
}

static void s54_a_slow_request_meets_its_deadline(void **state)
{
	struct rtsp_limits limits = limits_default();
	struct buf answer;
	int fd;

	(void)state;
	limits.read_timeout_ms = 30;
	start_with(&limits);
	fd = client_connect(&w, NULL);
	client_send(fd, "OPTIONS / RTSP/1.0\r\n", 20);
	assert_true(client_finish(&w, fd, &answer));
	assert_int_equal(answer.len, 0);
	buf_finish(&answer);
	stop(NULL);
}

static void s54_out_of_descriptors_is_waited_out(void **state)
{
	struct rlimit old, low;
	struct buf request, answer;
	int fd, spare[2];

	(void)state;
	request_write(&plain, "OPTIONS", "/", NULL, &request);
	fd = client_connect(&w, NULL);
	assert_int_equal(pipe(spare), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)spare[0]; /* the next accept finds no number */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	world_turn(&w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	close(spare[0]);
	close(spare[1]);
	client_send(fd, request.data, request.len);
	assert_true(client_finish(&w, fd, &answer));
	assert_int_equal(answer_read(&plain, &answer).status, 200);
	buf_finish(&request);
	buf_finish(&answer);
}

static void a_forgotten_launch_takes_its_open_connections_along(void **state)
{
	struct buf request, answer;
	int fd;

	(void)state;
	request_write(&sealed, "OPTIONS", "/", NULL, &request);
	fd = client_connect(&w, NULL);
	client_send(fd, request.data, request.len);
	world_turn(&w); /* answered, the client has not closed yet */
	rtsp_forget(sealed.h);
	sealed.h = NULL;
	assert_true(client_finish(&w, fd, &answer)); /* what was sent is not lost */
	assert_int_equal(answer_read(&sealed, &answer).status, 200);
	buf_finish(&request);
	buf_finish(&answer);
	assert_int_equal(ask(&w, &sealed, "OPTIONS", "/", NULL), 0);
}

static void destroyed_with_everything_open(void **state)
{
	struct rtsp_limits limits = limits_default();
	struct buf request;
	int fd[3];

	(void)state;
	start_with(&limits);
	request_write(&plain, "OPTIONS", "/", NULL, &request);
	for (int i = 0; i < 3; i++) {
		fd[i] = client_connect(&w, NULL);
		if (i)
			client_send(fd[i], request.data, i == 1 ? 5 : request.len);
		world_turn(&w);
	}
	gcm_destroy(sealed.gcm);
	world_stop(&w);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	buf_finish(&request);
}

static void ipv6_and_mapped_ipv4_on_one_socket(void **state)
{
	static const char *const hosts[] = {"127.0.0.1", "::1"};
	struct rtsp_limits limits = limits_default();
	struct launch l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		int probe = socket(i ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
		union addr a;

		assert_int_equal(addr_parse(&a, hosts[i], 0), 0);
		if (probe < 0 || bind(probe, &a.sa, addr_len(&a)) < 0) {
			print_message("# no %s here\n", hosts[i]);
			close(probe);
			continue;
		}
		close(probe);
		world_start(&w, "", hosts[i], &limits);
		launch_init(&l, 0, hosts[i]);
		launch_expect(&w, &l);
		ask_set_up(&w, &l);
		ask_announce(&w, &l);
		ask_play(&w, &l);
		launch_end(&l);
		world_stop(&w);
	}
}

static void senseless_limits_and_addresses_are_refused(void **state)
{
	struct rtsp_limits limits = limits_default();
	struct loop *loop = loop_create();
	struct rtsp *r;

	(void)state;
	assert_int_equal(rtsp_create(&r, loop, "not an address", 0, &limits), -EINVAL);
	limits.max_connections = 0;
	assert_int_equal(rtsp_create(&r, loop, "127.0.0.1", 0, &limits), -EINVAL);
	rtsp_destroy(NULL);
	rtsp_forget(NULL);
	loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(s40_fin_follows_the_answer_while_the_client_waits, start, stop),
		cmocka_unit_test_setup_teardown(s40_bytes_behind_the_request_cause_no_reset, start, stop),
		cmocka_unit_test_setup_teardown(s40_an_error_found_early_is_still_readable, start, stop),
		cmocka_unit_test_setup_teardown(s41_announce_split_at_every_offset, start, stop),
		cmocka_unit_test_setup_teardown(s41_one_byte_segments, start, stop),
		cmocka_unit_test_setup_teardown(s39_connect_and_close_consumes_nothing, start, stop),
		cmocka_unit_test_setup_teardown(s47_bad_sealed_requests_are_closed_and_the_session_is_intact, start,
						stop),
		cmocka_unit_test_setup_teardown(s47_a_plain_request_never_reaches_a_sealed_launch, start, stop),
		cmocka_unit_test_setup_teardown(s47_what_is_sealed_but_no_request_gets_a_sealed_400, start, stop),
		cmocka_unit_test_setup_teardown(what_is_neither_is_closed, start, stop),
		cmocka_unit_test_setup_teardown(s54_idle_connections_keep_nobody_out, start, stop),
		cmocka_unit_test_setup_teardown(s54_the_flood_of_one_address_costs_only_its_own, start, stop),
		cmocka_unit_test(s54_a_slow_request_meets_its_deadline),
		cmocka_unit_test_setup_teardown(s54_out_of_descriptors_is_waited_out, start, stop),
		cmocka_unit_test_setup_teardown(a_forgotten_launch_takes_its_open_connections_along, start, stop),
		cmocka_unit_test(destroyed_with_everything_open),
		cmocka_unit_test(ipv6_and_mapped_ipv4_on_one_socket),
		cmocka_unit_test(senseless_limits_and_addresses_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
