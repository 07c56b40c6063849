// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/vaapi_upload.h"

#include <errno.h>
#include <string.h>

#define LOG_MODULE "vaapi"
#include "base/log.h"

/* bytes: of a line that hold the picture, of which the last `unit` are repeated. */
static void copy_plane(uint8_t *to, uint32_t to_pitch, unsigned to_bytes, unsigned to_lines, const uint8_t *from,
		       uint32_t from_pitch, unsigned bytes, unsigned lines, unsigned unit)
{
	const uint8_t *line = from;

	for (unsigned y = 0; y < to_lines; y++) {
		line = from + (size_t)(y < lines ? y : lines - 1) * from_pitch;
		memcpy(to, line, bytes < to_bytes ? bytes : to_bytes);
		for (unsigned x = bytes; x + unit <= to_bytes; x += unit)
			memcpy(to + x, line + bytes - unit, unit);
		to += to_pitch;
	}
}

static int fill(VADisplay dpy, const VAImage *i, const struct picture *p)
{
	unsigned lines = i->height, bytes = i->width;
	uint8_t *map;

	if (vaMapBuffer(dpy, i->buf, (void **)&map) != VA_STATUS_SUCCESS)
		return -EIO;
	copy_plane(map + i->offsets[0], i->pitches[0], bytes, lines, p->luma, p->stride, p->width, p->height, 1);
	copy_plane(map + i->offsets[1], i->pitches[1], bytes, lines / 2, p->chroma, p->stride, p->width, p->height / 2,
		   2);
	return vaUnmapBuffer(dpy, i->buf) == VA_STATUS_SUCCESS ? 0 : -EIO;
}

static bool is_nv12(const VAImage *i)
{
	return i->format.fourcc == VA_FOURCC_NV12 && i->num_planes == 2;
}

static bool shows_surfaces(VADisplay dpy, VASurfaceID surface)
{
	VAImage image;
	bool nv12;

	if (vaDeriveImage(dpy, surface, &image) != VA_STATUS_SUCCESS)
		return false;
	nv12 = is_nv12(&image);
	vaDestroyImage(dpy, image.image_id);
	return nv12;
}

int vaapi_upload_init(struct vaapi_upload *u, VADisplay dpy, VASurfaceID surface, unsigned width, unsigned height)
{
	VAImageFormat nv12 = {.fourcc = VA_FOURCC_NV12, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 12};

	*u = (struct vaapi_upload){.dpy = dpy, .image.image_id = VA_INVALID_ID};
	u->through_image = !shows_surfaces(dpy, surface);
	if (!u->through_image)
		return 0;
	if (vaCreateImage(dpy, &nv12, (int)width, (int)height, &u->image) != VA_STATUS_SUCCESS || !is_nv12(&u->image)) {
		log_err("the driver takes no NV12 pictures from memory");
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
