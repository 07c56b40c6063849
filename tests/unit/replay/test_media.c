// SPDX-License-Identifier: GPL-3.0-or-later
/* The first media datagrams that a stock client took from our host, frame by frame: opened, put together, and packed
 * again by src/net into the very same bytes. */
#include <stdlib.h>
#include <string.h>

#include "../../session/fixture.h"
#include "../cmocka_all.h"
#include "base/str.h"
#include "net/packetizer.h"
#include "net/rtp_audio.h"

static const struct session {
	const char *file;
	bool video_encrypted, audio_encrypted;
	uint16_t packet_size;
	unsigned packet_ms;
	unsigned frames_min;
} sessions[] = {
	{"session-sealed.jsonl", true, true, 1360, 10, 10},
	{"session-plain-media.jsonl", false, false, 1392, 5, 8},
	{"session-input.jsonl", true, true, 1360, 10, 1},
	{"session-plain-rtsp.jsonl", true, true, 1360, 5, 1},
};

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* The shards of one frame, and the records they came from. All our recordings have one block a frame. */
struct received {
	const struct record *record[FEC_SHARDS_MAX];
	uint8_t (*shard)[2080];
	unsigned n, n_data, n_parity, percent;
	uint32_t frame_no, timestamp;
	uint64_t counter; /* of the first IV */
};

/* The frame that begins at record r; the record after it in *next. False: the fixture ends before the frame does. */
static bool receive(const struct fixture *f, const struct session *s, const struct record *r, struct received *in,
		    const struct record **next)
{
	*in = (struct received){.shard = in->shard};
	do {
		uint8_t *shard = in->shard[in->n];
		uint64_t counter;
		uint32_t info;

		assert_int_equal(r->len, RTP_VIDEO_SHARD(s->packet_size) + (s->video_encrypted ? RTP_VIDEO_SEAL : 0));
		assert_int_equal(fixture_video_shard(f, r->data, r->len, s->video_encrypted, shard, &counter),
				 RTP_VIDEO_SHARD(s->packet_size));
		info = le32(shard + 28);
		if (!in->n) {
			in->n_data = info >> 22;
			in->percent = info >> 4 & 0xff;
			in->n_parity = (in->n_data * in->percent + 99) / 100;
			in->frame_no = le32(shard + 20);
			in->timestamp = be32(shard + 4);
			in->counter = counter;
			assert_in_range(in->n_data + in->n_parity, 1, FEC_SHARDS_MAX);
		}
		assert_int_equal(le32(shard + 20), in->frame_no);
		assert_int_equal(info >> 12 & 0x3ff, in->n);
		if (s->video_encrypted) {
			assert_int_equal(counter, in->counter + in->n);
			assert_int_equal(le32(r->data + RTP_VIDEO_SEAL_FRAME), in->frame_no);
		}
		in->record[in->n++] = r;
		r = fixture_next(f, r, RECORD_VIDEO, false);
	} while (r && in->n < in->n_data + in->n_parity);
	*next = r;
	return in->n == in->n_data + in->n_parity;
}

