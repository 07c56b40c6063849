// SPDX-License-Identifier: GPL-3.0-or-later
/* What this host can do, asked from the encoders themselves: for serverinfo and DESCRIBE, which
 * must agree. */
#pragma once

#include <stdint.h>

#include "encode/picture.h"

struct config;
struct launch_query;
struct rtsp_offer;

/* Main thread, once, before the first client is answered: lets the encoders that not every machine can afford show
 * what they can do, and tries those that depend on hardware. Takes less than a second, and as long again for each codec
 * and format with which hardware hangs. */
void stream_offer_measure(const struct config *c);
/* Only tries what depends on hardware, as that back end. */
void stream_try_hardware(const char *backend, const struct config *c);

/* ServerCodecModeSupport, 1-session 2.5. 0: no encoder works. */
uint32_t stream_codec_support(const struct config *c);

/* The name of the encoder that a stream of that format would begin with, if it is offered; NULL: it is not. */
const char *stream_offer_encoder(const struct config *c, enum codec codec, enum picture_format format);

/* q: its peer decides between the encryption rules for the local network and for elsewhere; its size and rate between
 * codecs. */
void stream_offer_fill(struct rtsp_offer *offer, const struct config *c, const struct launch_query *q);

/* The encoder's own word for how fast it is. */
const char *stream_preset(const struct config *c, enum codec codec);

/* Slices or tiles of a frame at least. */
uint8_t stream_slices(const struct config *c);
