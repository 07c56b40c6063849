// SPDX-License-Identifier: GPL-3.0-or-later
/* The endpoints as clients see them, over real HTTP and TLS. */
#include "endpoints_rig.h"

#define LAUNCH                                                                                                         \
	"/launch?appid=881448767&mode=1280x720x60&sops=0&localAudioPlayMode=0"                                         \
	"&surroundAudioInfo=196610&rikeyid=-842202210"

static void s2_serverinfo_over_http_tells_strangers_little(void **state)
{
	static const char *const mandatory[] = {"hostname",  "appversion",   "GfeVersion", "uniqueid",
						"HttpsPort", "ExternalPort", "LocalIP",    "ServerCodecModeSupport"};
	struct rig *r = *state;
	struct answer a;
	char port[8];

	rig_get(r, &plain, "/serverinfo", &a);
	assert_int_equal(a.http, 200);
	assert_int_equal(a.status, 200);
	assert_text(&a, "PairStatus", "0");
	assert_text(&a, "mac", "00:00:00:00:00:00");
	assert_text(&a, "currentgame", "0");
	assert_text(&a, "state", "SUNSHINE_SERVER_FREE");
	assert_text(&a, "appversion", "7.1.431.-1");
	assert_text(&a, "hostname", "rig &amp; co");
	assert_text(&a, "LocalIP", "127.0.0.1");
	assert_text(&a, "MaxLumaPixelsHEVC", "1869449984");
	assert_text(&a, "uniqueid", identity_unique_id(r->identity));
	snprintf(port, sizeof(port), "%u", r->tls_port);
	assert_text(&a, "HttpsPort", port);
	for (unsigned i = 0; i < ARRAY_LEN(mandatory); i++)
		assert_true(strlen(answer_text(&a, mandatory[i])) > 0);
	assert_false(answer_has(&a, "MJOLNIR"));
	assert_true(answer_has(&a, "<Width>1920</Width><Height>1080</Height><RefreshRate>60</RefreshRate>"));
	answer_free(&a);
}

static void s3_serverinfo_over_ipv6_never_gives_a_v6_local_ip(void **state)
{
	struct answer a;

	rig_get(*state, &plain6, "/serverinfo", &a);
	assert_int_equal(a.status, 200);
	assert_text(&a, "LocalIP", "127.0.0.1");
	answer_free(&a);
}

static void s4_no_certificate_gets_a_401_document(void **state)
{
	struct answer a;

	rig_get(*state, &anonymous, "/serverinfo", &a);
	assert_int_equal(a.http, 200);
	assert_int_equal(a.status, 401);
	answer_free(&a);
}

static void s5_unknown_certificate_gets_a_401_document(void **state)
{
	struct answer a;

	rig_get(*state, &unknown, "/serverinfo", &a);
	assert_int_equal(a.http, 200);
	assert_int_equal(a.status, 401);
	assert_true(answer_has(&a, "status_message=\"The client is not authorized"));
	/* memb reads the attributes in order */
	assert_true(strstr(a.body, "status_code") < strstr(a.body, "status_message"));
	answer_free(&a);
}

static void s6_stored_certificate_is_paired(void **state)
{
	struct answer a;

	rig_get(*state, &known, "/serverinfo?uniqueid=0123456789ABCDEF&uuid=1", &a);
	assert_int_equal(a.status, 200);
	assert_text(&a, "PairStatus", "1");
	assert_int_equal(strlen(answer_text(&a, "mac")), 17);
	answer_free(&a);
}

