// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/adapt.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "net/fec_plan.h"

#define HEADER_BYTES 42u /* Ethernet, IP, UDP: what a path counts */

/* Rate */
#define SPARE         0.97 /* of the client's rate is used: no encoder hits it to the bit */
#define FALL_AT_ONCE  0.30 /* share of packets lost in FAST_TICKS: the path is much too narrow */
#define FALL_IN_TIME  0.15 /* the same in SLOW_TICKS: no parity covers that */
#define FAST_TICKS    2u
#define SLOW_TICKS    10u
#define FALL_TO       0.80 /* of what arrived: the queue must empty as well */
#define FALL_BY_QUEUE 0.85
#define CALM_NS       (700 * NS_PER_MS) /* after a fall, until its effect shows */
#define LONG_TICK_NS  (2 * ADAPT_TICK_NS)
#define CLIMB_BELOW   0.20 /* a second, up to NEAR of where it failed */
#define CLIMB_NEAR    0.05
#define CLIMB_BEYOND  0.25
#define NEAR_FROM     0.90
#define NEAR_TO       1.05
#define QUEUE_US      25000u /* a round trip longer than the shortest by this much: a queue grows */
#define QUEUE_LONG_US 80000u
#define QUEUE_TICKS   3u
#define TRIM_DOWN     0.2 /* of the excess, each tick */
#define TRIM_UP       0.002
#define TRIM_BACK     0.01 /* to what is neutral, where much less is used than the wire may carry */
#define TRIM_LITTLE   0.8
#define TRIM_UNTIL    0.98
#define TRIM_LEAST    0.7
#define TRIM_MOST     1.1
#define BASE_RTT_NS   (20 * NS_PER_S) /* the shortest is that of the last one or two of these */

/* Ceiling */
#define CEILING_ROOM   1.15 /* over the rate, or frames never catch up */
#define CEILING_STEP   1.10
#define WINDOW_PACKETS 8.0     /* in a millisecond: that much is never a burst, */
#define WINDOW_SHARES  3.0     /* nor that many times what an even spread would be */
#define SLOW_KBPS      35000.0 /* up to here whole trains are further apart than that */
#define CLIMB_EACH_NS  (2 * NS_PER_S)
#define TRY_FACTOR     0.75
#define TRY_NS         (1500 * NS_PER_MS)
#define TRY_PAUSE_NS   (8 * NS_PER_S)
#define TRY_PAUSE_MAX  (120 * NS_PER_S)
#define TRY_TROUBLES   2u   /* troubled blocks in TRY_NS that make a try worth while */
#define LIMIT_FADE     1.02 /* of what was learnt, each CLIMB_EACH_NS */
#define LIMIT_KEEP     0.95

/* Parity */
#define VITAL_FACTOR  1.5
#define MARKED_FACTOR 1.25
#define WHOLE_FROM    0.002 /* share of packets that vanish */
#define PARITY_MOST   0.60  /* of a block's packets */
#define SPARE_BELOW   0.6   /* of the share that the encoder is told: there is room for parity */
#define SPARE_UNTIL   0.9
#define SPARE_ROOM    0.85 /* of a frame's packets that such pictures and their parity take: less than SPARE_UNTIL */
#define SPARE_GREW    1.25

static uint64_t frame_ns(const struct adapt *a)
{
	return 1000 * NS_PER_S / a->p.video.fps_mhz;
}

static uint32_t payload(const struct adapt *a)
{
	return a->p.video.packet_size - 16u;
}

/* Packets a frame when the wire carries so much. */
static double packets_a_frame(const struct adapt *a, double wire_kbps)
{
	return wire_kbps * 125 * (double)frame_ns(a) / 1e9 / (a->p.packet_len + HEADER_BYTES);
}

/* What the encoder may use of the wire's rate at the parity in force. */
static uint32_t encoder_kbps(const struct adapt *a)
{
	double n = packets_a_frame(a, a->wire_kbps), ratio = a->orders.fec_percent[FRAME_ORDINARY] / 100.0;
	double data = n / (1 + ratio), least = a->p.video.fec_min, bytes;

	if (ratio > 0 && data * ratio < least)
		data = n - least;
	/* The last packet of a frame is half empty on average. Tiny frames cost more than they may, whatever we do. */
	bytes = (data - 0.5) * payload(a);
	if (bytes < n * payload(a) * 0.3)
		bytes = n * payload(a) * 0.3;
	return (uint32_t)(bytes * a->trim * 8 * 1e6 / (double)frame_ns(a));
}

