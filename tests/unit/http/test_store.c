// SPDX-License-Identifier: GPL-3.0-or-later
/* What is kept on disk: the host's identity and the paired clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "http/clients.h"
#include "http/identity.h"
#include "rig.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERR);
	strcpy(dir, "/tmp/moonrill-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static const char *in_dir(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void first_start_makes_an_identity_that_stays(void **state)
{
	struct identity *a, *b;
	struct stat st;
	struct cert cert;
	X509 *x;
	size_t n, m;
	uint8_t sig[IDENTITY_SIG_MAX];

	(void)state;
	assert_int_equal(identity_load(&a, dir), 0);
	assert_int_equal(stat(in_dir("host.pem"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(identity_load(&b, dir), 0);
	assert_string_equal(identity_unique_id(a), identity_unique_id(b));
	assert_int_equal(strlen(identity_unique_id(a)), 36);
	assert_memory_equal(identity_cert_der(a, &n), identity_cert_der(b, &m), 64);
	assert_int_equal(n, m);
	/* 1-session 3.1 */
	assert_int_equal(cert_from_pem(&cert, identity_cert_pem(a), strlen(identity_cert_pem(a))), 0);
	x = cert_x509(&cert);
	assert_int_equal(X509_get_version(x), 2);
	assert_int_equal(X509_get_ext_count(x), 0);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 2048);
	assert_int_equal(X509_get_signature_nid(x), NID_sha256WithRSAEncryption);
	identity_cert_sig(a, &n);
	assert_int_equal(n, 256);
	assert_int_equal(identity_sign(a, "hello", 5, sig), 256);
	assert_true(cert_verify(&cert, "hello", 5, sig, 256));
	assert_false(cert_verify(&cert, "hellO", 5, sig, 256));
	X509_free(x);
	identity_destroy(a);
	identity_destroy(b);
}

/* A new certificate would unpair everybody: never behind the user's back. */
static void a_damaged_identity_is_an_error(void **state)
{
	struct identity *id;
	struct buf b;

	(void)state;
	assert_int_equal(identity_load(&id, dir), 0);
	identity_destroy(id);
	log_set_level(-1);
	buf_init(&b, 65536);
	assert_int_equal(fs_read(in_dir("host.pem"), &b), 0);
	assert_int_equal(fs_write_atomic(in_dir("host.pem"), b.data, b.len / 2, 0600), 0);
	assert_int_equal(identity_load(&id, dir), -EBADMSG);
	assert_int_equal(fs_write_atomic(in_dir("host.pem"), "", 0, 0600), 0);
	assert_int_equal(identity_load(&id, dir), -EBADMSG);
	assert_int_equal(fs_write_atomic(in_dir("host.pem"), b.data, b.len, 0600), 0);
	assert_int_equal(identity_load(&id, dir), 0);
	identity_destroy(id);
	assert_int_equal(unlink(in_dir("uniqueid")), 0);
	assert_int_equal(identity_load(&id, dir), -ENOENT);
	assert_int_equal(access(in_dir("uniqueid"), F_OK), -1);
	buf_finish(&b);
}

static void s23_pairings_survive_a_restart_until_removed(void **state)
{
	struct rig_cert one, two;
	struct clients *c;
	struct client gone;
	char uuid[UUID_TEXT];

	(void)state;
	rig_cert_make(&one, &(struct rig_cert_options){2, 0, 0, 0});
	rig_cert_make(&two, &(struct rig_cert_options){0, 0, 0, 0});
	assert_int_equal(clients_load(&c, dir), 0);
	assert_int_equal(clients_add(c, &one.cert, "sofa"), 0);
	assert_int_equal(clients_add(c, &two.cert, "desk"), 0);
	strcpy(uuid, clients_find(c, one.cert.hash)->uuid);
	clients_destroy(c);
	assert_int_equal(clients_load(&c, dir), 0);
	assert_string_equal(clients_find(c, one.cert.hash)->name, "sofa");
	assert_string_equal(clients_find(c, one.cert.hash)->uuid, uuid);
	assert_non_null(clients_get(c, 1));
	assert_null(clients_get(c, 2));
	assert_int_equal(clients_remove(c, "nobody", &gone), -ENOENT);
	assert_int_equal(clients_remove(c, "sofa", &gone), 0);
	assert_string_equal(gone.uuid, uuid);
	assert_null(clients_find(c, one.cert.hash));
	clients_destroy(c);
	assert_int_equal(clients_load(&c, dir), 0);
	assert_null(clients_find(c, one.cert.hash));
	assert_non_null(clients_find(c, two.cert.hash));
	assert_int_equal(clients_remove(c, clients_find(c, two.cert.hash)->uuid, &gone), 0);
	clients_destroy(c);
	rig_cert_free(&one);
	rig_cert_free(&two);
}

