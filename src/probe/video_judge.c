// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/video_judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "probe/gf.h"
#include "probe/judge.h"
#include "probe/replay.h"
#include "probe/video_packet.h"

struct video_judge {
	struct judge *j;
	size_t shard_len;
	bool started, spi_known;
	/* the block under the eye */
	uint32_t frame, ts, spi_base;
	uint16_t lowest;
	uint8_t block, last_block, q, extra;
	unsigned d, p, seen_n;
	bool extra_known;
	bool seen[VIDEO_SHARDS_MAX];
	/* the last SPI of the block before */
	uint32_t spi_end;
	struct replay ivs;
	struct video_judge_stats stats;
	uint8_t *keep; /* RS_SHARDS_MAX shards, or NULL */
	uint8_t *scratch;
};

struct video_judge *video_judge_create(struct judge *j, size_t shard_len, bool verify)
{
	struct video_judge *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->j = j;
	v->shard_len = shard_len;
	gf_init();
	if (verify) {
		v->keep = malloc(RS_SHARDS_MAX * shard_len);
		v->scratch = malloc(shard_len + RS_SHARDS_MAX * RS_SHARDS_MAX);
		if (!v->keep || !v->scratch) {
			video_judge_destroy(v);
			return NULL;
		}
	}
	return v;
}

void video_judge_destroy(struct video_judge *v)
{
	if (!v)
		return;
	free(v->keep);
	free(v->scratch);
	free(v);
}

const struct video_judge_stats *video_judge_stats(const struct video_judge *v)
{
	return &v->stats;
}

/* Which bytes of a parity shard must be the code's output: the others are overwritten or free (2-media 2.3). */
static bool parity_byte_counts(size_t at)
{
	return (at >= 16 && at < 20) || at == 24 || at == 25 || at >= VIDEO_HEADER;
}

static void verify_parity(struct video_judge *v)
{
	uint8_t *matrix = v->scratch + v->shard_len, *data[RS_SHARDS_MAX];

	if (!v->keep || !v->p || v->d + v->p > RS_SHARDS_MAX)
		return;
	for (unsigned i = 0; i < v->d; i++) {
		if (!v->seen[i])
			return;
		data[i] = v->keep + i * v->shard_len;
	}
	rs_cauchy(matrix, v->d, v->p);
	for (unsigned row = 0; row < v->p; row++) {
		const uint8_t *got = v->keep + (v->d + row) * v->shard_len;

		if (!v->seen[v->d + row])
			continue;
		rs_parity(matrix, v->d, row, data, v->shard_len, v->scratch);
		for (size_t b = 0; b < v->shard_len; b++) {
			if (parity_byte_counts(b) && got[b] != v->scratch[b]) {
				judge_fault(v->j, "2-media 2.3/2.4",
					    "frame %u block %u: parity shard %u wrong from byte %zu", v->frame,
					    v->block, row, b);
				break;
			}
		}
	}
}

static void end_block(struct video_judge *v)
{
	if (!v->started)
		return;
	v->stats.lost += v->d + v->p - v->seen_n;
	verify_parity(v);
	if (v->spi_known)
		v->spi_end = (v->spi_base + v->d - 1) & 0xffffff;
	else
		v->spi_end = (v->spi_end + v->d) & 0xffffff;
}

void video_judge_finish(struct video_judge *v)
{
	/* The last block may have been cut off by our own end: what it lacks is not lost. */
	if (v->started)
		v->stats.lost -= v->d + v->p - v->seen_n;
	end_block(v);
	v->started = false;
}

