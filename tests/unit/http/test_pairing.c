// SPDX-License-Identifier: GPL-3.0-or-later
/* The PIN exchange against tests/vectors/pairing.json, and everything that may go wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/str.h"
#include "http/identity.h"
#include "http/pairing.h"
#include "rig.h"

static json_t *vectors;
static struct identity *host;
static EVP_PKEY *client_key;
static uint8_t next_random[64];
static size_t random_at;

struct answered {
	uint32_t id;
	struct pairing_reply reply;
	unsigned n;
};

struct box {
	struct pairing *p;
	struct answered got;
	struct pairing_client who;
};

static const char *vec(const char *group, const char *key)
{
	json_t *v = json_object_get(vectors, "sha256_major7");

	if (group)
		v = json_object_get(v, group);
	v = json_object_get(v, key);
	assert_non_null(v);
	return json_string_value(v);
}

static void fixed_random(void *buf, size_t len)
{
	assert_true(random_at + len <= sizeof(next_random));
	memcpy(buf, next_random + random_at, len);
	random_at += len;
}

static void on_answer(void *ctx, uint32_t id, const struct pairing_reply *r)
{
	struct box *b = ctx;

	b->got.id = id;
	b->got.reply = *r;
	b->got.n++;
}

static EVP_PKEY *key_of(const char *who)
{
	const char *hex = json_string_value(json_object_get(
		json_object_get(json_object_get(vectors, "identities"), who), "throwaway_private_key_pkcs8_der_hex"));
	static uint8_t der[4096];
	const uint8_t *p = der;
	int n = hex_decode(der, sizeof(der), hex, strlen(hex));
	EVP_PKEY *key;

	assert_true(n > 0);
	key = d2i_AutoPrivateKey(NULL, &p, n);
	assert_non_null(key);
	return key;
}

static const char *cert_of(const char *who)
{
	return json_string_value(
		json_object_get(json_object_get(json_object_get(vectors, "identities"), who), "certificate_pem"));
}

static int group_setup(void **state)
{
	char path[512], *text;
	EVP_PKEY *key;
	BIO *bio = BIO_new(BIO_s_mem());
	long n;

	(void)state;
	snprintf(path, sizeof(path), "%s/pairing.json", getenv("TEST_VECTORS"));
	vectors = json_load_file(path, 0, NULL);
	assert_non_null(vectors);
	key = key_of("host");
	PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(bio, &text);
	text = strndup(text, (size_t)n);
	assert_int_equal(identity_from_pem(&host, text, cert_of("host"), "0b3f2c5e-6e0c-4c5d-9e51-1b0f4e0c9a11"), 0);
	client_key = key_of("client");
	free(text);
	BIO_free(bio);
	EVP_PKEY_free(key);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	identity_destroy(host);
	EVP_PKEY_free(client_key);
	json_decref(vectors);
	return 0;
}

static int setup(void **state)
{
	static struct box b;
	struct pairing_params pp = {120 * NS_PER_S, 4, host, fixed_random};

	b = (struct box){0};
	b.p = pairing_create(&pp, on_answer, &b);
	assert_non_null(b.p);
	assert_int_equal(addr_parse(&b.who.peer, "192.168.1.20", 5555), 0);
	b.who.uniqueid = "0123456789ABCDEF";
	random_at = 0;
	hex_decode(next_random, 16, vec("phase2_clientchallenge", "server_secret"), 32);
	hex_decode(next_random + 16, 16, vec("phase2_clientchallenge", "server_challenge"), 32);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	pairing_destroy(b->p);
	return 0;
}

static void assert_hex(const struct pairing_reply *r, const char *field, const char *want)
{
	static char hex[2 * PAIRING_REPLY_MAX + 1];

	assert_int_equal(r->status, 200);
	assert_true(r->paired);
	assert_string_equal(r->field, field);
	hex_encode(hex, r->data, r->len);
	assert_string_equal(hex, want);
}

static void assert_refused(const struct pairing_reply *r)
{
	assert_int_equal(r->status, 400);
	assert_false(r->paired);
	assert_non_null(r->message);
}

static uint32_t start(struct box *b, uint64_t now, const struct pairing_client *who, struct pairing_reply *r)
{
	return pairing_start(b->p, now, who, "roth", vec(NULL, "salt"), vec("phase1_getservercert", "query_clientcert"),
			     r);
}

/* The phases up to and with this one, as the vector has them. */
static void go_to(struct box *b, unsigned phase, const char *pin)
{
	struct pairing_reply r = {0};

	random_at = 0;
	assert_int_not_equal(start(b, 0, &b->who, &r), 0);
	if (phase >= 1)
		assert_int_equal(pairing_pin(b->p, 1, pin, ""), 0);
	if (phase >= 2)
		pairing_challenge(b->p, 2, &b->who, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
	if (phase >= 3)
		pairing_response(b->p, 3, &b->who, vec("phase3_serverchallengeresp", "query_serverchallengeresp"), &r);
}

static bool secret(struct box *b, uint64_t now, struct pairing_reply *r, struct pairing_done *done)
{
	return pairing_secret(b->p, now, &b->who, vec("phase4_clientpairingsecret", "query_clientpairingsecret"), r,
			      done);
}

static void s11_vector_is_reproduced_bit_for_bit(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};
	struct pairing_done done;
	uint32_t id = start(b, 0, &b->who, &r);
	char hex[65];

	assert_int_not_equal(id, 0);
	assert_int_equal(b->got.n, 0);
	assert_int_equal(pairing_waiting(b->p), 1);
	assert_int_equal(pairing_pin(b->p, 1, "1234", "sofa"), 0);
	assert_int_equal(b->got.n, 1);
	assert_int_equal(b->got.id, id);
	assert_hex(&b->got.reply, "plaincert", vec("phase1_getservercert", "response_plaincert"));
	pairing_challenge(b->p, 2, &b->who, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
	assert_hex(&r, "challengeresponse", vec("phase2_clientchallenge", "response_challengeresponse"));
	pairing_response(b->p, 3, &b->who, vec("phase3_serverchallengeresp", "query_serverchallengeresp"), &r);
	assert_hex(&r, "pairingsecret", vec("phase3_serverchallengeresp", "response_pairingsecret"));
	assert_true(secret(b, 4, &r, &done));
	assert_true(r.paired);
	assert_string_equal(done.name, "sofa");
	hex_encode(hex, done.cert.hash, 32);
	assert_string_equal(hex, json_string_value(json_object_get(
					 json_object_get(json_object_get(vectors, "identities"), "client"),
					 "certificate_der_sha256")));
	/* Nothing is left. */
	assert_int_equal(pairing_next_ns(b->p), NS_NEVER);
	assert_false(secret(b, 5, &r, &done));
	assert_refused(&r);
}

static void s12_upper_case_hex_and_a_longer_salt_are_accepted(void **state)
{
	struct box *b = *state;
	const char *cert = vec("phase1_getservercert", "query_clientcert");
	char salt[40], *upper = strdup(cert);
	struct pairing_reply r = {0};

	for (char *p = upper; *p; p++)
		if (*p >= 'a')
			*p = (char)(*p - 'a' + 'A');
	snprintf(salt, sizeof(salt), "%sFFEE", vec(NULL, "salt"));
	assert_int_not_equal(pairing_start(b->p, 0, &b->who, NULL, salt, upper, &r), 0);
	assert_int_equal(pairing_pin(b->p, 1, "1234", ""), 0);
	pairing_challenge(b->p, 2, &b->who, "5FEBCDC985B2BADDD65925DA162380EB", &r);
	assert_hex(&r, "challengeresponse", vec("phase2_clientchallenge", "response_challengeresponse"));
	free(upper);
}

static void s13_phase_1_waits_90_s_and_fails_after_120_s(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};

	assert_int_not_equal(start(b, 0, &b->who, &r), 0);
	pairing_tick(b->p, 90 * NS_PER_S);
	assert_int_equal(b->got.n, 0);
	assert_int_equal(pairing_next_ns(b->p), 120 * NS_PER_S);
	pairing_tick(b->p, 120 * NS_PER_S - 1);
	assert_int_equal(b->got.n, 0);
	pairing_tick(b->p, 120 * NS_PER_S);
	assert_int_equal(b->got.n, 1);
	assert_refused(&b->got.reply);
	assert_int_equal(pairing_waiting(b->p), 0);
	assert_int_equal(pairing_pin(b->p, 121 * NS_PER_S, "1234", ""), -ENOENT);
	/* 90 s later the PIN still works. */
	assert_int_not_equal(start(b, 200 * NS_PER_S, &b->who, &r), 0);
	assert_int_equal(pairing_pin(b->p, 290 * NS_PER_S, "1234", ""), 0);
	assert_int_equal(b->got.reply.status, 200);
}

