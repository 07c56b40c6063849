// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * dma-bufs as compositors make them: another device of the same GPU draws into images of each modifier that is said to
 * be importable, exports them and lets go; the pass reads them as it reads memory. A driver that exports nothing
 * (lavapipe without /dev/udmabuf) leaves nothing to be imported: skipped.
 */
#include "rig.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reference.h"

#define W      158
#define H      94
#define DMABUF VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT

static struct gpu_device *dev, *drawer;

/* One image of the drawer's, and the frame that it sends. */
struct drawn {
	VkImage image;
	VkDeviceMemory memory;
	struct frame frame;
};

static bool exportable(const struct gpu_source_format *f, uint64_t modifier, uint32_t w, uint32_t h)
{
	const VkPhysicalDeviceImageDrmFormatModifierInfoEXT tiling = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_DRM_FORMAT_MODIFIER_INFO_EXT,
		.drmFormatModifier = modifier,
		.sharingMode = VK_SHARING_MODE_EXCLUSIVE,
	};
	const VkPhysicalDeviceExternalImageFormatInfo external = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_IMAGE_FORMAT_INFO,
		.pNext = &tiling,
		.handleType = DMABUF,
	};
	const VkPhysicalDeviceImageFormatInfo2 info = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_IMAGE_FORMAT_INFO_2,
		.pNext = &external,
		.format = (VkFormat)f->vk,
		.type = VK_IMAGE_TYPE_2D,
		.tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
		.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkExternalImageFormatProperties can = {.sType = VK_STRUCTURE_TYPE_EXTERNAL_IMAGE_FORMAT_PROPERTIES};
	VkImageFormatProperties2 props = {.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_PROPERTIES_2, .pNext = &can};

	return vkGetPhysicalDeviceImageFormatProperties2(drawer->physical, &info, &props) == VK_SUCCESS &&
	       props.imageFormatProperties.maxExtent.width >= w && props.imageFormatProperties.maxExtent.height >= h &&
	       (can.externalMemoryProperties.externalMemoryFeatures & VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT);
}

static bool any_exportable(void)
{
	static struct dmabuf_formats list;

	import_formats(dev, &list);
	for (unsigned i = 0; i < list.n; i++)
		if (exportable(gpu_source_format(list.format[i].fourcc), list.format[i].modifier, W, H))
			return true;
	return false;
}

static void create(struct drawn *d, const struct gpu_source_format *f, uint64_t modifier, uint32_t w, uint32_t h)
{
	const VkImageDrmFormatModifierListCreateInfoEXT list = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_DRM_FORMAT_MODIFIER_LIST_CREATE_INFO_EXT,
		.drmFormatModifierCount = 1,
		.pDrmFormatModifiers = &modifier,
	};
	const VkExternalMemoryImageCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_IMAGE_CREATE_INFO,
		.pNext = &list,
		.handleTypes = DMABUF,
	};
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.pNext = &external,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = (VkFormat)f->vk,
		.extent = {w, h, 1},
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_DRM_FORMAT_MODIFIER_EXT,
		.usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryDedicatedAllocateInfo dedicated = {.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO};
	const VkExportMemoryAllocateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
		.pNext = &dedicated,
		.handleTypes = DMABUF,
	};
	VkMemoryAllocateInfo alloc = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = &export};
	VkMemoryRequirements need;

	assert_int_equal(vkCreateImage(drawer->vk, &info, NULL, &d->image), VK_SUCCESS);
	vkGetImageMemoryRequirements(drawer->vk, d->image, &need);
	dedicated.image = d->image;
	alloc.allocationSize = need.size;
	alloc.memoryTypeIndex =
		(uint32_t)gpu_memory_type(drawer, need.memoryTypeBits, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
	assert_int_equal(vkAllocateMemory(drawer->vk, &alloc, NULL, &d->memory), VK_SUCCESS);
	assert_int_equal(vkBindImageMemory(drawer->vk, d->image, d->memory, 0), VK_SUCCESS);
}

/* The source's pixels into the image, and the image to whoever comes. */
static void draw(struct drawn *d, const struct source *s)
{
	const struct frame *f = &s->frame;
	const VkBufferImageCopy all = {
		.bufferRowLength = f->plane[0].stride / gpu_source_format(f->fourcc)->bytes,
		.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
		.imageExtent = {f->width, f->height, 1},
	};
	struct gpu_buffer staging;
	VkCommandBuffer cmd;
	uint64_t point;

	assert_int_equal(gpu_buffer_init(drawer, &staging, GPU_BUFFER_UPLOAD, s->size), 0);
	memcpy(staging.map, s->pixels, s->size);
	assert_int_equal(gpu_buffer_flush(drawer, &staging), 0);
	assert_int_equal(gpu_commands_init(drawer, &cmd), 0);
	assert_int_equal(gpu_commands_begin(cmd), 0);
	rig_image_becomes(cmd, d->image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, NULL);
	vkCmdCopyBufferToImage(cmd, staging.vk, d->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &all);
	rig_image_becomes(cmd, d->image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_GENERAL, drawer);
	assert_int_equal(gpu_submit(drawer, cmd, &point), 0);
	assert_int_equal(gpu_wait(drawer, point, UINT64_MAX), 0);
	gpu_commands_finish(drawer, &cmd);
	gpu_buffer_finish(drawer, &staging);
}

