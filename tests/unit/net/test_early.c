// SPDX-License-Identifier: GPL-3.0-or-later
/* Frames that leave in parts while the rest is still being encoded (2-media 8): what the client gets, whatever the
 * parts and whatever is lost of them. */
#include "packet_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define PS      128u
#define PAYLOAD (PS - 16)

static unsigned block_of(struct rig *r, unsigned i)
{
	return datagram(r, i)[27] >> 4 & 3;
}

static unsigned claim_of(struct rig *r, unsigned i)
{
	return datagram(r, i)[27] >> 6;
}

static unsigned data_of(struct rig *r, unsigned i)
{
	return le32(datagram(r, i) + 28) >> 22;
}

/* Early blocks claim `claim`, those of the rest the index of the last; edges are marked in each. */
static void assert_blocks(struct rig *r, unsigned n_blocks, unsigned claim)
{
	unsigned i = 0, said = claim;

	for (unsigned b = 0; b < n_blocks; b++) {
		unsigned d = data_of(r, i), q = le32(datagram(r, i) + 28) >> 4 & 0xff, n = d + (d * q + 99) / 100;

		/* Once the number is known it stays. */
		if (b + 1 == n_blocks || (b && claim_of(r, i) != claim))
			said = n_blocks - 1;
		for (unsigned k = 0; k < n; k++) {
			assert_int_equal(block_of(r, i + k), b);
			assert_int_equal(claim_of(r, i + k), said);
			if (k < d)
				assert_int_equal(datagram(r, i + k)[24], 1 | (k == 0 ? 4 : 0) | (k + 1 == d ? 2 : 0));
		}
		i += n;
	}
	assert_int_equal(i, r->n);
}

static void every_split_point_gives_the_frame_back(void **state)
{
	const size_t len = 9 * PAYLOAD - 8 + 5;
	struct rig r;
	uint32_t no = 1;

	(void)state;
	rig_init(&r, PS, false);
	for (size_t at = 1; at < len; at++) {
		size_t end[] = {at, len};

		assert_int_equal(pack_early(&r, len, end, 2, 1, 255, 0, frame(no)), 0);
		deliver_all(&r);
		assert_int_equal(r.same, no++);
		assert_clean(&r);
		if (at + 8 > PAYLOAD)
			assert_blocks(&r, 2, 3);
		else
			assert_blocks(&r, 1, 0);
	}
	rig_finish(&r);
}

static void sizes_around_whole_payloads_leave_no_empty_last_block(void **state)
{
	struct rig r;
	uint32_t no = 1;

	(void)state;
	rig_init(&r, PS, false);
	for (unsigned k = 1; k <= 30; k++)
		for (int by = -2; by <= 2; by++)
			/* How much comes in the last unit: nothing at all, one byte, more than a payload. */
			for (unsigned tail = 0; tail <= 2; tail++) {
				size_t len = k * PAYLOAD - 8 + (size_t)by, last = tail == 2 ? PAYLOAD + 1 : tail;
				size_t end[] = {len > last ? len - last : 1, len};

				assert_int_equal(pack_early(&r, len, end, 2, 1, 255, 0, frame(no)), 0);
				assert_true(data_of(&r, r.block_start[r.n_blocks - 1]) >= 1);
				deliver_all(&r);
				assert_int_equal(r.same, no++);
				assert_clean(&r);
			}
	rig_finish(&r);
}

static void a_byte_is_kept_back_for_the_last_block(void **state)
{
	const size_t len = 5 * PAYLOAD - 8;
	size_t end[] = {len, len};
	struct rig r;

	(void)state;
	rig_init(&r, PS, false);
	assert_int_equal(pack_early(&r, len, end, 2, 1, 255, 0, frame(1)), 0);
	assert_int_equal(data_of(&r, 0), 4);
	assert_blocks(&r, 2, 3);
	deliver_all(&r);
	assert_int_equal(r.same, 1);
	assert_clean(&r);
	rig_finish(&r);
}