static void check_order(struct video_judge *v, const struct video_hdr *h, uint16_t lowest)
{
	uint16_t gap = (uint16_t)(lowest - v->lowest - (v->d + v->p));

	if (!v->started) {
		if (h->frame != 1 || h->block != 0)
			judge_fault(v->j, "2-media 1.2", "first datagram is of frame %u block %u, not 1 and 0",
				    h->frame, h->block);
		else if (lowest != 0)
			judge_fault(v->j, "2-media 1.2", "sequence starts at %u, not 0", lowest);
		return;
	}
	if (gap > 0x7fff)
		judge_fault(v->j, "2-media 1.2", "frame %u block %u: sequence %u overlaps the block before", h->frame,
			    h->block, lowest);
	else
		v->stats.lost += gap; /* blocks of which nothing came */
	/* Without a gap nothing was lost in between, so the numbering must be seamless. */
	if (h->frame == v->frame) {
		if (h->block > v->last_block)
			judge_fault(v->j, "2-media 8.3", "frame %u: block %u follows, but %u was called the last",
				    h->frame, h->block, v->last_block);
		else if (h->block != v->block + 1 && !gap)
			judge_fault(v->j, "2-media 2.2", "frame %u: block %u after block %u", h->frame, h->block,
				    v->block);
	} else if (!gap) {
		if (h->frame != v->frame + 1)
			judge_fault(v->j, "2-media 1.2", "frame numbers jump from %u to %u with no sequence gap",
				    v->frame, h->frame);
		if (h->block != 0)
			judge_fault(v->j, "2-media 2.2", "frame %u begins with block %u", h->frame, h->block);
		if (v->block != v->last_block)
			judge_fault(v->j, "2-media 8.3", "frame %u ended after block %u of %u", v->frame, v->block,
				    v->last_block);
	}
	if (h->frame != v->frame && (int32_t)(h->ts - v->ts) <= 0)
		judge_fault(v->j, "2-media 1.6", "frame %u: timestamp %u not after %u", h->frame, h->ts, v->ts);
	if (h->frame == v->frame && h->ts != v->ts)
		judge_fault(v->j, "2-media 1.2", "frame %u: timestamp changes between blocks", h->frame);
}

static void begin_block(struct video_judge *v, const struct video_hdr *h)
{
	uint16_t lowest = (uint16_t)(h->seq - h->index);

	end_block(v);
	check_order(v, h, lowest);
	if (!v->started)
		v->spi_end = 0xffffff;
	if (!v->started || h->frame != v->frame)
		v->stats.frames++;
	v->started = true;
	v->frame = h->frame;
	v->block = h->block;
	v->last_block = h->last_block;
	v->lowest = lowest;
	v->ts = h->ts;
	v->d = h->d;
	v->q = h->q;
	v->p = video_parity(h->d, h->q);
	v->seen_n = 0;
	v->spi_known = v->extra_known = false;
	memset(v->seen, 0, sizeof(v->seen));
	v->stats.blocks++;
	v->stats.blocks_plain += !h->q;
	if (v->d > v->stats.max_d)
		v->stats.max_d = v->d;
	if (h->block + 1u > v->stats.max_blocks)
		v->stats.max_blocks = h->block + 1u;

	if (!v->d)
		judge_fault(v->j, "2-media 2.1", "frame %u block %u has no data shards", h->frame, h->block);
	if (v->p && v->d + v->p > RS_SHARDS_MAX)
		judge_fault(v->j, "2-media 2.1", "frame %u block %u: %u+%u shards, more than 255", h->frame, h->block,
			    v->d, v->p);
	/* The client announces minRequiredFecPackets 2. */
	if (h->q && v->p < 2)
		judge_fault(v->j, "2-media 2.1", "frame %u block %u: %u data shards at %u%% give only %u parity",
			    h->frame, h->block, v->d, h->q, v->p);
	if (h->block > h->last_block)
		judge_fault(v->j, "2-media 1.2", "frame %u: block %u of %u", h->frame, h->block, h->last_block);
}

static void check_data_shard(struct video_judge *v, const struct video_hdr *h)
{
	uint8_t want = VIDEO_PIC | (h->index == 0 ? VIDEO_SOF : 0) | (h->index + 1u == v->d ? VIDEO_EOF : 0);
	uint32_t base = (h->spi_raw >> 8) - h->index;

	if (h->flags != want)
		judge_fault(v->j, "2-media 1.2", "frame %u block %u shard %u/%u: flags %02x, not %02x", h->frame,
			    h->block, h->index, v->d, h->flags, want);
	if (h->extra & ~1u)
		judge_fault(v->j, "2-media 1.2", "frame %u: extraFlags %02x", h->frame, h->extra);
	if (v->extra_known && h->extra != v->extra)
		judge_fault(v->j, "2-media 1.2", "frame %u block %u: LTR bit differs between shards", h->frame,
			    h->block);
	v->extra = h->extra;
	v->extra_known = true;
	if (h->multi_flags != 0x10)
		judge_fault(v->j, "2-media 1.2", "frame %u: multiFecFlags %02x", h->frame, h->multi_flags);
	if (h->type || h->ssrc || h->reserved)
		judge_fault(v->j, "2-media 1.2", "frame %u shard %u: payload type, ssrc or reserved bytes not 0",
			    h->frame, h->index);
	if (h->spi_raw & 0xff)
		judge_fault(v->j, "2-media 1.2", "frame %u shard %u: low byte of SPI %08x", h->frame, h->index,
			    h->spi_raw);
	base &= 0xffffff;
	if (!v->spi_known) {
		if (h->frame == 1 && h->block == 0 && base)
			judge_fault(v->j, "2-media 1.2", "SPI starts at %u, not 0", base);
		else if (before24(base, (v->spi_end + 1) & 0xffffff))
			judge_fault(v->j, "2-media 1.2", "frame %u block %u: SPI %u does not rise above %u", h->frame,
				    h->block, base, v->spi_end);
	} else if (base != v->spi_base) {
		judge_fault(v->j, "2-media 1.2", "frame %u block %u shard %u: SPI not the neighbour's + 1", h->frame,
			    h->block, h->index);
	}
	v->spi_base = base;
	v->spi_known = true;
}

