// SPDX-License-Identifier: GPL-3.0-or-later
#include "movie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "encode/conversion_queue.h"
#include "encode/picture.h"
#include "media/frame.h"

#define LOG_MODULE "movie"
#include "base/log.h"

#define STASH_BYTES (512u << 20) /* of pictures that wait to be written */
#define STASH_MAX   256u
#define STASH_MIN   4u

struct movie {
	/* constant */
	struct movie_params p;
	/* source -> convert -> write, and pictures back */
	struct frame_link link;
	struct ring frames, ready, idle;
	struct wake convert_wake, write_wake;
	struct thread convert, write;
	atomic_bool converted; /* nothing more comes */
	/* convert thread */
	struct conversion_queue queue;
	struct picture picture[STASH_MAX];
	struct picture *spare; /* taken and not used */
	unsigned n_pictures, max_pictures;
	uint16_t width, height;
	uint64_t last_seq;
	/* write thread */
	struct movie_file *file;
	/* anyone reads */
	_Atomic uint64_t frames_written, taken, gaps, unusable, first_ns;
	atomic_bool over, waits;
	atomic_int err;
};

/* --- convert thread --- */

/* One that is free, or NULL. */
static struct picture *take_picture(struct movie *m)
{
	struct picture *p = m->spare ? m->spare : ring_pop(&m->idle);

	m->spare = NULL;
	if (p || m->n_pictures == m->max_pictures)
		return p;
	p = &m->picture[m->n_pictures];
	if (picture_init(p, m->width, m->height, COLOUR_BT709, false) < 0) {
		/* What there is must do. */
		m->max_pictures = m->n_pictures;
		return NULL;
	}
	m->n_pictures++;
	return p;
}

/* Waits for one: all that are written come back, also when writing has failed. */
static struct picture *wait_picture(struct movie *m)
{
	struct picture *p;

	while (!(p = take_picture(m))) {
		atomic_store(&m->waits, true);
		wake_wait(&m->convert_wake, NS_NEVER);
	}
	atomic_store(&m->waits, false);
	return p;
}

/* With the first picture; -ENOMEM. */
static int begin(struct movie *m, const struct frame *f)
{
	struct rect visible = frame_visible(f);
	/* Odd values of enum transform are quarter turns. */
	uint32_t w = f->transform & 1 ? visible.h : visible.w, h = f->transform & 1 ? visible.w : visible.h;
	size_t size;

	m->width = m->p.width ? m->p.width : (uint16_t)((w > VIDEO_DIM_MAX ? VIDEO_DIM_MAX : w < 2 ? 2 : w) & ~1u);
	m->height = m->p.height ? m->p.height : (uint16_t)((h > VIDEO_DIM_MAX ? VIDEO_DIM_MAX : h < 2 ? 2 : h) & ~1u);
	size = (size_t)m->width * m->height * 3 / 2;
	m->max_pictures = STASH_BYTES / size > STASH_MAX ? STASH_MAX : (unsigned)(STASH_BYTES / size);
	if (m->max_pictures < STASH_MIN)
		m->max_pictures = STASH_MIN;
	m->spare = take_picture(m);
	if (!m->spare)
		return -ENOMEM;
	conversion_queue_init(&m->queue, m->p.convert, m->spare);
	return 0;
}

static void count(struct movie *m, const struct frame *f)
{
	if (atomic_load(&m->taken) && f->seq > m->last_seq + 1)
		atomic_fetch_add(&m->gaps, f->seq - m->last_seq - 1);
	m->last_seq = f->seq;
	atomic_fetch_add(&m->taken, 1);
}

/* The oldest that is under way becomes p and goes to be written. False: it is not ready. */
static bool take_one(struct movie *m, struct picture *p, bool wait)
{
	int rc = conversion_queue_take(&m->queue, p, wait);

	if (rc == 0) {
		ring_push(&m->ready, p);
		wake_poke(&m->write_wake);
		return true;
	}
	m->spare = p;
	if (rc == -EAGAIN)
		return false;
	atomic_fetch_add(&m->unusable, 1);
	return true;
}

/* Several are under way as long as frames are there. Where pictures are missing the queue puts some aside for a
 * while. */
static void convert(struct movie *m, struct frame *f)
{
	struct picture *p = conversion_queue_busy(&m->queue) ? take_picture(m) : NULL;
	int rc;

	if (p)
		take_one(m, p, true);
	while ((rc = conversion_queue_put(&m->queue, f)) == -ENOBUFS)
		take_one(m, wait_picture(m), true);
	if (rc < 0)
		atomic_fetch_add(&m->unusable, 1);
	do
		p = take_picture(m);
	while (p && take_one(m, p, false));
}