static void s14_a_client_that_left_takes_no_pin(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};
	uint32_t id = start(b, 0, &b->who, &r);

	pairing_drop(b->p, id);
	assert_int_equal(pairing_waiting(b->p), 0);
	assert_int_equal(pairing_pin(b->p, 1, "1234", ""), -ENOENT);
	assert_int_equal(b->got.n, 0);
}

static void s15_a_second_client_is_independent_or_told_busy(void **state)
{
	struct box *b = *state;
	struct pairing_client other = b->who, neighbour = b->who;
	struct pairing_reply r = {0};
	struct pairing_done done;
	struct rig_cert cert;
	char hex[2 * CERT_PEM_MAX + 1];

	rig_cert_make(&cert, &(struct rig_cert_options){2, 0, 0, 0});
	hex_encode(hex, cert.cert_pem, strlen(cert.cert_pem));
	go_to(b, 0, NULL);
	/* Behind the same address with the same uniqueid: told that another is in progress, and its unpair is void. */
	assert_int_equal(pairing_start(b->p, 1, &neighbour, NULL, vec(NULL, "salt"), hex, &r), 0);
	assert_true(r.paired);
	assert_string_equal(r.field, "plaincert");
	assert_int_equal(r.len, 0);
	pairing_unpair(b->p, 2, &neighbour);
	assert_int_equal(pairing_waiting(b->p), 1);
	/* From another address: a session of its own; now a PIN could go to the wrong one. */
	assert_int_equal(addr_parse(&other.peer, "192.168.1.21", 1), 0);
	assert_int_not_equal(pairing_start(b->p, 3, &other, NULL, vec(NULL, "salt"), hex, &r), 0);
	assert_int_equal(pairing_pin(b->p, 4, "1234", ""), -EBUSY);
	pairing_unpair(b->p, 5, &other);
	/* The first one is unaffected by all this. */
	assert_int_equal(pairing_pin(b->p, 6, "1234", ""), 0);
	pairing_challenge(b->p, 7, &b->who, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
	pairing_challenge(b->p, 7, &other, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
	assert_refused(&r);
	pairing_response(b->p, 8, &b->who, vec("phase3_serverchallengeresp", "query_serverchallengeresp"), &r);
	assert_true(secret(b, 9, &r, &done));
	rig_cert_free(&cert);
}

static void s16_a_retry_replaces_the_old_attempt(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};
	uint32_t first = start(b, 0, &b->who, &r), second;

	second = start(b, 1, &b->who, &r);
	assert_int_not_equal(second, 0);
	assert_int_not_equal(second, first);
	assert_int_equal(b->got.n, 1);
	assert_int_equal(b->got.id, first);
	assert_refused(&b->got.reply);
	assert_int_equal(pairing_waiting(b->p), 1);
	assert_int_equal(pairing_pin(b->p, 2, "1234", ""), 0);
	assert_int_equal(b->got.id, second);
	assert_int_equal(b->got.reply.status, 200);
}

static void s17_wrong_pin_answers_paired_until_phase_4(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};
	struct pairing_done done;

	assert_int_not_equal(start(b, 0, &b->who, &r), 0);
	assert_int_equal(pairing_pin(b->p, 1, vec("wrong_pin_variant", "host_typed_pin"), ""), 0);
	pairing_challenge(b->p, 2, &b->who, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
	assert_hex(&r, "challengeresponse", vec("wrong_pin_variant", "response_challengeresponse"));
	pairing_response(b->p, 3, &b->who, vec("phase3_serverchallengeresp", "query_serverchallengeresp"), &r);
	assert_true(r.paired);
	assert_int_equal(r.status, 200);
	assert_false(secret(b, 4, &r, &done));
	assert_int_equal(r.status, 200);
	assert_false(r.paired);
}

static void s18_phases_out_of_order_end_the_session(void **state)
{
	static const char order[][8] = {"3", "4", "23-3", "24", "22", "2-3-3"};
	struct box *b = *state;
	struct pairing_done done;

	for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
		struct pairing_reply r = {0};

		/* A fresh address each time: failures slow the old one down. */
		b->who.peer.in.sin_addr.s_addr += htonl(1);
		go_to(b, 1, "1234");
		for (const char *o = order[i]; *o; o++) {
			if (*o == '2')
				pairing_challenge(b->p, 2, &b->who,
						  vec("phase2_clientchallenge", "query_clientchallenge"), &r);
			else if (*o == '3')
				pairing_response(b->p, 2, &b->who,
						 vec("phase3_serverchallengeresp", "query_serverchallengeresp"), &r);
			else if (*o == '4')
				assert_false(secret(b, 2, &r, &done));
		}
		assert_refused(&r);
		/* Gone: even the right next step is refused. */
		assert_false(secret(b, 3, &r, &done));
		assert_refused(&r);
		assert_int_equal(pairing_next_ns(b->p), NS_NEVER);
	}
}

