// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/query.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"

/* Decodes one component in place. form: '+' stands for a space. */
static int decode(char *s, bool form)
{
	char *out = s;

	for (; *s; s++) {
		if (*s == '%') {
			uint8_t byte;

			if (hex_decode(&byte, 1, s + 1, strnlen(s + 1, 2)) != 1 || !byte)
				return -EINVAL;
			*out++ = (char)byte;
			s += 2;
		} else {
			*out++ = form && *s == '+' ? ' ' : *s;
		}
	}
	*out = 0;
	return 0;
}

int query_parse(struct query *q, char *uri)
{
	char *next, *mark;

	*q = (struct query){.path = uri};
	if (strnlen(uri, QUERY_URI_MAX + 1) > QUERY_URI_MAX)
		return -E2BIG;
	mark = strchr(uri, '#');
	if (mark)
		*mark = 0;
	next = strchr(uri, '?');
	if (next)
		*next++ = 0;
	if (decode(uri, false))
		return -EINVAL;
	while (next) {
		char *key = next, *value;

		next = strchr(key, '&');
		if (next)
			*next++ = 0;
		if (!*key)
			continue;
		if (q->n == QUERY_PARAMS_MAX)
			return -E2BIG;
		value = strchr(key, '=');
		if (value)
			*value++ = 0;
		else
			value = key + strlen(key);
		if (decode(key, true) || decode(value, true))
			return -EINVAL;
		q->param[q->n++] = (struct query_param){key, value};
	}
	return 0;
}

const char *query_get(const struct query *q, const char *key)
{
	for (unsigned i = 0; i < q->n; i++)
		if (strcmp(q->param[i].key, key) == 0)
			return q->param[i].value;
	return NULL;
}

int query_int(const struct query *q, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const char *value = query_get(q, key);

	return value ? str_to_i64(value, strlen(value), min, max, out) : -ENOENT;
}