static void pairing_again_replaces_the_entry(void **state)
{
	struct rig_cert one;
	struct clients *c;

	(void)state;
	rig_cert_make(&one, &(struct rig_cert_options){2, 0, 0, 0});
	assert_int_equal(clients_load(&c, dir), 0);
	assert_int_equal(clients_add(c, &one.cert, "sofa"), 0);
	assert_int_equal(clients_add(c, &one.cert, "kitchen"), 0);
	assert_int_equal(clients_add(c, &one.cert, ""), 0);
	assert_null(clients_get(c, 1));
	assert_string_equal(clients_get(c, 0)->name, "kitchen");
	clients_destroy(c);
	rig_cert_free(&one);
}

static void damaged_files_are_skipped_and_kept(void **state)
{
	struct rig_cert one;
	struct clients *c;
	struct client gone;
	char name[128], copy[512];
	struct buf b;

	(void)state;
	rig_cert_make(&one, &(struct rig_cert_options){2, 0, 0, 0});
	assert_int_equal(clients_load(&c, dir), 0);
	assert_int_equal(clients_add(c, &one.cert, "a"), 0);
	snprintf(name, sizeof(name), "clients/%s.json", clients_get(c, 0)->id);
	clients_destroy(c);
	buf_init(&b, 65536);
	assert_int_equal(fs_read(in_dir(name), &b), 0);
	/* The same certificate under another name would outlive its removal. */
	assert_int_equal(fs_write_atomic(in_dir("clients/copy.json"), b.data, b.len, 0600), 0);
	assert_int_equal(fs_write_atomic(in_dir("clients/half.json"), b.data, b.len / 2, 0600), 0);
	assert_int_equal(fs_write_atomic(in_dir("clients/empty.json"), "{}", 2, 0600), 0);
	log_set_level(-1);
	assert_int_equal(clients_load(&c, dir), 0);
	assert_non_null(clients_get(c, 0));
	assert_null(clients_get(c, 1));
	assert_int_equal(clients_remove(c, "a", &gone), 0);
	clients_destroy(c);
	assert_int_equal(clients_load(&c, dir), 0);
	assert_null(clients_get(c, 0));
	clients_destroy(c);
	strcpy(copy, in_dir("clients/half.json"));
	assert_int_equal(access(copy, F_OK), 0);
	assert_int_equal(access(in_dir("clients/empty.json"), F_OK), 0);
	buf_finish(&b);
	rig_cert_free(&one);
}

static void ambiguous_names_remove_nobody(void **state)
{
	struct rig_cert one, two;
	struct clients *c;
	struct client gone;
	char id[16];

	(void)state;
	rig_cert_make(&one, &(struct rig_cert_options){2, 0, 0, 0});
	rig_cert_make(&two, &(struct rig_cert_options){2, 0, 0, 0});
	assert_int_equal(clients_load(&c, dir), 0);
	assert_int_equal(clients_add(c, &one.cert, "x"), 0);
	assert_int_equal(clients_add(c, &two.cert, "x"), 0);
	assert_int_equal(clients_remove(c, "x", &gone), -EEXIST);
	assert_non_null(clients_get(c, 1));
	snprintf(id, sizeof(id), "%.8s", clients_get(c, 0)->id);
	assert_int_equal(clients_remove(c, id, &gone), 0);
	clients_destroy(c);
	rig_cert_free(&one);
	rig_cert_free(&two);
}

#define with_dir(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_dir(first_start_makes_an_identity_that_stays),     with_dir(a_damaged_identity_is_an_error),
		with_dir(s23_pairings_survive_a_restart_until_removed), with_dir(pairing_again_replaces_the_entry),
		with_dir(damaged_files_are_skipped_and_kept),           with_dir(ambiguous_names_remove_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
