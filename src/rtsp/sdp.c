// SPDX-License-Identifier: GPL-3.0-or-later
#include "rtsp/sdp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "rtsp/msg.h"

/* Used when a client sends neither of the two rates. */
#define KBPS_ABSENT 10000

#define FLAG_FEC_STATUS    1u    /* x-ml-general.featureFlags */
#define FLAG_SESSION_ID_V1 2u    /* same */
#define FLAG_AUDIO_ENC     0x20u /* x-nv-general.featureFlags, the older way to say RTSP_ENC_AUDIO */
#define ENCRYPTED_CONTROL  13    /* x-nv-general.useReliableUdp */

/* From here on maxFPS can only be thousandths: two forks send it so (1-session 7). */
#define FPS_IS_MHZ (VIDEO_FPS_MIN * 1000)

enum attr {
	A_CLIENT_FLAGS,
	A_ENCRYPTION,
	A_CHROMA,
	A_WIDTH,
	A_HEIGHT,
	A_FPS,
	A_PACKET_SIZE,
	A_MAX_KBPS,
	A_CONFIGURED_KBPS,
	A_FEC,
	A_VIDEO_QOS,
	A_AUDIO_QOS,
	A_NV_FLAGS,
	A_CONTROL,
	A_FEC_MIN,
	A_SLICES,
	A_CODEC,
	A_DYNAMIC_RANGE,
	A_MAX_REFS,
	A_REFRESH_X100,
	A_CHANNELS,
	A_CHANNEL_MASK,
	A_AUDIO_QUALITY,
	A_PACKET_MS,
	A_CSC,
	N_ATTRS,
};

enum need { OPTIONAL, REQUIRED };

/* CLAMP: a value outside is brought to the nearest end, the stream is right all the same. REJECT:
 * it would not be. */
enum outside { CLAMP, REJECT };

static const struct rule {
	const char *name;
	enum need need;
	int64_t absent;
	enum outside outside;
	int64_t min, max;
} rules[N_ATTRS] = {
	[A_CLIENT_FLAGS] = {"x-ml-general.featureFlags", OPTIONAL, 0, CLAMP, 0, UINT32_MAX},
	[A_ENCRYPTION] = {"x-ss-general.encryptionEnabled", OPTIONAL, 0, REJECT, 0, UINT32_MAX},
	[A_CHROMA] = {"x-ss-video[0].chromaSamplingType", OPTIONAL, 0, REJECT, 0, 1},
	[A_WIDTH] = {"x-nv-video[0].clientViewportWd", REQUIRED, 0, REJECT, VIDEO_DIM_MIN, VIDEO_DIM_MAX},
	[A_HEIGHT] = {"x-nv-video[0].clientViewportHt", REQUIRED, 0, REJECT, VIDEO_DIM_MIN, VIDEO_DIM_MAX},
	[A_FPS] = {"x-nv-video[0].maxFPS", REQUIRED, 0, REJECT, 1, VIDEO_FPS_MAX * 1000},
	/* Another size than announced breaks recovery on the client, 2-media 1.4: never clamped. */
	[A_PACKET_SIZE] = {"x-nv-video[0].packetSize", REQUIRED, 0, REJECT, VIDEO_PACKET_SIZE_MIN,
			   VIDEO_PACKET_SIZE_MAX},
	[A_MAX_KBPS] = {"x-nv-vqos[0].bw.maximumBitrateKbps", OPTIONAL, 0, CLAMP, 0, VIDEO_KBPS_MAX},
	[A_CONFIGURED_KBPS] = {"x-ml-video.configuredBitrateKbps", OPTIONAL, 0, CLAMP, 0, VIDEO_KBPS_MAX},
	[A_FEC] = {"x-nv-vqos[0].fec.enable", OPTIONAL, 1, CLAMP, 0, 1},
	[A_VIDEO_QOS] = {"x-nv-vqos[0].qosTrafficType", OPTIONAL, 5, CLAMP, 0, UINT8_MAX},
	[A_AUDIO_QOS] = {"x-nv-aqos.qosTrafficType", OPTIONAL, 4, CLAMP, 0, UINT8_MAX},
	[A_NV_FLAGS] = {"x-nv-general.featureFlags", OPTIONAL, 135, CLAMP, 0, UINT32_MAX},
	/* Only the encrypted control stream is spoken here: a client that wants the plain one learns it now. */
	[A_CONTROL] = {"x-nv-general.useReliableUdp", OPTIONAL, ENCRYPTED_CONTROL, REJECT, ENCRYPTED_CONTROL,
		       ENCRYPTED_CONTROL},
	[A_FEC_MIN] = {"x-nv-vqos[0].fec.minRequiredFecPackets", OPTIONAL, 0, CLAMP, 0, UINT8_MAX},
	[A_SLICES] = {"x-nv-video[0].videoEncoderSlicesPerFrame", OPTIONAL, 1, CLAMP, 1, VIDEO_SLICES_MAX},
	[A_CODEC] = {"x-nv-vqos[0].bitStreamFormat", OPTIONAL, CODEC_H264, REJECT, CODEC_H264, CODEC_AV1},
	[A_DYNAMIC_RANGE] = {"x-nv-video[0].dynamicRangeMode", OPTIONAL, 0, REJECT, 0, 1},
	/* 0: the host decides, said by decoders that can do RFI. Absent: take the decoder for the weaker kind. */
	[A_MAX_REFS] = {"x-nv-video[0].maxNumReferenceFrames", OPTIONAL, 1, REJECT, 0, INT32_MAX},
	[A_REFRESH_X100] = {"x-nv-video[0].clientRefreshRateX100", OPTIONAL, 0, CLAMP, 0, VIDEO_FPS_MAX * 100},
	[A_CHANNELS] = {"x-nv-audio.surround.numChannels", REQUIRED, 0, REJECT, 2, 8},
	[A_CHANNEL_MASK] = {"x-nv-audio.surround.channelMask", REQUIRED, 0, REJECT, 0, UINT32_MAX},
	[A_AUDIO_QUALITY] = {"x-nv-audio.surround.AudioQuality", OPTIONAL, 0, CLAMP, 0, 1},
	[A_PACKET_MS] = {"x-nv-aqos.packetDuration", OPTIONAL, 5, CLAMP, 5, 10},
	[A_CSC] = {"x-nv-video[0].encoderCscMode", OPTIONAL, 0, REJECT, 0, COLOUR_BT2020 << 1 | 1},
};

