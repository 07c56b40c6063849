// SPDX-License-Identifier: GPL-3.0-or-later
/* Bits of a NAL unit, read and written; the driver's own, so that it can disagree with the encoder under test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reader of unescaped bits; behind the end it reads zeros and err is set. */
struct bits {
	const uint8_t *p;
	size_t n, at; /* in bits */
	bool err;
};

uint32_t bits_get(struct bits *b, unsigned n); /* n <= 32 */
uint32_t bits_ue(struct bits *b);
int32_t bits_se(struct bits *b);

struct out {
	uint8_t *p;
	size_t cap, n; /* cap in bytes, n in bits */
	bool err;
};

bool out_reserve(struct out *o, size_t bytes);
void out_put(struct out *o, unsigned n, uint32_t v); /* n <= 32 */
void out_ue(struct out *o, uint32_t v);
void out_se(struct out *o, int32_t v);
void out_trailing(struct out *o);
void out_copy(struct out *o, const uint8_t *p, size_t bits);
void out_free(struct out *o);

/* Takes emulation prevention bytes out; returns the length of to (which may be from). */
size_t unescape(uint8_t *to, const uint8_t *from, size_t len);
/* Start code of four bytes, the first `header` bytes plain, then the payload escaped. Appends to o, which is byte
 * aligned. */
void nal_append(struct out *o, const uint8_t *rbsp, size_t len);