static void s18_a_phase_before_the_pin_ends_the_session(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};

	go_to(b, 0, NULL);
	pairing_challenge(b->p, 2, &b->who, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
	assert_refused(&r);
	assert_int_equal(b->got.n, 1);
	assert_refused(&b->got.reply);
	assert_int_equal(pairing_pin(b->p, 3, "1234", ""), -ENOENT);
}

static void s18_another_address_has_no_part_in_it(void **state)
{
	struct box *b = *state;
	struct pairing_client other = b->who;
	struct pairing_reply r = {0};
	struct pairing_done done;

	assert_int_equal(addr_parse(&other.peer, "10.9.9.9", 5555), 0);
	go_to(b, 1, "1234");
	pairing_challenge(b->p, 2, &other, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
	assert_refused(&r);
	/* A stranger cannot break the exchange of another either. */
	pairing_challenge(b->p, 2, &b->who, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
	pairing_response(b->p, 3, &b->who, vec("phase3_serverchallengeresp", "query_serverchallengeresp"), &r);
	assert_true(secret(b, 4, &r, &done));
}

static void s19_malformed_values_are_refused(void **state)
{
	static const char *const challenge[] = {
		"5febcdc985b2baddd65925da1623", /* 15 bytes less one */
		"5febcdc985b2baddd65925da162380",
		"5febcdc985b2baddd65925da162380e",
		"5febcdc985b2baddd65925da162380ebff",
		"zzebcdc985b2baddd65925da162380eb",
		"",
	};
	struct box *b = *state;
	struct pairing_reply r = {0};
	struct pairing_done done;
	char *big = malloc((1u << 20) + 1);

	memset(big, 'a', 1u << 20);
	big[1u << 20] = 0;
	for (unsigned i = 0; i <= ARRAY_LEN(challenge); i++) {
		b->who.peer.in.sin_addr.s_addr += htonl(1);
		go_to(b, 1, "1234");
		pairing_challenge(b->p, 2, &b->who, i < ARRAY_LEN(challenge) ? challenge[i] : big, &r);
		assert_refused(&r);
		b->who.peer.in.sin_addr.s_addr += htonl(1);
		go_to(b, 2, "1234");
		pairing_response(b->p, 2, &b->who, i < ARRAY_LEN(challenge) ? challenge[i] : big, &r);
		assert_refused(&r);
		b->who.peer.in.sin_addr.s_addr += htonl(1);
		go_to(b, 3, "1234");
		assert_false(
			pairing_secret(b->p, 2, &b->who, i < ARRAY_LEN(challenge) ? challenge[i] : big, &r, &done));
		assert_false(r.paired);
		assert_int_equal(pairing_start(b->p, 0, &b->who, NULL, vec(NULL, "salt"),
					       i < ARRAY_LEN(challenge) ? challenge[i] : big, &r),
				 0);
		assert_refused(&r);
	}
	assert_int_equal(
		pairing_start(b->p, 0, &b->who, NULL, "0001", vec("phase1_getservercert", "query_clientcert"), &r), 0);
	assert_refused(&r);
	assert_int_equal(pairing_start(b->p, 0, &b->who, NULL, NULL, NULL, &r), 0);
	assert_refused(&r);
	free(big);
}

static void s20_a_signature_by_another_key_is_refused(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};
	struct pairing_done done;
	char hex[2 * (16 + 512) + 1];
	uint8_t sig[512];
	size_t n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *other = key_of("host");
	uint8_t cs[16];

	go_to(b, 3, "1234");
	hex_decode(cs, 16, vec("phase3_serverchallengeresp", "client_secret"), 32);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, other), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &n, cs, sizeof(cs)), 1);
	hex_encode(hex, cs, sizeof(cs));
	hex_encode(hex + 32, sig, n);
	assert_false(pairing_secret(b->p, 4, &b->who, hex, &r, &done));
	assert_int_equal(r.status, 200);
	assert_false(r.paired);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(other);
}

