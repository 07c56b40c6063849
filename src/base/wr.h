// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Byte writer into a caller's buffer; the twin of rd.h. The error is sticky: a write past the end writes nothing
 * and sets err. Lengths are patched back with wr_at() once known. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wr {
	uint8_t *start, *p, *end;
	bool err;
};

static inline struct wr wr_init(void *data, size_t cap)
{
	uint8_t *p = data;

	return (struct wr){.start = p, .p = p, .end = p + cap};
}

static inline size_t wr_len(const struct wr *w)
{
	return (size_t)(w->p - w->start);
}

static inline bool wr_ok(const struct wr *w)
{
	return !w->err;
}

/* Room for n bytes in place, or NULL. */
static inline uint8_t *wr_take(struct wr *w, size_t n)
{
	uint8_t *p = w->p;

	if (w->err || (size_t)(w->end - w->p) < n) {
		w->err = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void wr_bytes(struct wr *w, const void *src, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p && n)
		memcpy(p, src, n);
}

static inline void wr_zero(struct wr *w, size_t n)
{
	uint8_t *p = wr_take(w, n);

	if (p)
		memset(p, 0, n);
}

static inline void wr_le(struct wr *w, uint64_t v, unsigned n)
{
	uint8_t *p = wr_take(w, n);

	for (unsigned i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static inline void wr_be(struct wr *w, uint64_t v, unsigned n)
{
	uint8_t *p = wr_take(w, n);

	for (unsigned i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static inline void wr_u8(struct wr *w, uint8_t v)
{
	wr_le(w, v, 1);
}

static inline void wr_le16(struct wr *w, uint16_t v)
{
	wr_le(w, v, 2);
}

static inline void wr_le32(struct wr *w, uint32_t v)
{
	wr_le(w, v, 4);
}

static inline void wr_le64(struct wr *w, uint64_t v)
{
	wr_le(w, v, 8);
}

static inline void wr_be16(struct wr *w, uint16_t v)
{
	wr_be(w, v, 2);
}

static inline void wr_be32(struct wr *w, uint32_t v)
{
	wr_be(w, v, 4);
}

/* Stores of single fields at known places of a packet; the caller has checked the length. */
static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

static inline void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}
