// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/pw_cursor.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <spa/param/video/raw.h>

#include "base/str.h"
#include "media/frame.h"

int pw_cursor_init(struct pw_cursor *c)
{
	*c = (struct pw_cursor){.images = calloc(PW_CURSOR_IMAGES, sizeof(*c->images))};
	return c->images ? 0 : -ENOMEM;
}

void pw_cursor_finish(struct pw_cursor *c)
{
	cursor_image_unref(c->newest);
	for (unsigned i = 0; c->images && i < PW_CURSOR_IMAGES; i++)
		assert(!atomic_load(&c->images[i].refs));
	free(c->images);
	*c = (struct pw_cursor){0};
}

/* SPA names bytes in memory. */
static const struct order {
	uint32_t format;
	uint8_t r, g, b, a;
} orders[] = {
	{SPA_VIDEO_FORMAT_RGBA, 0, 1, 2, 3},
	{SPA_VIDEO_FORMAT_BGRA, 2, 1, 0, 3},
	{SPA_VIDEO_FORMAT_ARGB, 1, 2, 3, 0},
	{SPA_VIDEO_FORMAT_ABGR, 3, 2, 1, 0},
};

static uint8_t at_most(uint8_t v, uint8_t top)
{
	return v < top ? v : top;
}

static void copy_pixels(struct cursor_image *to, const uint8_t *from, size_t stride, const struct order *o)
{
	for (unsigned y = 0; y < to->h; y++)
		for (unsigned x = 0; x < to->w; x++) {
			const uint8_t *p = from + y * stride + (size_t)x * 4;
			uint8_t *q = to->argb + ((size_t)y * to->w + x) * 4, a = p[o->a];

			q[0] = at_most(p[o->b], a);
			q[1] = at_most(p[o->g], a);
			q[2] = at_most(p[o->r], a);
			q[3] = a;
		}
}

/* The lowest that nobody refers to, so that few are ever touched. */
static struct cursor_image *free_image(struct pw_cursor *c)
{
	for (unsigned i = 0; i < PW_CURSOR_IMAGES; i++)
		if (!atomic_load_explicit(&c->images[i].refs, memory_order_acquire))
			return &c->images[i];
	return NULL;
}

static void show(struct pw_cursor *c, struct cursor_image *i)
{
	cursor_image_unref(c->newest);
	c->newest = i;
}

/* at: where it begins in the metadata. 1: it is taken, also when it is empty. */
static int read_bitmap(struct pw_cursor *c, const uint8_t *meta, size_t size, uint32_t at)
{
	const struct order *order = NULL;
	struct spa_meta_bitmap b;
	struct cursor_image *i;
	uint64_t end;

	if (at < sizeof(struct spa_meta_cursor) || at > size || size - at < sizeof(b))
		return -EINVAL;
	memcpy(&b, meta + at, sizeof(b));
	if (!b.offset || !b.size.width || !b.size.height) {
		show(c, NULL); /* nothing to see of it */
		return 1;
	}
	for (size_t n = 0; n < ARRAY_LEN(orders); n++)
		if (orders[n].format == b.format)
			order = &orders[n];
	if (!order || b.size.width > PW_CURSOR_ASKED_MAX || b.size.height > PW_CURSOR_ASKED_MAX) {
		show(c, NULL); /* better than the last one's looks */
		return order ? -E2BIG : -ENOTSUP;
	}
	if (b.offset < sizeof(b) || b.stride > PW_CURSOR_STRIDE_MAX || b.stride < (int32_t)(b.size.width * 4))
		return -EINVAL;
	end = (uint64_t)at + b.offset + (uint64_t)b.stride * (b.size.height - 1) + b.size.width * 4;
	if (end > size)
		return -EINVAL;
	i = free_image(c);
	if (!i)
		return -EBUSY;
	i->id = frame_picture_no();
	i->w = (uint16_t)(b.size.width < CURSOR_DIM_MAX ? b.size.width : CURSOR_DIM_MAX);
	i->h = (uint16_t)(b.size.height < CURSOR_DIM_MAX ? b.size.height : CURSOR_DIM_MAX);
	copy_pixels(i, meta + at + b.offset, (size_t)b.stride, order);
	show(c, cursor_image_ref(i));
	return 1;
}

int pw_cursor_read(struct pw_cursor *c, const struct spa_buffer *b)
{
	const struct spa_meta *meta = spa_buffer_find_meta(b, SPA_META_Cursor);
	struct cursor before = pw_cursor_take(c), after;
	struct spa_meta_cursor m;
	bool changed;
	int rc = 0;

	if (meta && meta->size >= sizeof(m)) {
		memcpy(&m, meta->data, sizeof(m));
		if (m.id && m.bitmap_offset)
			rc = read_bitmap(c, meta->data, meta->size, m.bitmap_offset);
		if (rc != -EINVAL) {
			c->shown = m.id != 0;
			c->x = m.position.x;
			c->y = m.position.y;
		}
		if (rc > 0) {
			c->hot_x = m.hotspot.x;
			c->hot_y = m.hotspot.y;
		}
	}
	after = pw_cursor_take(c);
	changed = before.image != after.image || before.x != after.x || before.y != after.y;
	cursor_image_unref(before.image);
	cursor_image_unref(after.image);
	return rc < 0 ? rc : changed;
}

struct cursor pw_cursor_take(const struct pw_cursor *c)
{
	int64_t x = (int64_t)c->x - c->hot_x, y = (int64_t)c->y - c->hot_y;

	if (!c->shown || !c->newest || x < -PW_CURSOR_AT_MAX || x > PW_CURSOR_AT_MAX || y < -PW_CURSOR_AT_MAX ||
	    y > PW_CURSOR_AT_MAX)
		return (struct cursor){0};
	return (struct cursor){.image = cursor_image_ref(c->newest), .x = (int32_t)x, .y = (int32_t)y};
}
