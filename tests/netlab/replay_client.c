// SPDX-License-Identifier: GPL-3.0-or-later
#include "replay_client.h"

#include "base/clock.h"

#define HEADER_BYTES 42u /* Ethernet, IP, UDP */
#define RTT_SHARE    8u  /* of a new sample: ENet's smoothing */
#define RTT_STEP_US  1000u

void replay_client_init(struct replay_client *c, struct path *path, uint64_t up_ns, uint64_t frame_ns)
{
	*c = (struct replay_client){.path = path, .up_ns = up_ns, .frame_ns = frame_ns, .recovery_ns = NS_NEVER};
}

void replay_client_frame(struct replay_client *c, uint32_t frame_no, bool vital)
{
	c->vital[frame_no % CLIENT_VITAL_PAST] = vital;
}

static void arrive(struct replay_client *c, uint64_t at_ns, unsigned index)
{
	unsigned i = c->n_arrivals++;

	for (; i && c->arrival[i - 1].at_ns > at_ns; i--)
		c->arrival[i] = c->arrival[i - 1];
	c->arrival[i] = (struct client_arrival){.at_ns = at_ns, .index = (uint16_t)index};
	if (at_ns > c->newest_ns)
		c->newest_ns = at_ns;
}

static void report(struct replay_client *c, const struct adapt_block *b, uint64_t ready_ns)
{
	if (c->n_reports == CLIENT_REPORTS)
		return;
	c->report[(c->head + c->n_reports++) % CLIENT_REPORTS] =
		(struct client_report){.ready_ns = ready_ns, .block = *b};
}

/* All packets of a block have met their fate. Returns whether it is whole. */
static bool block_end(struct replay_client *c, const struct pkt_batch *b)
{
	struct adapt_block r = {.data = b->n_data, .parity = (uint16_t)(b->n_packets - b->n_data)};
	unsigned highest = 0, came = 0;

	for (; came < c->n_arrivals && came < b->n_data; came++) {
		const struct client_arrival *a = &c->arrival[came];

		highest = a->index > highest ? a->index : highest;
		if (a->index < b->n_data)
			r.received_data++;
		else
			r.received_parity++;
	}
	if (came == b->n_data) {
		r.missing_before_highest = (uint16_t)(highest + 1 - came);
		if (r.missing_before_highest)
			report(c, &r, c->arrival[came - 1].at_ns);
		c->recovered_blocks += r.missing_before_highest != 0;
		return true;
	}
	r.missing_before_highest = (uint16_t)(came ? highest + 1 - came : 0);
	/* It is known to be lost when packets of the frame behind it come. */
	report(c, &r, c->newest_ns + c->frame_ns);
	return false;
}

static void frame_end(struct replay_client *c, uint32_t frame_no)
{
	bool vital = c->vital[frame_no % CLIENT_VITAL_PAST];

	if (c->broken) {
		uint64_t heard = c->newest_ns + c->frame_ns + c->up_ns;

		c->broken_frames++;
		c->waiting = true;
		if (heard < c->recovery_ns)
			c->recovery_ns = heard;
	} else if (vital) {
		c->waiting = false;
	}
	c->frames_not_shown += c->waiting;
	c->broken = false;
}

void replay_client_train(struct replay_client *c, const struct replay_train *t, uint64_t now_ns)
{
	const struct pkt_batch *b = t->batch;

	/* As in the lab, a path begins with the first packet of video. */
	if (!c->start_ns)
		c->start_ns = now_ns;
	for (unsigned i = t->first; i < t->first + t->count; i++) {
		struct path_verdict v = path_packet(c->path, now_ns - c->start_ns, 0, t->packet_len + HEADER_BYTES);

		if (v.fate != PATH_PASS) {
			c->lost_packets++;
			continue;
		}
		arrive(c, c->start_ns + v.at_ns[0], i);
		c->way_ns = c->start_ns + v.at_ns[0] - now_ns;
	}
	if (t->first + t->count < b->n_packets)
		return;
	c->broken |= !block_end(c, b);
	c->n_arrivals = 0;
	if (b->last)
		frame_end(c, b->frame_no);
}

unsigned replay_client_ping(struct replay_client *c, uint64_t now_ns, struct adapt_block out[CLIENT_AT_ONCE])
{
	uint32_t sample = (uint32_t)((c->way_ns + c->up_ns) / NS_PER_US);
	unsigned n = 0;

	sample = sample < RTT_STEP_US ? RTT_STEP_US : sample / RTT_STEP_US * RTT_STEP_US;
	c->rtt_us = c->rtt_us ? (uint32_t)(((uint64_t)c->rtt_us * (RTT_SHARE - 1) + sample) / RTT_SHARE) : sample;
	while (n < CLIENT_AT_ONCE && c->n_reports && c->report[c->head].ready_ns + c->up_ns <= now_ns) {
		out[n++] = c->report[c->head].block;
		c->head = (c->head + 1) % CLIENT_REPORTS;
		c->n_reports--;
	}
	return n;
}
