// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/vaapi_upload.h"

#include <errno.h>

#include "encode/vaapi_format.h"

#define LOG_MODULE "vaapi"
#include "base/log.h"

static int fill(VADisplay dpy, const VAImage *i, const struct picture *p)
{
	uint8_t *map;

	if (vaMapBuffer(dpy, i->buf, (void **)&map) != VA_STATUS_SUCCESS)
		return -EIO;
	vaapi_format_fill(i, map, p);
	return vaUnmapBuffer(dpy, i->buf) == VA_STATUS_SUCCESS ? 0 : -EIO;
}

static bool shows_surfaces(VADisplay dpy, VASurfaceID surface, uint32_t fourcc)
{
	VAImage image;
	bool fits;

	if (vaDeriveImage(dpy, surface, &image) != VA_STATUS_SUCCESS)
		return false;
	fits = vaapi_format_fits(&image, fourcc);
	vaDestroyImage(dpy, image.image_id);
	return fits;
}

int vaapi_upload_init(struct vaapi_upload *u, VADisplay dpy, VASurfaceID surface, uint32_t fourcc, unsigned width,
		      unsigned height)
{
	VAImageFormat format;

	*u = (struct vaapi_upload){.dpy = dpy, .image.image_id = VA_INVALID_ID};
	u->through_image = !shows_surfaces(dpy, surface, fourcc);
	if (!u->through_image)
		return 0;
	if (!vaapi_format_image(fourcc, &format) ||
	    vaCreateImage(dpy, &format, (int)width, (int)height, &u->image) != VA_STATUS_SUCCESS ||
	    !vaapi_format_fits(&u->image, fourcc)) {
		log_err("the driver takes no %.4s pictures from memory", (const char *)&fourcc);
		vaapi_upload_finish(u);
		return -EIO;
	}
	return 0;
}

void vaapi_upload_finish(struct vaapi_upload *u)
{
	if (u->dpy && u->through_image && u->image.image_id != VA_INVALID_ID)
		vaDestroyImage(u->dpy, u->image.image_id);
	*u = (struct vaapi_upload){0};
}

int vaapi_upload(struct vaapi_upload *u, VASurfaceID surface, const struct picture *p)
{
	VAImage image;
	int rc;

	if (u->through_image) {
		rc = fill(u->dpy, &u->image, p);
		if (rc == 0 && vaPutImage(u->dpy, surface, u->image.image_id, 0, 0, u->image.width, u->image.height, 0,
					  0, u->image.width, u->image.height) != VA_STATUS_SUCCESS)
			rc = -EIO;
		return rc;
	}
	if (vaDeriveImage(u->dpy, surface, &image) != VA_STATUS_SUCCESS)
		return -EIO;
	rc = fill(u->dpy, &image, p);
	vaDestroyImage(u->dpy, image.image_id);
	return rc;
}
