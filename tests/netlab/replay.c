// SPDX-License-Identifier: GPL-3.0-or-later
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "control/msg.h"
#include "control/tuning.h"
#include "replay_client.h"
#include "replay_tx.h"

#define BEGIN_NS   NS_PER_S /* the session's beginning in the replay's time: 0 means never in many places */
#define WINDOW_MAX 4096u    /* packets in a millisecond that are told apart */
#define MS_MAX     NS_PER_MS

const char *const replay_order_name[REPLAY_ORDERS] = {"rate", "ceiling", "parity"};

struct replay {
	const struct replay_params *p;
	const struct session_file *s;
	struct replay_result *r;
	struct replay_tx tx;
	struct tuning tuning;
	struct stream_stats then; /* as recorded: what the counters were */
	struct path *path;
	struct replay_client client;
	size_t unit, event; /* next */
	uint32_t then_kbps; /* the encoder's order in the recording */
	uint64_t ping_ns, tick_ns;
	/* decisions */
	uint32_t told, value[REPLAY_ORDERS];
	const char *why[REPLAY_ORDERS];
	/* figures */
	uint64_t window[WINDOW_MAX]; /* when the last packets left */
	uint64_t n_packets;
	bool *lost; /* by frame */
	size_t n_lost;
};

static uint64_t since(uint64_t now_ns)
{
	return now_ns - BEGIN_NS;
}

static void digest(struct replay_result *r, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++, v >>= 8)
		r->digest = (r->digest ^ (v & 0xff)) * 0x100000001b3ull;
}

/* --- what leaves --- */

static void note_packet(struct replay *x, const struct replay_train *t, unsigned index)
{
	struct replay_result *r = x->r;
	unsigned n = 0;

	digest(r, since(replay_now_ns));
	digest(r, (uint64_t)t->batch->frame_no << 32 | t->batch->n_data << 16 | index);
	x->window[x->n_packets++ % WINDOW_MAX] = replay_now_ns;
	while (n < WINDOW_MAX && n < x->n_packets &&
	       x->window[(x->n_packets - 1 - n) % WINDOW_MAX] + MS_MAX > replay_now_ns)
		n++;
	r->densest_ms = n > r->densest_ms ? n : r->densest_ms;
}

static void on_train(void *ctx, const struct replay_train *t)
{
	struct replay *x = ctx;

	x->r->longest_train = t->count > x->r->longest_train ? t->count : x->r->longest_train;
	for (unsigned i = 0; i < t->count; i++)
		note_packet(x, t, t->first + i);
	if (x->path)
		replay_client_train(&x->client, t, replay_now_ns);
}

/* --- the closed loop --- */

static void decision(struct replay *x, enum replay_order order, uint32_t value, const char *why)
{
	struct replay_result *r = x->r;

	uint32_t was = x->value[order], moved = value > was ? value - was : was - value;

	if (why == x->why[order] && moved * 20 < was)
		return; /* another order was the news */
	x->value[order] = value;
	x->why[order] = why;
	if (r->n_decisions < REPLAY_DECISIONS_MAX)
		r->decision[r->n_decisions] = (struct replay_decision){since(replay_now_ns), order, value, why};
	r->n_decisions++;
}

static void turn(struct replay *x)
{
	const struct adapt *a = &x->tuning.adapt;

	tuning_run(&x->tuning, replay_now_ns);
	x->r->ticks++;
	if (x->told == a->changes && x->r->ticks > 1)
		return;
	x->told = a->changes;
	decision(x, REPLAY_RATE, (uint32_t)a->wire_kbps, a->why_rate);
	decision(x, REPLAY_CEILING, a->orders.ceiling_kbps, a->why_ceiling);
	decision(x, REPLAY_PARITY, a->orders.fec_percent[FRAME_ORDINARY], a->why_fec);
}

static bool same_orders(const struct adapt *a, const struct record_tick *t)
{
	const struct adapt_orders *o = &a->orders;

	return o->encoder_kbps == t->encoder_kbps && o->ceiling_kbps == t->ceiling_kbps &&
	       o->whole_frames == t->whole && memcmp(o->fec_percent, t->fec_percent, FRAME_CLASSES) == 0 &&
	       (uint32_t)a->wire_kbps == t->wire_kbps && strcmp(a->why_rate, t->why_rate) == 0 &&
	       strcmp(a->why_ceiling, t->why_ceiling) == 0 && strcmp(a->why_fec, t->why_fec) == 0;
}

