// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "base/fs.h"

#define LOG_MODULE "identity"
#include "base/log.h"

#define PEM_MAX  16384u
#define YEARS_20 (20l * 365 * 24 * 3600)

static char *bio_text(BIO *bio)
{
	char *data, *copy;
	long n = BIO_get_mem_data(bio, &data);

	copy = n >= 0 ? malloc((size_t)n + 1) : NULL;
	if (copy) {
		memcpy(copy, data, (size_t)n);
		copy[n] = 0;
	}
	return copy;
}

char *identity_pem(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = bio && PEM_write_bio_X509(bio, cert) == 1 ? bio_text(bio) : NULL;

	BIO_free(bio);
	return text;
}

X509 *identity_parse_pem(const char *pem, size_t len)
{
	BIO *bio = len && len <= PEM_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return cert;
}

const uint8_t *identity_signature(X509 *cert, size_t *len)
{
	const ASN1_BIT_STRING *sig = NULL;

	X509_get0_signature(&sig, NULL, cert);
	*len = sig ? (size_t)ASN1_STRING_length(sig) : 0;
	return sig ? ASN1_STRING_get0_data(sig) : NULL;
}

int identity_sign(EVP_PKEY *key, const void *data, size_t len, uint8_t *sig, size_t cap)
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	size_t n = cap;
	int rc = -EIO;

	if (m && EVP_DigestSignInit(m, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(m, sig, &n, data, len) == 1)
		rc = (int)n;
	EVP_MD_CTX_free(m);
	return rc;
}

int identity_verify(X509 *cert, const void *data, size_t len, const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *m = EVP_MD_CTX_new();
	EVP_PKEY *key = X509_get0_pubkey(cert);
	int rc = -EBADMSG;

	if (m && key && EVP_DigestVerifyInit(m, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(m, sig, sig_len, data, len) == 1)
		rc = 0;
	EVP_MD_CTX_free(m);
	return rc;
}

/* As stock clients make it: v3, no extensions, serial 0, 20 years, one common name for all of them. */
static X509 *make_cert(EVP_PKEY *key)
{
	X509 *c = X509_new();
	X509_NAME *name = c ? X509_get_subject_name(c) : NULL;

	if (name && X509_set_version(c, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(c), 0) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(c), 0) && X509_gmtime_adj(X509_getm_notAfter(c), YEARS_20) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"NVIDIA GameStream Client", -1, -1,
				       0) == 1 &&
	    X509_set_issuer_name(c, name) == 1 && X509_set_pubkey(c, key) == 1 && X509_sign(c, key, EVP_sha256()))
		return c;
	X509_free(c);
	return NULL;
}

static int write_text(const struct identity *id, const char *name, const char *text, mode_t mode)
{
	char path[600];
	int rc = fs_join(path, sizeof(path), id->dir, name);

	if (!rc)
		rc = fs_write_atomic(path, text, strlen(text), mode);
	if (rc)
		log_errno(rc, "cannot write %s/%s", id->dir, name);
	return rc;
}

static int make(struct identity *id)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *key = NULL, *cert = NULL;
	int rc = -EIO;

	id->key = EVP_RSA_gen(2048);
	id->cert = id->key ? make_cert(id->key) : NULL;
	if (!bio || !id->cert || PEM_write_bio_PrivateKey(bio, id->key, NULL, NULL, 0, NULL, NULL) != 1)
		goto out;
	key = bio_text(bio);
	cert = identity_pem(id->cert);
	if (!key || !cert)
		goto out;
	rc = write_text(id, "key.pem", key, 0600);
	if (!rc)
		rc = write_text(id, "client.pem", cert, 0644);
out:
	if (key)
		OPENSSL_cleanse(key, strlen(key));
	free(key);
	free(cert);
	BIO_free(bio);
	return rc;
}

static int read_file(const struct identity *id, const char *name, struct buf *b)
{
	char path[600];
	int rc = fs_join(path, sizeof(path), id->dir, name);

	buf_init(b, PEM_MAX);
	return rc ? rc : fs_read(path, b);
}

static int load(struct identity *id)
{
	struct buf key, cert, host;
	BIO *bio = NULL;
	int rc = read_file(id, "key.pem", &key), rc2 = read_file(id, "client.pem", &cert);

	if (!rc)
		rc = rc2;
	if (!rc) {
		bio = BIO_new_mem_buf(key.data, (int)key.len);
		id->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
		id->cert = identity_parse_pem(buf_cstr(&cert), cert.len);
		rc = id->key && id->cert ? 0 : -EINVAL;
	}
	if (!rc && read_file(id, "host.pem", &host) == 0)
		id->host = identity_parse_pem(buf_cstr(&host), host.len);
	if (!rc)
		buf_finish(&host);
	if (key.data)
		OPENSSL_cleanse(key.data, key.len);
	buf_finish(&key);
	buf_finish(&cert);
	BIO_free(bio);
	return rc;
}

int identity_open(struct identity *id, const char *dir)
{
	int rc;

	*id = (struct identity){0};
	if (strlen(dir) >= sizeof(id->dir))
		return -ENAMETOOLONG;
	strcpy(id->dir, dir);
	rc = fs_mkdirs(dir, 0700);
	if (!rc)
		rc = load(id);
	if (rc == -ENOENT)
		rc = make(id);
	if (rc) {
		log_errno(rc, "no usable identity in %s", dir);
		identity_close(id);
	}
	return rc;
}

void identity_close(struct identity *id)
{
	X509_free(id->cert);
	X509_free(id->host);
	EVP_PKEY_free(id->key);
	*id = (struct identity){0};
}

int identity_pin_host(struct identity *id, X509 *host)
{
	char *text = identity_pem(host);
	int rc = text ? write_text(id, "host.pem", text, 0644) : -ENOMEM;

	free(text);
	if (rc)
		return rc;
	X509_up_ref(host);
	X509_free(id->host);
	id->host = host;
	return 0;
}
