// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/pw_slots.h"

#include <assert.h>
#include <errno.h>

#define LOG_MODULE "pipewire"
#include "base/log.h"

static void frame_release(struct frame *f, int fence_fd)
{
	struct pw_slots *p = f->owner;

	/* Readers wait for their GPU before they let go. */
	assert(fence_fd < 0);
	cursor_image_unref(f->cursor.image);
	/* As soon as the frame counts as returned everything may be closed, but not before this is over. */
	atomic_fetch_add_explicit(&p->releasing, 1, memory_order_relaxed);
	atomic_fetch_or_explicit(&p->returned, 1u << f->slot, memory_order_release);
	pw_loop_signal_event(p->loop, p->signal);
	atomic_fetch_sub_explicit(&p->releasing, 1, memory_order_release);
}

/* The frame may be of a format that is long gone: hence its number. */
static void frame_refused(struct frame *f, bool all_dmabufs)
{
	struct pw_slots *p = f->owner;

	atomic_store(&p->refused, 2 * p->slot[f->slot].format_no + all_dmabufs);
	pw_loop_signal_event(p->loop, p->signal);
}

static void slot_free(struct pw_slot *s)
{
	buffer_map_close(&s->map);
	s->state = PW_SLOT_FREE;
	s->buffer = NULL;
}

void pw_slots_init(struct pw_slots *p, struct pw_loop *loop, struct spa_source *signal)
{
	p->loop = loop;
	p->signal = signal;
}

void pw_slots_add(struct pw_slots *p, struct pw_buffer *b, bool import)
{
	struct pw_slot *s = NULL;
	int err;

	p->n_buffers++;
	b->user_data = NULL;
	for (unsigned i = 0; i < PW_SLOTS && !s; i++) {
		if (p->slot[i].state == PW_SLOT_FREE)
			s = &p->slot[i];
	}
	if (!s) {
		log_warn("more buffers than slots: one stays unused");
		return;
	}
	err = !b->buffer->n_datas ? -EINVAL
	      : import            ? buffer_map_import(&s->map, b->buffer)
				  : buffer_map_open(&s->map, &b->buffer->datas[0]);
	if (err) {
		log_errno(err, "a buffer of type %u cannot be %s", b->buffer->n_datas ? b->buffer->datas[0].type : 0,
			  import ? "kept" : "mapped");
		return;
	}
	s->state = PW_SLOT_LIVE;
	s->buffer = b;
	s->frame.slot = (uint8_t)(s - p->slot);
	s->frame.buffer_id = ++p->next_id;
	b->user_data = s;
}

void pw_slots_remove(struct pw_slots *p, struct pw_buffer *b)
{
	struct pw_slot *s = b->user_data;

	p->n_buffers--;
	if (!s)
		return;
	s->buffer = NULL;
	s->state = PW_SLOT_ORPHAN;
	/* Nobody holds it, or whoever did has just given it back: then the mask's turn comes with the next signal. */
	if (!(atomic_load(&p->out) & 1u << s->frame.slot))
		slot_free(s);
}

struct frame *pw_slots_send(struct pw_slots *p, struct pw_slot *s, bool import)
{
	struct frame *f = &s->frame;

	f->release = frame_release;
	f->refuse = import ? frame_refused : NULL;
	f->owner = p;
	atomic_fetch_or_explicit(&p->out, 1u << f->slot, memory_order_relaxed);
	buffer_map_begin_read(&s->map);
	atomic_store_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void pw_slots_take_returned(struct pw_slots *p, struct pw_stream *stream)
{
	unsigned mask = atomic_exchange_explicit(&p->returned, 0, memory_order_acquire);

	for (unsigned left = mask; left; left &= left - 1) {
		struct pw_slot *s = &p->slot[__builtin_ctz(left)];

		buffer_map_end_read(&s->map);
		if (s->state == PW_SLOT_ORPHAN)
			slot_free(s);
		else
			pw_stream_queue_buffer(stream, s->buffer);
	}
	atomic_fetch_and_explicit(&p->out, ~mask, memory_order_release);
}

unsigned pw_slots_held(struct pw_slots *p, const struct frame *kept)
{
	unsigned n = (unsigned)__builtin_popcount(atomic_load(&p->out) & ~atomic_load(&p->returned));

	if (kept && atomic_load(&kept->refs) == 1)
		n--;
	/* Last, and counted only where it decides over the end: its frame may be among those that are out. */
	return n ? n : atomic_load(&p->releasing) != 0;
}
