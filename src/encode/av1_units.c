// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/av1_units.h"

#include <errno.h>

#define LEB128_MAX     8u /* bytes, 4.10.5 */
#define SELECT         2u
#define ALL            0xffu
#define OURS           ((1u << REF_SLOTS) - 1)
#define FRAME_ID_MOST  16u /* bits, 6.4.1 */
#define POINTS_MOST    32u
#define POINT_IDC_BITS 12u

/* Most significant first; behind the end zeros, and err. */
struct bits {
	const uint8_t *p;
	size_t n, at; /* in bits */
	bool err;
};

static struct bits bits_init(const struct av1_unit *u)
{
	return (struct bits){.p = u->payload, .n = u->len * 8};
}

static uint32_t get(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	if (n > b->n - b->at) {
		b->err = true;
		b->at = b->n;
		return 0;
	}
	for (; n; n--, b->at++)
		v = v << 1 | (b->p[b->at / 8] >> (7 - b->at % 8) & 1u);
	return v;
}

static bool flag(struct bits *b)
{
	return get(b, 1);
}

int av1_walk_next(struct av1_walk *w, struct av1_unit *u)
{
	const uint8_t *at = w->p;
	uint64_t len = 0;
	bool more = true;

	if (at == w->end)
		return 1;
	if (*at & 0x81 || !(*at & 2))
		return -EPROTO;
	*u = (struct av1_unit){.type = *at >> 3 & 15, .start = at};
	at++;
	if (*u->start & 4 && at < w->end) /* temporal and spatial layer */
		at++;
	for (unsigned i = 0; more; i++, at++) {
		if (i == LEB128_MAX || at == w->end)
			return -EPROTO;
		len |= (uint64_t)(*at & 0x7f) << 7 * i;
		more = *at & 0x80;
	}
	if (len > (uint64_t)(w->end - at))
		return -EPROTO;
	u->payload = at;
	u->len = (size_t)len;
	u->size = (size_t)(at - u->start) + u->len;
	w->p = at + len;
	return 0;
}

static void skip_uvlc(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->err && zeros < 32 && !flag(b))
		zeros++;
	if (zeros < 32)
		get(b, zeros);
}

/* 5.5.3, 5.5.1; false: a decoder model, with which frame headers are longer. */
static bool read_points(struct bits *b)
{
	bool display_delay;
	unsigned n;

	if (flag(b)) {
		get(b, 32);
		get(b, 32);
		if (flag(b))
			skip_uvlc(b);
		if (flag(b))
			return false;
	}
	display_delay = flag(b);
	n = get(b, 5) + 1;
	for (unsigned i = 0; i < n && i < POINTS_MOST && !b->err; i++) {
		get(b, POINT_IDC_BITS);
		if (get(b, 5) > 7)
			flag(b);
		if (display_delay && flag(b))
			get(b, 4);
	}
	return true;
}

int av1_sequence_read(struct av1_sequence *s, const struct av1_unit *u)
{
	struct bits b = bits_init(u);
	unsigned wide, high;

	*s = (struct av1_sequence){.screen_content = SELECT, .integer_mv = SELECT};
	get(&b, 3);
	flag(&b);
	if (flag(&b) || !read_points(&b))
		return -EPROTO;
	wide = get(&b, 4) + 1;
	high = get(&b, 4) + 1;
	s->width = get(&b, wide) + 1;
	s->height = get(&b, high) + 1;
	s->frame_ids = flag(&b);
	if (s->frame_ids) {
		s->delta_id_bits = (uint8_t)(get(&b, 4) + 2);
		s->frame_id_bits = (uint8_t)(get(&b, 3) + s->delta_id_bits + 1);
	}
	get(&b, 3); /* superblocks, intra */
	get(&b, 4); /* inter */
	s->order_hint = flag(&b);
	if (s->order_hint)
		get(&b, 2);
	if (!flag(&b))
		s->screen_content = (uint8_t)get(&b, 1);
	if (s->screen_content && !flag(&b))
		s->integer_mv = (uint8_t)get(&b, 1);
	if (s->order_hint)
		s->order_hint_bits = (uint8_t)(get(&b, 3) + 1);
	if (b.err || s->frame_id_bits > FRAME_ID_MOST)
		return -EPROTO;
	s->known = true;
	return 0;
}

static void read_names(struct av1_frame_start *f, const struct av1_sequence *s, struct bits *b)
{
	for (unsigned i = 0; i < AV1_NAMES; i++) {
		f->name[i] = (uint8_t)get(b, 3);
		if (s->frame_ids)
			get(b, s->delta_id_bits);
	}
}

int av1_frame_read(struct av1_frame_start *f, const struct av1_sequence *s, const struct av1_unit *u)
{
	struct bits b = bits_init(u);
	bool intra;

	*f = (struct av1_frame_start){.primary = AV1_PRIMARY_NONE, .refresh = ALL, .error_resilient = true};
	if (flag(&b))
		return -EPROTO;
	f->type = (enum av1_frame_type)get(&b, 2);
	f->shown = flag(&b);
	if (!f->shown)
		flag(&b);
	if (f->type != AV1_SWITCH && !(f->type == AV1_KEY && f->shown))
		f->error_resilient = flag(&b);
	intra = f->type == AV1_KEY || f->type == AV1_INTRA_ONLY;
	flag(&b);
	if ((s->screen_content == SELECT ? flag(&b) : s->screen_content) && s->integer_mv == SELECT)
		flag(&b);
	if (s->frame_ids)
		get(&b, s->frame_id_bits);
	if (f->type != AV1_SWITCH)
		flag(&b);
	get(&b, s->order_hint_bits);
	if (!intra && !f->error_resilient)
		f->primary = (uint8_t)get(&b, 3);
	if (f->type != AV1_SWITCH && !(f->type == AV1_KEY && f->shown))
		f->refresh = (uint8_t)get(&b, AV1_SLOTS);
	if ((!intra || f->refresh != ALL) && f->error_resilient && s->order_hint)
		for (unsigned i = 0; i < AV1_SLOTS; i++)
			get(&b, s->order_hint_bits);
	if (!intra) {
		if (s->order_hint && flag(&b))
			return -EPROTO;
		read_names(f, s, &b);
	}
	return b.err ? -EPROTO : 0;
}

bool av1_frame_is(const struct av1_frame_start *f, const struct av1_sequence *s, const struct pic_plan *p)
{
	if (!f->shown || f->type != (p->idr ? AV1_KEY : AV1_INTER))
		return false;
	if (p->idr)
		return true; /* which replaces all slots */
	if ((f->error_resilient && s->order_hint) || (f->refresh & OURS) != p->slots.refresh)
		return false;
	if (f->primary != AV1_PRIMARY_NONE && f->name[f->primary] != p->slots.ref)
		return false;
	for (unsigned i = 0; i < AV1_NAMES; i++)
		if (f->name[i] != p->slots.ref)
			return false;
	return true;
}
