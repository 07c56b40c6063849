// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/vaapi_format.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* This file is worth vectorising whatever the build type says. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
#pragma GCC optimize("O3")
#endif

/* The best first of each picture format. XYUV and AYUV differ in what nobody looks at. */
static const struct format {
	uint32_t fourcc;
	enum picture_format picture;
	uint8_t planes, bits; /* of a pixel, all planes */
} formats[] = {
	{VA_FOURCC_NV12, PICTURE_NV12, 2, 12},   {VA_FOURCC_P010, PICTURE_P010, 2, 24},
	{VA_FOURCC_XYUV, PICTURE_YUV444, 1, 32}, {VA_FOURCC_AYUV, PICTURE_YUV444, 1, 32},
	{VA_FOURCC_444P, PICTURE_YUV444, 3, 24}, {VA_FOURCC_Y410, PICTURE_YUV444P10, 1, 32},
};

static const struct format *find(uint32_t fourcc)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].fourcc == fourcc)
			return &formats[i];
	return NULL;
}

uint32_t vaapi_format_rt(enum picture_format f)
{
	static const uint32_t rt[PICTURE_FORMATS] = {
		[PICTURE_NV12] = VA_RT_FORMAT_YUV420,
		[PICTURE_P010] = VA_RT_FORMAT_YUV420_10,
		[PICTURE_YUV444] = VA_RT_FORMAT_YUV444,
		[PICTURE_YUV444P10] = VA_RT_FORMAT_YUV444_10,
	};

	return rt[f];
}

static bool lists(const VASurfaceAttrib *list, unsigned n, uint32_t fourcc)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].type == VASurfaceAttribPixelFormat && (uint32_t)list[i].value.value.i == fourcc)
			return true;
	return false;
}

uint32_t vaapi_format_best(const VASurfaceAttrib *list, unsigned n, enum picture_format f)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].picture == f && lists(list, n, formats[i].fourcc))
			return formats[i].fourcc;
	return 0;
}

uint32_t vaapi_format_choose(VADisplay dpy, VAConfigID config, enum picture_format f)
{
	VASurfaceAttrib *list;
	uint32_t chosen = 0;
	unsigned n = 0;

	if (vaQuerySurfaceAttributes(dpy, config, NULL, &n) != VA_STATUS_SUCCESS || !n)
		return 0;
	list = calloc(n, sizeof(*list));
	if (list && vaQuerySurfaceAttributes(dpy, config, list, &n) == VA_STATUS_SUCCESS)
		chosen = vaapi_format_best(list, n, f);
	free(list);
	return chosen;
}

bool vaapi_format_image(uint32_t fourcc, VAImageFormat *out)
{
	const struct format *f = find(fourcc);

	if (f)
		*out = (VAImageFormat){.fourcc = fourcc, .byte_order = VA_LSB_FIRST, .bits_per_pixel = f->bits};
	return f;
}

bool vaapi_format_fits(const VAImage *i, uint32_t fourcc)
{
	const struct format *f = find(fourcc);

	return f && i->format.fourcc == fourcc && i->num_planes == f->planes;
}

/* bytes: of a line that hold the picture, of which the last `unit` are repeated. */
static void copy_plane(uint8_t *to, uint32_t to_pitch, unsigned to_bytes, unsigned to_lines, const uint8_t *from,
		       uint32_t from_pitch, unsigned bytes, unsigned lines, unsigned unit)
{
	const uint8_t *line = from;

	for (unsigned y = 0; y < to_lines; y++) {
		line = from + (size_t)(y < lines ? y : lines - 1) * from_pitch;
		memcpy(to, line, bytes < to_bytes ? bytes : to_bytes);
		for (unsigned x = bytes; x + unit <= to_bytes; x += unit)
			memcpy(to + x, line + bytes - unit, unit);
		to += to_pitch;
	}
}

static void fill_420(const VAImage *i, uint8_t *map, const struct picture *p)
{
	const unsigned sample = picture_sample(p->format), bytes = i->width * sample;

	copy_plane(map + i->offsets[0], i->pitches[0], bytes, i->height, p->luma, p->stride, p->width * sample,
		   p->height, sample);
	copy_plane(map + i->offsets[1], i->pitches[1], bytes, i->height / 2u, p->chroma, p->stride, p->width * sample,
		   p->height / 2u, 2 * sample);
}

static void fill_planes(const VAImage *i, uint8_t *map, const struct picture *p)
{
	const uint8_t *from[] = {p->luma, p->chroma, p->cr};

	for (unsigned k = 0; k < 3; k++)
		copy_plane(map + i->offsets[k], i->pitches[k], i->width, i->height, from[k], p->stride, p->width,
			   p->height, 1);
}

/* Words of 32 bits, little-endian: from the top X or A, Y, Cb, Cr. */
static void pack_8(uint8_t *restrict to, const uint8_t *restrict y, const uint8_t *restrict cb,
		   const uint8_t *restrict cr, unsigned n)
{
	for (unsigned x = 0; x < n; x++) {
		to[4 * x] = cr[x];
		to[4 * x + 1] = cb[x];
		to[4 * x + 2] = y[x];
		to[4 * x + 3] = 0xff;
	}
}

/* The same of ten bits each: two that nobody looks at, Cr, Y, Cb. */
static void pack_10(uint32_t *restrict to, const uint16_t *restrict y, const uint16_t *restrict cb,
		    const uint16_t *restrict cr, unsigned n)
{
	for (unsigned x = 0; x < n; x++)
		to[x] = htole32(3u << 30 | (uint32_t)(le16toh(cr[x]) & 1023) << 20 |
				(uint32_t)(le16toh(y[x]) & 1023) << 10 | (le16toh(cb[x]) & 1023u));
}

static const uint16_t *words(const uint8_t *line)
{
	return (const uint16_t *)(const void *)line;
}

static void fill_packed(const VAImage *i, uint8_t *map, const struct picture *p)
{
	const unsigned width = p->width < i->width ? p->width : i->width;

	for (unsigned y = 0; y < i->height; y++) {
		const size_t at = (size_t)(y < p->height ? y : p->height - 1u) * p->stride;
		uint8_t *to = map + i->offsets[0] + (size_t)y * i->pitches[0];

		if (picture_is_10bit(p->format))
			pack_10((uint32_t *)(void *)to, words(p->luma + at), words(p->chroma + at), words(p->cr + at),
				width);
		else
			pack_8(to, p->luma + at, p->chroma + at, p->cr + at, width);
		for (unsigned x = width; x < i->width; x++)
			memcpy(to + (size_t)x * 4, to + (size_t)(width - 1) * 4, 4);
	}
}

void vaapi_format_fill(const VAImage *i, uint8_t *map, const struct picture *p)
{
	if (!picture_is_444(p->format))
		fill_420(i, map, p);
	else if (i->num_planes == 3)
		fill_planes(i, map, p);
	else
		fill_packed(i, map, p);
}
