// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/frame.h"

#include <unistd.h>

uint64_t frame_picture_no(void)
{
	static atomic_uint_fast64_t newest;

	return atomic_fetch_add_explicit(&newest, 1, memory_order_relaxed) + 1;
}

void frame_unref(struct frame *f, int fence_fd)
{
	if (!f)
		return;
	if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1) {
		/* Pictures in memory have no GPU readers; merging fences comes with the GPU path. */
		if (fence_fd >= 0)
			close(fence_fd);
		return;
	}
	if (f->acquire_fence >= 0)
		close(f->acquire_fence);
	f->acquire_fence = -1;
	f->release(f, fence_fd);
}