static double wire_most(const struct adapt *a)
{
	double most = a->p.video.configured_kbps * SPARE - a->p.audio_kbps;

	return most > a->p.floor_kbps ? most : a->p.floor_kbps;
}

/* No lower than the stream itself needs; a train a frame is never a burst. */
static double ceiling_least(const struct adapt *a)
{
	double train = 8.0 * a->p.packet_len * 8 * 1e6 / (double)frame_ns(a), stream = a->wire_kbps * CEILING_ROOM;

	return train > stream ? train : stream;
}

/* A bucket of one train lets that much out in a millisecond beside what the ceiling carries: so far it may climb that
 * no client's socket and no switch sees a burst. */
static double ceiling_most(const struct adapt *a)
{
	double start = (double)a->p.video.configured_kbps * a->p.pacing_percent / 100;
	double packet_kbps = (a->p.packet_len + HEADER_BYTES) * 8.0; /* one a millisecond */
	double most = wire_most(a) * WINDOW_SHARES - WINDOW_PACKETS * packet_kbps;

	most = most > SLOW_KBPS ? most : SLOW_KBPS;
	return most > start ? most : start;
}

static void set_ceiling(struct adapt *a, double kbps)
{
	double least = ceiling_least(a), most = ceiling_most(a);

	a->ceiling_kbps = kbps > most ? most : kbps;
	if (a->ceiling_kbps < least)
		a->ceiling_kbps = least;
}

static void give_orders(struct adapt *a)
{
	double ceiling = a->ceiling_kbps, least = ceiling_least(a);

	a->orders.whole_frames = loss_model_rate(&a->loss) > WHOLE_FROM;
	if (!a->p.pin_rate)
		a->orders.encoder_kbps = encoder_kbps(a);
	if (!a->p.pin_ceiling)
		a->orders.ceiling_kbps = (uint32_t)(ceiling > least ? ceiling : least);
}

static uint8_t percent(double p, double least)
{
	p = p > least ? p : least;
	return (uint8_t)(p < UINT8_MAX ? p : UINT8_MAX);
}

void adapt_init(struct adapt *a, const struct adapt_params *p)
{
	*a = (struct adapt){.p = *p, .why_fec = "start", .why_rate = "start", .why_ceiling = "start"};
	for (unsigned c = 0; c < FRAME_CLASSES; c++)
		a->orders.fec_percent[c] = p->video.fec_percent;
	a->wire_kbps = wire_most(a);
	a->trim = 1;
	a->orders.encoder_kbps = p->video.encoder_kbps;
	set_ceiling(a, (double)p->video.configured_kbps * p->pacing_percent / 100);
	a->orders.ceiling_kbps = (uint32_t)a->ceiling_kbps;
	a->try_pause_ns = TRY_PAUSE_NS;
	give_orders(a);
}

void adapt_block(struct adapt *a, const struct adapt_block *b)
{
	unsigned total = b->data + b->parity, received = b->received_data + b->received_parity, missing;
	bool broken = received < b->data;

	/* A block has at most 255 packets with parity and 1023 without (2-media 2.1). */
	if (!b->data || total > FEC_DATA_UNCODED_MAX || (b->parity && total > FEC_SHARDS_MAX) || received > total ||
	    b->missing_before_highest > total)
		return;
	/* A whole block is reported before its last packets have come. */
	missing = broken ? total - received : b->missing_before_highest;
	loss_model_block(&a->loss, missing);
	a->reports++;
	a->missing += missing;
}

void adapt_rtt(struct adapt *a, uint32_t rtt_us)
{
	a->rtt_us = rtt_us;
}

static void change(struct adapt *a, const char **why, const char *because)
{
	*why = because;
	a->changes++;
}

/* --- what happened --- */

static void note_moment(struct adapt *a, const struct adapt_sent *sent, uint64_t dt_ns)
{
	struct adapt_moment m = {
		.dt_ns = dt_ns,
		.data = (unsigned)(sent->data - a->sent.data),
		.packets = (unsigned)(sent->data + sent->parity - a->sent.data - a->sent.parity),
		.blocks = (unsigned)(sent->blocks - a->sent.blocks),
		.bytes = sent->bytes - a->sent.bytes,
		.dropped = (unsigned)(sent->dropped - a->sent.dropped),
		.missing = a->missing,
		.troubled = a->reports,
	};

	loss_model_fade(&a->loss, dt_ns, m.data);
	loss_model_sent(&a->loss, m.blocks, m.data);
	memmove(&a->moment[1], &a->moment[0], sizeof(a->moment) - sizeof(a->moment[0]));
	a->moment[0] = m;
	if (a->n_moments < ARRAY_LEN(a->moment))
		a->n_moments++;
	a->reports = a->missing = 0;
	a->sent = *sent;
}

