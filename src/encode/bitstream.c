// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/bitstream.h"

#include <errno.h>
#include <string.h>

#include "base/rd.h"

/* First byte of the next 00 00 01 at or after p, end when there is none. */
static const uint8_t *start_code(const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 3; p++)
		if (p[0] == 0 && p[1] == 0 && p[2] == 1)
			return p;
	return end;
}

bool nal_walk_next(struct nal_walk *w, struct nal *n)
{
	const uint8_t *code = start_code(w->p, w->end), *next;

	if (w->end - code < 4)
		return false;
	next = start_code(code + 3, w->end);
	*n = (struct nal){
		/* The zero byte before a three-byte code belongs to it. */
		.start = code > w->p && code[-1] == 0 ? code - 1 : code,
		.payload = code + 3,
		.type = code[3] & 0x1f,
		.ref_idc = code[3] >> 5 & 3,
	};
	w->p = next;
	while (next > n->payload && next[-1] == 0)
		next--;
	n->len = (size_t)(next - n->payload);
	/* The next unit's start code keeps its zero byte. */
	if (w->p < w->end && w->p[-1] == 0)
		w->p--;
	return n->len > 0;
}

/* Bits of a NAL unit, with its escape bytes removed on the fly; reads past the end are zero and set err. */
struct bit_reader {
	struct rd in;
	bool escaped;
	unsigned zeros, n;
	uint8_t byte;
};

static struct bit_reader bit_reader_init(const struct nal *n)
{
	struct bit_reader r = {.in = rd_init(n->payload, n->len), .escaped = true};

	rd_skip(&r.in, 1);
	return r;
}

static unsigned bit(struct bit_reader *r)
{
	if (!r->n) {
		uint8_t v = rd_u8(&r->in);

		if (r->escaped && r->zeros >= 2 && v == 3) {
			r->zeros = 0;
			v = rd_u8(&r->in);
		}
		r->zeros = v ? 0 : r->zeros + 1;
		r->byte = v;
		r->n = 8;
	}
	return r->byte >> --r->n & 1;
}

static uint32_t bits(struct bit_reader *r, unsigned n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 1 | bit(r);
	return v;
}

static uint32_t ue(struct bit_reader *r)
{
	unsigned zeros = 0;

	while (rd_ok(&r->in) && zeros < 32 && !bit(r))
		zeros++;
	if (zeros > 31) {
		r->in.err = true;
		return 0;
	}
	return (1u << zeros) - 1 + bits(r, zeros);
}

static void vui_parse(struct sps *s, struct bit_reader *r)
{
	s->primaries = s->transfer = s->matrix = 2;
	if (bit(r) && bits(r, 8) == 255) /* aspect ratio, extended */
		bits(r, 32);
	if (bit(r)) /* overscan */
		bit(r);
	if (bit(r)) { /* video signal type */
		bits(r, 3);
		s->full_range = bit(r);
		if (bit(r)) {
			s->primaries = (uint8_t)bits(r, 8);
			s->transfer = (uint8_t)bits(r, 8);
			s->matrix = (uint8_t)bits(r, 8);
		}
	}
	if (bit(r)) { /* chroma location */
		s->chroma_loc = (uint8_t)ue(r);
		ue(r);
	}
	s->timing = bit(r);
	if (s->timing) {
		s->units_in_tick = bits(r, 32);
		s->time_scale = bits(r, 32);
		s->fixed_frame_rate = bit(r);
	}
	/* HRD parameters are never written by us; a stream with them has none of what follows for our purpose. */
	if (bit(r) || bit(r)) {
		r->in.err = true;
		return;
	}
	bit(r); /* pic_struct present */
	s->bitstream_restriction = bit(r);
	if (!s->bitstream_restriction)
		return;
	bit(r); /* motion vectors over picture boundaries */
	for (int i = 0; i < 4; i++)
		ue(r);
	s->num_reorder_frames = (uint8_t)ue(r);
	s->max_dec_frame_buffering = (uint8_t)ue(r);
}

static bool profile_has_chroma_format(uint8_t profile)
{
	return profile == 100 || profile == 110 || profile == 122 || profile == 244;
}

