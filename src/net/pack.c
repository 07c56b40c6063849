// SPDX-License-Identifier: GPL-3.0-or-later
/* Runs on: the tx thread; pack_finish() on main. */
#include "net/pack.h"

#include <errno.h>

#define LOG_MODULE "pack"
#include "base/log.h"

#include "net/pacer.h"

static void release_parts(struct pack *p)
{
	for (unsigned i = 0; i < p->n_parts; i++)
		au_release(p->part[i]);
	p->n_parts = 0;
	p->packing = false;
}

/* The frame will never reach the client: say so now instead of after a round trip. */
static void give_up(struct pack *p, uint32_t frame_no)
{
	release_parts(p);
	STAT_ADD(p->stats->frames_dropped, 1);
	gate_close(p->gate, frame_no, false);
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
	for (unsigned i = 0; i < p->n_parts; i++)
		p->piece[i] = (struct packet_piece){.data = p->part[i]->data, .len = p->part[i]->len};
	p->epoch = first->epoch;
	p->t = last->t;
	p->t.captured = captured;
}

static int begin(struct pack *p)
{
	uint64_t now = clock_ns();
	struct packet_frame f;
	int err;

	describe(p, &f, now);
	err = packetizer_begin(p->packetizer, &f);
	if (err < 0) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u cannot be packed (%d), dropped", f.frame_no, -err);
		give_up(p, f.frame_no);
		return err == -EOVERFLOW ? err : 1;
	}
	/* Late is what is late against the ceiling's own schedule: neither a large frame nor the one behind it is. */
	if (p->clear_ns < now)
		p->clear_ns = now;
	p->clear_ns += pacer_time_ns(packetizer_frame_bytes(p->packetizer), TUNE_GET(p->tune->ceiling_kbps));
	p->deadline_ns = p->clear_ns + p->patience_ns;
	p->packing = true;
	return 1;
}

static int gather(struct pack *p, struct au *a)
{
	if (a->first) {
		if (p->n_parts) {
			log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u has no end, dropped", p->part[0]->frame_no);
			give_up(p, p->part[0]->frame_no);
		}
		p->skipping = false;
	} else if (!p->n_parts) {
		p->skipping = true;
	}
	if (a->first && gate_stops(p->gate, a->epoch, a->frame_no)) {
		STAT_ADD(p->stats->frames_dropped, 1);
		credit_give(p->credit);
		p->skipping = true;
	}
	if (p->skipping) {
		au_release(a);
		return 1;
	}
	p->part[p->n_parts++] = a;
	if (a->last)
		return begin(p);
	if (p->n_parts == AU_RING_CAPACITY) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u has too many slices, dropped", a->frame_no);
		give_up(p, a->frame_no);
		p->skipping = true;
	}
	return 1;
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
	a = ring_pop(&p->in->ring);
	return a ? gather(p, a) : 0;
}

void pack_finish(struct pack *p)
{
	struct au *a;

	if (p->n_parts) {
		release_parts(p);
		credit_give(p->credit);
	}
	while ((a = ring_pop(&p->in->ring))) {
		/* A frame's credit goes with its first unit: its others may come after this. */
		if (a->first)
			credit_give(p->credit);
		au_release(a);
	}
}
