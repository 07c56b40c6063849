// SPDX-License-Identifier: GPL-3.0-or-later
/* The pure text parts: XML writer, query parser, launch parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/str.h"
#include "http/launch.h"
#include "http/query.h"
#include "http/xml.h"

static void xml_escapes_and_replaces(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"a & b < c > \"d\" 'e'", "a &amp; b &lt; c &gt; &quot;d&quot; 'e'"},
		{"\xf0\x9f\x8e\xae \xc3\xa9", "\xf0\x9f\x8e\xae \xc3\xa9"},
		{"\xff\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"cut \xf0\x9f", "cut \xef\xbf\xbd\xef\xbf\xbd"},
		{"\x01\x1f", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"a\nb\tc", "a&#10;b&#9;c"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b;

		buf_init(&b, 4096);
		xml_escape(&b, cases[i].in, strlen(cases[i].in));
		assert_string_equal(buf_cstr(&b), cases[i].out);
		buf_finish(&b);
	}
}

static void xml_documents_have_no_white_space(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	xml_begin(&b, 400, "no <way>");
	xml_uint(&b, "paired", 0);
	xml_hex(&b, "h", "\x01\xab", 2);
	xml_end(&b);
	assert_false(b.err);
	assert_string_equal(buf_cstr(&b), "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<root status_code=\"400\" "
					  "status_message=\"no &lt;way&gt;\"><paired>0</paired><h>01ab</h></root>");
	buf_finish(&b);
}

static void query_decodes_path_and_parameters(void **state)
{
	char uri[] = "/a%2Fb?x=1&y=%41+%42&x=2&&flag&empty=&%6Bey=v=w#frag";
	struct query q;
	int64_t v = 7;

	(void)state;
	assert_int_equal(query_parse(&q, uri), 0);
	assert_string_equal(q.path, "/a/b");
	assert_string_equal(query_get(&q, "x"), "1");
	assert_string_equal(query_get(&q, "y"), "A B");
	assert_string_equal(query_get(&q, "flag"), "");
	assert_string_equal(query_get(&q, "empty"), "");
	assert_string_equal(query_get(&q, "key"), "v=w");
	assert_null(query_get(&q, "none"));
	assert_int_equal(query_int(&q, "x", 0, 9, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(query_int(&q, "none", 0, 9, &v), -ENOENT);
	assert_int_equal(query_int(&q, "y", 0, 9, &v), -EINVAL);
	assert_int_equal(query_int(&q, "x", 2, 9, &v), -ERANGE);
	assert_int_equal(v, 1);
}

static void query_refuses_broken_escapes_and_too_much(void **state)
{
	static const char *const bad[] = {"/a%", "/a%4", "/a%4g", "/a%00", "/?a=%", "/?a=%00b", "/?%zz=1"};
	char *big = malloc(QUERY_URI_MAX + 2), many[QUERY_PARAMS_MAX * 4 + 16] = "/?";
	struct query q;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		char uri[32];

		strcpy(uri, bad[i]);
		assert_int_equal(query_parse(&q, uri), -EINVAL);
	}
	memset(big, 'a', QUERY_URI_MAX + 1);
	big[QUERY_URI_MAX + 1] = 0;
	assert_int_equal(query_parse(&q, big), -E2BIG);
	big[QUERY_URI_MAX] = 0;
	assert_int_equal(query_parse(&q, big), 0);
	for (unsigned i = 0; i < QUERY_PARAMS_MAX; i++)
		strcat(many, "a=1&");
	assert_int_equal(query_parse(&q, strdup(many)) ? 1 : 0, 0);
	free((char *)q.path);
	strcat(many, "b=1");
	assert_int_equal(query_parse(&q, many), -E2BIG);
	free(big);
}

#define GOOD                                                                                                           \
	"/launch?uniqueid=1&appid=881448767&mode=1920x1080x60&additionalStates=1&sops=1"                               \
	"&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=-236792892&localAudioPlayMode=1"                              \
	"&surroundAudioInfo=4128774&remoteControllersBitmap=3&gcmap=5&hdrMode=1&corever=1"

static const char *launch(const char *uri, bool resume, struct launch_query *out)
{
	static char copy[4096];
	static struct query q;

	strcpy(copy, uri);
	assert_int_equal(query_parse(&q, copy), 0);
	return launch_parse(&q, resume, out);
}

static void launch_reads_every_parameter(void **state)
{
	struct launch_query q;

	(void)state;
	assert_null(launch(GOOD, false, &q));
	assert_int_equal(q.app_id, 881448767);
	assert_int_equal(q.width, 1920);
	assert_int_equal(q.height, 1080);
	assert_int_equal(q.fps, 60);
	assert_true(q.sops && q.hdr && q.local_audio && !q.resume);
	assert_int_equal(q.surround_info, 4128774);
	assert_int_equal(q.gcmap, 5);
	assert_int_equal(q.corever, 1);
	assert_int_equal(q.rikey[0], 0x39);
	assert_int_equal(q.rikey[15], 0x3b);
}

/* BE32 of it is f1e2d3c4: the sign must survive. */
static void s28_rikeyid_is_a_signed_number(void **state)
{
	struct launch_query q;

	(void)state;
	assert_null(launch(GOOD, false, &q));
	assert_int_equal((uint32_t)q.rikeyid, 0xf1e2d3c4u);
}

