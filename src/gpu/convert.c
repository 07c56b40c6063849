// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/convert.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "gpu/external.h"
#include "media/colour.h"

#define LOG_MODULE "gpu"
#include "base/log.h"

#include <convert_buffer_spv.h>
#include <convert_image_spv.h>

#define GROUP_W 32u /* local_size of the shader, which makes 4x2 pixels each */
#define GROUP_H 8u

enum { BIND_SOURCE, BIND_TARGET, BIND_CURSOR, BINDINGS };

/* The shader's LIGHT_*. */
enum light { LIGHT_SDR, LIGHT_PQ, LIGHT_LINEAR };

/* As in the shader. */
struct push {
	uint32_t source_base, source_stride;
	uint32_t crop;
	uint32_t upright;
	uint32_t turn;
	uint32_t place_at, place_size;
	uint32_t size;
	uint32_t luma_stride, chroma_stride, cb_base, cr_base;
	uint32_t cursor_at, cursor_size, cursor_stride;
};

/* Specialisation constants, in the order of their numbers. */
struct constants {
	uint32_t kind, shift_r, shift_g, shift_b, source_light, target_light;
	VkBool32 wide;
	uint32_t up_bits;
	VkBool32 halved, plain, cursor;
	float top;
	float y[3], cb[3], cr[3];
	float y_zero, c_zero;
};

#define CONSTANTS (sizeof(struct constants) / 4)

static uint32_t pair(uint32_t low, uint32_t high)
{
	return (low & 0xffff) | high << 16;
}

/* --- pipelines --- */

static void set_matrix(struct constants *k, const struct gpu_target *t)
{
	const double top = k->wide ? 1023 : 255, step = k->wide ? 4 : 1;
	const double ys = t->full_range ? top : 219 * step, cs = t->full_range ? top : 224 * step;
	double kr, kb, kg;

	luma_weights(t->space, &kr, &kb);
	kg = 1 - kr - kb;
	k->top = (float)top;
	k->y[0] = (float)(kr * ys);
	k->y[1] = (float)(kg * ys);
	k->y[2] = (float)(kb * ys);
	k->cb[0] = (float)(-0.5 * kr / (1 - kb) * cs);
	k->cb[1] = (float)(-0.5 * kg / (1 - kb) * cs);
	k->cb[2] = (float)(0.5 * cs);
	k->cr[0] = (float)(0.5 * cs);
	k->cr[1] = (float)(-0.5 * kg / (1 - kr) * cs);
	k->cr[2] = (float)(-0.5 * kb / (1 - kr) * cs);
	k->y_zero = (float)((t->full_range ? 0 : 16 * step) + 0.5);
	k->c_zero = (float)(128 * step + 0.5);
}

static int create_pipeline(struct gpu_convert *c, struct gpu_pipeline *p)
{
	const struct gpu_target *t = &c->target;
	const enum gpu_format f = t->layout.format;
	struct constants k = {
		.kind = p->format->kind,
		.shift_r = p->format->r,
		.shift_g = p->format->g,
		.shift_b = p->format->b,
		.source_light = p->format->kind == GPU_HALF ? LIGHT_LINEAR
				: p->pq                     ? LIGHT_PQ
							    : LIGHT_SDR,
		.target_light = t->pq ? LIGHT_PQ : LIGHT_SDR,
		.wide = f == GPU_P010 || f == GPU_YUV444P10,
		.up_bits = f == GPU_P010 ? 6 : 0,
		.halved = f == GPU_NV12 || f == GPU_P010,
		.plain = p->plain,
		.cursor = p->cursor,
	};
	VkSpecializationMapEntry map[CONSTANTS];
	const VkSpecializationInfo special = {
		.mapEntryCount = CONSTANTS,
		.pMapEntries = map,
		.dataSize = sizeof(k),
		.pData = &k,
	};
	const VkComputePipelineCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage =
			{
				.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
				.stage = VK_SHADER_STAGE_COMPUTE_BIT,
				.module = c->modules[p->image],
				.pName = "main",
				.pSpecializationInfo = &special,
			},
		.layout = c->layouts[p->image],
	};

	set_matrix(&k, t);
	for (uint32_t i = 0; i < CONSTANTS; i++)
		map[i] = (VkSpecializationMapEntry){.constantID = i, .offset = 4 * i, .size = 4};
	return gpu_errno(vkCreateComputePipelines(c->dev->vk, VK_NULL_HANDLE, 1, &info, NULL, &p->vk));
}

