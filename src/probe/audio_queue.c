// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/audio_queue.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/rd.h"
#include "probe/gf.h"
#include "probe/video_packet.h"

#define PATIENCE_NS (10 * NS_PER_MS) /* with reordering, beyond the group's own length */

int audio_hdr_parse(struct audio_hdr *h, const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);

	*h = (struct audio_hdr){0};
	h->rtp = rd_u8(&r);
	h->type = rd_u8(&r);
	h->seq = rd_be16(&r);
	h->ts = rd_be32(&r);
	h->ssrc = rd_be32(&r);
	if (h->type == AUDIO_TYPE_PARITY) {
		h->index = rd_u8(&r);
		h->data_type = rd_u8(&r);
		h->base = rd_be16(&r);
		h->base_ts = rd_be32(&r);
		h->base_ssrc = rd_be32(&r);
	}
	h->len = rd_left(&r);
	h->payload = r.p;
	return rd_ok(&r) && h->len && h->len <= AUDIO_PACKET_MAX ? 0 : -EINVAL;
}

void audio_queue_init(struct audio_queue *q, unsigned packet_ms, audio_packet_fn packet, void *ctx)
{
	*q = (struct audio_queue){.packet = packet, .ctx = ctx, .packet_ms = packet_ms};
	gf_init();
}

static void remove_head(struct audio_queue *q)
{
	q->oldest = (uint16_t)(q->group[0].base + AUDIO_DATA);
	memmove(&q->group[0], &q->group[1], (q->n - 1) * sizeof(q->group[0]));
	q->n--;
}

/* Hands on one packet of the head group, or its gap. */
static void play(struct audio_queue *q, bool gap)
{
	struct audio_group *g = &q->group[0];
	unsigned i = g->next++;

	q->lost += gap;
	q->rebuilt += !gap && g->made[i];
	q->packet(q->ctx, q->next, gap ? NULL : g->bytes[i], gap ? 0 : g->len, !gap && g->made[i]);
	q->next++;
	if (g->next == AUDIO_DATA)
		remove_head(q);
}

static void play_ready(struct audio_queue *q)
{
	while (q->n && q->group[0].have[q->group[0].next] && (uint16_t)(q->group[0].base + q->group[0].next) == q->next)
		play(q, false);
}

static void give_up_head(struct audio_queue *q)
{
	uint16_t end = (uint16_t)(q->group[0].base + AUDIO_DATA);

	if (before16(q->next, q->group[0].base)) {
		q->lost += (uint16_t)(q->group[0].base - q->next);
		q->next = q->group[0].base;
	}
	while (q->next != end)
		play(q, !q->group[0].have[q->group[0].next]);
}

static void repair(struct audio_group *g)
{
	uint8_t *shard[AUDIO_DATA + AUDIO_PARITY];
	bool missing = false;

	for (unsigned i = 0; i < AUDIO_DATA + AUDIO_PARITY; i++) {
		shard[i] = g->bytes[i];
		missing |= i < AUDIO_DATA && !g->have[i];
	}
	if (!missing || g->got < AUDIO_DATA ||
	    rs_rebuild(rs_audio_matrix, AUDIO_DATA, AUDIO_PARITY, shard, g->have, g->len))
		return;
	for (unsigned i = 0; i < AUDIO_DATA; i++) {
		g->made[i] = !g->have[i];
		g->have[i] = true;
	}
}

static struct audio_group *find_group(struct audio_queue *q, uint16_t base, size_t len, uint64_t now_ns)
{
	unsigned at = 0;

	while (at < q->n && before16(q->group[at].base, base))
		at++;
	if (at < q->n && q->group[at].base == base)
		return &q->group[at];
	if (q->n == AUDIO_GROUPS) {
		give_up_head(q);
		if (!at)
			return NULL; /* older than everything that waits */
		at--;
	}
	memmove(&q->group[at + 1], &q->group[at], (q->n - at) * sizeof(q->group[0]));
	q->n++;
	memset(&q->group[at], 0, offsetof(struct audio_group, bytes));
	q->group[at].base = base;
	q->group[at].len = len;
	q->group[at].since_ns = now_ns;
	return &q->group[at];
}

/* Nothing can be played: a group may be gone. */
static void skip_missing(struct audio_queue *q, uint64_t now_ns)
{
	uint64_t patience = (uint64_t)q->packet_ms * AUDIO_DATA * NS_PER_MS + PATIENCE_NS;

	if (!q->n)
		return;
	if (before16(q->next, q->group[0].base)) {
		q->lost += (uint16_t)(q->group[0].base - q->next);
		q->next = q->oldest = q->group[0].base;
	} else if (q->n > 1 && (!q->reordered || now_ns - q->group[0].since_ns > patience)) {
		give_up_head(q);
	}
	play_ready(q);
}

bool audio_queue_add(struct audio_queue *q, const struct audio_hdr *h, uint64_t now_ns)
{
	bool data = h->type == AUDIO_TYPE_DATA;
	uint16_t base = data ? (uint16_t)(h->seq / AUDIO_DATA * AUDIO_DATA) : h->base;
	unsigned at = data ? h->seq % AUDIO_DATA : AUDIO_DATA + h->index;
	struct audio_group *g;
	uint16_t before;

	if (!data && (h->index >= AUDIO_PARITY || base % AUDIO_DATA))
		return true; /* the judge has spoken */
	if (q->no_fec) {
		if (data) {
			q->next = (uint16_t)(h->seq + 1);
			q->packet(q->ctx, h->seq, h->payload, h->len, false);
		}
		return true;
	}
	if (!q->started) {
		/* In the middle of a group there is nothing to repair with: begin at the next one. */
		q->started = true;
		q->next = q->oldest = (uint16_t)(base + (data && at == 0 ? 0 : AUDIO_DATA));
	}
	if (before16(base, q->oldest)) {
		q->reordered |= data;
		return true;
	}
	if (before16((uint16_t)(q->oldest + 1024), base)) {
		/* A jump beyond all reason: start anew from there. */
		q->n = 0;
		q->next = q->oldest = base;
	}
	g = find_group(q, base, h->len, now_ns);
	if (!g)
		return true;
	if (g->len != h->len) {
		q->no_fec = true;
		return false;
	}
	if (g->have[at])
		return true;
	memcpy(g->bytes[at], h->payload, h->len);
	g->have[at] = true;
	g->got++;
	repair(g);
	before = q->next;
	play_ready(q);
	if (q->next == before)
		skip_missing(q, now_ns);
	return true;
}
