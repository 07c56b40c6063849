// SPDX-License-Identifier: GPL-3.0-or-later
#include "bits.h"

#include <stdlib.h>
#include <string.h>

uint32_t bits_get(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	for (; n > 0; n--, b->at++) {
		bool bit = false;

		if (b->at < b->n)
			bit = b->p[b->at / 8] >> (7 - b->at % 8) & 1;
		else
			b->err = true;
		v = v << 1 | bit;
	}
	return v;
}

uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->err && !bits_get(b, 1))
		if (++zeros > 31) {
			b->err = true;
			return 0;
		}
	return b->err ? 0 : (uint32_t)((1ull << zeros) - 1 + bits_get(b, zeros));
}

int32_t bits_se(struct bits *b)
{
	uint32_t v = bits_ue(b);

	return v & 1 ? (int32_t)(v / 2 + 1) : -(int32_t)(v / 2);
}

bool out_reserve(struct out *o, size_t bytes)
{
	size_t need = o->n / 8 + bytes + 8, cap = o->cap ? o->cap : 4096;
	uint8_t *more;

	if (need <= o->cap)
		return !o->err;
	while (cap < need)
		cap *= 2;
	more = realloc(o->p, cap);
	if (!more) {
		o->err = true;
		return false;
	}
	memset(more + o->cap, 0, cap - o->cap);
	o->p = more;
	o->cap = cap;
	return !o->err;
}

void out_put(struct out *o, unsigned n, uint32_t v)
{
	if (!out_reserve(o, 4))
		return;
	while (n > 0) {
		unsigned room = 8 - o->n % 8, take = n < room ? n : room;
		uint8_t *p = &o->p[o->n / 8];

		if (room == 8)
			*p = 0;
		*p |= (uint8_t)((v >> (n - take) & ((1u << take) - 1)) << (room - take));
		n -= take;
		o->n += take;
	}
}

void out_ue(struct out *o, uint32_t v)
{
	unsigned len = 32 - (unsigned)__builtin_clz(v + 1);

	out_put(o, len - 1, 0);
	out_put(o, len, v + 1);
}

void out_se(struct out *o, int32_t v)
{
	out_ue(o, v > 0 ? (uint32_t)v * 2 - 1 : (uint32_t)-v * 2);
}

void out_trailing(struct out *o)
{
	out_put(o, 1, 1);
	if (o->n % 8)
		out_put(o, 8 - o->n % 8, 0);
}

void out_copy(struct out *o, const uint8_t *p, size_t bits)
{
	for (; bits >= 8; bits -= 8)
		out_put(o, 8, *p++);
	if (bits)
		out_put(o, (unsigned)bits, *p >> (8 - bits));
}

void out_free(struct out *o)
{
	free(o->p);
	*o = (struct out){0};
}

size_t unescape(uint8_t *to, const uint8_t *from, size_t len)
{
	unsigned zeros = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (zeros >= 2 && from[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = from[i] ? 0 : zeros + 1;
		to[n++] = from[i];
	}
	return n;
}

void nal_append(struct out *o, const uint8_t *rbsp, size_t len)
{
	unsigned zeros = 0;

	out_put(o, 32, 1);
	if (!out_reserve(o, len + len / 2 + 8))
		return;
	for (size_t i = 0; i < len; i++) {
		if (zeros >= 2 && rbsp[i] <= 3) {
			out_put(o, 8, 3);
			zeros = 0;
		}
		out_put(o, 8, rbsp[i]);
		zeros = rbsp[i] ? 0 : zeros + 1;
	}
}
