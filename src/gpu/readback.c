// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/readback.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LOG_MODULE "gpu"
#include "base/log.h"

#define HUNG_NS (10 * NS_PER_S)

struct slot {
	struct gpu_buffer staging;
	VkCommandBuffer cmd;
	uint64_t point, index;
};

/* A picture of the pool: given out, in the stash, or free. */
struct pooled {
	struct readback_picture picture; /* first */
	struct pooled *next;             /* free, or in the stash after it */
};

struct readback {
	struct gpu_device *dev;
	struct gpu_layout layout;
	struct gpu_buffer made; /* where pictures are made, on devices with memory of their own */
	unsigned n_slots, stash_max;
	struct slot slot[READBACK_SLOTS_MAX];
	unsigned first, n; /* slots in flight, in order */
	uint64_t submitted;
	struct pooled *stash, **stash_end; /* older than all slots */
	unsigned n_stash;
	struct pooled *free;
	unsigned n_out; /* given out */
};

/* --- create --- */

int readback_create(struct readback **out, struct gpu_device *dev, const struct readback_params *p)
{
	struct readback *r;
	int rc;

	*out = NULL;
	if (!p->slots || p->slots > READBACK_SLOTS_MAX)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->dev = dev;
	r->stash_max = p->stash_max;
	r->stash_end = &r->stash;
	rc = gpu_layout_init(&r->layout, p->format, p->width, p->height);
	if (rc < 0)
		goto fail;
	/* Over a bus whole copies are faster than a shader's stores. */
	if (!dev->unified) {
		rc = gpu_buffer_init(dev, &r->made, GPU_BUFFER_DEVICE, r->layout.size);
		if (rc < 0)
			goto fail;
	}
	for (; r->n_slots < p->slots; r->n_slots++) {
		struct slot *s = &r->slot[r->n_slots];

		rc = gpu_buffer_init(dev, &s->staging, GPU_BUFFER_READBACK, r->layout.size);
		if (rc < 0)
			goto fail;
		rc = gpu_commands_init(dev, &s->cmd);
		if (rc < 0) {
			gpu_buffer_finish(dev, &s->staging);
			goto fail;
		}
	}
	*out = r;
	return 0;
fail:
	readback_destroy(r);
	return rc;
}

static void free_list(struct pooled *p)
{
	while (p) {
		struct pooled *next = p->next;

		free((void *)p->picture.data);
		free(p);
		p = next;
	}
}

void readback_destroy(struct readback *r)
{
	if (!r)
		return;
	assert(!r->n_out);
	for (unsigned i = 0; i < r->n; i++)
		gpu_wait(r->dev, r->slot[(r->first + i) % r->n_slots].point, HUNG_NS);
	for (unsigned i = 0; i < r->n_slots; i++) {
		gpu_commands_finish(r->dev, &r->slot[i].cmd);
		gpu_buffer_finish(r->dev, &r->slot[i].staging);
	}
	gpu_buffer_finish(r->dev, &r->made);
	free_list(r->stash);
	free_list(r->free);
	free(r);
}

/* --- submit --- */

static void copy_out(struct readback *r, VkCommandBuffer cmd, VkBuffer to)
{
	const VkBufferCopy all = {.size = r->layout.size};

	vkCmdCopyBuffer(cmd, r->made.vk, to, 1, &all);
	gpu_barrier(cmd, VK_PIPELINE_STAGE_2_COPY_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT, VK_PIPELINE_STAGE_2_HOST_BIT,
		    VK_ACCESS_2_HOST_READ_BIT);
}

int readback_try_submit(struct readback *r, readback_record_fn record, void *ctx, uint64_t *index, uint64_t *point)
{
	struct slot *s = &r->slot[(r->first + r->n) % r->n_slots];
	int rc;

	if (r->n == r->n_slots)
		return READBACK_RING_FULL;
	rc = gpu_commands_begin(s->cmd);
	if (rc < 0)
		return rc;
	rc = record(ctx, s->cmd, r->made.vk ? r->made.vk : s->staging.vk);
	if (rc < 0) {
		vkEndCommandBuffer(s->cmd); /* or it could not begin again */
		return rc;
	}
	if (r->made.vk)
		copy_out(r, s->cmd, s->staging.vk);
	rc = gpu_submit(r->dev, s->cmd, &s->point);
	if (rc < 0)
		return rc;
	s->index = r->submitted++;
	r->n++;
	if (index)
		*index = s->index;
	if (point)
		*point = s->point;
	return 0;
}

/* --- the pool --- */

static struct pooled *pool_take(struct readback *r)
{
	struct pooled *p = r->free;
	uint8_t *data;

	if (p) {
		r->free = p->next;
		return p;
	}
	p = calloc(1, sizeof(*p));
	data = aligned_alloc(64, r->layout.size);
	if (!p || !data) {
		free(p);
		free(data);
		return NULL;
	}
	p->picture = (struct readback_picture){.layout = &r->layout, .data = data};
	return p;
}

