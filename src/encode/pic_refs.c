// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/pic_refs.h"

#include <assert.h>
#include <errno.h>

void pic_refs_init(struct pic_refs *r, unsigned dpb, bool long_term)
{
	assert(dpb >= 1 && dpb <= PIC_REFS_DPB_MAX);
	*r = (struct pic_refs){.long_term = long_term && dpb > 1};
	ref_slots_init(&r->slots, r->long_term ? dpb - 1 : 1);
}

unsigned pic_refs_surfaces(const struct pic_refs *r)
{
	return r->slots.n + 1;
}

static int place_of(const struct pic_refs *r, uint32_t frame)
{
	for (unsigned i = 0; i < r->slots.n; i++)
		if (r->held[i].used && r->held[i].frame == frame)
			return (int)i;
	return -1;
}

/* Whether a slot names that frame and may be referred to. */
static bool valid(const struct pic_refs *r, uint32_t frame)
{
	for (unsigned i = 0; i < r->slots.n; i++)
		if (r->slots.slot[i].valid && r->slots.slot[i].frame == frame)
			return true;
	return false;
}

/* Whether a slot goes on naming that frame once the planned one is encoded. */
static bool stays(const struct pic_refs *r, const struct ref_plan *p, uint32_t frame)
{
	for (unsigned i = 0; i < r->slots.n; i++)
		if (!(p->refresh >> i & 1) && r->slots.slot[i].frame == frame)
			return true;
	return false;
}

/* There is one: a slot is replaced, so one frame fewer than there are places stays. */
static uint8_t free_place(const struct pic_refs *r, const struct ref_plan *p)
{
	for (unsigned i = 0; i < r->slots.n; i++)
		if (!r->held[i].used)
			return (uint8_t)i;
	for (unsigned i = 0; i < r->slots.n; i++)
		if (!stays(r, p, r->held[i].frame))
			return (uint8_t)i;
	assert(!"a frame without a place");
	return 0;
}

static uint8_t free_surface(const struct pic_refs *r)
{
	uint32_t taken = 0;

	for (unsigned i = 0; i < r->slots.n; i++)
		if (r->held[i].used)
			taken |= 1u << r->held[i].surface;
	return (uint8_t)__builtin_ctz(~taken);
}

void pic_refs_plan(const struct pic_refs *r, bool idr, uint32_t frame, struct pic_plan *p)
{
	*p = (struct pic_plan){.idr = idr, .long_term = r->long_term, .frame = frame, .surface = free_surface(r)};
	ref_slots_plan(&r->slots, idr, false, &p->slots);
	if (idr) {
		p->places = 1;
		/* Of two IDRs in a row it must differ (7.4.3). */
		p->idr_id = r->idr_id;
		return;
	}
	p->places = (uint8_t)r->slots.n;
	p->ref = (uint8_t)place_of(r, r->slots.slot[p->slots.ref].frame);
	p->index = free_place(r, &p->slots);
	p->number = frame - r->idr_frame;
	for (unsigned i = 0; i < r->slots.n; i++)
		if (r->held[i].used && valid(r, r->held[i].frame))
			p->kept |= (uint8_t)(1u << i);
}

void pic_refs_encoded(struct pic_refs *r, const struct pic_plan *p, bool marked)
{
	if (p->idr) {
		for (unsigned i = 0; i < r->slots.n; i++)
			r->held[i].used = false;
		r->idr_frame = p->frame;
		r->idr_id = !p->idr_id;
	}
	r->held[p->index] = (struct pic_held){
		.used = true,
		.surface = p->surface,
		.frame = p->frame,
		.number = p->number,
	};
	ref_slots_encoded(&r->slots, &p->slots, p->frame, marked);
}

/* Whether those on the wire do, of the picture before the first and of the one that a client decodes next, which has
 * the number after the newest. */
static bool numbers_tell(const struct pic_refs *r, uint32_t first, uint32_t newest)
{
	return (first - 1 - r->idr_frame) >> PIC_REFS_NUMBER_BITS ==
		       (newest + 1 - r->idr_frame) >> PIC_REFS_NUMBER_BITS &&
	       newest - first < 1u << (PIC_REFS_NUMBER_BITS - 1);
}

int pic_refs_invalidate(struct pic_refs *r, uint32_t first, uint32_t newest)
{
	if (!r->long_term || first <= r->idr_frame)
		return -ENOENT;
	if (!r->unnumbered && !numbers_tell(r, first, newest))
		return -ENOENT;
	return ref_slots_invalidate(&r->slots, first);
}

void pic_refs_ack(struct pic_refs *r, uint32_t frame)
{
	if (r->long_term)
		ref_slots_ack(&r->slots, frame);
}
