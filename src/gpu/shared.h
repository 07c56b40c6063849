// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A converted picture that leaves the GPU without passing the CPU: one linear buffer that is a dma-buf, for encoders
 * that read it themselves. The device makes it; one that takes dma-bufs but makes none (it computes on the CPU) gets a
 * memory file instead. Encoders read whole blocks: below the picture its last line is repeated, beside it the buffer is
 * black but for what the pass rounds up to four pixels. Device's thread.
 */
#pragma once

#include "gpu/device.h"
#include "gpu/format.h"

struct gpu_shared {
	struct gpu_device *dev;
	struct gpu_layout layout; /* gpu_layout_init_blocks() */
	VkBuffer vk;
	VkDeviceMemory memory;
	VkCommandBuffer cmd;
	int fd;
	uint64_t point; /* of the newest picture */
};

/* Records commands that write a picture into dst. */
typedef int (*gpu_shared_record_fn)(void *ctx, VkCommandBuffer cmd, VkBuffer dst);

/* -ENOTSUP: the device shares no buffers, or none so large; -ENOMEM. -ETIMEDOUT, -EIO: the GPU hangs, and may still
 * write the buffer, which is to be finished when it does not (gpu_device_idle). */
int gpu_shared_init(struct gpu_shared *s, struct gpu_device *dev, enum gpu_format format, unsigned width,
		    unsigned height, bool full_range);
void gpu_shared_finish(struct gpu_shared *s); /* the GPU is done with it; accepts a zeroed one */

/* The next picture; it is there when *point is passed. The one before is done with: by the GPU, asserted, and by
 * whoever imported the buffer. An error of record is that of the call. */
int gpu_shared_submit(struct gpu_shared *s, gpu_shared_record_fn record, void *ctx, uint64_t *point);

/* Records a copy of the picture into dst, where it lies as `to` says, of the same format and size. */
void gpu_shared_copy(struct gpu_shared *s, VkCommandBuffer cmd, VkBuffer dst, const struct gpu_layout *to);
