// SPDX-License-Identifier: GPL-3.0-or-later
/* A picture that moves and is hard enough to encode: a texture that pans, with grain. The same for the same n. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "encode/picture.h"

void moving_draw(struct picture *p, unsigned n);
/* The same scene as a captured frame of four bytes a pixel (B, G, R, x). */
void moving_draw_bgrx(uint8_t *pixels, unsigned stride, unsigned w, unsigned h, unsigned n);
