// SPDX-License-Identifier: GPL-3.0-or-later
#include "packet_rig.h"

#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX (4 * 1023u)

const uint8_t rig_key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void on_frame(void *ctx, const struct client_frame *f)
{
	struct rig *r = ctx;

	size_t len = f->len;

	r->got = *f;
	r->got.data = NULL;
	while (r->padded && len > r->frame_len && !f->data[len - 1])
		len--;
	if (f->len - len < r->client.packet_size - 16 && len == r->frame_len && memcmp(f->data, r->frame, len) == 0)
		r->same++;
}

void rig_init_at(struct rig *r, unsigned packet_size, bool encrypt, uint32_t first_shard)
{
	memset(r, 0, sizeof(*r));
	r->params = (struct packetizer_params){.packet_size = (uint16_t)packet_size,
					       .encrypt = encrypt,
					       .iv_generation = 7,
					       .first_shard = first_shard};
	memcpy(r->params.key, rig_key, 16);
	r->p = packetizer_create(&r->params);
	assert_non_null(r->p);
	r->packet_len = packetizer_packet_len(&r->params);
	assert_int_equal(batch_pool_init(&r->pool, (uint16_t)r->packet_len), 0);
	client_init(&r->client, packet_size, encrypt ? rig_key : NULL, on_frame, r);
	r->client.next_seq = (uint16_t)first_shard;
	r->wire = malloc(PACKETS_MAX * r->packet_len);
	r->frame = malloc(CLIENT_FRAME_MAX);
	assert_non_null(r->wire);
	assert_non_null(r->frame);
}

void rig_init(struct rig *r, unsigned packet_size, bool encrypt)
{
	rig_init_at(r, packet_size, encrypt, 0);
}

void rig_finish(struct rig *r)
{
	packetizer_destroy(r->p);
	batch_pool_finish(&r->pool);
	client_finish(&r->client);
	free(r->wire);
	free(r->frame);
}

uint8_t *datagram(struct rig *r, unsigned i)
{
	return r->wire + i * r->packet_len;
}

static void make_frame(struct rig *r, size_t len, uint32_t frame_no)
{
	uint32_t x = (uint32_t)len * 2654435761u + frame_no;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		r->frame[i] = (uint8_t)(x >> 24);
	}
	if (len)
		r->frame[len - 1] |= 1; /* as no unit of a bitstream ends with a zero byte */
	r->frame_len = len;
	r->n = r->n_blocks = 0;
}

/* What was begun, committed or closed. last: the frame ends with it. */
static void drain(struct rig *r, uint32_t frame_no, bool last)
{
	unsigned before = r->n;
	int more;

	do {
		struct pkt_batch *b = batch_take(&r->pool);

		assert_non_null(b);
		more = packetizer_next(r->p, b);
		assert_true(more >= 0);
		assert_int_equal(b->first, r->n == 0);
		assert_int_equal(b->last, more == 0 && last);
		assert_int_equal(b->frame_no, frame_no);
		assert_in_range(b->n_packets, 1, BATCH_PACKETS_MAX);
		if (r->n_blocks < 8)
			r->block_start[r->n_blocks++] = r->n;
		memcpy(datagram(r, r->n), b->bytes, b->n_packets * r->packet_len);
		r->n += b->n_packets;
		batch_queue(&r->pool, b);
		batch_pop(&r->pool);
	} while (more);
	assert_int_equal(packetizer_frame_bytes(r->p), (r->n - before) * r->packet_len);
}

int pack(struct rig *r, size_t len, unsigned pieces, struct packet_frame f)
{
	struct packet_piece piece[8];
	size_t at = 0;
	int err;

	make_frame(r, len, f.frame_no);
	r->padded = false;
	for (unsigned i = 0; i < pieces; i++) {
		size_t n = i + 1 == pieces ? len - at : len / pieces;

		piece[i] = (struct packet_piece){.data = r->frame + at, .len = n};
		at += n;
	}
	f.piece = piece;
	f.n_pieces = pieces;
	err = packetizer_begin(r->p, &f);
	if (err < 0)
		return err;
	drain(r, f.frame_no, true);
	return 0;
}

int pack_early(struct rig *r, size_t len, const size_t *end, unsigned n_units, unsigned want, unsigned most,
	       unsigned fixed, struct packet_frame f)
{
	struct packet_piece piece[16];
	unsigned committed = 0;
	int err;

	make_frame(r, len, f.frame_no);
	assert_true(n_units <= 16 && end[n_units - 1] == len);
	for (unsigned i = 0; i < n_units; i++) {
		size_t from = i ? end[i - 1] : 0;

		piece[i] = (struct packet_piece){.data = r->frame + from, .len = end[i] - from};
	}
	f.piece = piece;
	f.n_pieces = 1;
	packetizer_open(r->p, &f, fixed);
	for (unsigned i = 0; i + 1 < n_units; i++) {
		unsigned n = packetizer_ready(r->p);

		if (n && n >= want) {
			err = packetizer_commit(r->p, n < most ? n : most);
			if (err < 0)
				return err;
			drain(r, f.frame_no, false);
			committed++;
		}
		packetizer_append(r->p);
	}
	r->padded = committed;
	err = packetizer_close(r->p);
	if (err < 0)
		return err;
	drain(r, f.frame_no, true);
	return 0;
}

struct packet_frame frame(uint32_t no)
{
	return (struct packet_frame){.frame_no = no,
				     .pts_ns = no * 16666667ull,
				     .type = no == 1 ? RTP_FRAME_IDR : RTP_FRAME_P,
				     .latency_100us = 23,
				     .fec_percent = 20,
				     .fec_min = 2};
}

void deliver_all(struct rig *r)
{
	for (unsigned i = 0; i < r->n; i++)
		client_datagram(&r->client, datagram(r, i), r->packet_len);
}

uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

void assert_clean(const struct rig *r)
{
	if (r->client.broken)
		fail_msg("client complains: %s", r->client.why);
	assert_int_equal(r->client.bad_tags, 0);
}
