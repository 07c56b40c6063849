// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/external.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

VkExternalMemoryFeatureFlags gpu_external_buffers(const struct gpu_device *dev, VkBufferUsageFlags use)
{
	const VkPhysicalDeviceExternalBufferInfo info = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO,
		.usage = use,
		.handleType = GPU_DMABUF,
	};
	VkExternalBufferProperties props = {.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES};

	if (!dev->dmabuf)
		return 0;
	vkGetPhysicalDeviceExternalBufferProperties(dev->physical, &info, &props);
	return props.externalMemoryProperties.externalMemoryFeatures;
}

int gpu_external_import(const struct gpu_device *dev, int fd, size_t size, uint32_t mask, VkImage image,
			VkDeviceMemory *out)
{
	VkMemoryFdPropertiesKHR props = {.sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR};
	const VkMemoryDedicatedAllocateInfo dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO,
		.image = image,
	};
	VkImportMemoryFdInfoKHR import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
		.pNext = image ? &dedicated : NULL,
		.handleType = GPU_DMABUF,
	};
	VkMemoryAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
		.pNext = &import,
		.allocationSize = size,
	};
	int type, rc;

	rc = gpu_errno(dev->get_fd_properties(dev->vk, GPU_DMABUF, fd, &props));
	if (rc < 0)
		return rc == -ENOMEM ? rc : -ENOTSUP;
	type = gpu_memory_type(dev, mask & props.memoryTypeBits, 0, 0);
	if (type < 0)
		return -ENOTSUP;
	info.memoryTypeIndex = (uint32_t)type;
	import.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (import.fd < 0)
		return -errno;
	rc = gpu_errno(vkAllocateMemory(dev->vk, &info, NULL, out));
	if (rc < 0)
		close(import.fd); /* else it is the driver's */
	return rc;
}

uint32_t gpu_external_family(const struct gpu_device *dev)
{
	return dev->foreign ? VK_QUEUE_FAMILY_FOREIGN_EXT : VK_QUEUE_FAMILY_EXTERNAL;
}

static void change_owner(VkCommandBuffer cmd, VkBufferMemoryBarrier2 *b)
{
	const VkDependencyInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
		.bufferMemoryBarrierCount = 1,
		.pBufferMemoryBarriers = b,
	};

	b->sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_BARRIER_2;
	b->size = VK_WHOLE_SIZE;
	vkCmdPipelineBarrier2(cmd, &info);
}

void gpu_external_take(const struct gpu_device *dev, VkCommandBuffer cmd, VkBuffer buffer, VkPipelineStageFlags2 stage,
		       VkAccessFlags2 access)
{
	change_owner(cmd, &(VkBufferMemoryBarrier2){
				  .dstStageMask = stage,
				  .dstAccessMask = access,
				  .srcQueueFamilyIndex = gpu_external_family(dev),
				  .dstQueueFamilyIndex = dev->family,
				  .buffer = buffer,
			  });
}

void gpu_external_give(const struct gpu_device *dev, VkCommandBuffer cmd, VkBuffer buffer, VkPipelineStageFlags2 stage,
		       VkAccessFlags2 access)
{
	change_owner(cmd, &(VkBufferMemoryBarrier2){
				  .srcStageMask = stage,
				  .srcAccessMask = access,
				  .srcQueueFamilyIndex = dev->family,
				  .dstQueueFamilyIndex = gpu_external_family(dev),
				  .buffer = buffer,
			  });
}