/* As it would come from PipeWire: without a mapping. */
static void send(struct drawn *d, const struct source *s, const struct dmabuf_format *format)
{
	const VkMemoryGetFdInfoKHR info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
		.memory = d->memory,
		.handleType = DMABUF,
	};
	PFN_vkGetMemoryFdKHR get_fd = (PFN_vkGetMemoryFdKHR)vkGetDeviceProcAddr(drawer->vk, "vkGetMemoryFdKHR");
	int fd;

	assert_int_equal(get_fd(drawer->vk, &info, &fd), VK_SUCCESS);
	d->frame = s->frame;
	d->frame.map[0] = NULL;
	d->frame.modifier = format->modifier;
	d->frame.n_planes = format->n_planes;
	for (uint32_t i = 0; i < format->n_planes; i++) {
		const VkImageSubresource plane = {.aspectMask = VK_IMAGE_ASPECT_MEMORY_PLANE_0_BIT_EXT << i};
		VkSubresourceLayout at;

		vkGetImageSubresourceLayout(drawer->vk, d->image, &plane, &at);
		d->frame.plane[i] = (struct frame_plane){
			.fd = fd,
			.offset = (uint32_t)at.offset,
			.stride = (uint32_t)at.rowPitch,
		};
	}
}

static void drawn_finish(struct drawn *d)
{
	close(d->frame.plane[0].fd);
	vkDestroyImage(drawer->vk, d->image, NULL);
	vkFreeMemory(drawer->vk, d->memory, NULL);
}

struct pass {
	struct gpu_convert *convert;
	struct gpu_source source;
	struct gpu_geometry geometry;
};

static int record(void *ctx, VkCommandBuffer cmd, VkBuffer dst)
{
	struct pass *p = ctx;

	return gpu_convert_record(p->convert, cmd, &p->source, &p->geometry, NULL, dst);
}

/* How far the picture of what was drawn is from the exact one. */
static unsigned distance(struct chain *c, const struct drawn *d, const struct source *s, char where[96])
{
	const struct reference_cursor none = {0};
	const struct rect all = {.w = s->frame.width, .h = s->frame.height};
	struct readback_picture *picture;
	struct pass p = {
		.convert = &c->convert,
		.geometry = {.visible = all, .w = c->target.layout.width, .h = c->target.layout.height},
	};
	uint64_t point;
	unsigned off;
	int rc = import_get(&c->imports, &d->frame, &p.source);

	if (rc < 0)
		fail_msg("import: %s", strerrordesc_np(-rc));
	assert_int_equal(readback_try_submit(c->ring, record, &p, NULL, &point), 0);
	import_used(&c->imports, d->frame.buffer_id, point);
	assert_int_equal(readback_wait(c->ring, UINT64_MAX), 0);
	assert_int_equal(readback_try_recv(c->ring, &picture), 0);
	off = reference_distance(&s->frame, &p.geometry, &none, &c->target, picture->data, where);
	readback_give_back(c->ring, picture);
	return off;
}

static void every_modifier_that_is_told_can_be_imported(void **state)
{
	static struct dmabuf_formats list;
	unsigned tried = 0;

	(void)state;
	import_formats(dev, &list);
	for (unsigned i = 0; i < list.n; i++) {
		const struct dmabuf_format *format = &list.format[i];
		const struct gpu_source_format *f = gpu_source_format(format->fourcc);
		struct drawn d;
		struct source s;
		struct chain c;
		char where[96];
		unsigned off;

		if (!exportable(f, format->modifier, W, H))
			continue;
		chain_init(&c, dev, GPU_NV12, W, H, COLOUR_BT709, false, false);
		source_init(&s, format->fourcc, W, H, 0);
		create(&d, f, format->modifier, W, H);
		/* The second picture comes in the buffer that is imported already. */
		for (unsigned turn = 0; turn < 2; turn++) {
			source_random(&s, i * 2 + turn);
			draw(&d, &s);
			if (turn == 0)
				send(&d, &s, format);
			off = distance(&c, &d, &s, where);
			if (off > 1)
				fail_msg("%.4s, modifier %#llx: %u off, %s", (const char *)&format->fourcc,
					 (unsigned long long)format->modifier, off, where);
		}
		assert_int_equal(c.imports.hits, 1);
		tried++;
		chain_finish(&c);
		drawn_finish(&d);
		source_finish(&s);
	}
	print_message("# %u of %u formats and modifiers drawn, exported and imported\n", tried, list.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_modifier_that_is_told_can_be_imported),
	};
	int failed;

	dev = rig_device();
	drawer = rig_device();
	if (!any_exportable()) {
		printf("1..0 # SKIP %s exports no dma-bufs that it imports\n", dev->name);
		return 0;
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(drawer);
	gpu_device_close(dev);
	return failed;
}
