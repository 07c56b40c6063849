// SPDX-License-Identifier: GPL-3.0-or-later
/* A request that comes in pieces must mean what it means at once. The first byte is the size of the
 * pieces. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rtsp/msg.h"

#define MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(struct rtsp_text t, const uint8_t *data, size_t size)
{
	if (!t.p)
		return;
	assert((const uint8_t *)t.p >= data && t.len <= size);
	assert((const uint8_t *)t.p + t.len <= data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtsp_request whole, pieces;
	int want, got = 0;
	size_t step;

	if (!size)
		return 0;
	step = data[0] ? data[0] : 1;
	data++;
	size--;
	rtsp_request_init(&whole, MAX);
	want = rtsp_request_parse(&whole, data, size);
	rtsp_request_init(&pieces, MAX);
	for (size_t n = 0; !got; n += step) {
		size_t len = n < size ? n : size;
		uint8_t *copy = malloc(len ? len : 1);

		memcpy(copy, data, len);
		got = rtsp_request_parse(&pieces, copy, len);
		if (got == 1) {
			touch(pieces.method, copy, len);
			touch(pieces.target, copy, len);
			touch(pieces.body, copy, len);
			touch(rtsp_request_session(&pieces), copy, len);
			touch(rtsp_request_header(&pieces, "Host"), copy, len);
		}
		free(copy);
		if (len == size)
			break;
	}
	assert(!got == !want && (got == 1) == (want == 1));
	assert(whole.n_headers <= RTSP_HEADERS_MAX);
	if (want == 1)
		assert(pieces.cseq == whole.cseq && pieces.n_headers == whole.n_headers &&
		       pieces.body.len == whole.body.len);
	return 0;
}
