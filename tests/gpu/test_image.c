// SPDX-License-Identifier: GPL-3.0-or-later
/* The pass reads images as it reads linear buffers, whatever their tiling: here one of the device's own choice. */
#include "rig.h"

#include "base/str.h"
#include "reference.h"

static struct gpu_device *dev;

struct image {
	VkImage vk;
	VkDeviceMemory memory;
	VkImageView view;
};

static VkComponentSwizzle component(uint8_t n)
{
	return (VkComponentSwizzle)(VK_COMPONENT_SWIZZLE_R + n);
}

static void image_init(struct image *i, const struct gpu_source_format *f, uint32_t w, uint32_t h)
{
	const VkImageCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
		.imageType = VK_IMAGE_TYPE_2D,
		.format = (VkFormat)f->vk,
		.extent = {w, h, 1},
		.mipLevels = 1,
		.arrayLayers = 1,
		.samples = VK_SAMPLE_COUNT_1_BIT,
		.tiling = VK_IMAGE_TILING_OPTIMAL,
		.usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryAllocateInfo alloc = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
	VkImageViewCreateInfo view = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
		.viewType = VK_IMAGE_VIEW_TYPE_2D,
		.format = info.format,
		.components = {component(f->swizzle[0]), component(f->swizzle[1]), component(f->swizzle[2]),
			       VK_COMPONENT_SWIZZLE_ONE},
		.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
	};
	VkMemoryRequirements need;

	assert_int_equal(vkCreateImage(dev->vk, &info, NULL, &i->vk), VK_SUCCESS);
	vkGetImageMemoryRequirements(dev->vk, i->vk, &need);
	alloc.allocationSize = need.size;
	alloc.memoryTypeIndex =
		(uint32_t)gpu_memory_type(dev, need.memoryTypeBits, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
	assert_int_equal(vkAllocateMemory(dev->vk, &alloc, NULL, &i->memory), VK_SUCCESS);
	assert_int_equal(vkBindImageMemory(dev->vk, i->vk, i->memory, 0), VK_SUCCESS);
	view.image = i->vk;
	assert_int_equal(vkCreateImageView(dev->vk, &view, NULL, &i->view), VK_SUCCESS);
}

static void image_finish(struct image *i)
{
	vkDestroyImageView(dev->vk, i->view, NULL);
	vkDestroyImage(dev->vk, i->vk, NULL);
	vkFreeMemory(dev->vk, i->memory, NULL);
}

struct pass {
	struct chain *c;
	struct gpu_source uploaded, source;
	struct gpu_geometry geometry;
};

static int record(void *ctx, VkCommandBuffer cmd, VkBuffer dst)
{
	struct pass *p = ctx;
	const VkBufferImageCopy all = {
		.bufferRowLength = p->uploaded.stride / p->uploaded.format->bytes,
		.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
		.imageExtent = {p->uploaded.width, p->uploaded.height, 1},
	};

	rig_image_becomes(cmd, p->source.image, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, NULL);
	vkCmdCopyBufferToImage(cmd, p->uploaded.buffer, p->source.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &all);
	rig_image_becomes(cmd, p->source.image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_GENERAL, NULL);
	return gpu_convert_record(&p->c->convert, cmd, &p->source, &p->geometry, NULL, dst);
}

static void check(uint32_t fourcc, enum gpu_format format, unsigned w, unsigned h, unsigned to_w, unsigned to_h)
{
	const struct reference_cursor none = {0};
	const uint64_t forever = UINT64_MAX;
	struct readback_picture *picture;
	struct source s;
	struct image image;
	struct chain c;
	struct rect visible = {.w = w, .h = h};
	struct pass p = {.c = &c};
	char where[96];
	unsigned off;

	chain_init(&c, dev, format, to_w, to_h, COLOUR_BT709, true, false);
	source_init(&s, fourcc, w, h, 0);
	source_random(&s, w * h);
	image_init(&image, gpu_source_format(fourcc), w, h);
	assert_int_equal(upload_frame(&c.upload, &s.frame, &visible, &p.uploaded), 0);
	p.source = (struct gpu_source){
		.format = gpu_source_format(fourcc), .width = w, .height = h, .image = image.vk, .view = image.view};
	p.geometry = (struct gpu_geometry){.visible = {.w = w, .h = h}, .w = (uint16_t)to_w, .h = (uint16_t)to_h};
	assert_int_equal(readback_try_submit(c.ring, record, &p, NULL, NULL), 0);
	assert_int_equal(readback_wait(c.ring, forever), 0);
	assert_int_equal(readback_try_recv(c.ring, &picture), 0);
	off = reference_distance(&s.frame, &p.geometry, &none, &c.target, picture->data, where);
	readback_give_back(c.ring, picture);
	if (off > (format == GPU_NV12 ? 1u : 2u))
		fail_msg("%.4s: %u off, %s", (const char *)&fourcc, off, where);
	image_finish(&image);
	source_finish(&s);
	chain_finish(&c);
}

static void every_format_of_images(void **state)
{
	static const uint32_t all[] = {
		FOURCC_XRGB8888,    FOURCC_XBGR8888,    FOURCC_RGBX8888,      FOURCC_BGRX8888,
		FOURCC_XRGB2101010, FOURCC_XBGR2101010, FOURCC_XBGR16161616F,
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		check(all[i], i % 2 ? GPU_P010 : GPU_NV12, 36, 22, 36, 22);
}

static void scaled_images_of_odd_sizes(void **state)
{
	(void)state;
	check(FOURCC_XRGB8888, GPU_NV12, 37, 23, 51, 19);
	check(FOURCC_XRGB2101010, GPU_YUV444P10, 53, 41, 17, 31);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_format_of_images),
		cmocka_unit_test(scaled_images_of_odd_sizes),
	};
	int failed;

	dev = rig_device();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	gpu_device_close(dev);
	return failed;
}
