// SPDX-License-Identifier: GPL-3.0-or-later
#include "audio/opus.h"

#include <errno.h>
#include <opus_multistream.h>
#include <stdlib.h>

#define LOG_MODULE "opus"
#include "base/log.h"

struct opus_enc {
	OpusMSEncoder *ms;
	int frames, bytes;
};

int opus_enc_create(struct opus_enc **out, const struct layout *l, unsigned packet_ms)
{
	unsigned bytes = layout_packet_bytes(l, packet_ms);
	struct opus_enc *e;
	int err = 0;

	if (!bytes)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->frames = (int)(packet_ms * AUDIO_RATE / 1000);
	e->bytes = (int)bytes;
	e->ms = opus_multistream_encoder_create((opus_int32)AUDIO_RATE, l->channels, l->streams, l->coupled,
						layout_mapping, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &err);
	if (err == OPUS_OK)
		err = opus_multistream_encoder_ctl(e->ms, OPUS_SET_BITRATE((opus_int32)l->bit_rate));
	if (err == OPUS_OK)
		err = opus_multistream_encoder_ctl(e->ms, OPUS_SET_VBR(0));
	if (err != OPUS_OK) {
		log_err("cannot set up the %s encoder: %s", l->name, opus_strerror(err));
		opus_enc_destroy(e);
		return err == OPUS_ALLOC_FAIL ? -ENOMEM : -EINVAL;
	}
	*out = e;
	return 0;
}

void opus_enc_destroy(struct opus_enc *e)
{
	if (!e)
		return;
	if (e->ms)
		opus_multistream_encoder_destroy(e->ms);
	free(e);
}

int opus_enc_encode(struct opus_enc *e, const float *pcm, uint8_t *out)
{
	int n = opus_multistream_encode_float(e->ms, pcm, e->frames, out, e->bytes);

	/* Parity needs equal lengths, so a packet of another one is not a packet. */
	return n == e->bytes ? 0 : -EIO;
}
