// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/import.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpu/external.h"

#define LOG_MODULE "gpu"
#include "base/log.h"

#define MODIFIERS_MAX 64 /* of a format; drivers have up to some thirty */

void import_init(struct import_cache *c, struct gpu_device *dev)
{
	*c = (struct import_cache){.dev = dev};
}

static void drop(struct import_cache *c, struct import *e)
{
	const struct gpu_source *s = &e->source;

	if (s->view)
		vkDestroyImageView(c->dev->vk, s->view, NULL);
	if (s->image)
		vkDestroyImage(c->dev->vk, s->image, NULL);
	if (s->buffer)
		vkDestroyBuffer(c->dev->vk, s->buffer, NULL);
	if (e->memory)
		vkFreeMemory(c->dev->vk, e->memory, NULL);
	*e = (struct import){0};
}

void import_finish(struct import_cache *c)
{
	for (unsigned i = 0; c->dev && i < IMPORT_MAX; i++)
		drop(c, &c->entry[i]);
	*c = (struct import_cache){0};
}

void import_clear(struct import_cache *c)
{
	for (unsigned i = 0; i < IMPORT_MAX; i++)
		if (c->entry[i].memory && gpu_passed(c->dev, c->entry[i].point))
			drop(c, &c->entry[i]);
}

static bool is_linear(uint64_t modifier)
{
	return modifier == MODIFIER_LINEAR || modifier == MODIFIER_INVALID;
}

/* As a storage buffer, the memory not dedicated to it. */
static bool buffers_importable(const struct gpu_device *dev)
{
	return (gpu_external_buffers(dev, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT) &
		(VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT | VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT)) ==
	       VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT;
}

bool import_possible(const struct gpu_device *dev, uint64_t modifier)
{
	return (is_linear(modifier) && buffers_importable(dev)) || (modifier != MODIFIER_INVALID && dev->modifiers);
}

/* One file for all planes: then it is one memory. Two fds may be the same file. */
static bool one_file(const struct frame *f)
{
	struct stat first, other;

	if (fstat(f->plane[0].fd, &first) < 0)
		return false;
	for (uint32_t i = 1; i < f->n_planes; i++)
		if (f->plane[i].fd < 0 || fstat(f->plane[i].fd, &other) < 0 || other.st_ino != first.st_ino ||
		    other.st_dev != first.st_dev)
			return false;
	return true;
}

static int import_buffer(struct import_cache *c, struct import *e, const struct frame *f, size_t file_size)
{
	const VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = GPU_DMABUF,
	};
	VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = &external,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
	};
	struct gpu_source *s = &e->source;
	VkMemoryRequirements need;
	int rc;

	s->offset = f->plane[0].offset;
	s->stride = f->plane[0].stride;
	s->size = s->offset + (size_t)s->stride * (f->height - 1) + (size_t)f->width * s->format->bytes;
	if (s->stride < f->width * s->format->bytes || s->size > file_size)
		return -EINVAL;
	if (s->stride % 4 || s->offset % s->format->bytes)
		return -ENOTSUP;
	/* To the end of the last line: the pass reads four pixels at a time. */
	s->size = (s->size + 15) & ~(size_t)15;
	if (s->size > file_size)
		s->size = file_size;
	info.size = s->size;
	rc = gpu_errno(vkCreateBuffer(c->dev->vk, &info, NULL, &s->buffer));
	if (rc < 0)
		return rc;
	vkGetBufferMemoryRequirements(c->dev->vk, s->buffer, &need);
	if (need.size > file_size)
		return -ENOTSUP;
	rc = gpu_external_import(c->dev, f->plane[0].fd, file_size, need.memoryTypeBits, VK_NULL_HANDLE, &e->memory);
	if (rc < 0)
		return rc;
	return gpu_errno(vkBindBufferMemory(c->dev->vk, s->buffer, e->memory, 0));
}

static VkComponentSwizzle component(uint8_t n)
{
	return (VkComponentSwizzle)(VK_COMPONENT_SWIZZLE_R + n);
}

