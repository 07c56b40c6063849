// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Bounded pool of access units. The encode thread takes one, an encoder writes the bitstream straight into it, the
 * unit travels and comes back through its release (any thread, wait-free). Each unit reserves address space for the
 * largest frame that could occur; memory is only used as far as frames have really written, so the reserve costs
 * nothing and no frame is ever cut.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/slots.h"
#include "media/au.h"
#include "media/params.h"

/* More than the wire can carry in one frame: four FEC blocks of 1023 shards (2-media 2.2). */
#define AU_BYTES_MAX (8u << 20)

struct au_slot {
	struct au au;
	uint8_t *data; /* cap bytes */
};

struct au_slab {
	struct slots slots;
	struct au_slot slot[SLOTS_MAX];
	uint8_t *memory;
	size_t cap; /* of each unit */
};

/* What one unit must hold for such pictures: an H.264 macroblock is never larger than its raw samples by more than a
 * little, and escaping adds at most half. */
size_t au_slab_unit_bytes(const struct video_params *v);

/* count <= SLOTS_MAX units of cap bytes each. -ENOMEM. */
int au_slab_init(struct au_slab *s, unsigned count, size_t cap);
/* Every unit must be back: asserted. Accepts a zeroed slab. */
void au_slab_finish(struct au_slab *s);

/* Encode thread. A unit with release, owner, slot and data set, the rest zero; NULL when all are out. */
struct au_slot *au_slab_take(struct au_slab *s);
/* Encode thread. Units not back yet. */
unsigned au_slab_out(struct au_slab *s);
