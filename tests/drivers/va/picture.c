// SPDX-License-Identifier: GPL-3.0-or-later
/* Contexts, and a picture from vaBeginPicture to vaEndPicture: which buffers it is made of and in which order. */
#include "driver.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <va/va_enc_h264.h>

void context_free(struct context *c)
{
	if (c->priv)
		c->codec->destroy(c);
	free(c);
}

static VAStatus create_context(VADriverContextP va, VAConfigID config, int width, int height, int flag,
			       VASurfaceID *targets, int n_targets, VAContextID *id)
{
	struct driver *d = driver_enter(va, "vaCreateContext");
	const struct config *cfg = table_find(&d->configs, config);
	struct context *c;
	VAStatus status;

	*id = VA_INVALID_ID;
	if (!cfg)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONFIG, "no config %#x", config));
	if (d->q.no_context)
		return driver_leave(d, VA_STATUS_ERROR_HW_BUSY);
	if (width < 16 || height < 16 || width > (int)PICTURE_SIZE_MAX || height > (int)PICTURE_SIZE_MAX)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED, "%dx%d", width, height));
	if (flag & ~VA_PROGRESSIVE)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_FLAG_NOT_SUPPORTED, "flag %#x", flag));
	for (int i = 0; i < n_targets; i++) {
		const struct surface *s = surface_find(d, targets[i]);

		if (!s)
			return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "no surface %#x", targets[i]));
		if (s->rt_format != cfg->rt_format)
			return driver_leave(d,
					    rule(d, VA_STATUS_ERROR_INVALID_SURFACE,
						 "surface of format %#x, config of %#x", s->rt_format, cfg->rt_format));
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return driver_leave(d, VA_STATUS_ERROR_ALLOCATION_FAILED);
	c->d = d;
	c->config = cfg;
	c->codec = cfg->codec;
	c->width = (unsigned)width;
	c->height = (unsigned)height;
	status = c->codec->create(c);
	c->id = status == VA_STATUS_SUCCESS ? table_add(&d->contexts, c) : VA_INVALID_ID;
	if (c->id == VA_INVALID_ID) {
		context_free(c);
		return driver_leave(d, status == VA_STATUS_SUCCESS ? VA_STATUS_ERROR_MAX_NUM_EXCEEDED : status);
	}
	*id = c->id;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

/* With the driver's lock, as a real one would. */
static void hang(struct driver *d)
{
	note(d, "fault: vaDestroyContext does not come back");
	for (;;)
		pause();
}

static VAStatus destroy_context(VADriverContextP va, VAContextID id)
{
	static atomic_uint destroyed; /* of the process */
	struct driver *d = driver_enter(va, "vaDestroyContext");
	struct context *c = table_find(&d->contexts, id);

	if (!c)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONTEXT, "no context %#x", id));
	if (atomic_fetch_add(&destroyed, 1) + 1 == d->q.destroy_hang)
		hang(d);
	for (unsigned i = 0; i < TABLE_SLOTS; i++) {
		struct surface *s = d->surfaces.slot[i].object;

		if (s && s->busy == id)
			s->busy = VA_INVALID_ID, s->hung = false;
	}
	context_free(table_remove(&d->contexts, id));
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static void picture_reset(struct context *c)
{
	for (unsigned i = 0; i < c->n_items; i++)
		free((void *)(uintptr_t)c->item[i].data);
	c->n_items = c->n_used = 0;
	c->open = c->broken = c->packed_open = false;
	c->target = NULL;
}

static VAStatus begin_picture(VADriverContextP va, VAContextID id, VASurfaceID target)
{
	struct driver *d = driver_enter(va, "vaBeginPicture");
	struct context *c = table_find(&d->contexts, id);
	struct surface *s = surface_find(d, target);

	if (!c)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONTEXT, "no context %#x", id));
	if (!s)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "no surface %#x", target));
	if (c->open)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_OPERATION_FAILED, "the picture before was not ended"));
	if (s->rt_format != c->config->rt_format)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "surface of format %#x, config of %#x",
					    s->rt_format, c->config->rt_format));
	if (!surface_covers(s, c))
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_SURFACE, "surface %ux%u, context %ux%u",
					    s->width, s->height, c->width, c->height));
	if (c->hung)
		return driver_leave(d, VA_STATUS_ERROR_HW_BUSY);
	picture_reset(c);
	c->open = true;
	c->number = pictures_count();
	c->target = s;
	return driver_leave(d, VA_STATUS_SUCCESS);
}

