// SPDX-License-Identifier: GPL-3.0-or-later
#include "client.h"

#include <stdlib.h>
#include <string.h>

static uint8_t gf_log[256], gf_exp[510];

static void gf_tables(void)
{
	unsigned x = 1;

	if (gf_exp[0])
		return;
	for (unsigned i = 0; i < 255; i++) {
		gf_exp[i] = gf_exp[i + 255] = (uint8_t)x;
		gf_log[x] = (uint8_t)i;
		x <<= 1;
		if (x & 256)
			x ^= 0x11d;
	}
}

uint8_t gf_mul_slow(uint8_t a, uint8_t b)
{
	gf_tables();
	return a && b ? gf_exp[gf_log[a] + gf_log[b]] : 0;
}

uint8_t gf_inv_slow(uint8_t a)
{
	gf_tables();
	return gf_exp[255 - gf_log[a]];
}

static void add_scaled(uint8_t *dst, const uint8_t *src, uint8_t k, size_t len)
{
	uint8_t times_k[256];

	if (!k)
		return;
	for (unsigned v = 0; v < 256; v++)
		times_k[v] = gf_mul_slow(k, (uint8_t)v);
	for (size_t b = 0; b < len; b++)
		dst[b] ^= times_k[src[b]];
}

/* Gauss-Jordan on the rows that are there: identity rows for data, matrix rows for parity. */
bool gf_rebuild(unsigned n_data, unsigned n_parity, const uint8_t *matrix, uint8_t **shard, uint8_t **room, size_t len)
{
	unsigned missing[255], n = 0, row[255], rows = 0;
	uint8_t *a, *rhs;

	for (unsigned i = 0; i < n_data; i++)
		if (!shard[i])
			missing[n++] = i;
	for (unsigned j = 0; j < n_parity && rows < n; j++)
		if (shard[n_data + j])
			row[rows++] = j;
	if (rows < n)
		return false;
	if (!n)
		return true;
	a = calloc(n, n);
	rhs = calloc(n, len);
	for (unsigned r = 0; r < n; r++) {
		const uint8_t *m = matrix + (size_t)row[r] * n_data;

		memcpy(rhs + r * len, shard[n_data + row[r]], len);
		for (unsigned i = 0; i < n_data; i++)
			if (shard[i])
				add_scaled(rhs + r * len, shard[i], m[i], len);
		for (unsigned k = 0; k < n; k++)
			a[r * n + k] = m[missing[k]];
	}
	for (unsigned c = 0; c < n; c++) {
		unsigned p = c;
		uint8_t inv;

		while (p < n && !a[p * n + c])
			p++;
		if (p == n) {
			free(a);
			free(rhs);
			return false;
		}
		for (unsigned k = 0; p != c && k < n; k++) {
			uint8_t t = a[p * n + k];

			a[p * n + k] = a[c * n + k];
			a[c * n + k] = t;
		}
		for (size_t b = 0; p != c && b < len; b++) {
			uint8_t t = rhs[p * len + b];

			rhs[p * len + b] = rhs[c * len + b];
			rhs[c * len + b] = t;
		}
		inv = gf_inv_slow(a[c * n + c]);
		for (unsigned k = 0; k < n; k++)
			a[c * n + k] = gf_mul_slow(a[c * n + k], inv);
		for (size_t b = 0; b < len; b++)
			rhs[c * len + b] = gf_mul_slow(rhs[c * len + b], inv);
		for (unsigned r = 0; r < n; r++) {
			uint8_t k = a[r * n + c];

			if (r == c || !k)
				continue;
			for (unsigned i = 0; i < n; i++)
				a[r * n + i] ^= gf_mul_slow(a[c * n + i], k);
			add_scaled(rhs + r * len, rhs + c * len, k, len);
		}
	}
	for (unsigned k = 0; k < n; k++) {
		memcpy(room[missing[k]], rhs + k * len, len);
		shard[missing[k]] = room[missing[k]];
	}
	free(a);
	free(rhs);
	return true;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void complain(struct client *c, const char *why)
{
	c->broken++;
	c->why = why;
}

void client_init(struct client *c, unsigned packet_size, const uint8_t *key,
		 void (*frame)(void *ctx, const struct client_frame *f), void *ctx)
{
	memset(c, 0, sizeof(*c));
	c->packet_size = packet_size;
	c->frame = frame;
	c->ctx = ctx;
	c->frame_no = 1;
	c->out = malloc(CLIENT_FRAME_MAX);
	c->shard = malloc((size_t)1023 * CLIENT_SHARD_MAX);
	if (key)
		c->gcm = gcm_create(key, GCM_IV_LEN);
	if (!c->out || !c->shard || (key && !c->gcm))
		abort();
}

void client_finish(struct client *c)
{
	gcm_destroy(c->gcm);
	free(c->out);
	free(c->shard);
}

static void next_frame(struct client *c, uint32_t frame_no)
{
	c->frame_no = frame_no;
	c->block = 0;
	c->frame_dropped = false;
	c->in_block = false;
	c->out_len = 0;
}

static void drop_current(struct client *c)
{
	c->frame_dropped = true;
	c->in_block = false;
}

static void frame_complete(struct client *c, bool ltr)
{
	const uint8_t *header = c->out;
	struct client_frame f = {
		.frame_no = c->frame_no,
		.timestamp = c->timestamp,
		.type = header[3],
		.ltr = ltr,
		.latency = (uint16_t)(header[1] | header[2] << 8),
		.last_payload_len = (uint16_t)(header[4] | header[5] << 8),
	};
	size_t payload = c->packet_size - 16;

	if (header[0] != 1 || header[6] || header[7])
		complain(c, "frame header");
	if (!f.last_payload_len || f.last_payload_len > payload) {
		complain(c, "lastPayloadLen");
		return;
	}
	c->out_len -= payload - f.last_payload_len;
	f.data = c->out + 8;
	f.len = c->out_len - 8;
	c->delivered++;
	if (c->frame)
		c->frame(c->ctx, &f);
	next_frame(c, c->frame_no + 1);
}

static bool rebuild_block(struct client *c)
{
	uint8_t *shard[255], *room[255], *matrix;
	size_t len = c->packet_size + 16;
	unsigned n = c->n_data + c->n_parity;
	bool ok, any = false;

	for (unsigned i = 0; i < c->n_data; i++)
		any |= !c->present[i];
	if (!any)
		return true;
	if (n > 255)
		return false;
	matrix = malloc((size_t)c->n_data * c->n_parity + 1);
	for (unsigned j = 0; j < c->n_parity; j++)
		for (unsigned i = 0; i < c->n_data; i++)
			matrix[(size_t)j * c->n_data + i] = gf_inv_slow((uint8_t)((c->n_parity + i) ^ j));
	for (unsigned i = 0; i < n; i++) {
		room[i] = c->shard + (size_t)i * CLIENT_SHARD_MAX;
		shard[i] = c->present[i] ? room[i] : NULL;
	}
	ok = gf_rebuild(c->n_data, c->n_parity, matrix, shard, room, len);
	free(matrix);
	for (unsigned i = 0; ok && i < c->n_data; i++) {
		uint8_t *s = room[i];

		if (c->present[i])
			continue;
		c->recovered++;
		/* What the client writes itself: it trusts SPI, flags and payload to the code. */
		s[0] = 0x90;
		s[27] = (uint8_t)(c->last_block << 6 | c->block << 4);
		if ((i == 0) != !!(s[24] & 4) || (i == c->n_data - 1) != !!(s[24] & 2) || !(s[24] & 1) ||
		    (s[24] & ~7u)) {
			complain(c, "flags of a rebuilt shard");
			return false;
		}
	}
	return ok;
}

static void block_complete(struct client *c)
{
	size_t payload = c->packet_size - 16;
	bool ltr = false;

	if (!rebuild_block(c)) {
		drop_current(c);
		return;
	}
	for (unsigned i = 0; i < c->n_data; i++) {
		const uint8_t *s = c->shard + (size_t)i * CLIENT_SHARD_MAX;
		uint32_t spi = le32(s + 16);

		if (spi & 0xff)
			complain(c, "low bits of SPI");
		spi = spi >> 8;
		if (c->spi_known && i && spi != ((c->last_spi + 1) & 0xffffff))
			complain(c, "SPI jumps inside a block");
		if (c->spi_known && !i && ((spi - c->last_spi - 1) & 0x800000))
			complain(c, "SPI falls");
		c->last_spi = spi;
		c->spi_known = true;
		ltr = s[25] & 1;
		if (s[25] & ~1u)
			complain(c, "extraFlags");
		memcpy(c->out + c->out_len, s + 32, payload);
		c->out_len += payload;
	}
	c->next_seq = (uint16_t)(c->base_seq + c->n_data + c->n_parity);
	c->in_block = false;
	if (c->block == c->last_block)
		frame_complete(c, ltr);
	else
		c->block++;
}

static void shard_arrived(struct client *c, const uint8_t *s)
{
	uint32_t frame_no = le32(s + 20), info = le32(s + 28);
	unsigned n_data = info >> 22, index = info >> 12 & 0x3ff, percent = info >> 4 & 0xff;
	unsigned block = s[27] >> 4 & 3, last = s[27] >> 6;
	uint16_t seq = (uint16_t)(s[2] << 8 | s[3]);

	if (s[0] != 0x90 || be32(s + 12) || s[27] & 15 || info & 15 || !frame_no || !n_data || block > last)
		complain(c, "shard header");
	if ((int32_t)(frame_no - c->frame_no) < 0)
		return; /* old, or of a frame already complete */
	if (frame_no != c->frame_no) {
		c->lost += frame_no - c->frame_no;
		next_frame(c, frame_no);
	}
	if (c->frame_dropped || block < c->block)
		return;
	if (block > c->block) { /* overtook the rest of the block before */
		drop_current(c);
		return;
	}
	if (!c->in_block) {
		c->in_block = true;
		c->n_data = n_data;
		c->percent = percent;
		c->n_parity = (n_data * percent + 99) / 100;
		c->last_block = last;
		c->base_seq = (uint16_t)(seq - index);
		c->timestamp = be32(s + 4);
		c->have = 0;
		memset(c->present, 0, sizeof(c->present));
		if ((int16_t)(uint16_t)(c->base_seq - c->next_seq) < 0)
			complain(c, "sequence numbers fall");
		if (c->n_parity && n_data + c->n_parity > 255)
			complain(c, "more shards than the code has");
	}
	if (n_data != c->n_data || percent != c->percent || last != c->last_block ||
	    (uint16_t)(seq - index) != c->base_seq || be32(s + 4) != c->timestamp || index >= c->n_data + c->n_parity) {
		complain(c, "shards of a block disagree");
		return;
	}
	if (index < n_data) {
		unsigned flags = 1u | (index == 0 ? 4u : 0u) | (index == n_data - 1 ? 2u : 0u);

		if (s[24] != flags)
			complain(c, "flags of a data shard");
	}
	if (c->present[index])
		return;
	c->present[index] = true;
	memcpy(c->shard + (size_t)index * CLIENT_SHARD_MAX, s, c->packet_size + 16);
	if (++c->have == c->n_data)
		block_complete(c);
}

void client_datagram(struct client *c, const uint8_t *data, size_t len)
{
	uint8_t plain[CLIENT_SHARD_MAX];
	size_t prefix = c->gcm ? 32 : 0;

	if (len != c->packet_size + 16 + prefix) {
		complain(c, "datagram length");
		return;
	}
	if (!c->gcm) {
		shard_arrived(c, data);
		return;
	}
	if (gcm_open(c->gcm, data, data + 32, len - 32, data + 16, plain)) {
		c->bad_tags++;
		return;
	}
	if (le32(data + 12) != le32(plain + 20))
		complain(c, "frame number of the seal");
	shard_arrived(c, plain);
}
