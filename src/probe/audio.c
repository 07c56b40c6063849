// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/audio.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <opus_multistream.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/thread.h"
#include "base/wr.h"
#include "probe/audio_queue.h"
#include "probe/gf.h"
#include "probe/judge.h"
#include "probe/media_socket.h"
#include "probe/packet_log.h"
#include "probe/video_packet.h"

#define LOG_MODULE "audio"
#include "base/log.h"

#define RATE        48000
#define SAMPLES_MAX (10 * RATE / 1000)
#define RCVBUF      (1 << 20)

struct audio {
	struct audio_params p;
	struct media_socket sock;
	struct thread thread;
	_Atomic uint64_t first_ns;

	/* audio thread */
	struct audio_queue queue;
	OpusMSDecoder *decoder;
	struct audio_stats stats;
	double square[8];
	struct hist interval;
	uint64_t last_ns;
	/* judge */
	bool started, len_known;
	uint16_t seq;
	uint32_t ts;
	size_t len;
	bool group_have[AUDIO_DATA];
	uint16_t group;
	uint32_t group_ts;
	unsigned group_parity;
	uint8_t group_bytes[AUDIO_DATA][AUDIO_PACKET_MAX];
};

static void play(void *ctx, uint16_t seq, const uint8_t *payload, size_t len, bool rebuilt)
{
	struct audio *a = ctx;
	unsigned channels = a->p.layout.channels, want = a->p.packet_ms * RATE / 1000;
	uint8_t plain[AUDIO_PACKET_MAX], iv[16];
	opus_int16 pcm[SAMPLES_MAX * 8];
	int n;

	(void)rebuilt;
	if (payload && a->p.encrypted) {
		iv_of_audio(iv, a->p.key_id, seq);
		n = cbc_decrypt(a->p.key, iv, payload, len, plain);
		if (n <= 0) {
			judge_fault(a->p.judge, "2-media 3.4", "audio packet %u does not decrypt", seq);
			a->stats.decode_errors++;
			return;
		}
		payload = plain;
		len = (size_t)n;
	}
	if (payload && !a->stats.packet_len)
		a->stats.packet_len = (unsigned)len;
	n = opus_multistream_decode(a->decoder, payload, payload ? (opus_int32)len : 0, pcm, (int)want, 0);
	if (n != (int)want) {
		judge_fault(a->p.judge, "2-media 4.3", "audio packet %u decodes to %d samples, not %u", seq, n, want);
		a->stats.decode_errors++;
		return;
	}
	for (unsigned i = 0; i < want * channels; i++)
		a->square[i % channels] += (double)pcm[i] * pcm[i];
	a->stats.samples += want;
	if (a->p.out) {
		uint8_t bytes[2 * SAMPLES_MAX * 8];

		for (unsigned i = 0; i < want * channels; i++)
			put_le16(bytes + 2 * i, (uint16_t)pcm[i]);
		fwrite(bytes, 2 * channels, want, a->p.out);
	}
}

/* The length that 2-media 4.3 gives, ciphertext included. */
static size_t expected_len(const struct audio *a)
{
	unsigned kbps = a->p.layout.channels == 2   ? (a->p.high ? 512 : 96)
			: a->p.layout.channels == 6 ? (a->p.high ? 1536 : 256)
						    : (a->p.high ? 2048 : 450);
	size_t len = kbps * 1000u * a->p.packet_ms / 8000u;

	return a->p.encrypted ? (len / 16 + 1) * 16 : len;
}

static void end_group(struct audio *a)
{
	a->stats.groups++;
	if (a->group_have[0] && a->group_have[1] && a->group_have[2] && a->group_have[3] &&
	    a->group_parity != AUDIO_PARITY)
		a->stats.groups_short++;
	memset(a->group_have, 0, sizeof(a->group_have));
	a->group_parity = 0;
}