int sps_parse(struct sps *s, const struct nal *n)
{
	struct bit_reader r = bit_reader_init(n);
	uint32_t mbs_wide, map_units, crop[4] = {0};
	uint32_t chroma_format = 1;
	bool frame_mbs_only;

	*s = (struct sps){0};
	s->profile_idc = (uint8_t)bits(&r, 8);
	bits(&r, 8); /* constraint flags */
	s->level_idc = (uint8_t)bits(&r, 8);
	ue(&r); /* id */
	if (profile_has_chroma_format(s->profile_idc)) {
		chroma_format = ue(&r);
		if (chroma_format == 3)
			bit(&r);
		ue(&r); /* luma and chroma depth */
		ue(&r);
		bit(&r);     /* transform bypass */
		if (bit(&r)) /* scaling lists */
			return -EPROTO;
	}
	s->log2_max_frame_num = (uint8_t)(ue(&r) + 4);
	s->poc_type = (uint8_t)ue(&r);
	if (s->poc_type == 0)
		ue(&r);
	else if (s->poc_type != 2)
		return -EPROTO;
	s->max_num_ref_frames = (uint8_t)ue(&r);
	bit(&r); /* gaps in frame_num */
	mbs_wide = ue(&r) + 1;
	map_units = ue(&r) + 1;
	frame_mbs_only = bit(&r);
	if (!frame_mbs_only)
		return -EPROTO;
	bit(&r); /* direct 8x8 inference */
	if (bit(&r))
		for (int i = 0; i < 4; i++)
			crop[i] = ue(&r);
	s->vui = bit(&r);
	if (s->vui)
		vui_parse(s, &r);
	if (!rd_ok(&r.in) || mbs_wide > 1024 || map_units > 1024 || crop[0] > 64 || crop[1] > 64 || crop[2] > 64 ||
	    crop[3] > 64 || s->log2_max_frame_num > 16)
		return -EPROTO;
	/* Crop units of 4:2:0 are two samples. */
	s->width = (uint16_t)(mbs_wide * 16 - (crop[0] + crop[1]) * (chroma_format == 3 ? 1 : 2));
	s->height = (uint16_t)(map_units * 16 - (crop[2] + crop[3]) * (chroma_format == 1 ? 2 : 1));
	return 0;
}

int slice_start_parse(struct slice_start *h, const struct nal *n, const struct sps *s)
{
	struct bit_reader r = bit_reader_init(n);

	h->first_mb = ue(&r);
	h->type = (uint8_t)ue(&r);
	ue(&r); /* picture parameter set */
	h->frame_num = bits(&r, s->log2_max_frame_num);
	return rd_ok(&r.in) && h->type < 10 ? 0 : -EPROTO;
}

/* The same Exp-Golomb number again. */
static void copy_ue(struct bit_writer *w, struct bit_reader *r)
{
	bit_ue(w, ue(r));
}

size_t sps_widen_frame_num(uint8_t *out, const uint8_t *in, size_t len, unsigned *narrow)
{
	struct bit_reader r = {.in = rd_init(in, len)};
	struct bit_writer w = bit_writer_init(out, len + 2);
	uint8_t profile = (uint8_t)bits(&r, 8);
	size_t left, stop;

	bit_put(&w, 8, profile);
	bit_put(&w, 16, bits(&r, 16)); /* constraints, level */
	copy_ue(&w, &r);
	if (profile_has_chroma_format(profile)) {
		uint32_t chroma_format = ue(&r);

		bit_ue(&w, chroma_format);
		if (chroma_format == 3)
			bit_put(&w, 1, bit(&r)); /* separate planes */
		copy_ue(&w, &r);
		copy_ue(&w, &r);
		bit_put(&w, 1, bit(&r));
		if (bit(&r)) /* scaling lists */
			return 0;
		bit_put(&w, 1, 0);
	}
	*narrow = ue(&r) + 4;
	if (*narrow < 4 || *narrow > FRAME_NUM_NARROW_MAX || !rd_ok(&r.in))
		return 0;
	bit_ue(&w, *narrow + FRAME_NUM_WIDER - 4);

	/* The rest, down to the stop bit. */
	if (!len || !in[len - 1])
		return 0;
	left = rd_left(&r.in) * 8 + r.n;
	stop = (unsigned)__builtin_ctz(in[len - 1]) + 1;
	if (left < stop)
		return 0;
	left -= stop;
	while (left--)
		bit_put(&w, 1, bit(&r));
	bit_trailing(&w);
	return w.err || !rd_ok(&r.in) ? 0 : bit_bytes(&w);
}