static VAStatus item_add(struct context *c, enum item_kind kind, const struct buffer *b, unsigned element, size_t size)
{
	struct item *i = &c->item[c->n_items];
	void *copy;

	if (c->n_items == ITEMS_MAX)
		return rule(c->d, VA_STATUS_ERROR_MAX_NUM_EXCEEDED, "more than %u elements in a picture", ITEMS_MAX);
	copy = malloc(size);
	if (!copy)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	memcpy(copy, b->data + (size_t)element * b->size, size);
	*i = (struct item){.kind = kind, .data = copy, .size = size};
	c->n_items++;
	return VA_STATUS_SUCCESS;
}

static VAStatus elements_add(struct context *c, enum item_kind kind, const struct buffer *b, size_t size, unsigned most)
{
	VAStatus status = VA_STATUS_SUCCESS;

	if (b->size != size || b->num_elements > most)
		return rule(c->d, VA_STATUS_ERROR_INVALID_BUFFER, "type %d: %u of %u bytes, at most %u of %zu expected",
			    b->type, b->num_elements, b->size, most, size);
	for (unsigned n = 0; n < b->num_elements && status == VA_STATUS_SUCCESS; n++)
		status = item_add(c, kind, b, n, size);
	return status;
}

static uint32_t packed_flag(uint32_t type)
{
	switch (type) {
	case VAEncPackedHeaderSequence:
		return VA_ENC_PACKED_HEADER_SEQUENCE;
	case VAEncPackedHeaderPicture:
		return VA_ENC_PACKED_HEADER_PICTURE;
	case VAEncPackedHeaderSlice:
		return VA_ENC_PACKED_HEADER_SLICE;
	case VAEncPackedHeaderRawData:
		return VA_ENC_PACKED_HEADER_RAW_DATA;
	default:
		return 0;
	}
}

static VAStatus packed_begin(struct context *c, const struct buffer *b)
{
	const VAEncPackedHeaderParameterBuffer *p = (const void *)b->data;
	VAStatus status;

	if (b->size != sizeof(*p) || b->num_elements != 1)
		return rule(c->d, VA_STATUS_ERROR_INVALID_BUFFER, "packed header parameters of %u bytes", b->size);
	if (!(packed_flag(p->type) & c->config->packed))
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "packed header of type %u: the config has %#x",
			    p->type, c->config->packed);
	if (!p->bit_length || p->has_emulation_bytes > 1)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "packed header: %u bits, has_emulation_bytes %u",
			    p->bit_length, p->has_emulation_bytes);
	for (unsigned i = 0; i < sizeof(p->va_reserved) / sizeof(*p->va_reserved); i++)
		if (p->va_reserved[i])
			return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER,
				    "packed header: reserved bytes are not zero");
	status = item_add(c, ITEM_PACKED, b, 0, b->size);
	if (status == VA_STATUS_SUCCESS) {
		c->item[c->n_items - 1].type = p->type;
		c->item[c->n_items - 1].bit_length = p->bit_length;
		c->item[c->n_items - 1].has_emulation = p->has_emulation_bytes;
		c->packed_open = true;
	}
	return status;
}

