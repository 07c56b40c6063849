// SPDX-License-Identifier: GPL-3.0-or-later
#include "session_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"

#define WORD_MAX   20u
#define HEAD_LINES 4u

/* The rest of a line. The error is sticky: a line is read straight through and asked once. */
struct fields {
	const char *p, *end;
	bool err;
};

struct parser {
	struct session_file *f;
	struct session_error *e;
	size_t room_units, room_events;
	uint64_t unit_ns, event_ns, tick_ns; /* of the last */
	const char *why_rate, *why_ceiling, *why_fec;
};

/* Up to the next space or the end. */
static struct fields next_word(struct fields *l)
{
	struct fields w = {.p = l->p, .end = l->p};

	while (w.end < l->end && *w.end != ' ')
		w.end++;
	if (w.p == w.end)
		l->err = true;
	/* A space that nothing follows leaves an empty word for whoever asks, and line_done() sees it. */
	l->p = w.end;
	if (w.end < l->end)
		l->p++;
	if (w.end < l->end && l->p == l->end)
		l->err = true;
	return w;
}

static bool word_is(const struct fields *w, const char *text)
{
	return (size_t)(w->end - w->p) == strlen(text) && memcmp(w->p, text, strlen(text)) == 0;
}

/* A number from min to max; 0 and an error else. No sign, no leading zero. */
static uint64_t number(struct fields *l, uint64_t min, uint64_t max)
{
	struct fields w = next_word(l);
	size_t len = (size_t)(w.end - w.p);
	uint64_t v = 0;

	if (!len || len > WORD_MAX || (len > 1 && *w.p == '0'))
		l->err = true;
	for (; !l->err && w.p < w.end; w.p++) {
		if (*w.p < '0' || *w.p > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*w.p - '0'), &v))
			l->err = true;
	}
	if (v < min || v > max)
		l->err = true;
	return l->err ? 0 : v;
}

static uint32_t u32(struct fields *l, uint32_t min, uint32_t max)
{
	return (uint32_t)number(l, min, max);
}

static bool flag(struct fields *l)
{
	return number(l, 0, 1);
}

static bool line_done(const struct fields *l)
{
	return !l->err && l->p == l->end;
}

static int wrong(struct parser *p, const char *text)
{
	p->e->text = text;
	return -EINVAL;
}

/* --- the head --- */

static int head_version(struct parser *p, struct fields *l)
{
	if (number(l, 0, UINT32_MAX) != RECORD_VERSION || !line_done(l))
		return wrong(p, "not a recorded session of this version");
	return 0;
}

static int head_video(struct parser *p, struct fields *l)
{
	struct video_params *v = &p->f->stream.video;
	struct fields codec = next_word(l);
	int c = CODEC_H264;

	while (c <= CODEC_AV1 && !word_is(&codec, codec_name((enum codec)c)))
		c++;
	v->codec = (enum codec)c;
	v->width = (uint16_t)number(l, VIDEO_DIM_MIN, VIDEO_DIM_MAX);
	v->height = (uint16_t)number(l, VIDEO_DIM_MIN, VIDEO_DIM_MAX);
	v->fps_mhz = u32(l, VIDEO_FPS_MIN * 1000, VIDEO_FPS_MAX * 1000);
	v->slices = (uint8_t)number(l, 1, VIDEO_SLICES_MAX);
	v->packet_size = (uint16_t)number(l, VIDEO_PACKET_SIZE_MIN, VIDEO_PACKET_SIZE_MAX);
	v->fec_percent = (uint8_t)number(l, 0, UINT8_MAX);
	v->fec_min = (uint8_t)number(l, 0, UINT8_MAX);
	v->encrypt = flag(l);
	v->rfi = flag(l);
	return c > CODEC_AV1 || v->packet_size % 16 || !line_done(l) ? wrong(p, "no such stream") : 0;
}

static int head_rate(struct parser *p, struct fields *l)
{
	struct record_stream *s = &p->f->stream;

	s->video.configured_kbps = u32(l, VIDEO_KBPS_MIN, VIDEO_KBPS_MAX);
	s->video.encoder_kbps = u32(l, 1, VIDEO_KBPS_MAX);
	s->audio_kbps = u32(l, 0, SESSION_AUDIO_MAX);
	s->floor_kbps = u32(l, VIDEO_KBPS_MIN, VIDEO_KBPS_MAX);
	s->pacing_percent = u32(l, 101, 1000);
	return line_done(l) ? 0 : wrong(p, "no such rate");
}

static int head_pinned(struct parser *p, struct fields *l)
{
	struct record_stream *s = &p->f->stream;

	s->pin_fec = flag(l);
	s->pin_rate = flag(l);
	s->pin_ceiling = flag(l);
	s->fixed_blocks = flag(l);
	return line_done(l) ? 0 : wrong(p, "not four times 0 or 1");
}

