// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/sdp.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "probe/judge.h"

#define MAX_ADJUSTED_KBPS 100000u

/* A number after the next colon behind a name found anywhere, base by its look, as strtoul() does (6.5). */
static uint32_t number_of(const char *body, const char *name)
{
	const char *at = strstr(body, name), *colon = at ? strchr(at, ':') : NULL;

	return colon ? (uint32_t)strtoul(colon + 1, NULL, 0) : 0;
}

static bool digit(char c, unsigned below, uint8_t *out)
{
	*out = (uint8_t)(c - '0');
	return c >= '0' && c <= '9' && *out < below;
}

/* <streams><coupled><mapping...> behind the channel digit. */
static bool read_layout(struct opus_layout *l, unsigned channels, const char *p)
{
	bool ok;

	l->channels = (uint8_t)channels;
	ok = digit(p[0], 10, &l->streams) && digit(p[1], 10, &l->coupled);
	for (unsigned i = 0; ok && i < channels; i++)
		ok = digit(p[2 + i], channels, &l->mapping[i]);
	return ok && l->streams && l->coupled <= l->streams && l->streams + l->coupled == (int)channels;
}

/* The normal entry is written with LFE last; a client moves the last digit to index 3 (6.6). */
static void rotate(struct opus_layout *l)
{
	uint8_t last = l->mapping[l->channels - 1];

	memmove(&l->mapping[4], &l->mapping[3], l->channels - 4u);
	l->mapping[3] = last;
}

static void find_layouts(struct sdp_offer *o, unsigned at, const char *body, struct judge *j)
{
	unsigned channels = at ? 8 : 6, found = 0;
	char prefix[64];
	size_t n = (size_t)snprintf(prefix, sizeof(prefix), "a=fmtp:97 surround-params=%u", channels);
	const char *p = body;

	while ((p = strstr(p, prefix))) {
		struct opus_layout *l = found ? &o->high[at] : &o->normal[at];

		p += n;
		if (found++ > 1)
			continue;
		l->found = read_layout(l, channels, p);
		if (!l->found)
			judge_fault(j, "1-session 6.6", "surround-params of %u channels cannot be read", channels);
		else if (found == 1)
			rotate(l);
		for (unsigned i = 0; l->found && i < channels; i++) {
			if (l->mapping[i] == i)
				continue;
			judge_fault(j, "1-session 6.6", "%u channels, %s: the client would decode channel %u from %u",
				    channels, found == 1 ? "normal" : "high quality", i, l->mapping[i]);
			break;
		}
	}
	if (found != 2)
		judge_fault(j, "1-session 6.6", "%u surround-params entries for %u channels, not 2", found, channels);
}

void sdp_offer_parse(struct sdp_offer *o, const char *body, struct judge *j)
{
	*o = (struct sdp_offer){0};
	o->features = number_of(body, "x-ss-general.featureFlags");
	o->enc_supported = number_of(body, "x-ss-general.encryptionSupported");
	o->enc_requested = number_of(body, "x-ss-general.encryptionRequested");
	o->rfi = strstr(body, "x-nv-video[0].refPicInvalidation");
	o->hevc = strstr(body, "sprop-parameter-sets=AAAAAU");
	o->av1 = strstr(body, "AV1/90000");
	find_layouts(o, 0, body, j);
	find_layouts(o, 1, body, j);
	if (o->enc_requested & ~o->enc_supported)
		judge_fault(j, "1-session 6.5", "encryption %x requested, but only %x supported", o->enc_requested,
			    o->enc_supported);
	if (!*body)
		judge_fault(j, "1-session 6.2", "DESCRIBE has an empty body");
}

static void attr(struct buf *b, const char *name, unsigned value)
{
	/* The space before the line end is what stock clients write. */
	buf_fmt(b, "a=%s:%u \r\n", name, value);
}

