// SPDX-License-Identifier: GPL-3.0-or-later
/* Datagrams against both forms of the envelope, and back: what was sealed from the input must open to it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t *plain = malloc(size ? size : 1), *sealed = malloc(size + ENVELOPE_OVERHEAD);

	if (!plain || !sealed)
		abort();
	for (int v2 = 0; v2 <= 1; v2++) {
		struct envelope host, client;
		int n;

		if (envelope_init(&host, key, v2, true) || envelope_init(&client, key, v2, false))
			abort();
		n = envelope_open(&host, data, size, plain);
		if (n > 0 && (size_t)n + ENVELOPE_OVERHEAD != size)
			abort();
		if (n > 0 && v2 && envelope_open(&host, data, size, plain) > 0)
			abort(); /* a replay */
		client.next_seq = size * 0x01010101u;
		n = envelope_seal(&client, data, size, sealed);
		if (n > 0 &&
		    (envelope_open(&host, sealed, (size_t)n, plain) != (int)size || memcmp(plain, data, size)) &&
		    !(v2 && client.next_seq - 1 < host.replay.next))
			abort();
		envelope_finish(&host);
		envelope_finish(&client);
	}
	free(plain);
	free(sealed);
	return 0;
}
