// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/obu.h"

#include <errno.h>
#include <string.h>

#define LEB128_MAX   8u /* bytes, 4.10.5 */
#define TILE_WIDTH   4096u
#define TILE_AREA    (4096u * 2304u)
#define TILES_SIDE   64u
#define SELECT       2u
#define NAMES        7u
#define SLOTS        8u
#define PRIMARY_NONE 7u

/* Bits, most significant first; sticky error. */
struct bits {
	const uint8_t *p;
	size_t n, at;
	bool err;
};

static uint32_t get(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	if (n > 32 || b->at + n > b->n * 8) {
		b->err = true;
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

static void skip_uvlc(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->err && zeros < 32 && !flag(b))
		zeros++;
	if (zeros < 32)
		get(b, zeros);
}

int obu_next(struct obu *o, const uint8_t **p, const uint8_t *end)
{
	const uint8_t *at = *p;
	uint64_t size = 0;
	bool more = true;

	if (at >= end || *at & 0x81 || !(*at & 2)) /* forbidden and reserved bit; a size */
		return -EINVAL;
	*o = (struct obu){.type = *at >> 3 & 15};
	at += *at & 4 ? 2 : 1; /* extension byte */
	for (unsigned i = 0; i < LEB128_MAX && more && at < end; i++, at++) {
		size |= (uint64_t)(*at & 0x7f) << 7 * i;
		more = *at & 0x80;
	}
	if (more || size > (uint64_t)(end - at))
		return -EINVAL;
	o->payload = at;
	o->len = (size_t)size;
	*p = at + size;
	return 0;
}

static void timing(struct obu_sequence *s, struct bits *b, unsigned *delay_bits)
{
	*delay_bits = 0;
	if (!flag(b))
		return;
	get(b, 32);
	get(b, 32);
	s->equal_interval = flag(b);
	if (s->equal_interval)
		skip_uvlc(b);
	s->decoder_model = flag(b);
	if (!s->decoder_model)
		return;
	*delay_bits = get(b, 5) + 1;
	get(b, 32);
	get(b, 10);
}

static void operating_points(struct obu_sequence *s, struct bits *b)
{
	unsigned delay_bits, count;
	bool display_delay;

	timing(s, b, &delay_bits);
	display_delay = flag(b);
	count = get(b, 5) + 1;
	for (unsigned i = 0; i < count && !b->err; i++) {
		unsigned level;

		get(b, 12);
		level = get(b, 5);
		if (level > 7)
			flag(b);
		if (!i)
			s->level = level;
		if (s->decoder_model && flag(b)) {
			get(b, delay_bits);
			get(b, delay_bits);
			flag(b);
		}
		if (display_delay && flag(b))
			get(b, 4);
	}
}

static void tools(struct obu_sequence *s, struct bits *b)
{
	s->screen_content = s->integer_mv = SELECT;
	if (s->reduced)
		return;
	get(b, 4);
	s->order_hint = flag(b);
	if (s->order_hint) {
		flag(b);
		s->ref_frame_mvs = flag(b);
	}
	if (!flag(b))
		s->screen_content = get(b, 1);
	if (s->screen_content && !flag(b))
		s->integer_mv = get(b, 1);
	if (s->order_hint)
		s->order_hint_bits = get(b, 3) + 1;
}

static void colour(struct obu_sequence *s, struct bits *b)
{
	bool high = flag(b);

	s->depth = high ? 10 : 8;
	if (s->profile == 2 && high && flag(b))
		s->depth = 12;
	s->mono = s->profile != 1 && flag(b);
	s->primaries = s->transfer = s->matrix = 2;
	if (flag(b)) {
		s->primaries = get(b, 8);
		s->transfer = get(b, 8);
		s->matrix = get(b, 8);
	}
	s->subsampled = s->profile == 0 || s->mono;
	if (!s->mono && s->primaries == 1 && s->transfer == 13 && s->matrix == 0)
		s->full_range = true;
	else
		s->full_range = flag(b);
}

int obu_sequence_parse(struct obu_sequence *s, const uint8_t *p, size_t len)
{
	struct bits b = {.p = p, .n = len};

	*s = (struct obu_sequence){0};
	s->profile = get(&b, 3);
	flag(&b);
	s->reduced = flag(&b);
	if (s->reduced)
		s->level = get(&b, 5);
	else
		operating_points(s, &b);
	s->width_bits = get(&b, 4) + 1;
	s->height_bits = get(&b, 4) + 1;
	s->width = get(&b, s->width_bits) + 1;
	s->height = get(&b, s->height_bits) + 1;
	s->frame_ids = !s->reduced && flag(&b);
	if (s->frame_ids) {
		s->delta_id_bits = get(&b, 4) + 2;
		s->frame_id_bits = get(&b, 3) + s->delta_id_bits + 1;
	}
	s->superblock_128 = flag(&b);
	get(&b, 2);
	tools(s, &b);
	s->superres = flag(&b);
	get(&b, 2);
	colour(s, &b);
	return b.err || s->profile > 2 || s->frame_id_bits > 16 ? -EINVAL : 0;
}

struct size {
	uint32_t w, h;
};

static struct size frame_size(const struct obu_sequence *s, struct bits *b, bool override)
{
	struct size z = {s->width, s->height};

	if (override) {
		z.w = get(b, s->width_bits) + 1;
		z.h = get(b, s->height_bits) + 1;
	}
	if (s->superres && flag(b)) {
		uint32_t denominator = get(b, 3) + 9;

		z.w = (z.w * 8 + denominator / 2) / denominator;
	}
	if (flag(b))
		get(b, 32); /* render size */
	return z;
}

static unsigned log2_of(uint32_t unit, uint32_t target)
{
	unsigned k = 0;

	while (unit << k < target)
		k++;
	return k;
}

static unsigned side(struct bits *b, uint32_t superblocks, unsigned min, unsigned *log2)
{
	uint32_t limit = superblocks < TILES_SIDE ? superblocks : TILES_SIDE, each;
	unsigned max = log2_of(1, limit);

	for (*log2 = min; *log2 < max && flag(b);)
		++*log2;
	each = (superblocks + (1u << *log2) - 1) >> *log2;
	return (superblocks + each - 1) / each;
}

/* 5.9.15; 0: spacing that is not uniform. */
static unsigned tiles(const struct obu_sequence *s, struct bits *b, struct size z)
{
	unsigned shift = s->superblock_128 ? 7 : 6, min_columns, min, columns, rows, log2;
	uint32_t wide = (z.w + (1u << shift) - 1) >> shift, high = (z.h + (1u << shift) - 1) >> shift;

	if (!flag(b))
		return 0;
	min_columns = log2_of(TILE_WIDTH >> shift, wide);
	min = log2_of(TILE_AREA >> 2 * shift, wide * high);
	min = min > min_columns ? min : min_columns;
	columns = side(b, wide, min_columns, &log2);
	rows = side(b, high, min > log2 ? min - log2 : 0, &log2);
	return columns * rows;
}

static int references(struct obu_frame *f, const struct obu_sequence *s, struct bits *b, bool override, struct size *z)
{
	if (s->order_hint && flag(b))
		return -ENOTSUP; /* short signalling */
	for (unsigned i = 0; i < NAMES; i++) {
		f->ref_idx[i] = (uint8_t)get(b, 3);
		if (s->frame_ids)
			get(b, s->delta_id_bits);
	}
	if (override && !f->error_resilient)
		return -ENOTSUP; /* size taken from a reference */
	*z = frame_size(s, b, override);
	return 0;
}

/* From the size on, as far as the tiles. */
static int rest(struct obu_frame *f, const struct obu_sequence *s, struct bits *b, bool override, bool screen,
		bool integer_mv, bool no_cdf_update)
{
	struct size z;

	if (f->type == OBU_KEY || f->type == OBU_INTRA_ONLY) {
		z = frame_size(s, b, override);
		if (screen)
			flag(b); /* intrabc; with superres not there, but then the width differs */
	} else {
		int rc = references(f, s, b, override, &z);

		if (rc < 0)
			return rc;
		if (!integer_mv)
			flag(b);
		if (!flag(b))
			get(b, 2);
		flag(b);
		if (!f->error_resilient && s->ref_frame_mvs)
			flag(b);
	}
	if (!s->reduced && !no_cdf_update)
		flag(b);
	f->tiles = tiles(s, b, z);
	return 0;
}

int obu_frame_parse(struct obu_frame *f, const struct obu_sequence *s, const uint8_t *p, size_t len)
{
	struct bits b = {.p = p, .n = len};
	bool no_cdf_update, screen, integer_mv = false, override, intra;
	int rc;

	*f = (struct obu_frame){.primary = PRIMARY_NONE, .shown = true, .error_resilient = true};
	if (s->decoder_model || s->superres)
		return -ENOTSUP;
	if (!s->reduced) {
		f->existing = flag(&b);
		if (f->existing)
			return b.err ? -EINVAL : 0;
		f->type = get(&b, 2);
		f->shown = flag(&b);
		if (!f->shown)
			flag(&b);
		if (f->type != OBU_SWITCH && !(f->type == OBU_KEY && f->shown))
			f->error_resilient = flag(&b);
	}
	intra = f->type == OBU_KEY || f->type == OBU_INTRA_ONLY;
	no_cdf_update = flag(&b);
	screen = s->screen_content == SELECT ? flag(&b) : s->screen_content;
	if (screen)
		integer_mv = s->integer_mv == SELECT ? flag(&b) : s->integer_mv;
	if (s->frame_ids)
		get(&b, s->frame_id_bits);
	override = f->type == OBU_SWITCH || (!s->reduced && flag(&b));
	get(&b, s->order_hint_bits);
	if (!intra && !f->error_resilient)
		f->primary = (uint8_t)get(&b, 3);
	f->refresh = f->type == OBU_SWITCH || (f->type == OBU_KEY && f->shown) ? 0xff : (uint8_t)get(&b, 8);
	if ((!intra || f->refresh != 0xff) && f->error_resilient && s->order_hint)
		for (unsigned i = 0; i < SLOTS; i++)
			get(&b, s->order_hint_bits);
	rc = rest(f, s, &b, override, screen, integer_mv, no_cdf_update);
	return b.err ? -EINVAL : rc;
}

void obu_unit_parse(struct obu_unit *u, const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	struct obu o;

	*u = (struct obu_unit){.sequence_known = u->sequence_known, .sequence = u->sequence};
	while (p < end && !u->error) {
		u->error = obu_next(&o, &p, end);
		if (u->error)
			return;
		if (!u->count++)
			u->delimiter_first = o.type == OBU_DELIMITER;
		if (o.type == OBU_SEQUENCE) {
			u->sequences++;
			u->error = obu_sequence_parse(&u->sequence, o.payload, o.len);
			u->sequence_known = !u->error;
		} else if (o.type == OBU_FRAME || o.type == OBU_FRAME_HEADER) {
			struct obu_frame f;

			if (!u->sequence_known) {
				u->error = -EINVAL;
				return;
			}
			u->error = obu_frame_parse(&f, &u->sequence, o.payload, o.len);
			if (!u->frames++)
				u->frame = f;
			u->shown += f.shown || f.existing;
		}
	}
}
