// SPDX-License-Identifier: GPL-3.0-or-later
/* Listener behaviour: nobody's connection is anybody else's problem. Real sockets, real TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "rig.h"

#define N_IDLE 100

static const struct wire_options plain = {0};

static bool launch_waits(struct rig *r)
{
	return r->waiting != NULL;
}

static bool one_gone(struct rig *r)
{
	return r->gone == 1;
}

static void finish_launch(struct rig *r, void *arg)
{
	(void)arg;
	http_launch_done(r->waiting, 200, NULL, true);
	r->waiting = NULL;
}

static void wait_with_launches(struct rig *r, void *arg)
{
	(void)arg;
	r->answer_at_once = false;
}

#define LAUNCH_ARGS                                                                                                    \
	"?appid=881448767&mode=1280x720x60&sops=0&rikey=39c1ef28d3be10c6c01bc2e25e98713b"                              \
	"&rikeyid=-842202210&localAudioPlayMode=0&surroundAudioInfo=196610&gcmap=1&corever=1"

static void answers_over_http(void **state)
{
	struct rig *r = *state;
	struct answer a;

	rig_get(r, &plain, "/serverinfo", &a);
	assert_int_equal(a.http, 200);
	assert_int_equal(a.status, 200);
	answer_free(&a);
}

static void s58_serverinfo_answers_while_a_launch_waits(void **state)
{
	struct rig *r = *state;
	struct rig_cert cert;
	struct wire_options o = {.tls = true, .cert = &cert};
	struct answer a;
	struct wire w;

	rig_cert_make(&cert, &(struct rig_cert_options){2, 0, 0, 0});
	rig_pair(r, &cert, "one");
	rig_do(r, wait_with_launches, NULL);
	assert_int_equal(wire_open(&w, r, &o), 0);
	wire_get(&w, "/launch" LAUNCH_ARGS);
	assert_true(rig_until(r, launch_waits));
	for (unsigned i = 0; i < 5; i++) {
		rig_get(r, &o, "/serverinfo", &a);
		assert_int_equal(a.status, 200);
		answer_free(&a);
		rig_get(r, &plain, "/serverinfo", &a);
		assert_int_equal(a.status, 200);
		answer_free(&a);
	}
	rig_do(r, finish_launch, NULL);
	assert_int_equal(wire_answer(&w, &a), 0);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "sessionUrl0"), "rtspenc://127.0.0.1:48010");
	answer_free(&a);
	wire_close(&w);
	rig_cert_free(&cert);
}

static void a_client_that_leaves_a_waiting_launch_is_told(void **state)
{
	struct rig *r = *state;
	struct rig_cert cert;
	struct wire_options o = {.tls = true, .cert = &cert};
	struct answer a;
	struct wire w;

	rig_cert_make(&cert, &(struct rig_cert_options){2, 0, 0, 0});
	rig_pair(r, &cert, "one");
	rig_do(r, wait_with_launches, NULL);
	assert_int_equal(wire_open(&w, r, &o), 0);
	wire_get(&w, "/launch" LAUNCH_ARGS);
	assert_true(rig_until(r, launch_waits));
	wire_close(&w);
	assert_true(rig_until(r, one_gone));
	rig_get(r, &o, "/serverinfo", &a);
	assert_int_equal(a.status, 200);
	answer_free(&a);
	rig_cert_free(&cert);
}

/* One half-open handshake, one slow request, one idle keep-alive connection, one that takes no answer. */
static void one_stalled_tls_connection_delays_nobody(void **state)
{
	struct rig *r = *state;
	struct rig_cert cert;
	struct wire_options o = {.tls = true, .cert = &cert}, raw = {.tls = true, .no_handshake = true};
	struct wire half, silent, slow, idle, deaf;
	static const uint8_t hello_start[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00};
	struct answer a;

	rig_cert_make(&cert, &(struct rig_cert_options){2, 0, 0, 0});
	rig_pair(r, &cert, "one");
	assert_int_equal(wire_open(&silent, r, &raw), 0);
	assert_int_equal(wire_open(&half, r, &raw), 0);
	assert_int_equal(write(half.fd, hello_start, sizeof(hello_start)), sizeof(hello_start));
	assert_int_equal(wire_open(&slow, r, &o), 0);
	wire_text(&slow, "GET /serv");
	assert_int_equal(wire_open(&idle, r, &o), 0);
	wire_get(&idle, "/serverinfo");
	assert_int_equal(wire_answer(&idle, &a), 0);
	answer_free(&a);
	assert_int_equal(wire_open(&deaf, r, &o), 0);
	for (unsigned i = 0; i < 50; i++)
		wire_get(&deaf, "/applist");
	for (unsigned i = 0; i < 10; i++) {
		rig_get(r, &o, "/serverinfo", &a);
		assert_int_equal(a.status, 200);
		answer_free(&a);
	}
	/* The slow one is served as well once it is ready. */
	wire_text(&slow, "erinfo HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(wire_answer(&slow, &a), 0);
	assert_int_equal(a.status, 200);
	answer_free(&a);
	wire_close(&half);
	wire_close(&silent);
	wire_close(&slow);
	wire_close(&idle);
	wire_close(&deaf);
	rig_cert_free(&cert);
}

static void s54_hundred_idle_connections_keep_no_one_out(void **state)
{
	struct rig *r = *state;
	struct rig_cert cert;
	struct wire_options o = {.tls = true, .cert = &cert};
	struct wire_options idle_plain = {0}, idle_tls = {.tls = true, .no_handshake = true};
	static struct wire w[2 * N_IDLE];
	struct answer a;

	rig_cert_make(&cert, &(struct rig_cert_options){2, 0, 0, 0});
	rig_pair(r, &cert, "one");
	for (unsigned i = 0; i < N_IDLE; i++) {
		assert_int_equal(wire_open(&w[2 * i], r, &idle_plain), 0);
		assert_int_equal(wire_open(&w[2 * i + 1], r, &idle_tls), 0);
	}
	rig_get(r, &plain, "/serverinfo", &a);
	assert_int_equal(a.status, 200);
	answer_free(&a);
	rig_get(r, &o, "/serverinfo", &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(answer_text(&a, "PairStatus"), "1");
	answer_free(&a);
	for (unsigned i = 0; i < 2 * N_IDLE; i++)
		wire_close(&w[i]);
	rig_cert_free(&cert);
}

static void s59_keep_alive_and_close_are_both_served(void **state)
{
	struct rig *r = *state;
	struct answer a;
	struct wire w;
	char byte;

	assert_int_equal(wire_open(&w, r, &plain), 0);
	for (unsigned i = 0; i < 3; i++) {
		wire_get(&w, "/serverinfo");
		assert_int_equal(wire_answer(&w, &a), 0);
		assert_int_equal(a.status, 200);
		assert_false(a.close);
		answer_free(&a);
	}
	wire_text(&w, "GET /serverinfo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(wire_answer(&w, &a), 0);
	assert_int_equal(a.status, 200);
	assert_true(a.close);
	answer_free(&a);
	assert_int_equal(wire_recv(&w, &byte, 1), 0);
	wire_close(&w);
}

static void s59_pipelined_requests_are_all_answered(void **state)
{
	struct rig *r = *state;
	struct wire w;
	char text[32768];
	size_t len = 0;
	unsigned n = 0;
	ssize_t got;

	assert_int_equal(wire_open(&w, r, &plain), 0);
	wire_text(&w, "GET /unpair HTTP/1.1\r\nHost: x\r\n\r\nGET /nosuch HTTP/1.1\r\nHost: x\r\n\r\n"
		      "GET /serverinfo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	while ((got = wire_recv(&w, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = 0;
	for (const char *p = text; (p = strstr(p, "HTTP/1.1 200 OK")); p++)
		n++;
	assert_int_equal(n, 3);
	assert_non_null(strstr(text, "status_code=\"404\""));
	wire_close(&w);
}

/* Neither silence nor a trickle of bytes buys more than timeout_s. */
static void a_slow_request_is_cut_off(void **state)
{
	struct http_limits l = {16, 16, 1, 120, 4};
	struct wire w, quiet, hand;
	struct wire_options raw = {.tls = true, .no_handshake = true};
	struct rig r;
	char byte;
	unsigned sent = 0;

	(void)state;
	rig_start(&r, &l);
	assert_int_equal(wire_open(&w, &r, &plain), 0);
	assert_int_equal(wire_open(&quiet, &r, &plain), 0);
	assert_int_equal(wire_open(&hand, &r, &raw), 0);
	wire_text(&w, "GET /");
	/* A byte each 100 ms; the server ends it although there was never a pause of a second. */
	while (sent < 250 && wire_send(&w, "a", 1) == 0) {
		usleep(100000);
		sent++;
	}
	assert_true(sent < 250);
	assert_true(wire_recv(&quiet, &byte, 1) <= 0);
	assert_true(recv(hand.fd, &byte, 1, 0) <= 0);
	wire_close(&w);
	wire_close(&quiet);
	wire_close(&hand);
	rig_stop(&r);
}

static void read_steps(struct rig *r, void *arg)
{
	uint64_t *out = arg;

	out[0] = r->steps;
	out[1] = r->cpu_ns;
}

/* With idle keep-alive connections, a parked launch and a half-open handshake around. */
static void an_idle_server_sleeps(void **state)
{
	struct rig *r = *state;
	struct rig_cert cert;
	struct wire_options o = {.tls = true, .cert = &cert}, raw = {.tls = true, .no_handshake = true};
	struct wire idle, idle_plain, parked, half, slow;
	uint64_t a[2], b[2];
	struct answer ans;

	rig_cert_make(&cert, &(struct rig_cert_options){2, 0, 0, 0});
	rig_pair(r, &cert, "one");
	rig_do(r, wait_with_launches, NULL);
	assert_int_equal(wire_open(&idle, r, &o), 0);
	wire_get(&idle, "/serverinfo");
	assert_int_equal(wire_answer(&idle, &ans), 0);
	answer_free(&ans);
	assert_int_equal(wire_open(&idle_plain, r, &plain), 0);
	wire_get(&idle_plain, "/serverinfo");
	assert_int_equal(wire_answer(&idle_plain, &ans), 0);
	answer_free(&ans);
	assert_int_equal(wire_open(&parked, r, &o), 0);
	wire_get(&parked, "/launch" LAUNCH_ARGS);
	assert_true(rig_until(r, launch_waits));
	/* Bytes that nobody reads while it is parked must not keep the loop busy. */
	wire_get(&parked, "/serverinfo");
	assert_int_equal(wire_open(&half, r, &raw), 0);
	assert_int_equal(write(half.fd, "\x16\x03\x01", 3), 3);
	assert_int_equal(wire_open(&slow, r, &o), 0);
	wire_text(&slow, "GET /serv");
	usleep(300000);
	rig_do(r, read_steps, a);
	sleep(3);
	rig_do(r, read_steps, b);
	print_message("# %u rounds and %u us of CPU in 3 s with 5 quiet connections\n", (unsigned)(b[0] - a[0]),
		      (unsigned)((b[1] - a[1]) / 1000));
	/* Two are ours: the job and its round before. */
	assert_true(b[0] - a[0] <= 5);
	wire_close(&idle);
	wire_close(&idle_plain);
	wire_close(&parked);
	wire_close(&half);
	wire_close(&slow);
	rig_cert_free(&cert);
}

static void destroy_answers_what_waits(void **state)
{
	struct rig_cert cert;
	struct wire_options o = {.tls = true, .cert = &cert};
	struct answer a;
	struct wire w;
	struct rig r;

	(void)state;
	rig_start(&r, NULL);
	rig_cert_make(&cert, &(struct rig_cert_options){2, 0, 0, 0});
	rig_pair(&r, &cert, "one");
	rig_do(&r, wait_with_launches, NULL);
	assert_int_equal(wire_open(&w, &r, &o), 0);
	wire_get(&w, "/launch" LAUNCH_ARGS);
	assert_true(rig_until(&r, launch_waits));
	rig_stop(&r);
	assert_int_equal(r.gone, 1);
	assert_int_equal(wire_answer(&w, &a), 0);
	assert_int_equal(a.status, 503);
	answer_free(&a);
	wire_close(&w);
	rig_cert_free(&cert);
}

static void long_request_lines(void **state)
{
	static const size_t sizes[] = {4096, 8192, 12000, 30000, 1u << 20};
	struct rig *r = *state;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t n = sizes[i];
		char *path = malloc(n + 64);
		struct answer a;

		assert_non_null(path);
		strcpy(path, "/pair?uniqueid=1&clientchallenge=");
		memset(path + strlen("/pair?uniqueid=1&clientchallenge="), 'a', n);
		path[strlen("/pair?uniqueid=1&clientchallenge=") + n] = 0;
		rig_get(r, &plain, path, &a);
		/* What does not fit the connection's memory is refused by the library, in HTTP's own words. */
		if (n <= 16384) {
			assert_int_equal(a.http, 200);
			assert_int_equal(a.status, 400);
		} else {
			assert_true(a.http == 414 || a.http == 0 || a.http == 431 || a.status == 400);
		}
		answer_free(&a);
		free(path);
	}
	answers_over_http(state);
}

static void other_methods_and_garbage_are_refused(void **state)
{
	static const char *const texts[] = {
		"POST /serverinfo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
		"DELETE /serverinfo HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /serverinfo?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /serverinfo?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	struct rig *r = *state;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct answer a;
		struct wire w;

		assert_int_equal(wire_open(&w, r, &plain), 0);
		wire_text(&w, texts[i]);
		assert_int_equal(wire_answer(&w, &a), 0);
		assert_int_equal(a.http, 200);
		assert_int_equal(a.status, i < 2 ? 405 : 400);
		answer_free(&a);
		wire_close(&w);
	}
}

static int setup(void **state)
{
	static struct rig r;

	rig_start(&r, NULL);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	rig_stop(*state);
	return 0;
}

#define with_rig(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		with_rig(answers_over_http),
		with_rig(s58_serverinfo_answers_while_a_launch_waits),
		with_rig(a_client_that_leaves_a_waiting_launch_is_told),
		with_rig(one_stalled_tls_connection_delays_nobody),
		with_rig(s54_hundred_idle_connections_keep_no_one_out),
		with_rig(s59_keep_alive_and_close_are_both_served),
		with_rig(s59_pipelined_requests_are_all_answered),
		cmocka_unit_test(a_slow_request_is_cut_off),
		with_rig(an_idle_server_sleeps),
		cmocka_unit_test(destroy_answers_what_waits),
		with_rig(long_request_lines),
		with_rig(other_methods_and_garbage_are_refused),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