static struct adapt_moment sum(const struct adapt *a, unsigned ticks)
{
	struct adapt_moment s = {0};

	for (unsigned i = 0; i < ticks && i < a->n_moments; i++) {
		const struct adapt_moment *m = &a->moment[i];

		s.dt_ns += m->dt_ns;
		s.data += m->data;
		s.packets += m->packets;
		s.blocks += m->blocks;
		s.missing += m->missing;
		s.troubled += m->troubled;
		s.dropped += m->dropped;
		s.bytes += m->bytes;
	}
	return s;
}

static double lost_share(const struct adapt_moment *s)
{
	double share = s->packets ? (double)s->missing / s->packets : 0;

	return share < 1 ? share : 1;
}

static double sent_kbps(const struct adapt_moment *s)
{
	return s->dt_ns ? (double)s->bytes * 8e6 / (double)s->dt_ns : 0;
}

static void note_queue(struct adapt *a, uint64_t now_ns)
{
	if (!a->rtt_us)
		return;
	if (!a->base_rtt_us || a->rtt_us < a->base_rtt_us)
		a->base_rtt_us = a->rtt_us;
	if (!a->base_next_us || a->rtt_us < a->base_next_us)
		a->base_next_us = a->rtt_us;
	if (now_ns - a->base_since_ns > BASE_RTT_NS) {
		a->base_rtt_us = a->base_next_us;
		a->base_next_us = 0;
		a->base_since_ns = now_ns;
	}
	a->queue_ticks = a->rtt_us > a->base_rtt_us + QUEUE_US ? a->queue_ticks + 1 : 0;
}

/* --- rate --- */

static void fall(struct adapt *a, double to_kbps, double failed_kbps, const char *why, uint64_t now_ns)
{
	double least = a->p.floor_kbps;

	a->failed_kbps = failed_kbps;
	a->calm_from_ns = now_ns + CALM_NS;
	if (to_kbps >= a->wire_kbps)
		return;
	a->wire_kbps = to_kbps > least ? to_kbps : least;
	/* Frames must not follow each other faster than what arrived either, or they meet the same queue. */
	if (a->ceiling_kbps > failed_kbps * CEILING_ROOM && a->ceiling_state == CEILING_STEADY)
		set_ceiling(a, failed_kbps * CEILING_ROOM);
	change(a, &a->why_rate, why);
}

static void climb(struct adapt *a, uint64_t dt_ns)
{
	double most = wire_most(a), near = a->failed_kbps ? a->wire_kbps / a->failed_kbps : 2, speed;

	if (a->wire_kbps >= most)
		return;
	speed = near < NEAR_FROM ? CLIMB_BELOW : near < NEAR_TO ? CLIMB_NEAR : CLIMB_BEYOND;
	a->wire_kbps *= 1 + speed * (double)dt_ns / 1e9;
	if (a->wire_kbps >= most) {
		a->wire_kbps = most;
		a->failed_kbps = 0;
		change(a, &a->why_rate, "the path carries the whole rate");
	}
}

static void decide_rate(struct adapt *a, uint64_t dt_ns, uint64_t now_ns)
{
	struct adapt_moment fast = sum(a, FAST_TICKS), slow = sum(a, SLOW_TICKS);
	bool long_queue = a->rtt_us > a->base_rtt_us + QUEUE_LONG_US;

	if (now_ns < a->calm_from_ns)
		return;
	if (a->n_moments >= FAST_TICKS && lost_share(&fast) > FALL_AT_ONCE) {
		double arrived = sent_kbps(&fast) * (1 - lost_share(&fast));

		fall(a, arrived * FALL_TO, arrived, "the path carries only this", now_ns);
	} else if (a->n_moments >= SLOW_TICKS && lost_share(&slow) > FALL_IN_TIME) {
		double arrived = sent_kbps(&slow) * (1 - lost_share(&slow));

		fall(a, arrived * FALL_TO, arrived, "more is lost than parity can cover", now_ns);
	} else if (fast.dropped) {
		fall(a, a->wire_kbps * FALL_BY_QUEUE, a->wire_kbps, "our own interface is too slow", now_ns);
	} else if (a->queue_ticks >= QUEUE_TICKS && (long_queue || slow.missing)) {
		double carried = sent_kbps(&slow);

		carried = carried < a->wire_kbps ? carried : a->wire_kbps;
		fall(a, a->wire_kbps * FALL_BY_QUEUE, carried, "a queue grows on the path", now_ns);
	} else if (!a->queue_ticks) {
		climb(a, dt_ns);
	}
}

