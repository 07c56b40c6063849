// SPDX-License-Identifier: GPL-3.0-or-later
#include "encode/ref_slots.h"

#include <assert.h>
#include <errno.h>

#define SPACED(n) ((n)*3 / 7) /* slots for the older frames */
#define HORIZON   60u         /* frames; none older is kept */

static bool usable(const struct ref_slot *s, bool only_acked)
{
	return s->valid && (s->acked || !only_acked);
}

void ref_slots_init(struct ref_slots *s, unsigned n)
{
	assert(n >= 1 && n <= REF_SLOTS);
	*s = (struct ref_slots){.n = n};
}

int ref_slots_newest(const struct ref_slots *s, bool only_acked)
{
	int best = -1;

	for (unsigned i = 0; i < s->n; i++)
		if (usable(&s->slot[i], only_acked) && (best < 0 || s->slot[i].frame > s->slot[best].frame))
			best = (int)i;
	return best;
}

/* Slots by age of their frames, oldest first. */
static void by_age(const struct ref_slots *s, uint8_t *order)
{
	for (unsigned i = 0; i < s->n; i++) {
		unsigned at = i;

		for (; at && s->slot[order[at - 1]].frame > s->slot[i].frame; at--)
			order[at] = order[at - 1];
		order[at] = (uint8_t)i;
	}
}

/* All slots are valid: the one whose frame will be missed least. */
static unsigned victim(const struct ref_slots *s)
{
	int keep = s->n > 1 ? ref_slots_newest(s, true) : -1; /* the one frame that is certain stays */
	unsigned spaced = SPACED(s->n), best = s->n;
	uint32_t now, best_span = 0, best_age = 0;
	uint8_t order[REF_SLOTS] = {0};

	by_age(s, order);
	now = s->slot[order[s->n - 1]].frame + 1;
	for (unsigned i = 1; i < s->n; i++)
		if (s->slot[order[i]].frame == s->slot[order[i - 1]].frame)
			return order[i] == keep ? order[i - 1] : order[i];

	if (!spaced || now - s->slot[order[0]].frame > HORIZON)
		return order[0] == keep ? order[1] : order[0];
	/* Where the gap that it leaves is smallest for its age. */
	for (unsigned i = 1; i <= spaced; i++) {
		uint32_t span = s->slot[order[i + 1]].frame - s->slot[order[i - 1]].frame;
		uint32_t age = now - s->slot[order[i]].frame;

		if (order[i] == keep || (best < s->n && span * best_age >= best_span * age))
			continue;
		best = i;
		best_span = span;
		best_age = age;
	}
	return best < s->n ? order[best] : order[0];
}

void ref_slots_plan(const struct ref_slots *s, bool key, bool only_acked, struct ref_plan *p)
{
	unsigned n = 0;

	*p = (struct ref_plan){.key = key};
	if (key) {
		p->refresh = (1u << REF_SLOTS) - 1;
	} else {
		int ref = ref_slots_newest(s, only_acked);

		if (ref < 0)
			ref = ref_slots_newest(s, false);
		assert(ref >= 0);
		p->ref = (uint8_t)ref;
		for (unsigned i = 0; i < s->n; i++)
			if (!s->slot[i].valid)
				p->refresh |= (uint8_t)(1u << i);
		if (!p->refresh)
			p->refresh = (uint8_t)(1u << victim(s));
	}
	p->named[n++] = p->ref;
	for (unsigned i = 0; i < REF_SLOTS; i++)
		if (i != p->ref)
			p->named[n++] = (uint8_t)i;
}

void ref_slots_encoded(struct ref_slots *s, const struct ref_plan *p, uint32_t frame, bool ltr)
{
	for (unsigned i = 0; i < s->n; i++)
		if (p->key || p->refresh >> i & 1)
			s->slot[i] = (struct ref_slot){.frame = frame, .valid = true, .ltr = ltr};
}

int ref_slots_invalidate(struct ref_slots *s, uint32_t first)
{
	bool left = false;

	for (unsigned i = 0; i < s->n; i++)
		left |= s->slot[i].valid && s->slot[i].frame < first;
	if (!left)
		return -ENOENT;
	for (unsigned i = 0; i < s->n; i++)
		if (s->slot[i].frame >= first)
			s->slot[i].valid = s->slot[i].acked = false;
	return 0;
}

bool ref_slots_ack(struct ref_slots *s, uint32_t frame)
{
	bool found = false;

	for (unsigned i = 0; i < s->n; i++) {
		struct ref_slot *slot = &s->slot[i];

		if (slot->valid && slot->ltr && slot->frame == frame)
			found = slot->acked = true;
	}
	return found;
}