/* --- events --- */

static int grow(struct parser *p, struct record_event **list, size_t n, size_t *room, size_t most)
{
	struct record_event *more;
	size_t want = *room ? 2 * *room : 256;

	if (n < *room)
		return 0;
	if (n >= most)
		return wrong(p, "more events than a recording has");
	more = realloc(*list, want * sizeof(**list));
	if (!more)
		return -ENOMEM;
	*list = more;
	*room = want;
	return 0;
}

static int add_unit(struct parser *p, struct fields *l)
{
	struct session_file *f = p->f;
	struct record_event e = {.kind = RECORD_UNIT};
	int err;

	e.at_ns = number(l, p->unit_ns, RECORD_TIME_MAX);
	e.unit.age_ns = number(l, 0, RECORD_TIME_MAX);
	e.unit.frame = u32(l, 1, UINT32_MAX);
	e.unit.epoch = u32(l, 0, INT32_MAX);
	e.unit.len = u32(l, 0, RECORD_UNIT_MAX);
	e.unit.expected = u32(l, 0, RECORD_UNIT_MAX);
	e.unit.flags = (uint8_t)number(l, 0, RECORD_UNIT_FLAGS);
	if (!line_done(l) || !e.unit.len != !!(e.unit.flags & RECORD_BROKEN))
		return wrong(p, "no such unit, or earlier than the one before it");
	err = grow(p, &f->unit, f->n_units, &p->room_units, SESSION_UNITS_MAX);
	if (err)
		return err;
	p->unit_ns = e.at_ns;
	f->unit[f->n_units++] = e;
	return 0;
}

static void read_block(struct fields *l, struct record_block *b)
{
	b->frame = u32(l, 0, UINT32_MAX);
	b->block = (uint8_t)number(l, 0, UINT8_MAX);
	b->blocks = (uint8_t)number(l, 0, UINT8_MAX);
	b->data = (uint16_t)number(l, 0, UINT16_MAX);
	b->parity = (uint16_t)number(l, 0, UINT16_MAX);
	b->received_data = (uint16_t)number(l, 0, UINT16_MAX);
	b->received_parity = (uint16_t)number(l, 0, UINT16_MAX);
	b->missing_before_highest = (uint16_t)number(l, 0, UINT16_MAX);
}

static void read_tick(struct parser *p, struct fields *l, struct record_tick *t)
{
	t->blocks = number(l, 0, INT64_MAX);
	t->data = number(l, 0, INT64_MAX);
	t->parity = number(l, 0, INT64_MAX);
	t->packets = number(l, 0, INT64_MAX);
	t->bytes = number(l, 0, INT64_MAX);
	t->dropped = number(l, 0, INT64_MAX);
	t->rtt_us = u32(l, 0, RECORD_RTT_MAX);
	t->wire_kbps = u32(l, 1, SESSION_ORDER_MAX);
	t->encoder_kbps = u32(l, 1, SESSION_ORDER_MAX);
	t->ceiling_kbps = u32(l, 1, UINT32_MAX);
	for (unsigned c = 0; c < FRAME_CLASSES; c++)
		t->fec_percent[c] = (uint8_t)number(l, 0, UINT8_MAX);
	t->whole = flag(l);
	t->why_rate = p->why_rate;
	t->why_ceiling = p->why_ceiling;
	t->why_fec = p->why_fec;
}

/* A turn of the control thread counts from its beginning: what was noted in it before the tick is of that time. */
static void turn_begins(struct parser *p, uint64_t at_ns)
{
	struct session_file *f = p->f;

	for (size_t i = f->n_events; i && f->event[i - 1].at_ns > at_ns; i--)
		f->event[i - 1].at_ns = at_ns;
}

static int add_event(struct parser *p, struct fields *l, enum record_kind kind)
{
	struct session_file *f = p->f;
	struct record_event e = {.kind = kind};
	int err;

	e.at_ns = number(l, kind != RECORD_TICK ? p->event_ns : p->tick_ns ? p->tick_ns + 1 : 0, RECORD_TIME_MAX);
	if (kind == RECORD_BLOCK)
		read_block(l, &e.block);
	if (kind == RECORD_TICK)
		read_tick(p, l, &e.tick);
	if (kind == RECORD_LOST) {
		e.lost.first = u32(l, 0, UINT32_MAX);
		e.lost.last = u32(l, e.lost.first, UINT32_MAX);
	}
	if (kind == RECORD_ACK)
		e.acked = u32(l, 0, UINT32_MAX);
	if (kind == RECORD_SILENCE)
		e.silent = flag(l);
	if (!line_done(l))
		return wrong(p, "no such event, or earlier than it can be");
	err = grow(p, &f->event, f->n_events, &p->room_events, SESSION_EVENTS_MAX);
	if (err)
		return err;
	if (kind == RECORD_TICK) {
		p->tick_ns = e.at_ns;
		turn_begins(p, e.at_ns);
	}
	p->event_ns = e.at_ns;
	f->event[f->n_events++] = e;
	return 0;
}

