// SPDX-License-Identifier: GPL-3.0-or-later
#include <string.h>

#include "net/rtp_video.h"
#include "play.h"

enum { FLAG_EOF = 2, FLAG_SOF = 4, EXTRA_LTR = 1 };

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* The first datagram of a stream looks like the recorded one, but for its time, the frame's size and its picture. */
static void first_video(struct play *p, const uint8_t *shard, const uint8_t *datagram)
{
	const struct record *r = fixture_next(&p->f, NULL, RECORD_VIDEO, false);
	uint8_t then[2080];
	uint64_t counter;

	fixture_video_shard(&p->f, r->data, r->len, p->video_encrypted, then, &counter);
	expect(p, !memcmp(shard, then, 4), "first datagram: sequence number %u", be16(shard + 2));
	/* A source that is slow to start leaves the first frame black: so small that its first datagram is its last. */
	then[24] = (uint8_t)((then[24] & ~FLAG_EOF) | (shard[24] & FLAG_EOF));
	/* A frame may be marked to be acknowledged; the host recorded never did. */
	then[25] = (uint8_t)((then[25] & ~EXTRA_LTR) | (shard[25] & EXTRA_LTR));
	expect(p, !memcmp(shard + 12, then + 12, 16), "first datagram: %u, frame %u, flags %u", le32(shard + 16),
	       le32(shard + 20), shard[24]);
	expect(p, shard[RTP_VIDEO_HEADER] == then[RTP_VIDEO_HEADER] && shard[RTP_VIDEO_HEADER + 3] == 2,
	       "the first frame is of type %u", shard[RTP_VIDEO_HEADER + 3]);
	if (p->video_encrypted)
		expect(p, le32(datagram) == 0, "the first IV counts %u", le32(datagram));
}

void play_video(struct play *p, const uint8_t *datagram, size_t len)
{
	const struct record *r = fixture_next(&p->f, NULL, RECORD_VIDEO, false);
	uint8_t shard[2080];
	uint64_t counter;
	uint32_t info, frame, timestamp;
	unsigned index, n_data, percent;
	uint16_t seq, ahead;

	if (!expect(p, len == r->len, "a video datagram of %zu bytes, recorded %zu", len, r->len))
		return;
	fixture_video_shard(&p->f, datagram, len, p->video_encrypted, shard, &counter);
	seq = be16(shard + 2);
	timestamp = be32(shard + 4);
	frame = le32(shard + 20);
	info = le32(shard + 28);
	n_data = info >> 22;
	index = info >> 12 & 0x3ff;
	percent = info >> 4 & 0xff;
	if (!p->video.started)
		first_video(p, shard, datagram);
	ahead = (uint16_t)(seq - p->video.seq - 1);
	if (p->video.started && ahead) { /* the socket was full, or the host is wrong: judged at the end */
		p->video.lost += ahead;
	} else if (p->video.started && p->video_encrypted) {
		expect(p, counter == p->video.counter + 1, "IV %llu after %llu", (unsigned long long)counter,
		       (unsigned long long)p->video.counter);
	}
	expect(p, shard[0] == 0x90, "first byte %02x", shard[0]);
	expect(p, n_data && index < n_data + (n_data * percent + 99) / 100, "shard %u of %u at %u %%", index, n_data,
	       percent);
	if (p->video_encrypted)
		expect(p, le32(datagram + RTP_VIDEO_SEAL_FRAME) == frame, "frame %u in clear", frame);
	if (frame != p->video.frame) {
		expect(p,
		       !p->video.started || (frame > p->video.frame && (int32_t)(timestamp - p->video.timestamp) > 0),
		       "frame %u at %u after %u at %u", frame, timestamp, p->video.frame, p->video.timestamp);
		p->video.frames++;
	} else {
		expect(p, timestamp == p->video.timestamp, "two times in frame %u", frame);
	}
	if (index < n_data) {
		expect(p, (le32(shard + 16) >> 8 & 0xffff) == seq, "packet index %u of %u", le32(shard + 16), seq);
		expect(p, (shard[24] & FLAG_SOF) == (index == 0 ? FLAG_SOF : 0), "flags %u of %u", shard[24], index);
		expect(p, (shard[24] & FLAG_EOF) == (index + 1 == n_data ? FLAG_EOF : 0), "flags %u of %u", shard[24],
		       index);
	}
	if (index == 0 && (shard[27] >> 4 & 3) == 0) {
		uint8_t type = shard[RTP_VIDEO_HEADER + 3];

		expect(p, type == 1 || type == 2 || type == 5, "frame %u of type %u", frame, type);
		p->video.idr += type == 2;
		p->video.after_rfi += type == 5;
		if (type != 1)
			p->video.healed = frame;
	}
	p->video.started = true;
	p->video.datagrams++;
	p->video.seq = seq;
	p->video.counter = counter;
	p->video.frame = frame;
	p->video.timestamp = timestamp;
}

/* The length of the first recorded datagram of that type. */
static size_t recorded_len(const struct play *p, uint8_t type)
{
	for (const struct record *r = NULL; (r = fixture_next(&p->f, r, RECORD_AUDIO, false));)
		if (r->data[1] == type)
			return r->len;
	return 0;
}

void play_audio(struct play *p, const uint8_t *datagram, size_t len)
{
	const struct record *r = fixture_next(&p->f, NULL, RECORD_AUDIO, false);
	uint8_t now[1400], then[1400];

	if (!expect(p, len > 24 && len == recorded_len(p, datagram[1]), "audio of type %u, %zu bytes",
		    len > 1 ? datagram[1] : 0, len))
		return;
	if (datagram[1] == 127) {
		expect(p, datagram[12] < 2 && be16(datagram + 14) % 4 == 0, "parity %u of %u", datagram[12],
		       be16(datagram + 14));
		p->audio.parity++;
		return;
	}
	fixture_audio_payload(&p->f, datagram, len, p->audio_encrypted, now);
	fixture_audio_payload(&p->f, r->data, r->len, p->audio_encrypted, then);
	expect(p, now[0] == then[0], "Opus begins with %02x, recorded %02x", now[0], then[0]);
	if (!p->audio.started) {
		expect(p, !memcmp(datagram, r->data, 12), "the first audio header");
	} else {
		uint16_t ahead = (uint16_t)(be16(datagram + 2) - p->audio.seq - 1);
		uint32_t step = be32(fixture_next(&p->f, r, RECORD_AUDIO, false)->data + 4);

		p->audio.lost += ahead;
		expect(p, be32(datagram + 4) - p->audio.timestamp == (ahead + 1u) * step, "audio time %u after %u",
		       be32(datagram + 4), p->audio.timestamp);
	}
	p->audio.started = true;
	p->audio.seq = be16(datagram + 2);
	p->audio.timestamp = be32(datagram + 4);
	p->audio.data++;
}
