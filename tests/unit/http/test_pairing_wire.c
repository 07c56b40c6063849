// SPDX-License-Identifier: GPL-3.0-or-later
/* Pairing as a client does it, over real HTTP and TLS: each phase, what goes wrong, what is stored. */
#include "endpoints_rig.h"

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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		with_rig(s9_a_client_pairs_and_pins_the_certificate_it_was_given),
		cmocka_unit_test(s13_a_parked_phase_1_outlives_the_connection_limit),
		with_rig(s14_a_client_that_leaves_while_it_waits_takes_no_pin),
		with_rig(s17_wrong_pin_stores_nothing_and_a_retry_works),
		with_rig(s21_pairchallenge_confirms_over_tls_only),
		with_rig(s22_unpair_over_http_touches_no_stored_pairing),
		with_rig(s23_a_removed_client_is_unauthorised_at_once),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
