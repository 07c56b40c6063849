// SPDX-License-Identifier: GPL-3.0-or-later
/* Memory that is shared with others as dma-bufs: what gpu/import takes in and gpu/shared gives out. Device's thread. */
#pragma once

#include "gpu/device.h"

#define GPU_DMABUF VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT

/* What buffers of that use can do as dma-bufs; 0: nothing. */
VkExternalMemoryFeatureFlags gpu_external_buffers(const struct gpu_device *dev, VkBufferUsageFlags use);

/* size bytes of a file as memory of a type of mask; its fd stays the caller's. image: the memory is dedicated to it;
 * VK_NULL_HANDLE: to nobody. -ENOTSUP: the device does not take this file; -ENOMEM, -EIO. */
int gpu_external_import(const struct gpu_device *dev, int fd, size_t size, uint32_t mask, VkImage image,
			VkDeviceMemory *out);

/* The queue family that stands for all who are not this device. */
uint32_t gpu_external_family(const struct gpu_device *dev);
/* Who owns a buffer that others use as well: the barrier between them and us. What they wrote before is seen after. */
void gpu_external_take(const struct gpu_device *dev, VkCommandBuffer cmd, VkBuffer buffer, VkPipelineStageFlags2 stage,
		       VkAccessFlags2 access);
/* The other way: stage and access are of what we did. */
void gpu_external_give(const struct gpu_device *dev, VkCommandBuffer cmd, VkBuffer buffer, VkPipelineStageFlags2 stage,
		       VkAccessFlags2 access);
