// SPDX-License-Identifier: GPL-3.0-or-later
/* Memory of a device (gpu/device.h): few buffers that live long, each an allocation of its own. */
#include <errno.h>

#include "gpu/device.h"

int gpu_memory_type(const struct gpu_device *d, uint32_t mask, VkMemoryPropertyFlags must, VkMemoryPropertyFlags want)
{
	int found = -1;

	for (uint32_t i = 0; i < d->memory.memoryTypeCount; i++) {
		VkMemoryPropertyFlags has = d->memory.memoryTypes[i].propertyFlags;

		if (!(mask & 1u << i) || (has & must) != must)
			continue;
		if ((has & want) == want)
			return (int)i;
		if (found < 0)
			found = (int)i;
	}
	return found;
}

static int memory_for(const struct gpu_device *d, enum gpu_buffer_use use, uint32_t mask)
{
	const VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT;
	int cached;

	switch (use) {
	case GPU_BUFFER_DEVICE:
		return gpu_memory_type(d, mask, 0, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
	case GPU_BUFFER_UPLOAD: /* over the bus by the CPU's writes, which need nobody to wait for them */
		return gpu_memory_type(d, mask, visible,
				       VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
	case GPU_BUFFER_READBACK: /* reads of uncached memory are slower than everything else here */
		cached = gpu_memory_type(d, mask, visible | VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
					 VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
		return cached >= 0 ? cached : gpu_memory_type(d, mask, visible, 0);
	}
	return -1;
}

int gpu_buffer_init(struct gpu_device *d, struct gpu_buffer *b, enum gpu_buffer_use use, size_t size)
{
	const VkBufferCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
		.size = size,
		.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
			 VK_BUFFER_USAGE_TRANSFER_DST_BIT,
	};
	VkMemoryAllocateInfo alloc = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
	VkMemoryRequirements need;
	int rc, type;

	*b = (struct gpu_buffer){.size = size};
	if (!size || size > d->buffer_max)
		return -ENOTSUP;
	rc = gpu_errno(vkCreateBuffer(d->vk, &info, NULL, &b->vk));
	if (rc < 0)
		goto fail;
	vkGetBufferMemoryRequirements(d->vk, b->vk, &need);
	rc = -ENOTSUP;
	type = memory_for(d, use, need.memoryTypeBits);
	if (type < 0)
		goto fail;
	b->coherent = d->memory.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
	alloc.allocationSize = need.size;
	alloc.memoryTypeIndex = (uint32_t)type;
	rc = gpu_errno(vkAllocateMemory(d->vk, &alloc, NULL, &b->memory));
	if (rc < 0)
		goto fail;
	rc = gpu_errno(vkBindBufferMemory(d->vk, b->vk, b->memory, 0));
	if (rc < 0)
		goto fail;
	if (use != GPU_BUFFER_DEVICE) {
		rc = gpu_errno(vkMapMemory(d->vk, b->memory, 0, VK_WHOLE_SIZE, 0, &b->map));
		if (rc < 0)
			goto fail;
	}
	return 0;
fail:
	gpu_buffer_finish(d, b);
	return rc;
}

void gpu_buffer_finish(struct gpu_device *d, struct gpu_buffer *b)
{
	if (b->vk)
		vkDestroyBuffer(d->vk, b->vk, NULL);
	if (b->memory)
		vkFreeMemory(d->vk, b->memory, NULL);
	*b = (struct gpu_buffer){0};
}

static VkMappedMemoryRange whole(const struct gpu_buffer *b)
{
	return (VkMappedMemoryRange){
		.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
		.memory = b->memory,
		.size = VK_WHOLE_SIZE,
	};
}

int gpu_buffer_invalidate(struct gpu_device *d, struct gpu_buffer *b)
{
	const VkMappedMemoryRange r = whole(b);

	return b->coherent ? 0 : gpu_errno(vkInvalidateMappedMemoryRanges(d->vk, 1, &r));
}

int gpu_buffer_flush(struct gpu_device *d, struct gpu_buffer *b)
{
	const VkMappedMemoryRange r = whole(b);

	return b->coherent ? 0 : gpu_errno(vkFlushMappedMemoryRanges(d->vk, 1, &r));
}
