// SPDX-License-Identifier: GPL-3.0-or-later
/* In place of encode/registry.c: the encoders that a test has. One thread writes it, while nobody reads. */
#pragma once

#include "encode/registry.h"

extern const struct encoder_ops *const *fake_registry; /* in the order of preference, a NULL behind the last */

extern const struct encoder_ops encoder_null; /* which some are made of */
