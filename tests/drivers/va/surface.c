// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Surfaces: a memfd each, so that export and import as DRM PRIME are what they are with real memory; linear only. An
 * imported descriptor stays the caller's, as the API says.
 */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ALIGN_UP(v, a) (((v) + (a)-1) / (a) * (a))

#define DRM_FORMAT_MOD_NONE 0ull /* linear */

struct surface *surface_find(struct driver *d, VASurfaceID id)
{
	return table_find(&d->surfaces, id);
}

void surface_free(struct surface *s)
{
	if (s->map)
		munmap(s->map, s->size);
	if (s->fd >= 0)
		close(s->fd);
	free(s->recon.luma);
	free(s->recon.chroma);
	planes_free(&s->recon.planes);
	free(s);
}

bool surface_covers(const struct surface *s, const struct context *c)
{
	return ALIGN_UP(s->width, 16u) >= ALIGN_UP(c->width, 16u) &&
	       ALIGN_UP(s->height, 16u) >= ALIGN_UP(c->height, 16u);
}

static bool offers_444(const struct driver *d, uint32_t fourcc)
{
	return d->q.fourcc_444 ? fourcc == d->q.fourcc_444 : fourcc != VA_FOURCC_444P;
}

const struct layout *layout_offered(const struct driver *d, uint32_t fourcc, uint32_t rt_format)
{
	for (unsigned i = 0; i < n_layouts; i++) {
		const struct layout *l = &layouts[i];

		if (l->rt_format == rt_format && rt_format & d->q.formats && (!fourcc || l->fourcc == fourcc) &&
		    (rt_format != VA_RT_FORMAT_YUV444 || offers_444(d, l->fourcc)))
			return l;
	}
	return NULL;
}

static bool surface_map(struct surface *s)
{
	s->map = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->map == MAP_FAILED)
		s->map = NULL;
	return s->map;
}

static VAStatus make_own(struct surface *s)
{
	unsigned pitch = ALIGN_UP(s->width * s->layout->step, 64u), rows = ALIGN_UP(s->height, 16u);

	for (unsigned p = 0; p < s->layout->planes; p++) {
		s->pitch[p] = pitch;
		s->offset[p] = (uint32_t)s->size;
		s->size += (size_t)pitch * layout_rows(s->layout, p, rows);
	}
	s->fd = memfd_create("moonrill-va-surface", MFD_CLOEXEC);
	if (s->fd < 0 || ftruncate(s->fd, (off_t)s->size) < 0 || !surface_map(s))
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	return VA_STATUS_SUCCESS;
}

static VAStatus make_imported(struct driver *d, struct surface *s, int fd, const uint32_t *offset,
			      const uint32_t *pitch)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "descriptor %d: %s", fd, strerror(errno));
	for (unsigned p = 0; p < s->layout->planes; p++) {
		s->offset[p] = offset[p];
		s->pitch[p] = pitch[p];
		if (pitch[p] < layout_bytes(s->layout, p, s->width))
			return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "plane %u: pitch %u, width %u", p, pitch[p],
				    s->width);
		if (offset[p] + (uint64_t)pitch[p] * layout_rows(s->layout, p, s->height) > (uint64_t)st.st_size)
			return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "plane %u ends behind the object (%lld bytes)", p, (long long)st.st_size);
	}
	s->size = (size_t)st.st_size;
	s->imported = true;
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (s->fd < 0 || !surface_map(s))
		return rule(d, VA_STATUS_ERROR_ALLOCATION_FAILED, "the object cannot be mapped");
	return VA_STATUS_SUCCESS;
}

