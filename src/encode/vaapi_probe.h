// SPDX-License-Identifier: GPL-3.0-or-later
/* What VA-API has for a codec, in the words of encode/encoder.h. Any thread. */
#pragma once

#include "encode/encoder.h"
#include "encode/vaapi_device.h"

/* What encodes pictures of that format, its caps for a stream of it, and in them which other formats there are. As
 * vaapi_find(). */
int vaapi_find_for(enum codec codec, enum picture_format format, struct vaapi_caps *c, struct enc_caps *caps);

/* As encoder_ops.probe and describe. Without 8 bits and 4:2:0 there is nothing. */
int vaapi_probe(enum codec codec, struct enc_caps *caps);
void vaapi_describe(enum codec codec, struct encoder_details *d);
