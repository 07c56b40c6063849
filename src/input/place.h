// SPDX-License-Identifier: GPL-3.0-or-later
/* Which output a captured picture is of. Pure. */
#pragma once

#include "input/input.h"

struct place_output {
	struct input_place at; /* width 0: the compositor has not told */
	int width, height;     /* in its own pixels; 0: not told */
};

/*
 * The output that lies just there; else the only one of just that size (there are sources that say 0,0 whatever they
 * capture); else the one that contains the most of it; else the first. n: at least 1.
 */
unsigned place_find(const struct input_place *captured, const struct place_output *list, unsigned n);