/* A turn with the counters of then. */
static void tick_as_recorded(struct replay *x, const struct record_tick *t)
{
	struct replay_result *r = x->r;

	STAT_SET(x->then.blocks, t->blocks);
	STAT_SET(x->then.shards_data, t->data);
	STAT_SET(x->then.shards_parity, t->parity);
	STAT_SET(x->then.packets_sent, t->packets);
	STAT_SET(x->then.bytes_sent, t->bytes);
	STAT_SET(x->then.frames_dropped, t->dropped);
	STAT_SET(x->then.rtt_us, t->rtt_us);
	turn(x);
	x->then_kbps = t->encoder_kbps;
	if (!same_orders(&x->tuning.adapt, t) && !r->ticks_otherwise++)
		r->otherwise_ns = since(replay_now_ns);
	r->recorded_data = t->data;
	r->recorded_parity = t->parity;
	r->replayed_data = STAT_GET(x->tx.stats.shards_data);
	r->replayed_parity = STAT_GET(x->tx.stats.shards_parity);
}

static void hear_block(struct replay *x, const struct adapt_block *b)
{
	tuning_block(&x->tuning, &(struct fec_status){
					 .total_data = b->data,
					 .total_parity = b->parity,
					 .received_data = b->received_data,
					 .received_parity = b->received_parity,
					 .missing_before_highest = b->missing_before_highest,
				 });
}

static void lose(struct replay *x, uint32_t first, uint32_t last)
{
	for (uint64_t i = first; i <= last && i < x->n_lost; i++)
		x->lost[i] = true;
}

static void event(struct replay *x, const struct record_event *e)
{
	const struct record_block *b = &e->block;

	if (x->path) {
		/* Only how large units were meant to be: the rest happens anew. */
		if (e->kind == RECORD_TICK)
			x->then_kbps = e->tick.encoder_kbps;
		return;
	}
	switch (e->kind) {
	case RECORD_BLOCK:
		hear_block(x, &(struct adapt_block){b->data, b->parity, b->received_data, b->received_parity,
						    b->missing_before_highest});
		if (b->received_data + b->received_parity < b->data)
			lose(x, b->frame, b->frame);
		break;
	case RECORD_TICK:
		tick_as_recorded(x, &e->tick);
		break;
	case RECORD_LOST:
		lose(x, e->lost.first, e->lost.last);
		break;
	default:
		break;
	}
}

/* --- units --- */

static void unit(struct replay *x, struct record_unit u)
{
	uint32_t now_kbps = atomic_load_explicit(&x->tx.feedback.kbps, memory_order_relaxed);
	uint64_t len = (uint64_t)u.len * now_kbps / x->then_kbps;
	bool first = u.flags & RECORD_FIRST;

	x->r->frames += first;
	if (x->path) {
		/* What is answered now is what is lost now. */
		u.flags &= (uint8_t)~RECORD_RECOVERY;
		if (first && replay_now_ns >= x->client.recovery_ns) {
			x->tx.recover = true;
			x->client.recovery_ns = NS_NEVER;
		}
	}
	len = len > RECORD_UNIT_MAX ? RECORD_UNIT_MAX : !len && u.len ? 1 : len;
	replay_tx_push(&x->tx, &u, (uint32_t)len);
	if (x->path && first)
		replay_client_frame(&x->client, x->tx.frame_no, x->tx.vital);
}

/* --- time --- */

static void ping(struct replay *x)
{
	struct adapt_block b[CLIENT_AT_ONCE];
	unsigned n = replay_client_ping(&x->client, replay_now_ns, b);

	for (unsigned i = 0; i < n; i++)
		hear_block(x, &b[i]);
	STAT_SET(x->tx.stats.rtt_us, x->client.rtt_us);
	x->ping_ns += CLIENT_PING_NS;
}

static uint64_t event_at(const struct replay *x)
{
	return x->event < x->s->n_events ? x->s->event[x->event].at_ns + BEGIN_NS : NS_NEVER;
}

