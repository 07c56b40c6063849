// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The one pass between a captured picture and an encoder: scales, turns, blends the cursor and converts, in
 * shaders/convert.comp. Samples are within one code value of the exact result at 8 bit and two at 10 bit.
 *
 * SDR stays as it is encoded. PQ and linear light meet it at 203 cd/m2 for SDR white (linear light's own white is
 * 80 cd/m2, but shown on SDR it is SDR's white); primaries change between those of BT.709 and BT.2020 with the light.
 * What the target cannot show is clipped. Device's thread.
 */
#pragma once

#include "gpu/device.h"
#include "gpu/format.h"
#include "media/frame.h"
#include "media/params.h"

/* What is made. */
struct gpu_target {
	struct gpu_layout layout;
	enum colour_space space; /* the matrix */
	bool full_range, pq;
};

/* What is read: a linear buffer, or an image of any tiling. Whoever made it (import, upload) owns it. */
struct gpu_source {
	const struct gpu_source_format *format;
	uint32_t width, height;
	bool pq;
	VkBuffer buffer; /* VK_NULL_HANDLE: an image */
	size_t offset;   /* bytes, multiple of 4, of half floats of 8 */
	size_t size;     /* of the buffer, bytes */
	uint32_t stride; /* bytes, multiple of 4 */
	VkImage image;
	VkImageView view;
	bool foreign; /* shared with somebody who is not Vulkan: taken over before, given back after */
};

/* How it is shown: this part of it, turned upright, there; the rest is black. */
struct gpu_geometry {
	struct rect visible; /* inside the source, not empty */
	enum transform transform;
	uint16_t x, y, w, h; /* inside the target, not empty */
};

#define GPU_CURSOR_MAX CURSOR_DIM_MAX /* width and height */

/* The cursor picture that the GPU has, and where its upper left corner is in the source's own pixels, the hotspot
 * already subtracted; any part of it may lie outside. w 0: none is shown. */
struct gpu_cursor {
	int32_t x, y;
	uint32_t w, h;
};

#define GPU_PIPELINES_MAX 16

struct gpu_convert {
	struct gpu_device *dev;
	struct gpu_target target;
	VkDescriptorSetLayout sets[2]; /* of linear sources and of images, as everything in pairs here */
	VkPipelineLayout layouts[2];
	VkShaderModule modules[2];
	VkSampler sampler;
	struct gpu_buffer cursor;
	struct gpu_pipeline {
		VkPipeline vk;
		const struct gpu_source_format *format;
		bool pq, image, plain, cursor;
	} pipeline[GPU_PIPELINES_MAX];
	unsigned n_pipelines;
};

/* -ENOTSUP: larger than a shader sees; -ENOMEM, -EIO. */
int gpu_convert_init(struct gpu_convert *c, struct gpu_device *dev, const struct gpu_target *target);
void gpu_convert_finish(struct gpu_convert *c); /* the GPU is done with it; accepts a zeroed one */

/* The next cursor picture: ARGB8888, premultiplied. The GPU is done with the last one. -EINVAL: too large. */
int gpu_convert_set_cursor(struct gpu_convert *c, const void *argb, size_t stride, uint32_t w, uint32_t h);

/* From the next pass on pictures lie in dst as l says, which is of the target's format and size. */
void gpu_convert_place(struct gpu_convert *c, const struct gpu_layout *l);

/* Records the pass into dst, which holds target.layout.size bytes; ordered after what used dst before, and before
 * copies out of it and reads by the CPU. The first of a kind of source makes its pipeline, which takes time; later ones
 * allocate nothing. -EINVAL: geometry or strides that are not as above; -ENOTSUP: a source larger than a shader sees;
 * -ENOMEM, -EIO. */
int gpu_convert_record(struct gpu_convert *c, VkCommandBuffer cmd, const struct gpu_source *src,
		       const struct gpu_geometry *g, const struct gpu_cursor *cursor, VkBuffer dst);
