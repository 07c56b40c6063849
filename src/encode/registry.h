// SPDX-License-Identifier: GPL-3.0-or-later
/* The only list of encoders. Any thread. */
#pragma once

#include "encode/encoder.h"

#define ENCODER_REGISTRY_MAX 8

/* The one of that name if it can do the codec, else NULL. caps may be NULL. */
const struct encoder_ops *encoder_find(const char *name, enum codec codec, struct enc_caps *caps);
/* Main, before anything is probed: the DRM node whose hardware encodes; empty, as at the start: the first render node
 * that can. */
void encoder_use_device(const char *path);
const char *encoder_device(void);
/* The n-th of all that were built, hardware first, as "auto" prefers them; NULL past the end. */
const struct encoder_ops *encoder_at(unsigned n);