/* Does what is next. False: the end. */
static bool step(struct replay *x, uint64_t *wake_ns)
{
	uint64_t unit_ns = x->unit < x->s->n_units ? x->s->unit[x->unit].at_ns + BEGIN_NS : NS_NEVER;
	uint64_t event_ns = event_at(x), next = *wake_ns;

	next = unit_ns < next ? unit_ns : next;
	next = event_ns < next ? event_ns : next;
	if (next == NS_NEVER)
		return false;
	if (x->path) {
		next = x->ping_ns < next ? x->ping_ns : next;
		next = x->tick_ns < next ? x->tick_ns : next;
	}
	replay_now_ns = next;
	if (next == event_ns) {
		event(x, &x->s->event[x->event++]);
	} else if (x->path && next == x->ping_ns) {
		ping(x);
	} else if (x->path && next == x->tick_ns) {
		turn(x);
		x->tick_ns = x->tuning.due_ns;
	} else if (next == unit_ns) {
		unit(x, x->s->unit[x->unit++].unit);
	}
	*wake_ns = replay_tx_run(&x->tx);
	return true;
}

static void start_loop(struct replay *x)
{
	const struct replay_params *p = x->p;
	const struct record_stream *s = &x->s->stream;
	struct adapt_params ap = {
		.video = s->video,
		.audio_kbps = s->audio_kbps,
		.packet_len = x->tx.send.packet_len,
		.pacing_percent = p->pacing_percent ? p->pacing_percent : s->pacing_percent,
		.floor_kbps = s->floor_kbps,
		.pin_fec = s->pin_fec || p->pin_fec,
		.pin_rate = s->pin_rate || p->pin_rate,
		.pin_ceiling = s->pin_ceiling || p->pin_ceiling,
	};

	if (p->fec_percent)
		ap.video.fec_percent = (uint8_t)p->fec_percent;
	tuning_init(&x->tuning, &ap, &x->tx.feedback, x->path ? &x->tx.stats : &x->then, &x->tx.tune);
	x->then_kbps = x->tuning.adapt.orders.encoder_kbps;
	for (size_t i = 0; i < x->s->n_events; i++) {
		if (x->s->event[i].kind != RECORD_TICK)
			continue;
		x->then_kbps = x->s->event[i].tick.encoder_kbps;
		break;
	}
}

static void finish(struct replay *x)
{
	struct replay_result *r = x->r;
	struct stream_stats *st = &x->tx.stats;

	r->ns = since(replay_now_ns);
	r->sent = (unsigned)STAT_GET(st->frames_sent);
	r->dropped = (unsigned)STAT_GET(st->frames_dropped);
	r->in_parts = (unsigned)STAT_GET(st->frames_in_parts);
	r->passed_over = x->tx.passed_over;
	r->blocks = STAT_GET(st->blocks);
	r->data = STAT_GET(st->shards_data);
	r->parity = STAT_GET(st->shards_parity);
	r->bytes = STAT_GET(st->bytes_sent);
	r->spread_p50_ns = hist_percentile(&st->pace, 500);
	r->spread_p99_ns = hist_percentile(&st->pace, 990);
	r->frames_lost = x->path ? x->client.broken_frames : 0;
	r->frames_not_shown = x->client.frames_not_shown;
	r->lost_packets = x->client.lost_packets;
	r->recovered_blocks = x->client.recovered_blocks;
	for (size_t i = 0; !x->path && i < x->n_lost; i++)
		r->frames_lost += x->lost[i];
}

int replay_run(struct replay_result *r, const struct replay_params *p)
{
	const struct session_file *s = p->session;
	struct replay *x = aligned_alloc(64, (sizeof(*x) + 63) / 64 * 64);
	uint64_t wake_ns = NS_NEVER;
	int err = -ENOMEM;

	*r = (struct replay_result){.digest = 0xcbf29ce484222325ull};
	if (!x)
		return -ENOMEM;
	memset(x, 0, sizeof(*x));
	x->p = p;
	x->s = s;
	x->r = r;
	/* Numbers of wire frames stay below the number of units, whatever the client claims. */
	x->n_lost = s->n_units + 1;
	x->lost = calloc(x->n_lost, sizeof(*x->lost));
	if (!x->lost)
		goto out;
	if (p->down && !(x->path = path_create(p->down, p->seed)))
		goto out;
	replay_now_ns = BEGIN_NS;
	err = replay_tx_init(&x->tx, &s->stream, on_train, x);
	if (err)
		goto out;
	start_loop(x);
	replay_client_init(&x->client, x->path, p->up_ns, 1000 * NS_PER_S / s->stream.video.fps_mhz);
	x->tick_ns = BEGIN_NS;
	x->ping_ns = BEGIN_NS + CLIENT_PING_NS / 2;
	while (step(x, &wake_ns))
		;
	finish(x);
	replay_tx_finish(&x->tx);
out:
	path_destroy(x->path);
	free(x->lost);
	free(x);
	return err;
}
