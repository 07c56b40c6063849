// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/shared.h"

#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "gpu/external.h"

#define HUNG_NS (2 * NS_PER_S)
#define COPIES  64u /* lines in one command */
#define BUFFER_USES                                                                                                    \
	(VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT)

static int export_memory(struct gpu_shared *s, const VkMemoryRequirements *need)
{
	const VkMemoryDedicatedAllocateInfo dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
		.buffer = s->vk,
	};
	const VkExportMemoryAllocateInfo export = {
		.sType = VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO,
		.pNext = &dedicated,
		.handleTypes = GPU_DMABUF,
	};
	VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = &export,
		.allocationSize = need->size,
	};
	VkMemoryGetFdInfoKHR get = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR,
		.handleType = GPU_DMABUF,
	};
	int type = gpu_memory_type(s->dev, need->memoryTypeBits, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT), rc;

	if (type < 0)
		return -ENOTSUP;
	info.memoryTypeIndex = (uint32_t)type;
	rc = gpu_errno(vkAllocateMemory(s->dev->vk, &info, NULL, &s->memory));
	if (rc < 0)
		return rc;
	get.memory = s->memory;
	return gpu_errno(s->dev->get_fd(s->dev->vk, &get, &s->fd));
}

static int import_file(struct gpu_shared *s, const VkMemoryRequirements *need)
{
	s->fd = memfd_create("moonrill-picture", MFD_CLOEXEC);
	if (s->fd < 0 || ftruncate(s->fd, (off_t)need->size) < 0)
		return -errno;
	return gpu_external_import(s->dev, s->fd, need->size, need->memoryTypeBits, VK_NULL_HANDLE, &s->memory);
}

static int make_buffer(struct gpu_shared *s)
{
	const VkExternalMemoryBufferCreateInfo external = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = GPU_DMABUF,
	};
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.pNext = &external,
		.size = s->layout.size,
		.usage = BUFFER_USES,
	};
	VkExternalMemoryFeatureFlags can = gpu_external_buffers(s->dev, BUFFER_USES);
	VkMemoryRequirements need;
	int rc;

	if (!can || s->layout.size > s->dev->buffer_max)
		return -ENOTSUP;
	rc = gpu_errno(vkCreateBuffer(s->dev->vk, &info, NULL, &s->vk));
	if (rc < 0)
		return rc;
	vkGetBufferMemoryRequirements(s->dev->vk, s->vk, &need);
	rc = -ENOTSUP;
	if (can & VK_EXTERNAL_MEMORY_FEATURE_EXPORTABLE_BIT)
		rc = export_memory(s, &need);
	/* What is not a dma-buf is of use to those only who compute on the CPU as well. */
	else if (s->dev->cpu)
		rc = import_file(s, &need);
	return rc < 0 ? rc : gpu_errno(vkBindBufferMemory(s->dev->vk, s->vk, s->memory, 0));
}

static void paint_black(struct gpu_shared *s, bool full_range)
{
	const struct gpu_layout *l = &s->layout;
	const bool wide = l->format == GPU_P010 || l->format == GPU_YUV444P10, up = l->format == GPU_P010;
	const uint32_t grey = wide ? 0x02000200u << (up ? 6 : 0) : 0x80808080;
	uint32_t black = wide ? 0x00400040u << (up ? 6 : 0) : 0x10101010;

	if (full_range)
		black = 0;
	vkCmdFillBuffer(s->cmd, s->vk, 0, l->plane[1].offset, black);
	vkCmdFillBuffer(s->cmd, s->vk, l->plane[1].offset, l->size - l->plane[1].offset, grey);
}

/* Lines that there is room for, in plane i. */
static uint32_t room(const struct gpu_layout *l, unsigned i)
{
	const size_t end = i + 1u < l->n_planes ? l->plane[i + 1].offset : l->size;

	return (uint32_t)((end - l->plane[i].offset) / l->plane[i].stride);
}

/* A hard edge would cost bits in every picture that moves, and ring into those lines that are shown. */
static void repeat_last_lines(struct gpu_shared *s)
{
	const struct gpu_layout *l = &s->layout;

	gpu_barrier(s->cmd, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT, VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT,
		    VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_READ_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT);
	for (unsigned i = 0; i < l->n_planes; i++) {
		const struct gpu_plane *p = &l->plane[i];
		const size_t last = p->offset + (size_t)p->stride * (p->lines - 1);
		VkBufferCopy line[GPU_BLOCK];
		uint32_t n = 0;

		for (uint32_t y = p->lines; y < room(l, i); y++, n++)
			line[n] = (VkBufferCopy){last, p->offset + (size_t)y * p->stride, p->stride};
		if (n)
			vkCmdCopyBuffer(s->cmd, s->vk, s->vk, n, line);
	}
}

