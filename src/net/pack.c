// SPDX-License-Identifier: GPL-3.0-or-later
/* Runs on: the pack thread ("video-pack"); pack_start() and pack_stop() on main. */
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
}

/* The frame will never reach the client: say so now instead of after a round trip. */
static void give_up(struct pack *p, uint32_t frame_no)
{
	release_parts(p);
	feedback_post_rfi(p->feedback, frame_no, frame_no);
	credit_give(p->credit);
}

static struct pkt_batch *wait_batch(struct pack *p)
{
	struct pkt_batch *b;

	while (!(b = batch_take(p->pool))) {
		if (thread_should_stop(&p->thread))
			return NULL;
		wake_wait(p->wake, NS_NEVER);
	}
	return b;
}

/* The ring holds as many as the pool has: a push cannot fail. */
static void pass_on(struct pack *p, struct pkt_batch *b)
{
	if (!ring_push(p->out, b))
		assert(!"more batches than the pool has");
	wake_poke(p->out_wake);
}

static void describe(struct pack *p, struct packet_frame *f)
{
	const struct au *first = p->part[0], *last = p->part[p->n_parts - 1];
	uint64_t captured = first->t.captured, now = clock_ns();

	*f = (struct packet_frame){
		.frame_no = first->frame_no,
		.pts_ns = first->pts_ns,
		.type = first->key ? RTP_FRAME_IDR : first->after_rfi ? RTP_FRAME_P_AFTER_RFI : RTP_FRAME_P,
		.ltr = last->ltr,
		.fec_percent = p->video.fec_percent,
		.fec_min = p->video.fec_min,
		.piece = p->piece,
		.n_pieces = p->n_parts,
	};
	if (captured && captured < now && !first->repeat)
		f->latency_100us = rtp_video_latency(now - captured);
	for (unsigned i = 0; i < p->n_parts; i++)
		p->piece[i] = (struct packet_piece){.data = p->part[i]->data, .len = p->part[i]->len};
}

/* From here on the frame's credit is send's to give, with the batch that says last. */
static void pack_frame(struct pack *p)
{
	struct trace t = p->part[p->n_parts - 1]->t;
	struct packet_frame f;
	uint64_t now;
	int more;

	describe(p, &f);
	t.captured = p->part[0]->t.captured;
	more = packetizer_begin(p->packetizer, &f);
	if (more < 0) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u cannot be packed (%d), dropped", f.frame_no, -more);
		give_up(p, f.frame_no);
		if (more == -EOVERFLOW)
			p->failed(p->ctx, more);
		return;
	}
	/* Late is what is late against the ceiling's own schedule: neither a large frame nor the one behind it is. */
	now = clock_ns();
	if (p->clear_ns < now)
		p->clear_ns = now;
	p->clear_ns += pacer_time_ns(packetizer_frame_bytes(p->packetizer), p->ceiling_kbps);
	do {
		struct pkt_batch *b = wait_batch(p);

		if (!b) /* stopping: pack_stop() accounts for the parts still held */
			return;
		more = packetizer_next(p->packetizer, b);
		if (more < 0)
			b->broken = b->last = true;
		b->deadline_ns = p->clear_ns + p->patience_ns;
		t.packed = clock_ns();
		b->t = t;
		STAT_ADD(p->stats->shards_data, b->n_data);
		STAT_ADD(p->stats->shards_parity, (unsigned)(b->n_packets - b->n_data));
		/* The bytes are copied: give the units back before anyone can be asked about the frame. */
		if (more <= 0)
			release_parts(p);
		pass_on(p, b);
	} while (more == 1);
	if (more < 0) {
		log_err("the cipher failed, the stream ends");
		p->failed(p->ctx, more);
		return;
	}
	if (t.encoded && t.packed > t.encoded)
		hist_add(&p->stats->pack, t.packed - t.encoded);
}

static void gather(struct pack *p, struct au *a)
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
	if (p->skipping) {
		au_release(a);
		return;
	}
	p->part[p->n_parts++] = a;
	if (a->last) {
		pack_frame(p);
	} else if (p->n_parts == AU_RING_CAPACITY) {
		log_every(NS_PER_S, LOG_LEVEL_WARN, "frame %u has too many slices, dropped", a->frame_no);
		give_up(p, a->frame_no);
		p->skipping = true;
	}
}

static void run(void *arg)
{
	struct pack *p = arg;

	log_hot_bind(p->log);
	thread_try_realtime();
	while (!thread_should_stop(&p->thread)) {
		struct au *a = ring_pop(&p->in->ring);

		if (a)
			gather(p, a);
		else
			wake_wait(p->wake, NS_NEVER);
	}
	log_hot_bind(NULL);
}

int pack_start(struct pack *p)
{
	return thread_start(&p->thread, "video-pack", run, p);
}

void pack_stop(struct pack *p)
{
	struct au *a;

	thread_stop(&p->thread);
	wake_poke(p->wake);
	thread_join(&p->thread);
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
