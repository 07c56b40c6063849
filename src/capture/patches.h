// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Named colours for pictures that are measured after an encoder: the pattern "patches" shows them in rows of eight
 * below the code of pattern_code.h, from the top left, each a flat rectangle. sRGB, full range. The pattern "pq" shows
 * the other table: BT.2020 with the curve of SMPTE ST 2084, ten bits. Tests read this file.
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

static const struct patch_pq {
	const char *name; /* a number: cd/m2 of each primary that is not 0 */
	uint16_t r, g, b;
} patches_pq[PATCH_ROWS * PATCH_COLS] = {
	{"grey 0", 0, 0, 0},           {"grey 1", 153, 153, 153},        {"grey 10", 307, 307, 307},
	{"grey 100", 520, 520, 520},   {"grey 203", 594, 594, 594},      {"grey 1000", 769, 769, 769},
	{"grey 4000", 923, 923, 923},  {"grey 10000", 1023, 1023, 1023}, {"red 100", 520, 0, 0},
	{"green 100", 0, 520, 0},      {"blue 100", 0, 0, 520},          {"cyan 100", 0, 520, 520},
	{"magenta 100", 520, 0, 520},  {"yellow 100", 520, 520, 0},      {"red 1000", 769, 0, 0},
	{"green 1000", 0, 769, 0},     {"blue 1000", 0, 0, 769},         {"cyan 1000", 0, 769, 769},
	{"magenta 1000", 769, 0, 769}, {"yellow 1000", 769, 769, 0},     {"skin", 636, 581, 539},
	{"sky", 468, 539, 616},        {"leaf", 429, 509, 385},          {"sand", 668, 647, 592},
	{"lamp", 846, 814, 729},       {"sun", 999, 985, 923},           {"shade", 218, 238, 267},
	{"night", 64, 75, 111},        {"brick", 509, 402, 365},         {"sea", 307, 468, 497},
	{"rose", 616, 468, 509},       {"snow", 692, 696, 705},
};
