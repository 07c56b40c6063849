// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/format.h"

#include <errno.h>
#include <vulkan/vulkan.h>

#include "base/str.h"

/* Where a fourcc names the fields from the highest bit down, Vulkan's unpacked formats name bytes from the lowest
 * up. */
static const struct gpu_source_format formats[] = {
	{FOURCC_XRGB8888, GPU_BITS_8, 4, 16, 8, 0, VK_FORMAT_B8G8R8A8_UNORM, {0, 1, 2}},
	{FOURCC_ARGB8888, GPU_BITS_8, 4, 16, 8, 0, VK_FORMAT_B8G8R8A8_UNORM, {0, 1, 2}},
	{FOURCC_XBGR8888, GPU_BITS_8, 4, 0, 8, 16, VK_FORMAT_R8G8B8A8_UNORM, {0, 1, 2}},
	{FOURCC_ABGR8888, GPU_BITS_8, 4, 0, 8, 16, VK_FORMAT_R8G8B8A8_UNORM, {0, 1, 2}},
	{FOURCC_RGBX8888, GPU_BITS_8, 4, 24, 16, 8, VK_FORMAT_R8G8B8A8_UNORM, {3, 2, 1}},
	{FOURCC_BGRX8888, GPU_BITS_8, 4, 8, 16, 24, VK_FORMAT_R8G8B8A8_UNORM, {1, 2, 3}},
	{FOURCC_XRGB2101010, GPU_BITS_10, 4, 20, 10, 0, VK_FORMAT_A2R10G10B10_UNORM_PACK32, {0, 1, 2}},
	{FOURCC_ARGB2101010, GPU_BITS_10, 4, 20, 10, 0, VK_FORMAT_A2R10G10B10_UNORM_PACK32, {0, 1, 2}},
	{FOURCC_XBGR2101010, GPU_BITS_10, 4, 0, 10, 20, VK_FORMAT_A2B10G10R10_UNORM_PACK32, {0, 1, 2}},
	{FOURCC_ABGR2101010, GPU_BITS_10, 4, 0, 10, 20, VK_FORMAT_A2B10G10R10_UNORM_PACK32, {0, 1, 2}},
	{FOURCC_XBGR16161616F, GPU_HALF, 8, 0, 0, 0, VK_FORMAT_R16G16B16A16_SFLOAT, {0, 1, 2}},
	{FOURCC_ABGR16161616F, GPU_HALF, 8, 0, 0, 0, VK_FORMAT_R16G16B16A16_SFLOAT, {0, 1, 2}},
};

const struct gpu_source_format *gpu_source_format(uint32_t fourcc)
{
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].fourcc == fourcc)
			return &formats[i];
	return NULL;
}

const struct gpu_source_format *gpu_source_format_at(unsigned n)
{
	return n < ARRAY_LEN(formats) ? &formats[n] : NULL;
}

const char *gpu_format_name(enum gpu_format f)
{
	static const char *const names[GPU_FORMATS] = {"NV12", "P010", "4:4:4", "4:4:4 10 bit"};

	return f < GPU_FORMATS ? names[f] : "?";
}

/* to: a power of two. */
static uint32_t align(uint32_t n, uint32_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/* Lines begin on a multiple of pitch, and planes have room for a multiple of block pixels each way. */
static int layout(struct gpu_layout *l, enum gpu_format format, unsigned width, unsigned height, uint32_t block,
		  uint32_t pitch)
{
	const bool whole = format == GPU_YUV444 || format == GPU_YUV444P10;
	const unsigned sample = format == GPU_P010 || format == GPU_YUV444P10 ? 2 : 1;
	unsigned room;

	if ((unsigned)format >= GPU_FORMATS || !width || !height || width > GPU_DIM_MAX || height > GPU_DIM_MAX)
		return -ENOTSUP;
	*l = (struct gpu_layout){
		.format = format,
		.width = (uint16_t)width,
		.height = (uint16_t)height,
		.n_planes = whole ? 3 : 2,
	};
	for (unsigned i = 0; i < l->n_planes; i++) {
		struct gpu_plane *p = &l->plane[i];

		p->bytes = width * sample;
		p->lines = height;
		room = align(height, block);
		if (i && !whole) {
			p->bytes = (width + 1) / 2 * 2 * sample;
			p->lines = (height + 1) / 2;
			room = (room + 1) / 2;
		}
		p->stride = align(align(p->bytes, block * sample), pitch);
		p->offset = l->size;
		l->size += (size_t)p->stride * room;
	}
	return 0;
}

int gpu_layout_init(struct gpu_layout *l, enum gpu_format format, unsigned width, unsigned height)
{
	return layout(l, format, width, height, 1, 64);
}

int gpu_layout_init_blocks(struct gpu_layout *l, enum gpu_format format, unsigned width, unsigned height)
{
	return layout(l, format, width, height, GPU_BLOCK, GPU_BLOCK_PITCH);
}