struct attrs {
	int64_t v[N_ATTRS];
	bool seen[N_ATTRS];
};

#define refuse(why, err, ...) (snprintf((why), SDP_WHY_MAX, __VA_ARGS__), (err))

static int attr_find(struct rtsp_text name)
{
	for (int i = 0; i < N_ATTRS; i++)
		if (rtsp_text_equal(name, rules[i].name))
			return i;
	return -1;
}

static int read_number(struct rtsp_text t, int64_t *v)
{
	int err = str_to_i64(t.p, t.len, INT64_MIN, INT64_MAX, v);

	if (err == -ERANGE) { /* digits all the same: as far outside as can be */
		*v = t.p[0] == '-' ? INT64_MIN : INT64_MAX;
		return 0;
	}
	return err;
}

/* "a=name:value ", the value trimmed: the client leaves a space before each line end. */
static int take_line(struct attrs *a, struct rtsp_text line, char *why)
{
	struct rtsp_text name, value;
	int i;

	if (line.len < 2 || line.p[0] != 'a' || line.p[1] != '=')
		return 0;
	line.p += 2;
	line.len -= 2;
	name = rtsp_text_until(line, ':');
	if (name.len == line.len)
		return 0;
	value = (struct rtsp_text){.p = line.p + name.len + 1, .len = line.len - name.len - 1};
	i = attr_find(rtsp_text_trim(name));
	if (i < 0)
		return 0;
	value = rtsp_text_trim(value);
	if (read_number(value, &a->v[i]))
		return refuse(why, -EINVAL, "%s is not a number", rules[i].name);
	a->seen[i] = true;
	return 0;
}

static int take_lines(struct attrs *a, struct rtsp_text body, char *why)
{
	while (body.len) {
		struct rtsp_text line = rtsp_text_until(body, '\n');
		size_t used = line.len < body.len ? line.len + 1 : line.len;
		int err = take_line(a, line, why);

		if (err)
			return err;
		body.p += used;
		body.len -= used;
	}
	return 0;
}

