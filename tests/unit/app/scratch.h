// SPDX-License-Identifier: GPL-3.0-or-later
/* A folder of its own for a test, and small files in it. */
#pragma once

#include "../cmocka_all.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"

static char scratch[64];

static inline void scratch_make(void)
{
	const char *base = getenv("TMPDIR");

	if (!base || strlen(base) > 32)
		base = "/tmp";
	snprintf(scratch, sizeof(scratch), "%s/moonrill.XXXXXX", base);
	assert_non_null(mkdtemp(scratch));
}

static int scratch_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_remove(void)
{
	nftw(scratch, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A path in the folder; valid until the fourth call after it. */
static inline const char *in_scratch(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned n;

	n = (n + 1) % 4;
	assert_int_equal(fs_join(path[n], PATH_MAX, scratch, name), 0);
	return path[n];
}

static inline void put_file(const char *name, const char *text)
{
	assert_int_equal(fs_write_atomic(in_scratch(name), text, strlen(text), 0600), 0);
}

/* "" when there is no such file. */
static inline const char *get_file(const char *name)
{
	static char text[4096];
	struct buf b;

	buf_init(&b, sizeof(text) - 1);
	fs_read(in_scratch(name), &b);
	snprintf(text, sizeof(text), "%s", buf_cstr(&b));
	buf_finish(&b);
	return text;
}
