// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/tuning.h"

#include "base/clock.h"
#include "control/msg.h"
#include "media/record.h"

#define LOG_MODULE "adapt"
#include "base/log.h"

#define HEADER_BYTES 42u /* Ethernet, IP, UDP: the rate on the wire counts them */

static void apply(struct tuning *t)
{
	const struct adapt *a = &t->adapt;
	const struct adapt_orders *o = &a->orders;

	TUNE_SET(t->tune->ceiling_kbps, o->ceiling_kbps);
	for (unsigned c = 0; c < FRAME_CLASSES; c++)
		TUNE_SET(t->tune->fec_percent[c], o->fec_percent[c]);
	atomic_store_explicit(&t->feedback->kbps, o->encoder_kbps, memory_order_relaxed);
	atomic_store_explicit(&t->feedback->whole, o->whole_frames, memory_order_relaxed);

	STAT_SET(t->stats->wanted_kbps, (uint32_t)a->wire_kbps);
	STAT_SET(t->stats->encoder_kbps, o->encoder_kbps);
	STAT_SET(t->stats->ceiling_kbps, o->ceiling_kbps);
	STAT_SET(t->stats->fec_percent, o->fec_percent[FRAME_ORDINARY]);
	STAT_SET(t->stats->why_rate, a->why_rate);
	STAT_SET(t->stats->why_ceiling, a->why_ceiling);
	STAT_SET(t->stats->why_fec, a->why_fec);
}

static void tell(struct tuning *t)
{
	const struct adapt *a = &t->adapt;

	if (t->told == a->changes)
		return;
	t->told = a->changes;
	log_every(NS_PER_S, LOG_LEVEL_INFO,
		  "%.0f kbit/s on the wire (%s), ceiling %u (%s), parity %u %% (%s); loss %.1f %%, rtt %u ms",
		  a->wire_kbps, a->why_rate, a->orders.ceiling_kbps, a->why_ceiling,
		  a->orders.fec_percent[FRAME_ORDINARY], a->why_fec, 100 * loss_model_rate(&a->loss), a->rtt_us / 1000);
}

static void note(const struct tuning *t, const struct adapt_sent *sent, uint64_t packets, uint64_t now_ns)
{
	const struct adapt *a = &t->adapt;
	const struct adapt_orders *o = &a->orders;

	record_tick(t->record,
		    &(struct record_tick){
			    .blocks = sent->blocks,
			    .data = sent->data,
			    .parity = sent->parity,
			    .packets = packets,
			    .bytes = sent->bytes - HEADER_BYTES * packets,
			    .dropped = sent->dropped,
			    .rtt_us = a->rtt_us,
			    .wire_kbps = (uint32_t)a->wire_kbps,
			    .encoder_kbps = o->encoder_kbps,
			    .ceiling_kbps = o->ceiling_kbps,
			    .fec_percent = {o->fec_percent[0], o->fec_percent[1], o->fec_percent[2]},
			    .whole = o->whole_frames,
			    .why_rate = a->why_rate,
			    .why_ceiling = a->why_ceiling,
			    .why_fec = a->why_fec,
		    },
		    now_ns);
}

void tuning_init(struct tuning *t, const struct adapt_params *p, struct feedback *feedback, struct stream_stats *stats,
		 struct tune *tune)
{
	*t = (struct tuning){.feedback = feedback, .stats = stats, .tune = tune};
	adapt_init(&t->adapt, p);
	apply(t);
}

void tuning_block(struct tuning *t, const struct fec_status *s)
{
	adapt_block(&t->adapt, &(struct adapt_block){
				       .data = s->total_data,
				       .parity = s->total_parity,
				       .received_data = s->received_data,
				       .received_parity = s->received_parity,
				       .missing_before_highest = s->missing_before_highest,
			       });
	if (t->record)
		record_block(t->record,
			     &(struct record_block){
				     .frame = s->frame,
				     .data = s->total_data,
				     .parity = s->total_parity,
				     .received_data = s->received_data,
				     .received_parity = s->received_parity,
				     .missing_before_highest = s->missing_before_highest,
				     .block = s->block,
				     .blocks = s->block_count,
			     },
			     clock_ns());
}

uint64_t tuning_run(struct tuning *t, uint64_t now_ns)
{
	const struct stream_stats *s = t->stats;
	struct adapt_sent sent;
	uint64_t packets;

	if (now_ns < t->due_ns)
		return t->due_ns;
	packets = STAT_GET(s->packets_sent);
	sent = (struct adapt_sent){
		.blocks = STAT_GET(s->blocks),
		.data = STAT_GET(s->shards_data),
		.parity = STAT_GET(s->shards_parity),
		.bytes = STAT_GET(s->bytes_sent) + HEADER_BYTES * packets,
		.dropped = STAT_GET(s->frames_dropped),
	};
	adapt_rtt(&t->adapt, STAT_GET(s->rtt_us));
	adapt_tick(&t->adapt, &sent, now_ns);
	note(t, &sent, packets, now_ns);
	apply(t);
	tell(t);
	t->due_ns = now_ns + ADAPT_TICK_NS;
	return t->due_ns;
}