static VAStatus import_prime2(struct driver *d, struct surface *s, const VADRMPRIMESurfaceDescriptor *x)
{
	uint32_t offset[LAYOUT_PLANES], pitch[LAYOUT_PLANES], n = 0, object = 0;
	const unsigned planes = s->layout->planes;

	if (x->fourcc != s->fourcc || x->width != s->width || x->height != s->height)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "descriptor says %#x %ux%u, the call %#x %ux%u",
			    x->fourcc, x->width, x->height, s->fourcc, s->width, s->height);
	if (x->num_objects != 1 || (x->num_layers != 1 && x->num_layers != planes))
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%u objects, %u layers", x->num_objects,
			    x->num_layers);
	if (x->objects[0].drm_format_modifier != DRM_FORMAT_MOD_NONE)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "modifier %#llx: only linear",
			    (unsigned long long)x->objects[0].drm_format_modifier);
	for (uint32_t l = 0; l < x->num_layers; l++) {
		uint32_t want = x->num_layers == 1 ? s->layout->drm : s->layout->layer[l];

		if (x->layers[l].drm_format != want)
			return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "layer %u: format %#x, %#x expected", l,
				    x->layers[l].drm_format, want);
		if (x->layers[l].num_planes != (x->num_layers == 1 ? planes : 1u))
			return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "layer %u: %u planes", l,
				    x->layers[l].num_planes);
		for (uint32_t p = 0; p < x->layers[l].num_planes; p++, n++) {
			offset[n] = x->layers[l].offset[p];
			pitch[n] = x->layers[l].pitch[p];
			object |= x->layers[l].object_index[p];
		}
	}
	if (object)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "object_index beyond num_objects");
	return make_imported(d, s, x->objects[0].fd, offset, pitch);
}

static VAStatus import_prime(struct driver *d, struct surface *s, const VASurfaceAttribExternalBuffers *x, unsigned n)
{
	if (x->pixel_format != s->fourcc || x->width != s->width || x->height != s->height ||
	    x->num_planes != s->layout->planes || x->num_buffers <= n || !x->buffers ||
	    x->flags & VA_SURFACE_EXTBUF_DESC_ENABLE_TILING)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER,
			    "external buffers: %#x %ux%u, %u planes, %u buffers, flags %#x", x->pixel_format, x->width,
			    x->height, x->num_planes, x->num_buffers, x->flags);
	return make_imported(d, s, (int)x->buffers[n], x->offsets, x->pitches);
}

struct wish {
	uint32_t memory, fourcc;
	const void *descriptor;
};

static VAStatus read_attributes(struct driver *d, struct wish *w, unsigned format, const VASurfaceAttrib *list,
				unsigned n)
{
	w->memory = VA_SURFACE_ATTRIB_MEM_TYPE_VA;
	w->fourcc = layout_offered(d, 0, format)->fourcc;
	for (unsigned i = 0; i < n; i++) {
		if (!(list[i].flags & VA_SURFACE_ATTRIB_SETTABLE))
			return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "attribute %d is not marked as settable",
				    list[i].type);
		switch (list[i].type) {
		case VASurfaceAttribPixelFormat:
			w->fourcc = (uint32_t)list[i].value.value.i;
			break;
		case VASurfaceAttribMemoryType:
			w->memory = (uint32_t)list[i].value.value.i;
			break;
		case VASurfaceAttribExternalBufferDescriptor:
			w->descriptor = list[i].value.value.p;
			break;
		case VASurfaceAttribUsageHint:
			break;
		default:
			return rule(d, VA_STATUS_ERROR_ATTR_NOT_SUPPORTED, "surface attribute %d", list[i].type);
		}
	}
	if (!layout_offered(d, w->fourcc, format))
		return rule(d, VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT, "pixel format %#x does not go with format %#x",
			    w->fourcc, format);
	if (w->memory != VA_SURFACE_ATTRIB_MEM_TYPE_VA && !w->descriptor)
		return rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "memory type %#x without descriptor", w->memory);
	return VA_STATUS_SUCCESS;
}

static VAStatus make_one(struct driver *d, struct surface *s, const struct wish *w, unsigned n)
{
	switch (w->memory) {
	case VA_SURFACE_ATTRIB_MEM_TYPE_VA:
		return make_own(s);
	case VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2:
		if (!d->q.no_prime)
			return import_prime2(d, s, (const VADRMPRIMESurfaceDescriptor *)w->descriptor + n);
		break;
	case VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME:
		if (!d->q.no_prime)
			return import_prime(d, s, w->descriptor, n);
		break;
	default:
		break;
	}
	return rule(d, VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE, "memory type %#x", w->memory);
}