static void s22_unpair_drops_the_pending_session_of_that_peer_only(void **state)
{
	struct box *b = *state;
	struct pairing_client other = b->who, odd = b->who;

	assert_int_equal(addr_parse(&other.peer, "10.9.9.9", 5555), 0);
	odd.uniqueid = "feed";
	go_to(b, 0, NULL);
	pairing_unpair(b->p, 1, &other);
	pairing_unpair(b->p, 1, &odd);
	assert_int_equal(pairing_waiting(b->p), 1);
	pairing_unpair(b->p, 1, &b->who);
	assert_int_equal(pairing_waiting(b->p), 0);
	assert_int_equal(b->got.n, 1);
	assert_refused(&b->got.reply);
}

static void only_four_wait_and_pins_are_digits(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};

	assert_int_equal(pairing_pin(b->p, 0, "123", ""), -EINVAL);
	assert_int_equal(pairing_pin(b->p, 0, "123456789", ""), -EINVAL);
	assert_int_equal(pairing_pin(b->p, 0, "12a4", ""), -EINVAL);
	assert_int_equal(pairing_pin(b->p, 0, "1234", ""), -ENOENT);
	for (unsigned i = 0; i < 5; i++) {
		b->who.peer.in.sin_addr.s_addr += htonl(1);
		if (i < 4)
			assert_int_not_equal(start(b, 0, &b->who, &r), 0);
		else
			assert_int_equal(start(b, 0, &b->who, &r), 0);
	}
	assert_true(r.paired);
	assert_int_equal(r.len, 0);
	assert_int_equal(pairing_waiting(b->p), 4);
}

