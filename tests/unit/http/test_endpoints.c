// SPDX-License-Identifier: GPL-3.0-or-later
/* The endpoints as clients see them, over real HTTP and TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "base/str.h"
#include "crypt/aes.h"
#include "rig.h"

#define LAUNCH                                                                                                         \
	"/launch?appid=881448767&mode=1280x720x60&sops=0&localAudioPlayMode=0"                                         \
	"&surroundAudioInfo=196610&rikeyid=-842202210"

static struct rig_cert paired_cert, stranger;
static const struct wire_options plain = {0}, plain6 = {.v6 = true}, anonymous = {.tls = true};
static const struct wire_options known = {.tls = true, .cert = &paired_cert};
static const struct wire_options known6 = {.tls = true, .v6 = true, .cert = &paired_cert};
static const struct wire_options unknown = {.tls = true, .cert = &stranger};

static int group_setup(void **state)
{
	(void)state;
	rig_cert_make(&paired_cert, &(struct rig_cert_options){2, 0, 0, 0});
	rig_cert_make(&stranger, &(struct rig_cert_options){2, 0, 0, 0});
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	rig_cert_free(&paired_cert);
	rig_cert_free(&stranger);
	return 0;
}

static int setup(void **state)
{
	static struct rig r;

	rig_start(&r, NULL);
	rig_pair(&r, &paired_cert, "known");
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	rig_stop(*state);
	return 0;
}

static int status_of(const struct rig *r, const struct wire_options *o, const char *path)
{
	struct answer a;
	int status;

	rig_get(r, o, path, &a);
	assert_int_equal(a.http, 200);
	status = a.status;
	answer_free(&a);
	return status;
}

static void assert_text(const struct answer *a, const char *name, const char *want)
{
	const char *text = answer_text(a, name);

	assert_non_null(text);
	assert_string_equal(text, want);
}

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

struct pairing_client_side {
	const struct rig_cert *cert;
	char host_pem[4096];
	struct wire first;
	struct answer first_answer;
	uint8_t key[16];
	char uniqueid[32];
};

static void phase1_send(struct rig *r, struct pairing_client_side *c, const struct wire_options *o)
{
	static char path[2 * CERT_PEM_MAX + 256], hex[2 * CERT_PEM_MAX + 1];

	hex_encode(hex, c->cert->cert_pem, strlen(c->cert->cert_pem));
	/* Any order, unknown parameters: S12. */
	snprintf(
		path, sizeof(path),
		"/pair?foo=bar&clientcert=%s&salt=000102030405060708090A0B0C0D0E0F&updateState=1&uuid=7&devicename=roth"
		"&phrase=getservercert&uniqueid=%s",
		hex, c->uniqueid);
	assert_int_equal(wire_open(&c->first, r, o), 0);
	wire_get(&c->first, path);
}

static bool pin_wanted(struct rig *r)
{
	return http_pairings_waiting(r->http) == 1;
}

static bool nobody_waits(struct rig *r)
{
	return http_pairings_waiting(r->http) == 0;
}

static void type_pin(struct rig *r, void *arg)
{
	assert_int_equal(http_pair_pin(r->http, arg, ""), 0);
}

static void type_pin_too_late(struct rig *r, void *arg)
{
	assert_int_equal(http_pair_pin(r->http, arg, ""), -2 /* ENOENT */);
}

static void phase1_finish(struct pairing_client_side *c)
{
	uint8_t salted[20], hash[32];

	assert_int_equal(wire_answer(&c->first, &c->first_answer), 0);
	assert_int_equal(c->first_answer.status, 200);
	assert_text(&c->first_answer, "paired", "1");
	assert_true(hex_decode(c->host_pem, sizeof(c->host_pem) - 1, answer_text(&c->first_answer, "plaincert"),
			       strlen(answer_text(&c->first_answer, "plaincert"))) > 0);
	for (unsigned i = 0; i < 16; i++)
		salted[i] = (uint8_t)i;
	memcpy(salted + 16, "1234", 4);
	SHA256(salted, sizeof(salted), hash);
	memcpy(c->key, hash, 16);
	answer_free(&c->first_answer);
	wire_close(&c->first);
}

static void get_phase(struct rig *r, const struct pairing_client_side *c, const char *name, const void *data,
		      size_t len, struct answer *a)
{
	char path[4096], hex[2048];

	hex_encode(hex, data, len);
	snprintf(path, sizeof(path), "/pair?uniqueid=%s&%s=%s", c->uniqueid, name, hex);
	rig_get(r, &plain, path, a);
	assert_int_equal(a->http, 200);
}