/* The data takes the place of its parameters. */
static VAStatus packed_end(struct context *c, const struct buffer *b)
{
	struct item *i = &c->item[c->n_items - 1];
	size_t bytes = (size_t)b->size * b->num_elements;
	void *copy;

	if (!c->packed_open)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "packed header data without parameters before it");
	c->packed_open = false;
	if (bytes < (i->bit_length + 7u) / 8u)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "packed header of %u bits in %zu bytes",
			    i->bit_length, bytes);
	copy = malloc(bytes);
	if (!copy)
		return VA_STATUS_ERROR_ALLOCATION_FAILED;
	memcpy(copy, b->data, bytes);
	free((void *)(uintptr_t)i->data);
	i->data = copy;
	i->size = bytes;
	return VA_STATUS_SUCCESS;
}

static VAStatus render_one(struct context *c, const struct buffer *b)
{
	if (c->packed_open && b->type != VAEncPackedHeaderDataBufferType)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "packed header parameters, then type %d", b->type);
	switch (b->type) {
	case VAEncSequenceParameterBufferType:
		return elements_add(c, ITEM_SEQ, b, c->codec->seq_size, 1);
	case VAEncPictureParameterBufferType:
		return elements_add(c, ITEM_PIC, b, c->codec->pic_size, 1);
	case VAEncSliceParameterBufferType:
		return elements_add(c, ITEM_SLICE, b, c->codec->slice_size, c->codec->slice_elements_max);
	case VAEncMiscParameterBufferType:
		if (b->num_elements != 1 || b->size < sizeof(VAEncMiscParameterBuffer))
			return rule(c->d, VA_STATUS_ERROR_INVALID_BUFFER, "misc parameter of %u x %u bytes",
				    b->num_elements, b->size);
		return item_add(c, ITEM_MISC, b, 0, b->size);
	case VAEncPackedHeaderParameterBufferType:
		return packed_begin(c, b);
	case VAEncPackedHeaderDataBufferType:
		return packed_end(c, b);
	default:
		return rule(c->d, VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE, "type %d is not rendered", b->type);
	}
}

static VAStatus render_picture(VADriverContextP va, VAContextID id, VABufferID *list, int n)
{
	struct driver *d = driver_enter(va, "vaRenderPicture");
	struct context *c = table_find(&d->contexts, id);
	VAStatus status = VA_STATUS_SUCCESS;

	if (!c)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONTEXT, "no context %#x", id));
	if (!c->open)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_OPERATION_FAILED, "no picture was begun"));
	if (c->number == d->q.render_error) {
		note(d, "fault: render error");
		return driver_leave(d, VA_STATUS_ERROR_OPERATION_FAILED);
	}
	for (int i = 0; i < n && status == VA_STATUS_SUCCESS; i++) {
		const struct buffer *b = table_find(&d->buffers, list[i]);

		if (!b)
			status = rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "no buffer %#x", list[i]);
		else if (b->context != id)
			status = rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "buffer %#x is another context's", list[i]);
		else if (b->mapped)
			status = rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "buffer %#x is mapped", list[i]);
		else if (c->n_used == ITEMS_MAX)
			status = rule(d, VA_STATUS_ERROR_MAX_NUM_EXCEEDED, "more than %u buffers", ITEMS_MAX);
		for (unsigned k = 0; status == VA_STATUS_SUCCESS && k < c->n_used; k++)
			if (c->used[k] == list[i])
				status = rule(d, VA_STATUS_ERROR_INVALID_BUFFER, "buffer %#x twice in a picture",
					      list[i]);
		if (status == VA_STATUS_SUCCESS) {
			c->used[c->n_used++] = list[i];
			status = render_one(c, b);
		}
	}
	if (status != VA_STATUS_SUCCESS)
		c->broken = true;
	return driver_leave(d, status);
}

static VAStatus wrong(struct context *c, const char *what)
{
	return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%s", what);
}