static unsigned adjusted_kbps(const struct sdp_announce *a)
{
	unsigned kbps = (unsigned)(a->bitrate_kbps * 0.80);

	if (!a->local && kbps > 500)
		kbps -= 500;
	return kbps > MAX_ADJUSTED_KBPS ? MAX_ADJUSTED_KBPS : kbps;
}

void sdp_announce_write(struct buf *b, const struct sdp_announce *a)
{
	unsigned kbps = adjusted_kbps(a);

	buf_fmt(b, "v=0\r\no=android 0 14 IN %s %s\r\ns=NVIDIA Streaming Client\r\n", a->ipv6 ? "IPv6" : "IPv4",
		a->address);
	attr(b, "x-ml-general.featureFlags", 3);
	attr(b, "x-ss-general.encryptionEnabled", a->enc_enabled);
	attr(b, "x-ss-video[0].chromaSamplingType", a->yuv444);
	attr(b, "x-nv-video[0].clientViewportWd", a->width);
	attr(b, "x-nv-video[0].clientViewportHt", a->height);
	attr(b, "x-nv-video[0].maxFPS", a->fps);
	attr(b, "x-nv-video[0].packetSize", a->packet_size);
	attr(b, "x-nv-video[0].rateControlMode", 4);
	attr(b, "x-nv-video[0].timeoutLengthMs", 7000);
	attr(b, "x-nv-video[0].framesWithInvalidRefThreshold", 0);
	attr(b, "x-nv-video[0].initialBitrateKbps", kbps);
	attr(b, "x-nv-video[0].initialPeakBitrateKbps", kbps);
	attr(b, "x-nv-vqos[0].bw.minimumBitrateKbps", kbps);
	attr(b, "x-nv-vqos[0].bw.maximumBitrateKbps", kbps);
	attr(b, "x-ml-video.configuredBitrateKbps", a->bitrate_kbps);
	attr(b, "x-nv-vqos[0].fec.enable", 1);
	attr(b, "x-nv-vqos[0].videoQualityScoreUpdateTime", 5000);
	attr(b, "x-nv-vqos[0].qosTrafficType", a->local ? 5 : 0);
	attr(b, "x-nv-aqos.qosTrafficType", a->local ? 4 : 0);
	attr(b, "x-nv-general.featureFlags", 0x87u | (a->audio_encrypted ? 0x20u : 0));
	attr(b, "x-nv-general.useReliableUdp", 13);
	attr(b, "x-nv-vqos[0].fec.minRequiredFecPackets", 2);
	attr(b, "x-nv-vqos[0].bllFec.enable", 0);
	attr(b, "x-nv-vqos[0].drc.enable", 0);
	attr(b, "x-nv-general.enableRecoveryMode", 0);
	attr(b, "x-nv-video[0].videoEncoderSlicesPerFrame", a->slices);
	if (a->codec != CODEC_AV1)
		attr(b, "x-nv-clientSupportHevc", a->codec == CODEC_HEVC);
	attr(b, "x-nv-vqos[0].bitStreamFormat", (unsigned)a->codec);
	attr(b, "x-nv-video[0].dynamicRangeMode", a->hdr);
	attr(b, "x-nv-video[0].maxNumReferenceFrames", a->single_reference);
	attr(b, "x-nv-video[0].clientRefreshRateX100", a->refresh_x100);
	attr(b, "x-nv-audio.surround.numChannels", a->channels);
	attr(b, "x-nv-audio.surround.channelMask", a->channel_mask);
	attr(b, "x-nv-audio.surround.enable", a->channels > 2);
	attr(b, "x-nv-audio.surround.AudioQuality", a->audio_hq && a->channels > 2);
	attr(b, "x-nv-aqos.packetDuration", a->packet_ms);
	attr(b, "x-nv-video[0].encoderCscMode", a->csc);
	buf_fmt(b, "t=0 0\r\nm=video %u  \r\n", a->video_port);
}