/* Reasons are few: each is kept once. NULL: no room, or not one. */
static const char *intern(struct session_file *f, const struct fields *text)
{
	size_t len = (size_t)(text->end - text->p);

	if (!len || len > RECORD_WHY_MAX)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (text->p[i] < ' ' || text->p[i] > '~')
			return NULL;
	for (unsigned i = 0; i < f->n_whys; i++)
		if (word_is(text, f->why[i]))
			return f->why[i];
	if (f->n_whys == SESSION_WHYS_MAX)
		return NULL;
	memcpy(f->why[f->n_whys], text->p, len);
	return f->why[f->n_whys++];
}

static int note_why(struct parser *p, struct fields *l)
{
	struct fields what;
	const char *why, **where;

	number(l, 0, RECORD_TIME_MAX);
	what = next_word(l);
	where = word_is(&what, "rate")      ? &p->why_rate
		: word_is(&what, "ceiling") ? &p->why_ceiling
		: word_is(&what, "parity")  ? &p->why_fec
					    : NULL;
	why = where && !l->err ? intern(p->f, l) : NULL;
	if (!why)
		return wrong(p, "no such reason, or too many of them");
	*where = why;
	return 0;
}

static int note_missed(struct parser *p, struct fields *l)
{
	p->f->missed = u32(l, p->f->missed, UINT32_MAX);
	return line_done(l) ? 0 : wrong(p, "not a number of events");
}

static int body_line(struct parser *p, struct fields *l)
{
	static const struct {
		const char *word;
		enum record_kind kind;
	} events[] = {{"block", RECORD_BLOCK}, {"tick", RECORD_TICK}, {"lost", RECORD_LOST},
		      {"idr", RECORD_IDR},     {"ack", RECORD_ACK},   {"silent", RECORD_SILENCE}};
	struct fields word = next_word(l);

	if (p->f->complete)
		return wrong(p, "something after the end");
	if (word_is(&word, "unit"))
		return add_unit(p, l);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (word_is(&word, events[i].word))
			return add_event(p, l, events[i].kind);
	if (word_is(&word, "why"))
		return note_why(p, l);
	if (word_is(&word, "missed"))
		return note_missed(p, l);
	if (!word_is(&word, "end") || l->p != l->end)
		return wrong(p, "unknown line");
	p->f->complete = true;
	return 0;
}

static int parse_line(struct parser *p, struct fields *l)
{
	static const struct {
		const char *word;
		int (*read)(struct parser *p, struct fields *l);
	} head[HEAD_LINES] = {{"moonrill-session", head_version},
			      {"video", head_video},
			      {"rate", head_rate},
			      {"pinned", head_pinned}};
	struct fields word;
	unsigned n = p->e->line - 1;

	if (n >= HEAD_LINES)
		return body_line(p, l);
	word = next_word(l);
	return word_is(&word, head[n].word) ? head[n].read(p, l) : wrong(p, "not the head of a recorded session");
}

int session_file_parse(struct session_file *f, const char *text, size_t len, struct session_error *e)
{
	struct parser p = {.f = f, .e = e, .why_rate = "", .why_ceiling = "", .why_fec = ""};
	const char *at = text, *end = text + len, *nl;
	int err = 0;

	*f = (struct session_file){0};
	*e = (struct session_error){0};
	if (len > SESSION_FILE_MAX)
		err = wrong(&p, "longer than a recording gets");
	/* A daemon that was killed leaves half a line: all before it counts. */
	while (!err && at < end && (nl = memchr(at, '\n', (size_t)(end - at)))) {
		e->line++;
		err = parse_line(&p, &(struct fields){.p = at, .end = nl});
		at = nl + 1;
	}
	if (!err && e->line < HEAD_LINES)
		err = wrong(&p, "no recorded session");
	if (err)
		session_file_free(f);
	return err;
}

int session_file_load(struct session_file *f, const char *path, struct session_error *e)
{
	struct buf b;
	int err;

	*f = (struct session_file){0};
	*e = (struct session_error){.text = "cannot be read"};
	buf_init(&b, SESSION_FILE_MAX);
	err = fs_read(path, &b);
	if (!err)
		err = session_file_parse(f, buf_cstr(&b), b.len, e);
	buf_finish(&b);
	return err;
}

void session_file_free(struct session_file *f)
{
	free(f->unit);
	free(f->event);
	*f = (struct session_file){0};
}