static void never_more_than_four_blocks(void **state)
{
	struct rig r;
	uint32_t no = 1;

	(void)state;
	rig_init(&r, PS, false);
	for (unsigned units = 2; units <= 16; units++) {
		size_t end[16], len = units * 10 * PAYLOAD;

		for (unsigned i = 0; i < units; i++)
			end[i] = len * (i + 1) / units;
		assert_int_equal(pack_early(&r, len, end, units, 1, 255, 0, frame(no)), 0);
		assert_blocks(&r, units < 4 ? units : 4, 3);
		deliver_all(&r);
		assert_int_equal(r.same, no++);
		assert_clean(&r);
	}
	rig_finish(&r);
}

static void a_fixed_number_of_blocks_is_said_from_the_first(void **state)
{
	struct rig r;
	uint32_t no = 1;

	(void)state;
	rig_init(&r, PS, false);
	for (unsigned fixed = 2; fixed <= 4; fixed++)
		for (unsigned units = 2; units <= 8; units++) {
			size_t end[8], len = units * 10 * PAYLOAD;

			for (unsigned i = 0; i < units; i++)
				end[i] = len * (i + 1) / units;
			assert_int_equal(pack_early(&r, len, end, units, 1, 255, fixed, frame(no)), 0);
			assert_blocks(&r, fixed, fixed - 1);
			deliver_all(&r);
			assert_int_equal(r.same, no++);
			assert_clean(&r);
		}
	/* Nothing was committed: the frame is free to be one block. */
	assert_int_equal(pack_early(&r, 300, (size_t[]){100, 300}, 2, 5, 255, 2, frame(no)), 0);
	assert_blocks(&r, 1, 0);
	deliver_all(&r);
	assert_int_equal(r.same, no);
	assert_clean(&r);
	rig_finish(&r);
}

/* The rest is spread over the blocks that are left, then its parity shrinks, then the frame does not fit. */
static void a_rest_that_is_too_long_loses_parity_before_it_is_refused(void **state)
{
	static const struct {
		unsigned fixed, rest, blocks;
		int err;
	} rows[] = {
		{0, 212, 2, 0},          {0, 213, 3, 0},      {0, 3 * 212, 4, 0},
		{0, 3 * 254, 4, 0},      {0, 3 * 1023, 4, 0}, {0, 3 * 1023 + 1, 0, -EMSGSIZE},
		{2, 212, 2, 0},          {2, 230, 2, 0},      {2, 1023, 2, 0},
		{2, 1024, 0, -EMSGSIZE},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = (10 + rows[i].rest) * (size_t)PAYLOAD - 8, end[] = {11 * PAYLOAD, len};
		struct rig r;

		rig_init(&r, PS, false);
		assert_int_equal(pack_early(&r, len, end, 2, 1, 10, rows[i].fixed, frame(1)), rows[i].err);
		if (!rows[i].err) {
			assert_blocks(&r, rows[i].blocks, rows[i].fixed ? rows[i].fixed - 1 : 3);
			deliver_all(&r);
			assert_int_equal(r.same, 1);
		} else {
			/* Its first block is out and claims more: the next frame tells the client that it is lost. */
			deliver_all(&r);
			assert_int_equal(pack(&r, 500, 1, frame(2)), 0);
			deliver_all(&r);
			assert_int_equal(r.same, 1);
			assert_int_equal(r.client.lost, 1);
		}
		assert_clean(&r);
		rig_finish(&r);
	}
}

static void deliver_without(struct rig *r, unsigned from, uint64_t mask)
{
	for (unsigned i = 0; i < r->n; i++)
		if (i < from || i >= from + 64 || !(mask >> (i - from) & 1))
			client_datagram(&r->client, datagram(r, i), r->packet_len);
}

