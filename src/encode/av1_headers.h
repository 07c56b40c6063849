// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The headers of an AV1 stream whose tiles somebody else encodes: sequence header, frame headers, metadata, so that
 * what a stream says of its references, its level and its colours is decided here and not by a driver. Main profile,
 * 4:2:0, 8 or 10 bit, every frame is shown, one reference a frame. Pure. Numbers are sections of the AV1 specification.
 *
 * Slots 0..REF_SLOTS - 1 are those of encode/ref_slots.h, the eighth is never used. All seven names of a frame mean the
 * one slot that it is predicted from, and the state of its arithmetic coder begins with that slot's: nothing in a frame
 * depends on pictures that a client may not have. For the same reason no frame but a key frame is error resilient: such
 * a header lists the order hints of all slots, and a decoder throws away those that it has otherwise (7.20).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/pic_refs.h"
#include "media/params.h"

#define AV1_HEADER_MAX      128u /* bytes of any of them */
#define AV1_SUPERBLOCK      64u
#define AV1_SLOTS           8u
#define AV1_NAMES           7u
#define AV1_PRIMARY_NONE    7u
#define AV1_ORDER_HINT_BITS 8u
#define AV1_INIT_QINDEX     128u
#define AV1_TILES_MAX       64u

enum av1_obu { /* 6.2.2 */
	       AV1_OBU_SEQUENCE = 1,
	       AV1_OBU_DELIMITER = 2,
	       AV1_OBU_FRAME_HEADER = 3,
	       AV1_OBU_TILE_GROUP = 4,
	       AV1_OBU_METADATA = 5,
	       AV1_OBU_FRAME = 6,
	       AV1_OBU_REDUNDANT = 7,
	       AV1_OBU_PADDING = 15,
};
enum av1_frame_type { AV1_KEY, AV1_INTER, AV1_INTRA_ONLY, AV1_SWITCH }; /* 6.8.2 */

/* What the one who encodes tiles works with. */
struct av1_tools {
	uint8_t size_bytes; /* of a frame header's obu_size, 1..8: a driver may overwrite it */
	uint8_t tile_bytes; /* of a tile's size, 1..4 */
	bool tx_select;     /* transform sizes are chosen by block, else the largest */
	bool cdef;
};

/* Uniform spacing (5.9.15). */
struct av1_tiles {
	uint8_t log2_columns, log2_rows;
	uint8_t min_log2_columns, min_log2_rows; /* below which the picture's size allows none */
	uint8_t max_log2_columns, max_log2_rows;
	uint8_t columns, rows;
	uint16_t each_wide, each_high; /* superblocks of all but the last */
};

struct av1_stream {
	struct av1_tools tools;
	struct av1_tiles tiles; /* av1_cut() */
	uint8_t level;          /* seq_level_idx and tier: av1_level() */
	bool high_tier;
	uint8_t depth; /* 8 or 10 */
	uint16_t width, height;
	uint32_t fps_mhz;
	enum colour_space space;
	bool full_range, pq;
};

/* Where in a frame header that was written things are that a driver may change. Bits and bytes from its OBU's start. */
struct av1_offsets {
	uint32_t qindex, segmentation, loop_filter, cdef; /* bits */
	uint32_t cdef_bits;
	uint32_t obu_size; /* byte */
	uint32_t end;      /* bits, the trailing one included */
};

static inline unsigned av1_superblocks(unsigned samples)
{
	return (samples + AV1_SUPERBLOCK - 1) / AV1_SUPERBLOCK;
}

/* At most want tiles, and no more than the size demands where that is more; none of them narrower than four or lower
 * than two superblocks. Fills tiles. Of s: size. False: the picture needs more than most. */
bool av1_cut(struct av1_stream *s, unsigned want, unsigned most);
/* The lowest level of annex A.3 that has room for it all, in the high tier where the main tier has too low a rate; 31
 * (no limits) when none has. Of s: size, fps_mhz, tiles. Fills level, high_tier. */
void av1_level(struct av1_stream *s, uint32_t kbps);

/* Whole units with their size, at most AV1_HEADER_MAX bytes; they return the bytes. */
size_t av1_delimiter_write(uint8_t *out);
size_t av1_sequence_write(uint8_t *out, const struct av1_stream *s);
/* An OBU_FRAME_HEADER; o may be NULL. The quantiser is AV1_INIT_QINDEX and no filter is used, until a driver says
 * otherwise. */
size_t av1_frame_header_write(uint8_t *out, const struct av1_stream *s, const struct pic_plan *p,
			      struct av1_offsets *o);
/* Both units of 6.7.3 and 6.7.4 as far as something is known; 0: nothing is. */
size_t av1_light_write(uint8_t *out, const struct hdr_metadata *m);
