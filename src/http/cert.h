// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A certificate as we use it: its DER, the SHA-256 of that (which is a client's identity), the bytes of its signature
 * and its public key. Subject, dates, version and extensions mean nothing here (1-session 3.1, 3.3). Pure functions.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CERT_PEM_MAX 8192
#define CERT_DER_MAX 4096
#define CERT_SIG_MAX 512
#define CERT_HASH    32

struct cert {
	uint8_t der[CERT_DER_MAX];
	size_t len;
	uint8_t hash[CERT_HASH];
	uint8_t sig[CERT_SIG_MAX];
	size_t sig_len;
};

/* The first certificate of a PEM text. -EBADMSG: none there, or out of the ceilings above. */
int cert_from_pem(struct cert *c, const char *pem, size_t len);
/* PEM with our own line wrapping; the caller frees it. NULL: no memory. */
char *cert_to_pem(const struct cert *c);
X509 *cert_x509(const struct cert *c); /* the caller frees it; NULL: no memory */
/* Whether sig is a signature (SHA-256) of data by the certificate's key. */
bool cert_verify(const struct cert *c, const void *data, size_t len, const void *sig, size_t sig_len);
void cert_hash(uint8_t out[CERT_HASH], const void *der, size_t len);

/* For OpenSSL's PEM readers, which otherwise ask the terminal for the password of an encrypted text. */
int cert_no_password(char *buf, int size, int rwflag, void *ctx);
