// SPDX-License-Identifier: GPL-3.0-or-later
/* What this host can do, asked from the encoders themselves: for serverinfo and DESCRIBE, which
 * must agree. */
#pragma once

#include <stdint.h>

#include "base/addr.h"

struct config;
struct rtsp_offer;

/* ServerCodecModeSupport, 1-session 2.5. 0: no encoder works. */
uint32_t stream_codec_support(const struct config *c);

/* peer decides between the encryption rules for the local network and for elsewhere. */
void stream_offer_fill(struct rtsp_offer *offer, const struct config *c, const union addr *peer);
