// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ring.h"
#include "media/au.h"

#define LOG_MODULE "record"
#include "base/log.h"

/* Main may be busy with a disk for a second: 500 frames of a few units, or a client that reports as fast as it can. */
#define UNIT_SLOTS  2048u
#define EVENT_SLOTS 512u

/* What one thread notes. */
struct lane {
	struct ring idle, noted;
	struct record_event *slot;
	atomic_uint missed;
};

struct record {
	/* constant */
	uint64_t start_ns;
	struct lane units, events;
	/* main */
	FILE *file;
	long bytes, whole; /* put; known to be in the file */
	unsigned missed_told;
	const char *why_rate, *why_ceiling, *why_fec; /* written last */
};

/* --- hot threads --- */

static struct record_event *note(struct record *r, struct lane *l, enum record_kind kind, uint64_t now_ns)
{
	struct record_event *e = ring_pop(&l->idle);

	if (!e) {
		atomic_fetch_add_explicit(&l->missed, 1, memory_order_relaxed);
		return NULL;
	}
	e->kind = kind;
	e->at_ns = now_ns > r->start_ns ? now_ns - r->start_ns : 0;
	return e;
}

static void noted(struct lane *l, struct record_event *e)
{
	ring_push(&l->noted, e); /* has room for every slot */
}

void record_unit(struct record *r, const struct au *a)
{
	struct record_event *e = r ? note(r, &r->units, RECORD_UNIT, a->t.encoded) : NULL;

	if (!e)
		return;
	e->unit = (struct record_unit){
		.age_ns = a->t.captured && a->t.captured < a->t.encoded ? a->t.encoded - a->t.captured : 0,
		.frame = a->frame_no,
		.epoch = a->epoch,
		.len = (uint32_t)a->len,
		.expected = a->last ? 0 : (uint32_t)a->expected,
		.flags = (uint8_t)((a->first ? RECORD_FIRST : 0) | (a->last ? RECORD_LAST : 0) |
				   (a->broken ? RECORD_BROKEN : 0) | (a->key ? RECORD_KEY : 0) |
				   (a->after_rfi ? RECORD_RECOVERY : 0) | (a->ltr ? RECORD_MARKED : 0) |
				   (a->repeat ? RECORD_REPEAT : 0)),
	};
	noted(&r->units, e);
}

void record_block(struct record *r, const struct record_block *b, uint64_t now_ns)
{
	struct record_event *e = r ? note(r, &r->events, RECORD_BLOCK, now_ns) : NULL;

	if (!e)
		return;
	e->block = *b;
	noted(&r->events, e);
}

void record_tick(struct record *r, const struct record_tick *t, uint64_t now_ns)
{
	struct record_event *e = r ? note(r, &r->events, RECORD_TICK, now_ns) : NULL;

	if (!e)
		return;
	e->tick = *t;
	noted(&r->events, e);
}

void record_lost(struct record *r, uint32_t first, uint32_t last, uint64_t now_ns)
{
	struct record_event *e = r ? note(r, &r->events, RECORD_LOST, now_ns) : NULL;

	if (!e)
		return;
	e->lost.first = first;
	e->lost.last = last;
	noted(&r->events, e);
}

void record_idr(struct record *r, uint64_t now_ns)
{
	struct record_event *e = r ? note(r, &r->events, RECORD_IDR, now_ns) : NULL;

	if (e)
		noted(&r->events, e);
}

void record_ack(struct record *r, uint32_t frame, uint64_t now_ns)
{
	struct record_event *e = r ? note(r, &r->events, RECORD_ACK, now_ns) : NULL;

	if (!e)
		return;
	e->acked = frame;
	noted(&r->events, e);
}

void record_silence(struct record *r, bool silent, uint64_t now_ns)
{
	struct record_event *e = r ? note(r, &r->events, RECORD_SILENCE, now_ns) : NULL;

	if (!e)
		return;
	e->silent = silent;
	noted(&r->events, e);
}

/* --- main --- */

static void put(struct record *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct record *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!r->file)
		return;
	va_start(ap, fmt);
	n = vfprintf(r->file, fmt, ap);
	va_end(ap);
	r->bytes += n > 0 ? n : 0;
}

static void put_why(struct record *r, uint64_t at_ns, const char *what, const char **last, const char *why)
{
	if (!why || why == *last)
		return;
	*last = why;
	put(r, "why %" PRIu64 " %s %s\n", at_ns, what, why);
}

