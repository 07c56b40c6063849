// SPDX-License-Identifier: GPL-3.0-or-later
/* Datagrams, each after two bytes of length, through the parser and the queue. */
#include <stdlib.h>

#include "base/rd.h"
#include "probe/audio_queue.h"

static volatile uint8_t sink; /* every byte is read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_packet(void *ctx, uint16_t seq, const uint8_t *payload, size_t len, bool rebuilt)
{
	(void)ctx;
	(void)seq;
	(void)rebuilt;
	for (size_t i = 0; i < len; i++)
		sink ^= payload[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct audio_queue *q = calloc(1, sizeof(*q));
	struct rd r = rd_init(data, size);
	uint64_t now = 0;

	if (!q)
		abort();
	audio_queue_init(q, 5, on_packet, NULL);
	while (rd_left(&r) >= 2) {
		size_t n = rd_le16(&r);
		struct audio_hdr h;
		const uint8_t *p = rd_bytes(&r, n < rd_left(&r) ? n : rd_left(&r));

		if (audio_hdr_parse(&h, p, (size_t)(r.p - p)) == 0 &&
		    (h.type == AUDIO_TYPE_DATA || h.type == AUDIO_TYPE_PARITY))
			(void)audio_queue_add(q, &h, now += 5000000);
	}
	free(q);
	return 0;
}
