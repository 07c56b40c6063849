// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/bitstream.h"

#include <errno.h>
#include <string.h>

#define SPS_BYTES 512u

size_t nal_start(const uint8_t *p, size_t len)
{
	if (len <= 3 || p[0] || p[1])
		return 0;
	if (p[2] == 1)
		return 3;
	return !p[2] && len > 4 && p[3] == 1 ? 4 : 0;
}

static enum nal_kind kind_h264(uint8_t byte)
{
	switch (byte & 0x1f) {
	case 1:
		return NAL_SLICE;
	case 5:
		return NAL_IDR;
	case 6:
		return NAL_SEI;
	case 7:
		return NAL_SPS;
	case 8:
		return NAL_PPS;
	case 9:
		return NAL_AUD;
	case 12:
		return NAL_FILLER;
	default:
		return NAL_OTHER;
	}
}

static enum nal_kind kind_hevc(uint8_t byte)
{
	unsigned type = byte >> 1 & 0x3f;

	if (type <= 9)
		return NAL_SLICE;
	if (type >= 16 && type <= 21)
		return NAL_IDR;
	switch (type) {
	case 32:
		return NAL_VPS;
	case 33:
		return NAL_SPS;
	case 34:
		return NAL_PPS;
	case 35:
		return NAL_AUD;
	case 38:
		return NAL_FILLER;
	case 39:
		return NAL_SEI; /* prefix SEI; the suffix kind is not looked for by clients */
	default:
		return NAL_OTHER;
	}
}

enum nal_kind nal_kind(enum codec c, const uint8_t *p, size_t len)
{
	size_t n = nal_start(p, len);

	if (!n || n >= len)
		return NAL_NONE;
	return c == CODEC_HEVC ? kind_hevc(p[n]) : kind_h264(p[n]);
}

size_t nal_next(const uint8_t *p, size_t len)
{
	size_t at = nal_start(p, len);

	while (at < len) {
		const uint8_t *one = memchr(p + at, 1, len - at);
		size_t pos;

		if (!one)
			return len;
		pos = (size_t)(one - p);
		/* The byte after the start code must exist, and the zeros must lie after the unit's own start. */
		if (pos >= at + 2 && !one[-1] && !one[-2] && pos + 1 < len)
			return pos >= at + 3 && !one[-3] ? pos - 3 : pos - 2;
		at = pos + 1;
	}
	return len;
}

void nal_count(enum codec c, const uint8_t *p, size_t len, struct nal_census *out)
{
	*out = (struct nal_census){0};
	while (len) {
		enum nal_kind k = nal_kind(c, p, len);
		size_t n = nal_next(p, len);

		out->count[k]++;
		if (k != NAL_NONE && out->n < 8)
			out->first[out->n++] = k;
		p += n;
		len -= n;
	}
}

/* Bits of an RBSP, sticky error. */
struct bits {
	const uint8_t *p;
	size_t n, at;
	bool err;
};

static unsigned bit(struct bits *b)
{
	unsigned v;

	if (b->at >= b->n * 8) {
		b->err = true;
		return 0;
	}
	v = b->p[b->at / 8] >> (7 - b->at % 8) & 1;
	b->at++;
	return v;
}

static uint32_t bits_u(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	while (n--)
		v = v << 1 | bit(b);
	return v;
}

static uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;

	while (!b->err && zeros < 32 && !bit(b))
		zeros++;
	if (zeros > 31) {
		b->err = true;
		return 0;
	}
	return (1u << zeros) - 1 + bits_u(b, zeros);
}

static void skip_scaling_list(struct bits *b, unsigned size)
{
	int last = 8, next = 8;

	for (unsigned i = 0; i < size && !b->err; i++) {
		if (next) {
			uint32_t k = bits_ue(b);

			next = (last + (k & 1 ? (int)(k / 2 + 1) : -(int)(k / 2)) + 256) % 256;
		}
		last = next ? next : last;
	}
}

static void skip_hrd(struct bits *b)
{
	uint32_t n = bits_ue(b);

	bits_u(b, 8);
	if (n > 31)
		b->err = true;
	for (uint32_t i = 0; i <= n && !b->err; i++) {
		bits_ue(b);
		bits_ue(b);
		bit(b);
	}
	bits_u(b, 20);
}