static VAStatus create_surfaces2(VADriverContextP va, unsigned format, unsigned width, unsigned height,
				 VASurfaceID *ids, unsigned n, VASurfaceAttrib *list, unsigned n_list)
{
	struct driver *d = driver_enter(va, "vaCreateSurfaces");
	VAStatus status = VA_STATUS_SUCCESS;
	struct wish w = {0};
	unsigned made = 0;

	if (!layout_offered(d, 0, format))
		status = rule(d, VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT, "format %#x", format);
	else if (!width || !height || width > PICTURE_SIZE_MAX || height > PICTURE_SIZE_MAX || !n)
		status = rule(d, VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED, "%u of %ux%u", n, width, height);
	else
		status = read_attributes(d, &w, format, list, n_list);
	for (; status == VA_STATUS_SUCCESS && made < n; made++) {
		struct surface *s = calloc(1, sizeof(*s));

		if (!s) {
			status = VA_STATUS_ERROR_ALLOCATION_FAILED;
			break;
		}
		*s = (struct surface){.fourcc = w.fourcc,
				      .rt_format = format,
				      .layout = layout_offered(d, w.fourcc, format),
				      .width = width,
				      .height = height,
				      .fd = -1,
				      .busy = VA_INVALID_ID};
		status = make_one(d, s, &w, made);
		s->id = status == VA_STATUS_SUCCESS ? table_add(&d->surfaces, s) : VA_INVALID_ID;
		ids[made] = s->id;
		if (s->id != VA_INVALID_ID)
			continue;
		if (status == VA_STATUS_SUCCESS)
			status = VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
		surface_free(s);
		break;
	}
	while (status != VA_STATUS_SUCCESS && made > 0)
		surface_free(table_remove(&d->surfaces, ids[--made]));
	return driver_leave(d, status);
}

static VAStatus create_surfaces(VADriverContextP va, int width, int height, int format, int n, VASurfaceID *ids)
{
	return create_surfaces2(va, (unsigned)format, (unsigned)width, (unsigned)height, ids, (unsigned)n, NULL, 0);
}

static VAStatus destroy_surfaces(VADriverContextP va, VASurfaceID *ids, int n)
{
	struct driver *d = driver_enter(va, "vaDestroySurfaces");

	for (int i = 0; i < n; i++) {
		struct surface *s = surface_find(d, ids[i]);

		if (!s)
			return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "no surface %#x", ids[i]));
		if (s->images)
			return driver_leave(d, rule(d, VA_STATUS_ERROR_SURFACE_BUSY, "an image is derived from it"));
		for (unsigned k = 0; k < TABLE_SLOTS; k++) {
			struct context *c = d->contexts.slot[k].object;

			if (c && c->open && c->target == s)
				return driver_leave(d, rule(d, VA_STATUS_ERROR_SURFACE_BUSY,
							    "it is the target of an open picture"));
		}
		surface_free(table_remove(&d->surfaces, ids[i]));
	}
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus query_surface_attributes(VADriverContextP va, VAConfigID id, VASurfaceAttrib *list, unsigned *n)
{
	struct driver *d = driver_enter(va, "vaQuerySurfaceAttributes");
	const struct config *c = table_find(&d->configs, id);
	const int memory =
		VA_SURFACE_ATTRIB_MEM_TYPE_VA |
		(d->q.no_prime ? 0 : VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME | VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2);
	const uint32_t get = VA_SURFACE_ATTRIB_GETTABLE, both = VA_SURFACE_ATTRIB_GETTABLE | VA_SURFACE_ATTRIB_SETTABLE;
	VASurfaceAttrib all[10];
	unsigned count = 0;

	if (!c)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONFIG, "no config %#x", id));
#define ATTRIB(t, f, v)                                                                                                \
	all[count++] = (VASurfaceAttrib)                                                                               \
	{                                                                                                              \
		t, f,                                                                                                  \
		{                                                                                                      \
			VAGenericValueTypeInteger,                                                                     \
			{                                                                                              \
				.i = (v)                                                                               \
			}                                                                                              \
		}                                                                                                      \
	}
	/* The first that is listed is none to take, the best is the last. */
	ATTRIB(VASurfaceAttribPixelFormat, both, (int)VA_FOURCC_411P);
	for (unsigned i = n_layouts; i-- > 0;)
		if (layout_offered(d, layouts[i].fourcc, c->rt_format))
			ATTRIB(VASurfaceAttribPixelFormat, both, (int)layouts[i].fourcc);
	ATTRIB(VASurfaceAttribMinWidth, get, 16);
	ATTRIB(VASurfaceAttribMinHeight, get, 16);
	ATTRIB(VASurfaceAttribMaxWidth, get, PICTURE_SIZE_MAX);
	ATTRIB(VASurfaceAttribMaxHeight, get, PICTURE_SIZE_MAX);
	ATTRIB(VASurfaceAttribMemoryType, both, memory);
