// SPDX-License-Identifier: GPL-3.0-or-later
/* Levels of AV1: which there are, and what they have room for (annex A.3). */
#include "av1.h"

static const struct level {
	uint8_t idx;
	uint32_t samples;
	uint16_t wide, high;
	uint64_t rate; /* samples shown in a second */
	uint8_t tiles, columns;
} levels[] = {
	{0, 147456, 2048, 1152, 4423680, 8, 4},           {1, 278784, 2816, 1584, 8363520, 8, 4},
	{4, 665856, 4352, 2448, 19975680, 16, 6},         {5, 1065024, 5504, 3096, 31950720, 16, 6},
	{8, 2359296, 6144, 3456, 70778880, 32, 8},        {9, 2359296, 6144, 3456, 141557760, 32, 8},
	{12, 8912896, 8192, 4352, 267386880, 64, 8},      {13, 8912896, 8192, 4352, 534773760, 64, 8},
	{14, 8912896, 8192, 4352, 1069547520, 64, 8},     {15, 8912896, 8192, 4352, 1069547520, 64, 8},
	{16, 35651584, 16384, 8704, 1069547520, 128, 16}, {17, 35651584, 16384, 8704, 2139095040, 128, 16},
	{18, 35651584, 16384, 8704, 4278190080, 128, 16}, {19, 35651584, 16384, 8704, 4278190080, 128, 16},
};

static const struct level *level_find(unsigned idx)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (levels[i].idx == idx)
			return &levels[i];
	return NULL;
}

bool av1_level_known(unsigned idx)
{
	return idx == AV1_LEVEL_ANY || level_find(idx);
}

const char *av1_level_lacks(unsigned idx, const struct av1_load *w)
{
	const struct level *l = level_find(idx);
	const uint32_t samples = w->width * w->height;

	if (idx == AV1_LEVEL_ANY || !l)
		return NULL;
	if (samples > l->samples || w->width > l->wide || w->height > l->high)
		return "picture";
	if ((uint64_t)samples * w->fps_num > l->rate * w->fps_den)
		return "picture rate";
	return w->columns > l->columns || w->columns * w->rows > l->tiles ? "tiles" : NULL;
}
