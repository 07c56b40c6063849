// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Audio datagrams: data packets in, groups of four with two parity packets out. Pure state, no socket; one owner, the
 * audio thread. No allocation after init. Layout: 2-media 4.1; parity 2.5; encryption 3.4.
 *
 *	n = audio_rtp_data(&a, opus, len, out);          send n bytes
 *	for (i = 0; i < audio_rtp_parity_due(&a); i++)
 *		n = audio_rtp_parity(&a, i, out);        send n bytes
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/params.h"
#include "net/fec.h"

#define AUDIO_DATAGRAM_MAX 1400u /* the client cuts what is longer */
#define AUDIO_HEADER       12u
#define AUDIO_FEC_HEADER   24u
#define AUDIO_PAYLOAD_MAX  (AUDIO_DATAGRAM_MAX - AUDIO_FEC_HEADER) /* as sent: encrypted when encryption is on */

struct cbc;

struct audio_rtp {
	struct cbc *cbc; /* NULL: plain */
	uint32_t rikeyid;
	uint8_t packet_ms;

	uint16_t seq;       /* of the next data packet */
	uint32_t timestamp; /* milliseconds, of the next data packet */
	/* the group being filled, or the last complete one */
	uint16_t group_seq;
	uint32_t group_timestamp;
	size_t payload_len; /* fixed by the first packet of the session; 0: none yet */
	uint8_t payload[FEC_AUDIO_DATA][AUDIO_PAYLOAD_MAX];
};

/* packet_ms: 5 or 10. -ENOMEM. */
int audio_rtp_init(struct audio_rtp *a, const struct session_keys *keys, bool encrypt, unsigned packet_ms);
void audio_rtp_finish(struct audio_rtp *a); /* wipes; accepts a zeroed one */

/*
 * The next data datagram from one Opus packet; its length. -EMSGSIZE: empty, too long, or another length than before:
 * packets must be hard CBR, since one odd packet makes the client give up audio FEC for good. -EIO: cipher. On an
 * error nothing has changed.
 */
int audio_rtp_data(struct audio_rtp *a, const void *opus, size_t len, uint8_t out[AUDIO_DATAGRAM_MAX]);

/* How many parity datagrams must leave before the next data: FEC_AUDIO_PARITY after every fourth, else 0. */
unsigned audio_rtp_parity_due(const struct audio_rtp *a);
/* Parity datagram 0 or 1 of the group just completed; its length. */
int audio_rtp_parity(const struct audio_rtp *a, unsigned index, uint8_t out[AUDIO_DATAGRAM_MAX]);
