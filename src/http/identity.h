// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Who this host is: one self-signed RSA-2048 certificate with its key, and the unique id. Clients pin both, so they are
 * made once, on the first start, and never replaced behind the user's back: anything damaged or half there is an error
 * for a person to solve. Main thread; immutable after load. Wire facts: 1-session 2.3, 3.1.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct identity;

#define IDENTITY_SIG_MAX 512 /* RSA-4096 */
#define UUID_TEXT        37

/* Loads host.pem (key and certificate, mode 600) and uniqueid from the state directory, or makes them when neither
 * certificate nor key was ever there. -EBADMSG: damaged; -ENOENT: the certificate is there but the id is not. */
int identity_load(struct identity **out, const char *state_dir);
/* From texts; key_pem and cert_pem may be the same text. -EBADMSG. */
int identity_from_pem(struct identity **out, const char *key_pem, const char *cert_pem, const char *unique_id);
void identity_destroy(struct identity *id); /* wipes the key; accepts NULL */

const char *identity_cert_pem(const struct identity *id);
const char *identity_key_pem(const struct identity *id);
const uint8_t *identity_cert_der(const struct identity *id, size_t *len);
const uint8_t *identity_cert_sig(const struct identity *id, size_t *len); /* signatureValue of the certificate */
const char *identity_unique_id(const struct identity *id);

/* RSASSA-PKCS1-v1_5 with SHA-256. The length written, or -EIO. */
int identity_sign(const struct identity *id, const void *data, size_t len, uint8_t out[IDENTITY_SIG_MAX]);

/* A random (version 4) UUID in lower case. */
void uuid_make(char out[UUID_TEXT]);
