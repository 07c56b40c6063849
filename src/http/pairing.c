// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/pairing.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypt/aes.h"
#include "http/identity.h"

#define SESSIONS_MAX  32
#define FAILURES_MAX  64
#define SALT_LEN      16
#define SECRET_LEN    16
#define HASH_LEN      32
#define CHALLENGE_MAX 64
#define UNIQUEID      64
#define PIN_MIN       4
#define PIN_MAX       8

enum stage { STAGE_FREE, STAGE_PIN, STAGE_CHALLENGE, STAGE_RESPONSE, STAGE_SECRET };

struct session {
	enum stage stage; /* what it waits for */
	uint32_t id;
	union addr peer;
	char uniqueid[UNIQUEID], name[PAIRING_NAME];
	uint64_t expires_ns;
	unsigned turned_away; /* others at this address that were told to wait: each will send an unpair */
	struct cert cert;
	uint8_t salt[SALT_LEN], key[AES_KEY_LEN];
	uint8_t secret[SECRET_LEN], challenge[SECRET_LEN]; /* ours: ss, sch */
	uint8_t client_hash[HASH_LEN];
};

/* Addresses that failed of late. */
struct failure {
	union addr peer;
	unsigned count; /* 0: free */
	uint64_t last_ns, until_ns;
};

struct pairing {
	struct pairing_params params;
	pairing_answer_fn fn;
	void *ctx;
	uint32_t last_id;
	struct session session[SESSIONS_MAX];
	struct failure failure[FAILURES_MAX];
};

struct pairing *pairing_create(const struct pairing_params *params, pairing_answer_fn fn, void *ctx)
{
	struct pairing *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->params = *params;
	p->fn = fn;
	p->ctx = ctx;
	return p;
}

void pairing_destroy(struct pairing *p)
{
	if (!p)
		return;
	OPENSSL_cleanse(p, sizeof(*p));
	free(p);
}

static void refuse(struct pairing_reply *r, int status, const char *message)
{
	r->status = status;
	r->message = message;
	r->paired = false;
	r->field = NULL;
	r->len = 0;
}

static void accept_with(struct pairing_reply *r, const char *field, const void *data, size_t len)
{
	r->status = 200;
	r->message = NULL;
	r->paired = true;
	r->field = field;
	r->len = len <= sizeof(r->data) ? len : 0;
	if (r->len)
		memcpy(r->data, data, r->len);
}

/* Failures */

static struct failure *failure_of(struct pairing *p, uint64_t now, const union addr *peer)
{
	for (unsigned i = 0; i < FAILURES_MAX; i++) {
		struct failure *f = &p->failure[i];

		if (f->count && now - f->last_ns > PAIRING_FORGET_NS)
			f->count = 0;
		if (f->count && addr_same_host(&f->peer, peer))
			return f;
	}
	return NULL;
}

static void failed(struct pairing *p, uint64_t now, const union addr *peer)
{
	struct failure *f = failure_of(p, now, peer);
	unsigned over;

	if (!f) {
		f = &p->failure[0];
		for (unsigned i = 0; i < FAILURES_MAX && f->count; i++)
			if (!p->failure[i].count || p->failure[i].last_ns < f->last_ns)
				f = &p->failure[i];
		*f = (struct failure){.peer = *peer};
	}
	f->count++;
	f->last_ns = now;
	over = f->count > PAIRING_FREE_TRIES ? f->count - PAIRING_FREE_TRIES : 0;
	if (over) {
		uint64_t s = over > 8 ? PAIRING_DELAY_MAX_S : 1u << over;

		f->until_ns = now + s * NS_PER_S;
	}
}

/* Sessions */

static void wipe(struct session *s)
{
	OPENSSL_cleanse(s, sizeof(*s));
}

/* Ends a session; one that still waits for its PIN gets the refusal as its answer, one that had it counts as failed. */
static void end(struct pairing *p, uint64_t now, struct session *s, int status, const char *message)
{
	struct pairing_reply r = {0};
	uint32_t id = s->id;
	bool parked = s->stage == STAGE_PIN;

	if (!parked)
		failed(p, now, &s->peer);
	wipe(s);
	if (!parked)
		return;
	refuse(&r, status, message);
	p->fn(p->ctx, id, &r);
}

