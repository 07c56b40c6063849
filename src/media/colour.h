// SPDX-License-Identifier: GPL-3.0-or-later
/* Facts about colour that conversions and bitstreams share. Pure functions. */
#pragma once

#include "media/params.h"

/* Weights of red and blue in luma: ITU-R BT.601, BT.709, BT.2020 (non-constant luminance). */
static inline void luma_weights(enum colour_space space, double *kr, double *kb)
{
	static const double weight[][2] = {
		[COLOUR_BT601] = {0.299, 0.114},
		[COLOUR_BT709] = {0.2126, 0.0722},
		[COLOUR_BT2020] = {0.2627, 0.0593},
	};

	*kr = weight[space][0];
	*kb = weight[space][1];
}

/* Code points of ITU-T H.273, which H.264, HEVC and AV1 share. */
struct colour_codes {
	uint8_t primaries, transfer, matrix;
};

/* pq: SMPTE ST 2084, else the curve of the standard itself. */
static inline struct colour_codes colour_codes(enum colour_space space, bool pq)
{
	static const struct colour_codes codes[] = {
		[COLOUR_BT601] = {6, 6, 6},
		[COLOUR_BT709] = {1, 1, 1},
		[COLOUR_BT2020] = {9, 14, 9},
	};
	struct colour_codes c = codes[space];

	if (pq)
		c.transfer = 16;
	return c;
}
