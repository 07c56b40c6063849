// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/vaapi_shared.h"

#include <errno.h>
#include <va/va_drmcommon.h>

#include "base/str.h"
#include "media/frame.h"

#define LOG_MODULE "vaapi"
#include "base/log.h"

/* How drivers know the two planes, most of them both ways: as one picture, or each by itself (drm_fourcc.h). */
struct layering {
	enum picture_format format;
	uint32_t fourcc, rt_format;
	uint32_t layer[2]; /* the second 0: one for both */
};

static const struct layering layerings[] = {
	{PICTURE_NV12, VA_FOURCC_NV12, VA_RT_FORMAT_YUV420, {FOURCC('N', 'V', '1', '2')}},
	{PICTURE_NV12, VA_FOURCC_NV12, VA_RT_FORMAT_YUV420, {FOURCC('R', '8', ' ', ' '), FOURCC('G', 'R', '8', '8')}},
	{PICTURE_P010, VA_FOURCC_P010, VA_RT_FORMAT_YUV420_10, {FOURCC('P', '0', '1', '0')}},
	{PICTURE_P010,
	 VA_FOURCC_P010,
	 VA_RT_FORMAT_YUV420_10,
	 {FOURCC('R', '1', '6', ' '), FOURCC('G', 'R', '3', '2')}},
};

static bool import(VADisplay dpy, const struct picture_share *share, const struct layering *l, unsigned width,
		   unsigned height, VASurfaceID *out)
{
	VADRMPRIMESurfaceDescriptor d = {
		.fourcc = l->fourcc,
		.width = width,
		.height = height,
		.num_objects = 1,
		.objects = {{.fd = share->fd, .size = (uint32_t)share->size, .drm_format_modifier = MODIFIER_LINEAR}},
		.num_layers = l->layer[1] ? 2 : 1,
	};
	VASurfaceAttrib attrib[] = {
		{
			.type = VASurfaceAttribPixelFormat,
			.flags = VA_SURFACE_ATTRIB_SETTABLE,
			.value = {.type = VAGenericValueTypeInteger, .value.i = (int)l->fourcc},
		},
		{
			.type = VASurfaceAttribMemoryType,
			.flags = VA_SURFACE_ATTRIB_SETTABLE,
			.value = {.type = VAGenericValueTypeInteger, .value.i = VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2},
		},
		{
			.type = VASurfaceAttribExternalBufferDescriptor,
			.flags = VA_SURFACE_ATTRIB_SETTABLE,
			.value = {.type = VAGenericValueTypePointer, .value.p = &d},
		},
	};

	for (unsigned plane = 0; plane < 2; plane++) {
		const unsigned layer = l->layer[1] ? plane : 0, at = l->layer[1] ? 0 : plane;

		d.layers[layer].drm_format = l->layer[layer];
		d.layers[layer].num_planes = at + 1;
		d.layers[layer].offset[at] = (uint32_t)share->offset[plane];
		d.layers[layer].pitch[at] = share->stride;
	}
	return vaCreateSurfaces(dpy, l->rt_format, width, height, out, 1, attrib, ARRAY_LEN(attrib)) ==
	       VA_STATUS_SUCCESS;
}

int vaapi_shared_get(struct vaapi_shared *s, VADisplay dpy, const struct picture *p, unsigned width, unsigned height,
		     VASurfaceID *out)
{
	if (s->id == p->share->id) {
		*out = s->surface;
		return 0;
	}
	vaapi_shared_finish(s, dpy);
	if (p->share->size > UINT32_MAX)
		return -ENOTSUP;
	for (size_t i = 0; i < ARRAY_LEN(layerings); i++)
		if (layerings[i].format == p->format &&
		    import(dpy, p->share, &layerings[i], width, height, &s->surface)) {
			s->id = p->share->id;
			*out = s->surface;
			return 0;
		}
	return -ENOTSUP;
}

void vaapi_shared_finish(struct vaapi_shared *s, VADisplay dpy)
{
	if (s->id)
		vaDestroySurfaces(dpy, &s->surface, 1);
	*s = (struct vaapi_shared){0};
}
