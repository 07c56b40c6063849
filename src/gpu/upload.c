// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/upload.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define LOG_MODULE "gpu"
#include "base/log.h"

void upload_init(struct upload *u, struct gpu_device *dev, unsigned slots, struct import_cache *imports)
{
	assert(slots && slots <= UPLOAD_SLOTS_MAX);
	*u = (struct upload){.dev = dev, .imports = imports, .slots = slots};
}

void upload_finish(struct upload *u)
{
	for (unsigned i = 0; i < u->slots; i++)
		gpu_buffer_finish(u->dev, &u->slot[i].buffer);
	*u = (struct upload){0};
}

/* Whether the frame's memory can be read in place; what cannot once is not tried again. */
static bool try_import(struct upload *u, const struct frame *f, struct gpu_source *out)
{
	int rc;

	if (!u->imports || u->no_imports || f->n_planes != 1 || f->plane[0].fd < 0)
		return false;
	rc = import_get(u->imports, f, out);
	if (rc == 0)
		return true;
	if (rc != -EBUSY) {
		log_dbg("%s does not read this memory in place, it is copied", u->dev->name);
		u->no_imports = true;
	}
	return false;
}

static int find_slot(struct upload *u, size_t size, struct upload_slot **out)
{
	for (unsigned i = 1; i <= u->slots; i++) {
		unsigned n = (u->last + i) % u->slots;
		struct upload_slot *s = &u->slot[n];

		if (!gpu_passed(u->dev, s->point))
			continue;
		if (s->buffer.size < size) {
			gpu_buffer_finish(u->dev, &s->buffer);
			int rc = gpu_buffer_init(u->dev, &s->buffer, GPU_BUFFER_UPLOAD, size);

			if (rc < 0)
				return rc;
		}
		u->last = n;
		*out = s;
		return 0;
	}
	return -EBUSY;
}

int upload_frame(struct upload *u, const struct frame *f, struct rect *visible, struct gpu_source *out)
{
	const struct gpu_source_format *format = gpu_source_format(f->fourcc);
	const struct rect *v = visible;
	const size_t from_stride = f->plane[0].stride;
	struct upload_slot *slot = NULL;
	const uint8_t *from;
	size_t line, stride;
	int rc;

	if (!format || !f->map[0] || (f->modifier != MODIFIER_LINEAR && f->modifier != MODIFIER_INVALID))
		return -ENOTSUP;
	if (!f->width || !f->height || f->width > GPU_DIM_MAX || f->height > GPU_DIM_MAX ||
	    from_stride < (size_t)f->width * format->bytes || !v->w || !v->h || v->x < 0 || v->y < 0 ||
	    (uint64_t)v->x + v->w > f->width || (uint64_t)v->y + v->h > f->height)
		return -EINVAL;
	u->last_imported = try_import(u, f, out);
	if (u->last_imported) {
		u->last_id = f->buffer_id;
		u->imported++;
		return 0;
	}

	line = (size_t)v->w * format->bytes;
	stride = (line + 63) & ~(size_t)63;
	rc = find_slot(u, stride * v->h, &slot);
	if (rc < 0)
		return rc;
	from = (const uint8_t *)f->map[0] + (size_t)v->y * from_stride + (size_t)v->x * format->bytes;
	if (line == stride && from_stride == stride)
		memcpy(slot->buffer.map, from, stride * v->h);
	else
		for (uint32_t y = 0; y < v->h; y++)
			memcpy((uint8_t *)slot->buffer.map + y * stride, from + y * from_stride, line);
	u->copied_bytes += line * v->h;
	rc = gpu_buffer_flush(u->dev, &slot->buffer);
	if (rc < 0)
		return rc;
	*out = (struct gpu_source){
		.format = format,
		.width = v->w,
		.height = v->h,
		.pq = f->colour.pq,
		.buffer = slot->buffer.vk,
		.size = slot->buffer.size,
		.stride = (uint32_t)stride,
	};
	visible->x = visible->y = 0;
	return 0;
}

void upload_used(struct upload *u, uint64_t point)
{
	if (u->last_imported)
		import_used(u->imports, u->last_id, point);
	else
		u->slot[u->last].point = point;
}
