// SPDX-License-Identifier: GPL-3.0-or-later
/* A server with one paired client and one stranger, and the ways they come. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "base/str.h"
#include "crypt/aes.h"
#include "rig.h"

static struct rig_cert paired_cert, stranger;
static const struct wire_options plain = {0}, plain6 = {.v6 = true}, anonymous = {.tls = true};
static const struct wire_options known = {.tls = true, .cert = &paired_cert};
static const struct wire_options known6 = {.tls = true, .v6 = true, .cert = &paired_cert};
static const struct wire_options unknown = {.tls = true, .cert = &stranger};

static inline int group_setup(void **state)
{
	(void)state;
	rig_cert_make(&paired_cert, &(struct rig_cert_options){2, 0, 0, 0});
	rig_cert_make(&stranger, &(struct rig_cert_options){2, 0, 0, 0});
	return 0;
}

static inline int group_teardown(void **state)
{
	(void)state;
	rig_cert_free(&paired_cert);
	rig_cert_free(&stranger);
	return 0;
}

static inline int setup(void **state)
{
	static struct rig r;

	rig_start(&r, NULL);
	rig_pair(&r, &paired_cert, "known");
	*state = &r;
	return 0;
}

static inline int teardown(void **state)
{
	rig_stop(*state);
	return 0;
}

static inline int status_of(const struct rig *r, const struct wire_options *o, const char *path)
{
	struct answer a;
	int status;

	rig_get(r, o, path, &a);
	assert_int_equal(a.http, 200);
	status = a.status;
	answer_free(&a);
	return status;
}

static inline void assert_text(const struct answer *a, const char *name, const char *want)
{
	const char *text = answer_text(a, name);

	assert_non_null(text);
	assert_string_equal(text, want);
}

#define with_rig(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
