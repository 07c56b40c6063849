// SPDX-License-Identifier: GPL-3.0-or-later
#include "stream_offer.h"

#include <string.h>
#include <unistd.h>

#include "config.h"
#include "encode/choice.h"
#include "encode/trial.h"
#include "http/server.h"
#include "ports.h"
#include "rtsp/server.h"

#define LOG_MODULE "offer"
#include "base/log.h"

/* ServerCodecModeSupport, 1-session 2.5, by enum picture_format; H.264 has no bit for ten. */
static const uint32_t scm[CODECS][PICTURE_FORMATS] = {
	[CODEC_H264] = {0x1, 0, 0x40000, 0},
	[CODEC_HEVC] = {0x100, 0x200, 0x80000, 0x100000},
	[CODEC_AV1] = {0x10000, 0x20000, 0x200000, 0x400000},
};

/* Time that a picture of each takes an encoder in software, of that of 8-bit 4:2:0, in percent. */
static const unsigned cost[PICTURE_FORMATS] = {100, 125, 150, 190};

/* Below this it is not worth a word to clients. */
#define LEAST 1280, 720, 30
/* A launch that does not say what it wants, as some resumes do, gets what carries this. */
#define UNSAID_WIDTH  1920
#define UNSAID_HEIGHT 1080
#define UNSAID_FPS    60

/* Written once by stream_offer_measure(): of the codecs that not every machine can afford, each encoder that serves a
 * format. */
static struct measured {
	const struct encoder_ops *ops;
	bool works;
	struct trial trial;
} measured[CODECS][PICTURE_FORMATS];

/* Offered without a trial. */
static bool is_cheap(enum codec codec)
{
	return codec == CODEC_H264;
}

static int64_t wanted(const struct config *c, enum codec codec)
{
	return codec == CODEC_AV1 ? c->encode.av1 : codec == CODEC_HEVC ? c->encode.hevc : OFFER_ON;
}

const char *stream_preset(const struct config *c, enum codec codec)
{
	return codec == CODEC_AV1    ? c->encode.av1_preset
	       : codec == CODEC_HEVC ? c->encode.hevc_preset
				     : c->encode.preset;
}

void stream_try_hardware(const char *backend, const struct config *c)
{
	const char *const preset[CODECS] = {
		[CODEC_H264] = stream_preset(c, CODEC_H264),
		[CODEC_HEVC] = stream_preset(c, CODEC_HEVC),
		[CODEC_AV1] = stream_preset(c, CODEC_AV1),
	};

	encoder_choice_measure(backend, preset, stream_slices(c));
}

/* Clients that are offered more than H.264 take it. Software that answers every loss with a key frame would leave them
 * worse off. */
static bool worth_it(const struct encoder_ops *ops, const struct enc_caps *caps)
{
	return ops->hardware || caps->flags & ENC_RFI;
}

/* Whether clients may hear of it, if it carries what they ask for. */
static bool wants(const struct config *c, enum codec codec, const struct encoder_ops *ops, const struct enc_caps *caps)
{
	return wanted(c, codec) == OFFER_ON || (wanted(c, codec) == OFFER_AUTO && worth_it(ops, caps));
}

/* NULL: it was not measured. */
static const struct measured *measured_of(const struct encoder_ops *ops, enum codec codec)
{
	for (unsigned i = 0; i < PICTURE_FORMATS && measured[codec][i].ops; i++)
		if (measured[codec][i].ops == ops)
			return &measured[codec][i];
	return NULL;
}

static void measure(const struct config *c, enum codec codec, const struct encoder_ops *ops, struct measured *m)
{
	const struct trial_params usual = {
		.codec = codec,
		.slices = stream_slices(c),
		.preset = encoder_choice_preset(c->encode.backend, ops, codec, stream_preset(c, codec)),
		.frames = TRIAL_MANY,
	};
	int rc;

	m->ops = ops;
	rc = encoder_trial(ops, &usual, &m->trial);
	if (rc < 0) {
		log_errno(rc, "%s of %s is not offered", codec_name(codec), ops->name);
		return;
	}
	m->works = true;
	log_info("%s with %s: %.0f million pixels a second", codec_name(codec), ops->name,
		 (double)m->trial.pixels_per_s / 1e6);
}

static void measure_all(const struct config *c, enum codec codec)
{
	const struct encoder_ops *ops;
	struct enc_caps caps;
	unsigned n = 0;

	memset(measured[codec], 0, sizeof(measured[codec]));
	for (enum picture_format f = 0; f < PICTURE_FORMATS; f++) {
		ops = encoder_choice_usual(c->encode.backend, codec, f, &caps);
		if (ops && wants(c, codec, ops, &caps) && !measured_of(ops, codec))
			measure(c, codec, ops, &measured[codec][n++]);
	}
}

