// SPDX-License-Identifier: GPL-3.0-or-later
#include "rtsp/describe.h"

/*
 * Channels, streams, coupled streams, mapping. The encoder's order is FL FR C LFE BL BR SL SR with
 * identity mapping. For each channel count the client takes the first entry for normal quality,
 * assumes LFE last in it and moves the last digit to index 3: the entry is the inverse of that. The
 * second entry, high quality, is taken as it is.
 */
static const char *const surround_params[] = {
	"21101", "21101", "642012453", "660012345", "85301245673", "88001234567",
};

void describe_write(struct buf *b, const struct rtsp_offer *o)
{
	buf_fmt(b, "a=x-ss-general.featureFlags:%u\n", o->feature_flags);
	buf_fmt(b, "a=x-ss-general.encryptionSupported:%u\n", o->enc_supported);
	/* The client turns on what is requested without looking at what is supported. */
	buf_fmt(b, "a=x-ss-general.encryptionRequested:%u\n", o->enc_requested & o->enc_supported);
	if (o->rfi)
		buf_str(b, "a=x-nv-video[0].refPicInvalidation:1\n");
	if (o->hevc)
		buf_str(b, "sprop-parameter-sets=AAAAAU\n");
	if (o->av1)
		buf_str(b, "a=rtpmap:98 AV1/90000\n");
	for (size_t i = 0; i < sizeof(surround_params) / sizeof(*surround_params); i++)
		buf_fmt(b, "a=fmtp:97 surround-params=%s\n", surround_params[i]);
}
