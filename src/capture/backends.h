// SPDX-License-Identifier: GPL-3.0-or-later
/* The tables of the back ends, for registry.c and their tests. */
#pragma once

#include "capture/capture.h"

extern const struct capture_ops capture_pattern;
extern const struct capture_ops capture_pipewire; /* HAVE_PIPEWIRE */