#undef ATTRIB
	all[count++] = (VASurfaceAttrib){VASurfaceAttribExternalBufferDescriptor,
					 VA_SURFACE_ATTRIB_SETTABLE,
					 {VAGenericValueTypePointer, {.p = NULL}}};
	if (list && *n < count) {
		*n = count;
		return driver_leave(d, VA_STATUS_ERROR_MAX_NUM_EXCEEDED);
	}
	if (list)
		memcpy(list, all, count * sizeof(*all));
	*n = count;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus export_surface(VADriverContextP va, VASurfaceID id, uint32_t type, uint32_t flags, void *out)
{
	struct driver *d = driver_enter(va, "vaExportSurfaceHandle");
	const struct surface *s = surface_find(d, id);
	VADRMPRIMESurfaceDescriptor *x = out;
	const bool composed = flags & VA_EXPORT_SURFACE_COMPOSED_LAYERS,
		   separate = flags & VA_EXPORT_SURFACE_SEPARATE_LAYERS;

	if (!s)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "no surface %#x", id));
	if (type != VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2 || d->q.no_prime)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE, "memory type %#x", type));
	if (composed == separate || !(flags & VA_EXPORT_SURFACE_READ_WRITE))
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "flags %#x", flags));
	*x = (VADRMPRIMESurfaceDescriptor){.fourcc = s->fourcc,
					   .width = s->width,
					   .height = s->height,
					   .num_objects = 1,
					   .num_layers = composed ? 1 : s->layout->planes};
	x->objects[0].fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (x->objects[0].fd < 0)
		return driver_leave(d, VA_STATUS_ERROR_ALLOCATION_FAILED);
	x->objects[0].size = (uint32_t)s->size;
	x->objects[0].drm_format_modifier = DRM_FORMAT_MOD_NONE;
	if (composed) {
		x->layers[0].drm_format = s->layout->drm;
		x->layers[0].num_planes = s->layout->planes;
		memcpy(x->layers[0].offset, s->offset, sizeof(s->offset));
		memcpy(x->layers[0].pitch, s->pitch, sizeof(s->pitch));
	}
	for (unsigned l = 0; separate && l < s->layout->planes; l++) {
		x->layers[l].drm_format = s->layout->layer[l];
		x->layers[l].num_planes = 1;
		x->layers[l].offset[0] = s->offset[l];
		x->layers[l].pitch[0] = s->pitch[l];
	}
	return driver_leave(d, VA_STATUS_SUCCESS);
}

bool recon_prepare(struct surface *s, unsigned width, unsigned height)
{
	if (s->recon.width != width || s->recon.height != height || !s->recon.luma) {
		free(s->recon.luma);
		free(s->recon.chroma);
		planes_free(&s->recon.planes);
		s->recon = (struct recon){.width = width,
					  .height = height,
					  .luma = malloc((size_t)width * height),
					  .chroma = malloc((size_t)width * height / 2)};
	}
	s->recon.serial = 0;
	return s->recon.luma && s->recon.chroma;
}

void recon_show(struct surface *s)
{
	for (unsigned p = 0; p < 2; p++) {
		const uint8_t *from = p ? s->recon.chroma : s->recon.luma;
		unsigned rows = p ? (s->height + 1) / 2 : s->height, columns = (s->width + p) / (1 + p) * (1 + p);

		/* A surface may be larger than the context's pictures. */
		if (rows > s->recon.height / (1 + p))
			rows = s->recon.height / (1 + p);
		if (columns > s->recon.width)
			columns = s->recon.width;
		for (unsigned y = 0; y < rows; y++)
			memcpy(s->map + s->offset[p] + (size_t)y * s->pitch[p], from + (size_t)y * s->recon.width,
			       columns);
	}
}

