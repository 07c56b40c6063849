// SPDX-License-Identifier: GPL-3.0-or-later
#include "stream_offer.h"

#include <stddef.h>
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

enum {
	SCM_H264 = 0x1,
	SCM_HEVC = 0x100,
	SCM_HEVC_MAIN10 = 0x200,
	SCM_AV1_MAIN8 = 0x10000,
	SCM_AV1_MAIN10 = 0x20000,
};

/* Below this it is not worth a word to clients. */
#define LEAST 1280, 720, 30
/* A launch that does not say what it wants, as some resumes do, gets what carries this. */
#define UNSAID_WIDTH  1920
#define UNSAID_HEIGHT 1080
#define UNSAID_FPS    60

/* Written once by stream_offer_measure(). */
static struct {
	bool works;
	struct trial trial;
} av1;

static bool can(const struct config *c, enum codec codec, struct enc_caps *caps)
{
	if (codec == CODEC_AV1 && (!av1.works || c->encode.av1 == OFFER_OFF))
		return false;
	return encoder_choice_usual(c->encode.backend, codec, caps) != NULL;
}

void stream_offer_measure(const struct config *c)
{
	const struct trial_params usual = {
		.codec = CODEC_AV1,
		.slices = stream_slices(c),
		.preset = c->encode.av1_preset,
		.frames = TRIAL_MANY,
	};
	const struct encoder_ops *ops;
	int rc;

	encoder_choice_measure(c->encode.backend, c->encode.preset, c->encode.av1_preset, stream_slices(c));
	ops = encoder_choice_usual(c->encode.backend, CODEC_AV1, NULL);
	memset(&av1, 0, sizeof(av1));
	if (!ops || c->encode.av1 == OFFER_OFF)
		return;
	rc = encoder_trial(ops, &usual, &av1.trial);
	if (rc < 0) {
		log_errno(rc, "AV1 is not offered");
		return;
	}
	av1.works = true;
	log_info("AV1 with %s: %.0f million pixels a second", ops->name, (double)av1.trial.pixels_per_s / 1e6);
}

static bool offers_av1(const struct config *c, const struct launch_query *q)
{
	bool said = q->width && q->height && q->fps;

	return c->encode.av1 == OFFER_ON || trial_carries(&av1.trial, said ? q->width : UNSAID_WIDTH,
							  said ? q->height : UNSAID_HEIGHT, said ? q->fps : UNSAID_FPS);
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
	struct enc_caps caps;
	uint32_t mask = 0;

	if (can(c, CODEC_H264, &caps))
		mask |= SCM_H264;
	if (can(c, CODEC_HEVC, &caps))
		mask |= SCM_HEVC | (caps.max_depth >= 10 ? SCM_HEVC_MAIN10 : 0u);
	if (can(c, CODEC_AV1, &caps) && (c->encode.av1 == OFFER_ON || trial_carries(&av1.trial, LEAST)))
		mask |= SCM_AV1_MAIN8 | (caps.max_depth >= 10 ? SCM_AV1_MAIN10 : 0u);
	return mask;
}

void stream_offer_fill(struct rtsp_offer *offer, const struct config *c, const struct launch_query *q)
{
	const uint32_t media = RTSP_ENC_VIDEO | RTSP_ENC_AUDIO;
	struct enc_caps caps = {0};
	uint32_t flags = 0;
	int64_t encryption = addr_is_local(&q->peer) ? c->session.encryption_lan : c->session.encryption_wan;

	if (can(c, CODEC_H264, &caps))
		flags |= caps.flags;
	*offer = (struct rtsp_offer){
		.enc_supported = RTSP_ENC_CONTROL_V2,
		.enc_requested = RTSP_ENC_CONTROL_V2,
		.video_port = (uint16_t)(c->net.port + PORT_VIDEO),
		.control_port = (uint16_t)(c->net.port + PORT_CONTROL),
		.audio_port = (uint16_t)(c->net.port + PORT_AUDIO),
		.fec_percent = (uint8_t)c->stream.fec_percent,
		.feature_flags = 3,
	};
	offer->hevc = can(c, CODEC_HEVC, &caps);
	if (offer->hevc)
		flags |= caps.flags;
	offer->depth10 = offer->hevc && caps.max_depth >= 10;
	offer->av1 = can(c, CODEC_AV1, &caps) && offers_av1(c, q);
	if (offer->av1)
		flags |= caps.flags;
	offer->depth10 |= offer->av1 && caps.max_depth >= 10;
	offer->rfi = c->encode.rfi && (flags & ENC_RFI);
	if (encryption != ENCRYPTION_NEVER)
		offer->enc_supported |= media;
	if (encryption == ENCRYPTION_MANDATORY) {
		offer->enc_requested |= media;
		offer->enc_mandatory = RTSP_ENC_CONTROL_V2 | media;
	}
}
