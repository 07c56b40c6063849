// SPDX-License-Identifier: GPL-3.0-or-later
/* The parameters that the x264 back end opens its library with; apart so that a benchmark can run the bare library
 * with exactly the same. Include <x264.h> is left to the caller. */
#pragma once

#include "encode/encoder.h"

struct x264_param_t;

/* Fills all but the callbacks. -EINVAL: the preset is not one of x264's. */
int x264_backend_params(struct x264_param_t *x, const struct enc_params *p);
