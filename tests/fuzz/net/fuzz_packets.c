// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Frames of any size, cut into any slices, at any packet size, parity and starting number, with losses up to what each
 * block's parity covers: the client's model must get every frame back and complain about nothing. The input is a
 * list of numbers, not bytes of the wire.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../unit/net/client.h"
#include "base/rd.h"
#include "net/packetizer.h"

#define FRAMES_MAX 6u
#define PIECES_MAX 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t bits[1u << 18];
static const uint8_t key[16] = {1};

struct expect {
	size_t len;
	unsigned frames;
};

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void on_frame(void *ctx, const struct client_frame *f)
{
	struct expect *e = ctx;

	must(f->len == e->len && memcmp(f->data, bits, f->len) == 0);
	e->frames++;
}

static void one_frame(struct rd *r, struct packetizer *p, struct batch_pool *pool, struct client *c, struct expect *e,
		      uint32_t frame_no)
{
	struct packet_piece piece[PIECES_MAX];
	struct packet_frame f = {.frame_no = frame_no, .type = RTP_FRAME_P, .piece = piece};
	unsigned frames = e->frames, lose;
	size_t at = 0;
	int more;

	e->len = (rd_le32(r) & 0x3ffff) >> rd_u8(r) % 12;
	f.fec_percent = rd_u8(r);
	f.fec_min = rd_u8(r) % 9;
	f.pts_ns = rd_le32(r);
	f.ltr = rd_u8(r) & 1;
	lose = rd_u8(r);
	f.n_pieces = 1 + rd_u8(r) % PIECES_MAX;
	for (unsigned i = 0; i < f.n_pieces; i++) {
		size_t n = i + 1 == f.n_pieces ? e->len - at : (e->len - at) / (1 + rd_u8(r) % 4);

		piece[i] = (struct packet_piece){.data = bits + at, .len = n};
		at += n;
	}
	more = packetizer_begin(p, &f);
	if (e->len == 0) {
		must(more == -EINVAL);
		return;
	}
	if (more == -EMSGSIZE)
		return;
	must(more == 0);
	do {
		struct pkt_batch *b = batch_take(pool);
		unsigned parity;

		more = packetizer_next(p, b);
		must(more >= 0 && b->n_packets > 0 && b->n_packets <= BATCH_PACKETS_MAX);
		parity = (unsigned)(b->n_packets - b->n_data);
		/* Gauss in the model is cubic: no need to lose more to prove it. */
		if (parity > 6)
			parity = 6;
		for (unsigned i = 0, lost = 0; i < b->n_packets; i++) {
			if (lost < parity && (i * 131 + lose) % 7 < 3) {
				lost++;
				continue;
			}
			client_datagram(c, b->bytes + (size_t)i * pool->packet_len, pool->packet_len);
		}
		batch_queue(pool, b);
		batch_pop(pool);
	} while (more);
	must(e->frames == frames + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	struct packetizer_params pp = {0};
	struct packetizer *p;
	struct batch_pool pool;
	struct client c;
	struct expect e = {0};

	if (!bits[1])
		for (size_t i = 0; i < sizeof(bits); i++)
			bits[i] = (uint8_t)(i * 2654435761u >> 11 | 1);
	pp.packet_size = (uint16_t)(VIDEO_PACKET_SIZE_MIN +
				    rd_u8(&r) % ((VIDEO_PACKET_SIZE_MAX - VIDEO_PACKET_SIZE_MIN) / 16 + 1) * 16);
	pp.encrypt = rd_u8(&r) & 1;
	pp.first_shard = rd_le32(&r);
	memcpy(pp.key, key, sizeof(key));
	p = packetizer_create(&pp);
	must(p && batch_pool_init(&pool, packetizer_packet_len(&pp)) == 0);
	client_init(&c, pp.packet_size, pp.encrypt ? key : NULL, on_frame, &e);
	c.next_seq = (uint16_t)pp.first_shard;
	for (uint32_t i = 0; i < FRAMES_MAX && rd_left(&r); i++) {
		c.frame_no = i + 1; /* a frame that was refused leaves a gap that is not the packetizer's */
		one_frame(&r, p, &pool, &c, &e, i + 1);
	}
	must(c.broken == 0 && c.bad_tags == 0 && c.lost == 0);
	client_finish(&c);
	batch_pool_finish(&pool);
	packetizer_destroy(p);
	return 0;
}
