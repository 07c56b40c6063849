// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The conversion of everything that convert_avx2.c does not do: sources of ten bits, pictures of ten bits and 4:4:4.
 * One body in plain C, compiled once for any processor and once for those with AVX2, where the compiler makes vectors
 * of it; the format is a constant in each of the functions that come of it.
 */
#include "encode/convert.h"

#include <endian.h>
#include <string.h>

#include "base/str.h"

/* This file is worth vectorising whatever the build type says. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("O3")
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t load(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

/* A sample in its place; ten bits are shifted up where the format has them there. Planes and places are even. */
INLINE void store(enum picture_format f, void *line, unsigned x, int32_t v)
{
	if (picture_is_10bit(f))
		((uint16_t *)line)[x] = htole16((uint16_t)(f == PICTURE_P010 ? v << 6 : v));
	else
		((uint8_t *)line)[x] = (uint8_t)v;
}

/* Cb and Cr side by side. */
INLINE void store_pair(enum picture_format f, void *line, unsigned x, int32_t cb, int32_t cr)
{
	if (picture_is_10bit(f))
		((uint32_t *)line)[x] = htole32((uint32_t)cb << 6 | (uint32_t)cr << 22);
	else
		((uint16_t *)line)[x] = htole16((uint16_t)(cb | cr << 8));
}

INLINE int32_t weigh(const int32_t k[3], int32_t r, int32_t g, int32_t b, int32_t bias)
{
	return r * k[0] + g * k[1] + b * k[2] + bias;
}

INLINE int32_t at_most(int32_t v, int32_t top)
{
	return v < top ? v : top;
}

INLINE void luma_line(enum picture_format f, const struct convert_matrix *m, const uint8_t *restrict src,
		      void *restrict out, unsigned w)
{
	const struct convert_matrix k = *m;

	for (unsigned x = 0; x < w; x++) {
		uint32_t p = load(src + 4 * x);
		int32_t r = (int32_t)(p >> k.r & k.mask), g = (int32_t)(p >> k.g & k.mask);
		int32_t b = (int32_t)(p >> k.b & k.mask);

		store(f, out, x, weigh(k.y, r, g, b, k.y_bias) >> CONVERT_LINES_BITS);
	}
}

INLINE void chroma_444(enum picture_format f, const struct convert_matrix *m, const uint8_t *restrict src,
		       void *restrict cb, void *restrict cr, unsigned w)
{
	const struct convert_matrix k = *m;

	for (unsigned x = 0; x < w; x++) {
		uint32_t p = load(src + 4 * x);
		int32_t r = (int32_t)(p >> k.r & k.mask), g = (int32_t)(p >> k.g & k.mask);
		int32_t b = (int32_t)(p >> k.b & k.mask);

		store(f, cb, x, at_most(weigh(k.cb, r, g, b, k.c_bias) >> CONVERT_LINES_BITS, k.top));
		store(f, cr, x, at_most(weigh(k.cr, r, g, b, k.c_bias) >> CONVERT_LINES_BITS, k.top));
	}
}

/* The mean of each block of two by two. */
INLINE void chroma_420(enum picture_format f, const struct convert_matrix *m, const uint8_t *restrict top,
		       const uint8_t *restrict bottom, void *restrict out, unsigned w)
{
	const struct convert_matrix k = *m;
	const int32_t bias = k.c_bias * 4;

	for (unsigned x = 0; x < w / 2; x++) {
		const uint32_t p[4] = {load(top + 8 * x), load(top + 8 * x + 4), load(bottom + 8 * x),
				       load(bottom + 8 * x + 4)};
		int32_t r = 0, g = 0, b = 0;

		for (unsigned i = 0; i < 4; i++) {
			r += (int32_t)(p[i] >> k.r & k.mask);
			g += (int32_t)(p[i] >> k.g & k.mask);
			b += (int32_t)(p[i] >> k.b & k.mask);
		}
		store_pair(f, out, x, at_most(weigh(k.cb, r, g, b, bias) >> (CONVERT_LINES_BITS + 2), k.top),
			   at_most(weigh(k.cr, r, g, b, bias) >> (CONVERT_LINES_BITS + 2), k.top));
	}
}

INLINE void lines(enum picture_format f, const struct convert_matrix *m, const uint8_t *const src[2],
		  const struct convert_lines *to, unsigned w)
{
	for (unsigned i = 0; i < 2; i++) {
		luma_line(f, m, src[i], to->luma[i], w);
		if (picture_is_444(f))
			chroma_444(f, m, src[i], to->chroma[i], to->cr[i], w);
	}
	if (!picture_is_444(f))
		chroma_420(f, m, src[0], src[1], to->chroma[0], w);
}

/* A function of its own for each format, name_n. */
#define KERNELS(name, how)                                                                                             \
	how static void name##_nv12(const struct convert_matrix *m, const uint8_t *const src[2],                       \
				    const struct convert_lines *to, unsigned w)                                        \
	{                                                                                                              \
		lines(PICTURE_NV12, m, src, to, w);                                                                    \
	}                                                                                                              \
	how static void name##_p010(const struct convert_matrix *m, const uint8_t *const src[2],                       \
				    const struct convert_lines *to, unsigned w)                                        \
	{                                                                                                              \
		lines(PICTURE_P010, m, src, to, w);                                                                    \
	}                                                                                                              \
	how static void name##_444(const struct convert_matrix *m, const uint8_t *const src[2],                        \
				   const struct convert_lines *to, unsigned w)                                         \
	{                                                                                                              \
		lines(PICTURE_YUV444, m, src, to, w);                                                                  \
	}                                                                                                              \
	how static void name##_444p10(const struct convert_matrix *m, const uint8_t *const src[2],                     \
				      const struct convert_lines *to, unsigned w)                                      \
	{                                                                                                              \
		lines(PICTURE_YUV444P10, m, src, to, w);                                                               \
	}                                                                                                              \
	static const convert_lines_fn name[PICTURE_FORMATS] = {name##_nv12, name##_p010, name##_444, name##_444p10};

KERNELS(portable, )
#if defined(__x86_64__) || defined(__i386__)
KERNELS(avx2, __attribute__((target("avx2"))))
#endif

convert_lines_fn convert_lines_portable(enum picture_format f)
{
	return portable[f];
}

convert_lines_fn convert_lines_avx2(enum picture_format f)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("avx2") ? avx2[f] : NULL;
#else
	(void)f;
	return NULL;
#endif
}
