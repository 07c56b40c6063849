// SPDX-License-Identifier: GPL-3.0-or-later
/* What the client gets back when packets are lost, doubled or out of order. */
#include "packet_rig.h"

#include "base/str.h"

/* Delivers the last frame without the packets of the mask (at most 32 per frame). */
static void deliver_without(struct rig *r, uint32_t mask)
{
	for (unsigned i = 0; i < r->n; i++)
		if (!(mask >> i & 1))
			client_datagram(&r->client, datagram(r, i), r->packet_len);
}

static void m15_counters_wrap_inside_a_frame(void **state)
{
	static const uint32_t starts[] = {65530, 0xfffffa, 0xfffffffa};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(starts); i++) {
		struct rig r;
		bool wrapped = false;

		rig_init_at(&r, 1392, false, starts[i]);
		for (uint32_t no = 1; no <= 3; no++) {
			assert_int_equal(pack(&r, 20000, 1, frame(no)), 0);
			for (unsigned k = 0; k < r.n; k++) {
				wrapped |= be16(datagram(&r, k) + 2) == 0;
				/* With a loss, so that SPI comes out of the code too. */
				if (k != 2 && k != 9)
					client_datagram(&r.client, datagram(&r, k), r.packet_len);
			}
		}
		assert_true(wrapped);
		assert_int_equal(r.same, 3);
		assert_int_equal(r.client.recovered, 6);
		assert_clean(&r);
		rig_finish(&r);
	}
}

static void m16_any_loss_up_to_parity_is_rebuilt(void **state)
{
	struct rig r;
	uint32_t no = 1;
	unsigned same = 0;

	(void)state;
	rig_init(&r, 128, false);
	for (unsigned d = 1; d <= 6; d++) {
		for (unsigned percent = 20; percent <= 100; percent += 40) {
			struct packet_frame f = frame(no);
			unsigned p;

			f.fec_percent = (uint8_t)percent;
			assert_int_equal(pack(&r, d * 112 - 8 - d, 1 + d % 3, f), 0);
			p = r.n - d;
			for (uint32_t mask = 0; mask < 1u << r.n; mask++) {
				if ((unsigned)__builtin_popcount(mask) > p)
					continue;
				f = frame(no++);
				f.fec_percent = (uint8_t)percent;
				assert_int_equal(pack(&r, d * 112 - 8 - d, 1 + d % 3, f), 0);
				deliver_without(&r, mask);
				assert_int_equal(r.same, ++same);
			}
		}
	}
	assert_int_equal(r.client.lost, 0);
	assert_clean(&r);
	rig_finish(&r);
}

static void m16_random_loss_in_large_blocks_is_rebuilt(void **state)
{
	struct rig r;
	uint32_t x = 1;

	(void)state;
	rig_init(&r, 512, true);
	for (uint32_t no = 1; no <= 6; no++) {
		assert_int_equal(pack(&r, 25000 * (1 + no % 5), 4, frame(no)), 0);
		for (unsigned b = 0; b < r.n_blocks; b++) {
			unsigned end = b + 1 < r.n_blocks ? r.block_start[b + 1] : r.n;
			unsigned n = end - r.block_start[b], lose = n / 6;
			bool gone[255] = {false};

			gone[0] = true; /* an edge each time */
			for (unsigned i = 1; i < lose; i++) {
				x = x * 1664525u + 1013904223u;
				gone[(x >> 8) % n] = true;
			}
			for (unsigned i = 0; i < n; i++)
				if (!gone[i])
					client_datagram(&r.client, datagram(&r, r.block_start[b] + i), r.packet_len);
		}
		assert_int_equal(r.same, no);
	}
	assert_clean(&r);
	rig_finish(&r);
}

static void m17_one_loss_too_many_costs_exactly_that_frame(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 1392, false);
	for (uint32_t no = 1; no <= 10; no++) {
		struct packet_frame f = frame(no);

		if (no == 6)
			f.type = RTP_FRAME_P_AFTER_RFI;
		assert_int_equal(pack(&r, 8000, 1, f), 0); /* 6 + 2 */
		assert_int_equal(r.n, 8);
		deliver_without(&r, no == 5 ? 0x2a : 0);
	}
	assert_int_equal(r.client.lost, 1);
	assert_int_equal(r.same, 9);
	assert_clean(&r);
	rig_finish(&r);
}

