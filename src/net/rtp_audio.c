// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtp_audio.h"

#include <errno.h>
#include <string.h>

#include "base/wr.h"
#include "crypt/aes.h"

#define RTP_BYTE0    0x80u
#define TYPE_DATA    97u
#define TYPE_PARITY  127u
#define CBC_LEN(len) (((len) / AES_BLOCK_LEN + 1) * AES_BLOCK_LEN)

int audio_rtp_init(struct audio_rtp *a, const struct session_keys *keys, bool encrypt, unsigned packet_ms)
{
	memset(a, 0, sizeof(*a));
	a->rikeyid = keys->rikeyid;
	a->packet_ms = (uint8_t)packet_ms;
	if (encrypt) {
		a->cbc = cbc_create(keys->key);
		if (!a->cbc)
			return -ENOMEM;
	}
	return 0;
}

void audio_rtp_finish(struct audio_rtp *a)
{
	cbc_destroy(a->cbc);
	explicit_bzero(a, sizeof(*a));
}

static void rtp_header(uint8_t *out, unsigned type, uint16_t seq, uint32_t timestamp)
{
	out[0] = RTP_BYTE0;
	out[1] = (uint8_t)type;
	put_be16(out + 2, seq);
	put_be32(out + 4, timestamp);
	put_be32(out + 8, 0); /* ssrc */
}

int audio_rtp_data(struct audio_rtp *a, const void *opus, size_t len, uint8_t out[AUDIO_DATAGRAM_MAX])
{
	size_t sent_len = a->cbc ? CBC_LEN(len) : len;
	unsigned index = a->seq % FEC_AUDIO_DATA;

	if (!len || sent_len > AUDIO_PAYLOAD_MAX || (a->payload_len && sent_len != a->payload_len))
		return -EMSGSIZE;
	if (a->cbc) {
		uint8_t iv[AES_BLOCK_LEN];
		int n;

		iv_audio(iv, a->rikeyid, a->seq);
		n = cbc_seal(a->cbc, iv, opus, len, out + AUDIO_HEADER);
		if (n != (int)sent_len)
			return -EIO;
	} else {
		memcpy(out + AUDIO_HEADER, opus, len);
	}
	rtp_header(out, TYPE_DATA, a->seq, a->timestamp);
	memcpy(a->payload[index], out + AUDIO_HEADER, sent_len);
	a->payload_len = sent_len;
	if (index == 0) {
		a->group_seq = a->seq;
		a->group_timestamp = a->timestamp;
	}
	a->seq++;
	a->timestamp += a->packet_ms;
	return (int)(AUDIO_HEADER + sent_len);
}

unsigned audio_rtp_parity_due(const struct audio_rtp *a)
{
	return a->payload_len && a->seq % FEC_AUDIO_DATA == 0 ? FEC_AUDIO_PARITY : 0;
}

int audio_rtp_parity(const struct audio_rtp *a, unsigned index, uint8_t out[AUDIO_DATAGRAM_MAX])
{
	const uint8_t *const data[FEC_AUDIO_DATA] = {a->payload[0], a->payload[1], a->payload[2], a->payload[3]};

	/* Sequence number and time of a parity packet are ignored; counting on from the group keeps them plausible
	 * to anything between. */
	rtp_header(out, TYPE_PARITY, (uint16_t)(a->group_seq + FEC_AUDIO_DATA + index), 0);
	out[12] = (uint8_t)index;
	out[13] = TYPE_DATA;
	put_be16(out + 14, a->group_seq);
	put_be32(out + 16, a->group_timestamp);
	put_be32(out + 20, 0); /* ssrc */
	fec_encode_audio(index, a->payload_len, data, out + AUDIO_FEC_HEADER);
	return (int)(AUDIO_FEC_HEADER + a->payload_len);
}
