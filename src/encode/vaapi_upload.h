// SPDX-License-Identifier: GPL-3.0-or-later
/* A picture in memory becomes a surface: straight into it where the driver shows it, else through an image. Encode
 * thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <va/va.h>

#include "encode/picture.h"

struct vaapi_upload {
	VADisplay dpy;
	bool through_image; /* no surface can be shown */
	VAImage image;      /* with through_image */
};

/* Tries which way works, with that surface of that fourcc (encode/vaapi_format.h). -EIO. */
int vaapi_upload_init(struct vaapi_upload *u, VADisplay dpy, VASurfaceID surface, uint32_t fourcc, unsigned width,
		      unsigned height);
void vaapi_upload_finish(struct vaapi_upload *u); /* accepts a zeroed one */

/* What the surface has beyond the picture repeats its edge. -EIO. */
int vaapi_upload(struct vaapi_upload *u, VASurfaceID surface, const struct picture *p);
