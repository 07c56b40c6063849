// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Cryptography of the client side over OpenSSL: AES-128 in three modes and the IVs of 2-media 3.1. Contexts are made
 * once and belong to one thread. Nothing is shared with the host: the point is to be able to disagree with it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define KEY_LEN     16u
#define SEAL_TAG    16u
#define SEAL_IV     12u
#define CIPHER_UNIT 16u

struct sealer; /* AES-128-GCM, both directions */

struct sealer *sealer_create(const uint8_t key[KEY_LEN], size_t iv_len); /* 12 or 16; NULL: no memory */
void sealer_destroy(struct sealer *s);                                   /* accepts NULL */
int sealer_close(struct sealer *s, const uint8_t *iv, const void *in, size_t len, void *out,
		 uint8_t tag[SEAL_TAG]); /* 0, -EIO */
int sealer_open(struct sealer *s, const uint8_t *iv, const void *in, size_t len, const uint8_t tag[SEAL_TAG],
		void *out); /* 0, -EBADMSG: out is not to be used */

/* Initialisation vectors. who: 'C' client to host, 'H' host to client; what: 'C' control, 'R' RTSP. */
void iv_of_message(uint8_t iv[SEAL_IV], uint32_t seq, char who, char what);
void iv_of_control_v1(uint8_t iv[16], uint32_t seq);
void iv_of_audio(uint8_t iv[16], uint32_t rikeyid, uint16_t seq);

/* AES-128-CBC, PKCS#7. out has room for len bytes. The plain length, or -EBADMSG. */
int cbc_decrypt(const uint8_t key[KEY_LEN], const uint8_t iv[16], const void *in, size_t len, void *out);

/* AES-128-ECB without padding; len a multiple of 16. 0 or -EIO. */
int ecb_crypt(const uint8_t key[KEY_LEN], int encrypt, const void *in, size_t len, void *out);

/* SHA-256 over up to three parts; a NULL part ends the list. */
void sha256_parts(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb, const void *c, size_t nc);
