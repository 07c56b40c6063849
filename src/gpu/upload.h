// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Frames in memory as sources of the pass. Where the driver reads memory files in place they are imported; everywhere
 * else the visible part is copied once into one of a ring of staging buffers, from which the pass reads. Device's
 * thread; no allocation but when the source changes its size.
 */
#pragma once

#include "gpu/import.h"

#define UPLOAD_SLOTS_MAX 4

struct upload {
	struct gpu_device *dev;
	struct import_cache *imports; /* NULL: memory files are not tried */
	unsigned slots;
	struct upload_slot {
		struct gpu_buffer buffer;
		uint64_t point; /* the GPU reads it until then */
	} slot[UPLOAD_SLOTS_MAX];
	unsigned last;      /* slot of the newest upload */
	bool last_imported; /* the newest needed none */
	bool no_imports;    /* tried in vain */
	uint64_t last_id;
	uint64_t copied_bytes, imported; /* figures */
};

/* slots: 1..UPLOAD_SLOTS_MAX. imports may be shared with dma-bufs, outlives this, or NULL. */
void upload_init(struct upload *u, struct gpu_device *dev, unsigned slots, struct import_cache *imports);
void upload_finish(struct upload *u); /* the GPU is done; accepts a zeroed one */

/* Makes the frame's visible part a source; *visible becomes where it lies in that. Reads the frame before it returns,
 * but for an imported one, which is read until the point given to upload_used(). -ENOTSUP: not in memory, tiled, or
 * not a format of the pass; -EINVAL: geometry; -EBUSY: the GPU still reads every slot; -ENOMEM, -EIO. */
int upload_frame(struct upload *u, const struct frame *f, struct rect *visible, struct gpu_source *out);
/* What upload_frame() gave last is read until point. */
void upload_used(struct upload *u, uint64_t point);
