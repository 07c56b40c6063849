// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The conversion step of the encode thread: from a captured frame to a picture, on the CPU (encode/scale.h) or on a GPU
 * (src/gpu: upload or import, one pass, readback). Which, the configuration says; auto takes the CPU for what it can
 * read and the GPU for dma-bufs that cannot be mapped, tilings and formats that only the GPU knows, and, where there is
 * one, for what has to change between SDR and PQ. The GPU's device is opened at the start when it is asked for, else by
 * the first frame that needs it.
 *
 * For an encoder that reads dma-bufs (ENC_SHARED) the picture stays where the GPU made it, and no CPU touches a pixel;
 * auto takes the GPU for everything then, where it is the encoder's own.
 *
 * A GPU that hangs is given up for the stream; so is what it was to read, once it can no longer be reading it.
 *
 * Init and finish: main thread while no encode thread exists; everything else: encode thread.
 */
#pragma once

#include "encode/scale.h"
#include "media/dmabuf.h"

struct conversion_gpu;

/* A frame that a GPU may still read when it is given up stays out until the GPU is done, and no longer than that:
 * kernels reset what hangs within ten seconds, and a source that begins anew waits for its buffers. */
#define CONVERSION_HOLD_NS 15000000000ull

#define CONVERSION_GPU_SLOTS 2 /* pictures in flight at most */
#define CONVERSION_GPU_AHEAD 4 /* with those aside */
#define CONVERSION_HELD_MAX  (CONVERSION_GPU_AHEAD + 1)

struct conversion {
	enum convert_where where;
	struct scale scale;
	struct conversion_gpu *gpu;              /* NULL: not opened */
	bool gpu_failed;                         /* no device, or it was lost: not tried again */
	bool ahead;                              /* several pictures are under way at once */
	bool on_gpu;                             /* what made the newest picture */
	bool share;                              /* pictures stay on the GPU */
	bool share_failed;                       /* no GPU shares with that encoder: not tried again */
	uint64_t copied;                         /* bytes of pictures that the CPU read so far */
	struct frame *held[CONVERSION_HELD_MAX]; /* our references, of what a GPU had that is given up */
	unsigned n_held;
	uint64_t held_ns; /* since when */
};

/* Pictures will be like dst. Never fails: without a GPU that can, the CPU converts, and the log says so. */
void conversion_init(struct conversion *s, enum convert_where where, const struct picture *dst);
/* Waits for the GPU, but for one that hangs, which is left to encode/closer.h; accepts a zeroed one. */
void conversion_finish(struct conversion *s);

/* Waits until the frame may be read, converts it with its cursor and is done with it. -ENOTSUP: nobody here can read
 * it, which its owner is told (frame_refuse); -ETIMEDOUT: its fence or our GPU hangs; -EAGAIN, -EBUSY: not now;
 * -EINVAL,
 * -ENOMEM, -EIO. On error dst is as before, or black when it was on a GPU that is lost. */
int conversion_run(struct conversion *s, struct frame *f, struct picture *dst);

/* The same for a frame that shows the picture of the last one which was converted, with another cursor or none: without
 * the rest of the work, where that is possible. */
int conversion_cursor(struct conversion *s, struct frame *f, struct picture *dst);

/* Now and then: gives the frames back that were held. */
void conversion_tend(struct conversion *s, uint64_t now_ns);

/* For an encoder that reads dma-bufs, on the GPU of that DRM node (0: it reads none): where that GPU converts, or by
 * the configuration any, pictures stay there from the next one on; else nothing changes. What is there only when it no
 * longer may is brought into memory, or black where the GPU was lost. */
void conversion_share(struct conversion *s, uint64_t drm, struct picture *dst);

