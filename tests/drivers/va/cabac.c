// SPDX-License-Identifier: GPL-3.0-or-later
#include "cabac.h"

static const uint8_t range_lps[64][4] = {
	{128, 176, 208, 240}, {128, 167, 197, 227}, {128, 158, 187, 216}, {123, 150, 178, 205}, {116, 142, 169, 195},
	{111, 135, 160, 185}, {105, 128, 152, 175}, {100, 122, 144, 166}, {95, 116, 137, 158},  {90, 110, 130, 150},
	{85, 104, 123, 142},  {81, 99, 117, 135},   {77, 94, 111, 128},   {73, 89, 105, 122},   {69, 85, 100, 116},
	{66, 80, 95, 110},    {62, 76, 90, 104},    {59, 72, 86, 99},     {56, 69, 81, 94},     {53, 65, 77, 89},
	{51, 62, 73, 85},     {48, 59, 69, 80},     {46, 56, 66, 76},     {43, 53, 63, 72},     {41, 50, 59, 69},
	{39, 48, 56, 65},     {37, 45, 54, 62},     {35, 43, 51, 59},     {33, 41, 48, 56},     {32, 39, 46, 53},
	{30, 37, 43, 50},     {29, 35, 41, 48},     {27, 33, 39, 45},     {26, 31, 37, 43},     {24, 30, 35, 41},
	{23, 28, 33, 39},     {22, 27, 32, 37},     {21, 26, 30, 35},     {20, 24, 29, 33},     {19, 23, 27, 31},
	{18, 22, 26, 30},     {17, 21, 25, 28},     {16, 20, 23, 27},     {15, 19, 22, 25},     {14, 18, 21, 24},
	{14, 17, 20, 23},     {13, 16, 19, 22},     {12, 15, 18, 21},     {12, 14, 17, 20},     {11, 14, 16, 19},
	{11, 13, 15, 18},     {10, 12, 15, 17},     {10, 12, 14, 16},     {9, 11, 13, 15},      {9, 11, 12, 14},
	{8, 10, 12, 14},      {8, 9, 11, 13},       {7, 9, 11, 12},       {7, 9, 10, 12},       {7, 8, 10, 11},
	{6, 8, 9, 11},        {6, 7, 9, 10},        {6, 7, 8, 9},         {2, 2, 2, 2},
};

static const uint8_t next_lps[64] = {0,  0,  1,  2,  2,  4,  4,  5,  6,  7,  8,  9,  9,  11, 11, 12,
				     13, 13, 15, 15, 16, 16, 18, 18, 19, 19, 21, 21, 22, 22, 23, 24,
				     24, 25, 26, 26, 27, 27, 28, 29, 29, 30, 30, 30, 31, 32, 32, 33,
				     33, 33, 34, 34, 35, 35, 35, 36, 36, 36, 37, 37, 37, 38, 38, 63};

static void put_bit(struct cabac *e, unsigned bit)
{
	if (e->first)
		e->first = false;
	else
		out_put(e->o, 1, bit);
	for (; e->outstanding > 0; e->outstanding--)
		out_put(e->o, 1, !bit);
}

static void renorm(struct cabac *e)
{
	while (e->range < 256) {
		if (e->low < 256) {
			put_bit(e, 0);
		} else if (e->low >= 512) {
			e->low -= 512;
			put_bit(e, 1);
		} else {
			e->low -= 256;
			e->outstanding++;
		}
		e->range <<= 1;
		e->low <<= 1;
	}
}

void cabac_decide(struct cabac *e, unsigned ctx, unsigned bin)
{
	uint8_t *s = &e->state[ctx];
	unsigned idx = *s >> 1, mps = *s & 1, lps = range_lps[idx][e->range >> 6 & 3];

	e->range -= lps;
	if (bin != mps) {
		e->low += e->range;
		e->range = lps;
		if (idx == 0)
			mps = !mps;
		*s = (uint8_t)(next_lps[idx] << 1 | mps);
	} else if (idx < 62) {
		*s = (uint8_t)((idx + 1) << 1 | mps);
	}
	renorm(e);
}

void cabac_bypass(struct cabac *e, unsigned bin)
{
	e->low <<= 1;
	if (bin)
		e->low += e->range;
	if (e->low >= 1024) {
		put_bit(e, 1);
		e->low -= 1024;
	} else if (e->low < 512) {
		put_bit(e, 0);
	} else {
		e->low -= 512;
		e->outstanding++;
	}
}

void cabac_terminate(struct cabac *e, unsigned bin)
{
	e->range -= 2;
	if (!bin) {
		renorm(e);
		return;
	}
	e->low += e->range;
	e->range = 2;
	renorm(e);
	put_bit(e, e->low >> 9 & 1);
	out_put(e->o, 2, (e->low >> 7 & 3) | 1); /* the last is rbsp_stop_one_bit */
}

void cabac_begin(struct cabac *e, struct out *o)
{
	e->o = o;
	e->low = 0;
	e->range = 510;
	e->first = true;
	e->outstanding = 0;
}

void cabac_state(struct cabac *e, unsigned ctx, int slope, int offset, int qp)
{
	int v = (slope * qp >> 4) + offset;

	v = v < 1 ? 1 : v > 126 ? 126 : v;
	e->state[ctx] = (uint8_t)(v <= 63 ? (63 - v) << 1 : (v - 64) << 1 | 1);
}
