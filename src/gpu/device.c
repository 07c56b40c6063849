// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/str.h"

#define LOG_MODULE "gpu"
#include "base/log.h"

#define DEVICES_MAX    16
#define EXTENSIONS_MAX 512
#define FAMILIES_MAX   32

/* A physical device and what it can do. */
struct candidate {
	VkPhysicalDevice physical;
	VkPhysicalDeviceProperties props;
	uint32_t family;
	uint64_t drm[2]; /* primary and render node */
	bool usable, cpu, dmabuf, modifiers, foreign, push;
};

int gpu_errno(VkResult r)
{
	switch (r) {
	case VK_SUCCESS:
		return 0;
	case VK_TIMEOUT:
		return -ETIMEDOUT;
	case VK_ERROR_OUT_OF_HOST_MEMORY:
	case VK_ERROR_OUT_OF_DEVICE_MEMORY:
		return -ENOMEM;
	case VK_ERROR_INCOMPATIBLE_DRIVER:
		return -ENODEV;
	case VK_ERROR_INVALID_EXTERNAL_HANDLE:
	case VK_ERROR_FORMAT_NOT_SUPPORTED:
		return -ENOTSUP;
	default:
		return -EIO;
	}
}

/* --- choice --- */

static bool has(const VkExtensionProperties *e, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(e[i].extensionName, name) == 0)
			return true;
	return false;
}

static int queue_family(VkPhysicalDevice p)
{
	VkQueueFamilyProperties f[FAMILIES_MAX];
	uint32_t n = FAMILIES_MAX;
	int found = -1;

	/* One that only computes runs beside the game's graphics instead of behind them. */
	vkGetPhysicalDeviceQueueFamilyProperties(p, &n, f);
	for (uint32_t i = 0; i < n; i++) {
		if (!(f[i].queueFlags & VK_QUEUE_COMPUTE_BIT))
			continue;
		if (!(f[i].queueFlags & VK_QUEUE_GRAPHICS_BIT))
			return (int)i;
		if (found < 0)
			found = (int)i;
	}
	return found;
}

static void examine(struct candidate *c, VkExtensionProperties *ext)
{
	VkPhysicalDeviceDrmPropertiesEXT drm = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRM_PROPERTIES_EXT};
	VkPhysicalDeviceProperties2 props = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
	uint32_t n = EXTENSIONS_MAX;
	VkResult r;
	int family;

	vkGetPhysicalDeviceProperties(c->physical, &c->props);
	c->cpu = c->props.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
	if (c->props.apiVersion < VK_API_VERSION_1_3)
		return;
	r = vkEnumerateDeviceExtensionProperties(c->physical, NULL, &n, ext);
	family = queue_family(c->physical);
	if ((r != VK_SUCCESS && r != VK_INCOMPLETE) || family < 0)
		return;
	c->family = (uint32_t)family;
	c->push = has(ext, n, VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME);
	c->dmabuf = has(ext, n, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME) &&
		    has(ext, n, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME);
	c->modifiers = c->dmabuf && has(ext, n, VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_EXTENSION_NAME);
	c->foreign = c->dmabuf && has(ext, n, VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME);
	if (has(ext, n, VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME)) {
		props.pNext = &drm;
		vkGetPhysicalDeviceProperties2(c->physical, &props);
		if (drm.hasPrimary)
			c->drm[0] = makedev((unsigned)drm.primaryMajor, (unsigned)drm.primaryMinor);
		if (drm.hasRender)
			c->drm[1] = makedev((unsigned)drm.renderMajor, (unsigned)drm.renderMinor);
	}
	c->usable = c->push;
}

/* The better of two that fit. */
static bool better(const struct candidate *a, const struct candidate *b)
{
	if (!b)
		return true;
	if (a->cpu != b->cpu)
		return b->cpu;
	return a->dmabuf && !b->dmabuf;
}

static bool fits(const struct candidate *c, const struct gpu_choice *choice)
{
	if (!c->usable || (choice->no_cpu && c->cpu))
		return false;
	if (choice->owner)
		return c->dmabuf && choice->drm && (c->drm[0] == choice->drm || c->drm[1] == choice->drm);
	return !choice->wish || !*choice->wish || strcasestr(c->props.deviceName, choice->wish);
}

