// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/place.h"

#include <stdbool.h>
#include <stdint.h>

static bool same_place(const struct input_place *a, const struct input_place *b)
{
	return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

/* Sources tell a size in logical pixels or in those of the picture. */
static bool same_size(const struct input_place *p, const struct place_output *o)
{
	return (p->width == o->at.width && p->height == o->at.height) ||
	       (p->width == o->width && p->height == o->height);
}

static int64_t overlap(int64_t a, int64_t a_len, int64_t b, int64_t b_len)
{
	int64_t from = a > b ? a : b, to = a + a_len < b + b_len ? a + a_len : b + b_len;

	return to > from ? to - from : 0;
}

static int64_t shared(const struct input_place *a, const struct input_place *b)
{
	return overlap(a->x, a->width, b->x, b->width) * overlap(a->y, a->height, b->y, b->height);
}

unsigned place_find(const struct input_place *captured, const struct place_output *list, unsigned n)
{
	unsigned best = 0, fitting = 0, fits = 0;

	if (captured->width <= 0 || captured->height <= 0)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		if (same_place(captured, &list[i].at))
			return i;
		if (same_size(captured, &list[i])) {
			fits = i;
			fitting++;
		}
		if (shared(captured, &list[i].at) > shared(captured, &list[best].at))
			best = i;
	}
	return fitting == 1 ? fits : best;
}
