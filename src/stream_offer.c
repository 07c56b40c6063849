// SPDX-License-Identifier: GPL-3.0-or-later
#include "stream_offer.h"

#include <stddef.h>

#include "config.h"
#include "encode/registry.h"
#include "ports.h"
#include "rtsp/server.h"

enum {
	SCM_H264 = 0x1,
	SCM_HEVC = 0x100,
	SCM_HEVC_MAIN10 = 0x200,
	SCM_AV1_MAIN8 = 0x10000,
	SCM_AV1_MAIN10 = 0x20000,
};

static bool can(const struct config *c, enum codec codec, struct enc_caps *caps)
{
	return encoder_find(c->encode.backend, codec, caps) != NULL;
}

uint32_t stream_codec_support(const struct config *c)
{
	struct enc_caps caps;
	uint32_t mask = 0;

	if (can(c, CODEC_H264, &caps))
		mask |= SCM_H264;
	if (can(c, CODEC_HEVC, &caps))
		mask |= SCM_HEVC | (caps.max_depth >= 10 ? SCM_HEVC_MAIN10 : 0u);
	if (can(c, CODEC_AV1, &caps))
		mask |= SCM_AV1_MAIN8 | (caps.max_depth >= 10 ? SCM_AV1_MAIN10 : 0u);
	return mask;
}

void stream_offer_fill(struct rtsp_offer *offer, const struct config *c, const union addr *peer)
{
	const uint32_t media = RTSP_ENC_VIDEO | RTSP_ENC_AUDIO;
	struct enc_caps caps = {0}, h264 = {0};
	int64_t encryption = addr_is_local(peer) ? c->session.encryption_lan : c->session.encryption_wan;

	can(c, CODEC_H264, &h264);
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
	offer->depth10 = offer->hevc && caps.max_depth >= 10;
	offer->av1 = can(c, CODEC_AV1, &caps);
	offer->depth10 |= offer->av1 && caps.max_depth >= 10;
	offer->rfi = c->encode.rfi && (h264.flags & ENC_RFI);
	if (encryption != ENCRYPTION_NEVER)
		offer->enc_supported |= media;
	if (encryption == ENCRYPTION_MANDATORY) {
		offer->enc_requested |= media;
		offer->enc_mandatory = RTSP_ENC_CONTROL_V2 | media;
	}
}
