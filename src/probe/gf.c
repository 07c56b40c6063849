// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/gf.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define POLYNOMIAL 0x11d

static uint8_t product[256][256];
static uint8_t inverse[256];
static pthread_once_t built = PTHREAD_ONCE_INIT;

const uint8_t rs_audio_matrix[8] = {0x77, 0x40, 0x38, 0x0e, 0xc7, 0xa7, 0x0d, 0x6c};

static uint8_t multiply_slowly(unsigned a, unsigned b)
{
	unsigned r = 0;

	for (; b; b >>= 1) {
		if (b & 1)
			r ^= a;
		a <<= 1;
		if (a & 0x100)
			a ^= POLYNOMIAL;
	}
	return (uint8_t)r;
}

static void build(void)
{
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			product[a][b] = multiply_slowly(a, b);
			if (product[a][b] == 1)
				inverse[a] = (uint8_t)b;
		}
	}
}

void gf_init(void)
{
	pthread_once(&built, build);
}

uint8_t gf_mul(uint8_t a, uint8_t b)
{
	return product[a][b];
}

uint8_t gf_inv(uint8_t a)
{
	return inverse[a];
}

void gf_add_scaled(uint8_t *dst, const uint8_t *src, uint8_t c, size_t len)
{
	const uint8_t *row = product[c];

	if (!c)
		return;
	for (size_t i = 0; i < len; i++)
		dst[i] ^= row[src[i]];
}

void rs_cauchy(uint8_t *matrix, unsigned d, unsigned p)
{
	for (unsigned j = 0; j < p; j++) {
		for (unsigned i = 0; i < d; i++)
			matrix[j * d + i] = inverse[((p + i) ^ j) & 0xff];
	}
}

void rs_parity(const uint8_t *matrix, unsigned d, unsigned row, uint8_t *const *data, size_t len, uint8_t *out)
{
	memset(out, 0, len);
	for (unsigned i = 0; i < d; i++)
		gf_add_scaled(out, data[i], matrix[row * d + i], len);
}

/* Turns the n x n matrix a into the identity and b into what was the inverse of a. */
static int invert(uint8_t *a, uint8_t *b, unsigned n)
{
	memset(b, 0, (size_t)n * n);
	for (unsigned i = 0; i < n; i++)
		b[i * n + i] = 1;
	for (unsigned col = 0; col < n; col++) {
		unsigned pivot = col;
		uint8_t scale;

		while (pivot < n && !a[pivot * n + col])
			pivot++;
		if (pivot == n)
			return -EDOM;
		if (pivot != col) {
			for (unsigned k = 0; k < n; k++) {
				uint8_t t = a[col * n + k];

				a[col * n + k] = a[pivot * n + k];
				a[pivot * n + k] = t;
				t = b[col * n + k];
				b[col * n + k] = b[pivot * n + k];
				b[pivot * n + k] = t;
			}
		}
		scale = inverse[a[col * n + col]];
		for (unsigned k = 0; k < n; k++) {
			a[col * n + k] = product[scale][a[col * n + k]];
			b[col * n + k] = product[scale][b[col * n + k]];
		}
		for (unsigned row = 0; row < n; row++) {
			uint8_t c = a[row * n + col];

			if (row == col || !c)
				continue;
			gf_add_scaled(a + row * n, a + col * n, c, n);
			gf_add_scaled(b + row * n, b + col * n, c, n);
		}
	}
	return 0;
}

int rs_rebuild(const uint8_t *matrix, unsigned d, unsigned p, uint8_t *const *shard, const bool *present, size_t len)
{
	unsigned lost[RS_SHARDS_MAX], rows[RS_SHARDS_MAX], n = 0, have = 0;
	uint8_t *a = NULL, *syndrome;
	int rc;

	if (!d || !p || d + p > RS_SHARDS_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < d; i++) {
		if (!present[i])
			lost[n++] = i;
	}
	if (!n)
		return 0;
	for (unsigned j = 0; j < p && have < n; j++) {
		if (present[d + j])
			rows[have++] = j;
	}
	if (have < n)
		return -ENODATA;

	/* One allocation: the n x n system, its inverse, and n syndromes of len bytes. */
	a = malloc(2u * n * n + n * len);
	if (!a)
		return -ENOMEM;
	syndrome = a + 2u * n * n;
	for (unsigned r = 0; r < n; r++) {
		const uint8_t *m = matrix + rows[r] * d;
		uint8_t *s = syndrome + r * len;

		memcpy(s, shard[d + rows[r]], len);
		for (unsigned i = 0; i < d; i++) {
			if (present[i])
				gf_add_scaled(s, shard[i], m[i], len);
		}
		for (unsigned c = 0; c < n; c++)
			a[r * n + c] = m[lost[c]];
	}
	rc = invert(a, a + n * n, n);
	for (unsigned c = 0; !rc && c < n; c++) {
		memset(shard[lost[c]], 0, len);
		for (unsigned r = 0; r < n; r++)
			gf_add_scaled(shard[lost[c]], syndrome + r * len, a[n * n + c * n + r], len);
	}
	free(a);
	return rc;
}