/* Rounding to packets and what an encoder makes of a rate add up to a few percent. Too much is taken back quickly, too
 * little given slowly: a still picture uses little and says nothing. What was learnt at another rate, where an encoder
 * could not come down far enough, must not hold it down for ever. */
static void trim_encoder(struct adapt *a)
{
	struct adapt_moment slow = sum(a, SLOW_TICKS);
	double use = sent_kbps(&slow) / a->wire_kbps;

	if (a->n_moments < SLOW_TICKS)
		return;
	if (use > 1)
		a->trim *= 1 - TRIM_DOWN * (use < 1.2 ? use - 1 : 0.2);
	else if (use > TRIM_LITTLE && use < TRIM_UNTIL && a->trim < TRIM_MOST)
		a->trim *= 1 + TRIM_UP;
	else if (use <= TRIM_LITTLE && a->trim < 1)
		a->trim = a->trim * (1 + TRIM_BACK) < 1 ? a->trim * (1 + TRIM_BACK) : 1;
	if (a->trim < TRIM_LEAST)
		a->trim = TRIM_LEAST;
}

/* --- ceiling --- */

static void back_to(struct adapt *a, double kbps, const char *why, uint64_t now_ns)
{
	set_ceiling(a, kbps);
	a->ceiling_state = CEILING_STEADY;
	a->ceiling_until_ns = now_ns + CLIMB_EACH_NS;
	change(a, &a->why_ceiling, why);
}

static void decide_ceiling(struct adapt *a, uint64_t now_ns)
{
	const unsigned ticks = (unsigned)(TRY_NS / ADAPT_TICK_NS);
	struct adapt_moment recent = sum(a, ticks);
	double most;

	/* Just raised, and packets vanish that did not: back, and remember. */
	if (a->ceiling_state == CEILING_CLIMBED && a->moment[0].troubled) {
		a->ceiling_limit = a->ceiling_kbps;
		back_to(a, a->ceiling_before * LIMIT_KEEP, "packets vanished inside frames", now_ns);
		return;
	}
	if (now_ns < a->ceiling_until_ns)
		return;
	if (a->ceiling_state == CEILING_TRIED) {
		if (lost_share(&recent) < a->loss_before / 2) {
			a->ceiling_limit = a->ceiling_before;
			back_to(a, a->ceiling_kbps, "packets vanish no more", now_ns);
			a->try_pause_ns = TRY_PAUSE_NS;
		} else {
			back_to(a, a->ceiling_before, "slower did not help", now_ns);
			a->try_after_ns = now_ns + a->try_pause_ns;
			if (a->try_pause_ns < TRY_PAUSE_MAX)
				a->try_pause_ns *= 2;
		}
		return;
	}
	a->ceiling_state = CEILING_STEADY;
	if (recent.troubled >= TRY_TROUBLES && now_ns >= a->try_after_ns && a->n_moments >= FAST_TICKS &&
	    a->ceiling_kbps > ceiling_least(a) * 1.05) {
		a->loss_before = lost_share(&recent);
		a->ceiling_before = a->ceiling_kbps;
		set_ceiling(a, a->ceiling_kbps * TRY_FACTOR);
		a->ceiling_state = CEILING_TRIED;
		a->ceiling_until_ns = now_ns + TRY_NS;
		change(a, &a->why_ceiling, "does slower help?");
		return;
	}
	if (recent.troubled || a->queue_ticks || a->n_moments < ticks)
		return;
	/* Clean: a little faster, not to where it failed. */
	a->ceiling_limit *= LIMIT_FADE;
	most = ceiling_most(a);
	if (a->ceiling_limit > 0 && a->ceiling_limit * LIMIT_KEEP < most)
		most = a->ceiling_limit * LIMIT_KEEP;
	a->ceiling_until_ns = now_ns + CLIMB_EACH_NS;
	if (a->ceiling_kbps * 1.01 >= most)
		return;
	a->ceiling_before = a->ceiling_kbps;
	set_ceiling(a, a->ceiling_kbps * CEILING_STEP < most ? a->ceiling_kbps * CEILING_STEP : most);
	a->ceiling_state = CEILING_CLIMBED;
	a->why_ceiling = "nothing vanishes"; /* no news */
}

/* --- parity --- */

