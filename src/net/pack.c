// SPDX-License-Identifier: GPL-3.0-or-later
/* Runs on: the tx thread; pack_finish() on main. */
#include "net/pack.h"

#include <errno.h>

#define LOG_MODULE "pack"
#include "base/log.h"

#include "net/pacer.h"

/* Of a part: as many payloads as are worth the parity that a block of its own costs. */
#define BLOCK_MIN 4u

static void release_parts(struct pack *p)
{
	for (unsigned i = 0; i < p->n_parts; i++)
		au_release(p->part[i]);
	p->n_parts = 0;
	p->packing = p->open = false;
}

/* One step towards the end of a frame that was given up after blocks of it were queued: an empty batch that send takes
 * for a broken one, then, when send is past it, the units. */
static int end_frame(struct pack *p)
{
	struct pkt_batch *b;

	if (p->ending == ENDING_QUEUED) {
		if (batch_front(p->pool))
			return 0;
		p->ending = ENDING_NONE;
		release_parts(p);
		return 1;
	}
	b = batch_take(p->pool);
	if (!b)
		return 0;
	b->frame_no = p->frame_no;
	b->epoch = p->epoch;
	b->broken = b->last = true;
	batch_queue(p->pool, b);
	p->ending = ENDING_QUEUED;
	return 1;
}

/* The frame will never reach the client whole: say so now instead of after a round trip. */
static void give_up(struct pack *p)
{
	if (p->open) {
		p->ending = ENDING_WANTED;
		return;
	}
	release_parts(p);
	STAT_ADD(p->stats->frames_dropped, 1);
	gate_close(p->gate, p->frame_no, false);
	credit_give(p->credit);
}

static enum frame_class class_of(const struct pack *p)
{
	const struct au *first = p->part[0];

	if (first->key || first->after_rfi)
		return FRAME_VITAL;
	return first->ltr ? FRAME_MARKED : FRAME_ORDINARY;
}

static void describe(struct pack *p, struct packet_frame *f, uint64_t now)
{
	const struct au *first = p->part[0], *last = p->part[p->n_parts - 1];
	uint64_t captured = first->t.captured;

	*f = (struct packet_frame){
		.frame_no = first->frame_no,
		.pts_ns = first->pts_ns,
		.type = first->key         ? RTP_FRAME_IDR
			: first->after_rfi ? RTP_FRAME_P_AFTER_RFI
					   : RTP_FRAME_P,
		.ltr = last->ltr,
		.fec_percent = p->with_parity ? TUNE_GET(p->tune->fec_percent[class_of(p)]) : 0,
		.fec_min = p->fec_min,
		.piece = p->piece,
		.n_pieces = p->n_parts,
	};
	if (captured && captured < now && !first->repeat)
		f->latency_100us = rtp_video_latency(now - captured);
}

/* What was just planned is to be packed. Late is what is late against the ceiling's own schedule: neither a large frame
 * nor the one behind it is. */
static void schedule(struct pack *p, uint64_t now)
{
	if (p->clear_ns < now)
		p->clear_ns = now;
	p->clear_ns += pacer_time_ns(packetizer_frame_bytes(p->packetizer), TUNE_GET(p->tune->ceiling_kbps));
	p->deadline_ns = p->clear_ns + p->patience_ns;
	p->packing = true;
}

static int cannot(struct pack *p, int err)
{
	log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u cannot be packed (%d), dropped", p->frame_no, -err);
	give_up(p);
	return err == -EOVERFLOW ? err : 1;
}

/* All units are there. */
static int finish(struct pack *p)
{
	uint64_t now = clock_ns();
	int err;

	if (p->open) {
		err = packetizer_close(p->packetizer);
	} else {
		struct packet_frame f;

		describe(p, &f, now);
		err = packetizer_begin(p->packetizer, &f);
	}
	if (err < 0)
		return cannot(p, err);
	schedule(p, now);
	return 1;
}

/* How many payloads of what is there are to be a block, 0: none yet. What follows must fit the blocks after it with its
 * parity in full, and be it a third more than expected. */
