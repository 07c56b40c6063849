// SPDX-License-Identifier: GPL-3.0-or-later
/* Whatever ANNOUNCE says, what is accepted lies in the ranges of media/params.h. The first byte
 * makes the offer. */
#include <assert.h>
#include <string.h>

#include "rtsp/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct rtsp_announce *a, const struct rtsp_offer *o)
{
	const struct video_params *v = &a->video;

	assert(v->codec == CODEC_H264 || (v->codec == CODEC_HEVC && o->hevc) || (v->codec == CODEC_AV1 && o->av1));
	assert(v->width >= VIDEO_DIM_MIN && v->width <= VIDEO_DIM_MAX && v->width % 2 == 0);
	assert(v->height >= VIDEO_DIM_MIN && v->height <= VIDEO_DIM_MAX && v->height % 2 == 0);
	assert(v->fps_mhz >= VIDEO_FPS_MIN * 1000 && v->fps_mhz <= VIDEO_FPS_MAX * 1000);
	assert(v->depth == (v->hdr ? 10 : 8) && (o->depth10 || !v->hdr) && (o->yuv444 || !v->yuv444));
	assert(o->yuv444_depth10 || !v->hdr || !v->yuv444);
	assert(v->space <= COLOUR_BT2020);
	assert(v->slices >= 1 && v->slices <= VIDEO_SLICES_MAX);
	assert(!v->rfi || (o->rfi && !v->single_ref));
	assert(v->configured_kbps >= VIDEO_KBPS_MIN && v->configured_kbps <= VIDEO_KBPS_MAX);
	assert(v->encoder_kbps >= VIDEO_KBPS_MIN && v->encoder_kbps <= v->configured_kbps);
	assert(v->packet_size >= VIDEO_PACKET_SIZE_MIN && v->packet_size <= VIDEO_PACKET_SIZE_MAX);
	assert(v->packet_size % 16 == 0);
	assert(a->audio.channels == 2 || a->audio.channels == 6 || a->audio.channels == 8);
	assert(a->audio.packet_ms == 5 ||
	       (a->audio.packet_ms == 10 && (a->audio.channels == 2 || !a->audio.high_quality)));
	assert((o->enc_supported & RTSP_ENC_VIDEO) || !v->encrypt);
	assert(!(o->enc_mandatory & RTSP_ENC_VIDEO) || v->encrypt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtsp_offer o = {.fec_percent = 20, .enc_supported = 7};
	char why[SDP_WHY_MAX];
	struct rtsp_announce a;
	int err;

	if (!size)
		return 0;
	o.hevc = data[0] & 1;
	o.av1 = data[0] & 2;
	o.rfi = data[0] & 4;
	o.yuv444 = data[0] & 8 ? 7 : 0;
	o.depth10 = data[0] & 16 ? 7 : 0;
	o.yuv444_depth10 = data[0] & 4 ? o.yuv444 & o.depth10 : 0;
	o.enc_mandatory = data[0] & 32 ? RTSP_ENC_VIDEO : 0;
	if (data[0] & 64)
		o.enc_supported = RTSP_ENC_CONTROL_V2 | RTSP_ENC_AUDIO;
	err = sdp_parse((const char *)data + 1, size - 1, &o, data[0] & 128, &a, why);
	assert(memchr(why, 0, sizeof(why)));
	assert(!err == !why[0]);
	if (!err)
		check(&a, &o);
	return 0;
}