static void pool_put(struct readback *r, struct pooled *p)
{
	p->next = r->free;
	r->free = p;
}

void readback_give_back(struct readback *r, struct readback_picture *p)
{
	if (!p)
		return;
	assert(r->n_out);
	r->n_out--;
	pool_put(r, (struct pooled *)p);
}

/* --- receive --- */

/* The oldest slot, its memory readable. */
static int ready(struct readback *r, struct slot **out)
{
	struct slot *s = &r->slot[r->first];
	int rc;

	if (!r->n)
		return READBACK_EMPTY;
	/* Not only whether it is passed: a lost device never is. */
	rc = gpu_wait(r->dev, s->point, 0);
	if (rc < 0)
		return rc == -ETIMEDOUT ? READBACK_EMPTY : rc;
	rc = gpu_buffer_invalidate(r->dev, &s->staging);
	if (rc < 0)
		return -EIO;
	*out = s;
	return 0;
}

static void pop(struct readback *r)
{
	r->first = (r->first + 1) % r->n_slots;
	r->n--;
}

static int take_slot(struct readback *r, struct pooled **out)
{
	struct slot *s;
	struct pooled *p;
	int rc = ready(r, &s);

	if (rc < 0)
		return rc;
	p = pool_take(r);
	if (!p)
		return -ENOMEM;
	memcpy((void *)p->picture.data, s->staging.map, r->layout.size);
	p->picture.index = s->index;
	pop(r);
	*out = p;
	return 0;
}

static struct pooled *unstash(struct readback *r)
{
	struct pooled *p = r->stash;

	r->stash = p->next;
	if (!r->stash)
		r->stash_end = &r->stash;
	r->n_stash--;
	return p;
}

int readback_submit_blocking(struct readback *r, readback_record_fn record, void *ctx, uint64_t *index, uint64_t *point)
{
	struct pooled *p;
	int rc;

	if (r->n == r->n_slots) {
		if (r->n_stash == r->stash_max)
			return READBACK_STASH_FULL;
		rc = gpu_wait(r->dev, r->slot[r->first].point, HUNG_NS);
		if (rc < 0)
			return rc;
		rc = take_slot(r, &p);
		if (rc < 0)
			return rc;
		p->next = NULL;
		*r->stash_end = p;
		r->stash_end = &p->next;
		r->n_stash++;
	}
	return readback_try_submit(r, record, ctx, index, point);
}

int readback_try_recv(struct readback *r, struct readback_picture **out)
{
	struct pooled *p;
	int rc = 0;

	if (r->n_stash)
		p = unstash(r);
	else
		rc = take_slot(r, &p);
	if (rc < 0)
		return rc;
	r->n_out++;
	*out = &p->picture;
	return 0;
}

static void copy_planes(const struct gpu_layout *l, const uint8_t *from, const struct readback_planes *dst)
{
	for (unsigned i = 0; i < l->n_planes; i++) {
		const struct gpu_plane *p = &l->plane[i];

		if (dst->stride[i] == p->stride) {
			memcpy(dst->data[i], from + p->offset, (size_t)p->stride * (p->lines - 1) + p->bytes);
			continue;
		}
		for (uint32_t y = 0; y < p->lines; y++)
			memcpy(dst->data[i] + y * dst->stride[i], from + p->offset + (size_t)y * p->stride, p->bytes);
	}
}

int readback_try_recv_into(struct readback *r, const struct readback_planes *dst, uint64_t *index)
{
	struct slot *s;
	int rc;

	if (r->n_stash) {
		struct pooled *p = unstash(r);

		copy_planes(&r->layout, p->picture.data, dst);
		if (index)
			*index = p->picture.index;
		pool_put(r, p);
		return 0;
	}
	rc = ready(r, &s);
	if (rc < 0)
		return rc;
	copy_planes(&r->layout, s->staging.map, dst);
	if (index)
		*index = s->index;
	pop(r);
	return 0;
}

int readback_wait(struct readback *r, uint64_t timeout_ns)
{
	if (r->n_stash)
		return 0;
	return r->n ? gpu_wait(r->dev, r->slot[r->first].point, timeout_ns) : READBACK_EMPTY;
}

int readback_flush(struct readback *r, void (*fn)(void *ctx, struct readback_picture *p), void *ctx)
{
	struct readback_picture *p;
	int rc;

	while (readback_pending(r)) {
		rc = readback_wait(r, HUNG_NS);
		if (rc == 0)
			rc = readback_try_recv(r, &p);
		if (rc < 0)
			return rc;
		fn(ctx, p);
	}
	return 0;
}

const struct gpu_layout *readback_layout(const struct readback *r)
{
	return &r->layout;
}

unsigned readback_slots(const struct readback *r)
{
	return r->n_slots;
}

uint64_t readback_submitted(const struct readback *r)
{
	return r->submitted;
}

unsigned readback_pending(const struct readback *r)
{
	return r->n_stash + r->n;
}
