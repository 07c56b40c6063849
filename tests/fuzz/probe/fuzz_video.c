// SPDX-License-Identifier: GPL-3.0-or-later
/* Shards of 96 bytes (the last may be short) through judge, queue and frame machine; the first byte picks the codec. */
#include <stdlib.h>
#include <string.h>

#include "probe/depacket.h"
#include "probe/video_judge.h"
#include "probe/video_packet.h"
#include "probe/video_queue.h"

#define SHARD 96u

static volatile uint8_t sink; /* every byte is read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct depacket *depacket;

static void on_shard(void *ctx, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t first_ns)
{
	(void)ctx;
	depacket_shard(depacket, h, data, len, first_ns);
}

static void on_lost(void *ctx, uint32_t frame, bool speculative)
{
	(void)ctx;
	depacket_lost(depacket, frame, speculative);
}

static void on_status(void *ctx, const uint8_t status[FEC_STATUS_LEN])
{
	(void)ctx;
	(void)status;
}

static void on_frame(void *ctx, const struct frame_info *f)
{
	(void)ctx;
	for (size_t i = 0; i < f->len; i++)
		sink ^= f->data[i];
}

static void on_idr(void *ctx)
{
	(void)ctx;
}

static void on_range(void *ctx, uint32_t first, uint32_t last)
{
	(void)ctx;
	if (first > last)
		abort();
}

static void on_ack(void *ctx, uint32_t frame)
{
	(void)ctx;
	(void)frame;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct video_queue_events queue_events = {on_shard, on_lost, on_status};
	static const struct depacket_events frame_events = {on_frame, on_idr, on_range, on_ack};
	struct depacket_params p = {.payload_max = SHARD - 32,
				    .rfi = size && data[0] & 4,
				    .verify = true,
				    .codec = size && data[0] % 4 < 3 ? (enum codec)(data[0] % 4) : CODEC_H264};
	struct video_queue *q = video_queue_create(NULL, SHARD, &queue_events, NULL);
	struct video_judge *v = video_judge_create(NULL, SHARD, true);

	depacket = depacket_create(&p, &frame_events, NULL);
	if (!q || !v || !depacket)
		abort();
	for (size_t at = 1; at < size; at += SHARD) {
		size_t len = size - at < SHARD ? size - at : SHARD;
		struct video_hdr h;

		if (video_hdr_parse(&h, data + at, len))
			continue;
		video_judge_shard(v, &h, data + at, len);
		video_queue_add(q, &h, data + at, len, at);
	}
	video_judge_finish(v);
	video_queue_destroy(q);
	video_judge_destroy(v);
	depacket_destroy(depacket);
	return 0;
}