static struct session *session_of(struct pairing *p, const struct pairing_client *c)
{
	const char *uniqueid = c->uniqueid ? c->uniqueid : "";

	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &p->session[i];

		if (s->stage && addr_same_host(&s->peer, &c->peer) && strcmp(s->uniqueid, uniqueid) == 0)
			return s;
	}
	return NULL;
}

static struct session *session_at(struct pairing *p, const union addr *peer)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (p->session[i].stage && addr_same_host(&p->session[i].peer, peer))
			return &p->session[i];
	return NULL;
}

unsigned pairing_waiting(const struct pairing *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		n += p->session[i].stage == STAGE_PIN;
	return n;
}

void pairing_tick(struct pairing *p, uint64_t now)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (p->session[i].stage && p->session[i].expires_ns <= now)
			end(p, now, &p->session[i], 400, "PIN entry timed out");
}

uint64_t pairing_next_ns(const struct pairing *p)
{
	uint64_t at = NS_NEVER;

	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (p->session[i].stage && p->session[i].expires_ns < at)
			at = p->session[i].expires_ns;
	return at;
}

static struct session *session_new(struct pairing *p)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *s = &p->session[i];

		if (s->stage)
			continue;
		*s = (struct session){.id = ++p->last_id ? p->last_id : ++p->last_id};
		return s;
	}
	return NULL;
}

/* clientcert is the hex of PEM text. */
static int parse_cert(struct cert *out, const char *hex)
{
	size_t len = strnlen(hex, 2 * CERT_PEM_MAX + 1);
	char pem[CERT_PEM_MAX];
	int n = hex_decode(pem, sizeof(pem), hex, len);

	if (n <= 0 || memchr(pem, 0, (size_t)n))
		return -EBADMSG;
	return cert_from_pem(out, pem, (size_t)n);
}

/* Clients read an empty certificate as "another pairing is in progress" (1-session 4.3). */
static void busy(struct pairing_reply *reply)
{
	accept_with(reply, "plaincert", "", 0);
}

static const char *const generic_names[] = {"", "roth"}; /* what every stock client calls itself */

static void choose_name(char out[PAIRING_NAME], const char *name)
{
	bool generic = !name || !utf8_valid(name, strlen(name));

	for (unsigned i = 0; !generic && i < ARRAY_LEN(generic_names); i++)
		generic = strcmp(name, generic_names[i]) == 0;
	str_copy(out, PAIRING_NAME, generic ? "Moonlight" : name);
}

uint32_t pairing_start(struct pairing *p, uint64_t now, const struct pairing_client *c, const char *name,
		       const char *salt, const char *cert_hex, struct pairing_reply *reply)
{
	const char *uniqueid = c->uniqueid ? c->uniqueid : "";
	const struct failure *f = failure_of(p, now, &c->peer);
	uint8_t salt_bytes[SALT_LEN];
	struct session *s;
	struct cert cert;

	pairing_tick(p, now);
	if (!salt || !cert_hex || strlen(uniqueid) >= UNIQUEID) {
		refuse(reply, 400, "Missing or invalid parameter");
		return 0;
	}
	/* A longer salt counts by its first 16 bytes (1-session 4.3). */
	if (strlen(salt) < 2 * SALT_LEN || hex_decode(salt_bytes, SALT_LEN, salt, 2 * SALT_LEN) < 0) {
		refuse(reply, 400, "Salt too short or not hexadecimal");
		return 0;
	}
	if (parse_cert(&cert, cert_hex)) {
		refuse(reply, 400, "Invalid client certificate");
		return 0;
	}
	if (f && now < f->until_ns) {
		refuse(reply, 400, "Too many failed attempts, wait before pairing again");
		return 0;
	}
	s = session_at(p, &c->peer);
	if (s && memcmp(s->cert.hash, cert.hash, CERT_HASH) != 0) {
		/* It will now send an unpair under what may be the same uniqueid, which must not hit the first. */
		if (strcmp(s->uniqueid, uniqueid) == 0)
			s->turned_away++;
		busy(reply);
		return 0;
	}
	if (s)
		end(p, now, s, 400, "Replaced by a new pairing attempt");
	s = pairing_waiting(p) < p->params.max_waiting ? session_new(p) : NULL;
	if (!s) {
		busy(reply);
		return 0;
	}
	s->stage = STAGE_PIN;
	s->peer = c->peer;
	s->expires_ns = now + p->params.pin_timeout_ns;
	s->cert = cert;
	memcpy(s->salt, salt_bytes, SALT_LEN);
	str_copy(s->uniqueid, sizeof(s->uniqueid), uniqueid);
	choose_name(s->name, name);
	return s->id;
}