static void m17_every_loss_pattern_beyond_parity_loses_only_that_frame(void **state)
{
	struct rig r;
	uint32_t no = 1;
	unsigned lost = 0;

	(void)state;
	rig_init(&r, 128, false);
	for (unsigned d = 1; d <= 4; d++) {
		unsigned n;

		assert_int_equal(pack(&r, d * 112 - 8, 1, frame(no)), 0);
		n = r.n;
		deliver_all(&r);
		no++;
		for (uint32_t mask = 1; mask < 1u << n; mask++) {
			if ((unsigned)__builtin_popcount(mask) != n - d + 1)
				continue;
			assert_int_equal(pack(&r, d * 112 - 8, 1, frame(no++)), 0);
			deliver_without(&r, mask);
			lost++;
			assert_int_equal(pack(&r, d * 112 - 8, 1, frame(no++)), 0);
			deliver_all(&r);
		}
	}
	assert_int_equal(r.client.lost, lost);
	assert_int_equal(r.same, no - 1 - lost);
	assert_clean(&r);
	rig_finish(&r);
}

static void m18_duplicates_and_reorder_inside_a_block(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 1392, false);
	for (uint32_t no = 1; no <= 20; no++) {
		assert_int_equal(pack(&r, 20000, 2, frame(no)), 0);
		for (unsigned i = 0; i < r.n; i++) {
			unsigned at = (i * 7 + no) % r.n;

			client_datagram(&r.client, datagram(&r, at), r.packet_len);
			client_datagram(&r.client, datagram(&r, at), r.packet_len);
		}
	}
	assert_int_equal(r.client.delivered, 20);
	assert_int_equal(r.same, 20);
	assert_int_equal(r.client.lost, 0);
	assert_clean(&r);
	rig_finish(&r);
}

static void m23_output_is_cut_to_the_frame_with_and_without_loss(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 128, false);
	for (uint32_t no = 1; no <= 600; no++) {
		assert_int_equal(pack(&r, no, 1 + no % 3, frame(no)), 0);
		for (size_t at = no + 8; at % 112; at++)
			assert_int_equal(datagram(&r, (unsigned)(at / 112))[32 + at % 112], 0);
		/* Every other frame its last data shard is lost: padding must come back as padding. */
		deliver_without(&r, no % 2 ? 1u << (r.n - 3) : 0);
	}
	assert_int_equal(r.same, 600);
	assert_clean(&r);
	rig_finish(&r);
}

static void ltr_bit_is_in_every_data_shard(void **state)
{
	struct packet_frame f = frame(1);
	struct rig r;

	(void)state;
	rig_init(&r, 1392, false);
	f.ltr = true;
	assert_int_equal(pack(&r, 10000, 1, f), 0);
	deliver_without(&r, 0x81);
	assert_int_equal(r.same, 1);
	assert_true(r.got.ltr);
	assert_clean(&r);
	rig_finish(&r);
}

static void fec_percentage_may_change_with_every_frame(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 1392, false);
	for (uint32_t no = 1; no <= 256; no++) {
		struct packet_frame f = frame(no);

		f.fec_percent = (uint8_t)(no - 1);
		f.fec_min = (uint8_t)(no % 9);
		assert_int_equal(pack(&r, 4000 + no * 200, 1, f), 0);
		deliver_all(&r);
		assert_int_equal(r.same, no);
	}
	assert_clean(&r);
	rig_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m15_counters_wrap_inside_a_frame),
		cmocka_unit_test(m16_any_loss_up_to_parity_is_rebuilt),
		cmocka_unit_test(m16_random_loss_in_large_blocks_is_rebuilt),
		cmocka_unit_test(m17_one_loss_too_many_costs_exactly_that_frame),
		cmocka_unit_test(m17_every_loss_pattern_beyond_parity_loses_only_that_frame),
		cmocka_unit_test(m18_duplicates_and_reorder_inside_a_block),
		cmocka_unit_test(m23_output_is_cut_to_the_frame_with_and_without_loss),
		cmocka_unit_test(ltr_bit_is_in_every_data_shard),
		cmocka_unit_test(fec_percentage_may_change_with_every_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
