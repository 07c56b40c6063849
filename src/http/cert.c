// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/cert.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

int cert_no_password(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf, (void)size, (void)rwflag, (void)ctx;
	return -1;
}

void cert_hash(uint8_t out[CERT_HASH], const void *der, size_t len)
{
	SHA256(der, len, out);
}

static int fill(struct cert *c, X509 *x)
{
	const ASN1_BIT_STRING *sig = NULL;
	uint8_t *p = c->der;
	int len = i2d_X509(x, NULL);

	X509_get0_signature(&sig, NULL, x);
	if (len <= 0 || len > CERT_DER_MAX || !sig || sig->length <= 0 || sig->length > CERT_SIG_MAX ||
	    !X509_get0_pubkey(x))
		return -EBADMSG;
	c->len = (size_t)i2d_X509(x, &p);
	cert_hash(c->hash, c->der, c->len);
	c->sig_len = (size_t)sig->length;
	memcpy(c->sig, sig->data, c->sig_len);
	return 0;
}

int cert_from_pem(struct cert *c, const char *pem, size_t len)
{
	int err = -EBADMSG;
	BIO *bio = NULL;
	X509 *x = NULL;

	*c = (struct cert){0};
	if (len && len <= CERT_PEM_MAX)
		bio = BIO_new_mem_buf(pem, (int)len);
	if (bio)
		x = PEM_read_bio_X509(bio, NULL, cert_no_password, NULL);
	if (x)
		err = fill(c, x);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

X509 *cert_x509(const struct cert *c)
{
	const uint8_t *p = c->der;

	return d2i_X509(NULL, &p, (long)c->len);
}

char *cert_to_pem(const struct cert *c)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *x = cert_x509(c);
	char *text = NULL, *data;
	long n;

	if (bio && x && PEM_write_bio_X509(bio, x) == 1) {
		n = BIO_get_mem_data(bio, &data);
		text = strndup(data, (size_t)n);
	}
	X509_free(x);
	BIO_free(bio);
	return text;
}

bool cert_verify(const struct cert *c, const void *data, size_t len, const void *sig, size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	X509 *x = cert_x509(c);
	EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;
	bool ok = ctx && key && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;

	X509_free(x);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}
