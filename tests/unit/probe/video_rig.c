// SPDX-License-Identifier: GPL-3.0-or-later
#include "video_rig.h"

#include <string.h>

#include "probe/video_packet.h"

struct video_rig t;

static void on_frame(void *ctx, const struct frame_info *f)
{
	(void)ctx;
	t.frame[t.frames++] = f->number;
	t.info = *f;
	memcpy(t.bytes, f->data, f->len);
	t.len = f->len;
}

static void on_idr(void *ctx)
{
	(void)ctx;
	t.idrs++;
}

static void on_rfi(void *ctx, uint32_t first, uint32_t last)
{
	(void)ctx;
	t.first[t.rfis] = first;
	t.last[t.rfis++] = last;
}

static void on_ltr(void *ctx, uint32_t frame)
{
	(void)ctx;
	t.ltr = frame;
	t.ltrs++;
}

static void on_shard(void *ctx, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t first_ns)
{
	(void)ctx;
	depacket_shard(t.d, h, data, len, first_ns);
}

static void on_lost(void *ctx, uint32_t frame, bool speculative)
{
	(void)ctx;
	depacket_lost(t.d, frame, speculative);
}

static void on_report(void *ctx, const uint8_t status[FEC_STATUS_LEN])
{
	(void)ctx;
	memcpy(t.report, status, FEC_STATUS_LEN);
	t.reports++;
}

static const struct video_queue_events queue_events = {on_shard, on_lost, on_report};
static const struct depacket_events frame_events = {on_frame, on_idr, on_rfi, on_ltr};

void begin(bool rfi, enum codec codec)
{
	struct depacket_params p = {.codec = codec, .rfi = rfi, .payload_max = PAYLOAD, .judge = &t.judge};

	memset(&t, 0, sizeof(t));
	judge_init(&t.judge);
	t.q = video_queue_create(&t.judge, SHARD_LEN, &queue_events, NULL);
	t.d = depacket_create(&p, &frame_events, NULL);
	assert_non_null(t.q);
	assert_non_null(t.d);
	maker_init(&t.maker);
}

int finish(void **state)
{
	(void)state;
	video_queue_destroy(t.q);
	depacket_destroy(t.d);
	judge_finish(&t.judge);
	t.q = NULL;
	t.d = NULL;
	return 0;
}

void give(const struct made *m, unsigned i)
{
	struct video_hdr h;

	assert_int_equal(video_hdr_parse(&h, m->s[i].bytes, SHARD_LEN), 0);
	video_queue_add(t.q, &h, m->s[i].bytes, SHARD_LEN, 1);
}

void make(const struct frame_spec *f)
{
	maker_frame(&t.maker, f, &t.made);
}

void give_but(uint64_t mask)
{
	for (unsigned i = 0; i < t.made.n; i++) {
		if (i >= 64 || !(mask >> i & 1))
			give(&t.made, i);
	}
}

void send_type(uint8_t type)
{
	make(&(struct frame_spec){.type = type, .shards = 4});
	give_but(0);
}

void start(bool rfi)
{
	begin(rfi, CODEC_H264);
	send_type(2);
	send_type(1);
	assert_int_equal(t.frames, 2);
	assert_int_equal(judge_total(&t.judge), 0);
}

void assert_delivered_whole(void)
{
	assert_memory_equal(t.bytes, t.made.stream, t.made.stream_len);
	for (size_t i = t.made.stream_len; i < t.len; i++)
		assert_int_equal(t.bytes[i], 0);
}
