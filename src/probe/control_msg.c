// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/control_msg.h"

#include <errno.h>
#include <string.h>

#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"
#include "probe/crypto.h"
#include "probe/judge.h"

static void make_iv(uint8_t iv[16], bool v2, uint32_t seq, char who)
{
	if (v2)
		iv_of_message(iv, seq, who, 'C');
	else
		iv_of_control_v1(iv, seq);
}

int control_close_message(struct sealer *s, bool v2, uint32_t seq, uint16_t type, const void *payload, size_t len,
			  uint8_t *out)
{
	uint8_t plain[CONTROL_MESSAGE + CONTROL_PAYLOAD_MAX], iv[16];
	struct wr w = wr_init(plain, sizeof(plain));

	wr_le16(&w, type);
	wr_le16(&w, (uint16_t)len);
	wr_bytes(&w, payload, len);
	if (!wr_ok(&w))
		return -EMSGSIZE;
	put_le16(out, 1);
	put_le16(out + 2, (uint16_t)(4 + SEAL_TAG + wr_len(&w)));
	put_le32(out + 4, seq);
	make_iv(iv, v2, seq, 'C');
	if (sealer_close(s, iv, plain, wr_len(&w), out + CONTROL_ENVELOPE, out + 8))
		return -EIO;
	return (int)(CONTROL_ENVELOPE + wr_len(&w));
}

int control_open_message(struct sealer *s, bool v2, const uint8_t *data, size_t len, struct control_message *m)
{
	uint8_t plain[CONTROL_MESSAGE + CONTROL_PAYLOAD_MAX], iv[16], tag[SEAL_TAG];
	struct rd r = rd_init(data, len), in;
	uint16_t kind = rd_le16(&r), size = rd_le16(&r);
	size_t n;

	*m = (struct control_message){0};
	if (!rd_ok(&r) || kind != 1 || size != rd_left(&r))
		return -EPROTO;
	m->seq = rd_le32(&r);
	rd_copy(&r, tag, sizeof(tag));
	n = rd_left(&r);
	if (!rd_ok(&r) || n < CONTROL_MESSAGE || n > sizeof(plain))
		return -EPROTO;
	make_iv(iv, v2, m->seq, 'H');
	if (sealer_open(s, iv, rd_bytes(&r, n), n, tag, plain))
		return -EBADMSG;
	in = rd_init(plain, n);
	m->type = rd_le16(&in);
	m->len = rd_le16(&in);
	if (m->len != rd_left(&in))
		return -EPROTO;
	rd_copy(&in, m->payload, m->len);
	return 0;
}

void control_judge_message(const struct control_message *m, struct judge *j)
{
	static const struct {
		uint16_t type, len;
	} known[] = {{CONTROL_TERMINATION, 4}, {CONTROL_RUMBLE, 10}, {CONTROL_HDR, 27},     {CONTROL_TRIGGER_RUMBLE, 6},
		     {CONTROL_MOTION, 5},      {CONTROL_LED, 5},     {CONTROL_ADAPTIVE, 25}};
	uint16_t pad = m->type == CONTROL_RUMBLE ? (uint16_t)(m->payload[4] | m->payload[5] << 8)
						 : (uint16_t)(m->payload[0] | m->payload[1] << 8);

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (known[i].type != m->type)
			continue;
		if (known[i].len != m->len)
			judge_fault(j, "2-media 5.4", "message %04x with %u payload bytes, not %u", m->type, m->len,
				    known[i].len);
		else if (m->type == CONTROL_HDR && m->payload[0] > 1)
			judge_fault(j, "2-media 5.4", "HDR mode %u", m->payload[0]);
		else if (m->type != CONTROL_HDR && m->type != CONTROL_TERMINATION && pad > 15)
			judge_fault(j, "2-media 5.4", "message %04x for controller %u", m->type, pad);
		return;
	}
	judge_fault(j, "2-media 5.2", "unknown message %04x", m->type);
}

int control_result(uint32_t code, bool saw_video)
{
	switch (code) {
	case 0x80030023u:
		return saw_video ? 0 : -102;
	case 0x800e9302u:
		return -103;
	case 0x800e9403u:
		return -104;
	default:
		return (int)code;
	}
}
