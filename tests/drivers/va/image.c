// SPDX-License-Identifier: GPL-3.0-or-later
/* Images of the formats that surfaces have, derived from one or with memory of their own; subpictures are not
 * offered. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

static VAImageFormat format_of(const struct layout *l)
{
	return (VAImageFormat){.fourcc = l->fourcc, .byte_order = VA_LSB_FIRST, .bits_per_pixel = l->bits};
}

static VAStatus query_formats(VADriverContextP va, VAImageFormat *list, int *n)
{
	struct driver *d = driver_enter(va, "vaQueryImageFormats");

	*n = 0;
	for (unsigned i = 0; i < n_layouts; i++)
		if (layout_offered(d, layouts[i].fourcc, layouts[i].rt_format))
			list[(*n)++] = format_of(&layouts[i]);
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus image_add(struct driver *d, struct image *i, uint8_t *foreign, VAImage *out)
{
	struct buffer *b = calloc(1, sizeof(*b));
	struct image *kept = malloc(sizeof(*kept));

	if (b) {
		*b = (struct buffer){.context = VA_INVALID_ID,
				     .type = VAImageBufferType,
				     .size = i->va.data_size,
				     .num_elements = 1,
				     .data = foreign ? foreign : calloc(1, i->va.data_size),
				     .foreign = foreign};
		b->id = table_add(&d->buffers, b);
	}
	if (!b || !b->data || !kept || b->id == VA_INVALID_ID) {
		if (b)
			buffer_free(b);
		free(kept);
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	}
	i->va.buf = b->id;
	*kept = *i;
	kept->va.image_id = table_add(&d->images, kept);
	if (kept->va.image_id == VA_INVALID_ID) {
		buffer_free(table_remove(&d->buffers, b->id));
		free(kept);
		return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
	}
	*out = kept->va;
	return VA_STATUS_SUCCESS;
}

static VAStatus create_image(VADriverContextP va, VAImageFormat *format, int width, int height, VAImage *out)
{
	struct driver *d = driver_enter(va, "vaCreateImage");
	struct image i = {.derived = VA_INVALID_ID};
	const struct layout *l = NULL;

	out->image_id = out->buf = VA_INVALID_ID;
	for (unsigned k = 0; k < n_layouts && !l; k++)
		if (layouts[k].fourcc == format->fourcc)
			l = layout_offered(d, layouts[k].fourcc, layouts[k].rt_format);
	if (!l)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_IMAGE_FORMAT, "format %#x", format->fourcc));
	if (width <= 0 || height <= 0 || width > (int)PICTURE_SIZE_MAX || height > (int)PICTURE_SIZE_MAX)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%dx%d", width, height));
	i.va = (VAImage){
		.format = format_of(l), .width = (uint16_t)width, .height = (uint16_t)height, .num_planes = l->planes};
	for (unsigned p = 0; p < l->planes; p++) {
		i.va.pitches[p] = ((uint32_t)width + 15) / 16 * 16 * l->step;
		i.va.offsets[p] = i.va.data_size;
		i.va.data_size += i.va.pitches[p] * layout_rows(l, p, (unsigned)height);
	}
	return driver_leave(d, image_add(d, &i, NULL, out));
}

static VAStatus derive_image(VADriverContextP va, VASurfaceID id, VAImage *out)
{
	struct driver *d = driver_enter(va, "vaDeriveImage");
	struct surface *s = surface_find(d, id);
	struct image i = {.derived = id};
	VAStatus status;

	out->image_id = out->buf = VA_INVALID_ID;
	if (!s)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "no surface %#x", id));
	if (d->q.no_derive)
		return driver_leave(d, VA_STATUS_ERROR_OPERATION_FAILED);
	i.va = (VAImage){.format = format_of(s->layout),
			 .width = (uint16_t)s->width,
			 .height = (uint16_t)s->height,
			 .num_planes = s->layout->planes,
			 .data_size = (uint32_t)s->size};
	memcpy(i.va.pitches, s->pitch, sizeof(s->pitch));
	memcpy(i.va.offsets, s->offset, sizeof(s->offset));
	status = image_add(d, &i, s->map, out);
	if (status == VA_STATUS_SUCCESS)
		s->images++;
	return driver_leave(d, status);
}

static VAStatus destroy_image(VADriverContextP va, VAImageID id)
{
	struct driver *d = driver_enter(va, "vaDestroyImage");
	struct image *i = table_find(&d->images, id);
	struct surface *s;
	struct buffer *b;

	if (!i)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_IMAGE, "no image %#x", id));
	b = table_find(&d->buffers, i->va.buf);
	if (b && b->mapped)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_IMAGE, "its buffer is still mapped"));
	if (b)
		buffer_free(table_remove(&d->buffers, b->id));
	s = surface_find(d, i->derived);
	if (s)
		s->images--;
	free(table_remove(&d->images, id));
	return driver_leave(d, VA_STATUS_SUCCESS);
}

/* Between a surface and an image of the same format, rectangle against rectangle; nothing is scaled. */
static VAStatus transfer(struct driver *d, VASurfaceID surface, VAImageID image, int sx, int sy, int ix, int iy,
			 unsigned w, unsigned h, bool put)
{
	struct surface *s = surface_find(d, surface);
	struct image *i = table_find(&d->images, image);
	struct buffer *b = i ? table_find(&d->buffers, i->va.buf) : NULL;
	const struct layout *l;

	if (!s)
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "no surface %#x", surface);
	if (!i || !b)
		return rule(d, VA_STATUS_ERROR_INVALID_IMAGE, "no image %#x", image);
	if (i->va.format.fourcc != s->fourcc)
		return rule(d, VA_STATUS_ERROR_INVALID_IMAGE_FORMAT, "image %#x, surface %#x", i->va.format.fourcc,
			    s->fourcc);
	if (b->mapped)
		return rule(d, VA_STATUS_ERROR_INVALID_IMAGE, "the image is mapped");
	if (sx < 0 || sy < 0 || ix < 0 || iy < 0 || (sx | sy | ix | iy) & 1 || sx + w > s->width ||
	    sy + h > s->height || ix + w > i->va.width || iy + h > i->va.height)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%ux%u at %d,%d and %d,%d", w, h, sx, sy, ix, iy);
	l = s->layout;
	for (unsigned p = 0; p < l->planes; p++) {
		const unsigned rows = layout_rows(l, p, h), len = layout_bytes(l, p, w);
		const unsigned s_first = layout_rows(l, p, (unsigned)sy), i_first = layout_rows(l, p, (unsigned)iy);

		for (unsigned y = 0; y < rows; y++) {
			uint8_t *of_s =
				s->map + s->offset[p] + (size_t)(s_first + y) * s->pitch[p] + (unsigned)sx * l->step;
			uint8_t *of_i = b->data + i->va.offsets[p] + (size_t)(i_first + y) * i->va.pitches[p] +
					(unsigned)ix * l->step;

			memcpy(put ? of_s : of_i, put ? of_i : of_s, len);
		}
	}
	return VA_STATUS_SUCCESS;
}