static void put_event(struct record *r, const struct record_event *e)
{
	const struct record_unit *u = &e->unit;
	const struct record_block *b = &e->block;
	const struct record_tick *t = &e->tick;

	switch (e->kind) {
	case RECORD_UNIT:
		put(r, "unit %" PRIu64 " %" PRIu64 " %u %u %u %u %u\n", e->at_ns, u->age_ns, u->frame, u->epoch, u->len,
		    u->expected, u->flags);
		break;
	case RECORD_BLOCK:
		put(r, "block %" PRIu64 " %u %u %u %u %u %u %u %u\n", e->at_ns, b->frame, b->block, b->blocks, b->data,
		    b->parity, b->received_data, b->received_parity, b->missing_before_highest);
		break;
	case RECORD_TICK:
		put_why(r, e->at_ns, "rate", &r->why_rate, t->why_rate);
		put_why(r, e->at_ns, "ceiling", &r->why_ceiling, t->why_ceiling);
		put_why(r, e->at_ns, "parity", &r->why_fec, t->why_fec);
		put(r,
		    "tick %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		    " %u %u %u %u %u %u %u %u\n",
		    e->at_ns, t->blocks, t->data, t->parity, t->packets, t->bytes, t->dropped, t->rtt_us, t->wire_kbps,
		    t->encoder_kbps, t->ceiling_kbps, t->fec_percent[FRAME_ORDINARY], t->fec_percent[FRAME_MARKED],
		    t->fec_percent[FRAME_VITAL], t->whole);
		break;
	case RECORD_LOST:
		put(r, "lost %" PRIu64 " %u %u\n", e->at_ns, e->lost.first, e->lost.last);
		break;
	case RECORD_IDR:
		put(r, "idr %" PRIu64 "\n", e->at_ns);
		break;
	case RECORD_ACK:
		put(r, "ack %" PRIu64 " %u\n", e->at_ns, e->acked);
		break;
	case RECORD_SILENCE:
		put(r, "silent %" PRIu64 " %u\n", e->at_ns, e->silent);
		break;
	case RECORD_KINDS:
		break;
	}
}

static void drain_lane(struct record *r, struct lane *l)
{
	struct record_event *e;

	while ((e = ring_pop(&l->noted))) {
		put_event(r, e);
		ring_push(&l->idle, e);
	}
}

/* What is in the file stays good for as far as it goes: it says itself that it has no end. What may be there in part or
 * with a hole is cut off. */
static void give_up(struct record *r, int err)
{
	log_errno(err, "the recording ends after %ld bytes", r->whole);
	__fpurge(r->file);
	if (ftruncate(fileno(r->file), r->whole) < 0)
		log_errno(errno, "its last line is broken");
	fclose(r->file);
	r->file = NULL;
}

static void flush(struct record *r)
{
	errno = EIO; /* an earlier write's, of which nothing else is known */
	if (fflush(r->file) || ferror(r->file))
		give_up(r, errno);
	else
		r->whole = r->bytes;
}

void record_drain(struct record *r)
{
	unsigned missed;

	if (!r)
		return;
	drain_lane(r, &r->units);
	drain_lane(r, &r->events);
	missed = atomic_load_explicit(&r->units.missed, memory_order_relaxed) +
		 atomic_load_explicit(&r->events.missed, memory_order_relaxed);
	if (missed != r->missed_told)
		put(r, "missed %u\n", missed);
	r->missed_told = missed;
	if (r->file)
		flush(r);
	if (r->file && r->bytes > RECORD_BYTES_MAX)
		give_up(r, EFBIG);
}

static void put_stream(struct record *r, const struct record_stream *s)
{
	const struct video_params *v = &s->video;

	put(r, "moonrill-session %u\n", RECORD_VERSION);
	put(r, "video %s %u %u %u %u %u %u %u %u %u\n", codec_name(v->codec), v->width, v->height, v->fps_mhz,
	    v->slices, v->packet_size, v->fec_percent, v->fec_min, v->encrypt, v->rfi);
	put(r, "rate %u %u %u %u %u\n", v->configured_kbps, v->encoder_kbps, s->audio_kbps, s->floor_kbps,
	    s->pacing_percent);
	put(r, "pinned %u %u %u %u\n", s->pin_fec, s->pin_rate, s->pin_ceiling, s->fixed_blocks);
}

static int lane_init(struct lane *l, unsigned slots)
{
	int err;

	l->slot = calloc(slots, sizeof(*l->slot));
	if (!l->slot)
		return -ENOMEM;
	err = ring_init(&l->idle, slots);
	if (!err)
		err = ring_init(&l->noted, slots);
	for (unsigned i = 0; !err && i < slots; i++)
		ring_push(&l->idle, &l->slot[i]);
	return err;
}

static void lane_finish(struct lane *l)
{
	ring_finish(&l->idle);
	ring_finish(&l->noted);
	free(l->slot);
}

static void record_free(struct record *r)
{
	if (r->file)
		fclose(r->file);
	lane_finish(&r->units);
	lane_finish(&r->events);
	free(r);
}

int record_open(struct record **out, const char *path, const struct record_stream *s, uint64_t now_ns)
{
	struct record *r = aligned_alloc(64, (sizeof(*r) + 63) / 64 * 64);
	int fd, err;

	*out = NULL;
	if (!r)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	r->start_ns = now_ns;
	err = lane_init(&r->units, UNIT_SLOTS);
	if (!err)
		err = lane_init(&r->events, EVENT_SLOTS);
	if (err)
		goto fail;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
		goto fail;
	}
	r->file = fdopen(fd, "w");
	if (!r->file) {
		err = -errno;
		close(fd);
		goto fail;
	}
	put_stream(r, s);
	*out = r;
	return 0;
fail:
	record_free(r);
	return err;
}

void record_close(struct record *r)
{
	if (!r)
		return;
	record_drain(r);
	put(r, "end\n");
	if (r->file)
		flush(r);
	record_free(r);
}
