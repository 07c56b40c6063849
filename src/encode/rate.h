// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What to ask an encoder for so that the wanted rate comes out. Under a buffer of one frame x264 stays 10 to 17 %
 * below its target (it must not exceed the buffer, so it aims lower); how much depends on content, preset and slices.
 * The loop measures how much of the request frames really use and asks for that much more, within bounds. Frames
 * that were not held back by the rate at all (a still or simple picture) say nothing about it and are not counted.
 * Pure; encode thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate {
	uint32_t fps_mhz;
	uint32_t target_kbps; /* wanted on average */
	uint32_t asked_kbps;  /* given to the encoder */
	double use;           /* share of the request that frames take when they are held back, 0.65..1.05 */
	/* window */
	uint64_t bytes;
	unsigned frames;
};

void rate_init(struct rate *r, uint32_t target_kbps, uint32_t fps_mhz);
void rate_set_target(struct rate *r, uint32_t target_kbps);
/* What to ask the encoder for now. */
uint32_t rate_ask(const struct rate *r);
/* Whether the rate kept a frame of that size from being larger. */
bool rate_held(const struct rate *r, size_t bytes);
/* A frame of that size came out. True when the request has changed enough to tell the encoder. */
bool rate_frame(struct rate *r, size_t bytes);