/* Phases 2 to 4; true when the host said paired at the end. */
static bool prove(struct rig *r, const struct pairing_client_side *c, bool check_host)
{
	uint8_t cch[16], sealed[32], answer[48], cs[16], hash[32], host_hash[32], sig[512], secret[512], input[1024];
	struct cert host;
	struct answer a;
	EVP_PKEY *key;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	BIO *bio = BIO_new_mem_buf(c->cert->key_pem, -1);
	size_t n, sig_len = sizeof(sig);
	bool paired;

	assert_int_equal(cert_from_pem(&host, c->host_pem, strlen(c->host_pem)), 0);
	memset(cch, 0x11, sizeof(cch));
	memset(cs, 0x44, sizeof(cs));
	ecb_seal(c->key, cch, 16, sealed);
	get_phase(r, c, "clientchallenge", sealed, 16, &a);
	assert_text(&a, "paired", "1");
	assert_int_equal(hex_decode(answer, sizeof(answer), answer_text(&a, "challengeresponse"), 96), 48);
	answer_free(&a);
	ecb_open(c->key, answer, 48, answer);
	memcpy(host_hash, answer, 32);

	n = 0;
	memcpy(input, answer + 32, 16);
	memcpy(input + 16, c->cert->cert.sig, c->cert->cert.sig_len);
	n = 16 + c->cert->cert.sig_len;
	memcpy(input + n, cs, 16);
	SHA256(input, n + 16, hash);
	ecb_seal(c->key, hash, 32, sealed);
	get_phase(r, c, "serverchallengeresp", sealed, 32, &a);
	assert_text(&a, "paired", "1");
	n = strlen(answer_text(&a, "pairingsecret")) / 2;
	assert_int_equal(hex_decode(secret, sizeof(secret), answer_text(&a, "pairingsecret"), 2 * n), (int)n);
	answer_free(&a);
	if (check_host) {
		assert_true(cert_verify(&host, secret, 16, secret + 16, n - 16));
		memcpy(input, cch, 16);
		memcpy(input + 16, host.sig, host.sig_len);
		memcpy(input + 16 + host.sig_len, secret, 16);
		SHA256(input, 32 + host.sig_len, hash);
		assert_memory_equal(hash, host_hash, 32);
	}

	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
	assert_int_equal(EVP_DigestSign(ctx, sig, &sig_len, cs, 16), 1);
	memcpy(input, cs, 16);
	memcpy(input + 16, sig, sig_len);
	get_phase(r, c, "clientpairingsecret", input, 16 + sig_len, &a);
	paired = strcmp(answer_text(&a, "paired"), "1") == 0;
	answer_free(&a);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return paired;
}

static void s9_a_client_pairs_and_pins_the_certificate_it_was_given(void **state)
{
	struct rig *r = *state;
	struct pairing_client_side c = {.cert = &stranger, .uniqueid = "0123456789ABCDEF"};
	struct cert host;
	struct answer a;
	struct wire w;

	phase1_send(r, &c, &plain);
	assert_true(rig_until(r, pin_wanted));
	rig_do(r, type_pin, (void *)(uintptr_t) "1234");
	phase1_finish(&c);
	assert_true(prove(r, &c, true));
	assert_int_equal(cert_from_pem(&host, c.host_pem, strlen(c.host_pem)), 0);
	assert_int_equal(wire_open(&w, r, &unknown), 0);
	assert_memory_equal(w.server_hash, host.hash, 32);
	wire_close(&w);
	/* S21 */
	rig_get(r, &unknown, "/pair?phrase=pairchallenge&uniqueid=0123456789ABCDEF", &a);
	assert_int_equal(a.status, 200);
	assert_text(&a, "paired", "1");
	answer_free(&a);
	assert_int_equal(r->paired, 1);
	/* S23 */
	rig_restart(r);
	assert_int_equal(status_of(r, &unknown, "/serverinfo"), 200);
}

static void s14_a_client_that_leaves_while_it_waits_takes_no_pin(void **state)
{
	struct rig *r = *state;
	struct pairing_client_side c = {.cert = &stranger, .uniqueid = "0123456789ABCDEF"};

	phase1_send(r, &c, &plain);
	assert_true(rig_until(r, pin_wanted));
	wire_close(&c.first);
	assert_true(rig_until(r, nobody_waits));
	rig_do(r, type_pin_too_late, (void *)(uintptr_t) "1234");
	assert_int_equal(status_of(r, &plain, "/serverinfo"), 200);
}