static VAStatus get_image(VADriverContextP va, VASurfaceID surface, int x, int y, unsigned w, unsigned h,
			  VAImageID image)
{
	struct driver *d = driver_enter(va, "vaGetImage");

	return driver_leave(d, transfer(d, surface, image, x, y, 0, 0, w, h, false));
}

static VAStatus put_image(VADriverContextP va, VASurfaceID surface, VAImageID image, int ix, int iy, unsigned iw,
			  unsigned ih, int sx, int sy, unsigned sw, unsigned sh)
{
	struct driver *d = driver_enter(va, "vaPutImage");

	if (iw != sw || ih != sh)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%ux%u to %ux%u: nothing is scaled",
					    iw, ih, sw, sh));
	return driver_leave(d, transfer(d, surface, image, sx, sy, ix, iy, iw, ih, true));
}

static VAStatus set_palette(VADriverContextP va, VAImageID image, unsigned char *palette)
{
	(void)va, (void)image, (void)palette;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus query_subpicture_formats(VADriverContextP va, VAImageFormat *list, unsigned *flags, unsigned *n)
{
	(void)va, (void)list, (void)flags;
	*n = 0;
	return VA_STATUS_SUCCESS;
}

static VAStatus create_subpicture(VADriverContextP va, VAImageID image, VASubpictureID *id)
{
	(void)va, (void)image;
	*id = VA_INVALID_ID;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus destroy_subpicture(VADriverContextP va, VASubpictureID id)
{
	(void)va, (void)id;
	return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus set_subpicture_image(VADriverContextP va, VASubpictureID id, VAImageID image)
{
	(void)va, (void)id, (void)image;
	return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus set_subpicture_key(VADriverContextP va, VASubpictureID id, unsigned lo, unsigned hi, unsigned mask)
{
	(void)va, (void)id, (void)lo, (void)hi, (void)mask;
	return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus set_subpicture_alpha(VADriverContextP va, VASubpictureID id, float alpha)
{
	(void)va, (void)id, (void)alpha;
	return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus associate(VADriverContextP va, VASubpictureID id, VASurfaceID *surfaces, int n, short sx, short sy,
			  unsigned short sw, unsigned short sh, short dx, short dy, unsigned short dw,
			  unsigned short dh, unsigned flags)
{
	(void)va, (void)id, (void)surfaces, (void)n, (void)sx, (void)sy, (void)sw, (void)sh, (void)dx, (void)dy,
		(void)dw, (void)dh;
	(void)flags;
	return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

static VAStatus deassociate(VADriverContextP va, VASubpictureID id, VASurfaceID *surfaces, int n)
{
	(void)va, (void)id, (void)surfaces, (void)n;
	return VA_STATUS_ERROR_INVALID_SUBPICTURE;
}

void image_vtable(struct VADriverVTable *v)
{
	v->vaQueryImageFormats = query_formats;
	v->vaCreateImage = create_image;
	v->vaDeriveImage = derive_image;
	v->vaDestroyImage = destroy_image;
	v->vaGetImage = get_image;
	v->vaPutImage = put_image;
	v->vaSetImagePalette = set_palette;
	v->vaQuerySubpictureFormats = query_subpicture_formats;
	v->vaCreateSubpicture = create_subpicture;
	v->vaDestroySubpicture = destroy_subpicture;
	v->vaSetSubpictureImage = set_subpicture_image;
	v->vaSetSubpictureChromakey = set_subpicture_key;
	v->vaSetSubpictureGlobalAlpha = set_subpicture_alpha;
	v->vaAssociateSubpicture = associate;
	v->vaDeassociateSubpicture = deassociate;
}