static void parse_vui(struct sps_info *s, struct bits *b)
{
	bool nal_hrd, vcl_hrd;

	s->has_vui = true;
	if (bit(b) && bits_u(b, 8) == 255) /* aspect ratio */
		bits_u(b, 32);
	if (bit(b)) /* overscan */
		bit(b);
	if (bit(b)) { /* video signal type */
		bits_u(b, 3);
		s->full_range = bit(b);
		s->has_colour = bit(b);
		if (s->has_colour) {
			s->primaries = bits_u(b, 8);
			s->transfer = bits_u(b, 8);
			s->matrix = bits_u(b, 8);
		}
	}
	if (bit(b)) { /* chroma location */
		bits_ue(b);
		bits_ue(b);
	}
	s->has_timing = bit(b);
	if (s->has_timing) {
		s->num_units_in_tick = bits_u(b, 32);
		s->time_scale = bits_u(b, 32);
		bit(b);
	}
	nal_hrd = bit(b);
	if (nal_hrd)
		skip_hrd(b);
	vcl_hrd = bit(b);
	if (vcl_hrd)
		skip_hrd(b);
	if (nal_hrd || vcl_hrd)
		bit(b);
	bit(b); /* pic_struct_present */
	s->has_restriction = bit(b);
	if (s->has_restriction) {
		bit(b);
		for (unsigned i = 0; i < 4; i++)
			bits_ue(b);
		s->num_reorder_frames = bits_ue(b);
		s->max_dec_frame_buffering = bits_ue(b);
	}
}

static unsigned parse_high_profile(struct sps_info *s, struct bits *b)
{
	unsigned chroma = bits_ue(b);

	if (chroma == 3)
		bit(b);
	s->depth = bits_ue(b) + 8;
	bits_ue(b);
	bit(b);
	if (bit(b)) {
		for (unsigned i = 0; i < (chroma == 3 ? 12u : 8u); i++) {
			if (bit(b))
				skip_scaling_list(b, i < 6 ? 16 : 64);
		}
	}
	return chroma;
}

static void parse_order(struct bits *b)
{
	uint32_t type = bits_ue(b);

	if (type == 0) {
		bits_ue(b);
	} else if (type == 1) {
		uint32_t n;

		bit(b);
		bits_ue(b);
		bits_ue(b);
		n = bits_ue(b);
		if (n > 255)
			b->err = true;
		for (uint32_t i = 0; i < n && !b->err; i++)
			bits_ue(b);
	}
}

int sps_parse(struct sps_info *s, const uint8_t *p, size_t len)
{
	size_t start = nal_start(p, len), n = 0;
	uint32_t width, height, crop[4] = {0};
	unsigned chroma = 1, frame_only, cx, cy;
	uint8_t rbsp[SPS_BYTES];
	struct bits b;

	*s = (struct sps_info){0};
	if (nal_kind(CODEC_H264, p, len) != NAL_SPS)
		return -EINVAL;
	/* Emulation prevention bytes out. */
	for (size_t i = start + 1; i < len && n < sizeof(rbsp); i++) {
		if (i >= start + 3 && p[i] == 3 && !p[i - 1] && !p[i - 2])
			continue;
		rbsp[n++] = p[i];
	}
	b = (struct bits){.p = rbsp, .n = n};
	s->depth = 8;
	s->profile = bits_u(&b, 8);
	bits_u(&b, 8);
	s->level = bits_u(&b, 8);
	bits_ue(&b);
	if (s->profile == 100 || s->profile == 110 || s->profile == 122 || s->profile == 244)
		chroma = parse_high_profile(s, &b);
	bits_ue(&b);
	parse_order(&b);
	s->max_num_ref_frames = bits_ue(&b);
	bit(&b);
	width = bits_ue(&b);
	height = bits_ue(&b);
	frame_only = bit(&b);
	if (!frame_only)
		bit(&b);
	bit(&b);
	if (bit(&b)) {
		for (unsigned i = 0; i < 4; i++)
			crop[i] = bits_ue(&b);
	}
	if (bit(&b))
		parse_vui(s, &b);
	if (b.err || width > 1024 || height > 1024 || crop[0] > 16384 || crop[1] > 16384 || crop[2] > 16384 ||
	    crop[3] > 16384)
		return -EINVAL;
	cx = chroma == 1 || chroma == 2 ? 2 : 1;
	cy = (chroma == 1 ? 2 : 1) * (frame_only ? 1 : 2);
	width = (width + 1) * 16;
	height = (height + 1) * 16 * (frame_only ? 1 : 2);
	if (cx * (crop[0] + crop[1]) >= width || cy * (crop[2] + crop[3]) >= height)
		return -EINVAL;
	s->chroma_format = chroma;
	s->width = width - cx * (crop[0] + crop[1]);
	s->height = height - cy * (crop[2] + crop[3]);
	return 0;
}
