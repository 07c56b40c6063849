// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Frames in parts, the whole way: x264 gives out units from its slice threads, the packer makes blocks of them, the
 * probe's model of a client, which shares nothing with the host, puts them together again. What it hands to its decoder
 * must be what the encoder wrote, and be a picture.
 */
#include "encoder_rig.h"

#include <assert.h>

#include "base/clock.h"
#include "media/feedback.h"
#include "media/link.h"
#include "net/pack.h"
#include "probe_model.h"

#define PS       1392u
#define DELIVER  64
#define STREAM_W 640
#define STREAM_H 368

struct chain {
	struct encoder *e;
	struct picture pic;
	struct wake wake; /* nobody sleeps on it */
	struct au_link link;
	struct credit credit;
	struct feedback feedback;
	struct gate gate;
	struct tune tune;
	struct stream_stats stats;
	struct batch_pool pool;
	struct pack pack;
	/* what the encoder wrote of this frame; slice threads add to it */
	uint8_t *written;
	size_t len;
	unsigned units, units_before_last;
	bool key, failed;
	uint32_t epoch;
	/* what the client got */
	uint8_t *got;
	size_t got_len, got_at[DELIVER], got_size[DELIVER];
	unsigned n_got, n_same, n_lost, blocks;
	uint32_t seed;
	unsigned lose_percent;
};

static void unit(void *ctx, struct au *a)
{
	struct chain *c = ctx;
	bool pushed;

	/* On a thread of the library: not for cmocka to jump out of. */
	assert(a->first == !c->units && (a->last || a->expected));
	if (a->first)
		credit_take(&c->credit);
	memcpy(c->written + c->len, a->data, a->len);
	c->len += a->len;
	c->key = a->key;
	c->failed |= a->broken;
	c->units++;
	c->units_before_last += !a->last;
	a->epoch = c->epoch;
	pushed = ring_push(&c->link.ring, a);
	assert(pushed);
	(void)pushed;
}

static const struct encoder_events unit_events = {.au = unit};

static void delivered(void *ctx, uint32_t number, bool idr, uint8_t type, const uint8_t *data, size_t len)
{
	struct chain *c = ctx;
	size_t used = len;

	(void)number;
	assert_int_equal(idr, c->key);
	assert_int_equal(type == 2, idr);
	while (used > c->len && !data[used - 1])
		used--;
	if (used == c->len && len - used < PS - 16 && memcmp(data, c->written, used) == 0)
		c->n_same++;
	if (c->n_got < DELIVER) {
		memcpy(c->got + c->got_len, data, len);
		c->got_at[c->n_got] = c->got_len;
		c->got_size[c->n_got++] = len;
		c->got_len += len;
	}
}

static void lost(void *ctx, uint32_t frame)
{
	struct chain *c = ctx;

	(void)frame;
	c->n_lost++;
}

static const struct model_events model_events = {delivered, lost};

static struct chain *chain_open(uint8_t slices, bool fixed, unsigned lose_percent)
{
	struct chain *c = calloc(1, sizeof(*c));
	struct enc_params p = defaults();
	struct packetizer_params pp = {.packet_size = PS};

	assert_non_null(c);
	p.video.width = STREAM_W;
	p.video.height = STREAM_H;
	p.slices = slices;
	p.kbps = 40000; /* 60 payloads a frame */
	c->written = malloc(4 << 20);
	c->got = malloc(64 << 20);
	assert_true(c->written && c->got);
	assert_int_equal(wake_init(&c->wake), 0);
	assert_int_equal(ring_init(&c->link.ring, AU_RING_CAPACITY), 0);
	c->link.wake = c->credit.wake = &c->wake;
	feedback_init(&c->feedback);
	c->gate.feedback = &c->feedback;
	tune_set_all(&c->tune, 100000, 20);
	assert_int_equal(batch_pool_init(&c->pool, packetizer_packet_len(&pp)), 0);
	c->pack = (struct pack){
		.with_parity = true,
		.fec_min = 2,
		.tune = &c->tune,
		.patience_ns = NS_PER_S,
		.fixed_blocks = fixed,
		.in = &c->link,
		.pool = &c->pool,
		.credit = &c->credit,
		.gate = &c->gate,
		.stats = &c->stats,
		.packetizer = packetizer_create(&pp),
	};
	assert_non_null(c->pack.packetizer);
	assert_int_equal(encoder_open(&c->e, encoder_find("x264", CODEC_H264, NULL), &p, &unit_events, c), 0);
	assert_int_equal(picture_init(&c->pic, STREAM_W, STREAM_H, p.video.space, p.video.full_range), 0);
	assert_true(model_open(PS, STREAM_W, STREAM_H, &model_events, c));
	c->seed = 1;
	c->lose_percent = lose_percent;
	return c;
}

