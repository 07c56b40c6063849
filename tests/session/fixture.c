// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixture.h"

#include <jansson.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wr.h"
#include "crypt/aes.h"
#include "net/rtp_video.h"
#include "rtsp/seal.h"

#define LINE_MAX_LEN (256u << 10)

#define need(ok, ...) ((ok) ? (void)0 : broken(__FILE__, __LINE__, __VA_ARGS__))

static void __attribute__((noreturn, format(printf, 3, 4))) broken(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s:%d: ", file, line);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(99);
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint64_t le64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static const char *const channel_name[] = {"http", "rtsp", "video", "audio", "control", "control-msg"};

static enum record_channel channel_of(const char *name)
{
	for (unsigned i = 0; name && i < ARRAY_LEN(channel_name); i++)
		if (!strcmp(name, channel_name[i]))
			return (enum record_channel)i;
	broken(__FILE__, __LINE__, "unknown channel %s", name ? name : "(none)");
}

static void load_bytes(struct record *r, json_t *o)
{
	const char *text = json_string_value(json_object_get(o, r->channel == RECORD_HTTP ? "plain" : "hex"));
	size_t n = text ? strlen(text) : 0;
	int len = (int)n;

	need(text, "a record without bytes");
	r->data = malloc(n + 1);
	need(r->data, "no memory");
	memcpy(r->data, text, n + 1);
	if (r->channel != RECORD_HTTP) {
		len = hex_decode(r->data, n, text, n);
		need(len >= 0, "bad hex");
	}
	r->len = (size_t)len;
}

static void load_record(struct record *r, json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));

	r->channel = channel_of(json_string_value(json_object_get(o, "ch")));
	r->sent = !strcmp(json_string_value(json_object_get(o, "dir")), "tx");
	r->dropped = json_is_true(json_object_get(o, "dropped"));
	r->ms = json_number_value(json_object_get(o, "t_ms"));
	load_bytes(r, o);
	if (r->channel == RECORD_CONTROL_MSG) {
		need(type, "a control message without type");
		r->type = (uint16_t)strtoul(type, NULL, 16);
		r->enet_channel = (uint8_t)json_integer_value(json_object_get(o, "channel"));
		r->enet_flags = (uint32_t)json_integer_value(json_object_get(o, "flags"));
		r->seq = (uint32_t)json_integer_value(json_object_get(o, "seq"));
	}
}

static void load_first(struct fixture *f, json_t *o)
{
	const char *key = json_string_value(json_object_get(o, "rikey"));

	need(key && hex_decode(f->key, sizeof(f->key), key, strlen(key)) == sizeof(f->key), "no key");
	f->rikeyid = (uint32_t)json_integer_value(json_object_get(o, "rikeyid"));
	f->port = (uint16_t)json_integer_value(json_object_get(o, "port"));
}

void fixture_load(struct fixture *f, const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = malloc(LINE_MAX_LEN);
	size_t cap = 0;
	bool first = true;

	need(file && line, "%s: cannot be read", path);
	memset(f, 0, sizeof(*f));
	while (fgets(line, LINE_MAX_LEN, file)) {
		json_t *o = json_loads(line, 0, NULL);

		need(json_is_object(o), "%s: line %zu is no JSON object", path, f->n + 1 + !first);
		if (first) {
			load_first(f, o);
		} else {
			if (f->n == cap) {
				cap = cap ? 2 * cap : 256;
				f->record = realloc(f->record, cap * sizeof(*f->record));
				need(f->record, "no memory");
			}
			f->record[f->n] = (struct record){0};
			load_record(&f->record[f->n++], o);
		}
		first = false;
		json_decref(o);
	}
	need(f->n, "%s: no records", path);
	free(line);
	fclose(file);
}

void fixture_load_vector(struct fixture *f, const char *name)
{
	const char *dir = getenv("TEST_VECTORS");
	char path[PATH_MAX];

	need(dir, "TEST_VECTORS is not set");
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fixture_load(f, path);
}

void fixture_free(struct fixture *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->record[i].data);
	free(f->record);
	memset(f, 0, sizeof(*f));
}

const struct record *fixture_next(const struct fixture *f, const struct record *r, enum record_channel channel,
				  bool sent)
{
	for (r = r ? r + 1 : f->record; r < f->record + f->n; r++)
		if (r->channel == channel && r->sent == sent)
			return r;
	return NULL;
}

