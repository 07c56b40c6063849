// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/rand.h"
#include "base/str.h"
#include "probe/http.h"
#include "probe/identity.h"
#include "probe/judge.h"
#include "probe/server.h"
#include "probe/xml.h"

#define LOG_MODULE "pair"
#include "base/log.h"

#define HEX_MAX    16384u
#define REQUEST_MS 7000u

void pair_key(uint8_t key[KEY_LEN], const uint8_t salt[PAIR_UNIT], const char *pin)
{
	uint8_t hash[32];

	sha256_parts(hash, salt, PAIR_UNIT, pin, strlen(pin), NULL, 0);
	memcpy(key, hash, KEY_LEN);
	OPENSSL_cleanse(hash, sizeof(hash));
}

void pair_proof(uint8_t out[32], const uint8_t challenge[PAIR_UNIT], X509 *cert, const uint8_t secret[PAIR_UNIT])
{
	size_t len;
	const uint8_t *sig = identity_signature(cert, &len);

	sha256_parts(out, challenge, PAIR_UNIT, sig ? sig : (const uint8_t *)"", len, secret, PAIR_UNIT);
}

int pair_check_host(X509 *host, const uint8_t challenge[PAIR_UNIT], const uint8_t proof[32], const uint8_t *secret,
		    size_t len)
{
	uint8_t want[32];

	if (len <= PAIR_UNIT || identity_verify(host, secret, PAIR_UNIT, secret + PAIR_UNIT, len - PAIR_UNIT))
		return -EBADMSG;
	pair_proof(want, challenge, host, secret);
	return mem_equal_ct(want, proof, sizeof(want)) ? 0 : -EACCES;
}

struct exchange {
	struct http_client *c;
	struct pair_result *r;
	X509 *host;
	uint8_t salt[PAIR_UNIT], key[KEY_LEN], challenge[PAIR_UNIT], secret[PAIR_UNIT];
	uint8_t response[PAIR_RESPONSE]; /* decrypted: host's proof and challenge */
	char hex[HEX_MAX];               /* an answer's payload */
};

