// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the pass ought to give, pixel by pixel in double precision and without regard to speed: written from the
 * contract in gpu/convert.h and the standards, sharing nothing with the shader.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gpu/convert.h"

struct reference_cursor {
	const uint32_t *argb; /* premultiplied, w pixels a line; NULL: none */
	struct gpu_cursor at;
};

/* The largest distance from the exact, rounded sample over all of out, which lies as target's layout says. Where it is,
 * in where[96]. */
unsigned reference_distance(const struct frame *f, const struct gpu_geometry *g, const struct reference_cursor *cursor,
			    const struct gpu_target *target, const uint8_t *out, char where[96]);