static int apply_rules(struct attrs *a, char *why)
{
	for (int i = 0; i < N_ATTRS; i++) {
		const struct rule *r = &rules[i];
		bool inside = a->v[i] >= r->min && a->v[i] <= r->max;

		if (!a->seen[i]) {
			if (r->need == REQUIRED)
				return refuse(why, -EINVAL, "%s is missing", r->name);
			a->v[i] = r->absent;
		} else if (!inside) {
			if (r->outside == REJECT)
				return refuse(why, -EINVAL, "%s is %lld", r->name, (long long)a->v[i]);
			a->v[i] = a->v[i] < r->min ? r->min : r->max;
		}
	}
	return 0;
}

/* The client's display rate is a better figure than the whole number when it is the same rate
 * within 1 %. */
static uint32_t frame_rate_mhz(int64_t fps, int64_t refresh_x100)
{
	int64_t mhz = fps >= FPS_IS_MHZ ? fps : fps * 1000, hint = refresh_x100 * 10;
	int64_t off = hint > mhz ? hint - mhz : mhz - hint;

	if (hint && off * 100 <= mhz)
		mhz = hint;
	if (mhz < VIDEO_FPS_MIN * 1000)
		mhz = VIDEO_FPS_MIN * 1000;
	return (uint32_t)(mhz < VIDEO_FPS_MAX * 1000 ? mhz : VIDEO_FPS_MAX * 1000);
}

static uint32_t clamp_kbps(int64_t kbps)
{
	if (kbps < VIDEO_KBPS_MIN)
		return VIDEO_KBPS_MIN;
	return kbps < VIDEO_KBPS_MAX ? (uint32_t)kbps : VIDEO_KBPS_MAX;
}

uint32_t sdp_encoder_kbps(uint32_t configured_kbps, uint8_t fec_percent, unsigned channels, bool high_quality_audio)
{
	uint32_t b = configured_kbps, audio = channels * (high_quality_audio ? 256 : 96);

	if (fec_percent <= 80)
		b = (uint32_t)((uint64_t)b * (100 - fec_percent) / 100);
	b -= audio < b / 5 ? audio : b / 5;
	b -= b / 10 < 500 ? b / 10 : 500;
	return clamp_kbps(b);
}

static void take_rates(const struct attrs *a, struct rtsp_announce *out)
{
	int64_t wish = a->v[A_CONFIGURED_KBPS], reduced = a->v[A_MAX_KBPS];

	if (!wish && reduced) {
		/* An older client: it has taken its fifth for parity off itself, and audio is not
		 * its concern. */
		out->video.configured_kbps = clamp_kbps(reduced * 5 / 4);
		out->video.encoder_kbps = clamp_kbps(reduced);
		return;
	}
	out->video.configured_kbps = clamp_kbps(wish ? wish : KBPS_ABSENT);
	out->video.encoder_kbps = sdp_encoder_kbps(out->video.configured_kbps, out->video.fec_percent,
						   out->audio.channels, out->audio.high_quality);
}

static int check_offer(const struct attrs *a, const struct rtsp_offer *o, uint32_t enc, char *why)
{
	int64_t codec = a->v[A_CODEC];

	if ((codec == CODEC_HEVC && !o->hevc) || (codec == CODEC_AV1 && !o->av1))
		return refuse(why, -ENOTSUP, "%s is not offered", codec_name((enum codec)codec));
	if (a->v[A_CHROMA] && !(o->yuv444 >> codec & 1))
		return refuse(why, -ENOTSUP, "4:4:4 of %s is not offered", codec_name((enum codec)codec));
	if (a->v[A_DYNAMIC_RANGE] && !(o->depth10 >> codec & 1))
		return refuse(why, -ENOTSUP, "10 bit of %s is not offered", codec_name((enum codec)codec));
	if (a->v[A_CHROMA] && a->v[A_DYNAMIC_RANGE] && !(o->yuv444_depth10 >> codec & 1))
		return refuse(why, -ENOTSUP, "10 bit in 4:4:4 of %s is not offered", codec_name((enum codec)codec));
	if (a->v[A_ENCRYPTION] & ~(int64_t)o->enc_supported)
		return refuse(why, -ENOTSUP, "encryption %#x is not offered", (unsigned)a->v[A_ENCRYPTION]);
	if (~enc & o->enc_mandatory)
		return refuse(why, -EACCES, "encryption %#x lacks bits of %#x", enc, o->enc_mandatory);
	return 0;
}

