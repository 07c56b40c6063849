// SPDX-License-Identifier: GPL-3.0-or-later
/* The arithmetic of pairing against the published exchange. */
#include "probe/pair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "base/str.h"
#include "probe/identity.h"

static json_t *vectors;
static X509 *host, *client;
static EVP_PKEY *client_key;

static const char *text(const char *part, const char *key)
{
	const char *dot = strchr(part, '.');
	json_t *o = vectors;
	char head[64];

	if (dot) {
		snprintf(head, sizeof(head), "%.*s", (int)(dot - part), part);
		o = json_object_get(json_object_get(o, head), dot + 1);
	} else {
		o = json_object_get(o, part);
	}
	return json_string_value(json_object_get(o, key));
}

static size_t bytes(const char *part, const char *key, uint8_t *out, size_t cap)
{
	const char *hex = text(part, key);
	int n;

	assert_non_null(hex);
	n = hex_decode(out, cap, hex, strlen(hex));
	assert_true(n > 0);
	return (size_t)n;
}

static int setup(void **state)
{
	char path[512];
	uint8_t der[2048];
	const uint8_t *p = der;
	json_error_t err;
	const char *pem;
	size_t n;

	(void)state;
	snprintf(path, sizeof(path), "%s/pairing.json", getenv("TEST_VECTORS"));
	vectors = json_load_file(path, 0, &err);
	if (!vectors)
		return -1;
	pem = text("identities.host", "certificate_pem");
	host = identity_parse_pem(pem, strlen(pem));
	pem = text("identities.client", "certificate_pem");
	client = identity_parse_pem(pem, strlen(pem));
	n = bytes("identities.client", "throwaway_private_key_pkcs8_der_hex", der, sizeof(der));
	client_key = d2i_AutoPrivateKey(NULL, &p, (long)n);
	return host && client && client_key ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	X509_free(host);
	X509_free(client);
	EVP_PKEY_free(client_key);
	json_decref(vectors);
	return 0;
}

#define MAJOR7 "sha256_major7"
#define P2     MAJOR7 ".phase2_clientchallenge"
#define P3     MAJOR7 ".phase3_serverchallengeresp"
#define P4     MAJOR7 ".phase4_clientpairingsecret"

static void key_of_salt_and_pin(void **state)
{
	uint8_t salt[16], key[KEY_LEN], want[KEY_LEN];

	(void)state;
	bytes(MAJOR7, "salt", salt, sizeof(salt));
	bytes(MAJOR7, "aes_key", want, sizeof(want));
	pair_key(key, salt, text(MAJOR7, "pin_ascii"));
	assert_memory_equal(key, want, KEY_LEN);
}

static void s11_the_published_exchange_is_reproduced(void **state)
{
	uint8_t key[KEY_LEN], cch[16], cs[16], out[512], want[512], response[48], proof[32], secret[512];
	size_t n;

	(void)state;
	bytes(MAJOR7, "aes_key", key, sizeof(key));
	/* phase 2: our challenge, and what the host's answer says */
	bytes(P2, "client_challenge", cch, sizeof(cch));
	bytes(P2, "query_clientchallenge", want, sizeof(want));
	assert_int_equal(ecb_crypt(key, 1, cch, 16, out), 0);
	assert_memory_equal(out, want, 16);
	assert_int_equal(bytes(P2, "response_challengeresponse", out, sizeof(out)), 48);
	assert_int_equal(ecb_crypt(key, 0, out, 48, response), 0);
	bytes(P2, "challengeresponse_plaintext", want, sizeof(want));
	assert_memory_equal(response, want, 48);
	/* phase 3: our proof, the host's secret */
	bytes(P3, "client_secret", cs, sizeof(cs));
	pair_proof(proof, response + 32, client, cs);
	bytes(P3, "client_hash", want, sizeof(want));
	assert_memory_equal(proof, want, 32);
	assert_int_equal(ecb_crypt(key, 1, proof, 32, out), 0);
	bytes(P3, "query_serverchallengeresp", want, sizeof(want));
	assert_memory_equal(out, want, 32);
	n = bytes(P3, "response_pairingsecret", secret, sizeof(secret));
	assert_int_equal(pair_check_host(host, cch, response, secret, n), 0);
	/* phase 4: our secret */
	assert_int_equal(identity_sign(client_key, cs, 16, out, sizeof(out)), 256);
	bytes(P4, "client_secret_signature", want, sizeof(want));
	assert_memory_equal(out, want, 256);
}

static void s17_a_wrong_pin_is_told_from_a_forged_secret(void **state)
{
	uint8_t cch[16], response[48], secret[512], wrong[64], key[KEY_LEN];
	size_t n = bytes(P3, "response_pairingsecret", secret, sizeof(secret));

	(void)state;
	bytes(P2, "client_challenge", cch, sizeof(cch));
	bytes(MAJOR7, "aes_key", key, sizeof(key));
	bytes(MAJOR7 ".wrong_pin_variant", "response_challengeresponse", wrong, sizeof(wrong));
	assert_int_equal(ecb_crypt(key, 0, wrong, 48, response), 0);
	assert_int_equal(pair_check_host(host, cch, response, secret, n), -EACCES);
	secret[40] ^= 1;
	assert_int_equal(pair_check_host(host, cch, response, secret, n), -EBADMSG);
	secret[40] ^= 1;
	assert_int_equal(pair_check_host(client, cch, response, secret, n), -EBADMSG);
	assert_int_equal(pair_check_host(host, cch, response, secret, 16), -EBADMSG);
}

static void an_identity_is_made_once_and_kept(void **state)
{
	char dir[] = "/tmp/moonrill-probe-test-XXXXXX", path[64];
	struct identity a, b;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(identity_open(&a, dir), 0);
	assert_int_equal(identity_open(&b, dir), 0);
	assert_int_equal(X509_cmp(a.cert, b.cert), 0);
	assert_null(b.host);
	assert_int_equal(X509_get_version(a.cert), 2);
	assert_int_equal(X509_get_ext_count(a.cert), 0);
	assert_int_equal(EVP_PKEY_bits(a.key), 2048);
	assert_int_equal(identity_pin_host(&a, host), 0);
	identity_close(&b);
	assert_int_equal(identity_open(&b, dir), 0);
	assert_int_equal(X509_cmp(b.host, host), 0);
	identity_close(&a);
	identity_close(&b);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s.pem", dir, i == 0 ? "key" : i == 1 ? "client" : "host");
		assert_int_equal(remove(path), 0);
	}
	assert_int_equal(remove(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_of_salt_and_pin),
		cmocka_unit_test(s11_the_published_exchange_is_reproduced),
		cmocka_unit_test(s17_a_wrong_pin_is_told_from_a_forged_secret),
		cmocka_unit_test(an_identity_is_made_once_and_kept),
	};

	return cmocka_run_group_tests_name("probe_pair", tests, setup, teardown);
}