unsigned fixture_count(const struct fixture *f, enum record_channel channel, bool sent)
{
	unsigned n = 0;

	for (const struct record *r = NULL; (r = fixture_next(f, r, channel, sent));)
		n++;
	return n;
}

char *fixture_unseal(const struct fixture *f, const void *data, size_t len, bool sent, uint32_t *seq)
{
	struct seal_frame frame;
	uint8_t iv[GCM_IV_LEN];
	struct gcm *g;
	char *out;
	int err;

	if (seal_find(data, len, 1u << 20, &frame) != 1 || SEAL_HEADER_LEN + frame.len != len)
		return NULL;
	g = gcm_create(f->key, GCM_IV_LEN);
	out = calloc(1, frame.len + 1);
	need(g && out, "no memory");
	iv_message(iv, frame.seq, sent ? 'C' : 'H', IV_RTSP);
	err = gcm_open(g, iv, frame.text, frame.len, frame.tag, out);
	gcm_destroy(g);
	if (err) {
		free(out);
		return NULL;
	}
	*seq = frame.seq;
	return out;
}

uint8_t *fixture_seal(const struct fixture *f, uint32_t seq, const void *plain, size_t plain_len, size_t *len)
{
	struct gcm *g = gcm_create(f->key, GCM_IV_LEN);
	uint8_t *out = malloc(SEAL_HEADER_LEN + plain_len);
	uint8_t iv[GCM_IV_LEN];

	need(g && out, "no memory");
	put_be32(out, 0x80000000u | (uint32_t)plain_len);
	put_be32(out + 4, seq);
	iv_message(iv, seq, 'C', IV_RTSP);
	need(!gcm_seal(g, iv, plain, plain_len, out + SEAL_HEADER_LEN, out + 8), "cipher");
	gcm_destroy(g);
	*len = SEAL_HEADER_LEN + plain_len;
	return out;
}

size_t record_message(const struct record *r, uint8_t *out, size_t cap)
{
	need(r->len + 4 <= cap, "a control message of %zu bytes", r->len);
	put_le16(out, r->type);
	put_le16(out + 2, (uint16_t)r->len);
	memcpy(out + 4, r->data, r->len);
	return r->len + 4;
}

size_t fixture_audio_payload(const struct fixture *f, const uint8_t *datagram, size_t len, bool encrypted,
			     uint8_t out[1400])
{
	EVP_CIPHER_CTX *ctx;
	uint8_t iv[AES_BLOCK_LEN] = {0};
	int n = 0, last = 0;

	need(len > 12 && len <= 1400, "an audio datagram of %zu bytes", len);
	if (!encrypted) {
		memcpy(out, datagram + 12, len - 12);
		return len - 12;
	}
	/* Without iv_audio(): a wrong IV that goes both ways shows in nothing but the first block. */
	put_be32(iv, f->rikeyid + be16(datagram + 2));
	ctx = EVP_CIPHER_CTX_new();
	need(ctx && EVP_DecryptInit_ex(ctx, EVP_aes_128_cbc(), NULL, f->key, iv) == 1 &&
		     EVP_DecryptUpdate(ctx, out, &n, datagram + 12, (int)len - 12) == 1 &&
		     EVP_DecryptFinal_ex(ctx, out + n, &last) == 1,
	     "audio packet %u does not open", be16(datagram + 2));
	EVP_CIPHER_CTX_free(ctx);
	return (size_t)(n + last);
}

size_t fixture_video_shard(const struct fixture *f, const uint8_t *datagram, size_t len, bool encrypted,
			   uint8_t out[2080], uint64_t *counter)
{
	struct gcm *g;
	uint8_t iv[GCM_IV_LEN];

	need(len <= 2080 && len > RTP_VIDEO_HEADER + RTP_VIDEO_SEAL, "a video datagram of %zu bytes", len);
	*counter = 0;
	if (!encrypted) {
		memcpy(out, datagram, len);
		return len;
	}
	g = gcm_create(f->key, GCM_IV_LEN);
	need(g, "no memory");
	*counter = le64(datagram + RTP_VIDEO_SEAL_IV);
	iv_video(iv, *counter);
	need(!memcmp(iv, datagram + RTP_VIDEO_SEAL_IV, GCM_IV_LEN), "an IV of another form");
	need(!gcm_open(g, iv, datagram + RTP_VIDEO_SEAL, len - RTP_VIDEO_SEAL, datagram + RTP_VIDEO_SEAL_TAG, out),
	     "video datagram %llx does not open", (unsigned long long)*counter);
	gcm_destroy(g);
	return len - RTP_VIDEO_SEAL;
}