static void s17_wrong_pin_stores_nothing_and_a_retry_works(void **state)
{
	struct rig *r = *state;
	struct pairing_client_side c = {.cert = &stranger, .uniqueid = "0123456789ABCDEF"};

	phase1_send(r, &c, &plain);
	assert_true(rig_until(r, pin_wanted));
	rig_do(r, type_pin, (void *)(uintptr_t) "9999");
	phase1_finish(&c);
	assert_false(prove(r, &c, false));
	assert_int_equal(status_of(r, &plain, "/unpair?uniqueid=0123456789ABCDEF"), 200);
	assert_int_equal(status_of(r, &unknown, "/serverinfo"), 401);
	phase1_send(r, &c, &plain);
	assert_true(rig_until(r, pin_wanted));
	rig_do(r, type_pin, (void *)(uintptr_t) "1234");
	phase1_finish(&c);
	assert_true(prove(r, &c, true));
	assert_int_equal(status_of(r, &unknown, "/serverinfo"), 200);
}

/* The connection's own limit does not count while it is parked, the PIN's does. */
static void s13_a_parked_phase_1_outlives_the_connection_limit(void **state)
{
	struct http_limits l = {16, 16, 1, 3, 4};
	struct pairing_client_side c = {.cert = &stranger, .uniqueid = "1"};
	struct answer a;
	struct rig r;

	(void)state;
	rig_start(&r, &l);
	phase1_send(&r, &c, &plain);
	assert_true(rig_until(&r, pin_wanted));
	sleep(2);
	assert_int_equal(status_of(&r, &plain, "/serverinfo"), 200);
	assert_int_equal(wire_answer(&c.first, &a), 0);
	assert_int_equal(a.status, 400);
	assert_true(answer_has(&a, "timed out"));
	assert_text(&a, "paired", "0");
	answer_free(&a);
	wire_close(&c.first);
	rig_do(&r, type_pin_too_late, (void *)(uintptr_t) "1234");
	rig_stop(&r);
}

static void s21_pairchallenge_confirms_over_tls_only(void **state)
{
	static const char path[] = "/pair?phrase=pairchallenge&uniqueid=0123456789ABCDEF";
	struct answer a;

	rig_get(*state, &plain, path, &a);
	assert_text(&a, "paired", "0");
	answer_free(&a);
	rig_get(*state, &unknown, path, &a);
	assert_int_equal(a.status, 401);
	assert_text(&a, "paired", "0");
	answer_free(&a);
	rig_get(*state, &known, path, &a);
	assert_int_equal(a.status, 200);
	assert_text(&a, "paired", "1");
	answer_free(&a);
}

static void s22_unpair_over_http_touches_no_stored_pairing(void **state)
{
	assert_int_equal(status_of(*state, &plain, "/unpair?uniqueid=0123456789ABCDEF"), 200);
	assert_int_equal(status_of(*state, &known, "/serverinfo"), 200);
}

static void remove_known(struct rig *r, void *arg)
{
	struct client gone;

	(void)arg;
	assert_int_equal(clients_remove(r->clients, "known", &gone), 0);
}

static void s23_a_removed_client_is_unauthorised_at_once(void **state)
{
	struct rig *r = *state;
	struct answer a;
	struct wire w;

	assert_int_equal(wire_open(&w, r, &known), 0);
	wire_get(&w, "/serverinfo");
	assert_int_equal(wire_answer(&w, &a), 0);
	assert_int_equal(a.status, 200);
	answer_free(&a);
	rig_do(r, remove_known, NULL);
	/* even on the connection that it had open */
	wire_get(&w, "/serverinfo");
	assert_int_equal(wire_answer(&w, &a), 0);
	assert_int_equal(a.status, 401);
	answer_free(&a);
	wire_close(&w);
}

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

#define with_rig(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
		with_rig(s9_a_client_pairs_and_pins_the_certificate_it_was_given),
		with_rig(s10_tls_versions),
		cmocka_unit_test(s13_a_parked_phase_1_outlives_the_connection_limit),
		with_rig(s14_a_client_that_leaves_while_it_waits_takes_no_pin),
		with_rig(s17_wrong_pin_stores_nothing_and_a_retry_works),
		with_rig(s21_pairchallenge_confirms_over_tls_only),
		with_rig(s22_unpair_over_http_touches_no_stored_pairing),
		with_rig(s23_a_removed_client_is_unauthorised_at_once),
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
