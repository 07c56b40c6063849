// SPDX-License-Identifier: GPL-3.0-or-later
/* Pairing, 1-session 4: five phases, /unpair after any failure. The arithmetic is in pure functions. Main thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "probe/crypto.h"

#define PAIR_UNIT     16u /* salt, challenges, secrets */
#define PAIR_RESPONSE 48u

struct http_client;

/* K = first 16 bytes of SHA-256(salt || PIN). */
void pair_key(uint8_t key[KEY_LEN], const uint8_t salt[PAIR_UNIT], const char *pin);
/* SHA-256(challenge || signature of the certificate || secret): both sides' proof. */
void pair_proof(uint8_t out[32], const uint8_t challenge[PAIR_UNIT], X509 *cert, const uint8_t secret[PAIR_UNIT]);
/* What phase 3 brought: secret || signature of it. -EBADMSG: not signed by the host's key (a man in the middle);
 * -EACCES: the proof of phase 2 does not match (wrong PIN). */
int pair_check_host(X509 *host, const uint8_t challenge[PAIR_UNIT], const uint8_t proof[32], const uint8_t *secret,
		    size_t len);

struct pair_result {
	unsigned phase; /* the last that the host answered as it should */
	bool paired, wrong_pin;
	char message[160];
};

/* The host answers phase 1 only when its user has typed the PIN: wait_ms bounds that. careless: go on to phase 4 after
 * a wrong PIN as one client does. 0, or -errno; r says how far it came. */
int pair_run(struct http_client *c, const char *pin, unsigned wait_ms, bool careless, struct pair_result *r);
