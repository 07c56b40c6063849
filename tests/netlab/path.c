// SPDX-License-Identifier: GPL-3.0-or-later
#include "path.h"

#include <stdlib.h>

#define NS_PER_S  1000000000ull
#define UNLIMITED 100e9 /* bits a second of a link without limit */

struct chance {
	uint64_t state;
};

struct loss_state {
	struct chance chance;
	bool bad;
	unsigned left, count;
};

struct waiting {
	uint64_t leaves_ns;
	uint32_t bytes;
};

struct path {
	struct path_params p;
	struct loss_state loss[PATH_LOSSES];
	struct chance jitter, reorder, duplicate;
	double spent; /* bits the link has promised, on the scale of could_send() */
	uint64_t last_ns;
	struct waiting queue[PATH_QUEUE];
	unsigned head, waiting;
	uint64_t queued, queued_high;
};

/* splitmix64 */
static uint64_t next_random(struct chance *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static double next_share(struct chance *c)
{
	return (double)(next_random(c) >> 11) * 0x1p-53;
}

static struct chance chance_new(uint64_t seed, uint64_t use)
{
	struct chance c = {seed};

	c.state = next_random(&c) ^ use * 0xd1342543de82ef95ull;
	return c;
}

struct path *path_create(const struct path_params *params, uint64_t seed)
{
	struct path *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->p = *params;
	for (unsigned i = 0; i < params->losses; i++)
		p->loss[i].chance = chance_new(seed, 10 + i);
	p->jitter = chance_new(seed, 1);
	p->reorder = chance_new(seed, 2);
	p->duplicate = chance_new(seed, 3);
	return p;
}

void path_destroy(struct path *p)
{
	free(p);
}

static bool burst_drops(struct loss_state *s, double rate, unsigned n)
{
	if (s->left) {
		s->left--;
		return true;
	}
	/* With runs of n the share is n / (n + kept between them): solved for the chance that a run starts. */
	if (next_share(&s->chance) >= rate / (rate + n * (1 - rate)))
		return false;
	s->left = n - 1;
	return true;
}

static bool gilbert_drops(struct loss_state *s, const struct path_loss *l)
{
	double turn = next_share(&s->chance), drop = next_share(&s->chance);

	if (turn < (s->bad ? l->leave : l->enter))
		s->bad = !s->bad;
	return drop < (s->bad ? l->bad : l->good);
}

static bool loss_drops(struct loss_state *s, const struct path_loss *l)
{
	switch (l->model) {
	case PATH_LOSS_RANDOM:
		return next_share(&s->chance) < l->rate;
	case PATH_LOSS_GILBERT:
		return gilbert_drops(s, l);
	case PATH_LOSS_NTH:
		if (++s->count < l->n)
			return false;
		s->count = 0;
		return true;
	case PATH_LOSS_BURST:
		return burst_drops(s, l->rate, l->n);
	}
	return false;
}

static double step_bps(const struct path_step *s)
{
	return s->bps ? (double)s->bps : UNLIMITED;
}

/* Bits the link could have sent from the start until then; then_bits() is its inverse. */
static double could_send(const struct path_params *p, uint64_t then_ns)
{
	double bits = 0;

	for (unsigned i = 0; i < p->steps; i++) {
		uint64_t from = i ? p->rate[i].at_ns : 0, until = i + 1 < p->steps ? p->rate[i + 1].at_ns : UINT64_MAX;

		if (then_ns < until)
			return bits + step_bps(&p->rate[i]) * (double)(then_ns - from) / (double)NS_PER_S;
		bits += step_bps(&p->rate[i]) * (double)(until - from) / (double)NS_PER_S;
	}
	return bits;
}

static uint64_t then_bits(const struct path_params *p, double want)
{
	double bits = 0;

	for (unsigned i = 0; i < p->steps; i++) {
		uint64_t from = i ? p->rate[i].at_ns : 0;
		double bps = step_bps(&p->rate[i]), step;

		if (i + 1 < p->steps) {
			step = bps * (double)(p->rate[i + 1].at_ns - from) / (double)NS_PER_S;
			if (bits + step <= want) {
				bits += step;
				continue;
			}
		}
		return from + (uint64_t)((want - bits) * (double)NS_PER_S / bps);
	}
	return 0;
}

static void forget_sent(struct path *p, uint64_t now_ns)
{
	while (p->waiting && p->queue[p->head].leaves_ns <= now_ns) {
		p->queued -= p->queue[p->head].bytes;
		p->head = (p->head + 1) % PATH_QUEUE;
		p->waiting--;
	}
}

/* A token bucket behind a queue with tail drop, worked out at arrival: the schedule of its rate is known. */
static bool link_takes(struct path *p, uint64_t now_ns, uint32_t bytes, uint64_t *leaves_ns)
{
	double size = bytes * 8.0, depth = p->p.burst_bytes > bytes ? p->p.burst_bytes * 8.0 : size;
	double now_bits, spent;

	*leaves_ns = now_ns;
	if (!p->p.steps)
		return true;
	forget_sent(p, now_ns);
	now_bits = could_send(&p->p, now_ns);
	spent = (p->spent > now_bits ? p->spent : now_bits) + size;
	if (spent - depth > now_bits) {
		if (p->waiting == PATH_QUEUE || (p->p.queue_bytes && p->queued + bytes > p->p.queue_bytes))
			return false;
		*leaves_ns = then_bits(&p->p, spent - depth);
	}
	p->spent = spent;
	if (*leaves_ns > now_ns) {
		p->queue[(p->head + p->waiting++) % PATH_QUEUE] = (struct waiting){*leaves_ns, bytes};
		p->queued += bytes;
		if (p->queued > p->queued_high)
			p->queued_high = p->queued;
	} else {
		*leaves_ns = now_ns;
	}
	return true;
}

static bool within(uint64_t t, uint64_t from, uint64_t until)
{
	return t >= from && t < until;
}

static enum path_fate dropped(struct path *p, uint64_t now_ns, unsigned port)
{
	enum path_fate fate = PATH_PASS;

	for (unsigned i = 0; i < p->p.outages; i++) {
		if (within(now_ns, p->p.outage[i].from_ns, p->p.outage[i].until_ns))
			fate = PATH_OUTAGE;
	}
	/* Every model sees every packet that is its own, whatever became of it: one does not shift another. */
	for (unsigned i = 0; i < p->p.losses; i++) {
		const struct path_loss *l = &p->p.loss[i];

		if ((l->ports >> port & 1) && within(now_ns, l->from_ns, l->until_ns) && loss_drops(&p->loss[i], l) &&
		    fate == PATH_PASS)
			fate = PATH_LOST;
	}
	return fate;
}

struct path_verdict path_packet(struct path *p, uint64_t now_ns, unsigned port, uint32_t bytes)
{
	struct path_verdict v = {.fate = dropped(p, now_ns, port)};
	uint64_t at;

	if (v.fate != PATH_PASS)
		return v;
	if (!link_takes(p, now_ns, bytes, &at)) {
		v.fate = PATH_QUEUE_FULL;
		return v;
	}
	at += p->p.delay_ns;
	if (p->p.jitter_ns)
		at += (uint64_t)(next_share(&p->jitter) * (double)p->p.jitter_ns);
	if (p->p.keep_order && at < p->last_ns)
		at = p->last_ns;
	if (at > p->last_ns)
		p->last_ns = at;
	if (p->p.reorder > 0 && next_share(&p->reorder) < p->p.reorder) {
		v.reordered = true;
		at += p->p.reorder_ns; /* those behind it pass */
	}
	v.copies = p->p.duplicate > 0 && next_share(&p->duplicate) < p->p.duplicate ? 2 : 1;
	v.at_ns[0] = v.at_ns[1] = at;
	return v;
}

uint64_t path_queue_high(const struct path *p)
{
	return p->queued_high;
}
