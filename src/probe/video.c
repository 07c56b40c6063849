// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/video.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "probe/control.h"
#include "probe/judge.h"
#include "probe/media_socket.h"
#include "probe/packet_log.h"
#include "probe/video_packet.h"
#include "probe/video_queue.h"

#define LOG_MODULE "video"
#include "base/log.h"

#define RCVBUF           (8 << 20)
#define FIRST_NS         (10 * NS_PER_S)
#define NO_VIDEO_TRAFFIC (-100)
#define NO_VIDEO_FRAME   (-101)

struct video {
	struct video_params p;
	struct thread thread;
	_Atomic uint64_t first_packet_ns, first_frame_ns;
	atomic_uint frames;
	atomic_int failure;

	/* video thread */
	struct media_socket sock;
	struct sealer *sealer;
	struct video_judge *judge;
	struct video_queue *queue;
	struct depacket *depacket;
	size_t shard_len;
	uint64_t started_ns, now_ns;
	struct video_stats stats;
	struct hist latency, interval;
};

static void on_shard(void *ctx, const struct video_hdr *h, const uint8_t *data, size_t len, uint64_t first_ns)
{
	depacket_shard(((struct video *)ctx)->depacket, h, data, len, first_ns);
}

static void on_lost(void *ctx, uint32_t frame, bool speculative)
{
	depacket_lost(((struct video *)ctx)->depacket, frame, speculative);
}

static void on_fec_status(void *ctx, const uint8_t status[FEC_STATUS_LEN])
{
	control_want_fec_status(((struct video *)ctx)->p.control, status);
}

static void on_frame(void *ctx, const struct frame_info *f)
{
	struct video *v = ctx;

	if (v->stats.last_frame_ns)
		hist_add(&v->interval, v->now_ns - v->stats.last_frame_ns);
	v->stats.last_frame_ns = v->now_ns;
	if (!v->stats.first_frame_ns) {
		v->stats.first_frame_ns = v->now_ns;
		atomic_store(&v->first_frame_ns, v->now_ns);
		log_info("first frame: number %u, %zu bytes", f->number, f->len);
	}
	if (f->latency) {
		struct video_stats *s = &v->stats;

		hist_add(&v->latency, (uint64_t)f->latency * 100 * NS_PER_US);
		s->latency_min = !s->latency_count || f->latency < s->latency_min ? f->latency : s->latency_min;
		s->latency_max = f->latency > s->latency_max ? f->latency : s->latency_max;
		s->latency_sum += f->latency;
		s->latency_count++;
	}
	if (v->p.out)
		fwrite(f->data, 1, f->len, v->p.out);
	if (v->p.frame_log)
		fprintf(v->p.frame_log,
			"{\"t_us\":%llu,\"frame\":%u,\"type\":%u,\"idr\":%s,\"bytes\":%zu,\"payload\":%zu,"
			"\"rtp_time\":%u,\"host_latency\":%u,\"first_packet_us\":%llu}\n",
			(unsigned long long)((v->now_ns - v->p.start_ns) / NS_PER_US), f->number, f->type,
			f->idr ? "true" : "false", f->len, f->payload, f->ts, f->latency,
			(unsigned long long)((f->first_ns - v->p.start_ns) / NS_PER_US));
	atomic_fetch_add(&v->frames, 1);
}

static void on_idr(void *ctx)
{
	control_want_idr(((struct video *)ctx)->p.control);
}

static void on_invalidate(void *ctx, uint32_t first, uint32_t last)
{
	control_want_invalidate(((struct video *)ctx)->p.control, first, last);
}

static void on_ltr(void *ctx, uint32_t frame)
{
	control_want_ltr_ack(((struct video *)ctx)->p.control, frame);
}

static const struct video_queue_events queue_events = {on_shard, on_lost, on_fec_status};
static const struct depacket_events frame_events = {on_frame, on_idr, on_invalidate, on_ltr};

/* The shard inside an encrypted datagram, or NULL. */
static const uint8_t *unseal(struct video *v, const uint8_t *data, size_t *len, uint8_t *plain)
{
	struct video_prefix prefix;
	struct video_hdr h;

	if (video_prefix_parse(&prefix, data, *len) || *len < VIDEO_PREFIX + VIDEO_HEADER)
		return NULL;
	*len -= VIDEO_PREFIX;
	if (sealer_open(v->sealer, prefix.iv, data + VIDEO_PREFIX, *len, prefix.tag, plain)) {
		v->stats.undecryptable++;
		judge_fault(v->p.judge, "2-media 3.2", "datagram called frame %u does not decrypt", prefix.frame);
		return NULL;
	}
	if (video_hdr_parse(&h, plain, *len) == 0)
		video_judge_sealed(v->judge, prefix.iv, prefix.frame, h.frame);
	return plain;
}

