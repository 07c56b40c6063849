// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Byte reader for untrusted input. The error is sticky: a read past the end yields zero (or NULL) and sets err,
 * so a parser reads a whole message straight through and asks rd_ok() once. A length field narrows the window
 * with rd_sub(): nothing read from the child can leave it. Not thread-safe; holds no memory of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rd {
	const uint8_t *p, *end;
	bool err;
};

static inline struct rd rd_init(const void *data, size_t len)
{
	const uint8_t *p = data;

	return (struct rd){.p = p, .end = p ? p + len : p};
}

static inline size_t rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

static inline bool rd_ok(const struct rd *r)
{
	return !r->err;
}

/* True when everything was read and nothing was missing. */
static inline bool rd_done(const struct rd *r)
{
	return !r->err && r->p == r->end;
}

/* The next n bytes in place, or NULL. */
static inline const uint8_t *rd_bytes(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->err || rd_left(r) < n) {
		r->err = true;
		return NULL;
	}
	r->p += n;
	return p;
}

static inline void rd_skip(struct rd *r, size_t n)
{
	(void)rd_bytes(r, n);
}

static inline bool rd_copy(struct rd *r, void *dst, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	if (!p) {
		memset(dst, 0, n);
		return false;
	}
	memcpy(dst, p, n);
	return true;
}

/* A reader of the next n bytes; empty and in error when they are not there. */
static inline struct rd rd_sub(struct rd *r, size_t n)
{
	const uint8_t *p = rd_bytes(r, n);

	return p ? rd_init(p, n) : (struct rd){.err = true};
}

static inline uint64_t rd_le(struct rd *r, unsigned n)
{
	const uint8_t *p = rd_bytes(r, n);
	uint64_t v = 0;

	for (unsigned i = 0; p && i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint64_t rd_be(struct rd *r, unsigned n)
{
	const uint8_t *p = rd_bytes(r, n);
	uint64_t v = 0;

	for (unsigned i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static inline uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_le(r, 1);
}

static inline uint16_t rd_le16(struct rd *r)
{
	return (uint16_t)rd_le(r, 2);
}

static inline uint32_t rd_le32(struct rd *r)
{
	return (uint32_t)rd_le(r, 4);
}

static inline uint64_t rd_le64(struct rd *r)
{
	return rd_le(r, 8);
}

static inline uint16_t rd_be16(struct rd *r)
{
	return (uint16_t)rd_be(r, 2);
}

static inline uint32_t rd_be32(struct rd *r)
{
	return (uint32_t)rd_be(r, 4);
}

/* IEEE-754 single, little endian; may be NaN or infinite: the caller clamps. */
static inline float rd_lef32(struct rd *r)
{
	uint32_t bits = rd_le32(r);
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}