static const struct gpu_pipeline *made(const struct gpu_convert *c, const struct gpu_pipeline *want)
{
	for (unsigned i = 0; i < c->n_pipelines; i++) {
		const struct gpu_pipeline *p = &c->pipeline[i];

		if (p->format == want->format && p->pq == want->pq && p->image == want->image &&
		    p->plain == want->plain && p->cursor == want->cursor)
			return p;
	}
	return NULL;
}

/* Makes it with and without a cursor: a stream that stops when the pointer first moves would be noticed. */
static int find_pipeline(struct gpu_convert *c, const struct gpu_source *src, bool plain, bool cursor, VkPipeline *out)
{
	struct gpu_pipeline want = {
		.format = src->format,
		.pq = src->pq,
		.image = !src->buffer,
		.plain = plain,
		.cursor = cursor,
	};
	const struct gpu_pipeline *p = made(c, &want);

	if (!p && c->n_pipelines + 2 > GPU_PIPELINES_MAX) {
		/* Of a source that changed its mind so often none is in use. */
		vkDeviceWaitIdle(c->dev->vk);
		while (c->n_pipelines)
			vkDestroyPipeline(c->dev->vk, c->pipeline[--c->n_pipelines].vk, NULL);
	}
	for (unsigned i = 0; !p && i < 2; i++) {
		struct gpu_pipeline *next = &c->pipeline[c->n_pipelines];
		int rc;

		*next = want;
		next->cursor = i;
		rc = create_pipeline(c, next);
		if (rc < 0)
			return rc;
		c->n_pipelines++;
	}
	*out = p ? p->vk : made(c, &want)->vk;
	return 0;
}

/* --- init --- */

static int create_layouts(struct gpu_convert *c, int image, const uint32_t *code, size_t size)
{
	const VkPushConstantRange push = {
		.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		.size = sizeof(struct push),
	};
	VkDescriptorSetLayoutBinding bind[BINDINGS];
	const VkDescriptorSetLayoutCreateInfo set = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.flags = VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR,
		.bindingCount = BINDINGS,
		.pBindings = bind,
	};
	const VkPipelineLayoutCreateInfo layout = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
		.setLayoutCount = 1,
		.pSetLayouts = &c->sets[image],
		.pushConstantRangeCount = 1,
		.pPushConstantRanges = &push,
	};
	const VkShaderModuleCreateInfo module = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = size,
		.pCode = code,
	};
	int rc;

	for (uint32_t i = 0; i < BINDINGS; i++)
		bind[i] = (VkDescriptorSetLayoutBinding){
			.binding = i,
			.descriptorType = image && i == BIND_SOURCE ? VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER
								    : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.descriptorCount = 1,
			.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
		};
	rc = gpu_errno(vkCreateDescriptorSetLayout(c->dev->vk, &set, NULL, &c->sets[image]));
	if (rc < 0)
		return rc;
	rc = gpu_errno(vkCreatePipelineLayout(c->dev->vk, &layout, NULL, &c->layouts[image]));
	if (rc < 0)
		return rc;
	return gpu_errno(vkCreateShaderModule(c->dev->vk, &module, NULL, &c->modules[image]));
}

int gpu_convert_init(struct gpu_convert *c, struct gpu_device *dev, const struct gpu_target *target)
{
	const VkSamplerCreateInfo sampler = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
	int rc;

	*c = (struct gpu_convert){.dev = dev, .target = *target};
	if (target->layout.size > dev->buffer_max)
		return -ENOTSUP;
	rc = create_layouts(c, 0, convert_buffer_spv, sizeof(convert_buffer_spv));
	if (rc == 0)
		rc = create_layouts(c, 1, convert_image_spv, sizeof(convert_image_spv));
	if (rc == 0)
		rc = gpu_errno(vkCreateSampler(dev->vk, &sampler, NULL, &c->sampler));
	if (rc == 0)
		rc = gpu_buffer_init(dev, &c->cursor, GPU_BUFFER_UPLOAD, GPU_CURSOR_MAX * GPU_CURSOR_MAX * 4);
	if (rc < 0)
		gpu_convert_finish(c);
	return rc;
}