static void every_video_datagram_is_packed_again_byte_for_byte(void **state)
{
	uint8_t(*shards)[2080] = malloc(sizeof(*shards) * FEC_SHARDS_MAX);
	unsigned types[8] = {0};

	(void)state;
	assert_non_null(shards);
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct session *s = &sessions[i];
		size_t payload = RTP_VIDEO_PAYLOAD(s->packet_size);
		struct packetizer_params params = {.packet_size = s->packet_size, .encrypt = s->video_encrypted};
		struct packetizer *p = NULL;
		struct received in = {.shard = shards};
		const struct record *r, *next;
		struct batch_pool pool;
		struct fixture f;
		unsigned frames = 0;

		fixture_load_vector(&f, s->file);
		memcpy(params.key, f.key, sizeof(params.key));
		assert_int_equal(batch_pool_init(&pool, packetizer_packet_len(&params)), 0);
		for (r = fixture_next(&f, NULL, RECORD_VIDEO, false); r; r = next) {
			const uint8_t *first = shards[0] + RTP_VIDEO_HEADER;
			uint8_t *bytes = malloc(FEC_SHARDS_MAX * payload);
			struct packet_piece piece = {.data = bytes};
			struct packet_frame frame;
			struct pkt_batch *b;
			size_t all;

			assert_non_null(bytes);
			if (!receive(&f, s, r, &in, &next)) {
				free(bytes);
				break;
			}
			if (!p) {
				params.iv_generation = (uint32_t)(in.counter >> 32);
				assert_int_equal((uint32_t)in.counter, 0);
				p = packetizer_create(&params);
				assert_non_null(p);
			}
			for (unsigned n = 0; n < in.n_data; n++)
				memcpy(bytes + n * payload, shards[n] + RTP_VIDEO_HEADER, payload);
			all = (in.n_data - 1) * payload + (first[4] | (size_t)first[5] << 8);
			piece.data = bytes + RTP_VIDEO_FRAME_HEADER;
			piece.len = all - RTP_VIDEO_FRAME_HEADER;
			frame = (struct packet_frame){
				.frame_no = in.frame_no,
				/* a time that gives the same tick */
				.pts_ns = ((uint64_t)in.timestamp * 100000 + 8) / 9,
				.type = (enum rtp_frame_type)first[3],
				.latency_100us = (uint16_t)(first[1] | first[2] << 8),
				.fec_percent = 20,
				.fec_min = 2,
				.piece = &piece,
				.n_pieces = 1,
			};
			assert_int_equal(frame.frame_no, ++frames);
			assert_in_range(first[3], 1, 5);
			types[first[3]]++;
			assert_int_equal(packetizer_begin(p, &frame), 0);
			b = batch_take(&pool);
			assert_non_null(b);
			assert_int_equal(packetizer_next(p, b), 0);
			assert_int_equal(b->n_packets, in.n);
			assert_int_equal(b->n_data, in.n_data);
			for (unsigned n = 0; n < in.n; n++)
				assert_memory_equal(b->bytes + (size_t)n * in.record[n]->len, in.record[n]->data,
						    in.record[n]->len);
			batch_queue(&pool, b);
			batch_pop(&pool);
			free(bytes);
		}
		assert_true(frames >= s->frames_min);
		packetizer_destroy(p);
		batch_pool_finish(&pool);
		fixture_free(&f);
	}
	assert_int_equal(types[RTP_FRAME_IDR], ARRAY_LEN(sessions));
	assert_true(types[RTP_FRAME_P] > 10);
	assert_true(types[RTP_FRAME_P_AFTER_RFI] >= 1);
	free(shards);
}

static void every_audio_datagram_is_packed_again_byte_for_byte(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(sessions); i++) {
		const struct session *s = &sessions[i];
		struct session_keys keys;
		struct audio_rtp a;
		const struct record *r;
		struct fixture f;

		fixture_load_vector(&f, s->file);
		memcpy(keys.key, f.key, sizeof(keys.key));
		keys.rikeyid = f.rikeyid;
		assert_int_equal(audio_rtp_init(&a, &keys, s->audio_encrypted, s->packet_ms), 0);
		for (r = fixture_next(&f, NULL, RECORD_AUDIO, false); r;) {
			uint8_t opus[1400], out[AUDIO_DATAGRAM_MAX];
			size_t len = fixture_audio_payload(&f, r->data, r->len, s->audio_encrypted, opus);

			assert_int_equal(audio_rtp_data(&a, opus, len, out), r->len);
			assert_memory_equal(out, r->data, r->len);
			r = fixture_next(&f, r, RECORD_AUDIO, false);
			for (unsigned j = 0; r && j < audio_rtp_parity_due(&a); j++) {
				assert_int_equal(audio_rtp_parity(&a, j, out), r->len);
				assert_memory_equal(out, r->data, r->len);
				r = fixture_next(&f, r, RECORD_AUDIO, false);
			}
		}
		audio_rtp_finish(&a);
		fixture_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_video_datagram_is_packed_again_byte_for_byte),
		cmocka_unit_test(every_audio_datagram_is_packed_again_byte_for_byte),
	};

	return cmocka_run_group_tests_name("replay/media", tests, NULL, NULL);
}
