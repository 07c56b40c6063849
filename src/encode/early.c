// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/early.h"

#include "encode/encoder.h"

#define SMOOTH 8 /* frames that a size is smoothed over */
/* Of a frame: where two threads work on a half each, a quarter of the upper half is an eighth. */
#define PART_LONG  10 /* parts of a long frame; the third leaves before the frame is complete */
#define PART_SHORT 5  /* the only part of a short one: it begins to leave after two slices of four */
#define PART_FIXED 4  /* the only part of a long one where no more is allowed */

void early_init(struct early *e, enum early_mode mode, uint32_t payload, uint32_t kbps, uint32_t fps_mhz)
{
	uint64_t share = (uint64_t)kbps * 1000 * 1000 / 8 / fps_mhz;

	*e = (struct early){.mode = mode, .payload = payload};
	for (unsigned k = 0; k < 2; k++)
		e->kind[k].size = share > UINT32_MAX ? UINT32_MAX : (uint32_t)share;
}

struct early_choice early_choose(struct early *e, bool key, bool whole)
{
	struct early_kind *k = &e->kind[key];
	uint32_t payloads = k->size / e->payload, part;
	bool longer = payloads >= EARLY_LONG, several = longer && e->mode == EARLY_AUTO;

	if (e->mode == EARLY_OFF || whole)
		return (struct early_choice){0};
	k->on = payloads >= (k->on ? EARLY_FRAME_OFF : EARLY_FRAME_ON);
	if (!k->on)
		return (struct early_choice){0};
	part = payloads / (several ? PART_LONG : longer ? PART_FIXED : PART_SHORT);
	if (part < EARLY_BLOCK_MIN)
		part = EARLY_BLOCK_MIN;
	return (struct early_choice){
		.unit_bytes = part * e->payload,
		.units = several ? ENCODER_UNITS_MAX : 2,
		.expected = k->size,
	};
}

void early_frame(struct early *e, bool key, size_t bytes)
{
	struct early_kind *k = &e->kind[key];
	int64_t step = ((int64_t)(bytes < UINT32_MAX ? bytes : UINT32_MAX) - k->size) / SMOOTH;

	k->size = (uint32_t)(k->size + step);
}
