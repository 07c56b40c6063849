// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The fake screen: a thread of its own draws pictures into memory on an absolute schedule and codes
 * their number and time into the pixels (pattern_code.h). It needs no display and no GPU, and what
 * arrives at the far end can be checked picture by picture. A tick that comes much too late, or
 * finds no free buffer, leaves a gap in the numbers; unless every picture is wanted: then it waits for
 * a buffer, and each is captured when it was due, however late it was drawn.
 */
#include "capture/backends.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/slots.h"
#include "base/thread.h"
#include "base/wake.h"
#include "capture/paint.h"
#include "capture/pattern_code.h"

#define LOG_MODULE "pattern"
#include "base/log.h"

#define BUFFERS    4
#define LATE_TICKS 2 /* this far behind, ticks are dropped instead of caught up */
/* Whoever gives a buffer back must not touch the rest of us: with the last one we may be gone. */
#define SLOT_LOOK_NS NS_PER_MS

struct pattern {
	struct capture base;
	/* constant after open */
	enum paint_kind kind;
	uint32_t width, height, fps_mhz, stride;
	bool every;
	size_t buffer_size;
	/* drawing thread; main while it does not run */
	struct painter painter;
	bool painter_ready;
	uint64_t number;    /* of the next frame */
	uint64_t delivered; /* newest frame given out; PAINT_FRESH: none since start */
	struct buffer {
		struct frame frame;
		void *pixels;
		uint64_t shows; /* frame number; PAINT_FRESH: only the ground */
		bool begun;
	} buffer[BUFFERS];
	struct slots slots; /* any thread gives back */
	/* shared */
	struct wake wake;
	struct thread thread;
	atomic_bool refresh;
};

static struct pattern *pattern_of(struct capture *c)
{
	return (struct pattern *)c;
}

static void pattern_release(struct frame *f, int fence_fd)
{
	struct pattern *p = f->owner;

	assert(fence_fd < 0); /* nobody reads memory with a GPU without waiting for it */
	slots_put(&p->slots, f->slot);
}

/* -1: none is free. */
static int take_slot(struct pattern *p)
{
	int slot = slots_take(&p->slots);

	while (slot < 0 && p->every && !thread_should_stop(&p->thread)) {
		clock_sleep_until(clock_ns() + SLOT_LOOK_NS);
		slot = slots_take(&p->slots);
	}
	return slot;
}

/* due_ns: when the picture was to be. */
static void draw_and_deliver(struct pattern *p, uint64_t number, uint64_t due_ns)
{
	const bool pq = p->kind == PAINT_PQ;
	int slot = take_slot(p);
	struct buffer *b;
	struct frame *f;

	if (slot < 0)
		return;
	b = &p->buffer[slot];
	f = &b->frame;
	if (!b->begun) {
		painter_begin(&p->painter, b->pixels, p->stride);
		b->begun = true;
	}
	painter_advance(&p->painter, b->pixels, p->stride, b->shows, number);
	b->shows = number;
	*f = (struct frame){
		.release = pattern_release,
		.owner = p,
		.refs = 1,
		.slot = (uint8_t)slot,
		.width = p->width,
		.height = p->height,
		.fourcc = pq ? FOURCC_XRGB2101010 : FOURCC_XRGB8888,
		.n_planes = 1,
		.modifier = MODIFIER_LINEAR,
		.buffer_id = (uint64_t)(uintptr_t)b->pixels,
		.plane = {{.fd = -1, .stride = p->stride}},
		.map = {b->pixels},
		.crop = {.w = p->width, .h = p->height},
		.colour = {.space = pq ? COLOUR_BT2020 : COLOUR_BT709, .full_range = true, .pq = pq},
		.acquire_fence = -1,
		.seq = number,
	};
	f->n_damage = (uint8_t)painter_damage(&p->painter, p->delivered, number, f->damage);
	p->delivered = number;
	f->t.captured = p->every ? due_ns : clock_ns();
	pattern_draw(b->pixels, p->stride, p->width, p->height,
		     &(struct pattern_mark){.frame = (uint32_t)number,
					    .time_us = f->t.captured / NS_PER_US & PATTERN_TIME_MAX});
	p->base.ev->frame(p->base.ctx, f);
}

/* Frame times without drift: whole nanoseconds and the remainder that they leave. */
struct schedule {
	uint64_t next_ns, step_ns;
	uint32_t step_rest, rest, per; /* in 1/per ns */
};

static void schedule_advance(struct schedule *s)
{
	s->next_ns += s->step_ns;
	s->rest += s->step_rest;
	if (s->rest >= s->per) {
		s->rest -= s->per;
		s->next_ns++;
	}
}

