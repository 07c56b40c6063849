// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/video_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wr.h"
#include "probe/gf.h"
#include "probe/judge.h"
#include "probe/video_packet.h"

#define LOG_MODULE "video"
#include "base/log.h"

/* After reordering was seen no loss is foreseen for five minutes of stream time (2-media 5.5). */
#define REORDER_MEMORY_US 300000000ull

struct block {
	uint8_t *bytes; /* VIDEO_SHARDS_MAX shards */
	unsigned d;
	uint32_t ts;
	uint8_t last_block;
	uint16_t len[VIDEO_SHARDS_MAX]; /* as received; whole for a rebuilt shard */
};

struct video_queue {
	struct judge *j;
	const struct video_queue_events *ev;
	void *ctx;
	size_t shard_len;
	uint32_t frame, newest;
	uint64_t first_ns, rebuilt;

	/* the block that is being collected: bytes in block[current] */
	unsigned current, last_block;
	uint16_t lowest, highest, first_parity, contiguous, highest_seen;
	unsigned d, p, got, got_data, got_parity, missing;
	uint8_t q, rtp0;
	uint32_t ts, ssrc;
	bool in_order, reported;
	bool present[VIDEO_SHARDS_MAX];

	bool reordered;
	uint64_t reordered_us;
	struct block block[VIDEO_BLOCKS];
	uint8_t *matrix;
};

struct video_queue *video_queue_create(struct judge *j, size_t shard_len, const struct video_queue_events *ev,
				       void *ctx)
{
	struct video_queue *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->j = j;
	q->ev = ev;
	q->ctx = ctx;
	q->shard_len = shard_len;
	q->frame = 1;
	q->matrix = malloc(RS_SHARDS_MAX * RS_SHARDS_MAX);
	gf_init();
	for (unsigned b = 0; q->matrix && b < VIDEO_BLOCKS; b++) {
		q->block[b].bytes = malloc(VIDEO_SHARDS_MAX * shard_len);
		if (!q->block[b].bytes) {
			video_queue_destroy(q);
			return NULL;
		}
	}
	if (!q->matrix) {
		video_queue_destroy(q);
		return NULL;
	}
	return q;
}

void video_queue_destroy(struct video_queue *q)
{
	if (!q)
		return;
	for (unsigned b = 0; b < VIDEO_BLOCKS; b++)
		free(q->block[b].bytes);
	free(q->matrix);
	free(q);
}

uint32_t video_queue_frame(const struct video_queue *q)
{
	return q->frame;
}

uint32_t video_queue_newest(const struct video_queue *q)
{
	return q->newest;
}

uint64_t video_queue_rebuilt_shards(const struct video_queue *q)
{
	return q->rebuilt;
}

static uint8_t *shard_at(struct video_queue *q, unsigned block, unsigned index)
{
	return q->block[block].bytes + index * q->shard_len;
}

static void report_fec(struct video_queue *q)
{
	uint8_t body[FEC_STATUS_LEN];
	struct wr w = wr_init(body, sizeof(body));

	wr_be32(&w, q->frame);
	wr_be16(&w, q->highest_seen);
	wr_be16(&w, q->contiguous);
	wr_be16(&w, (uint16_t)q->missing);
	wr_be16(&w, (uint16_t)q->d);
	wr_be16(&w, (uint16_t)q->p);
	wr_be16(&w, (uint16_t)q->got_data);
	wr_be16(&w, (uint16_t)q->got_parity);
	wr_u8(&w, q->q);
	wr_u8(&w, (uint8_t)q->current);
	wr_u8(&w, (uint8_t)(q->last_block + 1));
	q->ev->fec_status(q->ctx, body);
}

static void report_lost(struct video_queue *q, uint32_t frame, bool speculative)
{
	q->ev->lost(q->ctx, frame, speculative);
	q->reported = true;
}