void recon_keep(const struct driver *d, const struct recon *r, unsigned width, unsigned height)
{
	FILE *f = d->q.recon_path ? fopen(d->q.recon_path, "ae") : NULL;

	if (!f)
		return;
	for (unsigned y = 0; y < height; y++)
		fwrite(r->luma + (size_t)y * r->width, 1, width, f);
	for (unsigned y = 0; y < height / 2; y++)
		fwrite(r->chroma + (size_t)y * r->width, 1, width, f);
	fclose(f);
}

void surface_read(const struct surface *s, uint8_t *luma, uint8_t *chroma, unsigned width, unsigned height)
{
	for (unsigned p = 0; p < 2; p++) {
		uint8_t *to = p ? chroma : luma;
		unsigned rows = p ? (s->height + 1) / 2 : s->height, columns = (s->width + p) / (1 + p) * (1 + p);
		unsigned step = 1 + p;

		for (unsigned y = 0; y < height / step; y++, to += width) {
			const uint8_t *from = s->map + s->offset[p] + (size_t)(y < rows ? y : rows - 1) * s->pitch[p];

			for (unsigned x = 0; x < width; x++)
				to[x] = from[x < columns ? x : columns - step + x % step];
		}
	}
}

static bool surface_hung(struct driver *d, VASurfaceID id)
{
	const struct surface *s = surface_find(d, id);

	return s && s->hung;
}

/* Until the surface's picture is done, or the time is over. A picture that hangs is never done. */
static VAStatus wait_surface(struct driver *d, VASurfaceID id, uint64_t timeout_ns)
{
	uint64_t until = driver_now() + (timeout_ns == VA_TIMEOUT_INFINITE ? d->q.hang_ms * 1000000ull : timeout_ns);

	if (!surface_find(d, id))
		return rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "no surface %#x", id);
	while (surface_hung(d, id) && driver_now() < until) {
		pthread_mutex_unlock(&d->lock);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		pthread_mutex_lock(&d->lock);
	}
	if (!surface_hung(d, id))
		return VA_STATUS_SUCCESS;
	return timeout_ns == VA_TIMEOUT_INFINITE ? VA_STATUS_ERROR_HW_BUSY : VA_STATUS_ERROR_TIMEDOUT;
}

static VAStatus sync_surface(VADriverContextP va, VASurfaceID id)
{
	struct driver *d = driver_enter(va, "vaSyncSurface");

	return driver_leave(d, wait_surface(d, id, VA_TIMEOUT_INFINITE));
}

static VAStatus sync_surface2(VADriverContextP va, VASurfaceID id, uint64_t timeout_ns)
{
	struct driver *d = driver_enter(va, "vaSyncSurface2");

	return driver_leave(d, d->q.no_sync_buffer ? VA_STATUS_ERROR_UNIMPLEMENTED : wait_surface(d, id, timeout_ns));
}

static VAStatus query_surface_status(VADriverContextP va, VASurfaceID id, VASurfaceStatus *status)
{
	struct driver *d = driver_enter(va, "vaQuerySurfaceStatus");

	if (!surface_find(d, id))
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "no surface %#x", id));
	*status = surface_hung(d, id) ? VASurfaceRendering : VASurfaceReady;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus put_surface(VADriverContextP va, VASurfaceID surface, void *draw, short srcx, short srcy,
			    unsigned short srcw, unsigned short srch, short destx, short desty, unsigned short destw,
			    unsigned short desth, VARectangle *cliprects, unsigned number_cliprects, unsigned flags)
{
	(void)va, (void)surface, (void)draw, (void)srcx, (void)srcy, (void)srcw, (void)srch, (void)destx, (void)desty;
	(void)destw, (void)desth, (void)cliprects, (void)number_cliprects, (void)flags;
	return VA_STATUS_ERROR_UNIMPLEMENTED;
}

void surface_vtable(struct VADriverVTable *v)
{
	v->vaCreateSurfaces = create_surfaces;
	v->vaCreateSurfaces2 = create_surfaces2;
	v->vaDestroySurfaces = destroy_surfaces;
	v->vaQuerySurfaceAttributes = query_surface_attributes;
	v->vaExportSurfaceHandle = export_surface;
	v->vaSyncSurface = sync_surface;
	v->vaSyncSurface2 = sync_surface2;
	v->vaQuerySurfaceStatus = query_surface_status;
	v->vaPutSurface = put_surface;
}