/* Who converts. GPU_FAILED: it was asked for or needed, and is not there or was lost. */
enum converter { CONVERTER_CPU, CONVERTER_GPU, CONVERTER_GPU_SHARED, CONVERTER_GPU_FAILED };
static inline bool conversion_prefers_gpu(const struct conversion *s)
{
	return s->gpu && (s->where == CONVERT_GPU || (s->where == CONVERT_AUTO && s->share));
}
static inline enum converter conversion_by(const struct conversion *s)
{
	if (s->gpu_failed)
		return CONVERTER_GPU_FAILED;
	if (s->share && (s->on_gpu || conversion_prefers_gpu(s)))
		return CONVERTER_GPU_SHARED;
	return s->on_gpu || conversion_prefers_gpu(s) ? CONVERTER_GPU : CONVERTER_CPU;
}

/* What conversions of that kind import, so that nobody need map it. With auto none, because the CPU can read memory as
 * well when the GPU fails, but where encoders read dma-bufs: what their GPU imports, which has that DRM node. Opens a
 * device for the question and logs; main thread. */
void conversion_importable(enum convert_where where, uint64_t drm, struct dmabuf_formats *out);

/* For recordings (conversion_queue.h), in place of init and run. */

/* Pictures will be like dst, and several are under way at once. */
void conversion_init_ahead(struct conversion *s, enum convert_where where, const struct picture *dst);
/* CONVERSION_GPU: it is under way there, and read until it is received or aside. CONVERSION_CPU: that is to do it.
 * -ENOBUFS: receive first; else as conversion_run(). dst: any like those to come. */
enum { CONVERSION_GPU, CONVERSION_CPU };
int conversion_submit(struct conversion *s, struct frame *f, const struct picture *dst);
/* The oldest that is under way on the GPU; f: the frame that it is made of, or NULL when that one is aside. Where the
 * GPU fails the CPU makes it. wait: until it is ready, else -EAGAIN. */
int conversion_receive(struct conversion *s, struct frame *f, struct picture *dst, bool wait);
unsigned conversion_aside(const struct conversion *s); /* how many of the oldest no longer need their frames */
/* The same on the CPU, for which it is. -ENOTSUP and told, -EINVAL, -ENOMEM. */
int conversion_on_cpu(struct conversion *s, struct frame *f, struct picture *dst);

/* conversion_gpu.c, with HAVE_VULKAN. */

/* drm: the GPU with that node and no other, which is not missed where there is none; 0: any. ahead: submit and receive
 * in place of run. -ENODEV, -ENOTSUP, -ENOMEM, -EIO; logged. */
int conversion_gpu_open(struct conversion_gpu **out, const struct picture *dst, uint64_t drm, bool ahead);
void conversion_gpu_close(struct conversion_gpu *g); /* accepts NULL */
/* Whether it has not done yet what it was given; a lost one has. */
bool conversion_gpu_busy(const struct conversion_gpu *g);
/* copied: is increased by what the CPU read. */
int conversion_gpu_run(struct conversion_gpu *g, const struct frame *f, struct picture *dst, uint64_t *copied);
/* The same in two steps, in order. -ENOBUFS: receive first. Waits for the GPU where every slot is in flight. */
int conversion_gpu_submit(struct conversion_gpu *g, const struct frame *f, uint64_t *copied);
int conversion_gpu_receive(struct conversion_gpu *g, struct picture *dst, bool wait, uint64_t *copied); /* -EAGAIN */
unsigned conversion_gpu_aside(const struct conversion_gpu *g); /* of the oldest: in memory already */
/* Whether it has that DRM node. */
bool conversion_gpu_is(const struct conversion_gpu *g, uint64_t drm);
/* Pictures like dst stay where they are made, or do not any more. -ENOTSUP, -ENOMEM, -ETIMEDOUT, -EIO. */
int conversion_gpu_share(struct conversion_gpu *g, bool on, const struct picture *dst);
/* Into memory, at once or not at all: a client waits. -ETIMEDOUT, -EIO. */
int conversion_gpu_fetch(struct conversion_gpu *g, struct picture *dst);
void conversion_gpu_importable(uint64_t drm, struct dmabuf_formats *out);