static void datagram(void *ctx, const uint8_t *data, size_t len, uint64_t now_ns)
{
	struct video *v = ctx;
	uint8_t plain[MEDIA_DATAGRAM];
	struct video_hdr h;
	size_t wire = len;
	bool drop;

	v->now_ns = now_ns;
	v->stats.packets++;
	v->stats.wire_bytes += len;
	if (!v->stats.first_packet_ns) {
		v->stats.first_packet_ns = now_ns;
		atomic_store(&v->first_packet_ns, now_ns);
	}
	if (v->p.encrypted) {
		data = unseal(v, data, &len, plain);
		if (!data)
			return;
	}
	if (video_hdr_parse(&h, data, len)) {
		judge_fault(v->p.judge, "2-media 1.2", "video datagram of %zu bytes", wire);
		return;
	}
	video_judge_shard(v->judge, &h, data, len);
	drop = loss_drop(&v->p.loss, h.frame);
	packet_log_video(v->p.log, now_ns, wire, &h, drop);
	if (!drop)
		video_queue_add(v->queue, &h, data, len, now_ns);
}

static void check_patience(struct video *v, uint64_t now)
{
	if (!v->stats.first_packet_ns && now - v->started_ns > FIRST_NS)
		atomic_store(&v->failure, NO_VIDEO_TRAFFIC);
	else if (v->stats.first_packet_ns && !v->stats.first_frame_ns && now - v->stats.first_packet_ns > FIRST_NS)
		atomic_store(&v->failure, NO_VIDEO_FRAME);
}

static void run(void *arg)
{
	struct video *v = arg;

	v->started_ns = clock_ns();
	while (!thread_should_stop(&v->thread)) {
		media_socket_round(&v->sock, datagram, v);
		check_patience(v, clock_ns());
	}
}

static void destroy(struct video *v)
{
	media_socket_close(&v->sock);
	sealer_destroy(v->sealer);
	video_judge_destroy(v->judge);
	video_queue_destroy(v->queue);
	depacket_destroy(v->depacket);
	free(v);
}

int video_start(struct video **out, const struct video_params *p)
{
	struct video *v = calloc(1, sizeof(*v));
	int rc = -ENOMEM;

	*out = NULL;
	if (!v)
		return -ENOMEM;
	v->p = *p;
	v->shard_len = p->packet_size + 16;
	v->sealer = sealer_create(p->key, SEAL_IV);
	v->judge = video_judge_create(p->judge, v->shard_len, p->frames.verify);
	v->queue = video_queue_create(p->judge, v->shard_len, &queue_events, v);
	v->depacket = depacket_create(&p->frames, &frame_events, v);
	if (v->sealer && v->judge && v->queue && v->depacket)
		rc = media_socket_open(&v->sock, &p->host, p->port, p->ping, RCVBUF);
	if (!rc)
		rc = thread_start(&v->thread, "probe-video", run, v);
	if (rc) {
		destroy(v);
		return rc;
	}
	*out = v;
	return 0;
}

void video_stop(struct video *v, struct video_stats *s)
{
	*s = (struct video_stats){0};
	if (!v)
		return;
	thread_stop(&v->thread);
	thread_join(&v->thread);
	video_judge_finish(v->judge);
	if (v->sock.foreign)
		judge_fault(v->p.judge, "2-media 1.1", "%llu video datagrams from another address than was pinged",
			    (unsigned long long)v->sock.foreign);
	*s = v->stats;
	s->rebuilt = video_queue_rebuilt_shards(v->queue);
	s->newest = video_queue_newest(v->queue);
	/* A frame that was still arriving is neither delivered nor lost. */
	if (s->newest && video_queue_frame(v->queue) <= s->newest)
		s->newest--;
	s->dropped = v->p.loss.dropped;
	s->frames = *depacket_stats(v->depacket);
	s->wire = *video_judge_stats(v->judge);
	s->latency_p99_ns = hist_percentile(&v->latency, 990);
	s->interval_p50_ns = hist_percentile(&v->interval, 500);
	s->interval_p99_ns = hist_percentile(&v->interval, 990);
	s->interval_max_ns = v->interval.max_ns;
	destroy(v);
}

uint64_t video_first_packet_ns(struct video *v)
{
	return atomic_load(&v->first_packet_ns);
}

uint64_t video_first_frame_ns(struct video *v)
{
	return atomic_load(&v->first_frame_ns);
}

uint32_t video_frames(struct video *v)
{
	return atomic_load(&v->frames);
}

int video_failure(struct video *v)
{
	return atomic_load(&v->failure);
}
