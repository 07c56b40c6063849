// SPDX-License-Identifier: GPL-3.0-or-later
#include "input/pad_ff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define ENVELOPE_STEP_NS (50 * NS_PER_MS)
#define LEVEL_MAX        0xffffu

void pad_ff_init(struct pad_ff *f)
{
	memset(f, 0, sizeof(*f));
	f->gain = LEVEL_MAX;
}

static void start(struct pad_ff_slot *s, uint64_t now_ns)
{
	s->started = true;
	s->start_ns = now_ns + s->effect.replay.delay * NS_PER_MS;
}

int pad_ff_upload(struct pad_ff *f, const struct ff_effect *e, uint64_t now_ns)
{
	struct pad_ff_slot *s;

	if (e->id < 0 || e->id >= PAD_FF_EFFECTS || (e->type != FF_RUMBLE && e->type != FF_PERIODIC))
		return -EINVAL;
	s = &f->slot[e->id];
	s->effect = *e;
	s->loaded = true;
	if (s->started)
		start(s, now_ns);
	return 0;
}

void pad_ff_erase(struct pad_ff *f, uint32_t id)
{
	if (id < PAD_FF_EFFECTS)
		memset(&f->slot[id], 0, sizeof(f->slot[id]));
}

void pad_ff_event(struct pad_ff *f, uint16_t code, int32_t value, uint64_t now_ns)
{
	struct pad_ff_slot *s;

	if (code == FF_GAIN) {
		f->gain = (uint16_t)(value < 0 ? 0 : value > (int32_t)LEVEL_MAX ? (int32_t)LEVEL_MAX : value);
		return;
	}
	if (code >= PAD_FF_EFFECTS || !f->slot[code].loaded)
		return;
	s = &f->slot[code];
	s->started = false;
	if (value <= 0)
		return;
	s->count = (uint32_t)value;
	start(s, now_ns);
}

/* Level of a periodic effect at_ns into a play; *next_ns: time to the next step of its envelope. */
static uint32_t envelope(const struct ff_effect *e, uint64_t at_ns, uint64_t *next_ns)
{
	const struct ff_envelope *v = &e->u.periodic.envelope;
	uint64_t length = e->replay.length * NS_PER_MS, attack = v->attack_length * NS_PER_MS;
	uint64_t fade = v->fade_length * NS_PER_MS;
	int64_t level = abs(e->u.periodic.magnitude), from, time, whole;

	*next_ns = NS_NEVER;
	if (at_ns < attack) {
		from = v->attack_level;
		time = (int64_t)at_ns;
		whole = (int64_t)attack;
	} else if (fade && length && at_ns + fade > length) {
		from = v->fade_level;
		time = (int64_t)(length - at_ns);
		whole = (int64_t)fade;
	} else {
		if (fade && length)
			*next_ns = length - fade - at_ns;
		return (uint32_t)level;
	}
	*next_ns = ENVELOPE_STEP_NS;
	if (from > INT16_MAX)
		from = INT16_MAX;
	return (uint32_t)(from + (level - from) * (time / 1000) / (whole / 1000));
}

/* Adds one playing effect, at_ns into a play. */
static void add(const struct pad_ff *f, const struct ff_effect *e, uint64_t at_ns, uint32_t sum[2], uint64_t *next_ns)
{
	uint32_t level;

	if (e->type == FF_RUMBLE) {
		sum[0] += (uint32_t)e->u.rumble.strong_magnitude * f->gain / LEVEL_MAX;
		sum[1] += (uint32_t)e->u.rumble.weak_magnitude * f->gain / LEVEL_MAX;
		*next_ns = NS_NEVER;
		return;
	}
	level = envelope(e, at_ns, next_ns) * f->gain / INT16_MAX;
	sum[0] += level;
	sum[1] += level;
}

struct pad_ff_level pad_ff_mix(struct pad_ff *f, uint64_t now_ns)
{
	struct pad_ff_level out = {.next_ns = NS_NEVER};
	uint32_t sum[2] = {0};

	for (unsigned i = 0; i < PAD_FF_EFFECTS; i++) {
		struct pad_ff_slot *s = &f->slot[i];
		uint64_t length = s->effect.replay.length * NS_PER_MS, next;
		uint64_t cycle = length + s->effect.replay.delay * NS_PER_MS, at, plays;

		if (!s->started)
			continue;
		if (now_ns < s->start_ns) {
			next = s->start_ns;
		} else if (!length) { /* until stopped */
			add(f, &s->effect, now_ns - s->start_ns, sum, &next);
			next = next == NS_NEVER ? NS_NEVER : now_ns + next;
		} else {
			plays = (now_ns - s->start_ns) / cycle;
			at = (now_ns - s->start_ns) % cycle;
			if (plays >= s->count || (plays + 1 == s->count && at >= length)) {
				s->started = false;
				continue;
			}
			if (at < length) {
				add(f, &s->effect, at, sum, &next);
				if (next > length - at)
					next = length - at;
			} else { /* the delay before the next play */
				next = cycle - at;
			}
			next += now_ns;
		}
		if (next < out.next_ns)
			out.next_ns = next;
	}
	out.strong = (uint16_t)(sum[0] > LEVEL_MAX ? LEVEL_MAX : sum[0]);
	out.weak = (uint16_t)(sum[1] > LEVEL_MAX ? LEVEL_MAX : sum[1]);
	return out;
}
