// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/av1_headers.h"

#include <assert.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "base/wr.h"
#include "encode/bitstream.h"
#include "media/colour.h"

#define TILE_WIDTH_MAX  4096u /* 3: samples */
#define TILE_AREA_MAX   (4096u * 2304u)
#define TILES_SIDE_MAX  64u
#define COLUMNS_LEAST   4u /* superblocks: narrower ones cost more than they bring */
#define ROWS_LEAST      2u
#define LEVEL_UNLIMITED 31u
#define LEVEL_TIER      7u /* levels above have tiers */

enum { METADATA_CLL = 1, METADATA_MDCV = 2 }; /* 6.7.1 */

/* --- tiles and levels --- */

/* The lowest k so that unit << k is not below target. */
static uint8_t log2_of(uint32_t unit, uint32_t target)
{
	uint8_t k = 0;

	while (unit << k < target)
		k++;
	return k;
}

static unsigned each_of(unsigned superblocks, unsigned log2)
{
	return (superblocks + (1u << log2) - 1) >> log2;
}

static unsigned count_of(unsigned superblocks, unsigned log2)
{
	unsigned each = each_of(superblocks, log2);

	return (superblocks + each - 1) / each;
}

/* Whether all, the last one too, are that many superblocks. */
static bool wide_enough(unsigned superblocks, unsigned log2, unsigned fewest)
{
	unsigned each = each_of(superblocks, log2), n = count_of(superblocks, log2);

	return each >= fewest && superblocks - (n - 1) * each >= fewest;
}

bool av1_cut(struct av1_stream *s, unsigned want, unsigned most)
{
	const unsigned wide = av1_superblocks(s->width), high = av1_superblocks(s->height);
	const uint8_t min_area = log2_of(TILE_AREA_MAX / (AV1_SUPERBLOCK * AV1_SUPERBLOCK), wide * high);
	struct av1_tiles *t = &s->tiles;

	want = least(want, most);
	*t = (struct av1_tiles){.min_log2_columns = log2_of(TILE_WIDTH_MAX / AV1_SUPERBLOCK, wide)};
	t->max_log2_columns = log2_of(1, least(wide, TILES_SIDE_MAX));
	t->max_log2_rows = log2_of(1, least(high, TILES_SIDE_MAX));
	t->log2_columns = t->min_log2_columns;
	while (t->log2_columns < t->max_log2_columns && count_of(wide, t->log2_columns + 1u) <= want &&
	       wide_enough(wide, t->log2_columns + 1u, COLUMNS_LEAST))
		t->log2_columns++;
	if (min_area > t->log2_columns)
		t->min_log2_rows = (uint8_t)(min_area - t->log2_columns);
	t->log2_rows = t->min_log2_rows;
	t->columns = (uint8_t)count_of(wide, t->log2_columns);
	while (t->log2_rows < t->max_log2_rows && t->columns * count_of(high, t->log2_rows + 1u) <= want &&
	       wide_enough(high, t->log2_rows + 1u, ROWS_LEAST))
		t->log2_rows++;
	t->rows = (uint8_t)count_of(high, t->log2_rows);
	t->each_wide = (uint16_t)each_of(wide, t->log2_columns);
	t->each_high = (uint16_t)each_of(high, t->log2_rows);
	return (unsigned)t->columns * t->rows <= most;
}

