// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The conversion kernel for processors with AVX2. Compilers do not find the one instruction that matters: pmaddwd
 * multiplies and adds two 16-bit pairs at once, and the even and odd bytes of four-byte pixels are such pairs after
 * one AND and one shift. Measured against the portable loop: tests/bench/encode_convert.c.
 */
#include "encode/convert.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* The 16-bit coefficients (k[i], k[i + 2]) in every 32-bit lane. */
static inline AVX2 __m256i coef_pair(const int16_t k[4], unsigned i)
{
	return _mm256_set1_epi32((int)((uint32_t)(uint16_t)k[i] | (uint32_t)(uint16_t)k[i + 2] << 16));
}

struct pair { /* bytes 0 and 2, and bytes 1 and 3, of eight pixels as 16-bit words */
	__m256i even, odd;
};

static inline AVX2 struct pair load8(const uint8_t *p)
{
	__m256i v = _mm256_loadu_si256((const __m256i *)p);

	return (struct pair){_mm256_and_si256(v, _mm256_set1_epi16(0xff)), _mm256_srli_epi16(v, 8)};
}

static inline AVX2 __m256i weigh(struct pair p, struct pair k, __m256i bias)
{
	return _mm256_add_epi32(_mm256_add_epi32(_mm256_madd_epi16(p.even, k.even), bias),
				_mm256_madd_epi16(p.odd, k.odd));
}

/* Eight luma samples in 32-bit lanes. */
static inline AVX2 __m256i luma8(struct pair p, struct pair k, __m256i bias)
{
	return _mm256_srli_epi32(weigh(p, k, bias), CONVERT_BITS);
}

/* Four vectors of eight 32-bit samples to 32 bytes in order. */
static inline AVX2 __m256i pack32(__m256i a, __m256i b, __m256i c, __m256i d)
{
	__m256i v = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));

	return _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

static inline AVX2 struct pair add(struct pair a, struct pair b)
{
	return (struct pair){_mm256_add_epi16(a.even, b.even), _mm256_add_epi16(a.odd, b.odd)};
}

/* Sums of neighbouring pixels: of a (0..3 in the low half of each 128-bit lane pair) and b. */
static inline AVX2 __m256i fold(__m256i a, __m256i b)
{
	__m256 fa = _mm256_castsi256_ps(a), fb = _mm256_castsi256_ps(b);
	__m256i left = _mm256_castps_si256(_mm256_shuffle_ps(fa, fb, 0x88));
	__m256i right = _mm256_castps_si256(_mm256_shuffle_ps(fa, fb, 0xdd));

	return _mm256_add_epi16(left, right);
}

static inline AVX2 struct pair fold_pair(struct pair a, struct pair b)
{
	return (struct pair){fold(a.even, b.even), fold(a.odd, b.odd)};
}

static AVX2 void rows_avx2(const struct convert_coef *c, const uint8_t *const src[2], uint8_t *const luma[2],
			   uint8_t *chroma, unsigned w)
{
	const struct pair ky = {coef_pair(c->y, 0), coef_pair(c->y, 1)};
	const struct pair kb = {coef_pair(c->cb, 0), coef_pair(c->cb, 1)};
	const struct pair kr = {coef_pair(c->cr, 0), coef_pair(c->cr, 1)};
	const __m256i y_bias = _mm256_set1_epi32(c->y_bias), c_bias = _mm256_set1_epi32(c->c_bias);
	/* After both packs each 128-bit lane holds Cb 0..3, Cr 0..3 of two groups of four samples. */
	const __m256i interleave = _mm256_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15, 0, 4, 1, 5, 2,
						    6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
	/* The next two lines are asked for while these are converted: pages end too often for the processor's own
	 * prefetching, and a fifth of the time is waiting. Asked for as read-once: the encoder, which comes next, wants
	 * the caches for its own pictures. Past the last line it asks for nothing that matters. */
	const uintptr_t ahead = 2 * ((uintptr_t)src[1] - (uintptr_t)src[0]);
	unsigned x = 0;

	for (; x + 32 <= w; x += 32) {
		struct pair sum[4];
		__m256i y0[4], y1[4], cbcr[2];

		for (unsigned i = 0; i < 4; i++) {
			const uint8_t *from[2] = {src[0] + 4 * (x + 8 * i), src[1] + 4 * (x + 8 * i)};
			struct pair top = load8(from[0]), bottom = load8(from[1]);

			if (i % 2 == 0) { /* once a cache line */
				_mm_prefetch((const void *)((uintptr_t)from[0] + ahead), _MM_HINT_NTA);
				_mm_prefetch((const void *)((uintptr_t)from[1] + ahead), _MM_HINT_NTA);
			}
			y0[i] = luma8(top, ky, y_bias);
			y1[i] = luma8(bottom, ky, y_bias);
			sum[i] = add(top, bottom);
		}
		_mm256_storeu_si256((__m256i *)(luma[0] + x), pack32(y0[0], y0[1], y0[2], y0[3]));
		_mm256_storeu_si256((__m256i *)(luma[1] + x), pack32(y1[0], y1[1], y1[2], y1[3]));

		for (unsigned i = 0; i < 2; i++) {
			struct pair s = fold_pair(sum[2 * i], sum[2 * i + 1]);
			__m256i cb = _mm256_srai_epi32(weigh(s, kb, c_bias), CONVERT_BITS + 2);
			__m256i cr = _mm256_srai_epi32(weigh(s, kr, c_bias), CONVERT_BITS + 2);

			cbcr[i] = _mm256_packs_epi32(cb, cr);
		}
		/* fold() left samples 0 1 4 5 | 2 3 6 7 of each eight in the two lanes: with the words of a lane
		 * as Cb Cr of its four samples, the pairs of dwords are put in order last. */
		{
			__m256i v = _mm256_packus_epi16(cbcr[0], cbcr[1]);

			v = _mm256_shuffle_epi8(v, interleave);
			v = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
			_mm256_storeu_si256((__m256i *)(chroma + x), v);
		}
	}
	if (x < w) {
		const uint8_t *const rest_src[2] = {src[0] + 4 * x, src[1] + 4 * x};
		uint8_t *const rest_luma[2] = {luma[0] + x, luma[1] + x};

		convert_rows_portable(c, rest_src, rest_luma, chroma + x, w - x);
	}
}

convert_rows_fn convert_rows_avx2(void)
{
	return __builtin_cpu_supports("avx2") ? rows_avx2 : NULL;
}
#else
convert_rows_fn convert_rows_avx2(void)
{
	return NULL;
}
#endif
