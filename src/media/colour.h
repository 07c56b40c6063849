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
