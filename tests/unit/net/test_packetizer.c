// SPDX-License-Identifier: GPL-3.0-or-later
/* The bytes and numbers of datagrams. */
#include "packet_rig.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wr.h"

static void m6_first_frame_starts_every_counter(void **state)
{
	struct rig r;
	const uint8_t *s;

	(void)state;
	rig_init(&r, 1392, false);
	assert_int_equal(pack(&r, 5000, 1, frame(1)), 0);
	s = datagram(&r, 0);
	assert_int_equal(be16(s + 2), 0);
	assert_int_equal(le32(s + 16), 0);
	assert_int_equal(le32(s + 20), 1);
	assert_int_equal(s[32], 0x01);
	assert_int_equal(s[35], 2);
	deliver_all(&r);
	assert_int_equal(r.same, 1);
	assert_int_equal(r.got.type, 2);
	assert_int_equal(r.got.latency, 23);
	assert_clean(&r);
	rig_finish(&r);
}

static void m7_whole_shards_say_full_last_payload(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 1024, false);
	for (unsigned k = 1; k <= 40; k++) {
		assert_int_equal(pack(&r, k * 1008 - 8, 1, frame(k)), 0);
		assert_int_equal(le32(datagram(&r, 0) + 28) >> 22, k);
		deliver_all(&r);
		assert_int_equal(r.got.last_payload_len, 1008);
		assert_int_equal(r.same, k);
	}
	assert_clean(&r);
	rig_finish(&r);
}

static void m8_frame_of_one_byte(void **state)
{
	struct rig r;
	uint32_t info;

	(void)state;
	rig_init(&r, 1392, false);
	assert_int_equal(pack(&r, 1, 1, frame(1)), 0);
	assert_int_equal(r.n, 3);
	info = le32(datagram(&r, 0) + 28);
	assert_int_equal(info >> 22, 1);
	assert_int_equal(info >> 4 & 255, 200);
	assert_int_equal(datagram(&r, 0)[24], 0x07);
	deliver_all(&r);
	assert_int_equal(r.got.last_payload_len, 9);
	assert_int_equal(r.same, 1);
	assert_clean(&r);
	rig_finish(&r);
}

static void m9_every_datagram_has_one_length_and_a_clean_rtp_header(void **state)
{
	static const unsigned sizes[] = {128, 1024, 1184, 1392, 2048};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		struct rig r;

		rig_init(&r, sizes[i], false);
		assert_int_equal(r.packet_len, sizes[i] + 16);
		for (uint32_t no = 1; no <= 50; no++) {
			assert_int_equal(pack(&r, no * no * 41, 1 + no % 8, frame(no)), 0);
			for (unsigned k = 0; k < r.n; k++) {
				const uint8_t *s = datagram(&r, k);

				assert_int_equal(s[0], 0x90);
				assert_int_equal(le32(s + 12), 0);
				assert_int_equal(le32(s + 20), no);
			}
			deliver_all(&r);
		}
		assert_int_equal(r.same, 50);
		assert_clean(&r);
		rig_finish(&r);
	}
}

static void m13_large_frame_marks_blocks_and_their_edges(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 1392, false);
	assert_int_equal(pack(&r, 213 * 1376 - 8, 3, frame(1)), 0);
	assert_int_equal(r.n_blocks, 2);
	for (unsigned b = 0; b < 2; b++) {
		const uint8_t *s = datagram(&r, r.block_start[b]);
		unsigned d = le32(s + 28) >> 22;

		assert_int_equal(s[27], 1 << 6 | b << 4);
		assert_int_equal(s[24], 0x05);
		assert_int_equal(datagram(&r, r.block_start[b] + d - 1)[24], 0x03);
	}
	deliver_all(&r);
	assert_int_equal(r.same, 1);
	assert_clean(&r);
	rig_finish(&r);
}

static void m14_huge_frame_goes_out_in_four_blocks_without_parity(void **state)
{
	static const unsigned shards[] = {849, 1008, 1013, 4092};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(shards); i++) {
		struct rig r;
		const uint8_t *s;

		rig_init(&r, 128, false);
		assert_int_equal(pack(&r, shards[i] * 112ul - 9, 1, frame(1)), 0);
		s = datagram(&r, r.n - 1);
		assert_int_equal(s[27], 3 << 6 | 3 << 4);
		if (shards[i] > 1012)
			assert_int_equal(r.n, shards[i]);
		deliver_all(&r);
		assert_int_equal(r.same, 1);
		assert_clean(&r);
		/* The next one continues. */
		assert_int_equal(pack(&r, 1000, 1, frame(2)), 0);
		deliver_all(&r);
		assert_int_equal(r.same, 2);
		assert_clean(&r);
		rig_finish(&r);
	}
}

