// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * AV1 units that somebody else wrote, as far as references are concerned: walk over them, sequence header, start of a
 * frame header. Low-overhead format (5.2); what hardware emits is not trusted. Pure and bounded; numbers are sections
 * of the AV1 specification.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/av1_headers.h"

struct av1_unit {
	uint8_t type;
	const uint8_t *start, *payload;
	size_t size, len; /* from start; of the payload */
};

struct av1_walk {
	const uint8_t *p, *end;
};

static inline struct av1_walk av1_walk_init(const uint8_t *data, size_t len)
{
	return (struct av1_walk){data, data + len};
}

/* The next unit. 0; 1: the end; -EPROTO: cut off, forbidden bits, or without a size. */
int av1_walk_next(struct av1_walk *w, struct av1_unit *u);

/* What frame headers are read with. */
struct av1_sequence {
	bool known;
	uint32_t width, height; /* of all frames, at most */
	bool frame_ids, order_hint;
	uint8_t order_hint_bits, frame_id_bits, delta_id_bits;
	uint8_t screen_content, integer_mv; /* 2: said per frame */
};

/* -EPROTO: broken, or of a kind no real-time encoder writes (still pictures, decoder models). */
int av1_sequence_read(struct av1_sequence *s, const struct av1_unit *u);

struct av1_frame_start {
	enum av1_frame_type type;
	bool shown, error_resilient;
	uint8_t primary;         /* AV1_PRIMARY_NONE: none */
	uint8_t refresh;         /* bit per slot */
	uint8_t name[AV1_NAMES]; /* slot of each; of inter frames */
};

/* u: an AV1_OBU_FRAME_HEADER or AV1_OBU_FRAME. -EPROTO: broken, an older frame again, or short signalling. */
int av1_frame_read(struct av1_frame_start *f, const struct av1_sequence *s, const struct av1_unit *u);

/* Whether it is the frame of that plan as far as slots go: what it refers to, begins its coder with, and replaces. */
bool av1_frame_is(const struct av1_frame_start *f, const struct av1_sequence *s, const struct pic_plan *p);