static int import_image(struct import_cache *c, struct import *e, const struct frame *f, size_t file_size)
{
	VkSubresourceLayout planes[FRAME_PLANES_MAX] = {0};
	const VkImageDrmFormatModifierExplicitCreateInfoEXT modifier = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_EXPLICIT_CREATE_INFO_EXT,
		.drmFormatModifier = f->modifier,
		.drmFormatModifierPlaneCount = f->n_planes,
		.pPlaneLayouts = planes,
	};
	const VkExternalMemoryImageCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
		.pNext = &modifier,
		.handleTypes = GPU_DMABUF,
	};
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.pNext = &external,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = (VkFormat)e->source.format->vk,
		.extent = {f->width, f->height, 1},
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT,
	};
	const uint8_t *swizzle = e->source.format->swizzle;
	VkImageViewCreateInfo view = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.viewType = VK_IMAGE_VIEW_TYPE_2D,
		.format = info.format,
		.components = {component(swizzle[0]), component(swizzle[1]), component(swizzle[2]),
			       VK_COMPONENT_SWIZZLE_ONE},
		.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
	};
	struct gpu_source *s = &e->source;
	VkMemoryRequirements need;
	int rc;

	for (uint32_t i = 0; i < f->n_planes; i++) {
		if (f->plane[i].offset >= file_size)
			return -EINVAL;
		planes[i].offset = f->plane[i].offset;
		planes[i].rowPitch = f->plane[i].stride;
	}
	rc = gpu_errno(vkCreateImage(c->dev->vk, &info, NULL, &s->image));
	if (rc < 0) /* drivers answer in many ways that they lack it */
		return rc == -ENOMEM ? rc : -ENOTSUP;
	vkGetImageMemoryRequirements(c->dev->vk, s->image, &need);
	if (need.size > file_size)
		return -EINVAL;
	rc = gpu_external_import(c->dev, f->plane[0].fd, need.size, need.memoryTypeBits, s->image, &e->memory);
	if (rc < 0)
		return rc;
	rc = gpu_errno(vkBindImageMemory(c->dev->vk, s->image, e->memory, 0));
	if (rc < 0)
		return rc;
	view.image = s->image;
	return gpu_errno(vkCreateImageView(c->dev->vk, &view, NULL, &s->view));
}

/* Modifiers that an image of the format can have and the pass can sample. */
static unsigned modifiers_of(const struct gpu_device *dev, VkFormat format,
			     VkDrmFormatModifierPropertiesEXT all[MODIFIERS_MAX])
{
	VkDrmFormatModifierPropertiesListEXT list = {
		.sType = VK_STRUCTURE_TYPE_DRM_FORMAT_MODIFIER_PROPERTIES_LIST_EXT,
		.drmFormatModifierCount = MODIFIERS_MAX,
		.pDrmFormatModifierProperties = all,
	};
	VkFormatProperties2 props = {.sType = VK_STRUCTURE_TYPE_FORMAT_PROPERTIES_2, .pNext = &list};
	unsigned kept = 0;

	if (!dev->modifiers)
		return 0;
	vkGetPhysicalDeviceFormatProperties2(dev->physical, format, &props);
	for (uint32_t i = 0; i < list.drmFormatModifierCount; i++)
		if (all[i].drmFormatModifierTilingFeatures & VK_FORMAT_FEATURE_SAMPLED_IMAGE_BIT)
			all[kept++] = all[i];
	return kept;
}

static bool modifier_supported(const struct gpu_device *dev, VkFormat format, uint64_t modifier, uint32_t n_planes)
{
	VkDrmFormatModifierPropertiesEXT all[MODIFIERS_MAX];
	unsigned n = modifier == MODIFIER_INVALID ? 0 : modifiers_of(dev, format, all);

	for (unsigned i = 0; i < n; i++)
		if (all[i].drmFormatModifier == modifier)
			return all[i].drmFormatModifierPlaneCount == n_planes;
	return false;
}

static void add_format(struct dmabuf_formats *out, uint32_t fourcc, uint64_t modifier, unsigned n_planes)
{
	if (out->n < DMABUF_FORMATS_MAX && n_planes <= FRAME_PLANES_MAX)
		out->format[out->n++] = (struct dmabuf_format){fourcc, (uint8_t)n_planes, modifier};
}