static int take_audio(const struct attrs *a, uint32_t enc, bool low_stereo, struct audio_params *p, char *why)
{
	int64_t channels = a->v[A_CHANNELS];

	if (channels != 2 && channels != 6 && channels != 8)
		return refuse(why, -EINVAL, "%d audio channels", (int)channels);
	p->channels = (uint8_t)channels;
	p->high_quality = channels == 2 ? !low_stereo : a->v[A_AUDIO_QUALITY] != 0;
	/* The packets of 10 ms would not fit a datagram in high-quality surround. */
	p->packet_ms = a->v[A_PACKET_MS] < 10 || (channels > 2 && p->high_quality) ? 5 : 10;
	p->encrypt = enc & RTSP_ENC_AUDIO;
	p->qos = a->v[A_AUDIO_QOS] != 0;
	return 0;
}

static void take_video(const struct attrs *a, const struct rtsp_offer *o, uint32_t enc, struct video_params *v)
{
	v->codec = (enum codec)a->v[A_CODEC];
	v->width = (uint16_t)(a->v[A_WIDTH] & ~1);
	v->height = (uint16_t)(a->v[A_HEIGHT] & ~1);
	v->fps_mhz = frame_rate_mhz(a->v[A_FPS], a->v[A_REFRESH_X100]);
	v->hdr = a->v[A_DYNAMIC_RANGE] != 0;
	v->depth = v->hdr ? 10 : 8;
	v->yuv444 = a->v[A_CHROMA] != 0;
	v->space = (enum colour_space)(a->v[A_CSC] >> 1);
	v->full_range = a->v[A_CSC] & 1;
	v->slices = (uint8_t)a->v[A_SLICES];
	v->single_ref = a->v[A_MAX_REFS] == 1;
	v->rfi = o->rfi && a->v[A_MAX_REFS] == 0;
	v->packet_size = (uint16_t)a->v[A_PACKET_SIZE];
	v->fec_percent = a->v[A_FEC] ? o->fec_percent : 0;
	v->fec_min = a->v[A_FEC] ? (uint8_t)a->v[A_FEC_MIN] : 0;
	v->encrypt = enc & RTSP_ENC_VIDEO;
	v->qos = a->v[A_VIDEO_QOS] != 0;
}

int sdp_parse(const char *body, size_t len, const struct rtsp_offer *offer, bool low_stereo, struct rtsp_announce *out,
	      char why[SDP_WHY_MAX])
{
	struct attrs a = {0};
	uint32_t enc;
	int err;

	memset(out, 0, sizeof(*out));
	why[0] = 0;
	err = take_lines(&a, (struct rtsp_text){.p = body, .len = len}, why);
	if (!err)
		err = apply_rules(&a, why);
	if (err)
		return err;
	if (a.v[A_PACKET_SIZE] % 16)
		return refuse(why, -EINVAL, "packetSize %d is no multiple of 16", (int)a.v[A_PACKET_SIZE]);
	enc = (uint32_t)a.v[A_ENCRYPTION] | (a.v[A_NV_FLAGS] & FLAG_AUDIO_ENC ? RTSP_ENC_AUDIO : 0);
	err = check_offer(&a, offer, enc, why);
	if (!err)
		err = take_audio(&a, enc, low_stereo, &out->audio, why);
	if (err)
		return err;
	take_video(&a, offer, enc, &out->video);
	take_rates(&a, out);
	out->control_v2 = enc & RTSP_ENC_CONTROL_V2;
	out->session_id_v1 = a.v[A_CLIENT_FLAGS] & FLAG_SESSION_ID_V1;
	out->fec_status = a.v[A_CLIENT_FLAGS] & FLAG_FEC_STATUS;
	return 0;
}
