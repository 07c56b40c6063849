// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * H.264 Annex B as far as checks need it: walk over NAL units, sequence parameter set, start of a slice header; and a
 * bit writer for the encoder that stands in for a real one in tests. Pure functions over bytes of our own encoders,
 * bounded all the same: what a driver emits is not trusted either. Clause numbers are those of ITU-T H.264.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nal_type { /* table 7-1 */
		NAL_TYPE_SLICE = 1,
		NAL_TYPE_IDR = 5,
		NAL_TYPE_SEI = 6,
		NAL_TYPE_SPS = 7,
		NAL_TYPE_PPS = 8,
		NAL_TYPE_AUD = 9,
		NAL_TYPE_FILLER = 12,
};

struct nal {
	const uint8_t *start;   /* first byte of the start code */
	const uint8_t *payload; /* the header byte */
	size_t len;             /* from the header byte on, trailing zeros not counted */
	uint8_t type, ref_idc;
};

struct nal_walk {
	const uint8_t *p, *end;
};

static inline struct nal_walk nal_walk_init(const uint8_t *data, size_t len)
{
	return (struct nal_walk){data, data + len};
}

/* The next unit; false at the end. Bytes before the first start code are skipped. */
bool nal_walk_next(struct nal_walk *w, struct nal *n);

struct sps {
	uint8_t profile_idc, level_idc;
	uint8_t max_num_ref_frames, log2_max_frame_num, poc_type;
	uint16_t width, height; /* cropped */
	bool vui;
	/* valid with vui; unspecified values are 2 as in the standard */
	bool full_range, timing, fixed_frame_rate, bitstream_restriction;
	uint8_t primaries, transfer, matrix, chroma_loc;
	uint32_t units_in_tick, time_scale;
	uint8_t num_reorder_frames, max_dec_frame_buffering;
};

/* n: a unit of type NAL_TYPE_SPS, progressive 4:2:0 or any other chroma without scaling lists. -EPROTO. */
int sps_parse(struct sps *s, const struct nal *n);

struct slice_start {
	uint32_t first_mb, frame_num;
	uint8_t type; /* 0..9 of table 7-6; modulo 5: 0 P, 2 I */
};

/* -EPROTO. */
int slice_start_parse(struct slice_start *h, const struct nal *n, const struct sps *s);

/*
 * A wider frame_num. A parameter set made for no more bits of it than its DPB needs (four, or five from 15 frames on)
 * lets it wrap every 16 or 32 frames, and libavcodec misjudges the output order when frames are lost across a wrap: it
 * decodes what follows and shows nothing until the count has caught up. These two rewrite unescaped payloads (without
 * the header byte) to FRAME_NUM_WIDER bits more; the slice grows by exactly one byte, so that its arithmetic code stays
 * aligned.
 */
#define FRAME_NUM_WIDER      8u
#define FRAME_NUM_NARROW_MAX 5u

/* Both return the bytes written to out (room for len + 2), 0 when in is not what they expect. */

/* *narrow: the bits that slices under this parameter set have, 4..FRAME_NUM_NARROW_MAX. */
size_t sps_widen_frame_num(uint8_t *out, const uint8_t *in, size_t len, unsigned *narrow);
/* frame_num: all of it; its low bits must be what the slice says. */
size_t slice_widen_frame_num(uint8_t *out, const uint8_t *in, size_t len, unsigned narrow, uint32_t frame_num);

/* Writer of RBSP bits; the error is sticky. */
struct bit_writer {
	uint8_t *p, *end;
	uint8_t *start;
	uint32_t acc;
	unsigned n; /* bits in acc, fewer than 8 */
	bool err;
};

struct bit_writer bit_writer_init(void *data, size_t cap);
void bit_put(struct bit_writer *w, unsigned bits, uint32_t value); /* bits <= 24 */
void bit_put32(struct bit_writer *w, uint32_t v);
void bit_ue(struct bit_writer *w, uint32_t v); /* 9.1; v < 2^23 */
void bit_se(struct bit_writer *w, int32_t v);
void bit_trailing(struct bit_writer *w);      /* stop bit and alignment, 7.3.2.11 */
size_t bit_bytes(const struct bit_writer *w); /* whole ones */
size_t bit_pad(struct bit_writer *w);         /* zeros up to a whole byte; returns the bits before them */

/* Writes start code, header and escaped payload (7.3.1; of HEVC 7.3.1.1) to out, which has room for 4 + header_len +
 * 1.5 x len bytes; returns the bytes written. */
size_t nal_write_headed(uint8_t *out, const uint8_t *header, size_t header_len, const uint8_t *rbsp, size_t len);
/* The same with a header of H.264. */
size_t nal_write(uint8_t *out, uint8_t ref_idc, enum nal_type type, const uint8_t *rbsp, size_t len);

/* Whether the payload behind the header, escapes taken out, begins with these bits. */
bool nal_begins_with(const struct nal *n, size_t header_len, const uint8_t *want, size_t bits);