static void any_loss_up_to_parity_in_any_block_is_rebuilt(void **state)
{
	const size_t len = 17 * PAYLOAD + 3;
	size_t end[] = {5 * PAYLOAD, 9 * PAYLOAD, 13 * PAYLOAD, len};
	struct rig r;
	uint32_t no = 1;

	(void)state;
	rig_init(&r, PS, false);
	for (unsigned fixed = 0; fixed <= 4; fixed += 4)
		for (unsigned b = 0; b < 4; b++)
			/* Every pair of a block: its first and its last shard, and parity, among them. */
			for (unsigned i = 0; i < 8; i++)
				for (unsigned k = i + 1; k < 8; k++) {
					unsigned n;

					assert_int_equal(pack_early(&r, len, end, 4, 1, 255, fixed, frame(no)), 0);
					assert_int_equal(r.n_blocks, 4);
					n = (b < 3 ? r.block_start[b + 1] : r.n) - r.block_start[b];
					deliver_without(&r, r.block_start[b], 1ull << i % n | 1ull << k % n);
					assert_int_equal(r.same, no++);
					assert_clean(&r);
				}
	assert_int_equal(r.client.lost, 0);
	rig_finish(&r);
}

static void losses_in_every_block_at_once_are_rebuilt(void **state)
{
	const size_t len = 40 * PAYLOAD + 3;
	size_t end[] = {10 * PAYLOAD, 20 * PAYLOAD, 30 * PAYLOAD, len};
	struct rig r;

	(void)state;
	rig_init(&r, PS, true);
	for (uint32_t no = 1; no <= 20; no++) {
		assert_int_equal(pack_early(&r, len, end, 4, 1, 255, 0, frame(no)), 0);
		for (unsigned b = 0; b < 4; b++) {
			unsigned from = r.block_start[b], to = b < 3 ? r.block_start[b + 1] : r.n;

			for (unsigned i = from; i < to; i++)
				if (i != from && i != from + 1 + no % 7)
					client_datagram(&r.client, datagram(&r, i), r.packet_len);
		}
		assert_int_equal(r.same, no);
	}
	assert_clean(&r);
	rig_finish(&r);
}

static void a_loss_too_many_in_a_part_costs_that_frame_only(void **state)
{
	const size_t len = 30 * PAYLOAD;
	size_t end[] = {10 * PAYLOAD, 20 * PAYLOAD, len};
	struct rig r;
	uint32_t no = 1;
	unsigned lost = 0;

	(void)state;
	rig_init(&r, PS, false);
	for (unsigned b = 0; b < 3; b++) {
		assert_int_equal(pack_early(&r, len, end, 3, 1, 255, 0, frame(no++)), 0);
		deliver_without(&r, r.block_start[b], 0x55);
		lost++;
		assert_int_equal(pack_early(&r, len, end, 3, 1, 255, 0, frame(no++)), 0);
		deliver_all(&r);
		assert_int_equal(r.client.lost, lost);
		assert_int_equal(r.same, lost);
	}
	assert_clean(&r);
	rig_finish(&r);
}

static void a_frame_given_up_in_its_middle_is_lost_when_the_next_comes(void **state)
{
	const size_t len = 30 * PAYLOAD;
	struct packet_piece piece = {.data = NULL, .len = len};
	struct rig r;

	(void)state;
	rig_init(&r, PS, false);
	for (uint32_t no = 1; no <= 6; no += 2) {
		struct packet_frame f = frame(no);
		unsigned n;
		int more;

		piece.data = r.frame;
		f.piece = &piece;
		f.n_pieces = 1;
		packetizer_open(r.p, &f, no == 3 ? 2 : 0);
		assert_int_equal(packetizer_commit(r.p, 10), 0);
		do {
			struct pkt_batch *b = batch_take(&r.pool);

			more = packetizer_next(r.p, b);
			assert_false(b->last);
			for (n = 0; n < b->n_packets; n++)
				client_datagram(&r.client, b->bytes + n * r.packet_len, r.packet_len);
			batch_queue(&r.pool, b);
			batch_pop(&r.pool);
		} while (more > 0);
		assert_int_equal(pack(&r, 1000, 1, frame(no + 1)), 0);
		deliver_all(&r);
		assert_int_equal(r.client.lost, no / 2 + 1);
		assert_int_equal(r.same, no / 2 + 1);
	}
	assert_clean(&r);
	rig_finish(&r);
}