static void failures_make_an_address_wait_twice_as_long_each_time(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};
	struct pairing_done done;
	uint64_t now = 0, wait = 0;

	for (unsigned i = 0; i < 6; i++) {
		random_at = 0;
		assert_int_not_equal(start(b, now, &b->who, &r), 0);
		assert_int_equal(pairing_pin(b->p, now, "9999", ""), 0);
		pairing_challenge(b->p, now, &b->who, vec("phase2_clientchallenge", "query_clientchallenge"), &r);
		pairing_response(b->p, now, &b->who, vec("phase3_serverchallengeresp", "query_serverchallengeresp"),
				 &r);
		assert_false(secret(b, now, &r, &done));
		if (i < PAIRING_FREE_TRIES)
			continue;
		wait = i == PAIRING_FREE_TRIES ? 2 * NS_PER_S : 2 * wait;
		assert_int_equal(start(b, now + wait - 1, &b->who, &r), 0);
		assert_refused(&r);
		now += wait;
	}
	/* A success wipes the slate. */
	go_to(b, 3, "1234");
}

static void silence_after_the_pin_ends_the_session(void **state)
{
	struct box *b = *state;
	struct pairing_reply r = {0};

	go_to(b, 2, "1234");
	pairing_tick(b->p, PAIRING_PHASE_NS + 1);
	pairing_response(b->p, PAIRING_PHASE_NS + 2, &b->who,
			 vec("phase3_serverchallengeresp", "query_serverchallengeresp"), &r);
	assert_refused(&r);
}

static void an_encrypted_or_double_pem_asks_nobody(void **state)
{
	struct box *b = *state;
	static const char pem[] = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
				  "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n"
				  "-----END CERTIFICATE-----\n";
	char hex[sizeof(pem) * 2];
	struct pairing_reply r = {0};

	hex_encode(hex, pem, sizeof(pem) - 1);
	assert_int_equal(pairing_start(b->p, 0, &b->who, NULL, vec(NULL, "salt"), hex, &r), 0);
	assert_refused(&r);
}

#define with_box(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_box(s11_vector_is_reproduced_bit_for_bit),
		with_box(s12_upper_case_hex_and_a_longer_salt_are_accepted),
		with_box(s13_phase_1_waits_90_s_and_fails_after_120_s),
		with_box(s14_a_client_that_left_takes_no_pin),
		with_box(s15_a_second_client_is_independent_or_told_busy),
		with_box(s16_a_retry_replaces_the_old_attempt),
		with_box(s17_wrong_pin_answers_paired_until_phase_4),
		with_box(s18_phases_out_of_order_end_the_session),
		with_box(s18_a_phase_before_the_pin_ends_the_session),
		with_box(s18_another_address_has_no_part_in_it),
		with_box(s19_malformed_values_are_refused),
		with_box(s20_a_signature_by_another_key_is_refused),
		with_box(s22_unpair_drops_the_pending_session_of_that_peer_only),
		with_box(only_four_wait_and_pins_are_digits),
		with_box(failures_make_an_address_wait_twice_as_long_each_time),
		with_box(silence_after_the_pin_ends_the_session),
		with_box(an_encrypted_or_double_pem_asks_nobody),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
