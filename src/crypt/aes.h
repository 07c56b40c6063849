// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * AES-128 over OpenSSL with contexts that are made once and reused: the key schedule is paid at init, a message pays
 * for its IV only. One context per session, direction and thread; a context is not thread-safe. No AAD anywhere in
 * the protocol. Sources: 2-media 3, 1-session 5.3.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AES_KEY_LEN   16
#define AES_BLOCK_LEN 16
#define GCM_TAG_LEN   16
#define GCM_IV_LEN    12

struct gcm;
struct cbc;

/* iv_len: 12, or 16 for control v1. NULL: no memory or no AES in this OpenSSL. */
struct gcm *gcm_create(const uint8_t key[AES_KEY_LEN], size_t iv_len);
void gcm_destroy(struct gcm *g); /* wipes the key; accepts NULL */

/* out has len bytes and may equal in. No allocation. 0 or -EIO. */
int gcm_seal(struct gcm *g, const uint8_t *iv, const void *in, size_t len, void *out, uint8_t tag[GCM_TAG_LEN]);
/* -EBADMSG when the tag does not match: out is wiped then and nothing of it may be used. */
int gcm_open(struct gcm *g, const uint8_t *iv, const void *in, size_t len, const uint8_t tag[GCM_TAG_LEN], void *out);

/* AES-128-CBC with PKCS#7 padding: out has (len / 16 + 1) * 16 bytes. */
struct cbc *cbc_create(const uint8_t key[AES_KEY_LEN]);
void cbc_destroy(struct cbc *c);
/* The length written, or -EIO. */
int cbc_seal(struct cbc *c, const uint8_t iv[AES_BLOCK_LEN], const void *in, size_t len, void *out);

/* AES-128-ECB without padding, for pairing: len is a multiple of 16. 0, -EINVAL or -EIO. Not for hot paths. */
int ecb_seal(const uint8_t key[AES_KEY_LEN], const void *in, size_t len, void *out);
int ecb_open(const uint8_t key[AES_KEY_LEN], const void *in, size_t len, void *out);

/* IVs of the one session key, 2-media 3.1. who: 'C' client to host, 'H' host to client. */
enum iv_user { IV_CONTROL = 'C', IV_RTSP = 'R' };
void iv_message(uint8_t iv[GCM_IV_LEN], uint32_t seq, char who, enum iv_user user);
void iv_video(uint8_t iv[GCM_IV_LEN], uint64_t counter);
void iv_audio(uint8_t iv[AES_BLOCK_LEN], uint32_t rikeyid, uint16_t seq);