size_t slice_widen_frame_num(uint8_t *out, const uint8_t *in, size_t len, unsigned narrow, uint32_t frame_num)
{
	struct bit_reader r = {.in = rd_init(in, len)};
	uint8_t high = (uint8_t)(frame_num >> narrow), keep;
	unsigned at, shift;

	ue(&r);                                          /* first macroblock */
	ue(&r);                                          /* type */
	ue(&r);                                          /* parameter set */
	at = (unsigned)(len - rd_left(&r.in)) * 8 - r.n; /* bits before frame_num */
	if (bits(&r, narrow) != (frame_num & ((1u << narrow) - 1)) || !rd_ok(&r.in))
		return 0;

	/* One byte of high bits goes in between bit `at` and the rest, which moves by a whole byte. */
	shift = at % 8;
	at /= 8;
	keep = (uint8_t)(0xff00 >> shift);
	memcpy(out, in, at);
	out[at] = (uint8_t)((in[at] & keep) | high >> shift);
	out[at + 1] = (uint8_t)((high << (8 - shift) & keep) | (in[at] & (uint8_t)~keep));
	if (!shift)
		out[at] = high, out[at + 1] = in[at];
	memcpy(out + at + 2, in + at + 1, len - at - 1);
	return len + 1;
}

struct bit_writer bit_writer_init(void *data, size_t cap)
{
	uint8_t *p = data;

	return (struct bit_writer){.p = p, .start = p, .end = p + cap};
}

void bit_put(struct bit_writer *w, unsigned count, uint32_t value)
{
	w->acc = w->acc << count | (value & ((1u << count) - 1));
	w->n += count;
	while (w->n >= 8) {
		w->n -= 8;
		if (w->p == w->end) {
			w->err = true;
			continue;
		}
		*w->p++ = (uint8_t)(w->acc >> w->n);
	}
}

void bit_put32(struct bit_writer *w, uint32_t v)
{
	bit_put(w, 16, v >> 16);
	bit_put(w, 16, v & 0xffff);
}

void bit_ue(struct bit_writer *w, uint32_t v)
{
	unsigned len = 31u - (unsigned)__builtin_clz(v + 1);

	bit_put(w, len, 0);
	bit_put(w, len + 1, v + 1);
}

void bit_se(struct bit_writer *w, int32_t v)
{
	bit_ue(w, v > 0 ? 2 * (uint32_t)v - 1 : 2 * (uint32_t)-v);
}

void bit_trailing(struct bit_writer *w)
{
	bit_put(w, 1, 1);
	if (w->n)
		bit_put(w, 8 - w->n, 0);
}

size_t bit_bytes(const struct bit_writer *w)
{
	return (size_t)(w->p - w->start);
}

size_t bit_pad(struct bit_writer *w)
{
	size_t bits = bit_bytes(w) * 8 + w->n;

	if (w->n)
		bit_put(w, 8 - w->n, 0);
	return bits;
}

size_t nal_write_headed(uint8_t *out, const uint8_t *header, size_t header_len, const uint8_t *rbsp, size_t len)
{
	uint8_t *p = out;
	unsigned zeros = 0;

	*p++ = 0;
	*p++ = 0;
	*p++ = 0;
	*p++ = 1;
	for (size_t i = 0; i < header_len; i++)
		*p++ = header[i];
	for (size_t i = 0; i < len; i++) {
		if (zeros == 2 && rbsp[i] <= 3) {
			*p++ = 3;
			zeros = 0;
		}
		zeros = rbsp[i] ? 0 : zeros + 1;
		*p++ = rbsp[i];
	}
	return (size_t)(p - out);
}

size_t nal_write(uint8_t *out, uint8_t ref_idc, enum nal_type type, const uint8_t *rbsp, size_t len)
{
	const uint8_t header = (uint8_t)(ref_idc << 5 | type);

	return nal_write_headed(out, &header, 1, rbsp, len);
}

bool nal_begins_with(const struct nal *n, size_t header_len, const uint8_t *want, size_t bits)
{
	const size_t bytes = (bits + 7) / 8;
	unsigned zeros = 0;
	size_t at = 0;

	for (size_t i = header_len; i < n->len && at < bytes; i++) {
		uint8_t mask = at + 1 == bytes && bits % 8 ? (uint8_t)(0xff00 >> bits % 8) : 0xff;

		if (zeros >= 2 && n->payload[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = n->payload[i] ? 0 : zeros + 1;
		if ((n->payload[i] ^ want[at++]) & mask)
			return false;
	}
	return at == bytes;
}
