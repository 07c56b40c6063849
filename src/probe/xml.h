// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A small scanner for the XML of the HTTP side (1-session 2.2): finds elements the way clients do (anywhere in the
 * document, first match), and judges what stricter client parsers would trip over. No allocation; pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct judge;

struct xml {
	const char *text;
	size_t len;
	int status; /* status_code of root, 0 when there is none */
	char message[128];
};

/* text need not end with a NUL and must outlive x. States every bent rule. -EPROTO: no readable <root status_code>. */
int xml_parse(struct xml *x, const char *text, size_t len, struct judge *j);

/* Unescaped content of the first element of that name; *from (may be NULL) says where to begin and is moved behind
 * it. False: there is none, or it does not fit. An empty element gives "". */
bool xml_get(const struct xml *x, const char *name, size_t *from, char *out, size_t cap);
/* A whole decimal number, or fallback. */
long long xml_get_number(const struct xml *x, const char *name, long long fallback);
/* How often the element occurs. */
unsigned xml_count(const struct xml *x, const char *name);