void pairing_drop(struct pairing *p, uint32_t id)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (p->session[i].stage == STAGE_PIN && p->session[i].id == id)
			wipe(&p->session[i]);
}

/* SHA-256 of a chain of byte strings. */
static bool hash3(uint8_t out[HASH_LEN], const void *a, size_t a_len, const void *b, size_t b_len, const void *c,
		  size_t c_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(ctx, a, a_len) == 1 &&
		  EVP_DigestUpdate(ctx, b, b_len) == 1 && EVP_DigestUpdate(ctx, c, c_len) == 1 &&
		  EVP_DigestFinal_ex(ctx, out, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

int pairing_pin(struct pairing *p, uint64_t now, const char *pin, const char *name)
{
	size_t len = strnlen(pin, PIN_MAX + 1);
	struct pairing_reply r = {0};
	struct session *s = NULL;
	uint8_t hash[HASH_LEN];
	const char *pem;

	if (len < PIN_MIN || len > PIN_MAX || strspn(pin, "0123456789") != len)
		return -EINVAL;
	pairing_tick(p, now);
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		if (p->session[i].stage != STAGE_PIN)
			continue;
		if (s)
			return -EBUSY;
		s = &p->session[i];
	}
	if (!s)
		return -ENOENT;
	if (!hash3(hash, s->salt, SALT_LEN, pin, len, NULL, 0))
		return -EIO;
	memcpy(s->key, hash, AES_KEY_LEN);
	OPENSSL_cleanse(hash, sizeof(hash));
	if (*name)
		str_copy(s->name, sizeof(s->name), name);
	s->stage = STAGE_CHALLENGE;
	s->expires_ns = now + PAIRING_PHASE_NS;
	pem = identity_cert_pem(p->params.identity);
	accept_with(&r, "plaincert", pem, strlen(pem));
	p->fn(p->ctx, s->id, &r);
	return 0;
}

/* The session that may do this step now. NULL: reply refuses; a session that was elsewhere has ended. */
static struct session *step(struct pairing *p, uint64_t now, const struct pairing_client *c, enum stage stage,
			    struct pairing_reply *reply)
{
	struct session *s;

	pairing_tick(p, now);
	s = session_of(p, c);
	if (s && s->stage == stage)
		return s;
	if (s)
		end(p, now, s, 400, "Pairing was broken off");
	refuse(reply, 400, s ? "Out of order call of a pairing phase" : "No pairing in progress");
	return NULL;
}

static void broken(struct pairing *p, uint64_t now, struct session *s, struct pairing_reply *reply)
{
	end(p, now, s, 400, NULL);
	refuse(reply, 400, "Invalid pairing request");
}

void pairing_challenge(struct pairing *p, uint64_t now, const struct pairing_client *c, const char *hex,
		       struct pairing_reply *reply)
{
	struct session *s = step(p, now, c, STAGE_CHALLENGE, reply);
	uint8_t sealed[CHALLENGE_MAX], plain[CHALLENGE_MAX], answer[HASH_LEN + SECRET_LEN], out[sizeof(answer)];
	const uint8_t *sig;
	size_t sig_len;
	int n;

	if (!s)
		return;
	n = hex_decode(sealed, sizeof(sealed), hex, strlen(hex));
	if (n < SECRET_LEN || n % AES_BLOCK_LEN) {
		broken(p, now, s, reply);
		return;
	}
	p->params.random(s->secret, SECRET_LEN);
	p->params.random(s->challenge, SECRET_LEN);
	sig = identity_cert_sig(p->params.identity, &sig_len);
	if (ecb_open(s->key, sealed, (size_t)n, plain) ||
	    !hash3(answer, plain, SECRET_LEN, sig, sig_len, s->secret, SECRET_LEN)) {
		broken(p, now, s, reply);
		return;
	}
	memcpy(answer + HASH_LEN, s->challenge, SECRET_LEN);
	if (ecb_seal(s->key, answer, sizeof(answer), out)) {
		broken(p, now, s, reply);
	} else {
		s->stage = STAGE_RESPONSE;
		accept_with(reply, "challengeresponse", out, sizeof(out));
	}
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(answer, sizeof(answer));
}

/* Once a session only: more would be a signing service and would let the stored hash be replaced (1-session 4.3). */
void pairing_response(struct pairing *p, uint64_t now, const struct pairing_client *c, const char *hex,
		      struct pairing_reply *reply)
{
	struct session *s = step(p, now, c, STAGE_RESPONSE, reply);
	uint8_t sealed[HASH_LEN], out[SECRET_LEN + IDENTITY_SIG_MAX];
	int n;

	if (!s)
		return;
	n = hex_decode(sealed, sizeof(sealed), hex, strlen(hex));
	if (n != HASH_LEN || ecb_open(s->key, sealed, HASH_LEN, s->client_hash)) {
		broken(p, now, s, reply);
		return;
	}
	memcpy(out, s->secret, SECRET_LEN);
	n = identity_sign(p->params.identity, s->secret, SECRET_LEN, out + SECRET_LEN);
	if (n < 0) {
		broken(p, now, s, reply);
		return;
	}
	s->stage = STAGE_SECRET;
	accept_with(reply, "pairingsecret", out, SECRET_LEN + (size_t)n);
}

bool pairing_secret(struct pairing *p, uint64_t now, const struct pairing_client *c, const char *hex,
		    struct pairing_reply *reply, struct pairing_done *done)
{
	struct session *s = step(p, now, c, STAGE_SECRET, reply);
	uint8_t in[SECRET_LEN + CERT_SIG_MAX], hash[HASH_LEN];
	struct failure *f;
	bool same, signed_by_client;
	int n;

	if (!s)
		return false;
	n = hex_decode(in, sizeof(in), hex, strlen(hex));
	if (n <= SECRET_LEN) {
		broken(p, now, s, reply);
		return false;
	}
	/* Both are always worked out, so that the time taken does not tell which one failed. */
	same = hash3(hash, s->challenge, SECRET_LEN, s->cert.sig, s->cert.sig_len, in, SECRET_LEN) &&
	       mem_equal_ct(hash, s->client_hash, HASH_LEN);
	signed_by_client = cert_verify(&s->cert, in, SECRET_LEN, in + SECRET_LEN, (size_t)n - SECRET_LEN);
	OPENSSL_cleanse(in, sizeof(in));
	OPENSSL_cleanse(hash, sizeof(hash));
	if (!same || !signed_by_client) {
		end(p, now, s, 400, NULL);
		refuse(reply, 200, NULL);
		return false;
	}
	f = failure_of(p, now, &s->peer);
	if (f)
		f->count = 0;
	done->cert = s->cert;
	memcpy(done->name, s->name, sizeof(done->name));
	wipe(s);
	accept_with(reply, NULL, NULL, 0);
	return true;
}

void pairing_unpair(struct pairing *p, uint64_t now, const struct pairing_client *c)
{
	struct session *s = session_of(p, c);

	if (s && s->turned_away)
		s->turned_away--;
	else if (s)
		end(p, now, s, 400, "Pairing was cancelled");
}