static void a_frame_opened_and_not_committed_leaves_no_trace(void **state)
{
	struct packet_piece piece = {.data = (const uint8_t *)"0123456789", .len = 10};
	struct packet_frame f = frame(1);
	struct rig a, b;

	(void)state;
	rig_init(&a, PS, true);
	rig_init(&b, PS, true);
	f.piece = &piece;
	f.n_pieces = 1;
	packetizer_open(a.p, &f, 2);
	for (uint32_t no = 1; no <= 3; no++) {
		assert_int_equal(pack(&a, no * 3000, 2, frame(no)), 0);
		assert_int_equal(pack(&b, no * 3000, 2, frame(no)), 0);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.wire, b.wire, a.n * a.packet_len);
	}
	rig_finish(&a);
	rig_finish(&b);
}

/* The same bytes in one unit or in many, nothing of them early: the same wire. */
static void whole_frames_do_not_depend_on_their_units(void **state)
{
	struct rig a, b;

	(void)state;
	rig_init(&a, PS, false);
	rig_init(&b, PS, false);
	for (uint32_t no = 1; no <= 60; no++) {
		size_t len = no * no * 37, end[] = {len / 3, len / 2, len};

		assert_int_equal(pack(&a, len, 1, frame(no)), 0);
		assert_int_equal(pack_early(&b, len, end, 3, 10000, 0, no % 2 ? 2 : 0, frame(no)), 0);
		assert_int_equal(a.n, b.n);
		assert_memory_equal(a.wire, b.wire, a.n * a.packet_len);
	}
	rig_finish(&a);
	rig_finish(&b);
}

static void ltr_and_type_stand_in_the_blocks_that_the_client_reads(void **state)
{
	struct packet_frame f = frame(1);
	size_t end[] = {2000, 5000};
	struct rig r;

	(void)state;
	rig_init(&r, PS, false);
	f.ltr = true;
	f.type = RTP_FRAME_P_AFTER_RFI;
	assert_int_equal(pack_early(&r, 5000, end, 2, 1, 255, 0, f), 0);
	deliver_all(&r);
	assert_int_equal(r.same, 1);
	assert_true(r.got.ltr);
	assert_int_equal(r.got.type, 5);
	assert_int_equal(r.got.latency, 23);
	assert_int_equal(r.got.last_payload_len, PAYLOAD);
	assert_clean(&r);
	rig_finish(&r);
}

static void counters_wrap_between_and_inside_blocks(void **state)
{
	size_t end[] = {1500, 3000, 6000};

	(void)state;
	for (uint32_t start = 65480; start < 65540; start++) {
		struct rig r;

		rig_init_at(&r, PS, false, start);
		assert_int_equal(pack_early(&r, 6000, end, 3, 1, 255, 0, frame(1)), 0);
		deliver_without(&r, r.block_start[1], 3);
		assert_int_equal(r.same, 1);
		assert_clean(&r);
		rig_finish(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_point_gives_the_frame_back),
		cmocka_unit_test(sizes_around_whole_payloads_leave_no_empty_last_block),
		cmocka_unit_test(a_byte_is_kept_back_for_the_last_block),
		cmocka_unit_test(never_more_than_four_blocks),
		cmocka_unit_test(a_fixed_number_of_blocks_is_said_from_the_first),
		cmocka_unit_test(a_rest_that_is_too_long_loses_parity_before_it_is_refused),
		cmocka_unit_test(any_loss_up_to_parity_in_any_block_is_rebuilt),
		cmocka_unit_test(losses_in_every_block_at_once_are_rebuilt),
		cmocka_unit_test(a_loss_too_many_in_a_part_costs_that_frame_only),
		cmocka_unit_test(a_frame_given_up_in_its_middle_is_lost_when_the_next_comes),
		cmocka_unit_test(a_frame_opened_and_not_committed_leaves_no_trace),
		cmocka_unit_test(whole_frames_do_not_depend_on_their_units),
		cmocka_unit_test(ltr_and_type_stand_in_the_blocks_that_the_client_reads),
		cmocka_unit_test(counters_wrap_between_and_inside_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
