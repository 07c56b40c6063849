// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The request target: path and query parameters, percent-decoded. Pure. Untrusted: length and number of parameters
 * meet a ceiling; a NUL byte or a broken escape refuses the whole target, since values are handed on as C strings.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define QUERY_URI_MAX    16384 /* clientcert makes about 5 KiB of it, 1-session 2.2 */
#define QUERY_PARAMS_MAX 64

struct query_param {
	const char *key, *value;
};

/* Points into the text that was parsed. */
struct query {
	const char *path;
	struct query_param param[QUERY_PARAMS_MAX];
	unsigned n;
};

/* Decodes uri in place; uri must outlive q. -EINVAL: broken escape or NUL; -E2BIG: over a ceiling. */
int query_parse(struct query *q, char *uri);

/* The value, or NULL when the key is absent. Of duplicates the first wins. */
const char *query_get(const struct query *q, const char *key);

/* A decimal number within [min, max]. -ENOENT: absent (out is left alone); -EINVAL, -ERANGE. */
int query_int(const struct query *q, const char *key, int64_t min, int64_t max, int64_t *out);
