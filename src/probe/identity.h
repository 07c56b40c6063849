// SPDX-License-Identifier: GPL-3.0-or-later
/* Who the probe is: client.pem and key.pem in a folder, made on first use (1-session 3.1), and host.pem, the paired
 * host's certificate. Main thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

/* What most clients send; it tells nobody apart and a host must not rely on it (1-session 1.2). */
#define IDENTITY_UNIQUEID "0123456789ABCDEF"

struct identity {
	char dir[512];
	X509 *cert, *host; /* host: NULL before pairing */
	EVP_PKEY *key;
};

int identity_open(struct identity *id, const char *dir); /* -errno; logged */
void identity_close(struct identity *id);                /* accepts a zeroed identity */

/* Keeps host (a reference is taken) and writes host.pem. */
int identity_pin_host(struct identity *id, X509 *host);

/* PEM text of a certificate, or NULL; free() it. */
char *identity_pem(X509 *cert);
X509 *identity_parse_pem(const char *pem, size_t len); /* NULL: not one */
/* The content of a certificate's signature BIT STRING. */
const uint8_t *identity_signature(X509 *cert, size_t *len);

/* RSASSA-PKCS1-v1_5 with SHA-256. The length (<= cap), or -EIO. */
int identity_sign(EVP_PKEY *key, const void *data, size_t len, uint8_t *sig, size_t cap);
int identity_verify(X509 *cert, const void *data, size_t len, const uint8_t *sig, size_t sig_len); /* 0, -EBADMSG */