/* Packets of data in a frame, as the encoder has lately used its share; 0: not known yet. */
static double data_a_frame(const struct adapt *a)
{
	struct adapt_moment slow = sum(a, SLOW_TICKS);
	double frames = (double)slow.dt_ns / (double)frame_ns(a);

	return a->n_moments >= SLOW_TICKS && slow.blocks ? slow.data / (frames > slow.blocks ? slow.blocks : frames)
							 : 0;
}

/*
 * An encoder that leaves much of its share has small frames, and what would do for large ones covers no burst in them.
 * More parity costs the picture nothing then. True when the frames have grown since: the same packets are a smaller
 * part of them at once, and the picture needs its share back.
 */
static bool note_spare(struct adapt *a, double data)
{
	/* data counts whole packets, half of one more than the bytes. */
	double share = a->orders.encoder_kbps * 125.0 * (double)frame_ns(a) / 1e9 / payload(a) + 0.5;
	bool was = a->spare;

	a->spare = data > 0 && data < share * (was ? SPARE_UNTIL : SPARE_BELOW);
	if (a->spare && !was)
		a->spare_data = data;
	if (!was || (a->spare && data <= a->spare_data * SPARE_GREW))
		return false;
	a->spare_data = data;
	return true;
}

static void decide_fec(struct adapt *a)
{
	uint8_t base = a->p.video.fec_percent;
	double n = packets_a_frame(a, a->wire_kbps), want, data = data_a_frame(a);
	unsigned packets, n_data, least, most, parity, room;
	bool grew;

	if (!base || a->p.pin_fec)
		return;
	grew = note_spare(a, data);
	n = n < 4 ? 4 : n > FEC_SHARDS_MAX ? FEC_SHARDS_MAX : n;
	packets = (unsigned)(n + 0.5);
	if (a->spare && data < packets - 1) {
		n_data = (unsigned)ceil(data);
		least = fec_parity_count(n_data, base);
		most = n_data * UINT8_MAX / 100; /* what the percentage can say */
		room = (unsigned)(packets * SPARE_ROOM);
		room = room > n_data ? room - n_data : 0;
		most = most < room ? most : room;
	} else {
		n_data = packets;
		least = packets - (unsigned)(packets / (1 + base / 100.0));
		most = (unsigned)(packets * PARITY_MOST);
	}
	parity = loss_model_parity(&a->loss, n_data, packets, least, most > least ? most : least);
	/* The largest percentage that still means that many for this size; half a packet more for sizes around it. */
	want = parity > least ? 100.0 * parity / (n_data + parity < packets ? n_data : packets - parity) : base;
	if (fabs(want - a->orders.fec_percent[FRAME_ORDINARY]) < 2)
		return;
	/* What rose falls slowly: losses come in spells. */
	if (want > a->orders.fec_percent[FRAME_ORDINARY])
		change(a, &a->why_fec, "packets vanish");
	else if (!grew && want < a->orders.fec_percent[FRAME_ORDINARY] - 1)
		want = a->orders.fec_percent[FRAME_ORDINARY] - 1;
	a->orders.fec_percent[FRAME_ORDINARY] = percent(want, base);
	if (want <= base)
		change(a, &a->why_fec, "nothing vanishes");
}

static void favour_vital_frames(struct adapt *a)
{
	double p = a->orders.fec_percent[FRAME_ORDINARY];
	bool loss = a->loss.missing >= 0.5;

	if (!p || a->p.pin_fec)
		return;
	a->orders.fec_percent[FRAME_MARKED] = percent(loss ? p * MARKED_FACTOR : p, p);
	a->orders.fec_percent[FRAME_VITAL] = percent(loss ? p * VITAL_FACTOR : p, p);
}

bool adapt_tick(struct adapt *a, const struct adapt_sent *sent, uint64_t now_ns)
{
	struct adapt_orders before = a->orders;
	uint64_t dt_ns;

	if (!a->tick_ns) {
		a->tick_ns = a->base_since_ns = now_ns;
		a->sent = *sent;
		return true; /* what adapt_init() decided */
	}
	dt_ns = now_ns - a->tick_ns;
	a->tick_ns = now_ns;
	note_moment(a, sent, dt_ns);
	note_queue(a, now_ns);
	decide_fec(a);
	favour_vital_frames(a);
	/* After a pause nothing is known of the time that passed. */
	decide_rate(a, dt_ns < LONG_TICK_NS ? dt_ns : LONG_TICK_NS, now_ns);
	trim_encoder(a);
	decide_ceiling(a, now_ns);
	give_orders(a);
	return memcmp(&before, &a->orders, sizeof(before)) != 0;
}
