// SPDX-License-Identifier: GPL-3.0-or-later
/* Text: hex, numbers with a range, bounded copies. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof(*(a)))

/* Lower case; out has room for 2 * len + 1. */
void hex_encode(char *out, const void *data, size_t len);
/* Both cases. The number of bytes written, or -EINVAL (odd length, other characters), -ENOSPC (more than cap). */
int hex_decode(void *out, size_t cap, const char *hex, size_t hex_len);

/* A whole decimal number with optional sign and nothing around it. -EINVAL, -ERANGE. */
int str_to_i64(const char *s, size_t len, int64_t min, int64_t max, int64_t *out);

/* Copies at most cap - 1 bytes and always terminates; false when src did not fit. */
bool str_copy(char *dst, size_t cap, const char *src);

/* Compares with no early exit, for secrets. */
bool mem_equal_ct(const void *a, const void *b, size_t len);

/* Whether s is well-formed UTF-8 (no overlong forms, no surrogates). */
bool utf8_valid(const char *s, size_t len);