void av1_level(struct av1_stream *s, uint32_t kbps)
{
	/* A.3: luma samples in a picture, sides, samples shown in a second; frames a second; kbit/s of the main and the
	 * high tier; tiles and columns of them. */
	static const struct {
		uint8_t idx;
		uint32_t luma;
		uint16_t wide, high;
		uint64_t per_s;
		uint16_t frames;
		uint32_t main_kbps, high_kbps;
		uint8_t tiles, columns;
	} levels[] = {
		{0, 147456, 2048, 1152, 4423680, 150, 1500, 1500, 8, 4},
		{1, 278784, 2816, 1584, 8363520, 150, 3000, 3000, 8, 4},
		{4, 665856, 4352, 2448, 19975680, 150, 6000, 6000, 16, 6},
		{5, 1065024, 5504, 3096, 31950720, 150, 10000, 10000, 16, 6},
		{8, 2359296, 6144, 3456, 70778880, 300, 12000, 30000, 32, 8},
		{9, 2359296, 6144, 3456, 141557760, 300, 20000, 50000, 32, 8},
		{12, 8912896, 8192, 4352, 267386880, 300, 30000, 100000, 64, 8},
		{13, 8912896, 8192, 4352, 534773760, 300, 40000, 160000, 64, 8},
		{14, 8912896, 8192, 4352, 1069547520, 300, 60000, 240000, 64, 8},
		{16, 35651584, 16384, 8704, 1069547520, 300, 60000, 240000, 128, 16},
		{17, 35651584, 16384, 8704, 2139095040, 300, 100000, 480000, 128, 16},
		{18, 35651584, 16384, 8704, 4278190080, 300, 160000, 800000, 128, 16},
	};
	const uint32_t luma = (uint32_t)s->width * s->height;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (luma > levels[i].luma || s->width > levels[i].wide || s->height > levels[i].high ||
		    (uint64_t)luma * s->fps_mhz > levels[i].per_s * 1000 || s->fps_mhz > levels[i].frames * 1000u ||
		    kbps > levels[i].high_kbps || s->tiles.columns * s->tiles.rows > levels[i].tiles ||
		    s->tiles.columns > levels[i].columns)
			continue;
		s->level = levels[i].idx;
		s->high_tier = kbps > levels[i].main_kbps;
		return;
	}
	s->level = LEVEL_UNLIMITED;
	s->high_tier = false;
}

/* --- units --- */

/* The byte in front, then the size in `bytes` bytes of leb128 (4.10.5), then the payload. */
static size_t unit_write(uint8_t *out, enum av1_obu type, unsigned bytes, const uint8_t *payload, size_t len)
{
	size_t n = 0;

	assert(len >> 7 * bytes == 0 && 1 + bytes + len <= AV1_HEADER_MAX);
	out[n++] = (uint8_t)(type << 3 | 2); /* has a size */
	for (unsigned i = 0; i < bytes; i++)
		out[n++] = (uint8_t)((len >> 7 * i & 0x7f) | (i + 1 < bytes ? 0x80 : 0));
	memcpy(out + n, payload, len);
	return n + len;
}

size_t av1_delimiter_write(uint8_t *out)
{
	return unit_write(out, AV1_OBU_DELIMITER, 1, (const uint8_t *)"", 0);
}

static unsigned bits_for(unsigned value)
{
	unsigned n = 1;

	while (value >> n)
		n++;
	return n;
}

/* 5.5.1 up to the size of frames: one operating point, no timing. */
static void put_profile(struct bit_writer *w, const struct av1_stream *s)
{
	bit_put(w, 3, 0); /* Main */
	bit_put(w, 2, 0); /* moving, with full headers */
	bit_put(w, 2, 0); /* neither timing nor display delay */
	bit_put(w, 5, 0);
	bit_put(w, 12, 0);
	bit_put(w, 5, s->level);
	if (s->level > LEVEL_TIER)
		bit_put(w, 1, s->high_tier);
}

/* 5.5.2 */
static void put_colour(struct bit_writer *w, const struct av1_stream *s)
{
	const struct colour_codes c = colour_codes(s->space, s->pq);

	bit_put(w, 1, s->depth > 8);
	bit_put(w, 1, 0); /* not mono */
	bit_put(w, 1, 1);
	bit_put(w, 8, c.primaries);
	bit_put(w, 8, c.transfer);
	bit_put(w, 8, c.matrix);
	bit_put(w, 1, s->full_range);
	bit_put(w, 2, 0); /* where chroma is: in the centre, for which there is no word */
	bit_put(w, 1, 0); /* both chroma planes have the same quantiser */
}

