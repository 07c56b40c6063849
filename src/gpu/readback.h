// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Pictures that come back from the GPU into memory: a ring of staging buffers, each with its own commands. The GPU
 * works on the newer ones while the oldest is read. try_submit never waits, for streams: a picture that finds the ring
 * full is skipped. submit_blocking waits and puts what is ready aside, for recordings: it loses none. All in the order
 * of submission, numbered from 0. Device's thread, with all its calls.
 */
#pragma once

#include "gpu/device.h"
#include "gpu/format.h"

struct readback;

#define READBACK_SLOTS_MAX 8

#define READBACK_RING_FULL          (-EBUSY)   /* every slot is in flight or was not received yet */
#define READBACK_EMPTY              (-EAGAIN)  /* nothing is ready */
#define READBACK_STASH_FULL         (-ENOBUFS) /* receive first; nothing was submitted or lost */
#define READBACK_UNSUPPORTED_FORMAT (-ENOTSUP)

struct readback_params {
	enum gpu_format format;
	unsigned width, height;
	unsigned slots;     /* 1..READBACK_SLOTS_MAX, typically 2 to 4 */
	unsigned stash_max; /* pictures that submit_blocking may put aside */
};

/* What makes the picture: records commands that write it into dst, ordered before copies out of dst and reads of it by
 * the CPU. An error of it is that of the submit. */
typedef int (*readback_record_fn)(void *ctx, VkCommandBuffer cmd, VkBuffer dst);

/* Where a picture goes: as many planes as its layout has. */
struct readback_planes {
	uint8_t *data[3];
	size_t stride[3];
};

/* A picture that was received, in memory of the ring's pool until it is given back. */
struct readback_picture {
	uint64_t index;
	const struct gpu_layout *layout;
	const uint8_t *data; /* as the layout says */
};

/* READBACK_UNSUPPORTED_FORMAT: no such format, or a size that the device cannot hold; -EINVAL: slots; -ENOMEM, -EIO. */
int readback_create(struct readback **out, struct gpu_device *dev, const struct readback_params *p);
/* Waits for the GPU; what was not received is dropped. Every picture is back: asserted. Accepts NULL. */
void readback_destroy(struct readback *r);

/* The picture's number in *index, if not NULL, and when it is done in *point, if not NULL. Never waits.
 * READBACK_RING_FULL; -EIO: the device is lost. */
int readback_try_submit(struct readback *r, readback_record_fn record, void *ctx, uint64_t *index, uint64_t *point);
/* Waits for the oldest slot where there is none, puts its picture aside. READBACK_STASH_FULL; -ETIMEDOUT: the GPU did
 * nothing for ten seconds; -ENOMEM, -EIO. */
int readback_submit_blocking(struct readback *r, readback_record_fn record, void *ctx, uint64_t *index,
			     uint64_t *point);

/* The oldest picture that was not received yet. READBACK_EMPTY while it is not ready; -ENOMEM: the pool cannot grow;
 * -EIO. After warm-up nothing is allocated: pictures given back are used again. */
int readback_try_recv(struct readback *r, struct readback_picture **out);
void readback_give_back(struct readback *r, struct readback_picture *p); /* accepts NULL */
/* The same into the caller's memory. Never allocates. READBACK_EMPTY; -EIO: the ring is of no use any more, because the
 * picture stays in it, and would be taken for the next. */
int readback_try_recv_into(struct readback *r, const struct readback_planes *dst, uint64_t *index);
/* Until the oldest picture that was not received is ready. 0, READBACK_EMPTY: none was submitted; -ETIMEDOUT, -EIO. */
int readback_wait(struct readback *r, uint64_t timeout_ns);
/* All that is on its way, in order; fn gets each and gives it back. -ETIMEDOUT, -ENOMEM, -EIO: the rest stays. */
int readback_flush(struct readback *r, void (*fn)(void *ctx, struct readback_picture *p), void *ctx);

const struct gpu_layout *readback_layout(const struct readback *r); /* size, format */
unsigned readback_slots(const struct readback *r);
uint64_t readback_submitted(const struct readback *r); /* pictures since creation */
unsigned readback_pending(const struct readback *r);   /* submitted and not received */