static void check_in_block(struct video_judge *v, const struct video_hdr *h, const uint8_t *data, size_t len)
{
	if (h->d != v->d || h->q != v->q || h->last_block != v->last_block)
		judge_fault(v->j, "2-media 1.2", "frame %u block %u: D, q or last block differ between shards",
			    h->frame, h->block);
	if ((uint16_t)(h->seq - h->index) != v->lowest)
		judge_fault(v->j, "2-media 1.2", "frame %u block %u shard %u: sequence - index not constant", h->frame,
			    h->block, h->index);
	if (h->ts != v->ts)
		judge_fault(v->j, "2-media 1.2", "frame %u: timestamp differs between shards", h->frame);
	if (h->index >= v->d + v->p) {
		judge_fault(v->j, "2-media 2.1", "frame %u block %u: shard %u of %u+%u", h->frame, h->block, h->index,
			    v->d, v->p);
		return;
	}
	if (v->seen[h->index]) {
		v->stats.duplicates++;
		return;
	}
	v->seen[h->index] = true;
	v->seen_n++;
	if (v->keep && h->index < RS_SHARDS_MAX && len == v->shard_len)
		memcpy(v->keep + h->index * v->shard_len, data, len);
	if (h->index < v->d)
		check_data_shard(v, h);
	else
		v->stats.parity++;
}

void video_judge_shard(struct video_judge *v, const struct video_hdr *h, const uint8_t *data, size_t len)
{
	int32_t ahead = (int32_t)(h->frame - v->frame);

	v->stats.shards++;
	if (len != v->shard_len)
		judge_fault(v->j, "2-media 1.4", "frame %u: shard of %zu bytes, not %zu", h->frame, len, v->shard_len);
	if (h->rtp != 0x90)
		judge_fault(v->j, "2-media 1.2", "frame %u: RTP byte 0 is %02x", h->frame, h->rtp);
	if (h->reserved)
		judge_fault(v->j, "2-media 1.2", "frame %u: bytes 12..15 not zero", h->frame);
	if (h->multi_low || h->fec_low)
		judge_fault(v->j, "2-media 1.2", "frame %u: low bits of multiFecBlocks or fecInfo set", h->frame);
	if (!h->frame)
		judge_fault(v->j, "2-media 1.2", "frame index 0 (sequence %u)", h->seq);

	if (!v->started || ahead > 0 || (ahead == 0 && h->block > v->block))
		begin_block(v, h);
	else if (ahead < 0 || h->block != v->block) {
		v->stats.reordered++;
		v->stats.lost -= v->stats.lost > 0;
		return;
	}
	check_in_block(v, h, data, len);
}

void video_judge_sealed(struct video_judge *v, const uint8_t iv[12], uint32_t clear_frame, uint32_t frame)
{
	struct rd r = rd_init(iv, 8);
	uint64_t counter = rd_le64(&r);

	if (iv[8] || iv[9] || iv[10] || iv[11] != 'V')
		judge_fault(v->j, "2-media 3.1", "frame %u: IV ends %02x %02x %02x %02x, not 00 00 00 56", frame, iv[8],
			    iv[9], iv[10], iv[11]);
	if (clear_frame != frame)
		judge_fault(v->j, "2-media 3.2", "frame %u is called %u in clear", frame, clear_frame);
	if (replay_seen(&v->ivs, counter))
		judge_fault(v->j, "2-media 3.1", "frame %u: IV counter %llu used twice", frame,
			    (unsigned long long)counter);
}