size_t av1_sequence_write(uint8_t *out, const struct av1_stream *s)
{
	const unsigned wide = s->width - 1u, high = s->height - 1u;
	uint8_t payload[AV1_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(payload, sizeof(payload));

	put_profile(&w, s);
	bit_put(&w, 4, bits_for(wide) - 1);
	bit_put(&w, 4, bits_for(high) - 1);
	bit_put(&w, bits_for(wide), wide);
	bit_put(&w, bits_for(high), high);
	bit_put(&w, 1, 0); /* frame numbers */
	bit_put(&w, 1, 0); /* superblocks of 64 */
	bit_put(&w, 2, 0); /* intra: filters, edges */
	bit_put(&w, 4, 0); /* inter: with intra, masks, warps, two filters */
	bit_put(&w, 1, 1); /* order hints; compounds weighted by them, motion of references */
	bit_put(&w, 2, 0);
	bit_put(&w, 2, 0); /* no tools for screens */
	bit_put(&w, 3, AV1_ORDER_HINT_BITS - 1);
	bit_put(&w, 1, 0); /* superres */
	bit_put(&w, 1, s->tools.cdef);
	bit_put(&w, 1, 0); /* restoration */
	put_colour(&w, s);
	bit_put(&w, 1, 0); /* film grain */
	bit_trailing(&w);
	assert(!w.err);
	return unit_write(out, AV1_OBU_SEQUENCE, 1, payload, bit_bytes(&w));
}

static uint32_t bits_of(const struct bit_writer *w)
{
	return (uint32_t)(bit_bytes(w) * 8 + w->n);
}

/* 5.9.2 up to the references. */
static void put_references(struct bit_writer *w, const struct pic_plan *p)
{
	const unsigned slot = p->slots.ref;

	bit_put(w, 1, 0); /* a new frame */
	bit_put(w, 2, p->idr ? AV1_KEY : AV1_INTER);
	bit_put(w, 1, 1); /* shown */
	if (!p->idr)
		bit_put(w, 1, 0); /* not error resilient */
	bit_put(w, 1, 0);         /* the arithmetic coder adapts */
	bit_put(w, 1, 0);         /* of the sequence's size */
	bit_put(w, AV1_ORDER_HINT_BITS, p->number & ((1u << AV1_ORDER_HINT_BITS) - 1));
	if (p->idr) {
		bit_put(w, 1, 0); /* shown in that size */
		return;
	}
	/* Any name would do. The slot's own number is also right for drivers that take it for one of a slot. */
	bit_put(w, 3, slot);
	bit_put(w, 8, p->slots.refresh);
	bit_put(w, 1, 0); /* all names follow */
	for (unsigned i = 0; i < AV1_NAMES; i++)
		bit_put(w, 3, slot);
	bit_put(w, 1, 0);
	bit_put(w, 1, 0); /* vectors of quarter samples */
	bit_put(w, 3, 0); /* one filter for all: the eight-tap one */
	bit_put(w, 1, 0); /* one kind of motion */
}

static void put_increments(struct bit_writer *w, unsigned from, unsigned to, unsigned most)
{
	for (unsigned i = from; i < to; i++)
		bit_put(w, 1, 1);
	if (to < most)
		bit_put(w, 1, 0);
}

/* 5.9.15 */
static void put_tiles(struct bit_writer *w, const struct av1_stream *s)
{
	const struct av1_tiles *t = &s->tiles;

	bit_put(w, 1, 1);
	put_increments(w, t->min_log2_columns, t->log2_columns, t->max_log2_columns);
	put_increments(w, t->min_log2_rows, t->log2_rows, t->max_log2_rows);
	if (!t->log2_columns && !t->log2_rows)
		return;
	bit_put(w, (unsigned)t->log2_columns + t->log2_rows, 0); /* the first leaves its state to later frames */
	bit_put(w, 2, s->tools.tile_bytes - 1u);
}

/* 5.9.12 to 5.9.19 */
static void put_quality(struct bit_writer *w, const struct av1_stream *s, struct av1_offsets *o)
{
	o->qindex = bits_of(w);
	bit_put(w, 8, AV1_INIT_QINDEX);
	bit_put(w, 3, 0); /* nothing is quantised otherwise */
	bit_put(w, 1, 0); /* no matrices */
	o->segmentation = bits_of(w);
	bit_put(w, 1, 0);
	bit_put(w, 1, 0); /* one quantiser for all blocks */
	o->loop_filter = bits_of(w);
	bit_put(w, 12, 0);
	bit_put(w, 3, 0);
	bit_put(w, 1, 0); /* the same for all references */
	o->cdef = bits_of(w);
	if (s->tools.cdef) {
		bit_put(w, 4, 0);
		bit_put(w, 12, 0);
	}
	o->cdef_bits = bits_of(w) - o->cdef;
}

size_t av1_frame_header_write(uint8_t *out, const struct av1_stream *s, const struct pic_plan *p, struct av1_offsets *o)
{
	const uint32_t front = (1u + s->tools.size_bytes) * 8;
	uint8_t payload[AV1_HEADER_MAX / 2];
	struct bit_writer w = bit_writer_init(payload, sizeof(payload));
	struct av1_offsets at = {0};

	put_references(&w, p);
	bit_put(&w, 1, 0); /* what the coder learnt is kept */
	put_tiles(&w, s);
	put_quality(&w, s, &at);
	bit_put(&w, 1, s->tools.tx_select);
	if (!p->idr)
		bit_put(&w, 1, 0); /* one reference a block */
	bit_put(&w, 1, 0);         /* all transforms */
	if (!p->idr)
		bit_put(&w, AV1_NAMES, 0); /* the whole picture does not move */
	at.end = bits_of(&w) + 1;
	bit_trailing(&w);
	assert(!w.err);
	if (o)
		*o = (struct av1_offsets){
			.qindex = front + at.qindex,
			.segmentation = front + at.segmentation,
			.loop_filter = front + at.loop_filter,
			.cdef = front + at.cdef,
			.cdef_bits = at.cdef_bits,
			.obu_size = 1,
			.end = front + at.end,
		};
	return unit_write(out, AV1_OBU_FRAME_HEADER, s->tools.size_bytes, payload, bit_bytes(&w));
}

/* --- light --- */

static size_t metadata_write(uint8_t *out, const uint8_t *payload, struct wr *w)
{
	size_t len = wr_len(w);
	uint8_t whole[AV1_HEADER_MAX / 2];

	memcpy(whole, payload, len);
	whole[len++] = 0x80; /* trailing bits */
	return unit_write(out, AV1_OBU_METADATA, 1, whole, len);
}

size_t av1_light_write(uint8_t *out, const struct hdr_metadata *m)
{
	const uint16_t *const points[] = {m->red, m->green, m->blue, m->white};
	uint8_t payload[AV1_HEADER_MAX / 4];
	struct wr w = wr_init(payload, sizeof(payload));
	size_t len = 0;

	if (!m->max_nits)
		return 0;
	wr_u8(&w, METADATA_MDCV);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 2; k++) {
			uint32_t v = points[i][k] * 65536u / 50000; /* 0.16 */

			wr_be16(&w, (uint16_t)(v < UINT16_MAX ? v : UINT16_MAX));
		}
	wr_be32(&w, m->max_nits * 256u);                                    /* 24.8 */
	wr_be32(&w, (uint32_t)((uint64_t)m->min_nits * (1 << 14) / 10000)); /* 18.14 */
	len = metadata_write(out, payload, &w);
	if (!m->max_cll && !m->max_fall)
		return len;
	w = wr_init(payload, sizeof(payload));
	wr_u8(&w, METADATA_CLL);
	wr_be16(&w, m->max_cll);
	wr_be16(&w, m->max_fall);
	return len + metadata_write(out + len, payload, &w);
}
