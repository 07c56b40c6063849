// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/identity.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/rand.h"
#include "base/str.h"
#include "http/cert.h"

#define LOG_MODULE "identity"
#include "base/log.h"

#define HOST_FILE     "host.pem"
#define ID_FILE       "uniqueid"
#define HOST_FILE_MAX 65536
#define KEY_BITS      2048
#define SERIAL_BITS   159
#define VALID_DAYS    (20 * 365 + 5)
#define COMMON_NAME   "moonrill GameStream host"

struct identity {
	EVP_PKEY *key;
	char *key_pem, *cert_pem;
	struct cert cert;
	char unique_id[UUID_TEXT];
};

void uuid_make(char out[UUID_TEXT])
{
	uint8_t b[16];
	char hex[33];

	rand_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	hex_encode(hex, b, sizeof(b));
	snprintf(out, UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static bool uuid_valid(const char *s)
{
	if (strlen(s) != UUID_TEXT - 1)
		return false;
	for (unsigned i = 0; i < UUID_TEXT - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : !strchr("0123456789abcdefABCDEF", s[i]))
			return false;
	}
	return true;
}

static char *bio_text(BIO *bio)
{
	char *data, *text;
	long n = BIO_get_mem_data(bio, &data);

	text = n > 0 ? malloc((size_t)n + 1) : NULL;
	if (text) {
		memcpy(text, data, (size_t)n);
		text[n] = 0;
		OPENSSL_cleanse(data, (size_t)n);
	}
	return text;
}

static char *key_to_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;

	if (bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		text = bio_text(bio);
	BIO_free(bio);
	return text;
}

int identity_from_pem(struct identity **out, const char *key_pem, const char *cert_pem, const char *unique_id)
{
	struct identity *id = calloc(1, sizeof(*id));
	BIO *bio = NULL;
	X509 *x = NULL;
	int err = -EBADMSG;

	if (!id)
		return -ENOMEM;
	if (!uuid_valid(unique_id))
		goto fail;
	str_copy(id->unique_id, sizeof(id->unique_id), unique_id);
	if (cert_from_pem(&id->cert, cert_pem, strlen(cert_pem)))
		goto fail;
	bio = BIO_new_mem_buf(key_pem, -1);
	if (!bio)
		goto fail;
	id->key = PEM_read_bio_PrivateKey(bio, NULL, cert_no_password, NULL);
	x = cert_x509(&id->cert);
	if (!id->key || !x || X509_check_private_key(x, id->key) != 1)
		goto fail;
	if (EVP_PKEY_get_base_id(id->key) != EVP_PKEY_RSA || EVP_PKEY_get_size(id->key) > IDENTITY_SIG_MAX)
		goto fail;
	err = -ENOMEM;
	id->key_pem = key_to_pem(id->key);
	id->cert_pem = cert_to_pem(&id->cert);
	if (!id->key_pem || !id->cert_pem)
		goto fail;
	X509_free(x);
	BIO_free(bio);
	*out = id;
	return 0;
fail:
	X509_free(x);
	BIO_free(bio);
	identity_destroy(id);
	return err;
}

void identity_destroy(struct identity *id)
{
	if (!id)
		return;
	EVP_PKEY_free(id->key);
	if (id->key_pem)
		OPENSSL_cleanse(id->key_pem, strlen(id->key_pem));
	free(id->key_pem);
	free(id->cert_pem);
	free(id);
}

static X509 *make_cert(EVP_PKEY *key)
{
	X509 *x = X509_new();
	BIGNUM *serial = BN_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	/* Top bit set: the serial has its full length and is positive as DER stores it. */
	if (x && serial && X509_set_version(x, X509_VERSION_3) == 1 &&
	    BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
	    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) && X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
	    X509_time_adj_ex(X509_getm_notAfter(x), VALID_DAYS, 0, NULL) && X509_set_pubkey(x, key) == 1 &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)COMMON_NAME, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, name) == 1 && X509_sign(x, key, EVP_sha256()) > 0) {
		BN_free(serial);
		return x;
	}
	BN_free(serial);
	X509_free(x);
	return NULL;
}

