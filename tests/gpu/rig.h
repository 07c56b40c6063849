// SPDX-License-Identifier: GPL-3.0-or-later
/* A device for the tests of src/gpu, and one frame through upload, pass and readback. */
#pragma once

#include "../unit/cmocka_all.h"

#include "gpu/convert.h"
#include "gpu/readback.h"
#include "gpu/upload.h"

/* The device that the machine has (lavapipe where gpu-env.sh was run), or the program ends as skipped. */
struct gpu_device *rig_device(void);

/* A barrier for the whole image. giver: the device that hands it to whoever imports it; NULL: it stays. */
void rig_image_becomes(VkCommandBuffer cmd, VkImage image, VkImageLayout from, VkImageLayout to,
		       const struct gpu_device *giver);

struct source { /* a frame with memory of its own, a memory file */
	struct frame frame;
	size_t size;
	uint8_t *pixels;
};

void source_init(struct source *s, uint32_t fourcc, unsigned width, unsigned height, unsigned extra_stride);
void source_finish(struct source *s);
/* Random pixels; half floats between -0.1 and 4, more of them small. */
void source_random(struct source *s, uint64_t seed);

struct chain {
	struct gpu_device *dev;
	struct gpu_target target;
	struct import_cache imports;
	struct upload upload;
	struct gpu_convert convert;
	struct readback *ring;
};

void chain_init(struct chain *c, struct gpu_device *dev, enum gpu_format format, unsigned width, unsigned height,
		enum colour_space space, bool full_range, bool pq);
void chain_finish(struct chain *c);
/* The picture is to be given back to the ring. */
struct readback_picture *chain_run(struct chain *c, const struct frame *f, const struct gpu_geometry *g,
				   const struct gpu_cursor *cursor);
