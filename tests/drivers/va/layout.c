// SPDX-License-Identifier: GPL-3.0-or-later
#include "layout.h"

#include "driver.h"

#include <stdlib.h>
#include <string.h>

#define DRM_FORMAT_R8     0x20203852u
#define DRM_FORMAT_GR88   0x38385247u
#define DRM_FORMAT_R16    0x20363152u
#define DRM_FORMAT_GR1616 0x32335247u
#define DRM_FORMAT_YUV444 0x34325559u

const struct layout layouts[] = {
	{VA_FOURCC_NV12, VA_RT_FORMAT_YUV420, 2, 1, 12, true, 8, VA_FOURCC_NV12, {DRM_FORMAT_R8, DRM_FORMAT_GR88, 0}},
	{VA_FOURCC_P010,
	 VA_RT_FORMAT_YUV420_10,
	 2,
	 2,
	 24,
	 true,
	 10,
	 VA_FOURCC_P010,
	 {DRM_FORMAT_R16, DRM_FORMAT_GR1616, 0}},
	{VA_FOURCC_XYUV, VA_RT_FORMAT_YUV444, 1, 4, 32, false, 8, VA_FOURCC_XYUV, {VA_FOURCC_XYUV, 0, 0}},
	{VA_FOURCC_AYUV, VA_RT_FORMAT_YUV444, 1, 4, 32, false, 8, VA_FOURCC_AYUV, {VA_FOURCC_AYUV, 0, 0}},
	{VA_FOURCC_444P,
	 VA_RT_FORMAT_YUV444,
	 3,
	 1,
	 24,
	 false,
	 8,
	 DRM_FORMAT_YUV444,
	 {DRM_FORMAT_R8, DRM_FORMAT_R8, DRM_FORMAT_R8}},
	{VA_FOURCC_Y410, VA_RT_FORMAT_YUV444_10, 1, 4, 32, false, 10, VA_FOURCC_Y410, {VA_FOURCC_Y410, 0, 0}},
};
const unsigned n_layouts = sizeof(layouts) / sizeof(*layouts);

/* --- one sample --- */

static uint8_t *line_of(const struct surface *s, unsigned plane, unsigned y)
{
	return s->map + s->offset[plane] + (size_t)y * s->pitch[plane];
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

/* Where a pixel of Y410 has it. */
static const unsigned shift_y410[] = {10, 0, 20};
/* Bytes from a pixel's beginning in XYUV. */
static const unsigned byte_xyuv[] = {2, 1, 0};

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint16_t sample_get(const struct surface *s, unsigned plane, unsigned x, unsigned y)
{
	const unsigned behind = plane ? 2 * x + plane - 1 : x; /* of 4:2:0 */

	switch (s->fourcc) {
	case VA_FOURCC_NV12:
		return line_of(s, plane > 0, y)[behind];
	case VA_FOURCC_P010:
		return get16(line_of(s, plane > 0, y) + (size_t)behind * 2) >> 6;
	case VA_FOURCC_444P:
		return line_of(s, plane, y)[x];
	case VA_FOURCC_Y410:
		return get32(line_of(s, 0, y) + (size_t)x * 4) >> shift_y410[plane] & 1023;
	default:
		return line_of(s, 0, y)[x * 4 + byte_xyuv[plane]];
	}
}

static void sample_put(struct surface *s, unsigned plane, unsigned x, unsigned y, unsigned v)
{
	const unsigned behind = plane ? 2 * x + plane - 1 : x;
	uint8_t *p;
	uint32_t word;

	switch (s->fourcc) {
	case VA_FOURCC_NV12:
		line_of(s, plane > 0, y)[behind] = (uint8_t)v;
		break;
	case VA_FOURCC_P010:
		put16(line_of(s, plane > 0, y) + (size_t)behind * 2, v << 6);
		break;
	case VA_FOURCC_444P:
		line_of(s, plane, y)[x] = (uint8_t)v;
		break;
	case VA_FOURCC_Y410:
		p = line_of(s, 0, y) + (size_t)x * 4;
		word = (get32(p) & ~(1023u << shift_y410[plane])) | v << shift_y410[plane];
		put16(p, word & 0xffff);
		put16(p + 2, word >> 16);
		break;
	default:
		line_of(s, 0, y)[x * 4 + byte_xyuv[plane]] = (uint8_t)v;
	}
}

/* --- planes --- */

bool planes_prepare(struct planes *p, unsigned width, unsigned height, unsigned depth, bool whole)
{
	if (p->at[0] && p->width == width && p->height == height && p->depth == depth && p->whole == whole)
		return true;
	planes_free(p);
	*p = (struct planes){.width = width, .height = height, .depth = depth, .whole = whole};
	for (unsigned i = 0; i < 3; i++)
		p->at[i] = calloc((size_t)planes_width(p, i) * planes_height(p, i), sizeof(*p->at[i]));
	if (p->at[0] && p->at[1] && p->at[2])
		return true;
	planes_free(p);
	return false;
}

void planes_free(struct planes *p)
{
	for (unsigned i = 0; i < 3; i++)
		free(p->at[i]);
	*p = (struct planes){0};
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

void planes_read(struct planes *to, const struct surface *s)
{
	for (unsigned i = 0; i < 3; i++) {
		const unsigned half = i && !to->whole, w = half ? (s->width + 1) / 2 : s->width,
			       h = half ? (s->height + 1) / 2 : s->height;
		uint16_t *line = to->at[i];

		for (unsigned y = 0; y < planes_height(to, i); y++, line += planes_width(to, i))
			for (unsigned x = 0; x < planes_width(to, i); x++)
				line[x] = x < w ? sample_get(s, i, x, least(y, h - 1)) : line[w - 1];
	}
}

void planes_show(const struct planes *p, struct surface *s)
{
	for (unsigned i = 0; i < 3; i++) {
		const unsigned half = i && !p->whole, w = half ? (s->width + 1) / 2 : s->width,
			       h = half ? (s->height + 1) / 2 : s->height;

		for (unsigned y = 0; y < least(h, planes_height(p, i)); y++)
			for (unsigned x = 0; x < least(w, planes_width(p, i)); x++)
				sample_put(s, i, x, y, p->at[i][(size_t)y * planes_width(p, i) + x]);
	}
}

static void keep_sample(FILE *f, unsigned v, bool deep)
{
	putc((int)(v & 0xff), f);
	if (deep)
		putc((int)(v >> 8), f);
}

void planes_keep(const struct planes *p, const struct driver *d, unsigned width, unsigned height)
{
	const bool deep = p->depth > 8, nv12 = !deep && !p->whole;
	FILE *f = d->q.recon_path ? fopen(d->q.recon_path, "ae") : NULL;

	if (!f)
		return;
	for (unsigned i = 0; i < (nv12 ? 2 : 3); i++) {
		const unsigned w = i && !p->whole ? width / 2 : width, h = i && !p->whole ? height / 2 : height,
			       stride = planes_width(p, i);

		for (unsigned y = 0; y < h; y++)
			for (unsigned x = 0; x < w; x++) {
				keep_sample(f, p->at[i][(size_t)y * stride + x], deep);
				if (nv12 && i)
					keep_sample(f, p->at[2][(size_t)y * stride + x], false);
			}
	}
	fclose(f);
}
