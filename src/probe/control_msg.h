// SPDX-License-Identifier: GPL-3.0-or-later
/* Control messages: the encrypted envelope (2-media 3.3) and the lengths of what a host may say (5.4). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_ENVELOPE    24u /* header and tag */
#define CONTROL_MESSAGE     4u  /* type and length */
#define CONTROL_PAYLOAD_MAX 1024u

enum control_type {
	CONTROL_PING = 0x0200,
	CONTROL_INPUT = 0x0206,
	CONTROL_INVALIDATE = 0x0301,
	CONTROL_IDR = 0x0302,
	CONTROL_START_B = 0x0307,
	CONTROL_LTR_ACK = 0x0350,
	CONTROL_FEC_STATUS = 0x5502,
	/* from the host */
	CONTROL_TERMINATION = 0x0109,
	CONTROL_RUMBLE = 0x010b,
	CONTROL_HDR = 0x010e,
	CONTROL_TRIGGER_RUMBLE = 0x5500,
	CONTROL_MOTION = 0x5501,
	CONTROL_LED = 0x5502,
	CONTROL_ADAPTIVE = 0x5503,
};

struct judge;
struct sealer;

struct control_message {
	uint32_t seq;
	uint16_t type, len;
	uint8_t payload[CONTROL_PAYLOAD_MAX];
};

/* Writes envelope + message for the client side; out has room for CONTROL_ENVELOPE + CONTROL_MESSAGE + len. The
 * length, -EMSGSIZE or -EIO. s: made with a 12-byte IV for v2, 16 for v1. */
int control_close_message(struct sealer *s, bool v2, uint32_t seq, uint16_t type, const void *payload, size_t len,
			  uint8_t *out);
/* Opens a message of the host. -EPROTO: broken envelope or lengths, -EBADMSG: does not decrypt. */
int control_open_message(struct sealer *s, bool v2, const uint8_t *data, size_t len, struct control_message *m);

/* States what is wrong with the length or content. */
void control_judge_message(const struct control_message *m, struct judge *j);

/* What a stock client would report for a termination code (5.4). saw_video: any video packet came. */
int control_result(uint32_t code, bool saw_video);