const char *packed_open(const struct item *i, uint8_t *to, struct bits *b)
{
	const uint8_t *p = i->data;
	size_t bytes = (i->bit_length + 7u) / 8u, zeros = 0, len;

	while (zeros < bytes && !p[zeros])
		zeros++;
	if (zeros < 2 || zeros > 3 || zeros + 1 >= bytes || p[zeros] != 1)
		return "packed header: no start code at its beginning";
	p += zeros + 1;
	bytes -= zeros + 1;
	for (size_t k = 2; k < bytes; k++)
		if (i->has_emulation && !p[k - 2] && !p[k - 1] && p[k] < 3)
			return "packed header: has_emulation_bytes, and a start code inside";
	if (i->has_emulation) {
		len = unescape(to, p, bytes);
	} else {
		memcpy(to, p, bytes);
		len = bytes;
	}
	*b = (struct bits){.p = to, .n = i->bit_length - (zeros + 1) * 8 - (bytes - len) * 8};
	return NULL;
}

VAStatus packed_each(struct context *c, const struct item *i, VAStatus (*one)(void *of, const struct item *i), void *of)
{
	const uint8_t *p = i->data;
	const size_t bytes = i->bit_length / 8u;
	VAStatus status = VA_STATUS_SUCCESS;

	if (!c->d->q.lax || !i->has_emulation || i->bit_length % 8)
		return one(of, i);
	for (size_t at = 0, next; at < bytes && status == VA_STATUS_SUCCESS; at = next) {
		struct item part = *i;

		for (next = at + 4; next < bytes; next++)
			if (next + 4 <= bytes && !p[next] && !p[next + 1] &&
			    (p[next + 2] == 1 || (!p[next + 2] && p[next + 3] == 1)))
				break;
		part.data = p + at;
		part.bit_length = (uint32_t)(next - at) * 8;
		part.size = next - at;
		status = one(of, &part);
	}
	return status;
}

/* A packed header's place: sequence, picture, raw data, then each slice's in front of its parameters. */
static VAStatus packed_place(struct context *c, struct picture *p, const struct item *i, const struct item **slice)
{
	unsigned same = 0;

	if (i->type == VAEncPackedHeaderSlice) {
		if (*slice)
			return wrong(c, "two packed slice headers in a row");
		*slice = i;
		return VA_STATUS_SUCCESS;
	}
	if (p->n_slices || *slice)
		return wrong(c, "a packed header other than a slice's after the first slice");
	for (unsigned k = 0; k < p->n_packed; k++) {
		if (i->type == VAEncPackedHeaderSequence && p->packed[k]->type == VAEncPackedHeaderPicture)
			return wrong(c, "packed sequence header behind a picture header");
		same += p->packed[k]->type == i->type;
	}
	if (i->type != VAEncPackedHeaderRawData &&
	    same >= (i->type == VAEncPackedHeaderSequence ? c->codec->sequence_headers : 1))
		return wrong(c, "a packed header twice");
	if (p->n_packed == sizeof(p->packed) / sizeof(*p->packed))
		return wrong(c, "too many packed headers");
	p->packed[p->n_packed++] = i;
	return VA_STATUS_SUCCESS;
}

static VAStatus item_place(struct context *c, struct picture *p, const struct item *i, const struct item **slice)
{
	switch (i->kind) {
	case ITEM_SEQ:
		if (p->seq || p->n_slices)
			return wrong(c, p->seq ? "two sequence parameters" : "sequence parameters behind a slice");
		p->seq = i->data;
		return VA_STATUS_SUCCESS;
	case ITEM_PIC:
		if (p->pic || p->n_slices)
			return wrong(c, p->pic ? "two picture parameters" : "picture parameters behind a slice");
		p->pic = i->data;
		return VA_STATUS_SUCCESS;
	case ITEM_MISC:
		return p->n_slices ? wrong(c, "misc parameter behind a slice") : misc_apply(c, i);
	case ITEM_PACKED:
		return packed_place(c, p, i, slice);
	case ITEM_SLICE:
		if (c->config->packed & VA_ENC_PACKED_HEADER_SLICE && !*slice)
			return wrong(c, "a slice without its packed header");
		p->slice[p->n_slices].param = i->data;
		p->slice[p->n_slices++].packed = *slice;
		*slice = NULL;
		return VA_STATUS_SUCCESS;
	}
	return VA_STATUS_ERROR_OPERATION_FAILED;
}