static void chain_close(struct chain *c)
{
	pack_finish(&c->pack);
	assert_int_equal(credit_used(&c->credit), 0);
	packetizer_destroy(c->pack.packetizer);
	batch_pool_finish(&c->pool);
	encoder_close(c->e);
	picture_finish(&c->pic);
	ring_finish(&c->link.ring);
	wake_finish(&c->wake);
	model_close();
	free(c->written);
	free(c->got);
	free(c);
}

/* As send does, with the network behind it: at most as many lost of each block as it has parity. */
static void deliver(struct chain *c)
{
	struct pkt_batch *b;

	while ((b = batch_front(&c->pool))) {
		unsigned may = (unsigned)(b->n_packets - b->n_data), n_lost = 0;

		c->blocks++;
		if (b->broken)
			gate_close(&c->gate, b->frame_no, true);
		for (unsigned i = 0; i < b->n_packets; i++) {
			bool lose;

			c->seed = c->seed * 1664525u + 1013904223u;
			lose = n_lost < may && (c->seed >> 8) % 100 < c->lose_percent;
			n_lost += lose;
			model_datagram(b->bytes + (size_t)i * c->pool.packet_len, c->pool.packet_len, lose);
		}
		if (b->last)
			credit_give(&c->credit);
		batch_pop(&c->pool);
	}
}

static int encode(struct chain *c, uint32_t unit_bytes, uint8_t units, bool idr)
{
	struct enc_request q = {
		.frame_no = c->e->newest + 1,
		.pts_ns = (c->e->newest + 1) * 16666667ull,
		.idr = idr,
		.unit_bytes = unit_bytes,
		.units = units,
		.expected = 60 * (PS - 16),
	};
	int rc;

	c->len = c->units = 0;
	moving_draw(&c->pic, c->e->newest);
	rc = encoder_submit(c->e, &c->pic, &q);
	while (pack_step(&c->pack) > 0)
		deliver(c);
	deliver(c);
	return rc;
}

static void assert_no_fault(void)
{
	if (model_fault())
		fail_msg("%s", model_fault());
}

static void parts_come_back_as_the_encoder_wrote_them(uint8_t slices, bool fixed, unsigned lose_percent)
{
	struct chain *c = chain_open(slices, fixed, lose_percent);
	struct decoded d;

	for (unsigned i = 0; i < 48; i++) {
		/* Frames in parts and whole ones, key frames among both. */
		bool early = i % 8 != 5, idr = i == 0 || i == 13 || i == 20;

		assert_int_equal(encode(c, early ? (4 + i % 9) * (PS - 16) : 0, (uint8_t)(2 + i % 3), idr), 0);
		assert_int_equal(c->n_got, i + 1);
		assert_int_equal(c->n_same, i + 1);
	}
	assert_no_fault();
	assert_int_equal(c->n_lost, 0);
	/* Most of those that should did leave in parts. */
	assert_true(c->units_before_last > 30);
	assert_true(c->blocks > 48 + 20);
	assert_int_equal(model_rebuilt() > 0, lose_percent > 0);
	if (decode_available()) {
		assert_true(decode(&d, CODEC_H264, c->got, c->got_len, STREAM_W, STREAM_H));
		assert_int_equal(d.count, 48);
		/* The last picture drawn is there. */
		assert_true(luma_psnr(c->pic.luma, c->pic.stride, d.frames + 47 * d.frame_size, STREAM_W, STREAM_W,
				      STREAM_H) > 30);
		decoded_finish(&d);
	}
	chain_close(c);
}

static void one_thread(void **state)
{
	(void)state;
	require_x264();
	parts_come_back_as_the_encoder_wrote_them(1, false, 0);
	parts_come_back_as_the_encoder_wrote_them(1, true, 10);
}