static int choose(VkInstance instance, const struct gpu_choice *choice, struct candidate *out)
{
	struct candidate all[DEVICES_MAX] = {0};
	VkPhysicalDevice physical[DEVICES_MAX];
	const struct candidate *best = NULL;
	VkExtensionProperties *ext;
	uint32_t n = DEVICES_MAX;
	VkResult r = vkEnumeratePhysicalDevices(instance, &n, physical);

	if (r != VK_SUCCESS && r != VK_INCOMPLETE)
		return r == VK_ERROR_INITIALIZATION_FAILED ? -ENODEV : gpu_errno(r);
	ext = calloc(EXTENSIONS_MAX, sizeof(*ext));
	if (!ext)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		all[i].physical = physical[i];
		examine(&all[i], ext);
		log_dbg("%s: Vulkan %u.%u, %s%s%s", all[i].props.deviceName,
			VK_API_VERSION_MAJOR(all[i].props.apiVersion), VK_API_VERSION_MINOR(all[i].props.apiVersion),
			all[i].usable ? "usable" : "lacks what is needed", all[i].dmabuf ? ", dma-bufs" : "",
			all[i].modifiers ? ", modifiers" : "");
		if (fits(&all[i], choice) && better(&all[i], best))
			best = &all[i];
	}
	free(ext);
	if (!best)
		return -ENODEV;
	*out = *best;
	return 0;
}

/* --- open --- */

static int create_instance(VkInstance *out)
{
	const VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "moonrill",
		.apiVersion = VK_API_VERSION_1_3,
	};
	const VkInstanceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &app,
	};

	return gpu_errno(vkCreateInstance(&info, NULL, out));
}

static int create_device(struct gpu_device *d, const struct candidate *c)
{
	const float priority = 1;
	const char *ext[8];
	VkPhysicalDeviceVulkan13Features f13 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
		.synchronization2 = VK_TRUE,
		.maintenance4 = VK_TRUE, /* the group size of compiled shaders is a specialisation constant */
	};
	VkPhysicalDeviceVulkan12Features f12 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
		.pNext = &f13,
		.timelineSemaphore = VK_TRUE,
	};
	const VkPhysicalDeviceFeatures features = {.robustBufferAccess = VK_TRUE};
	const VkDeviceQueueCreateInfo queue = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = c->family,
		.queueCount = 1,
		.pQueuePriorities = &priority,
	};
	VkDeviceCreateInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
		.pNext = &f12,
		.queueCreateInfoCount = 1,
		.pQueueCreateInfos = &queue,
		.ppEnabledExtensionNames = ext,
		.pEnabledFeatures = &features,
	};
	uint32_t n = 0;

	ext[n++] = VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME;
	if (c->dmabuf) {
		ext[n++] = VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME;
		ext[n++] = VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME;
	}
	if (c->modifiers)
		ext[n++] = VK_EXT_IMAGE_DRM_FORMAT_MODIFIER_EXTENSION_NAME;
	if (c->foreign)
		ext[n++] = VK_EXT_QUEUE_FAMILY_FOREIGN_EXTENSION_NAME;
	info.enabledExtensionCount = n;
	return gpu_errno(vkCreateDevice(c->physical, &info, NULL, &d->vk));
}

static void describe(struct gpu_device *d, const struct candidate *c)
{
	VkQueueFamilyProperties f[FAMILIES_MAX];
	uint32_t n = FAMILIES_MAX;

	d->physical = c->physical;
	d->family = c->family;
	d->cpu = c->cpu;
	d->unified = c->cpu || c->props.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
	memcpy(d->drm, c->drm, sizeof(d->drm));
	d->dmabuf = c->dmabuf;
	d->modifiers = c->modifiers;
	d->foreign = c->foreign;
	d->buffer_max = c->props.limits.maxStorageBufferRange;
	snprintf(d->name, sizeof(d->name), "%s", c->props.deviceName);
	vkGetPhysicalDeviceMemoryProperties(c->physical, &d->memory);
	vkGetPhysicalDeviceQueueFamilyProperties(c->physical, &n, f);
	d->ns_per_tick = f[c->family].timestampValidBits ? c->props.limits.timestampPeriod : 0;
}

int gpu_device_open(struct gpu_device **out, const struct gpu_choice *choice)
{
	const VkSemaphoreTypeCreateInfo type = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
		.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
	};
	const VkSemaphoreCreateInfo sem = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
	VkCommandPoolCreateInfo pool = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
	};
	struct gpu_device *d = calloc(1, sizeof(*d));
	struct candidate c = {0};
	int rc;

	*out = NULL;
	if (!d)
		return -ENOMEM;
	rc = create_instance(&d->instance);
	if (rc < 0)
		goto fail;
	rc = choose(d->instance, choice, &c);
	if (rc < 0)
		goto fail;
	rc = create_device(d, &c);
	if (rc < 0)
		goto fail;
	describe(d, &c);
	vkGetDeviceQueue(d->vk, d->family, 0, &d->queue);
	d->push_descriptors = (PFN_vkCmdPushDescriptorSetKHR)vkGetDeviceProcAddr(d->vk, "vkCmdPushDescriptorSetKHR");
	if (d->dmabuf) {
		d->get_fd_properties =
			(PFN_vkGetMemoryFdPropertiesKHR)vkGetDeviceProcAddr(d->vk, "vkGetMemoryFdPropertiesKHR");
		d->get_fd = (PFN_vkGetMemoryFdKHR)vkGetDeviceProcAddr(d->vk, "vkGetMemoryFdKHR");
	}
	rc = gpu_errno(vkCreateSemaphore(d->vk, &sem, NULL, &d->timeline));
	if (rc < 0)
		goto fail;
	pool.queueFamilyIndex = d->family;
	rc = gpu_errno(vkCreateCommandPool(d->vk, &pool, NULL, &d->commands));
	if (rc < 0)
		goto fail;
	log_info("%s%s%s", d->name, d->dmabuf ? ", imports dma-bufs" : "", d->modifiers ? " of its modifiers" : "");
	*out = d;
	return 0;
