// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/views.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

#define ALL ((1u << VIEWS_MAX) - 1)

static void view_release(struct frame *f, int fence_fd)
{
	struct views *v = f->owner;
	struct cursor_image *image = f->cursor.image;
	struct frame *of = v->view[f->slot].of;
	unsigned were_out;

	/* Readers wait for their GPU before they let go. */
	assert(fence_fd < 0);
	/* The frame last: once it is back everything else may be closed. */
	cursor_image_unref(image);
	were_out = atomic_fetch_and_explicit(&v->out, ~(1u << f->slot), memory_order_release);
	if (were_out == ALL && v->freed)
		v->freed(v->ctx);
	frame_unref(of, -1);
}

static void view_refused(struct frame *f, bool all_dmabufs)
{
	const struct views *v = f->owner;

	frame_refuse(v->view[f->slot].of, all_dmabufs);
}

struct frame *views_take(struct views *v, struct frame *of, struct cursor cursor, uint64_t now_ns)
{
	unsigned unused = ~atomic_load_explicit(&v->out, memory_order_acquire) & ALL;
	int fence = of->acquire_fence;
	struct frame *f;
	unsigned n;

	/* Each frame closes its own. Without one nobody knew that the picture must be waited for. */
	if (unused && fence >= 0) {
		fence = fcntl(fence, F_DUPFD_CLOEXEC, 3);
		unused = fence < 0 ? 0 : unused;
	}
	if (!unused) {
		cursor_image_unref(cursor.image);
		return NULL;
	}
	n = (unsigned)__builtin_ctz(unused);
	atomic_fetch_or_explicit(&v->out, 1u << n, memory_order_relaxed);
	v->view[n].of = frame_ref(of);
	f = &v->view[n].frame;
	/* Not as a whole: others count references of the frame meanwhile. */
	f->release = view_release;
	f->refuse = of->refuse ? view_refused : NULL;
	f->owner = v;
	f->slot = (uint8_t)n;
	f->width = of->width;
	f->height = of->height;
	f->fourcc = of->fourcc;
	f->n_planes = of->n_planes;
	f->modifier = of->modifier;
	f->buffer_id = of->buffer_id;
	memcpy(f->plane, of->plane, sizeof(f->plane));
	memcpy(f->map, of->map, sizeof(f->map));
	f->crop = of->crop;
	f->n_damage = 0;
	f->same = false;
	f->picture = of->picture;
	f->cursor = cursor;
	f->transform = of->transform;
	f->colour = of->colour;
	f->acquire_fence = fence;
	f->seq = of->seq;
	f->t = (struct trace){.captured = now_ns};
	atomic_store_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}
