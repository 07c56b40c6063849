// SPDX-License-Identifier: GPL-3.0-or-later
/* Numbers. Pure functions, any thread. */
#pragma once

#include <stdint.h>

static inline uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}