void gpu_convert_finish(struct gpu_convert *c)
{
	if (!c->dev)
		return;
	while (c->n_pipelines)
		vkDestroyPipeline(c->dev->vk, c->pipeline[--c->n_pipelines].vk, NULL);
	for (unsigned i = 0; i < 2; i++) {
		vkDestroyShaderModule(c->dev->vk, c->modules[i], NULL);
		vkDestroyPipelineLayout(c->dev->vk, c->layouts[i], NULL);
		vkDestroyDescriptorSetLayout(c->dev->vk, c->sets[i], NULL);
	}
	vkDestroySampler(c->dev->vk, c->sampler, NULL);
	gpu_buffer_finish(c->dev, &c->cursor);
	*c = (struct gpu_convert){0};
}

int gpu_convert_set_cursor(struct gpu_convert *c, const void *argb, size_t stride, uint32_t w, uint32_t h)
{
	if (w > GPU_CURSOR_MAX || h > GPU_CURSOR_MAX || stride < (size_t)w * 4)
		return -EINVAL;
	for (uint32_t y = 0; y < h; y++)
		memcpy((uint8_t *)c->cursor.map + (size_t)y * GPU_CURSOR_MAX * 4, (const uint8_t *)argb + y * stride,
		       (size_t)w * 4);
	return gpu_buffer_flush(c->dev, &c->cursor);
}

void gpu_convert_place(struct gpu_convert *c, const struct gpu_layout *l)
{
	assert(l->format == c->target.layout.format && l->width == c->target.layout.width &&
	       l->height == c->target.layout.height);
	c->target.layout = *l;
}

/* --- the pass --- */

static bool swaps_sides(enum transform t)
{
	return t & 1;
}

static bool geometry_sane(const struct gpu_geometry *g, const struct gpu_source *s, const struct gpu_layout *l)
{
	const struct rect *v = &g->visible;

	return v->w && v->h && v->x >= 0 && v->y >= 0 && (uint64_t)v->x + v->w <= s->width &&
	       (uint64_t)v->y + v->h <= s->height && s->width <= GPU_DIM_MAX && s->height <= GPU_DIM_MAX && g->w &&
	       g->h && g->x + g->w <= l->width && g->y + g->h <= l->height &&
	       (unsigned)g->transform <= TRANSFORM_FLIPPED_270;
}

/* Every pixel lies in the buffer. */
static bool buffer_sane(const struct gpu_source *s)
{
	const size_t pixel = s->format->bytes, line = (size_t)s->width * pixel;

	return s->offset % pixel == 0 && s->stride % 4 == 0 && s->stride >= line && s->offset <= s->size &&
	       (size_t)s->stride * (s->height - 1) + line <= s->size - s->offset;
}

/* Four pixels at a time, as they lie. */
static bool is_plain(const struct gpu_source *s, const struct gpu_geometry *g, const struct gpu_layout *l)
{
	const struct rect *v = &g->visible;

	if (g->transform != TRANSFORM_NONE || v->w != l->width || v->h != l->height || g->w != l->width ||
	    g->h != l->height || l->width % 4 || l->height % 2)
		return false;
	return !s->buffer || (s->offset % 16 == 0 && s->stride % 16 == 0 && v->x % 4 == 0);
}

static void bind(struct gpu_convert *c, VkCommandBuffer cmd, const struct gpu_source *src, VkBuffer dst)
{
	const VkDescriptorImageInfo image = {
		.sampler = c->sampler,
		.imageView = src->view,
		.imageLayout = VK_IMAGE_LAYOUT_GENERAL,
	};
	const VkDescriptorBufferInfo buffers[BINDINGS] = {
		[BIND_SOURCE] = {.buffer = src->buffer, .range = VK_WHOLE_SIZE},
		[BIND_TARGET] = {.buffer = dst, .range = c->target.layout.size},
		[BIND_CURSOR] = {.buffer = c->cursor.vk, .range = VK_WHOLE_SIZE},
	};
	VkWriteDescriptorSet write[BINDINGS];

	for (uint32_t i = 0; i < BINDINGS; i++) {
		const bool is_image = i == BIND_SOURCE && !src->buffer;

		write[i] = (VkWriteDescriptorSet){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
			.dstBinding = i,
			.descriptorCount = 1,
			.descriptorType = is_image ? VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER
						   : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
			.pImageInfo = is_image ? &image : NULL,
			.pBufferInfo = is_image ? NULL : &buffers[i],
		};
	}
	c->dev->push_descriptors(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, c->layouts[!src->buffer], 0, BINDINGS, write);
}