/* One request with "paired" = 1 expected; the element what lands in x->hex. */
static int ask(struct exchange *x, bool tls, const char *query, unsigned timeout_ms, const char *what)
{
	char path[HEX_MAX], uuid[SERVER_UUID], paired[8] = "";
	struct http_reply reply = {0};
	struct xml xml;
	int rc;

	server_uuid(uuid);
	if (snprintf(path, sizeof(path), "/pair?uniqueid=%s&uuid=%s&devicename=roth&updateState=1&%s",
		     IDENTITY_UNIQUEID, uuid, query) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	rc = http_get(x->c, tls, path, timeout_ms, &reply);
	if (!rc && reply.status != 200) {
		judge_fault(x->c->judge, "1-session 2.2", "/pair answered with HTTP status %d", reply.status);
		rc = -EPROTO;
	}
	if (!rc)
		rc = xml_parse(&xml, buf_cstr(&reply.body), reply.body.len, x->c->judge);
	if (!rc && xml.status != 200) {
		str_copy(x->r->message, sizeof(x->r->message), xml.message);
		rc = -EREMOTEIO;
	}
	if (!rc && (!xml_get(&xml, "paired", NULL, paired, sizeof(paired)) || strcmp(paired, "1") != 0))
		rc = -EPERM;
	if (!rc && what && !xml_get(&xml, what, NULL, x->hex, sizeof(x->hex))) {
		judge_fault(x->c->judge, "1-session 4.1", "answer of /pair without %s", what);
		rc = -EPROTO;
	}
	buf_finish(&reply.body);
	OPENSSL_cleanse(path, sizeof(path));
	return rc;
}

static int phase1(struct exchange *x, unsigned wait_ms)
{
	char query[HEX_MAX], salt[2 * PAIR_UNIT + 1], *pem = identity_pem(x->c->id->cert), *cert = NULL;
	uint8_t text[HEX_MAX / 2];
	int rc = -ENOMEM, n;

	if (pem)
		cert = malloc(2 * strlen(pem) + 1);
	if (!cert)
		goto out;
	hex_encode(cert, pem, strlen(pem));
	hex_encode(salt, x->salt, PAIR_UNIT);
	snprintf(query, sizeof(query), "phrase=getservercert&salt=%s&clientcert=%s", salt, cert);
	rc = ask(x, false, query, wait_ms, "plaincert");
	if (rc)
		goto out;
	n = hex_decode(text, sizeof(text), x->hex, strlen(x->hex));
	if (n == 0) {
		str_copy(x->r->message, sizeof(x->r->message), "another pairing is in progress");
		rc = -EBUSY;
		goto out;
	}
	x->host = n > 0 ? identity_parse_pem((char *)text, (size_t)n) : NULL;
	if (!x->host) {
		judge_fault(x->c->judge, "1-session 4.1", "plaincert is not the hex of a PEM certificate");
		rc = -EPROTO;
	}
out:
	free(pem);
	free(cert);
	return rc;
}

static int phase2(struct exchange *x)
{
	char query[80], hex[2 * PAIR_UNIT + 1];
	uint8_t sealed[PAIR_UNIT], answer[64];
	int rc = ecb_crypt(x->key, 1, x->challenge, PAIR_UNIT, sealed);

	if (rc)
		return rc;
	hex_encode(hex, sealed, sizeof(sealed));
	snprintf(query, sizeof(query), "clientchallenge=%s", hex);
	rc = ask(x, false, query, REQUEST_MS, "challengeresponse");
	if (rc)
		return rc;
	if (hex_decode(answer, sizeof(answer), x->hex, strlen(x->hex)) != PAIR_RESPONSE) {
		judge_fault(x->c->judge, "1-session 4.1", "challengeresponse is not 48 bytes of hex");
		return -EPROTO;
	}
	return ecb_crypt(x->key, 0, answer, PAIR_RESPONSE, x->response);
}

static int phase3(struct exchange *x, bool careless)
{
	char query[112], hex[65];
	uint8_t proof[32], secret[1024];
	int rc, n;

	pair_proof(proof, x->response + 32, x->c->id->cert, x->secret);
	rc = ecb_crypt(x->key, 1, proof, sizeof(proof), proof);
	if (rc)
		return rc;
	hex_encode(hex, proof, sizeof(proof));
	snprintf(query, sizeof(query), "serverchallengeresp=%s", hex);
	rc = ask(x, false, query, REQUEST_MS, "pairingsecret");
	if (rc)
		return rc;
	n = hex_decode(secret, sizeof(secret), x->hex, strlen(x->hex));
	if (n != PAIR_UNIT + 256)
		judge_fault(x->c->judge, "1-session 4.1", "pairingsecret is not 272 bytes of hex");
	rc = n > 0 ? pair_check_host(x->host, x->challenge, x->response, secret, (size_t)n) : -EPROTO;
	if (rc == -EBADMSG)
		judge_fault(x->c->judge, "1-session 4.2", "the host's secret is not signed by its key");
	if (rc == -EACCES) {
		x->r->wrong_pin = true;
		str_copy(x->r->message, sizeof(x->r->message), "wrong PIN");
		if (careless)
			rc = 0;
	}
	return rc;
}

static int phase4(struct exchange *x)
{
	uint8_t secret[PAIR_UNIT + 512];
	char query[sizeof(secret) * 2 + 32], hex[2 * sizeof(secret) + 1];
	int n;

	memcpy(secret, x->secret, PAIR_UNIT);
	n = identity_sign(x->c->id->key, x->secret, PAIR_UNIT, secret + PAIR_UNIT, sizeof(secret) - PAIR_UNIT);
	if (n < 0)
		return n;
	hex_encode(hex, secret, PAIR_UNIT + (size_t)n);
	snprintf(query, sizeof(query), "clientpairingsecret=%s", hex);
	return ask(x, false, query, REQUEST_MS, NULL);
}

static int phase5(struct exchange *x)
{
	X509 *before = x->c->id->host;
	int rc;

	/* The certificate that came in phase 1 must be the one on the HTTPS port (1-session 3.2). */
	x->c->id->host = x->host;
	rc = ask(x, true, "phrase=pairchallenge", REQUEST_MS, NULL);
	x->c->id->host = before;
	if (rc == -EACCES)
		judge_fault(x->c->judge, "1-session 3.2", "plaincert is not the certificate of the HTTPS port");
	return rc ? rc : identity_pin_host(x->c->id, x->host);
}

static void unpair(struct http_client *c)
{
	char path[160], uuid[SERVER_UUID];
	struct http_reply reply = {0};
	struct xml xml;
	int rc;

	server_uuid(uuid);
	snprintf(path, sizeof(path), "/unpair?uniqueid=%s&uuid=%s", IDENTITY_UNIQUEID, uuid);
	rc = http_get(c, false, path, REQUEST_MS, &reply);
	if (rc || reply.status != 200 || xml_parse(&xml, buf_cstr(&reply.body), reply.body.len, c->judge) ||
	    xml.status != 200)
		judge_fault(c->judge, "1-session 2.9", "/unpair is not answered with 200");
	buf_finish(&reply.body);
}

int pair_run(struct http_client *c, const char *pin, unsigned wait_ms, bool careless, struct pair_result *r)
{
	struct exchange x = {.c = c, .r = r};
	int rc = 0;

	*r = (struct pair_result){0};
	rand_bytes(x.salt, sizeof(x.salt));
	rand_bytes(x.challenge, sizeof(x.challenge));
	rand_bytes(x.secret, sizeof(x.secret));
	pair_key(x.key, x.salt, pin);
	for (unsigned phase = 1; phase <= 5 && !rc; phase++) {
		rc = phase == 1   ? phase1(&x, wait_ms)
		     : phase == 2 ? phase2(&x)
		     : phase == 3 ? phase3(&x, careless)
		     : phase == 4 ? phase4(&x)
				  : phase5(&x);
		if (!rc)
			r->phase = phase;
	}
	r->paired = !rc;
	if (rc) {
		if (!r->message[0])
			snprintf(r->message, sizeof(r->message), "phase %u: %s", r->phase + 1, strerror(-rc));
		log_err("not paired: %s", r->message);
		unpair(c);
	}
	X509_free(x.host);
	OPENSSL_cleanse(&x, sizeof(x));
	return rc;
}
