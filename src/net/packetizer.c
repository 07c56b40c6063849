// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/packetizer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/wr.h"
#include "crypt/aes.h"
#include "net/fec.h"

/* Reads the frame header and the pieces as one run of bytes. */
struct source {
	uint8_t header[RTP_VIDEO_FRAME_HEADER];
	unsigned header_left;
	const struct packet_piece *piece, *end;
	size_t at; /* in *piece */
};

struct packetizer {
	/* constant */
	uint16_t shard_len, payload_len, packet_len, prefix_len;
	uint32_t iv_generation;
	struct gcm *gcm; /* NULL: plain */
	struct fec *fec;
	/* stream */
	uint32_t counter;   /* shards of the stream so far, as the wire counts */
	uint64_t sealed;    /* shards encrypted so far */
	uint32_t timestamp; /* of the last frame */
	bool started;
	/* frame */
	uint64_t pts_ns;
	enum rtp_frame_type type;
	uint16_t latency_100us;
	uint8_t fec_percent, fec_min;
	unsigned fixed;  /* blocks; 0: as many as it takes */
	size_t len;      /* of the bitstream, as far as it is known */
	size_t planned;  /* bytes that committed blocks carry, the frame header included */
	unsigned blocks; /* committed */
	bool closed;
	struct source source;
	/* what the last commit or close added */
	struct fec_plan plan;
	unsigned at;     /* in plan */
	unsigned shard;  /* data shards of plan.block[at] already written */
	uint32_t shards; /* of all, parity included */
	struct rtp_video_block block;
};

static size_t prefix_len(const struct packetizer_params *p)
{
	return p->encrypt ? RTP_VIDEO_SEAL : 0;
}

uint16_t packetizer_packet_len(const struct packetizer_params *p)
{
	return (uint16_t)(RTP_VIDEO_SHARD(p->packet_size) + prefix_len(p));
}

struct packetizer *packetizer_create(const struct packetizer_params *params)
{
	struct packetizer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->prefix_len = (uint16_t)prefix_len(params);
	p->packet_len = packetizer_packet_len(params);
	p->shard_len = (uint16_t)RTP_VIDEO_SHARD(params->packet_size);
	p->payload_len = (uint16_t)RTP_VIDEO_PAYLOAD(params->packet_size);
	p->iv_generation = params->iv_generation;
	p->counter = params->first_shard;
	p->fec = fec_create();
	if (params->encrypt)
		p->gcm = gcm_create(params->key, GCM_IV_LEN);
	if (!p->fec || (params->encrypt && !p->gcm)) {
		packetizer_destroy(p);
		return NULL;
	}
	return p;
}

void packetizer_destroy(struct packetizer *p)
{
	if (!p)
		return;
	gcm_destroy(p->gcm);
	fec_destroy(p->fec);
	free(p);
}

/* Time rises with every frame, be it by one tick: equal times would look like one frame. */
static uint32_t next_timestamp(struct packetizer *p, uint64_t pts_ns)
{
	uint32_t t = rtp_video_timestamp(pts_ns);

	if (p->started && (int32_t)(t - p->timestamp) <= 0)
		t = p->timestamp + 1;
	p->started = true;
	p->timestamp = t;
	return t;
}

void packetizer_open(struct packetizer *p, const struct packet_frame *f, unsigned fixed)
{
	p->pts_ns = f->pts_ns;
	p->type = f->type;
	p->latency_100us = f->latency_100us;
	p->fec_percent = f->fec_percent;
	p->fec_min = f->fec_min;
	p->fixed = fixed;
	p->len = 0;
	p->planned = 0;
	p->blocks = 0;
	p->closed = false;
	p->source = (struct source){.header_left = RTP_VIDEO_FRAME_HEADER, .piece = f->piece, .end = f->piece};
	p->block.frame_no = f->frame_no;
	p->block.ltr = f->ltr;
	for (unsigned i = 0; i < f->n_pieces; i++)
		packetizer_append(p);
}

void packetizer_append(struct packetizer *p)
{
	p->len += p->source.end->len;
	p->source.end++;
}

