// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Formats of pictures in VA-API's words: what a config is made for, what its surfaces are, and how a picture in memory
 * is laid into one. Pure but for vaapi_format_choose(); any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <va/va.h>

#include "encode/picture.h"

/* VA_RT_FORMAT_x of configs and surfaces. */
uint32_t vaapi_format_rt(enum picture_format f);

/* The best fourcc for pictures of that format among the pixel formats of a driver's list, in any order; 0: none. */
uint32_t vaapi_format_best(const VASurfaceAttrib *list, unsigned n, enum picture_format f);
/* Which fourcc surfaces of that config are to have, of those that we fill; 0: none. */
uint32_t vaapi_format_choose(VADisplay dpy, VAConfigID config, enum picture_format f);

/* What an image of that fourcc is called when it is created; false: not one of ours. */
bool vaapi_format_image(uint32_t fourcc, VAImageFormat *out);
/* Whether that is an image that vaapi_format_fill() fills. */
bool vaapi_format_fits(const VAImage *i, uint32_t fourcc);

/* Lays the picture into the mapped image; what the image has beyond it repeats its edge. The image fits its fourcc,
 * which is one of those of the picture's format. Encode thread. */
void vaapi_format_fill(const VAImage *i, uint8_t *map, const struct picture *p);
