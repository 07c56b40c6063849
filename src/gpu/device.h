// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * One GPU through Vulkan 1.3: its choice, one queue that computes and copies, and a line of points in time that all
 * submitted work counts on. A device belongs to the thread that submits to it, with everything made of it; only open
 * and close may run elsewhere, while no such thread exists. libvulkan is linked: it is a loader of 0.5 MB without
 * effects until an instance is made, and so the compiler checks every call; drivers are loaded by gpu_device_open().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

/* Which one. The device that owns a buffer wins, then the wish, then the first that can: real ones before those that
 * compute on the CPU. */
struct gpu_choice {
	bool owner; /* drm is the node (stat's st_rdev) of the device that owns the buffers: no other will do */
	uint64_t drm;
	const char *wish; /* part of its name, any case; NULL or empty: none. One that nobody fits is an error */
	bool no_cpu;      /* none that computes on the CPU */
	bool optional;    /* nobody misses it: not having one is no error to be logged */
};

struct gpu_device {
	/* constant after open */
	VkInstance instance;
	VkPhysicalDevice physical;
	VkDevice vk;
	VkQueue queue;
	uint32_t family;
	VkCommandPool commands;
	char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
	uint64_t drm[2];   /* its nodes; 0: none */
	bool cpu;          /* computes on the CPU */
	bool unified;      /* all its memory is the machine's own */
	bool dmabuf;       /* imports dma-bufs */
	bool modifiers;    /* as images of any modifier that it has */
	bool foreign;      /* and takes them over from who is not Vulkan */
	size_t buffer_max; /* bytes that a shader sees of one buffer */
	float ns_per_tick; /* of time stamps; 0: none */
	VkPhysicalDeviceMemoryProperties memory;
	PFN_vkGetMemoryFdPropertiesKHR get_fd_properties; /* with dmabuf */
	PFN_vkGetMemoryFdKHR get_fd;                      /* with dmabuf */
	PFN_vkCmdPushDescriptorSetKHR push_descriptors;
	/* owning thread */
	VkSemaphore timeline;
	uint64_t submitted; /* newest point */
};

/* -ENODEV: no device, or none that fits; -ENOMEM; -EIO. Logs the choice. */
int gpu_device_open(struct gpu_device **out, const struct gpu_choice *choice);
/* Waits for what was submitted; all that was made of the device is gone already. Accepts NULL. */
void gpu_device_close(struct gpu_device *d);
/* Waits for what was submitted, however long that takes: what a GPU that hangs may still write is to be freed. */
void gpu_device_idle(struct gpu_device *d);

/* -errno of a failed call; 0 of success. -EIO is a lost device and everything else that does not get better. */
int gpu_errno(VkResult r);

/* Command buffers live as long as the device or until freed. */
int gpu_commands_init(struct gpu_device *d, VkCommandBuffer *cmd);
void gpu_commands_finish(struct gpu_device *d, VkCommandBuffer *cmd); /* accepts VK_NULL_HANDLE */
int gpu_commands_begin(VkCommandBuffer cmd);                          /* forgets what was recorded */

/* What stage from wrote before is seen by what stage to does after. */
void gpu_barrier(VkCommandBuffer cmd, VkPipelineStageFlags2 from, VkAccessFlags2 wrote, VkPipelineStageFlags2 to,
		 VkAccessFlags2 reads);

/* Ends and submits cmd; *point is passed when it and all before it is done. Never waits. */
int gpu_submit(struct gpu_device *d, VkCommandBuffer cmd, uint64_t *point);
bool gpu_passed(struct gpu_device *d, uint64_t point); /* also of a lost device */
/* 0, -ETIMEDOUT; -EIO: it cannot be waited for, whatever the reason, and there is no other way to know. */
int gpu_wait(struct gpu_device *d, uint64_t point, uint64_t timeout_ns);

/* A memory type of mask that has all of must, if possible all of want as well; -1. */
int gpu_memory_type(const struct gpu_device *d, uint32_t mask, VkMemoryPropertyFlags must, VkMemoryPropertyFlags want);

enum gpu_buffer_use {
	GPU_BUFFER_DEVICE,   /* written and read by the GPU */
	GPU_BUFFER_UPLOAD,   /* written by the CPU in order, read once by the GPU */
	GPU_BUFFER_READBACK, /* written by the GPU, read by the CPU */
};

struct gpu_buffer {
	VkBuffer vk;
	VkDeviceMemory memory;
	void *map; /* NULL with GPU_BUFFER_DEVICE */
	size_t size;
	bool coherent;
};

/* -ENOMEM, -ENOTSUP (no such memory), -EIO. */
int gpu_buffer_init(struct gpu_device *d, struct gpu_buffer *b, enum gpu_buffer_use use, size_t size);
void gpu_buffer_finish(struct gpu_device *d, struct gpu_buffer *b); /* accepts a zeroed one; the GPU is done with it */
/* Around what the CPU does: before it reads what the GPU wrote; after it wrote. */
int gpu_buffer_invalidate(struct gpu_device *d, struct gpu_buffer *b);
int gpu_buffer_flush(struct gpu_device *d, struct gpu_buffer *b);