size_t packetizer_payload(const struct packetizer *p)
{
	return p->payload_len;
}

size_t packetizer_queued(const struct packetizer *p)
{
	return RTP_VIDEO_FRAME_HEADER + p->len - p->planned;
}

/* Blocks that may still be committed, the last one not counted. */
static unsigned blocks_left(const struct packetizer *p)
{
	return (p->fixed ? p->fixed : FEC_BLOCKS_MAX) - 1 - p->blocks;
}

unsigned packetizer_ready(const struct packetizer *p)
{
	size_t full = (packetizer_queued(p) - 1) / p->payload_len, max = fec_plan_data_max(p->fec_percent, p->fec_min);

	if (!blocks_left(p))
		return 0;
	return (unsigned)(full < max ? full : max);
}

unsigned packetizer_room_after(const struct packetizer *p)
{
	return blocks_left(p) * fec_plan_data_max(p->fec_percent, p->fec_min);
}

/* The plan becomes what packetizer_next() works on. len: of the whole frame, 0: not known yet. */
static int adopt(struct packetizer *p, const struct fec_plan *plan, size_t len)
{
	uint32_t shards = 0;

	for (unsigned i = 0; i < plan->n_blocks; i++)
		shards += plan->block[i].n_data + plan->block[i].n_parity;
	if (p->gcm && p->sealed + shards > (uint64_t)UINT32_MAX + 1)
		return -EOVERFLOW;
	if (!p->blocks) {
		p->block.timestamp = next_timestamp(p, p->pts_ns);
		/* Unknown, the last payload is said to be full: the codecs that are sent in parts do not read it
		 * (2-media 8.2). */
		rtp_video_frame_header(p->source.header, p->type, p->latency_100us,
				       len ? len : p->payload_len - RTP_VIDEO_FRAME_HEADER, p->payload_len);
	}
	p->plan = *plan;
	p->at = 0;
	p->shard = 0;
	p->shards = shards;
	p->block.counter = p->counter;
	p->block.block = (uint8_t)p->blocks;
	return 0;
}

int packetizer_commit(struct packetizer *p, unsigned n)
{
	struct fec_plan plan = {.n_blocks = 1, .block[0] = fec_plan_block(n, p->fec_percent, p->fec_min)};
	int err;

	assert(n && n <= packetizer_ready(p));
	err = adopt(p, &plan, 0);
	if (err)
		return err;
	/* Any later index means "not this one" (2-media 8.3). */
	p->block.last_block = (uint8_t)((p->fixed ? p->fixed : FEC_BLOCKS_MAX) - 1);
	p->planned += (size_t)n * p->payload_len;
	p->blocks++;
	return 0;
}

int packetizer_close(struct packetizer *p)
{
	size_t n_shards = (packetizer_queued(p) + p->payload_len - 1) / p->payload_len;
	unsigned n_max = blocks_left(p) + 1, n_min = p->fixed && p->blocks ? n_max : 1;
	struct fec_plan plan;
	int err;

	if (!p->len)
		return -EINVAL;
	if (n_shards > FEC_BLOCKS_MAX * FEC_DATA_UNCODED_MAX)
		return -EMSGSIZE;
	/* A frame of which nothing has left is free to have as many blocks as it needs. */
	if (!p->blocks)
		n_max = FEC_BLOCKS_MAX;
	err = fec_plan_rest(&plan, (unsigned)n_shards, p->fec_percent, p->fec_min, n_min, n_max);
	if (!err)
		err = adopt(p, &plan, p->len);
	if (err)
		return err;
	p->block.last_block = (uint8_t)(p->blocks + plan.n_blocks - 1);
	p->closed = true;
	return 0;
}

int packetizer_begin(struct packetizer *p, const struct packet_frame *f)
{
	packetizer_open(p, f, 0);
	return packetizer_close(p);
}

uint64_t packetizer_frame_bytes(const struct packetizer *p)
{
	return (uint64_t)p->shards * p->packet_len;
}

