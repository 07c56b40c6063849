// SPDX-License-Identifier: GPL-3.0-or-later
/* The audio queue under loss, reordering and hosts that break its rules. */
#include "probe/audio_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/wr.h"
#include "probe/gf.h"

#define LEN 60u

static struct {
	unsigned n, lost, rebuilt;
	uint16_t seq[512];
} heard;

static uint8_t content(uint16_t seq, unsigned at)
{
	return (uint8_t)(seq * 31 + at * 7 + (seq >> 8));
}

static void on_packet(void *ctx, uint16_t seq, const uint8_t *payload, size_t len, bool rebuilt)
{
	(void)ctx;
	heard.seq[heard.n++] = seq;
	heard.rebuilt += rebuilt;
	if (!payload) {
		heard.lost++;
		return;
	}
	for (unsigned i = 0; i < len; i++)
		assert_int_equal(payload[i], content(seq, i));
}

static struct audio_queue queue;

static void reset(void)
{
	memset(&heard, 0, sizeof(heard));
	audio_queue_init(&queue, 5, on_packet, NULL);
}

static bool give_data(uint16_t seq, size_t len)
{
	uint8_t d[AUDIO_RTP_HEADER + AUDIO_PACKET_MAX] = {0x80, AUDIO_TYPE_DATA};
	struct audio_hdr h;

	put_be16(d + 2, seq);
	put_be32(d + 4, seq * 5u);
	for (unsigned i = 0; i < len; i++)
		d[12 + i] = content(seq, i);
	assert_int_equal(audio_hdr_parse(&h, d, AUDIO_RTP_HEADER + len), 0);
	return audio_queue_add(&queue, &h, seq * 5 * NS_PER_MS);
}

static bool give_parity(uint16_t base, unsigned index)
{
	uint8_t d[AUDIO_RTP_HEADER + AUDIO_FEC_HEADER + LEN] = {0x80, AUDIO_TYPE_PARITY}, bytes[4][LEN];
	uint8_t *data[4] = {bytes[0], bytes[1], bytes[2], bytes[3]};
	struct audio_hdr h;

	put_be16(d + 2, 9999);
	d[12] = (uint8_t)index;
	d[13] = AUDIO_TYPE_DATA;
	put_be16(d + 14, base);
	put_be32(d + 16, base * 5u);
	for (unsigned k = 0; k < 4; k++) {
		for (unsigned i = 0; i < LEN; i++)
			bytes[k][i] = content((uint16_t)(base + k), i);
	}
	rs_parity(rs_audio_matrix, 4, index, data, LEN, d + 24);
	assert_int_equal(audio_hdr_parse(&h, d, sizeof(d)), 0);
	assert_int_equal(h.base, base);
	return audio_queue_add(&queue, &h, (base + 4u) * 5 * NS_PER_MS);
}

/* A group without the shards of the mask. */
static void give_group(uint16_t base, unsigned lost)
{
	for (unsigned i = 0; i < 6; i++) {
		if (lost >> i & 1)
			continue;
		if (i < 4)
			give_data((uint16_t)(base + i), LEN);
		else
			give_parity(base, i - 4);
	}
}

static void assert_in_order(unsigned n)
{
	assert_int_equal(heard.n, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(heard.seq[i], (uint16_t)(heard.seq[0] + i));
}

static void m38_any_two_of_six_may_be_lost(void **state)
{
	(void)state;
	for (unsigned mask = 0; mask < 64; mask++) {
		if (__builtin_popcount(mask) > 2)
			continue;
		reset();
		give_group(0, 0);
		give_group(4, mask);
		give_group(8, 0);
		assert_in_order(12);
		assert_int_equal(heard.lost, 0);
		assert_int_equal(heard.rebuilt, (unsigned)__builtin_popcount(mask & 15));
	}
}

static void three_lost_are_concealed_when_the_next_group_begins(void **state)
{
	(void)state;
	reset();
	give_group(0, 0);
	give_group(4, 0x0b); /* 0, 1 and 3 */
	assert_int_equal(heard.n, 4);
	give_group(8, 0);
	assert_in_order(12);
	assert_int_equal(heard.lost, 3);
	assert_int_equal(queue.lost, 3);
}

static void a_whole_lost_group_is_skipped(void **state)
{
	(void)state;
	reset();
	give_group(0, 0);
	give_group(12, 0);
	assert_int_equal(heard.n, 8);
	assert_int_equal(heard.seq[4], 12);
	assert_int_equal(queue.lost, 8);
}

static void reordering_costs_nothing(void **state)
{
	(void)state;
	reset();
	give_group(0, 0);
	give_data(5, LEN);
	give_data(4, LEN);
	give_data(7, LEN);
	give_data(6, LEN);
	give_data(6, LEN); /* twice */
	give_group(8, 0);
	assert_in_order(12);
	assert_int_equal(heard.lost, 0);
}

static void m34_the_sequence_wraps(void **state)
{
	(void)state;
	reset();
	give_group(65528, 0);
	give_group(65532, 2);
	give_group(0, 1);
	assert_in_order(12);
	assert_int_equal(heard.rebuilt, 2);
}

static void it_begins_at_a_group(void **state)
{
	(void)state;
	reset();
	give_data(6, LEN);
	give_data(7, LEN);
	assert_int_equal(heard.n, 0);
	give_group(8, 0);
	assert_int_equal(heard.n, 4);
	assert_int_equal(heard.seq[0], 8);
}

static void m36_unequal_lengths_switch_repair_off(void **state)
{
	(void)state;
	reset();
	assert_true(give_data(0, LEN));
	assert_false(give_data(1, LEN + 1));
	assert_true(queue.no_fec);
	give_data(2, LEN);
	assert_int_equal(heard.seq[heard.n - 1], 2);
}

static void runts_and_other_types_are_refused(void **state)
{
	uint8_t d[40] = {0x80, AUDIO_TYPE_DATA};
	struct audio_hdr h;

	(void)state;
	for (size_t len = 0; len <= AUDIO_RTP_HEADER; len++)
		assert_true(audio_hdr_parse(&h, d, len) < 0);
	d[1] = AUDIO_TYPE_PARITY;
	for (size_t len = 0; len <= AUDIO_RTP_HEADER + AUDIO_FEC_HEADER; len++)
		assert_true(audio_hdr_parse(&h, d, len) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m38_any_two_of_six_may_be_lost),
		cmocka_unit_test(three_lost_are_concealed_when_the_next_group_begins),
		cmocka_unit_test(a_whole_lost_group_is_skipped),
		cmocka_unit_test(reordering_costs_nothing),
		cmocka_unit_test(m34_the_sequence_wraps),
		cmocka_unit_test(it_begins_at_a_group),
		cmocka_unit_test(m36_unequal_lengths_switch_repair_off),
		cmocka_unit_test(runts_and_other_types_are_refused),
	};

	return cmocka_run_group_tests_name("probe_audio", tests, NULL, NULL);
}