static unsigned early_block(const struct pack *p)
{
	const struct au *newest = p->part[p->n_parts - 1];
	unsigned n = packetizer_ready(p->packetizer);
	size_t there = packetizer_queued(p->packetizer), expected = newest->expected, rest;

	if (n < BLOCK_MIN)
		return 0;
	rest = there / packetizer_payload(p->packetizer) - n;
	if (expected > p->len)
		rest += (expected - p->len) / packetizer_payload(p->packetizer);
	return rest + rest / 3 < packetizer_room_after(p->packetizer) ? n : 0;
}

/* More units are to come. */
static int go_on(struct pack *p)
{
	uint64_t now = clock_ns();
	unsigned n;
	int err;

	if (!p->open) {
		struct packet_frame f;

		describe(p, &f, now);
		packetizer_open(p->packetizer, &f, p->fixed_blocks ? 2 : 0);
	}
	n = early_block(p);
	if (!n)
		return 1;
	err = packetizer_commit(p->packetizer, n);
	if (err < 0)
		return cannot(p, err);
	if (!p->open)
		STAT_ADD(p->stats->frames_in_parts, 1);
	p->open = true;
	schedule(p, now);
	return 1;
}

/* Of the frame being gathered. */
static int take_part(struct pack *p, struct au *a)
{
	p->piece[p->n_parts] = (struct packet_piece){.data = a->data, .len = a->len};
	p->part[p->n_parts++] = a;
	p->len += a->len;
	p->t.encoded = a->t.encoded;
	if (a->broken) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u was not encoded to its end, dropped", p->frame_no);
		give_up(p);
		return 1;
	}
	if (p->open)
		packetizer_append(p->packetizer);
	if (a->last)
		return finish(p);
	if (p->n_parts == AU_RING_CAPACITY) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u has too many slices, dropped", p->frame_no);
		give_up(p);
		return 1;
	}
	return go_on(p);
}

static int gather(struct pack *p, struct au *a)
{
	if (a->first) {
		if (p->n_parts) {
			log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u has no end, dropped", p->frame_no);
			give_up(p);
			p->next = a;
			return 1;
		}
		p->skipping = gate_stops(p->gate, a->epoch, a->frame_no);
		if (p->skipping) {
			STAT_ADD(p->stats->frames_dropped, 1);
			credit_give(p->credit);
		}
		p->frame_no = a->frame_no;
		p->epoch = a->epoch;
		p->len = 0;
		p->t = a->t;
	} else if (!p->n_parts) {
		p->skipping = true;
	}
	if (p->skipping) {
		au_release(a);
		return 1;
	}
	return take_part(p, a);
}

/* With the last batch of a frame its credit becomes send's to give. */
static int pack_batch(struct pack *p)
{
	struct pkt_batch *b = batch_take(p->pool);
	int more;

	if (!b)
		return 0;
	more = packetizer_next(p->packetizer, b);
	if (more < 0)
		b->broken = b->last = true;
	b->epoch = p->epoch;
	b->deadline_ns = p->deadline_ns;
	p->t.packed = clock_ns();
	b->t = p->t;
	STAT_ADD(p->stats->blocks, 1);
	STAT_ADD(p->stats->shards_data, b->n_data);
	STAT_ADD(p->stats->shards_parity, (unsigned)(b->n_packets - b->n_data));
	batch_queue(p->pool, b);
	if (more > 0)
		return 1;
	p->packing = false;
	if (more == 0 && !b->last)
		return 1;
	p->skipping = more < 0; /* what is still to come of it, if anything */
	release_parts(p);
	if (more == 0 && p->t.encoded && p->t.packed > p->t.encoded)
		hist_add(&p->stats->pack, p->t.packed - p->t.encoded);
	return more < 0 ? more : 1;
}

int pack_step(struct pack *p)
{
	struct au *a;

	if (p->packing)
		return pack_batch(p);
	if (p->ending)
		return end_frame(p);
	a = p->next ? p->next : ring_pop(&p->in->ring);
	p->next = NULL;
	return a ? gather(p, a) : 0;
}

void pack_finish(struct pack *p)
{
	struct au *a;

	if (p->n_parts) {
		release_parts(p);
		/* Behind the end of a frame it is send's to give. */
		if (p->ending != ENDING_QUEUED)
			credit_give(p->credit);
	}
	while ((a = p->next ? p->next : ring_pop(&p->in->ring))) {
		p->next = NULL;
		/* A frame's credit goes with its first unit: its others may come after this. */
		if (a->first)
			credit_give(p->credit);
		au_release(a);
	}
}
