// SPDX-License-Identifier: GPL-3.0-or-later
#include "capture/pw_slots.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "capture/pw_sync.h"

#define LOG_MODULE "pipewire"
#include "base/log.h"

static void frame_release(struct frame *f, int fence_fd)
{
	struct pw_slots *p = f->owner;

	/* Where nobody can be told of fences readers wait for their GPU before they let go. */
	assert(fence_fd < 0 || p->slot[f->slot].sync.release);
	p->slot[f->slot].read_fence = fence_fd;
	cursor_image_unref(f->cursor.image);
	/* As soon as the frame counts as returned everything may be closed, but not before this is over. */
	atomic_fetch_add_explicit(&p->releasing, 1, memory_order_relaxed);
	atomic_fetch_or_explicit(&p->returned, 1u << f->slot, memory_order_release);
	pw_loop_signal_event(p->loop, p->signal);
	atomic_fetch_sub_explicit(&p->releasing, 1, memory_order_release);
}

/* The frame may be of a format that is long gone: hence its number. */
static void refuse(struct pw_slots *p, unsigned format_no, bool all_dmabufs)
{
	atomic_store(&p->refused, 2 * format_no + all_dmabufs);
	pw_loop_signal_event(p->loop, p->signal);
}

static void frame_refused(struct frame *f, bool all_dmabufs)
{
	struct pw_slots *p = f->owner;

	refuse(p, p->slot[f->slot].format_no, all_dmabufs);
}

static void slot_free(struct pw_slots *p, struct pw_slot *s)
{
	sync_points_close(&s->sync, &p->timelines);
	buffer_map_close(&s->map);
	s->state = PW_SLOT_FREE;
	s->buffer = NULL;
}

static void on_timer(void *data, uint64_t expirations)
{
	struct pw_slots *p = data;

	(void)expirations;
	p->due_ns = 0;
	p->look(p->ctx);
}

static void on_point(void *data, int fd, uint32_t mask)
{
	struct pw_slots *p = data;
	uint64_t count;

	(void)mask;
	if (read(fd, &count, sizeof(count)) == sizeof(count))
		p->look(p->ctx);
}

/* When to look again if nothing happens. */
static void set_timer(struct pw_slots *p, uint64_t due_ns)
{
	struct timespec at = {.tv_sec = (time_t)(due_ns / NS_PER_S), .tv_nsec = (long)(due_ns % NS_PER_S)};

	if (due_ns != p->due_ns)
		pw_loop_update_timer(p->loop, p->timer, &at, NULL, true);
	p->due_ns = due_ns;
}

int pw_slots_init(struct pw_slots *p, struct pw_loop *loop, struct spa_source *signal, bool import,
		  void (*look)(void *ctx), void *ctx)
{
	p->loop = loop;
	p->signal = signal;
	p->look = look;
	p->ctx = ctx;
	p->timelines.fd = -1;
	if (import && pw_sync_known() && drm_timelines_open(&p->timelines) < 0)
		log_dbg("no DRM device with timelines: buffers are synchronised implicitly");
	p->line = (struct sync_line){.dev = &p->timelines, .event_fd = -1};
	if (p->timelines.tells)
		p->line.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->line.event_fd >= 0)
		p->points = pw_loop_add_io(loop, p->line.event_fd, SPA_IO_IN, false, on_point, p);
	p->timer = pw_loop_add_timer(loop, on_timer, p);
	return p->timer && (p->points || p->line.event_fd < 0) ? 0 : -errno;
}

void pw_slots_finish(struct pw_slots *p)
{
	if (!p->line.dev)
		return;
	if (p->points)
		pw_loop_destroy_source(p->loop, p->points);
	if (p->timer)
		pw_loop_destroy_source(p->loop, p->timer);
	p->points = p->timer = NULL;
	if (p->line.event_fd >= 0)
		close(p->line.event_fd);
	drm_timelines_close(&p->timelines);
	p->line.dev = NULL;
}

/* 0, or -errno: logged. */
static int slot_open(struct pw_slots *p, struct pw_slot *s, const struct spa_buffer *b, bool import, unsigned format_no)
{
	struct pw_sync_files files;
	uint32_t n_planes = pw_sync_files(b, &files);
	int err = 0;

	s->sync = (struct sync_points){.fence = -1};
	if (files.acquire >= 0)
		err = sync_points_open(&s->sync, &p->timelines, files.acquire, files.release);
	else if (!n_planes)
		err = -EPROTO;
	if (err) {
		log_errno(err, "planes or timelines of a buffer are none: its source is asked for memory");
		refuse(p, format_no, true);
		return err;
	}
	err = import ? buffer_map_import(&s->map, b, n_planes) : buffer_map_open(&s->map, &b->datas[0]);
	if (err) {
		log_errno(err, "a buffer of type %u cannot be %s", b->datas[0].type, import ? "kept" : "mapped");
		sync_points_close(&s->sync, &p->timelines);
		return err;
	}
	s->map.told = files.acquire >= 0;
	if (s->map.told && p->n_buffers == 1)
		log_info("the source tells when its pictures are drawn, and is told when they were read");
	return 0;
}

void pw_slots_add(struct pw_slots *p, struct pw_buffer *b, bool import, unsigned format_no)
{
	struct pw_slot *s = NULL;

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
	if (slot_open(p, s, b->buffer, import, format_no) < 0)
		return;
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
	sync_line_leave(&p->line, &s->sync);
	s->buffer = NULL;
	s->state = PW_SLOT_ORPHAN;
	/* Nobody holds it, or whoever did has just given it back: then the mask's turn comes with the next signal. */
	if (!(atomic_load(&p->out) & 1u << s->frame.slot))
		slot_free(p, s);
}

static void begin(struct pw_slot *s)
{
	uint64_t acquire, release;

	pw_sync_points(s->buffer->buffer, &acquire, &release);
	sync_points_begin(&s->sync, acquire, release);
}

void pw_slots_arrive(struct pw_slots *p, struct pw_slot *s, uint64_t now_ns)
{
	_Static_assert(SYNC_LINE_MAX >= PW_SLOTS, "each slot stands in line once at most");

	begin(s);
	sync_line_push(&p->line, &s->sync, now_ns);
}

enum sync_turn pw_slots_next(struct pw_slots *p, uint64_t now_ns, struct pw_slot **s)
{
	struct sync_points *who;
	enum sync_turn turn = sync_line_next(&p->line, now_ns, &who);

	if (turn == SYNC_NOBODY)
		set_timer(p, sync_line_due(&p->line, now_ns));
	else
		*s = (struct pw_slot *)((char *)who - offsetof(struct pw_slot, sync));
	return turn;
}

void pw_slots_skip(struct pw_slots *p, struct pw_stream *stream, struct pw_buffer *b)
{
	if (b->user_data)
		begin(b->user_data);
	pw_slots_give_back(p, stream, b);
}

void pw_slots_give_back(struct pw_slots *p, struct pw_stream *stream, struct pw_buffer *b)
{
	struct pw_slot *s = b->user_data;

	if (s)
		sync_points_end(&s->sync, &p->timelines, -1);
	pw_stream_queue_buffer(stream, b);
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
		sync_points_end(&s->sync, &p->timelines, s->read_fence);
		if (s->state == PW_SLOT_ORPHAN)
			slot_free(p, s);
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
