// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The conversion step of the encode thread: from a captured frame to a picture in memory, on the CPU (encode/scale.h)
 * or on a GPU (src/gpu: upload or import, one pass, readback). Which, the configuration says; auto takes the CPU for
 * what it can read and the GPU for dma-bufs that cannot be mapped, tilings and formats that only the GPU knows, and, where
 * there is one, for what has to change between SDR and PQ. The GPU's device is opened at the start when it is asked for,
 * else by the first frame that needs it.
 *
 * Init and finish: main thread while no encode thread exists; everything else: encode thread.
 */
#pragma once

#include "encode/scale.h"
#include "media/dmabuf.h"

struct conversion_gpu;

struct conversion {
	enum convert_where where;
	struct scale scale;
	struct conversion_gpu *gpu; /* NULL: not opened */
	bool gpu_failed;            /* no device, or it was lost: not tried again */
	bool on_gpu;                /* what made the newest picture */
};

/* Pictures will be like dst. Never fails: without a GPU that can, the CPU converts, and the log says so. */
void conversion_init(struct conversion *s, enum convert_where where, const struct picture *dst);
void conversion_finish(struct conversion *s); /* waits for the GPU; accepts a zeroed one */

/* Waits until the frame may be read, converts it and is done with it. -ENOTSUP: nobody here can read it, which its owner
 * is told (frame_refuse); -ETIMEDOUT: its fence or our GPU hangs; -EAGAIN, -EBUSY: not now; -EINVAL, -ENOMEM, -EIO. On
 * error dst is as before. */
int conversion_run(struct conversion *s, struct frame *f, struct picture *dst);

/* Who converts. GPU_FAILED: it was asked for or needed, and is not there or was lost. */
enum converter { CONVERTER_CPU, CONVERTER_GPU, CONVERTER_GPU_FAILED };
static inline enum converter conversion_by(const struct conversion *s)
{
	if (s->gpu_failed)
		return CONVERTER_GPU_FAILED;
	return s->on_gpu || (s->gpu && s->where == CONVERT_GPU) ? CONVERTER_GPU : CONVERTER_CPU;
}

/* What conversions of that kind import, so that nobody need map it. None but with CONVERT_GPU: auto takes memory, because
 * the CPU can read it as well when the GPU fails. Opens a device for the question and logs; main thread. */
void conversion_importable(enum convert_where where, struct dmabuf_formats *out);

/* conversion_gpu.c, with HAVE_VULKAN. */

/* -ENODEV, -ENOTSUP, -ENOMEM, -EIO; logged. */
int conversion_gpu_open(struct conversion_gpu **out, const struct picture *dst);
void conversion_gpu_close(struct conversion_gpu *g); /* accepts NULL */
int conversion_gpu_run(struct conversion_gpu *g, const struct frame *f, struct picture *dst);
void conversion_gpu_importable(struct dmabuf_formats *out);
