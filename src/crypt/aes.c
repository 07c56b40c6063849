// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypt/aes.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/wr.h"

struct gcm {
	EVP_CIPHER_CTX *enc, *dec;
};

struct cbc {
	EVP_CIPHER_CTX *enc;
};

struct gcm *gcm_create(const uint8_t key[AES_KEY_LEN], size_t iv_len)
{
	struct gcm *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->enc = EVP_CIPHER_CTX_new();
	g->dec = EVP_CIPHER_CTX_new();
	if (!g->enc || !g->dec || EVP_EncryptInit_ex(g->enc, EVP_aes_128_gcm(), NULL, NULL, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(g->enc, EVP_CTRL_GCM_SET_IVLEN, (int)iv_len, NULL) != 1 ||
	    EVP_EncryptInit_ex(g->enc, NULL, NULL, key, NULL) != 1 ||
	    EVP_DecryptInit_ex(g->dec, EVP_aes_128_gcm(), NULL, NULL, NULL) != 1 ||
	    EVP_CIPHER_CTX_ctrl(g->dec, EVP_CTRL_GCM_SET_IVLEN, (int)iv_len, NULL) != 1 ||
	    EVP_DecryptInit_ex(g->dec, NULL, NULL, key, NULL) != 1) {
		gcm_destroy(g);
		return NULL;
	}
	return g;
}

void gcm_destroy(struct gcm *g)
{
	if (!g)
		return;
	EVP_CIPHER_CTX_free(g->enc);
	EVP_CIPHER_CTX_free(g->dec);
	free(g);
}

int gcm_seal(struct gcm *g, const uint8_t *iv, const void *in, size_t len, void *out, uint8_t tag[GCM_TAG_LEN])
{
	uint8_t none[AES_BLOCK_LEN];
	int n = 0;

	if (len > INT_MAX || EVP_EncryptInit_ex(g->enc, NULL, NULL, NULL, iv) != 1 ||
	    EVP_EncryptUpdate(g->enc, out, &n, in, (int)len) != 1 || (size_t)n != len ||
	    EVP_EncryptFinal_ex(g->enc, none, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(g->enc, EVP_CTRL_GCM_GET_TAG, GCM_TAG_LEN, tag) != 1)
		return -EIO;
	return 0;
}

int gcm_open(struct gcm *g, const uint8_t *iv, const void *in, size_t len, const uint8_t tag[GCM_TAG_LEN], void *out)
{
	uint8_t none[AES_BLOCK_LEN], want[GCM_TAG_LEN];
	int n = 0;

	memcpy(want, tag, GCM_TAG_LEN);
	if (len > INT_MAX || EVP_DecryptInit_ex(g->dec, NULL, NULL, NULL, iv) != 1 ||
	    EVP_DecryptUpdate(g->dec, out, &n, in, (int)len) != 1 || (size_t)n != len ||
	    EVP_CIPHER_CTX_ctrl(g->dec, EVP_CTRL_GCM_SET_TAG, GCM_TAG_LEN, want) != 1 ||
	    EVP_DecryptFinal_ex(g->dec, none, &n) != 1) {
		OPENSSL_cleanse(out, len);
		return -EBADMSG;
	}
	return 0;
}

struct cbc *cbc_create(const uint8_t key[AES_KEY_LEN])
{
	struct cbc *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->enc = EVP_CIPHER_CTX_new();
	if (!c->enc || EVP_EncryptInit_ex(c->enc, EVP_aes_128_cbc(), NULL, key, NULL) != 1) {
		cbc_destroy(c);
		return NULL;
	}
	return c;
}

void cbc_destroy(struct cbc *c)
{
	if (!c)
		return;
	EVP_CIPHER_CTX_free(c->enc);
	free(c);
}

int cbc_seal(struct cbc *c, const uint8_t iv[AES_BLOCK_LEN], const void *in, size_t len, void *out)
{
	uint8_t *p = out;
	int n = 0, last = 0;

	if (len > INT_MAX - AES_BLOCK_LEN || EVP_EncryptInit_ex(c->enc, NULL, NULL, NULL, iv) != 1 ||
	    EVP_EncryptUpdate(c->enc, p, &n, in, (int)len) != 1 || EVP_EncryptFinal_ex(c->enc, p + n, &last) != 1)
		return -EIO;
	return n + last;
}

static int ecb(int enc, const uint8_t *key, const void *in, size_t len, void *out)
{
	EVP_CIPHER_CTX *ctx;
	uint8_t none[AES_BLOCK_LEN];
	int n = 0, last = 0, ok;

	if (len % AES_BLOCK_LEN || len > INT_MAX - AES_BLOCK_LEN)
		return -EINVAL;
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx && EVP_CipherInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL, enc) == 1 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 &&
	     EVP_CipherFinal_ex(ctx, none, &last) == 1 && (size_t)n == len;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

int ecb_seal(const uint8_t key[AES_KEY_LEN], const void *in, size_t len, void *out)
{
	return ecb(1, key, in, len, out);
}

int ecb_open(const uint8_t key[AES_KEY_LEN], const void *in, size_t len, void *out)
{
	return ecb(0, key, in, len, out);
}

void iv_message(uint8_t iv[GCM_IV_LEN], uint32_t seq, char who, enum iv_user user)
{
	memset(iv, 0, GCM_IV_LEN);
	put_le32(iv, seq);
	iv[10] = (uint8_t)who;
	iv[11] = (uint8_t)user;
}

void iv_video(uint8_t iv[GCM_IV_LEN], uint64_t counter)
{
	memset(iv, 0, GCM_IV_LEN);
	put_le64(iv, counter);
	iv[11] = 'V';
}

void iv_audio(uint8_t iv[AES_BLOCK_LEN], uint32_t rikeyid, uint16_t seq)
{
	memset(iv, 0, AES_BLOCK_LEN);
	put_be32(iv, rikeyid + seq);
}
