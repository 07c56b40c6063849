// SPDX-License-Identifier: GPL-3.0-or-later
/* The back ends, one file each; input.c holds the only list of them. */
#pragma once

#include "input/input.h"

extern const struct input_ops input_null;
extern const struct input_ops input_log;
