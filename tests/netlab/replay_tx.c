// SPDX-License-Identifier: GPL-3.0-or-later
#include "replay_tx.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

#define PATIENCE_FRAMES 3u /* as net/video_tx.c */

uint64_t replay_now_ns = NS_PER_S;

/* Lengths are all that matters. */
static const uint8_t blank[RECORD_UNIT_MAX];

/* The socket: there is one replay at a time. */
static struct replay_tx *self;

/* In place of src/net/udp_train.c. */
void udp_train_init(struct udp_train *t, int fd)
{
	(void)fd;
	*t = (struct udp_train){0};
}

int udp_train_send(struct udp_train *t, int fd, const uint8_t *bytes, unsigned packet_len, unsigned count,
		   uint64_t at_ns)
{
	const struct pkt_batch *b = batch_front(&self->pool);

	(void)t, (void)fd, (void)at_ns;
	self->on_train(self->ctx, &(struct replay_train){
					  .batch = b,
					  .first = (unsigned)((size_t)(bytes - b->bytes) / packet_len),
					  .count = count,
					  .packet_len = packet_len,
				  });
	return (int)count;
}

static void release(struct au *a)
{
	self->used[a - self->unit] = false;
}

int replay_tx_init(struct replay_tx *tx, const struct record_stream *s,
		   void (*on_train)(void *ctx, const struct replay_train *t), void *ctx)
{
	const struct video_params *v = &s->video;
	const struct packetizer_params pp = {.packet_size = v->packet_size, .encrypt = v->encrypt};
	uint16_t packet_len = packetizer_packet_len(&pp);
	int err;

	memset(tx, 0, sizeof(*tx));
	self = tx;
	tx->on_train = on_train;
	tx->ctx = ctx;
	feedback_init(&tx->feedback);
	tx->gate.feedback = &tx->feedback;
	tx->credit.wake = &tx->wake;
	tx->send = (struct send){
		.packet_len = packet_len,
		.tune = &tx->tune,
		.pool = &tx->pool,
		.credit = &tx->credit,
		.gate = &tx->gate,
		.stats = &tx->stats,
	};
	tx->pack = (struct pack){
		.with_parity = v->fec_percent != 0,
		.fec_min = v->fec_min,
		.tune = &tx->tune,
		.patience_ns = PATIENCE_FRAMES * 1000 * NS_PER_S / v->fps_mhz,
		.fixed_blocks = s->fixed_blocks,
		.in = &tx->aus,
		.pool = &tx->pool,
		.credit = &tx->credit,
		.gate = &tx->gate,
		.stats = &tx->stats,
	};
	err = ring_init(&tx->aus.ring, AU_RING_CAPACITY);
	if (!err)
		err = batch_pool_init(&tx->pool, packet_len);
	if (!err && !(tx->pack.packetizer = packetizer_create(&pp)))
		err = -ENOMEM;
	if (err)
		replay_tx_finish(tx);
	return err;
}

void replay_tx_finish(struct replay_tx *tx)
{
	if (tx->pack.packetizer) {
		pack_finish(&tx->pack);
		send_finish(&tx->send);
	}
	packetizer_destroy(tx->pack.packetizer);
	batch_pool_finish(&tx->pool);
	ring_finish(&tx->aus.ring);
	tx->pack.packetizer = NULL;
}

/* encode/worker.c's take_unsent(), with a recovery frame that is always possible. */
static void take_unsent(struct replay_tx *tx)
{
	uint32_t epoch, wire;
	bool partly;

	if (!feedback_take_unsent(&tx->feedback, &epoch, &wire, &partly))
		return;
	tx->epoch = epoch;
	numbering_give_back(&tx->numbering, wire);
	tx->recover = true;
}

static struct au *free_unit(struct replay_tx *tx)
{
	for (unsigned i = 0; i < REPLAY_UNITS; i++)
		if (!tx->used[i]) {
			tx->used[i] = true;
			return &tx->unit[i];
		}
	return NULL;
}

static void begin_frame(struct replay_tx *tx, const struct record_unit *u)
{
	take_unsent(tx);
	tx->passing = credit_used(&tx->credit) >= CREDIT_FRAMES;
	if (tx->passing) {
		tx->passed_over++;
		return;
	}
	credit_take(&tx->credit);
	tx->vital = tx->recover || u->flags & (RECORD_KEY | RECORD_RECOVERY);
	tx->recover = false;
	tx->frame_no = numbering_next(&tx->numbering);
	numbering_encoded(&tx->numbering);
	tx->pts_ns = replay_now_ns;
}

void replay_tx_push(struct replay_tx *tx, const struct record_unit *u, uint32_t len)
{
	bool first = u->flags & RECORD_FIRST, key = u->flags & RECORD_KEY;
	struct au *a;

	if (first)
		begin_frame(tx, u);
	/* A recording that missed events may begin inside a frame. */
	if (tx->passing || !tx->frame_no || ring_free(&tx->aus.ring) == 0)
		return;
	a = free_unit(tx);
	if (!a)
		return;
	*a = (struct au){
		.release = release,
		.first = first,
		.last = u->flags & RECORD_LAST,
		.broken = u->flags & RECORD_BROKEN,
		.key = key,
		.after_rfi = tx->vital && !key,
		.ltr = u->flags & RECORD_MARKED,
		.repeat = u->flags & RECORD_REPEAT,
		.data = blank,
		.len = len,
		.expected = u->expected,
		.frame_no = tx->frame_no,
		.epoch = tx->epoch,
		.pts_ns = tx->pts_ns,
		.t = {.captured = u->age_ns && u->age_ns < replay_now_ns ? replay_now_ns - u->age_ns : 0,
		      .encoded = replay_now_ns},
	};
	ring_push(&tx->aus.ring, a);
}

uint64_t replay_tx_run(struct replay_tx *tx)
{
	for (;;) {
		struct send_step step = send_step(&tx->send);

		if (step.what == SEND_DONE)
			continue;
		if (pack_step(&tx->pack) > 0)
			continue;
		return step.what == SEND_WAIT ? step.at_ns : NS_NEVER;
	}
}