static void begin_block(struct video_queue *q, const struct video_hdr *h, uint64_t now_ns)
{
	q->frame = h->frame;
	q->current = h->block;
	q->last_block = h->last_block;
	q->first_ns = now_ns;
	q->d = h->d;
	q->q = h->q;
	q->p = video_parity(h->d, h->q);
	q->lowest = (uint16_t)(h->seq - h->index);
	q->contiguous = q->lowest;
	q->first_parity = (uint16_t)(q->lowest + q->d);
	q->highest = (uint16_t)(q->first_parity + q->p - 1);
	q->highest_seen = 0;
	q->got = q->got_data = q->got_parity = q->missing = 0;
	q->in_order = true;
	q->reported = false;
	memset(q->present, 0, sizeof(q->present));
}

/* A shard of another block or frame than the one being collected. False: the rest of that frame is of no use. */
static bool switch_block(struct video_queue *q, const struct video_hdr *h, uint64_t now_ns)
{
	unsigned expected = h->frame == q->frame ? q->current : 0;

	if (q->got) {
		report_fec(q);
		log_dbg("frame %u block %u of %u: %u+%u received < %u needed", q->frame, q->current + 1,
			q->last_block + 1, q->got_data, q->got_parity, q->d);
		/* A block of this frame stayed incomplete: the rest of the frame cannot be used (2-media 2.2). */
		if (q->last_block && h->frame == q->frame) {
			if (!q->reported)
				report_lost(q, q->frame, false);
			q->got = 0;
			q->frame++;
			q->current = 0;
			return false;
		}
	}
	if (h->block != expected) {
		report_fec(q);
		if (!q->reported)
			report_lost(q, q->frame, false);
		q->got = 0;
		q->frame = h->frame + 1;
		q->current = 0;
		return false;
	}
	/* Whole frames are missing, or the last one stayed incomplete. What was foreseen is not said twice. */
	if (h->frame != q->frame && (q->frame + 1 != h->frame || !q->reported))
		report_lost(q, h->frame - 1, false);
	begin_block(q, h, now_ns);
	return true;
}

static void note_order(struct video_queue *q, const struct video_hdr *h, bool late)
{
	uint64_t us = (uint64_t)h->ts * 1000 / 90;

	if (late) {
		q->reordered_us = us;
		q->reordered = true;
	} else if (q->reordered && us > q->reordered_us + REORDER_MEMORY_US) {
		q->reordered = false;
	}
}

/* Stores a received shard. False: duplicate. */
static bool store(struct video_queue *q, const struct video_hdr *h, const uint8_t *data, size_t len, unsigned index)
{
	bool late = false;

	if (q->in_order && h->seq == q->contiguous) {
		q->contiguous++;
	} else {
		if (q->present[index])
			return false;
		late = q->got && before16(h->seq, q->highest_seen);
		/* From here on the block's contiguous mark stands still. */
		q->in_order = false;
	}
	note_order(q, h, late);
	memcpy(shard_at(q, q->current, index), data, len);
	memset(shard_at(q, q->current, index) + len, 0, q->shard_len - len);
	q->block[q->current].len[index] = (uint16_t)len;
	q->present[index] = true;
	return true;
}

static void count(struct video_queue *q, const struct video_hdr *h, unsigned index)
{
	if (q->got++ == 0) {
		q->missing = (uint16_t)(h->seq - q->lowest);
		q->highest_seen = h->seq;
		q->rtp0 = h->rtp;
		q->ts = h->ts;
		q->ssrc = h->ssrc;
	} else if (before16(q->highest_seen, h->seq)) {
		q->missing += (uint16_t)(h->seq - q->highest_seen - 1);
		q->highest_seen = h->seq;
	} else if (q->missing) {
		q->missing--;
	}
	if (index < q->d)
		q->got_data++;
	else
		q->got_parity++;
}

/* A rebuilt shard must look like what the host would have sent (2-media 1.2, flags). */
static bool plausible(const struct video_queue *q, const uint8_t *shard, unsigned index)
{
	uint8_t flags = shard[24];

	return !(index == 0 && !(flags & VIDEO_SOF)) && !(index + 1 == q->d && !(flags & VIDEO_EOF)) &&
	       !(index && index + 1 < q->d && !(flags & VIDEO_PIC)) && !(flags & ~(VIDEO_SOF | VIDEO_EOF | VIDEO_PIC));
}