void import_formats(const struct gpu_device *dev, struct dmabuf_formats *out)
{
	const bool buffers = buffers_importable(dev);
	const struct gpu_source_format *f;

	out->n = 0;
	if (!dev->dmabuf)
		return;
	for (unsigned i = 0; (f = gpu_source_format_at(i)); i++) {
		VkDrmFormatModifierPropertiesEXT all[MODIFIERS_MAX];
		unsigned n = modifiers_of(dev, (VkFormat)f->vk, all);
		bool linear = buffers;

		for (unsigned k = 0; k < n; k++)
			if (all[k].drmFormatModifier == MODIFIER_LINEAR)
				linear = true;
			else
				add_format(out, f->fourcc, all[k].drmFormatModifier,
					   all[k].drmFormatModifierPlaneCount);
		if (linear)
			add_format(out, f->fourcc, MODIFIER_LINEAR, 1);
	}
}

static int import(struct import_cache *c, struct import *e, const struct frame *f)
{
	off_t end = lseek(f->plane[0].fd, 0, SEEK_END); /* of a dma-buf only the file knows its size */
	const struct gpu_source_format *format = gpu_source_format(f->fourcc);
	int rc = -ENOTSUP;

	/* Without a modifier the tiling is the driver's secret, but what the CPU can read is linear. */
	if (end <= 0 || !format || (f->modifier == MODIFIER_INVALID && !f->map[0]) || !one_file(f))
		return -ENOTSUP;
	*e = (struct import){
		.id = f->buffer_id,
		.fourcc = f->fourcc,
		.width = f->width,
		.height = f->height,
		.offset = f->plane[0].offset,
		.stride = f->plane[0].stride,
		.modifier = f->modifier,
		.source = {.format = format, .width = f->width, .height = f->height, .foreign = true},
	};
	if (is_linear(f->modifier) && f->n_planes == 1 && buffers_importable(c->dev))
		rc = import_buffer(c, e, f, (size_t)end);
	else if (modifier_supported(c->dev, (VkFormat)format->vk, f->modifier, f->n_planes))
		rc = import_image(c, e, f, (size_t)end);
	if (rc < 0)
		drop(c, e);
	return rc;
}

static bool matches(const struct import *e, const struct frame *f)
{
	return e->memory && e->id == f->buffer_id && e->fourcc == f->fourcc && e->width == f->width &&
	       e->height == f->height && e->offset == f->plane[0].offset && e->stride == f->plane[0].stride &&
	       e->modifier == f->modifier;
}

/* A place for a new one: what is no use any more goes, or else the one that was not used for longest. */
static struct import *make_room(struct import_cache *c, uint64_t id)
{
	struct import *room = NULL, *oldest = NULL;

	for (unsigned i = 0; i < IMPORT_MAX; i++) {
		struct import *e = &c->entry[i];

		if (e->memory && gpu_passed(c->dev, e->point)) {
			if (e->id == id || c->turn - e->used_turn > IMPORT_IDLE)
				drop(c, e);
			else if (!oldest || e->used_turn < oldest->used_turn)
				oldest = e;
		}
		if (!e->memory && !room)
			room = e;
	}
	if (!room && oldest) {
		drop(c, oldest);
		room = oldest;
	}
	return room;
}

int import_get(struct import_cache *c, const struct frame *f, struct gpu_source *out)
{
	struct import *e = NULL;
	int rc;

	c->turn++;
	if (!c->dev->dmabuf || !f->n_planes || f->n_planes > FRAME_PLANES_MAX || f->plane[0].fd < 0)
		return -ENOTSUP;
	if (!f->width || !f->height || f->width > GPU_DIM_MAX || f->height > GPU_DIM_MAX)
		return -EINVAL;
	for (unsigned i = 0; i < IMPORT_MAX && !e; i++)
		if (matches(&c->entry[i], f))
			e = &c->entry[i];
	if (e) {
		c->hits++;
	} else {
		e = make_room(c, f->buffer_id);
		if (!e)
			return -EBUSY;
		rc = import(c, e, f);
		if (rc < 0)
			return rc;
		c->misses++;
	}
	e->used_turn = c->turn;
	e->source.pq = f->colour.pq;
	*out = e->source;
	return 0;
}

void import_used(struct import_cache *c, uint64_t id, uint64_t point)
{
	for (unsigned i = 0; i < IMPORT_MAX; i++)
		if (c->entry[i].memory && c->entry[i].id == id)
			c->entry[i].point = point;
}
