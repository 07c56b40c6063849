// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe_model.h"

#include <stdio.h>

#include "probe/depacket.h"
#include "probe/judge.h"
#include "probe/video_judge.h"
#include "probe/video_packet.h"
#include "probe/video_queue.h"

static struct {
	struct judge judge;
	struct video_judge *video_judge;
	struct video_queue *queue;
	struct depacket *depacket;
	const struct model_events *ev;
	void *ctx;
	uint64_t now;
} m;

static void on_shard(void *ctx, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t first_ns)
{
	(void)ctx;
	depacket_shard(m.depacket, h, data, len, first_ns);
}

static void on_lost(void *ctx, uint32_t frame, bool speculative)
{
	(void)ctx;
	depacket_lost(m.depacket, frame, speculative);
	m.ev->lost(m.ctx, frame);
}

static void on_status(void *ctx, const uint8_t status[FEC_STATUS_LEN])
{
	(void)ctx;
	(void)status;
}

static void on_frame(void *ctx, const struct frame_info *f)
{
	(void)ctx;
	m.ev->frame(m.ctx, f->number, f->idr, f->type, f->data, f->len);
}

static void on_idr(void *ctx)
{
	(void)ctx;
}

static void on_range(void *ctx, uint32_t first, uint32_t last)
{
	(void)ctx;
	(void)first;
	(void)last;
}

static void on_ack(void *ctx, uint32_t frame)
{
	(void)ctx;
	(void)frame;
}

bool model_open(unsigned packet_size, unsigned width, unsigned height, const struct model_events *ev, void *ctx)
{
	static const struct video_queue_events queue_events = {on_shard, on_lost, on_status};
	static const struct depacket_events frame_events = {on_frame, on_idr, on_range, on_ack};
	struct depacket_params p = {
		.codec = CODEC_H264,
		.rfi = true,
		.payload_max = packet_size - 16,
		.slices = 1,
		.width = width,
		.height = height,
		.csc = 2, /* BT.709, limited */
		.verify = true,
		.judge = &m.judge,
	};

	judge_init(&m.judge);
	m.ev = ev;
	m.ctx = ctx;
	m.now = 0;
	m.video_judge = video_judge_create(&m.judge, packet_size + 16, true);
	m.queue = video_queue_create(&m.judge, packet_size + 16, &queue_events, NULL);
	m.depacket = depacket_create(&p, &frame_events, NULL);
	return m.video_judge && m.queue && m.depacket;
}

void model_datagram(const uint8_t *data, size_t len, bool lose)
{
	struct video_hdr h;

	if (video_hdr_parse(&h, data, len) < 0)
		return;
	video_judge_shard(m.video_judge, &h, data, len);
	m.now += 1000;
	if (!lose)
		video_queue_add(m.queue, &h, data, len, m.now);
}

const char *model_fault(void)
{
	static char text[300];

	if (!judge_total(&m.judge))
		return NULL;
	snprintf(text, sizeof(text), "%s: %s", m.judge.entry[0].rule, m.judge.entry[0].text);
	return text;
}

unsigned model_rebuilt(void)
{
	return (unsigned)video_queue_rebuilt_shards(m.queue);
}

void model_close(void)
{
	video_judge_finish(m.video_judge);
	video_judge_destroy(m.video_judge);
	video_queue_destroy(m.queue);
	depacket_destroy(m.depacket);
	judge_finish(&m.judge);
}
