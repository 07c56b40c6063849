// SPDX-License-Identifier: GPL-3.0-or-later
/* Buffers: parameters come in, coded pictures go out as a chain of segments. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_SIZE_MAX (64u << 20)

void buffer_free(struct buffer *b)
{
	if (!b->foreign)
		free(b->data);
	free(b->segments);
	free(b);
}

static VAStatus create_buffer(VADriverContextP va, VAContextID context, VABufferType type, unsigned size, unsigned n,
			      void *data, VABufferID *id)
{
	struct driver *d = driver_enter(va, "vaCreateBuffer");
	const struct context *c = table_find(&d->contexts, context);
	struct buffer *b;
	size_t total = (size_t)size * n;

	*id = VA_INVALID_ID;
	if (!c)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONTEXT, "no context %#x", context));
	switch (type) {
	case VAEncCodedBufferType:
	case VAEncSequenceParameterBufferType:
	case VAEncPictureParameterBufferType:
	case VAEncSliceParameterBufferType:
	case VAEncPackedHeaderParameterBufferType:
	case VAEncPackedHeaderDataBufferType:
	case VAEncMiscParameterBufferType:
		break;
	default:
		return driver_leave(d, rule(d, VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE, "type %d", type));
	}
	if (!total || total > BUFFER_SIZE_MAX)
		return driver_leave(
			d, rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "type %d: %u of %u bytes", type, n, size));
	if (type == VAEncCodedBufferType && data)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "a coded buffer with data"));
	b = calloc(1, sizeof(*b));
	if (!b)
		return driver_leave(d, VA_STATUS_ERROR_ALLOCATION_FAILED);
	*b = (struct buffer){
		.context = context, .type = type, .size = size, .num_elements = n, .data = calloc(1, total)};
	b->segments =
		type == VAEncCodedBufferType ? calloc(d->q.segments ? d->q.segments : 1, sizeof(*b->segments)) : NULL;
	b->id = b->data ? table_add(&d->buffers, b) : VA_INVALID_ID;
	if (b->id == VA_INVALID_ID || (type == VAEncCodedBufferType && !b->segments)) {
		buffer_free(b);
		return driver_leave(
			d, rule(d, VA_STATUS_ERROR_ALLOCATION_FAILED, "%u buffers are alive", d->buffers.used));
	}
	if (data)
		memcpy(b->data, data, total);
	*id = b->id;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus set_num_elements(VADriverContextP va, VABufferID id, unsigned n)
{
	struct driver *d = driver_enter(va, "vaBufferSetNumElements");
	struct buffer *b = table_find(&d->buffers, id);

	if (!b)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "no buffer %#x", id));
	if (!n || n > b->num_elements)
		return driver_leave(
			d, rule(d, VA_STATUS_ERROR_INVALID_PARAMETER, "%u elements of %u", n, b->num_elements));
	b->num_elements = n;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

/* The picture in equal parts, one segment each. */
static void *segments_make(struct driver *d, struct buffer *b)
{
	unsigned n = d->q.segments ? d->q.segments : 1;
	size_t at = 0;

	if (n > b->coded_len)
		n = b->coded_len ? (unsigned)b->coded_len : 1;
	for (unsigned i = 0; i < n; i++) {
		size_t len = i + 1 < n ? b->coded_len / n : b->coded_len - at;

		b->segments[i] = (VACodedBufferSegment){.size = (uint32_t)len,
							.status = b->coded_status,
							.buf = b->data + at,
							.next = i + 1 < n ? &b->segments[i + 1] : NULL};
		at += len;
	}
	return b->segments;
}

/* As wait_surface() in surface.c. */
static VAStatus wait_coded(struct driver *d, VABufferID id, uint64_t timeout_ns)
{
	uint64_t until = driver_now() + (timeout_ns == VA_TIMEOUT_INFINITE ? d->q.hang_ms * 1000000ull : timeout_ns);
	struct buffer *b = table_find(&d->buffers, id);

	while (b && b->hung && driver_now() < until) {
		pthread_mutex_unlock(&d->lock);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		pthread_mutex_lock(&d->lock);
		b = table_find(&d->buffers, id);
	}
	if (!b)
		return rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "no buffer %#x", id);
	if (b->hung)
		return timeout_ns == VA_TIMEOUT_INFINITE ? VA_STATUS_ERROR_HW_BUSY : VA_STATUS_ERROR_TIMEDOUT;
	return VA_STATUS_SUCCESS;
}

static VAStatus sync_buffer(VADriverContextP va, VABufferID id, uint64_t timeout_ns)
{
	struct driver *d = driver_enter(va, "vaSyncBuffer");
	const struct buffer *b = table_find(&d->buffers, id);

	if (d->q.no_sync_buffer)
		return driver_leave(d, VA_STATUS_ERROR_UNIMPLEMENTED);
	if (id == VA_INVALID_ID) /* how callers ask whether the function is there */
		return driver_leave(d, VA_STATUS_ERROR_INVALID_BUFFER);
	if (b && b->type != VAEncCodedBufferType)
		return driver_leave(d,
				    rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "buffer %#x is of type %d", id, b->type));
	return driver_leave(d, wait_coded(d, id, timeout_ns));
}

static VAStatus map_buffer(VADriverContextP va, VABufferID id, void **out)
{
	struct driver *d = driver_enter(va, "vaMapBuffer");
	struct buffer *b = table_find(&d->buffers, id);

	*out = NULL;
	if (!b)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "no buffer %#x", id));
	if (b->mapped)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_OPERATION_FAILED, "buffer %#x is mapped already", id));
	*out = b->data;
	if (b->type == VAEncCodedBufferType) {
		VAStatus status = wait_coded(d, id, VA_TIMEOUT_INFINITE);

		if (status != VA_STATUS_SUCCESS)
			return driver_leave(d, status);
		if (b->failed)
			return driver_leave(d, VA_STATUS_ERROR_ENCODING_ERROR);
		if (!b->coded)
			return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "no picture was coded into it"));
		*out = segments_make(d, b);
	}
	b->mapped++;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus unmap_buffer(VADriverContextP va, VABufferID id)
{
	struct driver *d = driver_enter(va, "vaUnmapBuffer");
	struct buffer *b = table_find(&d->buffers, id);

	if (!b)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "no buffer %#x", id));
	if (!b->mapped)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "buffer %#x is not mapped", id));
	b->mapped--;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus destroy_buffer(VADriverContextP va, VABufferID id)
{
	struct driver *d = driver_enter(va, "vaDestroyBuffer");
	struct buffer *b = table_find(&d->buffers, id);

	if (!b)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "no buffer %#x", id));
	if (b->type == VAImageBufferType)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "it is an image's"));
	if (b->mapped)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "it is still mapped"));
	buffer_free(table_remove(&d->buffers, id));
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus buffer_info(VADriverContextP va, VABufferID id, VABufferType *type, unsigned *size, unsigned *n)
{
	struct driver *d = driver_enter(va, "vaBufferInfo");
	const struct buffer *b = table_find(&d->buffers, id);

	if (!b)
		return driver_leave(d, VA_STATUS_ERROR_INVALID_BUFFER);
	*type = b->type;
	*size = b->size;
	*n = b->num_elements;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

void buffer_vtable(struct VADriverVTable *v)
{
	v->vaCreateBuffer = create_buffer;
	v->vaBufferSetNumElements = set_num_elements;
	v->vaMapBuffer = map_buffer;
	v->vaUnmapBuffer = unmap_buffer;
	v->vaDestroyBuffer = destroy_buffer;
	v->vaSyncBuffer = sync_buffer;
	v->vaBufferInfo = buffer_info;
}
