// SPDX-License-Identifier: GPL-3.0-or-later
/* What a move of the cursor costs on the CPU against the conversion of the whole picture, in turn; medians in ms,
 * JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "encode/scale.h"

#define ROUNDS 31

static const struct way {
	uint16_t from_w, from_h, to_w, to_h, cursor;
} ways[] = {
	{1920, 1080, 1920, 1080, 32},  {3840, 2160, 3840, 2160, 32},  {3840, 2160, 3840, 2160, 64},
	{3840, 2160, 1920, 1080, 64},  {1920, 1080, 2560, 1440, 64},  {1920, 1080, 3840, 2160, 256},
	{3840, 2160, 1920, 1080, 256}, {3840, 2160, 3840, 2160, 256},
};

static struct cursor_image image;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double ms[ROUNDS])
{
	qsort(ms, ROUNDS, sizeof(*ms), compare);
	return ms[ROUNDS / 2];
}

static int run(const struct way *y, double *whole, double *move)
{
	const struct video_params v = {.width = y->to_w, .height = y->to_h, .depth = 8, .space = COLOUR_BT709};
	struct frame f = {
		.width = y->from_w,
		.height = y->from_h,
		.fourcc = FOURCC_XRGB8888,
		.n_planes = 1,
		.plane[0] = {.fd = -1, .stride = y->from_w * 4u},
		.acquire_fence = -1,
	};
	void *pixels = malloc((size_t)y->from_w * y->from_h * 4);
	double ms[2][ROUNDS];
	struct picture p;
	struct scale s;

	if (!pixels || picture_init_for(&p, &v) < 0)
		return 1;
	memset(pixels, 0x55, (size_t)y->from_w * y->from_h * 4);
	f.map[0] = pixels;
	image.id = frame_picture_no();
	image.w = image.h = y->cursor;
	memset(image.argb, 0x80, sizeof(image.argb));
	scale_init(&s);
	for (unsigned r = 0; r < ROUNDS; r++) {
		uint64_t t0 = clock_thread_cpu_ns(), t1;

		f.cursor = (struct cursor){&image, 100, 100};
		if (scale_run(&s, &f, &p) < 0)
			return 1;
		t1 = clock_thread_cpu_ns();
		f.cursor.x = 131 + (int32_t)r;
		if (scale_cursor(&s, &f, &p) < 0)
			return 1;
		ms[0][r] = (double)(t1 - t0) / 1e6;
		ms[1][r] = (double)(clock_thread_cpu_ns() - t1) / 1e6;
	}
	*whole = median(ms[0]);
	*move = median(ms[1]);
	scale_finish(&s);
	picture_finish(&p);
	free(pixels);
	return 0;
}

int main(void)
{
	log_set_level(LOG_LEVEL_WARN);
	printf("{\n");
	for (unsigned i = 0; i < ARRAY_LEN(ways); i++) {
		const struct way *y = &ways[i];
		double whole, move;

		if (run(y, &whole, &move))
			return 1;
		printf("  \"%ux%u to %ux%u, cursor %u\": {\"whole_ms\": %.3f, \"move_ms\": %.3f}%s\n", y->from_w,
		       y->from_h, y->to_w, y->to_h, y->cursor, whole, move, i + 1 < ARRAY_LEN(ways) ? "," : "");
	}
	printf("}\n");
	return 0;
}
