// SPDX-License-Identifier: GPL-3.0-or-later
/* Frames under the key of tests/vectors/rtspenc.json; and the input itself, sealed by the host,
 * must come back whole. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rtsp/msg.h"
#include "rtsp/seal.h"

#define MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gcm *vector_key(void)
{
	static struct gcm *g;
	uint8_t key[AES_KEY_LEN];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	if (!g)
		g = gcm_create(key, GCM_IV_LEN);
	assert(g);
	return g;
}

static void open_frame(const uint8_t *data, size_t size)
{
	struct seal_frame f;
	struct rtsp_request q;
	uint8_t *plain;

	if (seal_find(data, size, MAX, &f) != 1)
		return;
	assert(f.len && f.len <= MAX && f.text + f.len <= data + size);
	plain = malloc(f.len);
	assert(plain);
	if (seal_open(vector_key(), &f, plain) == 0) {
		rtsp_request_init(&q, MAX);
		(void)rtsp_request_parse(&q, plain, f.len);
	}
	free(plain);
}

static void seal_and_open(const uint8_t *data, size_t size)
{
	uint8_t iv[GCM_IV_LEN];
	struct seal_frame f;
	struct buf b;

	buf_init(&b, MAX + SEAL_HEADER_LEN);
	if (size && seal_write(vector_key(), (uint32_t)size, data, size, &b) == 0) {
		assert(seal_find(b.data, b.len, MAX, &f) == 1);
		assert(f.len == size && f.seq == size);
		iv_message(iv, f.seq, 'H', IV_RTSP);
		assert(gcm_open(vector_key(), iv, f.text, f.len, f.tag, b.data + SEAL_HEADER_LEN) == 0);
		assert(memcmp(b.data + SEAL_HEADER_LEN, data, size) == 0);
	}
	buf_finish(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_frame(data, size);
	seal_and_open(data, size);
	return 0;
}