static void m14_frame_beyond_the_format_is_refused_and_changes_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_init(&r, 128, false);
	assert_int_equal(pack(&r, 4092 * 112ul - 7, 1, frame(1)), -EMSGSIZE);
	assert_int_equal(pack(&r, 0, 1, frame(1)), -EINVAL);
	assert_int_equal(pack(&r, 100, 1, frame(1)), 0);
	assert_int_equal(be16(datagram(&r, 0) + 2), 0);
	rig_finish(&r);
}

static void m20_parity_shards_keep_the_bytes_of_the_code(void **state)
{
	struct rig r;
	unsigned d = 10, p = 2;

	(void)state;
	rig_init(&r, 1392, false);
	assert_int_equal(pack(&r, d * 1376 - 8, 1, frame(1)), 0);
	assert_int_equal(r.n, d + p);
	for (unsigned j = 0; j < p; j++) {
		const uint8_t *s = datagram(&r, d + j);
		static const unsigned kept[] = {16, 17, 18, 19, 24, 25};

		for (unsigned k = 0; k < ARRAY_LEN(kept); k++) {
			uint8_t want = 0;

			for (unsigned i = 0; i < d; i++)
				want ^= gf_mul_slow(gf_inv_slow((uint8_t)((p + i) ^ j)), datagram(&r, i)[kept[k]]);
			assert_int_equal(s[kept[k]], want);
		}
		for (unsigned at = 32; at < r.packet_len; at++) {
			uint8_t want = 0;

			for (unsigned i = 0; i < d; i++)
				want ^= gf_mul_slow(gf_inv_slow((uint8_t)((p + i) ^ j)), datagram(&r, i)[at]);
			assert_int_equal(s[at], want);
		}
		assert_int_equal(be16(s + 2), d + j);
		assert_int_equal(le32(s + 20), 1);
		assert_int_equal(s[27], 0);
		assert_int_equal(le32(s + 28), d << 22 | (d + j) << 12 | 20 << 4);
	}
	rig_finish(&r);
}

static void m24_repeated_frame_has_no_latency_and_a_later_time(void **state)
{
	struct packet_frame f = frame(1);
	struct rig r;
	uint32_t first;

	(void)state;
	rig_init(&r, 1392, false);
	assert_int_equal(pack(&r, 1000, 1, f), 0);
	deliver_all(&r);
	first = r.got.timestamp;
	f = frame(2);
	f.latency_100us = 0;
	f.pts_ns = 16666667; /* the same capture once more */
	assert_int_equal(pack(&r, 1000, 1, f), 0);
	deliver_all(&r);
	assert_int_equal(r.same, 2);
	assert_int_equal(r.got.latency, 0);
	assert_int_equal(r.got.timestamp, first + 1);
	rig_finish(&r);
}

static void m26_timestamps_step_evenly_for_an_hour(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (uint64_t i = 1; i < 3600 * 60; i++) {
		uint32_t t = rtp_video_timestamp(i * 1000000000000ull / 59940);

		if (i > 1)
			assert_in_range(t - last, 1501, 1502);
		last = t;
	}
	/* And across the wrap, 13 hours in. */
	assert_int_equal(rtp_video_timestamp(50000ull * 1000000000), (uint32_t)(50000ull * 90000));
}

static void latency_rounds_and_clamps(void **state)
{
	(void)state;
	assert_int_equal(rtp_video_latency(0), 0);
	assert_int_equal(rtp_video_latency(49000), 0);
	assert_int_equal(rtp_video_latency(50000), 1);
	assert_int_equal(rtp_video_latency(2349999), 23);
	assert_int_equal(rtp_video_latency(10000000000ull), 65535);
}

static void m27_datagrams_of_1408_with_ivs_that_never_repeat(void **state)
{
	struct rig r;
	uint64_t next = 7ull << 32;

	(void)state;
	rig_init(&r, 1360, true);
	assert_int_equal(r.packet_len, 1408);
	for (uint32_t no = 1; no <= 40; no++) {
		assert_int_equal(pack(&r, no * 5000, 1, frame(no)), 0);
		for (unsigned i = 0; i < r.n; i++) {
			const uint8_t *s = datagram(&r, i);

			/* A plain counter below one generation: strictly rising, so never the same. */
			assert_int_equal((uint64_t)le32(s) | (uint64_t)le32(s + 4) << 32, next++);
			assert_int_equal(s[8] | s[9] | s[10], 0);
			assert_int_equal(s[11], 'V');
			assert_int_equal(le32(s + 12), no);
		}
		deliver_all(&r);
	}
	assert_int_equal(r.same, 40);
	assert_clean(&r);
	rig_finish(&r);
}

