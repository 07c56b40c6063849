// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/packet_log.h"

#include "base/clock.h"
#include "probe/audio_queue.h"
#include "probe/video_packet.h"

static unsigned long long us(const struct packet_log *l, uint64_t now_ns)
{
	return now_ns > l->start_ns ? (now_ns - l->start_ns) / NS_PER_US : 0;
}

void packet_log_video(struct packet_log *l, uint64_t now_ns, size_t len, const struct video_hdr *h, bool dropped)
{
	if (!l->file)
		return;
	fprintf(l->file,
		"{\"t_us\":%llu,\"stream\":\"video\",\"len\":%zu,\"seq\":%u,\"frame\":%u,\"block\":%u,\"last_block\":%"
		"u,"
		"\"shard\":%u,\"data\":%u,\"q\":%u,\"flags\":%u,\"rtp_time\":%u,\"dropped\":%s}\n",
		us(l, now_ns), len, h->seq, h->frame, h->block, h->last_block, h->index, h->d, h->q, h->flags, h->ts,
		dropped ? "true" : "false");
}

void packet_log_audio(struct packet_log *l, uint64_t now_ns, size_t len, const struct audio_hdr *h)
{
	if (!l->file)
		return;
	if (h->type == AUDIO_TYPE_PARITY)
		fprintf(l->file,
			"{\"t_us\":%llu,\"stream\":\"audio\",\"len\":%zu,\"type\":%u,\"base\":%u,\"shard\":%u,"
			"\"rtp_time\":%u,\"dropped\":false}\n",
			us(l, now_ns), len, h->type, h->base, h->index, h->base_ts);
	else
		fprintf(l->file,
			"{\"t_us\":%llu,\"stream\":\"audio\",\"len\":%zu,\"type\":%u,\"seq\":%u,\"rtp_time\":%u,"
			"\"dropped\":false}\n",
			us(l, now_ns), len, h->type, h->seq, h->ts);
}