static void pattern_thread(void *arg)
{
	struct pattern *p = arg;
	const uint64_t per_1000s = 1000 * NS_PER_S;
	struct schedule tick = {
		.step_ns = per_1000s / p->fps_mhz,
		.step_rest = (uint32_t)(per_1000s % p->fps_mhz),
		.per = p->fps_mhz,
	};
	bool first = true;

	thread_try_realtime();
	if (!p->painter_ready) {
		int err = painter_init(&p->painter, p->kind, p->width, p->height);

		if (err) {
			p->base.ev->lost(p->base.ctx, err);
			return;
		}
		p->painter_ready = true;
	}
	tick.next_ns = clock_ns();
	while (!thread_should_stop(&p->thread)) {
		uint64_t now = clock_ns();
		bool again = atomic_exchange_explicit(&p->refresh, false, memory_order_acquire);
		bool due = p->kind == PAINT_STILL ? first : now >= tick.next_ns;

		if (due) {
			uint64_t at = tick.next_ns;

			while (p->kind != PAINT_STILL && !p->every && now > tick.next_ns + LATE_TICKS * tick.step_ns) {
				schedule_advance(&tick);
				p->number++;
			}
			schedule_advance(&tick);
			draw_and_deliver(p, p->number++, at);
			first = false;
			continue;
		}
		/* The pictures that move come soon enough by themselves. */
		if (again && p->kind == PAINT_STILL) {
			draw_and_deliver(p, p->number++, now);
			continue;
		}
		wake_wait(&p->wake, p->kind == PAINT_STILL ? NS_NEVER : tick.next_ns);
	}
}

static int pattern_probe(const struct capture_params *params)
{
	enum paint_kind kind;

	return paint_kind_parse(params->pattern, &kind) ? -ENOTSUP : 0;
}

static int pattern_open(struct capture *c, const struct capture_params *params)
{
	struct pattern *p = pattern_of(c);
	void *mem;
	int err;

	if (params->width < VIDEO_DIM_MIN || params->width > VIDEO_DIM_MAX || params->height < VIDEO_DIM_MIN ||
	    params->height > VIDEO_DIM_MAX || params->fps_mhz < VIDEO_FPS_MIN * 1000 ||
	    params->fps_mhz > VIDEO_FPS_MAX * 1000)
		return -EINVAL;
	err = paint_kind_parse(params->pattern, &p->kind);
	if (err)
		return err;
	p->width = params->width;
	p->height = params->height;
	p->fps_mhz = params->fps_mhz;
	p->stride = (params->width * 4 + 63) & ~63u;
	p->buffer_size = ((size_t)p->stride * params->height + 4095) & ~(size_t)4095;
	err = wake_init(&p->wake);
	if (err)
		goto fail;
	/* Pages that are never drawn to cost nothing: as long as readers are quick, two buffers are
	 * in use. */
	mem = mmap(NULL, p->buffer_size * BUFFERS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1, 0);
	if (mem == MAP_FAILED) {
		err = -errno;
		goto fail;
	}
	for (unsigned i = 0; i < BUFFERS; i++) {
		p->buffer[i].pixels = (uint8_t *)mem + i * p->buffer_size;
		p->buffer[i].shows = PAINT_FRESH;
	}
	slots_init(&p->slots, BUFFERS);
	p->every = params->every;
	/* Drawing needs one, for which it may wait; nothing else does. */
	p->base.held_max = p->every ? BUFFERS : BUFFERS - 1;
	return 0;
fail:
	log_errno(err, "the pattern's buffers");
	wake_finish(&p->wake);
	return err;
}

static int pattern_start(struct capture *c)
{
	struct pattern *p = pattern_of(c);
	int err;

	p->delivered = PAINT_FRESH;
	atomic_store(&p->refresh, false);
	err = thread_start(&p->thread, "pattern", pattern_thread, p);
	if (err)
		log_errno(err, "the pattern's thread");
	return err;
}

static void pattern_stop(struct capture *c)
{
	struct pattern *p = pattern_of(c);

	thread_stop(&p->thread);
	wake_poke(&p->wake);
	thread_join(&p->thread);
}

static void pattern_refresh(struct capture *c)
{
	struct pattern *p = pattern_of(c);

	atomic_store_explicit(&p->refresh, true, memory_order_release);
	wake_poke(&p->wake);
}

static unsigned pattern_held(struct capture *c)
{
	return slots_out(&pattern_of(c)->slots);
}

static void pattern_close(struct capture *c)
{
	struct pattern *p = pattern_of(c);

	assert(!pattern_held(c));
	painter_finish(&p->painter);
	munmap(p->buffer[0].pixels, p->buffer_size * BUFFERS);
	wake_finish(&p->wake);
}

const struct capture_ops capture_pattern = {
	.name = "pattern",
	.help = "moving test picture of any size and rate, drawn by the daemon itself",
	.size = sizeof(struct pattern),
	.probe = pattern_probe,
	.open = pattern_open,
	.start = pattern_start,
	.stop = pattern_stop,
	.refresh = pattern_refresh,
	.held = pattern_held,
	.close = pattern_close,
};