fail:
	if (choice->optional)
		log_dbg("no such GPU can be used through Vulkan");
	else
		log_errno(rc, "no GPU can be used through Vulkan");
	gpu_device_close(d);
	return rc;
}

void gpu_device_close(struct gpu_device *d)
{
	if (!d)
		return;
	if (d->vk) {
		vkDeviceWaitIdle(d->vk);
		vkDestroyCommandPool(d->vk, d->commands, NULL);
		vkDestroySemaphore(d->vk, d->timeline, NULL);
		vkDestroyDevice(d->vk, NULL);
	}
	if (d->instance)
		vkDestroyInstance(d->instance, NULL);
	free(d);
}

void gpu_device_idle(struct gpu_device *d)
{
	vkDeviceWaitIdle(d->vk); /* of a lost device nothing is written any more */
}

/* --- work --- */

int gpu_commands_init(struct gpu_device *d, VkCommandBuffer *cmd)
{
	const VkCommandBufferAllocateInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = d->commands,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1,
	};

	return gpu_errno(vkAllocateCommandBuffers(d->vk, &info, cmd));
}

void gpu_commands_finish(struct gpu_device *d, VkCommandBuffer *cmd)
{
	if (*cmd)
		vkFreeCommandBuffers(d->vk, d->commands, 1, cmd);
	*cmd = VK_NULL_HANDLE;
}

int gpu_commands_begin(VkCommandBuffer cmd)
{
	const VkCommandBufferBeginInfo info = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
		.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
	};

	return gpu_errno(vkBeginCommandBuffer(cmd, &info));
}

void gpu_barrier(VkCommandBuffer cmd, VkPipelineStageFlags2 from, VkAccessFlags2 wrote, VkPipelineStageFlags2 to,
		 VkAccessFlags2 reads)
{
	const VkMemoryBarrier2 b = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
		.srcStageMask = from,
		.srcAccessMask = wrote,
		.dstStageMask = to,
		.dstAccessMask = reads,
	};
	const VkDependencyInfo info = {
		.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
		.memoryBarrierCount = 1,
		.pMemoryBarriers = &b,
	};

	vkCmdPipelineBarrier2(cmd, &info);
}

int gpu_submit(struct gpu_device *d, VkCommandBuffer cmd, uint64_t *point)
{
	const VkCommandBufferSubmitInfo work = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
		.commandBuffer = cmd,
	};
	const VkSemaphoreSubmitInfo signal = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
		.semaphore = d->timeline,
		.value = d->submitted + 1,
		.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT,
	};
	const VkSubmitInfo2 submit = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
		.commandBufferInfoCount = 1,
		.pCommandBufferInfos = &work,
		.signalSemaphoreInfoCount = 1,
		.pSignalSemaphoreInfos = &signal,
	};
	int rc = gpu_errno(vkEndCommandBuffer(cmd));

	if (rc < 0)
		return rc;
	rc = gpu_errno(vkQueueSubmit2(d->queue, 1, &submit, VK_NULL_HANDLE));
	if (rc < 0)
		return rc;
	*point = ++d->submitted;
	return 0;
}

bool gpu_passed(struct gpu_device *d, uint64_t point)
{
	uint64_t now = 0;

	return vkGetSemaphoreCounterValue(d->vk, d->timeline, &now) != VK_SUCCESS || now >= point;
}

int gpu_wait(struct gpu_device *d, uint64_t point, uint64_t timeout_ns)
{
	const VkSemaphoreWaitInfo info = {
		.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
		.semaphoreCount = 1,
		.pSemaphores = &d->timeline,
		.pValues = &point,
	};
	VkResult r = vkWaitSemaphores(d->vk, &info, timeout_ns);

	return r == VK_SUCCESS ? 0 : r == VK_TIMEOUT ? -ETIMEDOUT : -EIO;
}