static void judge_data(struct audio *a, const struct audio_hdr *h)
{
	struct judge *j = a->p.judge;
	int16_t step = (int16_t)(h->seq - a->seq);
	uint16_t group = (uint16_t)(h->seq / AUDIO_DATA * AUDIO_DATA);

	if (h->rtp != 0x80 || h->ssrc)
		judge_fault(j, "2-media 4.1", "packet %u: RTP byte 0 is %02x, ssrc %u", h->seq, h->rtp, h->ssrc);
	if (!a->started && h->seq)
		judge_fault(j, "2-media 4.1", "audio sequence starts at %u, not 0", h->seq);
	if (a->started && step <= 0)
		return; /* late or twice: the network may do that */
	if (a->started) {
		a->stats.missing += (uint64_t)step - 1;
		if (h->ts != a->ts + (uint32_t)step * a->p.packet_ms)
			judge_fault(j, "2-media 4.1", "packet %u: timestamp %u, %u expected", h->seq, h->ts,
				    a->ts + (uint32_t)step * a->p.packet_ms);
	}
	if (a->len_known && h->len != a->len)
		judge_fault(j, "2-media 2.5", "packet %u has %zu bytes, others %zu", h->seq, h->len, a->len);
	if (a->p.encrypted && h->len % 16)
		judge_fault(j, "2-media 3.4", "packet %u: ciphertext of %zu bytes", h->seq, h->len);
	if (!a->len_known && a->p.verify && h->len != expected_len(a))
		judge_fault(j, "2-media 4.3", "packets of %zu bytes, not %zu", h->len, expected_len(a));
	if (!a->started || group != a->group) {
		if (a->started)
			end_group(a);
		a->group = group;
		a->group_ts = h->ts - (uint32_t)(h->seq - group) * a->p.packet_ms;
	}
	a->started = a->len_known = true;
	a->seq = h->seq;
	a->ts = h->ts;
	a->len = h->len;
	memcpy(a->group_bytes[h->seq - group], h->payload, h->len);
	a->group_have[h->seq - group] = true;
}

static void judge_parity(struct audio *a, const struct audio_hdr *h)
{
	uint8_t *data[AUDIO_DATA], want[AUDIO_PACKET_MAX];
	struct judge *j = a->p.judge;

	if (h->rtp != 0x80 || h->ts || h->ssrc || h->base_ssrc)
		judge_fault(j, "2-media 4.1", "parity of group %u: RTP byte 0 %02x, timestamp %u, ssrc %u/%u", h->base,
			    h->rtp, h->ts, h->ssrc, h->base_ssrc);
	if (h->index >= AUDIO_PARITY || h->data_type != AUDIO_TYPE_DATA || h->base % AUDIO_DATA) {
		judge_fault(j, "2-media 4.1", "parity: index %u, type %u, base %u", h->index, h->data_type, h->base);
		return;
	}
	if (!a->started || h->base != a->group)
		return;
	a->group_parity++;
	if (h->base_ts != a->group_ts)
		judge_fault(j, "2-media 2.5", "parity of group %u: base timestamp %u, not %u", h->base, h->base_ts,
			    a->group_ts);
	if (h->len != a->len) {
		judge_fault(j, "2-media 2.5", "parity of group %u has %zu bytes, data %zu", h->base, h->len, a->len);
		return;
	}
	for (unsigned i = 0; i < AUDIO_DATA; i++) {
		if (!a->group_have[i])
			return;
		data[i] = a->group_bytes[i];
	}
	rs_parity(rs_audio_matrix, AUDIO_DATA, h->index, data, a->len, want);
	if (memcmp(want, h->payload, a->len) != 0)
		judge_fault(j, "2-media 2.5", "parity %u of group %u is not the code's", h->index, h->base);
}

