// SPDX-License-Identifier: GPL-3.0-or-later
/* Control messages in clear, both directions: u16 LE type, u16 LE payload length, payload. Pure. 2-media 5.2 to 5.4. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One block that needed repair or was lost, as the client saw it (0x5502 from the client). */
struct fec_status {
	uint32_t frame;
	uint16_t highest_seq, next_contiguous_seq, missing_before_highest;
	uint16_t total_data, total_parity, received_data, received_parity;
	uint8_t percent, block, block_count;
};

enum msg_kind {
	MSG_REQUEST_IDR, /* 0302, also the first message of all */
	MSG_START,       /* 0307 */
	MSG_PING,        /* 0200 */
	MSG_LOSS_STATS,  /* 0201: older clients' liveness */
	MSG_RFI,         /* 0301 */
	MSG_LTR_ACK,     /* 0350 */
	MSG_FEC_STATUS,  /* 5502 */
	MSG_INPUT,       /* 0206 */
};

struct msg {
	enum msg_kind kind;
	union {
		struct {
			uint64_t first, last; /* as sent: any order, any distance */
		} rfi;
		uint32_t ltr_frame;
		struct fec_status fec;
		struct {
			const uint8_t *data; /* into the parsed bytes */
			size_t len;
		} input;
	};
};

/* -EBADMSG: malformed; -ENOTSUP: a type that is not ours (to be ignored). */
int msg_parse(struct msg *m, const uint8_t *data, size_t len);

#define MSG_OUT_MAX 64u /* the longest that is built here */

#define MOTION_ACCEL 1
#define MOTION_GYRO  2

#define HDR_METADATA_WORDS 13

#define ADAPTIVE_RIGHT 0x04
#define ADAPTIVE_LEFT  0x08

struct msg_adaptive {
	uint8_t flags, type_left, type_right;
	uint8_t left[10], right[10];
};

/* Each returns the length of the message in out. */
size_t msg_termination(uint8_t out[MSG_OUT_MAX], uint32_t code);
/* metadata: 2-media 5.4, in host order; NULL: unknown, zeroes. */
size_t msg_hdr(uint8_t out[MSG_OUT_MAX], bool enabled, const uint16_t metadata[HDR_METADATA_WORDS]);
size_t msg_rumble(uint8_t out[MSG_OUT_MAX], uint16_t pad, uint16_t low, uint16_t high);
size_t msg_rumble_triggers(uint8_t out[MSG_OUT_MAX], uint16_t pad, uint16_t left, uint16_t right);
size_t msg_motion(uint8_t out[MSG_OUT_MAX], uint16_t pad, uint16_t hz, uint8_t sensor);
size_t msg_led(uint8_t out[MSG_OUT_MAX], uint16_t pad, uint8_t r, uint8_t g, uint8_t b);
size_t msg_adaptive_triggers(uint8_t out[MSG_OUT_MAX], uint16_t pad, const struct msg_adaptive *a);