static void launch_defaults(void **state)
{
	struct launch_query q;

	(void)state;
	assert_null(launch("/?rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=0", true, &q));
	assert_true(q.resume);
	assert_int_equal(q.app_id, 0);
	assert_int_equal(q.width + q.height + q.fps, 0);
	assert_int_equal(q.surround_info, 196610);
	assert_int_equal(q.corever, 0);
	assert_false(q.local_audio || q.sops || q.hdr);
}

static void s27_missing_or_bad_parameters_are_named(void **state)
{
	static const struct {
		const char *uri, *word;
	} bad[] = {
		{"/?appid=1&rikeyid=1&localAudioPlayMode=0", "rikey"},
		{"/?appid=1&rikey=00&rikeyid=1&localAudioPlayMode=0", "rikey"},
		{"/?appid=1&rikey=39c1ef28d3be10c6c01bc2e25e98713z&rikeyid=1&localAudioPlayMode=0", "rikey"},
		{"/?appid=1&rikey=39c1ef28d3be10c6c01bc2e25e98713b&localAudioPlayMode=0", "rikeyid"},
		{"/?appid=1&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=2147483648&localAudioPlayMode=0", "rikeyid"},
		{"/?appid=1&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=1x&localAudioPlayMode=0", "rikeyid"},
		{"/?rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=1&localAudioPlayMode=0", "appid"},
		{"/?appid=0&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=1&localAudioPlayMode=0", "appid"},
		{"/?appid=2147483648&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=1&localAudioPlayMode=0", "appid"},
		{"/?appid=1&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=1", "localAudioPlayMode"},
	};
	static const char *const extra[] = {
		"&mode=1920x1080",           "&mode=x1080x60",    "&mode=1920x1080x60x",  "&mode=-1x1x1",
		"&mode=99999x1x60",          "&mode=0x1080x60",   "&surroundAudioInfo=3", "&surroundAudioInfo=-1",
		"&surroundAudioInfo=196611", "&gcmap=4294967296", "&corever=-1",          "&sops=yes"};
	struct launch_query q;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		const char *why = launch(bad[i].uri, false, &q);

		assert_non_null(why);
		assert_non_null(strstr(why, bad[i].word));
	}
	for (unsigned i = 0; i < ARRAY_LEN(extra); i++) {
		char uri[512];

		/* The first of duplicates wins, so the bad one goes in front. */
		snprintf(uri, sizeof(uri), "/?z=1%s&%s", extra[i], &GOOD[strlen("/launch?")]);
		assert_non_null(launch(uri, false, &q));
		assert_int_equal(q.rikey[0], 0); /* wiped */
	}
}

static void odd_modes_are_understood(void **state)
{
	struct launch_query q;

	(void)state;
	assert_null(launch("/?mode=0x0x0&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=0", true, &q));
	assert_int_equal(q.fps, 0);
	assert_null(launch("/?mode=1280x720x59940&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=0", true, &q));
	assert_int_equal(q.fps, 60);
	assert_null(launch("/?mode=1280x720x240&rikey=39c1ef28d3be10c6c01bc2e25e98713b&rikeyid=0", true, &q));
	assert_int_equal(q.fps, 240);
}

static void s30_session_urls(void **state)
{
	static const struct {
		const char *local;
		bool sealed;
		const char *url;
	} cases[] = {
		{"192.168.1.10", true, "rtspenc://192.168.1.10:48010"},
		{"192.168.1.10", false, "rtsp://192.168.1.10:48010"},
		{"2001:db8::1", true, "rtspenc://[2001:db8::1]:48010"},
		{"::ffff:10.0.0.1", false, "rtsp://10.0.0.1:48010"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		union addr a;
		struct buf b;

		assert_int_equal(addr_parse(&a, cases[i].local, 1), 0);
		addr_unmap(&a); /* as at the door */
		buf_init(&b, 256);
		launch_url(&b, &a, 48010, cases[i].sealed);
		assert_string_equal(buf_cstr(&b), cases[i].url);
		buf_finish(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xml_escapes_and_replaces),
		cmocka_unit_test(xml_documents_have_no_white_space),
		cmocka_unit_test(query_decodes_path_and_parameters),
		cmocka_unit_test(query_refuses_broken_escapes_and_too_much),
		cmocka_unit_test(launch_reads_every_parameter),
		cmocka_unit_test(s28_rikeyid_is_a_signed_number),
		cmocka_unit_test(launch_defaults),
		cmocka_unit_test(s27_missing_or_bad_parameters_are_named),
		cmocka_unit_test(odd_modes_are_understood),
		cmocka_unit_test(s30_session_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