static void m28_opened_shards_are_the_plain_ones(void **state)
{
	struct rig plain, sealed;
	struct gcm *g = gcm_create(rig_key, GCM_IV_LEN);

	(void)state;
	rig_init(&plain, 1360, false);
	rig_init(&sealed, 1360, true);
	assert_int_equal(pack(&plain, 40000, 2, frame(1)), 0);
	assert_int_equal(pack(&sealed, 40000, 2, frame(1)), 0);
	assert_int_equal(plain.n, sealed.n);
	for (unsigned i = 0; i < plain.n; i++) {
		uint8_t out[1376];
		const uint8_t *s = datagram(&sealed, i);

		assert_int_equal(gcm_open(g, s, s + 32, 1376, s + 16, out), 0);
		assert_memory_equal(out, datagram(&plain, i), 1376);
	}
	gcm_destroy(g);
	rig_finish(&plain);
	rig_finish(&sealed);
}

/* Header and seal of the vectors' shard come out of our writers bit for bit. */
static void m29_video_items_of_the_vectors(void **state)
{
	char path[512];
	json_error_t err;
	json_t *root, *list, *item;
	unsigned seen = 0;
	size_t i;

	(void)state;
	snprintf(path, sizeof(path), "%s/crypto.json", getenv("TEST_VECTORS"));
	root = json_load_file(path, 0, &err);
	assert_non_null(root);
	list = json_object_get(root, "items");
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "name"));
		const char *wire_hex = json_string_value(json_object_get(item, "wire_hex"));
		const char *plain_hex = json_string_value(json_object_get(item, "plaintext_hex"));
		struct gcm *g = gcm_create(rig_key, GCM_IV_LEN);
		uint8_t wire[96], plain[64], want[64], out[96] = {0};
		uint64_t counter;
		struct rtp_video_block b = {.counter = 5, .timestamp = 90000, .frame_no = 1};

		if (strncmp(name, "video", 5)) {
			gcm_destroy(g);
			continue;
		}
		assert_int_equal(hex_decode(wire, sizeof(wire), wire_hex, strlen(wire_hex)), 96);
		assert_int_equal(hex_decode(want, sizeof(want), plain_hex, strlen(plain_hex)), 64);
		counter = (uint64_t)le32(wire) | (uint64_t)le32(wire + 4) << 32;
		b.n_data = (uint16_t)(le32(want + 28) >> 22);
		b.percent = (uint8_t)(le32(want + 28) >> 4);
		b.timestamp = (uint32_t)be16(want + 4) << 16 | be16(want + 6);
		b.counter = be16(want + 2);
		rtp_video_data(plain, &b, le32(want + 28) >> 12 & 0x3ff);
		memcpy(plain + 32, want + 32, 32);
		assert_memory_equal(plain, want, RTP_VIDEO_HEADER);
		iv_video(out, counter);
		put_le32(out + RTP_VIDEO_SEAL_FRAME, 1);
		assert_int_equal(gcm_seal(g, out, want, 64, out + 32, out + RTP_VIDEO_SEAL_TAG), 0);
		assert_memory_equal(out, wire, 96);
		gcm_destroy(g);
		seen++;
	}
	assert_int_equal(seen, 3);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(m6_first_frame_starts_every_counter),
		cmocka_unit_test(m7_whole_shards_say_full_last_payload),
		cmocka_unit_test(m8_frame_of_one_byte),
		cmocka_unit_test(m9_every_datagram_has_one_length_and_a_clean_rtp_header),
		cmocka_unit_test(m13_large_frame_marks_blocks_and_their_edges),
		cmocka_unit_test(m14_huge_frame_goes_out_in_four_blocks_without_parity),
		cmocka_unit_test(m14_frame_beyond_the_format_is_refused_and_changes_nothing),
		cmocka_unit_test(m20_parity_shards_keep_the_bytes_of_the_code),
		cmocka_unit_test(m24_repeated_frame_has_no_latency_and_a_later_time),
		cmocka_unit_test(m26_timestamps_step_evenly_for_an_hour),
		cmocka_unit_test(latency_rounds_and_clamps),
		cmocka_unit_test(m27_datagrams_of_1408_with_ivs_that_never_repeat),
		cmocka_unit_test(m28_opened_shards_are_the_plain_ones),
		cmocka_unit_test(m29_video_items_of_the_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