static void s7_certificate_is_asked_with_an_empty_list(void **state)
{
	static const char *const priorities[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"};

	for (unsigned i = 0; i < ARRAY_LEN(priorities); i++) {
		struct wire_options o = {.tls = true, .priorities = priorities[i]};
		struct wire w;

		assert_int_equal(wire_open(&w, *state, &o), 0);
		assert_int_equal(w.ca_names, 0);
		assert_int_equal(w.server_chain, 1);
		wire_close(&w);
	}
}

static void s8_odd_client_certificates_are_authorised(void **state)
{
	static const struct rig_cert_options odd[] = {
		{0, 1, 0, 0},                 /* v1 */
		{1, 1, 0, 0},                 /* v2 */
		{2, 0, 0, 0},                 /* v3, serial 0 */
		{2, 1, -20000000, -10000000}, /* expired */
		{2, 1, 10000000, 20000000},   /* not yet valid */
	};
	struct rig *r = *state;

	for (unsigned i = 0; i < ARRAY_LEN(odd); i++) {
		struct rig_cert c, twin;
		struct wire_options o = {.tls = true, .cert = &c}, t = {.tls = true, .cert = &twin};

		rig_cert_make(&c, &odd[i]);
		rig_cert_make(&twin, &odd[i]);
		rig_pair(r, &c, "odd");
		assert_int_equal(status_of(r, &o, "/serverinfo"), 200);
		/* the same subject, another key */
		assert_int_equal(status_of(r, &t, "/serverinfo"), 401);
		rig_cert_free(&c);
		rig_cert_free(&twin);
	}
}

static void s10_tls_versions(void **state)
{
	struct wire_options o = {.tls = true, .cert = &paired_cert, .priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.1"};
	struct wire w;

	assert_int_not_equal(wire_open(&w, *state, &o), 0);
	wire_close(&w);
	o.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	assert_int_equal(status_of(*state, &o, "/serverinfo"), 200);
	o.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
	assert_int_equal(status_of(*state, &o, "/serverinfo"), 200);
}

/* A client's side of the exchange, written from 1-session 4.2. */

static void s24_applist_is_tight_and_escaped(void **state)
{
	struct answer a;

	rig_get(*state, &known, "/applist", &a);
	assert_int_equal(a.status, 200);
	assert_true(answer_has(&a, "<root status_code=\"200\"><App><IsHdrSupported>0</IsHdrSupported>"
				   "<AppTitle>Desktop</AppTitle><ID>881448767</ID></App><App>"));
	assert_true(answer_has(&a, "<AppTitle>A &amp; B &lt;&quot;x&quot;&gt; 'q'</AppTitle><ID>2147483647</ID>"));
	assert_true(answer_has(&a, "<AppTitle>Emoji \xf0\x9f\x8e\xae</AppTitle>"));
	answer_free(&a);
}

static void s25_nothing_private_over_http(void **state)
{
	static const char *const paths[] = {"/applist", "/launch",   "/resume",
					    "/cancel",  "/appasset", LAUNCH "&rikey=39c1ef28d3be10c6c01bc2e25e98713b"};
	struct rig *r = *state;

	for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
		assert_int_equal(status_of(r, &plain, paths[i]), 401);
		assert_int_equal(status_of(r, &unknown, paths[i]), 401);
		assert_int_equal(status_of(r, &anonymous, paths[i]), 401);
	}
	assert_int_equal(r->launches, 0);
	assert_int_equal(status_of(r, &plain, "/nosuch"), 404);
	assert_int_equal(status_of(r, &known, "/nosuch"), 404);
}

static void s26_appasset_gives_the_picture_or_404(void **state)
{
	struct answer a;

	rig_get(*state, &known, "/appasset?appid=881448767&AssetType=2&AssetIdx=0", &a);
	assert_int_equal(a.http, 200);
	assert_int_equal(a.body_len, 12);
	assert_non_null(strstr(a.head, "image/png"));
	answer_free(&a);
	rig_get(*state, &known, "/appasset?appid=5&AssetType=2&AssetIdx=0", &a);
	assert_int_equal(a.http, 404);
	answer_free(&a);
	rig_get(*state, &known, "/appasset", &a);
	assert_int_equal(a.http, 404);
	answer_free(&a);
}

static void s27_launch_without_a_key_changes_nothing(void **state)
{
	struct rig *r = *state;
	struct answer a;

	rig_get(r, &known, LAUNCH, &a);
	assert_int_equal(a.status, 400);
	assert_true(answer_has(&a, "status_message=\"Missing rikey parameter\""));
	assert_text(&a, "gamesession", "0");
	answer_free(&a);
	rig_get(r, &known, "/launch?appid=1&rikey=39c1ef28d3be10c6c01bc2e25e98713b&localAudioPlayMode=0", &a);
	assert_int_equal(a.status, 400);
	answer_free(&a);
	rig_get(r, &known, "/launch?rikeyid=1&rikey=39c1ef28d3be10c6c01bc2e25e98713b&localAudioPlayMode=0", &a);
	assert_int_equal(a.status, 400);
	answer_free(&a);
	assert_int_equal(r->launches, 0);
}

static void s29_corever_chooses_the_scheme_and_s32_the_owner_sees_busy(void **state)
{
	struct rig *r = *state;
	struct answer a;

	rig_get(r, &known, LAUNCH "&rikey=00000000000000000000000000000001&corever=1", &a);
	assert_int_equal(a.status, 200);
	assert_text(&a, "gamesession", "1");
	assert_text(&a, "sessionUrl0", "rtspenc://127.0.0.1:48010");
	answer_free(&a);
	assert_int_equal(r->query.rikeyid, -842202210);
	assert_memory_equal(r->query.client, paired_cert.cert.hash, 32);
	assert_string_equal(r->query.client_name, "known");
	rig_get(r, &known, LAUNCH "&rikey=00000000000000000000000000000002", &a);
	assert_text(&a, "sessionUrl0", "rtsp://127.0.0.1:48010");
	answer_free(&a);
	rig_get(r, &known, "/serverinfo", &a);
	assert_text(&a, "state", "SUNSHINE_SERVER_BUSY");
	assert_text(&a, "currentgame", "881448767");
	answer_free(&a);
	/* Nobody else sees it. */
	rig_get(r, &plain, "/serverinfo", &a);
	assert_text(&a, "state", "SUNSHINE_SERVER_FREE");
	assert_text(&a, "currentgame", "0");
	answer_free(&a);
	/* S37: the very next serverinfo is free again */
	rig_get(r, &known, "/cancel", &a);
	assert_int_equal(a.status, 200);
	assert_text(&a, "cancel", "1");
	answer_free(&a);
	rig_get(r, &known, "/serverinfo", &a);
	assert_text(&a, "state", "SUNSHINE_SERVER_FREE");
	answer_free(&a);
	rig_get(r, &known, "/cancel", &a);
	assert_text(&a, "cancel", "1");
	answer_free(&a);
}

static void s30_launch_over_ipv6_gives_a_bracketed_host(void **state)
{
	struct answer a;

	rig_get(*state, &known6, LAUNCH "&rikey=00000000000000000000000000000003&corever=1", &a);
	assert_text(&a, "sessionUrl0", "rtspenc://[::1]:48010");
	answer_free(&a);
}

static void refuse_launches(struct rig *r, void *arg)
{
	r->launch_status = *(int *)arg;
}

static void s31_s34_s35_refusals_carry_their_message(void **state)
{
	static const int statuses[] = {404, 470, 503};
	struct rig *r = *state;

	for (unsigned i = 0; i < ARRAY_LEN(statuses); i++) {
		char path[512];
		struct answer a;

		rig_do(r, refuse_launches, (void *)(uintptr_t)&statuses[i]);
		snprintf(path, sizeof(path), LAUNCH "&rikey=1000000000000000000000000000000%u", i);
		rig_get(r, &known, path, &a);
		assert_int_equal(a.http, 200);
		assert_int_equal(a.status, statuses[i]);
		assert_text(&a, "gamesession", "0");
		assert_true(answer_has(&a, "status_message=\"no &lt;luck&gt;\""));
		assert_null(answer_text(&a, "sessionUrl0"));
		answer_free(&a);
		snprintf(path, sizeof(path), "/resume?rikeyid=1&rikey=2000000000000000000000000000000%u", i);
		rig_get(r, &known, path, &a);
		assert_int_equal(a.status, statuses[i]);
		assert_text(&a, "resume", "0");
		answer_free(&a);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		with_rig(s2_serverinfo_over_http_tells_strangers_little),
		with_rig(s3_serverinfo_over_ipv6_never_gives_a_v6_local_ip),
		with_rig(s4_no_certificate_gets_a_401_document),
		with_rig(s5_unknown_certificate_gets_a_401_document),
		with_rig(s6_stored_certificate_is_paired),
		with_rig(s7_certificate_is_asked_with_an_empty_list),
		with_rig(s8_odd_client_certificates_are_authorised),
		with_rig(s10_tls_versions),
		with_rig(s24_applist_is_tight_and_escaped),
		with_rig(s25_nothing_private_over_http),
		with_rig(s26_appasset_gives_the_picture_or_404),
		with_rig(s27_launch_without_a_key_changes_nothing),
		with_rig(s29_corever_chooses_the_scheme_and_s32_the_owner_sees_busy),
		with_rig(s30_launch_over_ipv6_gives_a_bracketed_host),
		with_rig(s31_s34_s35_refusals_carry_their_message),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
