// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/wr.h"

struct sealer {
	EVP_CIPHER_CTX *enc, *dec;
};

static EVP_CIPHER_CTX *gcm_context(const uint8_t *key, size_t iv_len, int encrypt)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	if (c && EVP_CipherInit_ex(c, EVP_aes_128_gcm(), NULL, NULL, NULL, encrypt) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, (int)iv_len, NULL) == 1 &&
	    EVP_CipherInit_ex(c, NULL, NULL, key, NULL, encrypt) == 1)
		return c;
	EVP_CIPHER_CTX_free(c);
	return NULL;
}

struct sealer *sealer_create(const uint8_t key[KEY_LEN], size_t iv_len)
{
	struct sealer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->enc = gcm_context(key, iv_len, 1);
	s->dec = gcm_context(key, iv_len, 0);
	if (s->enc && s->dec)
		return s;
	sealer_destroy(s);
	return NULL;
}

void sealer_destroy(struct sealer *s)
{
	if (!s)
		return;
	EVP_CIPHER_CTX_free(s->enc);
	EVP_CIPHER_CTX_free(s->dec);
	free(s);
}

int sealer_close(struct sealer *s, const uint8_t *iv, const void *in, size_t len, void *out, uint8_t tag[SEAL_TAG])
{
	int n = 0, last = 0;

	if (EVP_EncryptInit_ex(s->enc, NULL, NULL, NULL, iv) != 1 ||
	    EVP_EncryptUpdate(s->enc, out, &n, in, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(s->enc, (uint8_t *)out + n, &last) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->enc, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG, tag) != 1)
		return -EIO;
	return 0;
}

int sealer_open(struct sealer *s, const uint8_t *iv, const void *in, size_t len, const uint8_t tag[SEAL_TAG], void *out)
{
	uint8_t want[SEAL_TAG];
	int n = 0, last = 0;

	memcpy(want, tag, sizeof(want));
	if (EVP_DecryptInit_ex(s->dec, NULL, NULL, NULL, iv) != 1 ||
	    EVP_DecryptUpdate(s->dec, out, &n, in, (int)len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(s->dec, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG, want) != 1 ||
	    EVP_DecryptFinal_ex(s->dec, (uint8_t *)out + n, &last) != 1)
		return -EBADMSG;
	return 0;
}

void iv_of_message(uint8_t iv[SEAL_IV], uint32_t seq, char who, char what)
{
	memset(iv, 0, SEAL_IV);
	put_le32(iv, seq);
	iv[10] = (uint8_t)who;
	iv[11] = (uint8_t)what;
}

void iv_of_control_v1(uint8_t iv[16], uint32_t seq)
{
	memset(iv, 0, 16);
	iv[0] = (uint8_t)seq;
}

void iv_of_audio(uint8_t iv[16], uint32_t rikeyid, uint16_t seq)
{
	memset(iv, 0, 16);
	put_be32(iv, rikeyid + seq);
}

int cbc_decrypt(const uint8_t key[KEY_LEN], const uint8_t iv[16], const void *in, size_t len, void *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, last = 0, rc = -EBADMSG;

	if (c && len && len % CIPHER_UNIT == 0 && EVP_DecryptInit_ex(c, EVP_aes_128_cbc(), NULL, key, iv) == 1 &&
	    EVP_DecryptUpdate(c, out, &n, in, (int)len) == 1 && EVP_DecryptFinal_ex(c, (uint8_t *)out + n, &last) == 1)
		rc = n + last;
	EVP_CIPHER_CTX_free(c);
	return rc;
}

int ecb_crypt(const uint8_t key[KEY_LEN], int encrypt, const void *in, size_t len, void *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0, rc = -EIO;

	if (c && len % CIPHER_UNIT == 0 && EVP_CipherInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL, encrypt) == 1 &&
	    EVP_CIPHER_CTX_set_padding(c, 0) == 1 && EVP_CipherUpdate(c, out, &n, in, (int)len) == 1 &&
	    (size_t)n == len)
		rc = 0;
	EVP_CIPHER_CTX_free(c);
	return rc;
}

void sha256_parts(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb, const void *c, size_t nc)
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();

	memset(out, 0, 32);
	if (m && EVP_DigestInit_ex(m, EVP_sha256(), NULL) == 1 && EVP_DigestUpdate(m, a, na) == 1 &&
	    (!b || EVP_DigestUpdate(m, b, nb) == 1) && (!b || !c || EVP_DigestUpdate(m, c, nc) == 1))
		EVP_DigestFinal_ex(m, out, NULL);
	EVP_MD_CTX_free(m);
}
