// SPDX-License-Identifier: GPL-3.0-or-later
#include "probe/video_packet.h"

#include <errno.h>

#include "base/rd.h"

int video_hdr_parse(struct video_hdr *h, const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	uint32_t info;
	uint8_t blocks;

	*h = (struct video_hdr){0};
	h->rtp = rd_u8(&r);
	h->type = rd_u8(&r);
	h->seq = rd_be16(&r);
	h->ts = rd_be32(&r);
	h->ssrc = rd_be32(&r);
	h->reserved = rd_be32(&r);
	h->spi_raw = rd_le32(&r);
	h->frame = rd_le32(&r);
	h->flags = rd_u8(&r);
	h->extra = rd_u8(&r);
	h->multi_flags = rd_u8(&r);
	blocks = rd_u8(&r);
	h->last_block = blocks >> 6;
	h->block = blocks >> 4 & 3;
	h->multi_low = blocks & 15;
	info = rd_le32(&r);
	h->d = (uint16_t)(info >> 22);
	h->index = (uint16_t)(info >> 12 & 0x3ff);
	h->q = (uint8_t)(info >> 4);
	h->fec_low = info & 15;
	return rd_ok(&r) ? 0 : -EINVAL;
}

int video_prefix_parse(struct video_prefix *p, const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);

	rd_copy(&r, p->iv, sizeof(p->iv));
	p->frame = rd_le32(&r);
	rd_copy(&r, p->tag, sizeof(p->tag));
	return rd_ok(&r) ? 0 : -EINVAL;
}
