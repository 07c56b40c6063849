// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * AV1 as far as a client looks at it, and a little further so that the host can be judged: which units a temporal unit
 * is made of, what the sequence header says, what a frame refers to and replaces. Low-overhead format; clause numbers
 * are those of the AV1 specification. Pure and bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum obu_type { /* 6.2.2 */
		OBU_SEQUENCE = 1,
		OBU_DELIMITER = 2,
		OBU_FRAME_HEADER = 3,
		OBU_TILE_GROUP = 4,
		OBU_METADATA = 5,
		OBU_FRAME = 6,
		OBU_PADDING = 15,
};

enum obu_frame_type { OBU_KEY, OBU_INTER, OBU_INTRA_ONLY, OBU_SWITCH }; /* 6.8.2 */

struct obu {
	uint8_t type;
	const uint8_t *payload;
	size_t len;
};

/* The unit at *p, which is moved behind it. 0, or -EINVAL: cut off, forbidden bits, or without a size. */
int obu_next(struct obu *o, const uint8_t **p, const uint8_t *end);

struct obu_sequence {
	unsigned profile, level, width, height, depth;
	unsigned primaries, transfer, matrix; /* 2: not said */
	bool full_range, mono, subsampled;
	/* what frame headers are read with */
	bool reduced, decoder_model, equal_interval, frame_ids, superblock_128, order_hint, ref_frame_mvs, superres;
	unsigned order_hint_bits, width_bits, height_bits, frame_id_bits, delta_id_bits;
	unsigned screen_content, integer_mv; /* 2: said per frame */
};

/* -EINVAL: broken. */
int obu_sequence_parse(struct obu_sequence *s, const uint8_t *p, size_t len);

struct obu_frame {
	bool existing; /* shows an older frame again; nothing else is known */
	enum obu_frame_type type;
	bool shown, error_resilient;
	uint8_t primary;    /* name whose state the entropy coder starts from; 7: none */
	uint8_t refresh;    /* bit per slot */
	uint8_t ref_idx[7]; /* slot of each name; inter frames */
	unsigned tiles;     /* 0: not known */
};

/* The beginning of a frame header, payload of OBU_FRAME or OBU_FRAME_HEADER. -EINVAL: broken; -ENOTSUP: uses what no
 * real-time encoder does. */
int obu_frame_parse(struct obu_frame *f, const struct obu_sequence *s, const uint8_t *p, size_t len);

/* What one temporal unit is made of. */
struct obu_unit {
	bool delimiter_first, sequence_known;
	unsigned count, sequences, frames, shown; /* frames: headers */
	struct obu_sequence sequence;             /* the newest, also of units before */
	struct obu_frame frame;                   /* the first */
	int error;                                /* 0, or the first one, in the order of the units */
};

/* u carries the sequence header from one unit to the next; begin with zeros. */
void obu_unit_parse(struct obu_unit *u, const uint8_t *p, size_t len);
