// SPDX-License-Identifier: GPL-3.0-or-later
/* The conversion kernels against each other and against a copy of the frame, in turn; medians in ms, JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "encode/convert.h"

#define ROUNDS 31

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double run(struct convert *c, convert_rows_fn rows, const uint8_t *src, uint8_t *copy, struct picture *p)
{
	uint64_t t0 = clock_thread_cpu_ns();

	if (rows) {
		c->rows = rows;
		convert_run(c, src, p->width * 4u, p, 0, 0, p->width, p->height);
	} else {
		memcpy(copy, src, (size_t)p->width * p->height * 4);
	}
	return (double)(clock_thread_cpu_ns() - t0) / 1e6;
}

int main(void)
{
	static const uint16_t sizes[][2] = {{1280, 720}, {1920, 1080}, {3840, 2160}};

	printf("{\n");
	for (unsigned i = 0; i < 3; i++) {
		const unsigned w = sizes[i][0], h = sizes[i][1];
		const convert_rows_fn rows[3] = {NULL, convert_rows_portable, convert_rows_avx2()};
		double ms[3][ROUNDS];
		uint8_t *src = malloc((size_t)w * h * 4), *copy = malloc((size_t)w * h * 4);
		struct picture p;
		struct convert c;

		if (!src || !copy || picture_init(&p, (uint16_t)w, (uint16_t)h, COLOUR_BT709, false) < 0 ||
		    convert_init(&c, FOURCC_XRGB8888, COLOUR_BT709, false) < 0)
			return 1;
		for (size_t k = 0; k < (size_t)w * h * 4; k++)
			src[k] = (uint8_t)(k * 2654435761u >> 13);
		memset(copy, 0, (size_t)w * h * 4);
		for (unsigned r = 0; r < ROUNDS; r++)
			for (unsigned k = 0; k < 3; k++)
				ms[k][r] = k == 2 && !rows[2] ? 0 : run(&c, rows[k], src, copy, &p);
		for (unsigned k = 0; k < 3; k++)
			qsort(ms[k], ROUNDS, sizeof(double), compare);
		printf("  \"%ux%u\": {\"copy_ms\": %.3f, \"portable_ms\": %.3f, \"avx2_ms\": %.3f}%s\n", w, h,
		       ms[0][ROUNDS / 2], ms[1][ROUNDS / 2], ms[2][ROUNDS / 2], i < 2 ? "," : "");
		picture_finish(&p);
		free(src);
		free(copy);
	}
	printf("}\n");
	return 0;
}