static VAStatus collect(struct context *c, struct picture *p)
{
	VAStatus status = VA_STATUS_SUCCESS;
	const struct item *slice = NULL;

	if (c->broken)
		return wrong(c, "a buffer of this picture was refused");
	if (c->packed_open)
		return wrong(c, "packed header parameters without data");
	for (unsigned n = 0; n < c->n_items && status == VA_STATUS_SUCCESS; n++)
		status = item_place(c, p, &c->item[n], &slice);
	if (status != VA_STATUS_SUCCESS)
		return status;
	if (slice)
		return wrong(c, "a packed slice header without slice");
	if (!p->pic)
		return wrong(c, "no picture parameters");
	if (!p->n_slices)
		return wrong(c, "no slice");
	if (p->n_slices > c->d->q.slices)
		return rule(c->d, VA_STATUS_ERROR_INVALID_PARAMETER, "%u slices, at most %u", p->n_slices,
			    c->d->q.slices);
	return VA_STATUS_SUCCESS;
}

static VAStatus coded_target(struct context *c, const struct picture *p, struct buffer **coded)
{
	VABufferID id = c->codec->coded_buf(p->pic);
	struct buffer *b = table_find(&c->d->buffers, id);

	if (!b || b->type != VAEncCodedBufferType || b->context != c->id)
		return rule(c->d, VA_STATUS_ERROR_INVALID_BUFFER, "coded_buf %#x is no coded buffer of this context",
			    id);
	if (b->mapped)
		return rule(c->d, VA_STATUS_ERROR_INVALID_BUFFER, "coded_buf %#x is mapped", id);
	b->coded = b->failed = false;
	*coded = b;
	return VA_STATUS_SUCCESS;
}

static void stream_keep(const struct driver *d, const struct buffer *b)
{
	FILE *f = d->q.stream_path ? fopen(d->q.stream_path, "ae") : NULL;

	if (!f)
		return;
	fwrite(b->data, 1, b->coded_len, f);
	fclose(f);
}

static bool is_deep(const struct context *c)
{
	return c->config->rt_format & (VA_RT_FORMAT_YUV420_10 | VA_RT_FORMAT_YUV444_10);
}

static VAStatus end_picture(VADriverContextP va, VAContextID id)
{
	struct driver *d = driver_enter(va, "vaEndPicture");
	struct context *c = table_find(&d->contexts, id);
	struct picture *p;
	struct buffer *coded = NULL;
	VAStatus status;
	unsigned n;

	if (!c)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_INVALID_CONTEXT, "no context %#x", id));
	if (!c->open)
		return driver_leave(d, rule(d, VA_STATUS_ERROR_OPERATION_FAILED, "no picture was begun"));
	p = calloc(1, sizeof(*p));
	if (!p)
		return driver_leave(d, VA_STATUS_ERROR_ALLOCATION_FAILED);
	n = c->number;
	status = collect(c, p);
	if (status == VA_STATUS_SUCCESS)
		status = coded_target(c, p, &coded);
	if (status == VA_STATUS_SUCCESS && (n == d->q.error || (d->q.deep_error && is_deep(c)))) {
		note(d, "fault: error");
		status = VA_STATUS_ERROR_OPERATION_FAILED;
	}
	if (status == VA_STATUS_SUCCESS)
		status = c->codec->encode(c, p, &coded);
	if (status == VA_STATUS_SUCCESS) {
		c->pictures++;
		coded->coded = true;
		coded->failed = n == d->q.map_error;
		c->target->busy = id;
		c->hung = coded->hung = c->target->hung = n == d->q.hang;
		if (c->hung)
			note(d, "fault: hang");
		stream_keep(d, coded);
	}
	free(p);
	picture_reset(c);
	return driver_leave(d, status);
}

void picture_vtable(struct VADriverVTable *v)
{
	v->vaCreateContext = create_context;
	v->vaDestroyContext = destroy_context;
	v->vaBeginPicture = begin_picture;
	v->vaRenderPicture = render_picture;
	v->vaEndPicture = end_picture;
}
