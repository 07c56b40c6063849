// SPDX-License-Identifier: GPL-3.0-or-later
#include "rtsp/seal.h"

#include <errno.h>

#include "base/rd.h"
#include "base/wr.h"

#define SEALED_BIT 0x80000000u

int seal_find(const void *data, size_t len, size_t max, struct seal_frame *f)
{
	struct rd r = rd_init(data, len);
	uint32_t word = rd_be32(&r);

	if (len && !(((const uint8_t *)data)[0] & 0x80))
		return -EBADMSG;
	if (!rd_ok(&r))
		return 0;
	f->len = word & ~SEALED_BIT;
	if (!f->len)
		return -EBADMSG;
	if (f->len > max)
		return -EMSGSIZE;
	f->seq = rd_be32(&r);
	f->tag = rd_bytes(&r, GCM_TAG_LEN);
	f->text = rd_bytes(&r, f->len);
	return rd_ok(&r);
}

int seal_open(struct gcm *g, const struct seal_frame *f, void *out)
{
	uint8_t iv[GCM_IV_LEN];

	iv_message(iv, f->seq, 'C', IV_RTSP);
	return gcm_open(g, iv, f->text, f->len, f->tag, out);
}

int seal_write(struct gcm *g, uint32_t seq, const void *in, size_t len, struct buf *out)
{
	uint8_t iv[GCM_IV_LEN];
	uint8_t *p;

	if (len >= SEALED_BIT)
		return -ENOSPC;
	p = buf_take(out, SEAL_HEADER_LEN + len);
	if (!p)
		return -ENOSPC;
	put_be32(p, SEALED_BIT | (uint32_t)len);
	put_be32(p + 4, seq);
	iv_message(iv, seq, 'H', IV_RTSP);
	return gcm_seal(g, iv, in, len, p + SEAL_HEADER_LEN, p + 8);
}