/* Up to n bytes of the frame, then zeroes: only the frame's last shard is not full. */
static void source_read(struct source *s, uint8_t *dst, size_t n)
{
	if (s->header_left) {
		/* A payload is longer than the header (VIDEO_PACKET_SIZE_MIN): it is read in one go. */
		memcpy(dst, s->header, RTP_VIDEO_FRAME_HEADER);
		dst += s->header_left;
		n -= s->header_left;
		s->header_left = 0;
	}
	while (n && s->piece < s->end) {
		size_t left = s->piece->len - s->at, take = left < n ? left : n;

		if (take)
			memcpy(dst, s->piece->data + s->at, take);
		dst += take;
		n -= take;
		s->at += take;
		if (s->at == s->piece->len) {
			s->piece++;
			s->at = 0;
		}
	}
	memset(dst, 0, n);
}

/* The shard of packet i of a batch; the space of its seal, if any, lies before it. */
static uint8_t *shard_at(const struct packetizer *p, const struct pkt_batch *b, unsigned i)
{
	return b->bytes + (size_t)i * p->packet_len + p->prefix_len;
}

static void add_parity(struct packetizer *p, struct pkt_batch *b, unsigned n_parity)
{
	uint8_t *shard[FEC_SHARDS_MAX];
	unsigned n_data = b->n_data;

	for (unsigned i = 0; i < n_data + n_parity; i++)
		shard[i] = shard_at(p, b, i);
	/* The shape comes from fec_plan: it is one the code has. */
	if (fec_encode(p->fec, n_data, n_parity, p->shard_len, (const uint8_t *const *)shard, shard + n_data))
		assert(!"fec_plan gave a shape that does not exist");
	for (unsigned j = 0; j < n_parity; j++)
		rtp_video_parity(shard[n_data + j], &p->block, j);
	b->n_packets = (uint16_t)(n_data + n_parity);
}

/* An IV is used once: the counter moves on even when the cipher fails. */
static int seal(struct packetizer *p, struct pkt_batch *b)
{
	for (unsigned i = 0; i < b->n_packets; i++) {
		uint8_t *shard = shard_at(p, b, i), *prefix = shard - RTP_VIDEO_SEAL;
		uint64_t counter = (uint64_t)p->iv_generation << 32 | (uint32_t)p->sealed++;
		int err;

		iv_video(prefix + RTP_VIDEO_SEAL_IV, counter);
		put_le32(prefix + RTP_VIDEO_SEAL_FRAME, p->block.frame_no);
		err = gcm_seal(p->gcm, prefix + RTP_VIDEO_SEAL_IV, shard, p->shard_len, shard,
			       prefix + RTP_VIDEO_SEAL_TAG);
		if (err)
			return err;
	}
	return 0;
}

int packetizer_next(struct packetizer *p, struct pkt_batch *b)
{
	const struct fec_block *fb = &p->plan.block[p->at];
	unsigned left = fb->n_data - p->shard;
	bool block_done, done;

	p->block.n_data = fb->n_data;
	p->block.percent = fb->percent;
	b->frame_no = p->block.frame_no;
	b->first = p->block.block == 0 && p->shard == 0;
	/* A coded block always fits a batch; one without parity may take several. */
	b->n_data = b->n_packets = (uint16_t)(left < BATCH_PACKETS_MAX ? left : BATCH_PACKETS_MAX);
	for (unsigned i = 0; i < b->n_data; i++) {
		uint8_t *shard = shard_at(p, b, i);

		rtp_video_data(shard, &p->block, p->shard + i);
		source_read(&p->source, shard + RTP_VIDEO_HEADER, p->payload_len);
	}
	p->shard += b->n_data;
	block_done = p->shard == fb->n_data;
	done = block_done && p->at + 1 == p->plan.n_blocks;
	if (fb->n_parity)
		add_parity(p, b, fb->n_parity);
	p->counter += b->n_packets;
	if (block_done) {
		p->block.counter = p->counter;
		p->block.block++;
		p->at++;
		p->shard = 0;
	}
	b->last = done && p->closed;
	if (p->gcm) {
		int err = seal(p, b);

		if (err)
			return err;
	}
	return !done;
}