/* Key and certificate share one file, so that a crash can never leave one without the other. */
static int make_host_file(const char *path)
{
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	X509 *x = key ? make_cert(key) : NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	int err = -EIO;

	if (x && bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_X509(bio, x) == 1)
		text = bio_text(bio);
	if (text) {
		err = fs_write_atomic(path, text, strlen(text), 0600);
		OPENSSL_cleanse(text, strlen(text));
	}
	free(text);
	BIO_free(bio);
	X509_free(x);
	EVP_PKEY_free(key);
	return err;
}

static int read_unique_id(const char *path, char out[UUID_TEXT])
{
	struct buf b;
	int err;

	buf_init(&b, 256);
	err = fs_read(path, &b);
	if (!err) {
		while (b.len && strchr("\r\n\t ", b.data[b.len - 1]))
			b.data[--b.len] = 0;
		if (b.len != UUID_TEXT - 1 || !uuid_valid(buf_cstr(&b)))
			err = -EBADMSG;
		else
			str_copy(out, UUID_TEXT, buf_cstr(&b));
	}
	buf_finish(&b);
	return err;
}

static int make_unique_id(const char *path, char out[UUID_TEXT])
{
	char line[UUID_TEXT + 1];

	uuid_make(out);
	snprintf(line, sizeof(line), "%s\n", out);
	return fs_write_atomic(path, line, UUID_TEXT, 0644);
}

/* The id is written first: a certificate without an id can only be the work of something else. */
static int first_start(const char *host_path, const char *id_path, char unique_id[UUID_TEXT])
{
	int err = read_unique_id(id_path, unique_id);

	if (err == -ENOENT)
		err = make_unique_id(id_path, unique_id);
	if (!err)
		err = make_host_file(host_path);
	if (err)
		log_errno(err, "cannot make the host certificate %s", host_path);
	else
		log_info("made the host certificate %s", host_path);
	return err;
}

int identity_load(struct identity **out, const char *state_dir)
{
	char host_path[PATH_MAX], id_path[PATH_MAX], unique_id[UUID_TEXT];
	struct stat st;
	struct buf b;
	int err;

	if (fs_join(host_path, sizeof(host_path), state_dir, HOST_FILE) ||
	    fs_join(id_path, sizeof(id_path), state_dir, ID_FILE))
		return -ENAMETOOLONG;
	err = fs_mkdirs(state_dir, 0700);
	if (err) {
		log_errno(err, "cannot make the state directory %s", state_dir);
		return err;
	}
	if (access(host_path, F_OK) < 0 && errno == ENOENT)
		err = first_start(host_path, id_path, unique_id);
	else
		err = read_unique_id(id_path, unique_id);
	if (err) {
		log_errno(err, "cannot read the host's unique id %s, which paired clients know it by", id_path);
		return err;
	}
	buf_init(&b, HOST_FILE_MAX);
	err = fs_read(host_path, &b);
	if (!err && stat(host_path, &st) == 0 && st.st_mode & 077)
		log_warn("%s holds the private key and should be readable by its owner only", host_path);
	if (!err)
		err = identity_from_pem(out, buf_cstr(&b), buf_cstr(&b), unique_id);
	if (err)
		log_errno(err,
			  "cannot use the host certificate %s: restore it, or delete it to make a new one "
			  "(every client then has to pair again)",
			  host_path);
	if (b.data)
		OPENSSL_cleanse(b.data, b.cap);
	buf_finish(&b);
	return err;
}

const char *identity_cert_pem(const struct identity *id)
{
	return id->cert_pem;
}

const char *identity_key_pem(const struct identity *id)
{
	return id->key_pem;
}

const uint8_t *identity_cert_der(const struct identity *id, size_t *len)
{
	*len = id->cert.len;
	return id->cert.der;
}

const uint8_t *identity_cert_sig(const struct identity *id, size_t *len)
{
	*len = id->cert.sig_len;
	return id->cert.sig;
}

const char *identity_unique_id(const struct identity *id)
{
	return id->unique_id;
}

int identity_sign(const struct identity *id, const void *data, size_t len, uint8_t out[IDENTITY_SIG_MAX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = IDENTITY_SIG_MAX;
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, id->key) == 1 &&
		  EVP_DigestSign(ctx, out, &n, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? (int)n : -EIO;
}