static void datagram(void *ctx, const uint8_t *bytes, size_t len, uint64_t now_ns)
{
	struct audio *a = ctx;
	struct audio_hdr h;

	a->stats.wire_bytes += len;
	if (audio_hdr_parse(&h, bytes, len) || (h.type != AUDIO_TYPE_DATA && h.type != AUDIO_TYPE_PARITY)) {
		judge_fault(a->p.judge, "2-media 4.1", "audio datagram of %zu bytes, type %u", len,
			    len > 1 ? bytes[1] : 0);
		return;
	}
	packet_log_audio(a->p.log, now_ns, len, &h);
	if (!atomic_load_explicit(&a->first_ns, memory_order_relaxed))
		atomic_store_explicit(&a->first_ns, now_ns, memory_order_relaxed);
	if (h.type == AUDIO_TYPE_DATA) {
		a->stats.packets++;
		if (a->last_ns)
			hist_add(&a->interval, now_ns - a->last_ns);
		a->last_ns = now_ns;
		judge_data(a, &h);
	} else {
		a->stats.parity++;
		judge_parity(a, &h);
	}
	if (!audio_queue_add(&a->queue, &h, now_ns))
		judge_fault(a->p.judge, "2-media 2.5", "unequal lengths in group %u: clients switch audio FEC off",
			    h.seq);
}

static void destroy(struct audio *a)
{
	if (a->decoder)
		opus_multistream_decoder_destroy(a->decoder);
	media_socket_close(&a->sock);
	free(a);
}

static void run(void *arg)
{
	struct audio *a = arg;

	while (!thread_should_stop(&a->thread))
		media_socket_round(&a->sock, datagram, a);
}

int audio_start(struct audio **out, const struct audio_params *p)
{
	struct audio *a = calloc(1, sizeof(*a));
	int rc, err;

	*out = NULL;
	if (!a)
		return -ENOMEM;
	a->p = *p;
	audio_queue_init(&a->queue, p->packet_ms, play, a);
	a->decoder = opus_multistream_decoder_create(RATE, p->layout.channels, p->layout.streams, p->layout.coupled,
						     p->layout.mapping, &err);
	rc = a->decoder ? media_socket_open(&a->sock, &p->host, p->port, p->ping, RCVBUF) : -EINVAL;
	if (!rc)
		rc = thread_start(&a->thread, "probe-audio", run, a);
	if (rc) {
		log_errno(rc, "no audio");
		destroy(a);
		return rc;
	}
	*out = a;
	return 0;
}

uint64_t audio_first_ns(struct audio *a)
{
	return a ? atomic_load_explicit(&a->first_ns, memory_order_relaxed) : 0;
}

void audio_stop(struct audio *a, struct audio_stats *s)
{
	*s = (struct audio_stats){0};
	if (!a)
		return;
	thread_stop(&a->thread);
	thread_join(&a->thread);
	a->stats.first_ns = a->first_ns;
	a->stats.lost = a->queue.lost;
	a->stats.rebuilt = a->queue.rebuilt;
	for (unsigned c = 0; c < a->p.layout.channels && a->stats.samples; c++)
		a->stats.rms[c] = sqrt(a->square[c] / (double)a->stats.samples);
	a->stats.interval_p50_ns = hist_percentile(&a->interval, 500);
	a->stats.interval_p99_ns = hist_percentile(&a->interval, 990);
	a->stats.interval_max_ns = a->interval.max_ns;
	/* A network may lose parity; a host that never sends it is another matter. */
	if (a->stats.groups >= 8 && a->stats.groups_short * 2 > a->stats.groups)
		judge_fault(a->p.judge, "2-media 4.1", "%llu of %llu audio groups came without two parity packets",
			    (unsigned long long)a->stats.groups_short, (unsigned long long)a->stats.groups);
	if (a->sock.foreign)
		judge_fault(a->p.judge, "2-media 1.1", "%llu audio datagrams from another address than was pinged",
			    (unsigned long long)a->sock.foreign);
	*s = a->stats;
	destroy(a);
}