static void convert_one(struct movie *m, struct frame *f)
{
	uint64_t at = f->t.captured ? f->t.captured : clock_ns();
	int rc;

	if (atomic_load(&m->err))
		return;
	if (!m->width) {
		rc = begin(m, f);
		if (rc < 0) {
			atomic_store(&m->err, rc);
			return;
		}
		atomic_store(&m->first_ns, at);
	}
	if (at - atomic_load(&m->first_ns) >= m->p.length_ns && at >= atomic_load(&m->first_ns))
		atomic_store(&m->over, true);
	if (atomic_load(&m->over))
		return;
	count(m, f);
	convert(m, f);
}

static void run_convert(void *arg)
{
	struct movie *m = arg;

	for (;;) {
		/* Before the look: what was given until then is seen. */
		bool stop = thread_should_stop(&m->convert);
		uint64_t again = conversion_queue_tend(&m->queue);
		struct frame *f = ring_pop(&m->frames);

		if (f) {
			convert_one(m, f);
			frame_unref(f, -1);
		} else if (conversion_queue_pending(&m->queue)) {
			/* The source may stand still now. */
			take_one(m, wait_picture(m), true);
		} else if (stop) {
			break;
		} else {
			wake_wait(&m->convert_wake, again);
		}
	}
	conversion_queue_finish(&m->queue);
	atomic_store(&m->converted, true);
	wake_poke(&m->write_wake);
}

/* --- write thread --- */

static void run_write(void *arg)
{
	struct movie *m = arg;

	for (;;) {
		bool last = atomic_load(&m->converted);
		struct picture *p = ring_pop(&m->ready);
		int rc;

		if (p) {
			rc = atomic_load(&m->err) ? 0 : movie_file_put(m->file, p);
			if (rc < 0)
				atomic_store(&m->err, rc);
			atomic_store(&m->frames_written, movie_file_frames(m->file));
			ring_push(&m->idle, p);
			wake_poke(&m->convert_wake);
		} else if (last) {
			return;
		} else {
			wake_wait(&m->write_wake, NS_NEVER);
		}
	}
}

/* --- main thread --- */

static void movie_free(struct movie *m)
{
	struct frame *f;

	while (m->frames.slot && (f = ring_pop(&m->frames)))
		frame_unref(f, -1);
	for (unsigned i = 0; i < m->n_pictures; i++)
		picture_finish(&m->picture[i]);
	ring_finish(&m->frames);
	ring_finish(&m->ready);
	ring_finish(&m->idle);
	wake_finish(&m->convert_wake);
	wake_finish(&m->write_wake);
	free(m);
}

static int start_threads(struct movie *m)
{
	int err = thread_start(&m->write, "write", run_write, m);

	if (!err)
		err = thread_start(&m->convert, "convert", run_convert, m);
	if (err && m->write.running) {
		atomic_store(&m->converted, true);
		wake_poke(&m->write_wake);
		thread_join(&m->write);
	}
	return err;
}

int movie_start(struct movie **out, const char *path, const struct movie_params *p)
{
	struct movie *m = aligned_alloc(64, (sizeof(*m) + 63) / 64 * 64);
	int err;

	*out = NULL;
	if (!m)
		return -ENOMEM;
	memset(m, 0, sizeof(*m));
	m->p = *p;
	m->convert_wake.fd = m->write_wake.fd = -1;
	m->link.every = &m->frames;
	m->link.wake = &m->convert_wake;
	err = ring_init(&m->frames, FRAME_RING_CAPACITY);
	if (!err)
		err = ring_init(&m->ready, STASH_MAX);
	if (!err)
		err = ring_init(&m->idle, STASH_MAX);
	if (!err)
		err = wake_init(&m->convert_wake);
	if (!err)
		err = wake_init(&m->write_wake);
	if (!err)
		err = movie_file_create(&m->file, path, &p->file);
	if (!err)
		err = start_threads(m);
	if (err) {
		movie_file_close(m->file);
		movie_free(m);
		return err;
	}
	*out = m;
	return 0;
}

struct frame_link *movie_link(struct movie *m)
{
	return &m->link;
}

struct movie_state movie_state(struct movie *m)
{
	return (struct movie_state){
		.frames = atomic_load(&m->frames_written),
		.taken = atomic_load(&m->taken),
		.gaps = atomic_load(&m->gaps),
		.unusable = atomic_load(&m->unusable),
		.first_ns = atomic_load(&m->first_ns),
		.waits = atomic_load(&m->waits),
		.over = atomic_load(&m->over),
		.err = atomic_load(&m->err),
	};
}

void movie_stop(struct movie *m, struct movie_state *end)
{
	int err;

	if (!m)
		return;
	thread_stop(&m->convert);
	wake_poke(&m->convert_wake);
	thread_join(&m->convert);
	thread_join(&m->write);
	err = movie_file_close(m->file);
	*end = movie_state(m);
	end->unsaved = err < 0;
	if (!end->err)
		end->err = err;
	movie_free(m);
}
