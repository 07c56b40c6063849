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
#include "rtsp/msg.h"
#include "util.h"

#define MAX 65536u

static const char announce[] = "ANNOUNCE streamid=control/13/0 RTSP/1.0\r\n"
			       "CSeq: 6\r\n"
			       "X-GS-ClientVersion: 14\r\n"
			       "Host: 127.0.0.1\r\n"
			       "Session: DEADBEEFCAFE;timeout = 90\r\n"
			       "Content-type: application/sdp\r\n"
			       "Content-length: 9\r\n"
			       "\r\n"
			       "v=0\r\na=b\n";

static int parse(struct rtsp_request *q, const char *text, size_t len)
{
	rtsp_request_init(q, MAX);
	return rtsp_request_parse(q, text, len);
}

static void check_announce(const struct rtsp_request *q)
{
	assert_true(rtsp_text_equal(q->method, "ANNOUNCE"));
	assert_true(rtsp_text_equal(q->target, "streamid=control/13/0"));
	assert_int_equal(q->cseq, 6);
	assert_true(rtsp_text_equal(rtsp_request_session(q), "DEADBEEFCAFE"));
	assert_true(rtsp_text_equal(rtsp_request_header(q, "host"), "127.0.0.1"));
	assert_null(rtsp_request_header(q, "Hos").p);
	assert_true(rtsp_text_equal(q->body, "v=0\r\na=b\n"));
}

static void a_request_is_taken_apart(void **state)
{
	struct rtsp_request q;

	(void)state;
	assert_int_equal(parse(&q, announce, strlen(announce)), 1);
	check_announce(&q);
}

/* The bytes move between the calls, as those of a growing buffer do, and end where the allocation
 * ends. */
static void s41_split_at_every_offset_gives_the_same_request(void **state)
{
	size_t len = strlen(announce);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		struct rtsp_request q;
		char *head = malloc(cut + 1), *all = malloc(len);

		memcpy(head, announce, cut);
		memcpy(all, announce, len);
		rtsp_request_init(&q, MAX);
		assert_int_equal(rtsp_request_parse(&q, head, cut), 0);
		free(head);
		assert_int_equal(rtsp_request_parse(&q, all, len), 1);
		check_announce(&q);
		free(all);
	}
}

static void s41_one_byte_at_a_time_never_reads_a_byte_twice(void **state)
{
	size_t len = MAX, used = 0;
	char *text = malloc(len);
	struct rtsp_request q;

	(void)state;
	used = (size_t)sprintf(text, "OPTIONS / RTSP/1.0\r\n");
	for (unsigned i = 0; i < 30; i++)
		used += (size_t)sprintf(text + used, "X-Header: %0900u\r\n", i);
	used += (size_t)sprintf(text + used, "Content-length: %zu\r\n\r\n", len - used - 25);
	memset(text + used, 'b', len - used);

	rtsp_request_init(&q, MAX);
	for (size_t n = 1; n < len; n++) {
		assert_int_equal(rtsp_request_parse(&q, text, n), 0);
		assert_true(n > used ? q.scan == used : q.scan == n);
	}
	assert_int_equal(rtsp_request_parse(&q, text, len), 1);
	free(text);
}

static void lf_and_crlf_and_any_case_are_taken(void **state)
{
	static const char text[] = "PLAY / RTSP/1.0\ncseq:7\nSESSION :  abc \t\ncontent-LENGTH: 2\n\nxyrest";
	struct rtsp_request q;

	(void)state;
	assert_int_equal(parse(&q, text, strlen(text)), 1);
	assert_int_equal(q.cseq, 7);
	assert_true(rtsp_text_equal(rtsp_request_session(&q), "abc"));
	assert_true(rtsp_text_equal(q.body, "xy"));
}

