// SPDX-License-Identifier: GPL-3.0-or-later
/* The conversions against each other and against a copy of the frame, in turn; medians in ms, JSON. copy, portable and
 * avx2 are of 8-bit RGB to NV12. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "encode/convert.h"

#define ROUNDS 31

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* c NULL: the copy. */
static double run(const struct convert *c, const uint8_t *src, uint8_t *copy, struct picture *p)
{
	uint64_t t0 = clock_thread_cpu_ns();

	if (c)
		convert_run(c, src, p->width * 4u, p, 0, 0, p->width, p->height);
	else
		memcpy(copy, src, (size_t)p->width * p->height * 4);
	return (double)(clock_thread_cpu_ns() - t0) / 1e6;
}

static const struct way {
	const char *name;
	bool copy, portable, deep, yuv444;
	uint32_t fourcc;
} ways[] = {
	{"copy", .copy = true, .fourcc = FOURCC_XRGB8888},
	{"portable", .portable = true, .fourcc = FOURCC_XRGB8888},
	{"avx2", .fourcc = FOURCC_XRGB8888},
	{"p010", .deep = true, .fourcc = FOURCC_XRGB8888},
	{"444", .yuv444 = true, .fourcc = FOURCC_XRGB8888},
	{"444p10", .deep = true, .yuv444 = true, .fourcc = FOURCC_XRGB8888},
	{"p010_from_10_bit", .deep = true, .fourcc = FOURCC_XRGB2101010},
};

int main(void)
{
	static const uint16_t sizes[][2] = {{1280, 720}, {1920, 1080}, {3840, 2160}};

	printf("{\n");
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		const unsigned w = sizes[i][0], h = sizes[i][1];
		double ms[ARRAY_LEN(ways)][ROUNDS];
		uint8_t *src = malloc((size_t)w * h * 4), *copy = malloc((size_t)w * h * 4);
		struct convert convert[ARRAY_LEN(ways)];
		struct picture p[ARRAY_LEN(ways)];

		if (!src || !copy)
			return 1;
		for (unsigned k = 0; k < ARRAY_LEN(ways); k++) {
			const struct video_params v = {
				.width = (uint16_t)w,
				.height = (uint16_t)h,
				.depth = ways[k].deep ? 10 : 8,
				.yuv444 = ways[k].yuv444,
				.space = COLOUR_BT709,
			};

			if (picture_init_for(&p[k], &v) < 0 || convert_init(&convert[k], ways[k].fourcc, &p[k]) < 0)
				return 1;
			if (ways[k].portable)
				convert[k].rows = convert_rows_portable;
		}
		for (size_t k = 0; k < (size_t)w * h * 4; k++)
			src[k] = (uint8_t)(k * 2654435761u >> 13);
		memset(copy, 0, (size_t)w * h * 4);
		for (unsigned r = 0; r < ROUNDS; r++)
			for (unsigned k = 0; k < ARRAY_LEN(ways); k++)
				ms[k][r] = run(ways[k].copy ? NULL : &convert[k], src, copy, &p[k]);
		printf("  \"%ux%u\": {", w, h);
		for (unsigned k = 0; k < ARRAY_LEN(ways); k++) {
			qsort(ms[k], ROUNDS, sizeof(double), compare);
			printf("%s\"%s_ms\": %.3f", k ? ", " : "", ways[k].name, ms[k][ROUNDS / 2]);
			picture_finish(&p[k]);
		}
		printf("}%s\n", i + 1 < ARRAY_LEN(sizes) ? "," : "");
		free(src);
		free(copy);
	}
	printf("}\n");
	return 0;
}