void stream_offer_measure(const struct config *c)
{
	stream_try_hardware(c->encode.backend, c);
	for (enum codec codec = CODEC_H264; codec <= CODEC_AV1; codec++)
		if (!is_cheap(codec))
			measure_all(c, codec);
}

/* Whether such a stream is worth a word, with the encoder that it would begin with. caps: that one's. */
static bool carries(const struct config *c, enum codec codec, enum picture_format f, unsigned width, unsigned height,
		    unsigned fps, struct enc_caps *caps)
{
	const struct encoder_ops *ops = encoder_choice_usual(c->encode.backend, codec, f, caps);
	const struct measured *m;

	if (!ops || is_cheap(codec))
		return ops;
	m = measured_of(ops, codec);
	if (!m || !m->works || !wants(c, codec, ops, caps))
		return false;
	return wanted(c, codec) == OFFER_ON || trial_carries(&m->trial, width, height, (fps * cost[f] + 99) / 100);
}

/* Clients that want a format of a codec take the codec's usual one where they have to. Chroma is only known from the
 * ANNOUNCE, too late to choose another codec, so the usual stream decides. */
static bool offers(const struct config *c, enum codec codec, enum picture_format f)
{
	struct enc_caps caps;

	if (!scm[codec][f] || !carries(c, codec, PICTURE_NV12, LEAST, &caps))
		return false;
	if (picture_is_444(f))
		return carries(c, codec, f, UNSAID_WIDTH, UNSAID_HEIGHT, UNSAID_FPS, &caps);
	return carries(c, codec, f, LEAST, &caps);
}

/* Clients that want HDR take ten bits of a codec if they were offered, else its usual format. */
static bool offers_launch(const struct config *c, enum codec codec, const struct launch_query *q, struct enc_caps *caps)
{
	const enum picture_format f = q->hdr && offers(c, codec, PICTURE_P010) ? PICTURE_P010 : PICTURE_NV12;

	if (q->width && q->height && q->fps)
		return carries(c, codec, f, q->width, q->height, q->fps, caps);
	return carries(c, codec, f, UNSAID_WIDTH, UNSAID_HEIGHT, UNSAID_FPS, caps);
}

const char *stream_offer_encoder(const struct config *c, enum codec codec, enum picture_format f)
{
	return offers(c, codec, f) ? encoder_choice_usual(c->encode.backend, codec, f, NULL)->name : NULL;
}

uint8_t stream_slices(const struct config *c)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (c->encode.min_slices)
		return (uint8_t)c->encode.min_slices;
	return cores < 1 ? 1 : cores > 4 ? 4 : (uint8_t)cores;
}

uint32_t stream_codec_support(const struct config *c)
{
	uint32_t mask = 0;

	for (enum codec codec = CODEC_H264; codec <= CODEC_AV1; codec++)
		for (enum picture_format f = 0; f < PICTURE_FORMATS; f++)
			if (offers(c, codec, f))
				mask |= scm[codec][f];
	return mask;
}

void stream_offer_fill(struct rtsp_offer *offer, const struct config *c, const struct launch_query *q)
{
	const uint32_t media = RTSP_ENC_VIDEO | RTSP_ENC_AUDIO;
	struct enc_caps caps;
	uint32_t flags = 0;
	int64_t encryption = addr_is_local(&q->peer) ? c->session.encryption_lan : c->session.encryption_wan;

	*offer = (struct rtsp_offer){
		.enc_supported = RTSP_ENC_CONTROL_V2,
		.enc_requested = RTSP_ENC_CONTROL_V2,
		.video_port = (uint16_t)(c->net.port + PORT_VIDEO),
		.control_port = (uint16_t)(c->net.port + PORT_CONTROL),
		.audio_port = (uint16_t)(c->net.port + PORT_AUDIO),
		.fec_percent = (uint8_t)c->stream.fec_percent,
		.feature_flags = 3,
	};
	for (enum codec codec = CODEC_H264; codec <= CODEC_AV1; codec++) {
		if (!offers_launch(c, codec, q, &caps))
			continue;
		offer->hevc |= codec == CODEC_HEVC;
		offer->av1 |= codec == CODEC_AV1;
		offer->depth10 |= (uint8_t)(offers(c, codec, PICTURE_P010) << codec);
		offer->yuv444 |= (uint8_t)(offers(c, codec, PICTURE_YUV444) << codec);
		offer->yuv444_depth10 |= (uint8_t)(offers(c, codec, PICTURE_YUV444P10) << codec);
		flags |= caps.flags;
	}
	offer->rfi = c->encode.rfi && (flags & ENC_RFI);
	if (encryption != ENCRYPTION_NEVER)
		offer->enc_supported |= media;
	if (encryption == ENCRYPTION_MANDATORY) {
		offer->enc_requested |= media;
		offer->enc_mandatory = RTSP_ENC_CONTROL_V2 | media;
	}
}