static int submit(struct gpu_shared *s, VkPipelineStageFlags2 stage, VkAccessFlags2 wrote, uint64_t *point)
{
	gpu_external_give(s->dev, s->cmd, s->vk, stage, wrote);
	return gpu_submit(s->dev, s->cmd, point);
}

int gpu_shared_init(struct gpu_shared *s, struct gpu_device *dev, enum gpu_format format, unsigned width,
		    unsigned height, bool full_range)
{
	int rc;

	*s = (struct gpu_shared){.dev = dev, .fd = -1};
	rc = gpu_layout_init_blocks(&s->layout, format, width, height);
	if (rc == 0)
		rc = make_buffer(s);
	if (rc == 0)
		rc = gpu_commands_init(dev, &s->cmd);
	if (rc == 0)
		rc = gpu_commands_begin(s->cmd);
	if (rc == 0) {
		paint_black(s, full_range);
		rc = submit(s, VK_PIPELINE_STAGE_2_CLEAR_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT, &s->point);
	}
	if (rc == 0)
		rc = gpu_wait(dev, s->point, HUNG_NS);
	if (rc < 0 && gpu_passed(dev, s->point))
		gpu_shared_finish(s);
	return rc;
}

void gpu_shared_finish(struct gpu_shared *s)
{
	if (!s->dev)
		return;
	gpu_commands_finish(s->dev, &s->cmd);
	if (s->vk)
		vkDestroyBuffer(s->dev->vk, s->vk, NULL);
	if (s->memory)
		vkFreeMemory(s->dev->vk, s->memory, NULL);
	if (s->fd >= 0)
		close(s->fd);
	*s = (struct gpu_shared){0};
}

int gpu_shared_submit(struct gpu_shared *s, gpu_shared_record_fn record, void *ctx, uint64_t *point)
{
	int rc;

	assert(gpu_passed(s->dev, s->point));
	rc = gpu_commands_begin(s->cmd);
	if (rc < 0)
		return rc;
	gpu_external_take(s->dev, s->cmd, s->vk, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_COPY_BIT,
			  VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT);
	rc = record(ctx, s->cmd, s->vk);
	if (rc < 0) {
		vkEndCommandBuffer(s->cmd); /* or it could not begin again */
		return rc;
	}
	repeat_last_lines(s);
	rc = submit(s, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_COPY_BIT,
		    VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT, &s->point);
	if (rc == 0)
		*point = s->point;
	return rc;
}

static void copy_plane(VkCommandBuffer cmd, VkBuffer from, const struct gpu_plane *p, VkBuffer dst,
		       const struct gpu_plane *to)
{
	VkBufferCopy line[COPIES];

	for (uint32_t y = 0; y < p->lines;) {
		uint32_t n = 0;

		for (; n < COPIES && y < p->lines; n++, y++)
			line[n] = (VkBufferCopy){
				.srcOffset = p->offset + (size_t)y * p->stride,
				.dstOffset = to->offset + (size_t)y * to->stride,
				.size = p->bytes,
			};
		vkCmdCopyBuffer(cmd, from, dst, n, line);
	}
}

void gpu_shared_copy(struct gpu_shared *s, VkCommandBuffer cmd, VkBuffer dst, const struct gpu_layout *to)
{
	const struct gpu_layout *l = &s->layout;

	assert(to->format == l->format && to->width == l->width && to->height == l->height);
	gpu_external_take(s->dev, cmd, s->vk, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_READ_BIT);
	for (unsigned i = 0; i < l->n_planes; i++)
		copy_plane(cmd, s->vk, &l->plane[i], dst, &to->plane[i]);
	gpu_external_give(s->dev, cmd, s->vk, VK_PIPELINE_STAGE_2_COPY_BIT, 0);
	gpu_barrier(cmd, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
		    VK_PIPELINE_STAGE_2_COPY_BIT | VK_PIPELINE_STAGE_2_HOST_BIT,
		    VK_ACCESS_2_TRANSFER_READ_BIT | VK_ACCESS_2_HOST_READ_BIT);
}