static void malformed_requests_are_refused(void **state)
{
	static const struct {
		const char *text;
		int want;
		uint32_t cseq;
	} t[] = {
		{"\r\n", -EBADMSG, 0},
		{"OPTIONS\r\n", -EBADMSG, 0},
		{"OPTIONS /\r\n", -EBADMSG, 0},
		{"OPTIONS  RTSP/1.0\r\n", -EBADMSG, 0},
		{"OPTIONS / RTSP/2.0\r\n", -EBADMSG, 0},
		{"OPTIONS / RTSP/1.0 x\r\n", -EBADMSG, 0},
		{"GET / HTTP/1.1\r\n", -EBADMSG, 0},
		{"options / RTSP/1.0\r\n", -EBADMSG, 0},
		{"OPTIONSOPTIONSOPT / RTSP/1.0\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\nCSeq: 3\r\nno colon\r\n", -EBADMSG, 3},
		{"PLAY / RTSP/1.0\r\nCSeq: 3\r\n folded: x\r\n", -EBADMSG, 3},
		{"PLAY / RTSP/1.0\r\n: x\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\na b: x\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\na: x\ry\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\na: \x01\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\nContent-length: -1\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\nContent-length: 1x\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\nContent-length:\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\nContent-length: 99999999999999999999\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\nContent-length: 5\r\nContent-length: 6\r\n", -EBADMSG, 0},
		{"PLAY / RTSP/1.0\r\nContent-length: 65537\r\n", -EMSGSIZE, 0},
		{"PLAY / RTSP/1.0\r\nCSeq: 9\r\nContent-length: 65536\r\n\r\n", -EMSGSIZE, 9},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct rtsp_request q;

		print_message("# %zu\n", i);
		assert_int_equal(parse(&q, t[i].text, strlen(t[i].text)), t[i].want);
		assert_int_equal(q.cseq, t[i].cseq);
	}
}

static void unreadable_cseq_counts_as_none(void **state)
{
	static const char *const t[] = {"x", "-1", "4294967296", ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct rtsp_request q;
		char text[128];

		snprintf(text, sizeof(text), "PLAY / RTSP/1.0\r\nCSeq: %s\r\n\r\n", t[i]);
		assert_int_equal(parse(&q, text, strlen(text)), 1);
		assert_int_equal(q.cseq, 0);
	}
}

static void a_nul_is_no_text(void **state)
{
	static const char text[] = "PLAY / RTSP/1.0\r\na: b\0c\r\n\r\n";
	struct rtsp_request q;

	(void)state;
	assert_int_equal(parse(&q, text, sizeof(text) - 1), -EBADMSG);
}

/* A line, the number of headers, the whole: none grows past its ceiling, and without waiting for a
 * line end. */
static void ceilings_hold_at_their_edge(void **state)
{
	char *text = malloc(2 * MAX);
	struct rtsp_request q;
	size_t n;

	(void)state;
	for (unsigned over = 0; over < 2; over++) {
		n = (size_t)sprintf(text, "PLAY / RTSP/1.0\r\na: ");
		memset(text + n, 'x', RTSP_LINE_MAX - 3 + over);
		n += RTSP_LINE_MAX - 3 + over;
		n += (size_t)sprintf(text + n, "\r\n\r\n");
		assert_int_equal(parse(&q, text, n), over ? -EMSGSIZE : 1);

		n = (size_t)sprintf(text, "PLAY / RTSP/1.0\r\n");
		for (unsigned i = 0; i < RTSP_HEADERS_MAX + over; i++)
			n += (size_t)sprintf(text + n, "h%u: x\r\n", i);
		n += (size_t)sprintf(text + n, "\r\n");
		assert_int_equal(parse(&q, text, n), over ? -EMSGSIZE : 1);

		n = (size_t)sprintf(text, "PLAY / RTSP/1.0\r\n\r\n");
		rtsp_request_init(&q, n - over);
		assert_int_equal(rtsp_request_parse(&q, text, n), over ? -EMSGSIZE : 1);
	}
	memset(text, 'A', 2 * MAX);
	assert_int_equal(parse(&q, text, RTSP_LINE_MAX + 1), 0);
	assert_int_equal(parse(&q, text, RTSP_LINE_MAX + 2), -EMSGSIZE);
	free(text);
}

static void s42_answers_follow_the_clients_rules(void **state)
{
	static const unsigned t[] = {200, 400, 403, 404, 413, 454, 455, 500, 501, 599};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct buf b;
		struct reply r;

		buf_init(&b, 1024);
		rtsp_reply_begin(&b, t[i], 4294967295u);
		rtsp_reply_end(&b, NULL);
		r = reply_read(&b);
		assert_true(r.ok);
		assert_int_equal(r.status, t[i]);
		assert_string_equal(reply_header(&r, "CSeq"), "4294967295");
		buf_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_taken_apart),
		cmocka_unit_test(s41_split_at_every_offset_gives_the_same_request),
		cmocka_unit_test(s41_one_byte_at_a_time_never_reads_a_byte_twice),
		cmocka_unit_test(lf_and_crlf_and_any_case_are_taken),
		cmocka_unit_test(malformed_requests_are_refused),
		cmocka_unit_test(unreadable_cseq_counts_as_none),
		cmocka_unit_test(a_nul_is_no_text),
		cmocka_unit_test(ceilings_hold_at_their_edge),
		cmocka_unit_test(s42_answers_follow_the_clients_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
