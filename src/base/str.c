// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/str.h"

#include <errno.h>
#include <string.h>

void hex_encode(char *out, const void *data, size_t len)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digit[p[i] >> 4];
		out[2 * i + 1] = digit[p[i] & 15];
	}
	out[2 * len] = 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(void *out, size_t cap, const char *hex, size_t hex_len)
{
	uint8_t *p = out;

	if (hex_len % 2)
		return -EINVAL;
	if (hex_len / 2 > cap || hex_len / 2 > INT32_MAX)
		return -ENOSPC;
	for (size_t i = 0; i < hex_len; i += 2) {
		int hi = hex_value(hex[i]), lo = hex_value(hex[i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		p[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	return (int)(hex_len / 2);
}

int str_to_i64(const char *s, size_t len, int64_t min, int64_t max, int64_t *out)
{
	bool neg = false;
	int64_t v = 0;

	if (len && (*s == '-' || *s == '+')) {
		neg = *s == '-';
		s++;
		len--;
	}
	if (!len)
		return -EINVAL;
	for (; len; s++, len--) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, *s - '0', &v)) /* negative: INT64_MIN fits */
			return -ERANGE;
	}
	if (!neg && __builtin_sub_overflow(0, v, &v))
		return -ERANGE;
	if (v < min || v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

bool str_copy(char *dst, size_t cap, const char *src)
{
	size_t n = strlen(src);
	bool fits = n < cap;

	if (!cap)
		return false;
	if (!fits)
		n = cap - 1;
	memcpy(dst, src, n);
	dst[n] = 0;
	return fits;
}

bool mem_equal_ct(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < len; i++)
		diff |= (uint8_t)(x[i] ^ y[i]);
	return !diff;
}

bool utf8_valid(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s, *end = p + len;

	while (p < end) {
		uint32_t c = *p++, min;
		unsigned more;

		if (c < 0x80)
			continue;
		if (c >> 5 == 6) {
			more = 1, min = 0x80, c &= 0x1f;
		} else if (c >> 4 == 14) {
			more = 2, min = 0x800, c &= 0x0f;
		} else if (c >> 3 == 30) {
			more = 3, min = 0x10000, c &= 0x07;
		} else {
			return false;
		}
		if ((size_t)(end - p) < more)
			return false;
		while (more--) {
			if (*p >> 6 != 2)
				return false;
			c = c << 6 | (*p++ & 0x3f);
		}
		if (c < min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}
