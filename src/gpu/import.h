// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Buffers of others as sources of the pass, without a copy: dma-bufs, and where the driver takes it (one that computes
 * on the CPU) plain memory files. Linear ones become buffers, others images of their modifier. A stream has few buffers
 * and shows them again and again, so an import is kept under the buffer's id until it was not shown for a while.
 * Device's thread.
 */
#pragma once

#include "gpu/convert.h"
#include "media/dmabuf.h"

#define IMPORT_MAX  16 /* buffers at once; PipeWire has at most as many */
#define IMPORT_IDLE 64 /* an import that was not used in so many frames belongs to buffers that are gone */

struct import_cache {
	struct gpu_device *dev;
	uint64_t turn; /* counts import_get */
	struct import {
		uint64_t id, used_turn;
		uint64_t point; /* the GPU reads it until then */
		struct gpu_source source;
		VkDeviceMemory memory; /* VK_NULL_HANDLE: a free entry */
		/* what was imported: the same id with another shape is another buffer */
		uint32_t fourcc, width, height, offset, stride;
		uint64_t modifier;
	} entry[IMPORT_MAX];
	unsigned hits, misses;
};

void import_init(struct import_cache *c, struct gpu_device *dev);
void import_finish(struct import_cache *c); /* the GPU is done; accepts a zeroed one */

/* Whether imports of that kind can work at all on this device. */
bool import_possible(const struct gpu_device *dev, uint64_t modifier);

/* All that import_get() may take, as far as the driver tells: tilings before linear, for compositors draw them faster.
 * What a buffer is made for may still be refused by import_get(). */
void import_formats(const struct gpu_device *dev, struct dmabuf_formats *out);

/* The frame as a source, valid until the entry is evicted: not before the next get. Takes no reference on the frame
 * and none of its fds. -ENOTSUP: not a file, a format or modifier that the device lacks, planes in several files;
 * -EINVAL: planes beyond the end of the file; -EBUSY: every entry is still being read; -ENOMEM, -EIO. */
int import_get(struct import_cache *c, const struct frame *f, struct gpu_source *out);
/* That buffer is read until point. */
void import_used(struct import_cache *c, uint64_t id, uint64_t point);
/* Drops all that the GPU is done with. */
void import_clear(struct import_cache *c);