static void two_threads(void **state)
{
	(void)state;
	require_x264();
	parts_come_back_as_the_encoder_wrote_them(2, false, 0);
	parts_come_back_as_the_encoder_wrote_them(2, false, 15);
	parts_come_back_as_the_encoder_wrote_them(2, true, 0);
	parts_come_back_as_the_encoder_wrote_them(2, true, 15);
}

static void four_threads(void **state)
{
	(void)state;
	require_x264();
	parts_come_back_as_the_encoder_wrote_them(4, false, 10);
}

/* A frame is the same whether it left in parts or not, but for the slices it is cut into. */
static void parts_do_not_change_the_pictures_much(void **state)
{
	size_t len[2] = {0};

	(void)state;
	require_x264();
	for (unsigned early = 0; early < 2; early++) {
		struct chain *c = chain_open(2, false, 0);

		for (unsigned i = 0; i < 40; i++) {
			assert_int_equal(encode(c, early ? 6 * (PS - 16) : 0, 4, i == 0), 0);
			len[early] += c->len;
		}
		chain_close(c);
	}
	assert_true(len[1] > len[0] * 9 / 10 && len[1] < len[0] * 11 / 10);
}

static void a_whole_frame_has_as_many_slices_as_threads_again(void **state)
{
	static const bool early[] = {false, true, true, false, false, true, false};
	struct chain *c;

	(void)state;
	require_x264();
	c = chain_open(2, false, 0);
	for (unsigned i = 0; i < ARRAY_LEN(early); i++) {
		struct nal_walk w;
		unsigned n = 0;
		struct nal nal;

		assert_int_equal(encode(c, early[i] ? 6 * (PS - 16) : 0, 4, i == 0), 0);
		w = nal_walk_init(c->written, c->len);
		while (nal_walk_next(&w, &nal))
			n += is_slice(&nal);
		assert_int_equal(n, early[i] ? 8 : 2);
	}
	chain_close(c);
}

/* The rest of a frame grows beyond what a unit holds after parts of it are out. */
static void a_frame_that_fails_in_its_middle_is_lost_and_the_next_goes_on(void **state)
{
	struct chain *c;
	uint32_t epoch = 0, from = 0;
	bool partly;
	size_t cap;

	(void)state;
	require_x264();
	c = chain_open(2, false, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(encode(c, 6 * (PS - 16), 2, i == 0), 0);
	cap = c->e->slab.cap;
	c->e->slab.cap = c->len / 2;
	assert_int_equal(encode(c, 6 * (PS - 16), 2, false), -EIO);
	c->e->slab.cap = cap;
	assert_true(c->failed);
	assert_int_equal(c->units, 2);
	assert_int_equal(c->n_same, 3);
	assert_true(feedback_take_unsent(&c->feedback, &epoch, &from, &partly));
	assert_int_equal(from, 5);
	assert_true(partly);
	c->epoch = epoch;
	assert_int_equal(credit_used(&c->credit), 0);
	assert_int_equal(encoder_units_out(c->e), 0);
	/* The number is spent: what a new encoder would make is 5, an IDR. */
	c->e->newest = 4;
	assert_int_equal(encode(c, 6 * (PS - 16), 2, true), 0);
	assert_int_equal(c->n_same, 4);
	assert_int_equal(c->n_lost, 1);
	chain_close(c);
}

static void units_run_out_and_the_frame_stays_whole(void **state)
{
	struct au_slot *kept[32];
	struct chain *c;
	unsigned n = 0;

	(void)state;
	require_x264();
	c = chain_open(2, false, 0);
	while ((kept[n] = au_slab_take(&c->e->slab)))
		n++;
	au_release(&kept[--n]->au);
	assert_int_equal(encode(c, 6 * (PS - 16), 4, true), 0);
	assert_int_equal(c->units, 1);
	assert_int_equal(c->n_same, 1);
	while (n)
		au_release(&kept[--n]->au);
	chain_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_thread),
		cmocka_unit_test(two_threads),
		cmocka_unit_test(four_threads),
		cmocka_unit_test(parts_do_not_change_the_pictures_much),
		cmocka_unit_test(a_whole_frame_has_as_many_slices_as_threads_again),
		cmocka_unit_test(a_frame_that_fails_in_its_middle_is_lost_and_the_next_goes_on),
		cmocka_unit_test(units_run_out_and_the_frame_stays_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
