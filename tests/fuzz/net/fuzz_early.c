// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Units of any size through the packer, whole frames, frames in parts, frames that end broken or not at all, with
 * losses up to what each block's parity covers: every frame that was ended well reaches the client's model as it was,
 * every other costs itself only, and all units and all credit come back. The input is a list of numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "../../unit/net/client.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rd.h"
#include "media/au.h"
#include "net/pack.h"

#define FRAMES_MAX 8u
#define UNITS_MAX  9u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t bits[1u << 18];

static struct {
	struct au au[UNITS_MAX];
	unsigned out;
	size_t len; /* of the frame that is expected */
	unsigned got, padding;
	struct gate gate;
	bool begun; /* packets of the frame were sent */
} f;

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void release(struct au *a)
{
	(void)a;
	must(f.out-- > 0);
}

static void on_frame(void *ctx, const struct client_frame *c)
{
	(void)ctx;
	must(c->len >= f.len && c->len - f.len < f.padding && memcmp(c->data, bits, f.len) == 0);
	for (size_t i = f.len; i < c->len; i++)
		must(!c->data[i]);
	f.got++;
}

/* As send and the network do. */
static void drain(struct batch_pool *pool, struct credit *credit, struct client *c, unsigned lose)
{
	struct pkt_batch *b;

	while ((b = batch_front(pool))) {
		unsigned may = b->n_packets - b->n_data > 6 ? 6u : (unsigned)(b->n_packets - b->n_data);

		must(b->broken || b->n_packets);
		if (b->broken)
			gate_close(&f.gate, b->frame_no, f.begun);
		f.begun |= b->n_packets;
		for (unsigned i = 0, lost = 0; i < b->n_packets; i++) {
			if (lost < may && (i * 131 + lose) % 7 < 3) {
				lost++;
				continue;
			}
			client_datagram(c, b->bytes + (size_t)i * pool->packet_len, pool->packet_len);
		}
		if (b->last)
			credit_give(credit);
		batch_pop(pool);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	struct packetizer_params pp = {0};
	struct stream_stats stats = {0};
	struct feedback feedback;
	struct tune tune;
	struct wake wake = {.fd = -1};
	struct au_link link = {.wake = &wake};
	struct credit credit = {.wake = &wake};
	struct batch_pool pool;
	struct client c;
	struct pack p;
	unsigned good = 0;
	uint32_t epoch = 0;

	log_set_level(LOG_LEVEL_ERR);
	if (!bits[1])
		for (size_t i = 0; i < sizeof(bits); i++)
			bits[i] = (uint8_t)(i * 2654435761u >> 11 | 1);
	memset(&f, 0, sizeof(f));
	pp.packet_size = (uint16_t)(VIDEO_PACKET_SIZE_MIN +
				    rd_u8(&r) % ((VIDEO_PACKET_SIZE_MAX - VIDEO_PACKET_SIZE_MIN) / 16 + 1) * 16);
	f.padding = pp.packet_size - 16u;
	feedback_init(&feedback);
	must(batch_pool_init(&pool, packetizer_packet_len(&pp)) == 0 && ring_init(&link.ring, 32) == 0);
	client_init(&c, pp.packet_size, NULL, on_frame, NULL);
	f.gate.feedback = &feedback;
	tune_set_all(&tune, 100000, rd_u8(&r));
	p = (struct pack){
		.with_parity = true,
		.fec_min = (uint8_t)(rd_u8(&r) % 9),
		.tune = &tune,
		.patience_ns = NS_PER_S,
		.fixed_blocks = rd_u8(&r) & 1,
		.in = &link,
		.pool = &pool,
		.credit = &credit,
		.gate = &f.gate,
		.stats = &stats,
		.packetizer = packetizer_create(&pp),
	};
	must(p.packetizer);
	for (uint32_t no = 1; no <= FRAMES_MAX && rd_left(&r); no++) {
		unsigned n = 1 + rd_u8(&r) % UNITS_MAX, end = rd_u8(&r) % 8, lose = rd_u8(&r), got = f.got;
		size_t expected = rd_le32(&r) & 0xfffff, at = 0;
		uint32_t from;
		bool partly;

		f.len = 0;
		f.begun = false;
		credit_take(&credit);
		for (unsigned i = 0; i < n; i++) {
			size_t len = (rd_le32(&r) & 0x3ffff) >> rd_u8(&r) % 14;
			bool is_last = i + 1 == n && end != 1, broken = is_last && i && end == 2;

			if (len > sizeof(bits) - at)
				len = sizeof(bits) - at;
			if (broken)
				len = 0;
			/* A unit's memory is its own until it is released. */
			f.au[i] = (struct au){.release = release,
					      .first = i == 0,
					      .last = is_last,
					      .broken = broken,
					      .data = bits + at,
					      .len = len,
					      .expected = is_last ? 0 : expected,
					      .frame_no = no,
					      .epoch = epoch,
					      .pts_ns = no * 16666667ull};
			at += len;
			f.out++;
			f.len = at;
			must(ring_push(&link.ring, &f.au[i]));
			while (pack_step(&p) > 0)
				drain(&pool, &credit, &c, lose);
			drain(&pool, &credit, &c, lose);
		}
		/* One without end is ended by the next; here by an empty one that is broken. */
		if (end == 1) {
			f.au[UNITS_MAX - 1] = (struct au){
				.release = release, .last = true, .broken = true, .frame_no = no, .epoch = epoch};
			f.out++;
			must(ring_push(&link.ring, &f.au[UNITS_MAX - 1]));
			while (pack_step(&p) > 0)
				drain(&pool, &credit, &c, lose);
		}
		must(f.out == 0 && credit_used(&credit) == 0);
		/* A number that is not spent would be used again: here it is a gap, which the client's model counts. */
		if (feedback_take_unsent(&feedback, &epoch, &from, &partly)) {
			must(from == no + partly && partly == f.begun && f.got == got);
		} else {
			must(f.got == got + 1);
			good++;
		}
	}
	must(f.got == good && c.broken == 0);
	pack_finish(&p);
	packetizer_destroy(p.packetizer);
	client_finish(&c);
	batch_pool_finish(&pool);
	ring_finish(&link.ring);
	return 0;
}
