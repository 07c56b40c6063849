// SPDX-License-Identifier: GPL-3.0-or-later
#include "client.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define RATE       48000
#define FRAMES_MAX (RATE * 4) /* kept */

static const uint8_t parity_row[2][4] = {{0x77, 0x40, 0x38, 0x0e}, {0xc7, 0xa7, 0x0d, 0x6c}};

static uint8_t mul(uint8_t a, uint8_t b)
{
	unsigned p = 0, x = a;

	for (; b; b >>= 1) {
		if (b & 1)
			p ^= x;
		x <<= 1;
		if (x & 0x100)
			x ^= 0x11d;
	}
	return (uint8_t)p;
}

static uint8_t inverse(uint8_t a)
{
	for (unsigned b = 1; b < 256; b++) {
		if (mul(a, (uint8_t)b) == 1)
			return (uint8_t)b;
	}
	return 0;
}

static unsigned digit(char c)
{
	return (unsigned)(c - '0');
}

void client_init(struct client *c, const struct audio_params *p, const struct session_keys *keys, const char *surround,
		 bool normal)
{
	unsigned streams = 1, coupled = 1;
	uint8_t map[8] = {0, 1};
	int err;

	memset(c, 0, sizeof(*c));
	c->channels = p->channels;
	c->packet_ms = p->packet_ms;
	c->encrypt = p->encrypt;
	c->keys = *keys;
	c->pcm = calloc((size_t)FRAMES_MAX * c->channels, sizeof(*c->pcm));
	if (surround) {
		unsigned n = digit(surround[0]);

		streams = digit(surround[1]);
		coupled = digit(surround[2]);
		for (unsigned i = 0; i < n; i++)
			map[i] = (uint8_t)digit(surround[3 + i]);
		if (normal) {
			uint8_t lfe = map[n - 1];

			memmove(map + 4, map + 3, n - 4);
			map[3] = lfe;
		}
	}
	c->decoder = opus_multistream_decoder_create(RATE, (int)c->channels, (int)streams, (int)coupled, map, &err);
	if (!c->decoder || !c->pcm)
		c->broken = "no decoder";
}

void client_finish(struct client *c)
{
	if (c->decoder)
		opus_multistream_decoder_destroy(c->decoder);
	free(c->pcm);
}

static void broke(struct client *c, const char *rule)
{
	if (!c->broken)
		c->broken = rule;
}

static int decrypt(const struct client *c, uint16_t seq, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint32_t n = c->keys.rikeyid + seq;
	uint8_t iv[16] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	int got = 0, last = 0;
	bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, c->keys.key, iv) == 1 &&
		  EVP_DecryptUpdate(ctx, out, &got, in, (int)len) == 1 &&
		  EVP_DecryptFinal_ex(ctx, out + got, &last) == 1;

	EVP_CIPHER_CTX_free(ctx);
	return ok ? got + last : -1;
}

static void play(struct client *c, uint16_t seq, const uint8_t *payload)
{
	uint8_t plain[CLIENT_PAYLOAD_MAX];
	float pcm[480 * 8];
	int len = (int)c->payload_len, want = (int)c->packet_ms * RATE / 1000;

	if (c->encrypt) {
		len = decrypt(c, seq, payload, c->payload_len, plain);
		payload = plain;
	}
	if (len <= 0) {
		broke(c, "a packet does not decrypt");
		return;
	}
	if (c->opus_len && c->opus_len != (unsigned)len)
		broke(c, "Opus packets differ in length");
	c->opus_len = (unsigned)len;
	if (opus_multistream_decode_float(c->decoder, payload, len, pcm, 480, 0) != want) {
		broke(c, "a packet does not decode to its duration");
		return;
	}
	c->packets++;
	if (c->frames + (size_t)want <= FRAMES_MAX) {
		memcpy(c->pcm + c->frames * c->channels, pcm, (size_t)want * c->channels * sizeof(*pcm));
		c->frames += (size_t)want;
	}
}