/* An imported source comes from the outside and goes back there. Image contents survive, for the layout stays. */
static void take_over(struct gpu_convert *c, VkCommandBuffer cmd, const struct gpu_source *src, bool back)
{
	const VkPipelineStageFlags2 compute = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT;
	const uint32_t other = gpu_external_family(c->dev);
	const VkImageMemoryBarrier2 image = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
		.srcStageMask = back ? compute : VK_PIPELINE_STAGE_2_NONE,
		.dstStageMask = back ? VK_PIPELINE_STAGE_2_NONE : compute,
		.dstAccessMask = back ? 0 : VK_ACCESS_2_SHADER_SAMPLED_READ_BIT,
		.oldLayout = VK_IMAGE_LAYOUT_GENERAL,
		.newLayout = VK_IMAGE_LAYOUT_GENERAL,
		.srcQueueFamilyIndex = back ? c->dev->family : other,
		.dstQueueFamilyIndex = back ? other : c->dev->family,
		.image = src->image,
		.subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1},
	};
	const VkDependencyInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
		.imageMemoryBarrierCount = 1,
		.pImageMemoryBarriers = &image,
	};

	if (!src->foreign)
		return;
	if (!src->buffer)
		vkCmdPipelineBarrier2(cmd, &info);
	else if (back)
		gpu_external_give(c->dev, cmd, src->buffer, compute, 0);
	else
		gpu_external_take(c->dev, cmd, src->buffer, compute, VK_ACCESS_2_SHADER_STORAGE_READ_BIT);
}

int gpu_convert_record(struct gpu_convert *c, VkCommandBuffer cmd, const struct gpu_source *src,
		       const struct gpu_geometry *g, const struct gpu_cursor *cursor, VkBuffer dst)
{
	const struct gpu_layout *l = &c->target.layout;
	const bool swap = swaps_sides(g->transform), shown = cursor && cursor->w && cursor->h;
	const struct rect *v = &g->visible;
	struct push p;
	VkPipeline pipeline;
	int rc;

	if (!src->format || !geometry_sane(g, src, l) || (src->buffer && !buffer_sane(src)))
		return -EINVAL;
	if (src->buffer && src->size > c->dev->buffer_max)
		return -ENOTSUP;
	if (shown && (cursor->w > GPU_CURSOR_MAX || cursor->h > GPU_CURSOR_MAX || cursor->x != (int16_t)cursor->x ||
		      cursor->y != (int16_t)cursor->y))
		return -EINVAL;
	rc = find_pipeline(c, src, is_plain(src, g, l), shown, &pipeline);
	if (rc < 0)
		return rc;
	p = (struct push){
		.source_base = (uint32_t)(src->offset / 4),
		.source_stride = src->stride / 4,
		.crop = pair((uint32_t)v->x, (uint32_t)v->y),
		.upright = pair(swap ? v->h : v->w, swap ? v->w : v->h),
		.turn = (uint32_t)g->transform,
		.place_at = pair(g->x, g->y),
		.place_size = pair(g->w, g->h),
		.size = pair(l->width, l->height),
		.luma_stride = l->plane[0].stride / 4,
		.chroma_stride = l->plane[1].stride / 4,
		.cb_base = (uint32_t)(l->plane[1].offset / 4),
		.cr_base = (uint32_t)(l->plane[2].offset / 4),
		.cursor_stride = GPU_CURSOR_MAX,
	};
	if (shown) {
		p.cursor_at = pair((uint32_t)cursor->x, (uint32_t)cursor->y);
		p.cursor_size = pair(cursor->w, cursor->h);
	}

	take_over(c, cmd, src, false);
	gpu_barrier(cmd, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_COPY_BIT,
		    VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
		    VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT);
	vkCmdBindPipeline(cmd, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
	bind(c, cmd, src, dst);
	vkCmdPushConstants(cmd, c->layouts[!src->buffer], VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(p), &p);
	vkCmdDispatch(cmd, (l->width + 4 * GROUP_W - 1) / (4 * GROUP_W), (l->height + 2 * GROUP_H - 1) / (2 * GROUP_H),
		      1);
	take_over(c, cmd, src, true);
	gpu_barrier(cmd, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
		    VK_PIPELINE_STAGE_2_COPY_BIT | VK_PIPELINE_STAGE_2_HOST_BIT,
		    VK_ACCESS_2_TRANSFER_READ_BIT | VK_ACCESS_2_HOST_READ_BIT);
	return 0;
}
