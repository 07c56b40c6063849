// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Growable byte buffer that must be given its ceiling. The error is sticky: going over the ceiling or out of memory
 * sets err and later additions do nothing, so a whole document is built straight through and checked once.
 * The content is always followed by a NUL that is not counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len, cap, max;
	bool err;
};

void buf_init(struct buf *b, size_t max);
void buf_finish(struct buf *b); /* accepts a zeroed buf */
void buf_reset(struct buf *b);  /* empties, keeps the memory, clears err */

/* Room for n more bytes at data + len, or NULL; advances len. */
uint8_t *buf_take(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *src, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops n bytes from the front. */
void buf_consume(struct buf *b, size_t n);

static inline const char *buf_cstr(const struct buf *b)
{
	return b->data ? (const char *)b->data : "";
}