static void fix_up(struct video_queue *q, uint8_t *shard, unsigned index)
{
	shard[0] = q->rtp0;
	put_be16(shard + 2, (uint16_t)(q->lowest + index));
	put_be32(shard + 4, q->ts);
	put_be32(shard + 8, q->ssrc);
	put_le32(shard + 20, q->frame);
	shard[27] = (uint8_t)(q->last_block << 6 | q->current << 4);
}

static bool rebuild(struct video_queue *q)
{
	uint8_t *shard[RS_SHARDS_MAX];
	bool ok = true;
	int rc;

	if (q->d + q->p > RS_SHARDS_MAX)
		return false;
	for (unsigned i = 0; i < q->d + q->p; i++)
		shard[i] = shard_at(q, q->current, i);
	rs_cauchy(q->matrix, q->d, q->p);
	rc = rs_rebuild(q->matrix, q->d, q->p, shard, q->present, q->shard_len);
	if (rc) {
		judge_fault(q->j, "2-media 2.4", "frame %u block %u: %u+%u shards cannot be decoded", q->frame,
			    q->current, q->d, q->p);
		return false;
	}
	report_fec(q);
	for (unsigned i = 0; i < q->d; i++) {
		if (q->present[i])
			continue;
		fix_up(q, shard[i], i);
		if (!plausible(q, shard[i], i)) {
			judge_fault(q->j, "2-media 2.3", "frame %u block %u: rebuilt shard %u has flags %02x", q->frame,
				    q->current, i, shard[i][24]);
			ok = false;
			continue;
		}
		q->block[q->current].len[i] = (uint16_t)q->shard_len;
		q->present[i] = true;
		q->got++;
		q->rebuilt++;
	}
	return ok;
}

/* Whether the block is whole now. */
static bool complete(struct video_queue *q)
{
	if (q->got < q->d) {
		/* More holes than parity, and nothing ever came late: no hope, say so at once. */
		if (!q->reported && !q->reordered && q->missing > q->p)
			report_lost(q, q->frame, true);
		return false;
	}
	if (q->reported && !q->reordered) {
		/* The forecast was wrong: stop making any for a while. */
		q->reordered = true;
		q->reordered_us = (uint64_t)q->ts * 1000 / 90;
	}
	return q->got_data == q->d || rebuild(q);
}

static void hand_over(struct video_queue *q)
{
	for (unsigned b = 0; b <= q->current; b++) {
		for (unsigned i = 0; i < q->block[b].d; i++) {
			const uint8_t *s = shard_at(q, b, i);
			struct video_hdr h;

			if (video_hdr_parse(&h, s, q->block[b].len[i]) == 0)
				q->ev->shard(q->ctx, &h, s, q->block[b].len[i], q->first_ns);
		}
	}
}

bool video_queue_add(struct video_queue *q, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t now_ns)
{
	unsigned index;

	if (len > q->shard_len)
		len = q->shard_len; /* what a client's receive buffer would cut off (2-media 1.4) */
	if (len < VIDEO_HEADER || before16(h->seq, q->contiguous) || before16((uint16_t)h->frame, (uint16_t)q->frame))
		return false;
	if (h->frame == q->frame && h->block < q->current)
		return false;
	/* 16 bits wrap, the 32-bit index does not: what is far off is not of this session. */
	if (h->frame < q->frame)
		return false;
	if ((!q->got || h->frame != q->frame || h->block != q->current) && !switch_block(q, h, now_ns))
		return false;
	if (before16(q->highest, h->seq))
		return false;
	index = (uint16_t)(h->seq - q->lowest);
	if (index >= q->d + q->p || index >= VIDEO_SHARDS_MAX || !store(q, h, data, len, index))
		return false;
	if (h->frame > q->newest)
		q->newest = h->frame;
	count(q, h, index);
	if (!complete(q))
		return true;
	q->block[q->current].d = q->d;
	q->got = 0;
	if (q->current < q->last_block) {
		q->current++;
		return true;
	}
	hand_over(q);
	q->frame++;
	q->current = 0;
	return true;
}
