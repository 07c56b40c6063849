// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Named colours for pictures that are measured after an encoder: the pattern "patches" shows them in rows of eight below
 * the code of pattern_code.h, from the top left, each a flat rectangle. sRGB, full range. Tests read this file.
 */
#pragma once

#include <stdint.h>

#define PATCH_COLS 8u
#define PATCH_ROWS 4u

static const struct patch {
	const char *name;
	uint8_t r, g, b;
} patches[PATCH_ROWS * PATCH_COLS] = {
	/* the corners of the cube */
	{"black", 0, 0, 0},
	{"blue", 0, 0, 255},
	{"red", 255, 0, 0},
	{"magenta", 255, 0, 255},
	{"green", 0, 255, 0},
	{"cyan", 0, 255, 255},
	{"yellow", 255, 255, 0},
	{"white", 255, 255, 255},
	/* what a colour checker shows */
	{"dark skin", 115, 82, 68},
	{"light skin", 194, 150, 130},
	{"blue sky", 98, 122, 157},
	{"foliage", 87, 108, 67},
	{"blue flower", 133, 128, 177},
	{"bluish green", 103, 189, 170},
	{"orange", 214, 126, 44},
	{"purplish blue", 80, 91, 166},
	{"moderate red", 193, 90, 99},
	{"purple", 94, 60, 108},
	{"yellow green", 157, 188, 64},
	{"orange yellow", 224, 163, 46},
	{"deep blue", 56, 61, 150},
	{"leaf green", 70, 148, 73},
	{"brick red", 175, 54, 60},
	{"lemon", 231, 199, 31},
	/* dark, grey and bright */
	{"almost black", 3, 2, 5},
	{"dark red", 40, 0, 0},
	{"dark green", 0, 40, 0},
	{"dark blue", 0, 0, 40},
	{"grey 25", 64, 64, 64},
	{"grey 50", 128, 128, 128},
	{"grey 75", 191, 191, 191},
	{"almost white", 252, 254, 250},
};