/* Solves for the data shards from any four of the six. */
static bool rebuild(const struct client *c, struct client_group *g)
{
	uint8_t m[4][4] = {0};
	uint8_t(*v)[CLIENT_PAYLOAD_MAX] = calloc(4, sizeof(*v));
	unsigned rows = 0;

	for (unsigned i = 0; i < 6 && rows < 4; i++) {
		if (!g->have[i])
			continue;
		if (i < 4)
			m[rows][i] = 1;
		else
			memcpy(m[rows], parity_row[i - 4], 4);
		memcpy(v[rows++], g->shard[i], c->payload_len);
	}
	for (unsigned col = 0; rows == 4 && col < 4; col++) {
		unsigned pivot = col;
		uint8_t k;

		while (pivot < 3 && !m[pivot][col])
			pivot++;
		for (unsigned j = 0; pivot != col && j < 4; j++)
			m[col][j] ^= m[pivot][j];
		for (size_t b = 0; pivot != col && b < c->payload_len; b++)
			v[col][b] ^= v[pivot][b];
		k = inverse(m[col][col]);
		for (unsigned j = 0; j < 4; j++)
			m[col][j] = mul(m[col][j], k);
		for (size_t b = 0; b < c->payload_len; b++)
			v[col][b] = mul(v[col][b], k);
		for (unsigned r = 0; r < 4; r++) {
			uint8_t f = m[r][col];

			if (r == col || !f)
				continue;
			for (unsigned j = 0; j < 4; j++)
				m[r][j] ^= mul(m[col][j], f);
			for (size_t b = 0; b < c->payload_len; b++)
				v[r][b] ^= mul(v[col][b], f);
		}
	}
	for (unsigned i = 0; rows == 4 && i < 4; i++) {
		memcpy(g->shard[i], v[i], c->payload_len);
		g->have[i] = true;
	}
	free(v);
	return rows == 4;
}

void client_flush(struct client *c)
{
	if (!c->in_group)
		return;
	c->in_group = false;
	rebuild(c, &c->group);
	for (unsigned i = 0; i < 4; i++) {
		if (c->group.have[i])
			play(c, (uint16_t)(c->group.base + i), c->group.shard[i]);
		else
			c->gaps++;
	}
}

static unsigned be16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

void client_receive(struct client *c, const uint8_t *data, size_t len)
{
	unsigned type, index;
	uint16_t base;
	uint32_t base_ts;
	size_t head = 12;

	if (len < 12 || len > CLIENT_PAYLOAD_MAX || data[0] != 0x80 || be32(data + 8)) {
		broke(c, "not an audio datagram");
		return;
	}
	type = data[1];
	if (type == 97) {
		unsigned seq = be16(data + 2);

		index = seq % 4;
		base = (uint16_t)(seq - index);
		base_ts = be32(data + 4) - index * c->packet_ms;
	} else if (type == 127 && len > 24 && data[12] < 2 && data[13] == 97) {
		index = 4u + data[12];
		base = (uint16_t)be16(data + 14);
		base_ts = be32(data + 16);
		head = 24;
	} else {
		broke(c, "neither data nor parity");
		return;
	}
	if (base % 4)
		broke(c, "a group does not begin with a multiple of 4");
	if (!c->payload_len)
		c->payload_len = len - head;
	if (len - head != c->payload_len) {
		broke(c, "payloads differ in length");
		return;
	}
	if (c->in_group && c->group.base != base)
		client_flush(c);
	if (!c->in_group) {
		c->group = (struct client_group){.base = base, .base_ts = base_ts};
		c->in_group = true;
	}
	if (c->group.base_ts != base_ts)
		broke(c, "a group's timestamps do not agree");
	c->group.have[index] = true;
	memcpy(c->group.shard[index], data + head, len - head);
}

double client_amplitude(const struct client *c, unsigned channel, double hz, size_t from, size_t n)
{
	double re = 0, im = 0;

	for (size_t i = 0; i < n; i++) {
		double a = 2 * M_PI * hz * (double)i / RATE;
		double x = c->pcm[(from + i) * c->channels + channel];

		re += x * cos(a);
		im += x * sin(a);
	}
	return 2 * hypot(re, im) / (double)n;
}

bool client_hears_tones(const struct client *c)
{
	/* A whole number of periods of every multiple of 220 Hz. */
	const size_t from = RATE / 10, n = RATE / 10;

	if (c->frames < from + n)
		return false;
	for (unsigned ch = 0; ch < c->channels; ch++) {
		for (unsigned tone = 0; tone < c->channels; tone++) {
			double a = client_amplitude(c, ch, 220.0 * (tone + 1), from, n);

			if (tone == ch ? a < 0.2 || a > 0.3 : a > 0.03)
				return false;
		}
	}
	return true;
}
