// SPDX-License-Identifier: GPL-3.0-or-later
#include "frames.h"

#include <string.h>

#include "base/wr.h"
#include "probe/gf.h"

/* x264, baseline, 640x360, one reference. */
const uint8_t test_sps[] = {0x00, 0x00, 0x00, 0x01, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44,
			    0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x3c, 0x60, 0xca, 0x80};
const size_t test_sps_len = sizeof(test_sps);
const uint8_t test_pps[] = {0x00, 0x00, 0x00, 0x01, 0x68, 0xce, 0x3c, 0x80};
const size_t test_pps_len = sizeof(test_pps);

void maker_init(struct maker *m)
{
	*m = (struct maker){.frame = 1, .ts = 9000};
	gf_init();
}

static size_t make_stream(const struct frame_spec *f, uint8_t *out, size_t len)
{
	size_t n = 0;

	if (f->raw) {
		memcpy(out, f->raw, f->raw_len);
		return f->raw_len;
	}
	if (f->type == 2) {
		memcpy(out, test_sps, test_sps_len);
		memcpy(out + test_sps_len, test_pps, test_pps_len);
		n = test_sps_len + test_pps_len;
	}
	memcpy(out + n, f->type == 2 ? "\0\0\0\1\x65" : "\0\0\0\1\x41", 5);
	for (n += 5; n < len; n++)
		out[n] = (uint8_t)(0x80 | (n * 7 & 0x7f));
	return n;
}

static void put_header(uint8_t *s, const struct maker *m, const struct frame_spec *f)
{
	s[0] = 0x90;
	put_be32(s + 4, m->ts);
	put_le32(s + 20, m->frame);
	s[25] = f->ltr;
	s[26] = 0x10;
}

static void make_block(struct maker *m, const struct frame_spec *f, struct made *out, unsigned block, unsigned last,
		       unsigned d, unsigned q, const uint8_t *payload)
{
	unsigned p = (d * q + 99) / 100, first = out->n;
	uint8_t matrix[RS_SHARDS_MAX * RS_SHARDS_MAX], *data[RS_SHARDS_MAX];

	for (unsigned i = 0; i < d; i++) {
		uint8_t *s = out->s[first + i].bytes;

		memset(s, 0, SHARD_LEN);
		put_header(s, m, f);
		put_le32(s + 16, m->spi++ << 8);
		s[24] = (uint8_t)(1 | (i == 0 ? 4 : 0) | (i + 1 == d ? 2 : 0));
		memcpy(s + 32, payload + i * PAYLOAD, PAYLOAD);
		if (i < RS_SHARDS_MAX)
			data[i] = s;
	}
	if (p)
		rs_cauchy(matrix, d, p);
	for (unsigned i = 0; i < d + p; i++) {
		uint8_t *s = out->s[first + i].bytes;

		if (i >= d) {
			uint8_t flags[2];

			rs_parity(matrix, d, i - d, data, SHARD_LEN, s);
			memcpy(flags, s + 24, 2);
			put_header(s, m, f);
			memcpy(s + 24, flags, 2);
		}
		out->s[first + i].block = block;
		out->s[first + i].index = i;
		out->s[first + i].d = d;
		out->s[first + i].parity = i >= d;
	}
	/* Sequence, block byte and fecInfo are the transport's: not under the code (2-media 2.3). */
	for (unsigned i = 0; i < d + p; i++) {
		uint8_t *s = out->s[first + i].bytes;

		put_be16(s + 2, m->seq++);
		s[27] = (uint8_t)(last << 6 | block << 4);
		put_le32(s + 28, d << 22 | i << 12 | q << 4);
	}
	out->n += d + p;
	out->n_data += d;
}

void maker_frame(struct maker *m, const struct frame_spec *f, struct made *out)
{
	static uint8_t bytes[MADE_MAX * PAYLOAD];
	unsigned blocks = f->blocks ? f->blocks : 1, q = f->q ? f->q : 50, shards, at = 0;
	size_t total;

	memset(bytes, 0, sizeof(bytes));
	out->n = out->n_data = 0;
	out->stream_len = make_stream(f, bytes + 8, (f->shards ? f->shards : 1) * PAYLOAD - 8 - 5);
	memcpy(out->stream, bytes + 8, out->stream_len);
	total = 8 + out->stream_len;
	shards = (unsigned)((total + PAYLOAD - 1) / PAYLOAD);
	bytes[0] = 1;
	put_le16(bytes + 1, 50);
	bytes[3] = f->type;
	put_le16(bytes + 4, (uint16_t)(f->last_len < 0   ? 0
				       : f->last_len     ? f->last_len
				       : total % PAYLOAD ? (int)(total % PAYLOAD)
							 : (int)PAYLOAD));
	for (unsigned b = 0; b < blocks; b++) {
		unsigned d = b + 1 == blocks ? shards - at : shards / blocks;

		/* The least q that gives two parity shards. */
		if (!f->q)
			q = d * 50 > 100 ? 50 : 100 / d + 1;
		make_block(m, f, out, b, f->early && b + 1 < blocks ? 3 : blocks - 1, d, q == 1 ? 0 : q,
			   bytes + at * PAYLOAD);
		at += d;
	}
	m->frame++;
	m->ts += 1500;
}
