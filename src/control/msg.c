// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/msg.h"

#include <errno.h>
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

enum {
	C_PING = 0x0200,
	C_LOSS_STATS = 0x0201,
	C_INPUT = 0x0206,
	C_RFI = 0x0301,
	C_REQUEST_IDR = 0x0302,
	C_START = 0x0307,
	C_LTR_ACK = 0x0350,
	C_FEC_STATUS = 0x5502, /* the same number as H_LED: the direction tells them apart */
	H_TERMINATION = 0x0109,
	H_RUMBLE = 0x010b,
	H_HDR = 0x010e,
	H_RUMBLE_TRIGGERS = 0x5500,
	H_MOTION = 0x5501,
	H_LED = 0x5502,
	H_ADAPTIVE = 0x5503,
};

static void parse_fec(struct fec_status *s, struct rd *r)
{
	s->frame = rd_be32(r);
	s->highest_seq = rd_be16(r);
	s->next_contiguous_seq = rd_be16(r);
	s->missing_before_highest = rd_be16(r);
	s->total_data = rd_be16(r);
	s->total_parity = rd_be16(r);
	s->received_data = rd_be16(r);
	s->received_parity = rd_be16(r);
	s->percent = rd_u8(r);
	s->block = rd_u8(r);
	s->block_count = rd_u8(r);
}

int msg_parse(struct msg *m, const uint8_t *data, size_t len)
{
	struct rd all = rd_init(data, len);
	uint16_t type = rd_le16(&all), length = rd_le16(&all);
	struct rd r = rd_sub(&all, length);

	memset(m, 0, sizeof(*m));
	if (!rd_done(&all))
		return -EBADMSG;
	switch (type) {
	case C_REQUEST_IDR:
		m->kind = MSG_REQUEST_IDR;
		break;
	case C_START:
		m->kind = MSG_START;
		break;
	case C_PING: /* its last two bytes are whatever the client had in memory */
		m->kind = MSG_PING;
		break;
	case C_LOSS_STATS:
		m->kind = MSG_LOSS_STATS;
		break;
	case C_RFI:
		m->kind = MSG_RFI;
		m->rfi.first = rd_le64(&r);
		m->rfi.last = rd_le64(&r);
		break;
	case C_LTR_ACK:
		m->kind = MSG_LTR_ACK;
		m->ltr_frame = rd_le32(&r);
		rd_skip(&r, 4);
		break;
	case C_FEC_STATUS:
		m->kind = MSG_FEC_STATUS;
		parse_fec(&m->fec, &r);
		break;
	case C_INPUT:
		m->kind = MSG_INPUT;
		m->input.len = rd_left(&r);
		m->input.data = rd_bytes(&r, m->input.len);
		break;
	default:
		return -ENOTSUP;
	}
	return rd_ok(&r) ? 0 : -EBADMSG;
}

/* Fixed layouts: fields are stored at their places after the header. */
#define HEADER_LEN 4u

static size_t header(uint8_t out[MSG_OUT_MAX], uint16_t type, uint16_t payload)
{
	put_le16(out, type);
	put_le16(out + 2, payload);
	return HEADER_LEN + payload;
}

size_t msg_termination(uint8_t out[MSG_OUT_MAX], uint32_t code)
{
	put_be32(out + HEADER_LEN, code);
	return header(out, H_TERMINATION, 4);
}

size_t msg_hdr(uint8_t out[MSG_OUT_MAX], bool enabled, const uint16_t metadata[HDR_METADATA_WORDS])
{
	out[HEADER_LEN] = enabled;
	for (unsigned i = 0; i < HDR_METADATA_WORDS; i++)
		put_le16(out + HEADER_LEN + 1 + 2 * i, metadata ? metadata[i] : 0);
	return header(out, H_HDR, 1 + 2 * HDR_METADATA_WORDS);
}

size_t msg_rumble(uint8_t out[MSG_OUT_MAX], uint16_t pad, uint16_t low, uint16_t high)
{
	put_le32(out + HEADER_LEN, 0xc0ffee); /* read by nobody */
	put_le16(out + HEADER_LEN + 4, pad);
	put_le16(out + HEADER_LEN + 6, low);
	put_le16(out + HEADER_LEN + 8, high);
	return header(out, H_RUMBLE, 10);
}

size_t msg_rumble_triggers(uint8_t out[MSG_OUT_MAX], uint16_t pad, uint16_t left, uint16_t right)
{
	put_le16(out + HEADER_LEN, pad);
	put_le16(out + HEADER_LEN + 2, left);
	put_le16(out + HEADER_LEN + 4, right);
	return header(out, H_RUMBLE_TRIGGERS, 6);
}

size_t msg_motion(uint8_t out[MSG_OUT_MAX], uint16_t pad, uint16_t hz, uint8_t sensor)
{
	put_le16(out + HEADER_LEN, pad);
	put_le16(out + HEADER_LEN + 2, hz);
	out[HEADER_LEN + 4] = sensor;
	return header(out, H_MOTION, 5);
}

size_t msg_led(uint8_t out[MSG_OUT_MAX], uint16_t pad, uint8_t r, uint8_t g, uint8_t b)
{
	put_le16(out + HEADER_LEN, pad);
	out[HEADER_LEN + 2] = r;
	out[HEADER_LEN + 3] = g;
	out[HEADER_LEN + 4] = b;
	return header(out, H_LED, 5);
}

size_t msg_adaptive_triggers(uint8_t out[MSG_OUT_MAX], uint16_t pad, const struct msg_adaptive *a)
{
	put_le16(out + HEADER_LEN, pad);
	out[HEADER_LEN + 2] = a->flags;
	out[HEADER_LEN + 3] = a->type_left;
	out[HEADER_LEN + 4] = a->type_right;
	memcpy(out + HEADER_LEN + 5, a->left, sizeof(a->left));
	memcpy(out + HEADER_LEN + 5 + sizeof(a->left), a->right, sizeof(a->right));
	return header(out, H_ADAPTIVE, 5 + sizeof(a->left) + sizeof(a->right));
}
